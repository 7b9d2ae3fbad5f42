//! Resumed sessions, with both ends in memory.

use std::io::Read;

use chaveiro_core::Timestamp;
use chaveiro_core::id::EnrollmentId;
use chaveiro_mdm::{CertificateAuthority, VerifiedRequest};
use chaveiro_testing::TestEntropy;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use super::*;

const NOW: i64 = 1_800_000_000;

/// A clock that stands.
#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.try_into().expect("a time"))))
    }
}

/// The configuration of the device listener at that time, and what makes devices: with a certificate or without one.
fn listener() -> (ServerConfig, impl Fn(bool) -> Arc<ClientConfig>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let directory = tempfile::tempdir().expect("a directory");
    let (now, entropy) = (Timestamp::from_second(NOW).expect("a time"), TestEntropy::default());
    let ca = CertificateAuthority::create(directory.path(), now, &entropy).expect("an authority");
    let issued = ca.issue_server_certificate(&["localhost".to_owned()], now, &entropy).expect("a certificate");
    let shown = Shown::new(&Identity { chain_pem: issued.0, key_pem: issued.1 }).expect("an identity");
    let mut config = ServerConfig::clone(&tls(&shown, Some(ca.root_der())).expect("a configuration"));
    config.time_provider = Arc::new(At(NOW));
    let device = move |has_certificate: bool| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(ca.root_der())).expect("a root");
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match has_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let key = KeyPair::generate().expect("a key");
                let request = CertificateParams::default().serialize_request(&key).expect("a request");
                let request = VerifiedRequest::verify(request.der()).expect("a request");
                let id = EnrollmentId(uuid::Uuid::from_u128(1));
                let issued = ca.issue_device_certificate(&request, id, now, &entropy).expect("a certificate");
                let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
                builder.with_client_auth_cert(vec![CertificateDer::from(issued.der)], key).expect("a pair")
            }
        };
        config.time_provider = Arc::new(At(NOW));
        Arc::new(config)
    };
    (config, device)
}

/// One connection, up to the moment at which the client has its ticket.
fn connect(client: &Arc<ClientConfig>, server: &ServerConfig) -> ServerConnection {
    let name = "localhost".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut server = ServerConnection::new(Arc::new(server.clone())).expect("a server");
    for _ in 0..4 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("written");
        server.read_tls(&mut wire.as_slice()).expect("read");
        server.process_new_packets().expect("a handshake");
        let mut wire = Vec::new();
        server.write_tls(&mut wire).expect("written");
        client.read_tls(&mut wire.as_slice()).expect("read");
        client.process_new_packets().expect("a handshake");
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    assert!(client.reader().read(&mut [0]).is_err(), "nothing but the handshake was said");
    server
}

#[test]
fn sessions_of_any_number_of_devices_resume() {
    let (server, device) = listener();
    let devices: Vec<_> = (0..300).map(|_| device(false)).collect();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        for (number, device) in devices.iter().enumerate() {
            assert_eq!(connect(device, &server).handshake_kind(), Some(kind), "{number}");
        }
    }
}

#[test]
fn a_resumed_session_knows_its_certificate_until_that_expires() {
    let (mut server, device) = listener();
    let device = device(true);
    let first = connect(&device, &server);
    let shown = first.peer_certificates().expect("a certificate").to_vec();
    assert!(!rests_on_an_expired_certificate(&first, &server));
    for (days, expired) in [(0, false), (364, false), (366, true), (-500, true)] {
        server.time_provider = Arc::new(At(NOW + days * 86_400));
        let resumed = connect(&device, &server);
        assert_eq!(resumed.handshake_kind(), Some(HandshakeKind::Resumed), "{days}");
        assert_eq!(resumed.peer_certificates(), Some(shown.as_slice()), "{days}");
        assert_eq!(rests_on_an_expired_certificate(&resumed, &server), expired, "{days}");
    }
}

#[test]
fn a_ticket_of_one_listener_is_worth_nothing_at_another() {
    let ((one, device), (other, _)) = (listener(), listener());
    let device = device(true);
    connect(&device, &one);
    let mut elsewhere = one.clone();
    elsewhere.ticketer = other.ticketer;
    assert_eq!(connect(&device, &elsewhere).handshake_kind(), Some(HandshakeKind::Full));
}
