//! Enrolling by the fingerprint of the root: the one line that `enroll-token` prints, and servers that are not the one.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use chaveiro_core::digest::sha256_hex;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::support::machine::{AGENT, Machine};
use crate::support::{Server, initialised, run, run_json, text};

fn fingerprint(certificate: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(certificate))
}

fn root_of(server: &Server) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(server.root_pem().as_bytes()).expect("the root")
}

/// Runs a line as a shell does, with the agent of this build, on that machine.
fn shell(machine: &Machine, line: &str) -> std::process::Output {
    let (root, state) = (machine.root().display().to_string(), machine.state().display().to_string());
    let agent = format!("'{}' --root '{root}' --state '{state}'", AGENT.display());
    let line = line.replace("sudo chaveiro-agent", &agent);
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env("LC_ALL", "C.UTF-8").env_remove("CHAVEIRO_LANG").stdin(Stdio::null());
    command.output().expect("it runs")
}

#[tokio::test]
async fn the_printed_line_enrols_a_machine_that_has_no_file_of_the_server() {
    let (_directory, data) = initialised();
    let before = run(&data, &["device", "enroll-token"]);
    let file = data.join("chaveiro.toml");
    std::fs::write(&file, "device-listen = \"127.0.0.1:0\"\n").expect("written");
    let unknown = run(&data, &["device", "enroll-token"]);
    assert!(unknown.contains("enroll https://SERVER") && unknown.contains("in the place of SERVER"), "{unknown}");
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let printed = run(&data, &["device", "enroll-token"]);
    let lines: Vec<&str> = printed.lines().filter(|line| line.contains("chaveiro-agent")).collect();
    let [line] = lines[..] else { panic!("one line: {printed}") };
    let expected = fingerprint(&root_of(&server));
    assert!(line.contains(&expected) && before.contains(&expected), "also before the server runs: {before}");
    assert!(before.contains("https://localhost:8444"), "the address of the configuration: {before}");

    assert!(!line.contains("echo"), "no history of a shell keeps the token: {line}");
    let token = printed.lines().find_map(|line| line.strip_prefix("Enrolment token")?.rsplit(": ").next());
    let machine = Machine::new();
    let enrolled = shell(&machine, &format!("echo {} | {} --token-file -", token.expect("a token"), line.trim()));
    assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
    machine.run(&["sync"]);
    let kept = std::fs::read_to_string(machine.state().join("enrolment.json")).expect("kept");
    let root = root_of(&server);
    let kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    let kept = CertificateDer::from_pem_slice(kept["rootPem"].as_str().expect("a root").as_bytes()).expect("PEM");
    assert_eq!(kept, root, "the root that the server showed is the only one from now on");

    // The fingerprint is that of the root certificate as other programs tell it.
    let file = data.join("keys/ca/root.pem");
    let arguments = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
    let told = Command::new("openssl").args(arguments).arg(file).output().expect("openssl runs");
    let digits = text(&told.stdout).rsplit('=').next().expect("digits").trim().replace(':', "").to_lowercase();
    assert_eq!(expected, format!("sha256:{digits}"));
}

#[test]
fn a_server_with_a_certificate_of_its_own_is_trusted_by_the_roots_of_the_system() {
    let (directory, data) = initialised();
    let (chain, key) = authority("Public root", None).issue(&["localhost"]);
    let (certificate, key_file) = (directory.path().join("chain.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, pem(&chain)).expect("written");
    std::fs::write(&key_file, key.serialize_pem()).expect("written");
    let flags = ["--tls-certificate", path(&certificate), "--tls-key", path(&key_file)];
    let _server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &flags);
    let made = run_json(&data, &["device", "enroll-token"]);
    assert_eq!(made["rootFingerprint"], serde_json::Value::Null);
    assert!(!made["linux"].as_str().expect("a line").contains("--root-fingerprint"), "{made}");
}

/// A server that is not the one of the fingerprint.
struct Impostor {
    address: SocketAddr,
    /// The bytes that clients sent after a handshake.
    received: Arc<Mutex<Vec<u8>>>,
}

impl Impostor {
    fn start(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into());
        let config = Arc::new(config.expect("a configuration"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, received) = (listener.local_addr().expect("an address"), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut stream = rustls::StreamOwned::new(connection, stream.expect("a stream"));
                let mut bytes = [0; 4096];
                if let Ok(read) = stream.read(&mut bytes) {
                    log.lock().expect("the log").extend_from_slice(&bytes[..read]);
                }
            }
        });
        Self { address, received }
    }

    fn received(&self) -> String {
        text(&self.received.lock().expect("the log"))
    }
}

/// An authority with its certificate, and those above it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    chain: Vec<CertificateDer<'static>>,
}

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().expect("a key");
    let certificate = match above {
        None => parameters.self_signed(&key),
        Some(above) => parameters.signed_by(&key, &above.issuer),
    };
    let mut chain = vec![certificate.expect("a certificate").der().clone()];
    chain.extend(above.map(|above| above.chain.clone()).unwrap_or_default());
    Authority { issuer: Issuer::new(parameters, key), chain }
}

