//! A server that is not reached: each cause in its own words, in both languages, with what to do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;

use crate::support::{Server, chaveiro, initialised, text};

/// The error of `login` for that address, as JSON and in Portuguese.
fn login(home: &Path, server: &str, root: Option<&Path>, environment: &[(&str, &str)]) -> (Value, String) {
    let command = |more: &[&str]| -> Command {
        let mut command = chaveiro();
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
        command
            .env("TZ", "UTC")
            .env("XDG_CONFIG_HOME", home)
            .envs(environment.iter().copied())
            .args(["login", "--server", server]);
        if let Some(root) = root {
            command.arg("--ca").arg(root);
        }
        command.args(more);
        command
    };
    let machines = command(&["--json"]).output().expect("it runs");
    let people = command(&["--lang", "pt"]).output().expect("it runs");
    (serde_json::from_slice(&machines.stderr).expect("JSON"), text(&people.stderr))
}

/// An authority, and a server certificate of it for one name with one span of years; answers nothing.
struct Fake {
    address: String,
    root: String,
}

impl Fake {
    fn start(name: &str, years: (i32, i32)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &authority).expect("signed");
        let root = authority.pem();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).expect("a configuration"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("https://127.0.0.1:{}", listener.local_addr().expect("an address").port());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut tls = rustls::Stream::new(&mut connection, &mut stream);
                let _ = tls.read(&mut [0; 4096]);
                let _ =
                    tls.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
            }
        });
        Self { address, root }
    }
}

#[test]
fn a_server_that_hangs_up_and_one_that_says_nothing_are_told_in_both_languages() {
    let directory = tempfile::tempdir().expect("a directory");
    let listener = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = |of: &TcpListener| format!("https://{}", of.local_addr().expect("an address"));
    let (closing, silent) = (listener(), listener());
    let (closes, says_nothing) = (address(&closing), address(&silent));
    std::thread::spawn(move || closing.incoming().for_each(drop));
    let kept = std::thread::spawn(move || silent.incoming().take(2).collect::<Vec<_>>());
    let home = directory.path();
    std::thread::scope(|threads| {
        for (server, code, portuguese) in [
            (&closes, "server-hung-up", "encerrou a conexão logo"),
            (&says_nothing, "server-silent", "não aceitou a conexão em 10 segundos"),
        ] {
            threads.spawn(move || {
                let (told, words) = login(home, server, None, &[]);
                assert_eq!(told["code"], code, "{told}");
                assert!(words.contains(portuguese) && words.contains("\ndica: "), "{code}: {words}");
                assert!(!words.contains("os error"), "{code}: {words}");
            });
        }
    });
    assert_eq!(kept.join().expect("kept").len(), 2);
}

#[test]
fn causes_are_told_apart_in_both_languages_without_the_words_of_libraries() {
    let (directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let home = directory.path();
    let file = |name: &str, text: &str| {
        let file = home.join(name);
        std::fs::write(&file, text).expect("written");
        file
    };
    let root = data.join("keys/ca/root.pem");
    let (over, other) = (Fake::start("127.0.0.1", (2001, 2002)), Fake::start("chaveiro.example", (2001, 2090)));
    let (early, foreign) = (Fake::start("127.0.0.1", (2089, 2090)), Fake::start("127.0.0.1", (2001, 2090)));
    let roots = [("over", &over), ("other", &other), ("early", &early), ("foreign", &foreign)];
    let [of_over, of_other, of_early, of_foreign] = roots.map(|(name, fake)| file(name, &fake.root));
    let garbage = file("garbage", "not a certificate");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let closed = format!("https://{closed}");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    let without_tls = format!("https://{}", plain.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (good, devices) = (server.graph_url.as_str(), server.device_url.as_str());
    let named = good.replace("localhost", "no-such-host.invalid");

    for (place, root, environment, code, portuguese) in [
        (named.as_str(), Some(&root), &[][..], "server-unknown-host", "não existe a máquina no-such-host.invalid"),
        (&closed, Some(&root), &[], "server-refused", "a conexão foi recusada"),
        (good, None, &[], "server-root-needed", "esta máquina não confia"),
        (good, Some(&of_foreign), &[], "server-root-other", "não foi assinado pelo certificado raiz"),
        (good, Some(&garbage), &[], "root-malformed", "malformado"),
        (&other.address, Some(&of_other), &[], "server-other-name", "é para chaveiro.example, e não para 127.0.0.1"),
        (&over.address, Some(&of_over), &[], "server-certificate-over", "venceu em 01/01/2002"),
        (&early.address, Some(&of_early), &[], "server-certificate-early", "começa em 01/01/2089"),
        (&without_tls, Some(&root), &[], "server-without-tls", "não fala TLS"),
        (devices, Some(&root), &[], "server-is-for-devices", "é o endereço para dispositivos"),
        (&foreign.address, Some(&of_foreign), &[], "server-foreign", "não responde como um Chaveiro (HTTP 502)"),
        (
            good,
            None,
            &[("HTTPS_PROXY", "http://ana:secret@127.0.0.1:9")],
            "server-behind-proxy",
            "pelo proxy 127.0.0.1:9",
        ),
    ] {
        let (told, words) = login(home, place, root.map(std::path::PathBuf::as_path), environment);
        assert_eq!(told["code"], code, "{place}: {told}");
        assert!(words.contains(portuguese) && words.contains("\ndica: "), "{code}: {words}");
        for noise in ["error sending", "client error", "os error", "secret", "InvalidCertificate"] {
            assert!(!words.contains(noise), "{code}: {words}");
        }
        let reached = ["root-malformed", "server-is-for-devices", "server-foreign"].contains(&code);
        assert!(reached || told["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{told}");
    }
}
