//! The real binary, as a person or a service manager runs it.

pub mod disk;
pub mod faketime;
pub mod fill;
pub mod machine;
pub mod terminal;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

/// A connection whose bytes the test chooses.
pub type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// The command, in English and without colours or settings of this machine.
pub fn chaveiro() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaveiro"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHAVEIRO_")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs it on that data directory; the output, which must be a success.
pub fn run(data: &Path, arguments: &[&str]) -> String {
    let output = try_run(data, arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out
}

/// The same, as JSON.
pub fn run_json(data: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&run(data, &arguments)).expect("JSON")
}

/// The audit events of an export.
pub fn events_of(export: &str) -> Vec<Value> {
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter_map(|line| Some(serde_json::from_str(line["body"].as_str()?).expect("an event"))).collect()
}

/// An operator's token with every permission.
pub fn full_token(data: &Path) -> String {
    let named = chaveiro_core::permission::PERMISSIONS.iter().flat_map(|row| ["--permission", row.name]);
    let arguments: Vec<_> = ["token", "--minutes", "120"].into_iter().chain(named).collect();
    run(data, &arguments).trim().to_owned()
}

/// Runs it on that data directory, whether it is a success or not. A server that should have refused to start is ended
/// after two minutes, with a status of its own.
pub fn try_run(data: &Path, arguments: &[&str]) -> Output {
    const LIMIT_S: &str = "120";
    let command = chaveiro();
    let mut limited = Command::new("timeout");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.arg(LIMIT_S).arg(command.get_program()).args(arguments).arg("--data").arg(data);
    limited.stdin(Stdio::null()).output().expect("it runs")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file under a directory, with its bytes.
pub fn read_all(directory: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, places);
        } else {
            places.push((path.display().to_string(), std::fs::read(&path).expect("bytes")));
        }
    }
}

/// The names and lengths of all files under a directory.
pub fn tree(directory: &Path) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    read_all(directory, &mut places);
    let mut tree: Vec<_> = places.into_iter().map(|(name, bytes)| (name, bytes.len())).collect();
    tree.sort();
    tree
}

/// Flags of a server without limits, for measurements that are about something else.
pub const WITHOUT_LIMITS: &[&str] = &[
    "--limit-writes-by-application=0",
    "--limit-writes-by-tenant=0",
    "--limit-requests-by-application=0",
    "--limit-requests-by-tenant=0",
    "--limit-requests-by-application-everywhere=0",
    "--limit-recoveries-by-caller=0",
];

/// Returns whether a benchmark measures. By `cargo test` it runs one small round, which shows that it still works.
pub fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A server in a process of its own; killed when dropped.
pub struct Server {
    child: Child,
    pub data: PathBuf,
    /// The certificate that clients and devices trust.
    root: PathBuf,
    pub graph_url: String,
    pub device_url: String,
}

impl Server {
    pub fn start(data: &Path, graph_listen: &str, device_listen: &str) -> Self {
        Self::start_with(data, graph_listen, device_listen, &[])
    }

    /// The same, with more flags.
    pub fn start_with(data: &Path, graph_listen: &str, device_listen: &str, flags: &[&str]) -> Self {
        let flags = [&["--log", "error"], flags].concat();
        Self::spawn(data, graph_listen, device_listen, Stdio::inherit(), &flags)
    }

    /// A server that may open so many files once it has raised its soft limit, and that logs into `log` of the data
    /// directory.
    pub fn start_limited(data: &Path, files: u64, flags: &[&str]) -> Self {
        let log = std::fs::File::create(data.join("log")).expect("a log");
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={}:{files}", files / 4)).arg(chaveiro().get_program());
        Self::spawn_as(command, data, "127.0.0.1:0", "127.0.0.1:0", log.into(), flags)
    }

    /// One that says everything it has to say into that file.
    pub fn start_logging(data: &Path, log: std::fs::File) -> Self {
        Self::spawn(data, "127.0.0.1:0", "127.0.0.1:0", log.into(), &["--log", "trace"])
    }

    /// One whose disk the test commands.
    pub fn start_on(disk: &disk::Disk, data: &Path) -> Self {
        let command = disk.under(chaveiro());
        Self::spawn_as(command, data, "127.0.0.1:0", "127.0.0.1:0", Stdio::inherit(), &["--log", "off"])
    }

    fn spawn(data: &Path, graph_listen: &str, device_listen: &str, log: Stdio, flags: &[&str]) -> Self {
        Self::spawn_as(chaveiro(), data, graph_listen, device_listen, log, flags)
    }

    /// A server whose command was prepared by the test, for instance with another clock.
    pub fn start_by(command: Command, data: &Path, flags: &[&str]) -> Self {
        Self::spawn_as(command, data, "127.0.0.1:0", "127.0.0.1:0", Stdio::inherit(), flags)
    }

    fn spawn_as(
        mut command: Command,
        data: &Path,
        graph_listen: &str,
        device_listen: &str,
        log: Stdio,
        flags: &[&str],
    ) -> Self {
        let mut child = command
            .args(["serve", "--json", "--graph-listen", graph_listen, "--device-listen", device_listen])
            .args(flags)
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        let url = |name: &str| said[name].as_str().expect("a url").to_owned();
        let (graph_url, device_url) = (url("graphUrl"), url("deviceUrl"));
        Self { child, data: data.to_owned(), root: data.join("keys/ca/root.pem"), graph_url, device_url }
    }