impl Authority {
    /// The chain of a server with those names, and its key.
    fn issue(&self, names: &[&str]) -> (Vec<CertificateDer<'static>>, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let leaf = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = [vec![leaf.der().clone()], self.chain.clone()].concat();
        (chain, key)
    }
}

fn pem(chain: &[CertificateDer<'_>]) -> String {
    use base64::Engine;
    let encode = |der: &CertificateDer<'_>| base64::engine::general_purpose::STANDARD.encode(der);
    let one = |der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", encode(der));
    chain.iter().map(one).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn a_server_that_cannot_show_the_root_of_the_fingerprint_gets_no_token_and_no_request() {
    let root = authority("The root", None);
    let (below, other) = (authority("Below it", Some(&root)), authority("The root", None));
    let pin = fingerprint(&root.chain[0]);
    let (of_leaf, of_leaf_key) = root.issue(&["localhost"]);
    let appended = |(chain, key): (Vec<_>, KeyPair)| ([chain, root.chain.clone()].concat(), key);
    let known = |words: &str, pin: String, (chain, key), reaches: bool| (words.to_owned(), pin, chain, key, reaches);
    let leaf_pin = fingerprint(&of_leaf[0]);
    let table = [
        known("the right one", pin.clone(), root.issue(&["localhost"]), true),
        known("below an intermediate", pin.clone(), below.issue(&["localhost"]), true),
        known("the intermediate itself", fingerprint(&below.chain[0]), below.issue(&["localhost"]), true),
        known("another root of the same name", pin.clone(), other.issue(&["localhost"]), false),
        known("another root, with the right one behind it", pin.clone(), appended(other.issue(&["localhost"])), false),
        known("a certificate for another name", pin.clone(), root.issue(&["mdm.example"]), false),
        known("the certificate of the server itself", leaf_pin, (of_leaf, of_leaf_key), false),
        known("a wrong fingerprint", fingerprint(b"another"), root.issue(&["localhost"]), false),
    ];
    for (words, pin, chain, key, reaches) in table {
        let impostor = Impostor::start(chain, &key);
        let machine = Machine::new();
        let url = format!("https://localhost:{}", impostor.address.port());
        let arguments = ["enroll", &url, "--token", "cht-SECRET", "--root-fingerprint", &pin];
        let refused = machine.try_run(&arguments);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && !said.contains("SECRET"), "{words}: {said}");
        let received = impostor.received();
        assert!(!received.contains("SECRET"), "{words}: {received}");
        assert_eq!(
            received.starts_with("GET /EnrollmentServer/Discovery.svc"),
            reaches,
            "{words}: {received:?}\n{said}"
        );
        assert_eq!(
            said.contains("--root-fingerprint"),
            !reaches && words != "a certificate for another name",
            "{words}: {said}"
        );
        assert!(!machine.state().join("enrolment.json").exists(), "{words}");
    }
}

#[test]
fn a_fingerprint_has_one_form() {
    let machine = Machine::new();
    let digits = "0123456789abcdef".repeat(4);
    for wrong in [
        &digits,
        &format!("sha256:{}", &digits[1..]),
        &format!("sha256:{digits}0"),
        &format!("SHA256:{digits}"),
        &format!("sha256:{}g", &digits[1..]),
        &String::new(),
    ] {
        let refused = machine.try_run(&["enroll", "https://localhost:1", "--token", "x", "--root-fingerprint", wrong]);
        let said = text(&refused.stderr);
        assert!(
            refused.status.code() == Some(2) && said.contains("sha256: and 64 hexadecimal digits"),
            "{wrong}: {said}"
        );
    }
    let both = ["--root-fingerprint", &format!("sha256:{digits}"), "--root-certificate", "root.pem"];
    let refused = machine.try_run(&[&["enroll", "https://localhost:1", "--token", "x"][..], &both].concat());
    assert_eq!(refused.status.code(), Some(2));
}

#[tokio::test]
async fn a_server_whose_certificate_changed_is_known_by_its_root_and_one_whose_root_changed_is_not() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let line = run_json(&data, &["device", "enroll-token"])["linux"].as_str().expect("a line").to_owned();
    let address = crate::support::address(&server.device_url);
    server.kill();
    drop(server);
    // The server's certificate is issued anew at each start; the root stays.
    let server = Server::start(&data, "127.0.0.1:0", &address);
    let machine = Machine::new();
    let enrolled = shell(&machine, &line);
    assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
    drop(server);

    let (_other, another) = initialised();
    let _server = Server::start(&another, "127.0.0.1:0", &address);
    let refused = shell(&Machine::new(), &line);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("the token was not sent"), "{said}");
    assert!(!machine.try_run(&["sync"]).status.success(), "nor is it trusted by a machine that knows the root");
}
