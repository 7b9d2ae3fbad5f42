//! A fresh installation with devices in it, its server, and the clients that know it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaveiro_core::device::Platform;
use chaveiro_core::id::{EnrollmentId, TenantId};
use chaveiro_core::ports::Clock;
use chaveiro_fleet::enroll::{Account, certificate_request};
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_mdm::{CertificateAuthority, VerifiedRequest};
use chaveiro_server::{SystemClock, SystemEntropy};
use hyper::StatusCode;
use rcgen::KeyPair;
use rusqlite::{Connection, OpenFlags};
use rustix::process::{Resource, getrlimit};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::line::{Dialer, Line, Wire};
use crate::support::fill::{device_id, fill_as, id};
use crate::support::{Server, WITHOUT_LIMITS, full_token, initialised, run, run_json};

pub const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// A data directory with one tenant, in which nothing holds back recoveries and reading.
pub struct Site {
    pub data: PathBuf,
    pub tenant: TenantId,
    _directory: TempDir,
}

/// The certificate and the key of an enrolled device, both PEM, and its own name.
#[derive(Clone)]
pub struct Enrolled {
    pub number: usize,
    pub identity: Arc<str>,
    reported_id: String,
}

/// Lets the tenant of that directory recover and read without end.
pub fn hold_nothing_back(data: &Path) {
    let limits = ["--hold-recoveries", "--reading-limit", "--reading-caller-limit", "--reading-percent"];
    let none: Vec<_> = limits.into_iter().flat_map(|limit| [limit, "0"]).collect();
    run(data, &[&["tenant", "set"], &none[..]].concat());
}

impl Site {
    pub fn new() -> Self {
        let (directory, data) = initialised();
        hold_nothing_back(&data);
        let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("a tenant").parse().expect("an id");
        Self { data, tenant: TenantId(tenant), _directory: directory }
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("chaveiro.db")
    }

    /// Adds devices that send nothing. All are Windows devices, so that each can be recovered.
    pub async fn fill(&self, numbers: Range<usize>) {
        fill_as(&self.data, self.tenant, numbers, |_, device, _| device.platform = Platform::Windows).await;
    }

    /// Adds devices that have a certificate of this installation.
    pub async fn enrol(&self, numbers: Range<usize>) -> Vec<Enrolled> {
        let now = SystemClock::default().now();
        let authority = CertificateAuthority::open(&self.data.join("keys/ca"), now, &SystemEntropy).expect("a CA");
        let issue = |number: usize| {
            let (key, hardware) = (KeyPair::generate().expect("a key"), Hardware::laptop(number as u64));
            let request = certificate_request(&key, &hardware).expect("a request");
            let request = VerifiedRequest::verify(&request).expect("a proven key");
            let enrollment = EnrollmentId(id(3, number));
            let issued = authority.issue_device_certificate(&request, enrollment, now, &SystemEntropy);
            let issued = issued.expect("a certificate");
            let identity = format!("{}{}", pem("CERTIFICATE", &issued.der), key.serialize_pem());
            (Enrolled { number, identity: identity.into(), reported_id: hardware.oma_device_id }, issued.sha256)
        };
        let (enrolled, hashes): (Vec<_>, Vec<_>) = numbers.clone().map(issue).unzip();
        let (first, reported) = (numbers.start, enrolled.clone());
        fill_as(&self.data, self.tenant, numbers, move |number, device, enrollment| {
            device.platform = Platform::Windows;
            enrollment.certificate_sha256 = hashes[number - first];
            enrollment.reported_id.clone_from(&reported[number - first].reported_id);
            enrollment.needs_certificate = true;
        })
        .await;
        enrolled
    }

    /// Starts the server without limits on callers. It logs errors alone.
    pub fn serve(&self) -> Served {
        self.serve_with("error", &[])
    }

    /// The same with that filter of the log, which goes to a file, and with more flags.
    pub fn serve_with(&self, log: &str, flags: &[&str]) -> Served {
        let flags = [WITHOUT_LIMITS, &["--log", log, "--limit-connections-by-address", "0"], flags].concat();
        let server = Server::start_limited(&self.data, open_files(), &flags);
        let root = CertificateDer::from_pem_slice(server.root_pem().as_bytes()).expect("a root");
        let token = format!("Bearer {}", full_token(&self.data));
        Served { token: token.into(), root, server, data: self.data.clone() }
    }
}

/// The files that a measured server may have open.
pub fn open_files() -> u64 {
    const MOST: u64 = 65_536;
    getrlimit(Resource::Nofile).maximum.unwrap_or(MOST).min(MOST)
}

pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A running server, and what its clients know.
pub struct Served {
    pub server: Server,
    pub token: Arc<str>,
    pub root: CertificateDer<'static>,
    data: PathBuf,
}