    /// The same, whose certificate another authority issued.
    pub fn trusted_by(mut self, root: &Path) -> Self {
        root.clone_into(&mut self.root);
        self
    }

    /// SIGKILL, then the same again on the same addresses.
    pub fn kill_and_restart(mut self) -> Self {
        self.kill();
        let (graph, device) = (address(&self.graph_url), address(&self.device_url));
        let data = self.data.clone();
        drop(self);
        Self::start(&data, &graph, &device)
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Where the device listener really is, whatever address devices are told.
    pub fn device_listen(&self) -> String {
        let inodes: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .expect("its descriptors")
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
        let graph = self.graph_url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0_u16);
        let mut ports = table.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]);
            listens.then(|| u16::from_str_radix(fields[1].rsplit(':').next()?, 16).ok()).flatten()
        });
        format!("127.0.0.1:{}", ports.find(|port| *port != graph).expect("the device listener"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, as a service manager sends it.
    pub fn tell_to_stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
    }

    /// A connection to the Graph listener, for a test that decides byte by byte when a request is sent.
    pub fn connect(&self) -> Tls {
        self.connect_to(&self.graph_url, &self.tls(None))
    }

    /// The same to the listener at that address. Connections of one configuration resume their session.
    pub fn connect_to(&self, url: &str, tls: &Arc<rustls::ClientConfig>) -> Tls {
        let address: SocketAddr = address(url).parse().expect("an address");
        let connection = rustls::ClientConnection::new(Arc::clone(tls), address.ip().into()).expect("a connection");
        rustls::StreamOwned::new(connection, TcpStream::connect(address).expect("connected"))
    }

    /// The TLS of a client that trusts this server and has that certificate and key, both PEM.
    pub fn tls(&self, identity: Option<&str>) -> Arc<rustls::ClientConfig> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root_pem().as_bytes()).expect("the root");
        roots.add(root).expect("a root");
        let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let certificate = CertificateDer::from_pem_slice(identity.as_bytes()).expect("a certificate");
                let key = PrivateKeyDer::from_pem_slice(identity.as_bytes()).expect("a key");
                builder.with_client_auth_cert(vec![certificate], key).expect("a pair")
            }
        })
    }

    /// Waits for the end; its exit code, `None` when a signal ended it.
    pub fn exit_code(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// Waits for the end; whether it was a success.
    pub fn wait(mut self) -> bool {
        self.child.wait().expect("it ends").success()
    }

    pub fn root_pem(&self) -> String {
        std::fs::read_to_string(&self.root).expect("the root")
    }

    /// A Graph client with an operator's token.
    pub fn client(&self) -> reqwest::Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        self.client_with(&full_token(&self.data))
    }

    /// A Graph client with that token.
    pub fn client_with(&self, token: &str) -> reqwest::Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("Authorization", format!("Bearer {}", token.trim()).parse().expect("a header"));
        let root = reqwest::Certificate::from_pem(self.root_pem().as_bytes()).expect("the root");
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]).default_headers(headers);
        builder.pool_max_idle_per_host(0).timeout(Duration::from_secs(20)).build().expect("a client")
    }

    /// An enrolled device after its first session, and its connection.
    pub async fn device(&self, number: u64) -> (WindowsDevice, Https) {
        self.device_by(number, &[]).await
    }

    /// The same, enrolled with a token that was made with those flags.
    pub async fn device_by(&self, number: u64, flags: &[&str]) -> (WindowsDevice, Https) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let token = run_json(&self.data, &[&["device", "enroll-token"], flags].concat());
        let token = token["token"].as_str().expect("a token").to_owned();
        let plain = Https::new(&self.root_pem(), None).expect("a transport");
        let hardware = Hardware::laptop(number);
        let account = enroll(&plain, &hardware, &self.device_url, "ana@example.org", &token).await.expect("enrolled");
        let transport = Https::new(&self.root_pem(), Some(&account.identity)).expect("a transport");
        let mut next = number * 1_000_000_000;
        let make_pin = move || {
            next += 1;
            format!("PLANTED{next}")
        };
        let mut device = WindowsDevice::new(hardware, account, Box::new(make_pin));
        device.sync(&transport).await.expect("the first session");
        (device, transport)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The address behind the name under which a server on this machine is known.
pub fn address(url: &str) -> String {
    url.trim_start_matches("https://").replace("localhost", "127.0.0.1")
}

/// Takes one post and answers 200; its JSON.
pub fn taken_once(listener: &std::net::TcpListener) -> Value {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).expect("a line") > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect("answered");
    serde_json::from_slice(&body).expect("JSON")
}

/// A data directory with one tenant.
pub fn initialised() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    run(&data, &["init"]);
    (directory, data)
}

pub async fn get(client: &reqwest::Client, url: &str) -> Value {
    let response = client.get(url).send().await.expect("an answer");
    let status = response.status();
    let bytes = response.bytes().await.expect("a body");
    assert!(status.is_success(), "{url}: {status} {}", text(&bytes));
    serde_json::from_slice(&bytes).expect("JSON")
}