impl Served {
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// A caller of Graph.
    pub async fn caller(&self) -> Caller {
        let line = Dialer::new(&self.server.graph_url, &self.root, None, true).dial().await;
        Caller { line, token: Arc::clone(&self.token) }
    }

    pub async fn callers(&self, count: usize) -> Vec<Caller> {
        let mut callers = Vec::with_capacity(count);
        for _ in 0..count {
            callers.push(self.caller().await);
        }
        callers
    }

    /// A connection of a device. With `resumes`, its later handshakes are short.
    pub fn wire(&self, enrolled: &Enrolled, resumes: bool) -> Wire {
        Wire::new(Dialer::new(&self.server.device_url, &self.root, Some(&enrolled.identity), resumes))
    }

    /// A Windows device.
    pub fn handset(&self, enrolled: &Enrolled, resumes: bool) -> Handset {
        let address = format!("{}/ManagementServer/MDM.svc", self.server.device_url);
        let account = Account {
            enrollment_id: EnrollmentId(id(3, enrolled.number)).to_string(),
            identity: Zeroizing::new(enrolled.identity.to_string()),
            root_pem: String::new(),
            management: omadm::session::device::Account::new(&address, &enrolled.reported_id),
        };
        let mut made = enrolled.number as u64 * 1_000_000;
        let make_pin = move || {
            made += 1;
            format!("{made:012}")
        };
        let device = WindowsDevice::new(Hardware::laptop(enrolled.number as u64), account, Box::new(make_pin));
        Handset {
            device,
            wire: self.wire(enrolled, resumes),
            id: device_id(enrolled.number).to_string(),
            written: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// The number of commits that have changed something, by the count that the database keeps.
    pub fn commits(&self) -> f64 {
        let file = self.data.join("chaveiro.db");
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
        connection.query_row("SELECT commits FROM mark", [], |row| row.get::<_, i64>(0)).expect("a count") as f64
    }
}

/// A caller of Graph on a kept connection.
pub struct Caller {
    pub line: Line,
    token: Arc<str>,
}

impl Caller {
    /// Asks for a path below `managedDevices`. Returns the status and the body.
    pub async fn ask(&mut self, method: &str, path: &str) -> (StatusCode, bytes::Bytes) {
        let token = Arc::clone(&self.token);
        self.line.ask(method, &format!("{DEVICES}{path}"), &[("Authorization", &token)], "").await
    }

    /// Asks for a recovery, which must be accepted.
    pub async fn recover(&mut self, device: &str) {
        let (status, body) = self.ask("POST", &format!("/{device}/recoverPasscode")).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{}", String::from_utf8_lossy(&body));
    }

    /// Reads, and returns the JSON.
    pub async fn read(&mut self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// A Windows device and its connection.
pub struct Handset {
    pub device: WindowsDevice,
    pub wire: Wire,
    pub id: String,
    /// First messages of sessions that are not sent yet.
    written: Vec<Request>,
    answers: Vec<Response>,
}

/// Keeps what a device would send.
#[derive(Default)]
struct Kept(Mutex<Vec<Request>>);

impl Transport for Kept {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.0.lock().await.push(request);
        Err(TransportError::Failed("it is sent later".to_owned()))
    }
}

impl Handset {
    /// Writes the first messages of so many sessions: what the device computes is not measured.
    pub async fn write(&mut self, sessions: usize) {
        let kept = Kept::default();
        for _ in 0..sessions {
            self.device.sync(&kept).await.expect_err("kept");
        }
        self.written = kept.0.into_inner();
    }

    /// Sends one of these messages.
    pub async fn check_in(&mut self) {
        let message = self.written.pop().expect("a message");
        self.answers.push(self.wire.send(message).await.expect("an answer"));
    }

    /// Fails unless each answer ended its session and asked for nothing.
    pub fn check_answers(&mut self) {
        for answer in self.answers.drain(..) {
            let body = String::from_utf8_lossy(&answer.body);
            let asks = ["<Get>", "<Exec>", "<Replace>", "<Add>", "<Delete>"].iter().any(|verb| body.contains(verb));
            assert!(answer.status == 200 && body.contains("<Status>") && body.contains("<Final") && !asks, "{body}");
        }
    }

    /// Holds one session. Returns the number of messages.
    pub async fn session(&mut self) -> usize {
        self.device.sync(&self.wire).await.expect("a session").messages
    }

    /// One whole recovery: asked for, answered by the device, and read. Returns the messages of the session.
    pub async fn recovery(&mut self, caller: &mut Caller) -> usize {
        caller.recover(&self.id).await;
        let messages = self.session().await;
        let read = caller.read(&format!("/{}?$select=id,deviceActionResults", self.id)).await;
        assert_eq!(read["deviceActionResults"][0]["passcode"], self.device.pin(), "{read}");
        messages
    }
}
