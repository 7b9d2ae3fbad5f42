//! Goal 9: a loop of NanoMDM on PostgreSQL (a command is asked for, fetched by the device, answered), by processor time,
//! beside a whole recovery here. It runs where Go and PostgreSQL are installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::goals::recoveries::kept;
use crate::harness::line::Line;
use crate::harness::process::Cpu;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Enrolled, Site};
use crate::harness::{Plan, together};

const VERSION: &str = "v0.9.0";
const AT_ONCE: usize = 16;
/// The loops of one device in a round.
const EACH: usize = 3;

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let Some(programs) = Programs::find() else {
        println!("goal 9 is left out: it needs Go and PostgreSQL");
        return Vec::new();
    };
    let devices = plan.of(AT_ONCE, 192, 960) / AT_ONCE * AT_ONCE;
    let site = Site::new();
    let mut enrolled = site.enrol(0..2 * devices * plan.rounds).await;
    let peer = Peer::start(&programs, &site);
    let served = site.serve();
    let (mut nano, mut postgres, mut both, mut ours) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let each = |seconds: f64| seconds * 1e6 / (devices * EACH) as f64;
    for _ in 0..plan.rounds {
        let mut lines = Vec::new();
        for device in enrolled.split_off(enrolled.len() - devices) {
            lines.push(Apple::enrol(&peer, &device).await);
        }
        let begun = (Cpu::of(peer.nanomdm.id()).total(), peer.postgres_cpu());
        let mut groups: Vec<Vec<Apple>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
        lines.into_iter().enumerate().for_each(|(at, apple)| groups[at % AT_ONCE].push(apple));
        let callers = groups.into_iter().map(|mut group| {
            let address = peer.address.clone();
            async move {
                let mut caller = Line::plain(&address).await;
                for number in 0..EACH {
                    for apple in &mut group {
                        apple.one(&mut caller, number).await;
                    }
                }
            }
        });
        together(callers).await;
        nano.push(each(Cpu::of(peer.nanomdm.id()).total() - begun.0));
        postgres.push(each(peer.postgres_cpu() - begun.1));
        both.push(nano[nano.len() - 1] + postgres[postgres.len() - 1]);
        let fresh = enrolled.split_off(enrolled.len() - devices);
        ours.push(each(kept(&served, &fresh, AT_ONCE, devices * EACH).await));
    }
    let mut table = Table::new(9, "Beside NanoMDM on PostgreSQL, processor time of a loop");
    table.note(format!(
        "NanoMDM {VERSION}: a command is asked for, fetched and answered, over plain HTTP, {AT_ONCE} at a time."
    ));
    table.note("Ours is a whole recovery over TLS, with sealing, reading and an audit record.");
    table.row(Row::new("NanoMDM and PostgreSQL", "µs each", both));
    table.row(Row::new("a whole recovery", "µs each", ours).over("NanoMDM and PostgreSQL"));
    table.row(Row::new("of the peer: NanoMDM", "µs each", nano));
    table.row(Row::new("of the peer: PostgreSQL", "µs each", postgres));
    vec![table]
}

/// The programs of the peer.
struct Programs {
    nanomdm: PathBuf,
    schema: PathBuf,
    postgres: PathBuf,
}

impl Programs {
    /// Builds the peer from the Go module proxy, once.
    fn find() -> Option<Self> {
        let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().collect();
        versions.sort_by_key(|version| version.file_name());
        let postgres = versions.pop()?.path().join("bin");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nanomdm-{VERSION}"));
        let module = format!("github.com/micromdm/nanomdm@{VERSION}");
        let go = |arguments: &[&str]| Command::new("go").args(arguments).env("GOBIN", &place).output();
        if !place.join("nanomdm").exists() {
            let built = go(&["install", &format!("github.com/micromdm/nanomdm/cmd/nanomdm@{VERSION}")]).ok()?;
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        let found = go(&["mod", "download", "-json", &module]).ok()?;
        let found: serde_json::Value = serde_json::from_slice(&found.stdout).expect("JSON");
        let schema = Path::new(found["Dir"].as_str()?).join("storage/pgsql/schema.sql");
        Some(Self { nanomdm: place.join("nanomdm"), schema, postgres })
    }
}

/// The peer with its database; both are killed when dropped.
struct Peer {
    address: String,
    nanomdm: Child,
    postgres: Child,
    _directory: TempDir,
}

const KEY: &str = "bench";

impl Peer {
    fn start(programs: &Programs, site: &Site) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        // PostgreSQL refuses to run as root.
        let user = "postgres";
        let is_root = rustix::process::geteuid().is_root();
        let program = |name: &str| {
            let path = programs.postgres.join(name);
            if !is_root {
                return Command::new(path);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--init-groups"]).arg(path).current_dir("/");
            command
        };
        if is_root {
            let owned = Command::new("chown").arg(user).arg(directory.path()).status().expect("chown");
            assert!(owned.success());
        }
        let made = program("initdb").args(["-U", "nanomdm", "-A", "trust", "-D"]).arg(&data).output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (port, listen) = (free_port(), free_port());
        let mut server = program("postgres");
        server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string()]);
        let postgres = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("PostgreSQL runs");
        answers(port);
        let psql = || {
            let mut psql = program("psql");
            psql.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", "nanomdm", "-d", "postgres", "-f", "-"]);
            let schema = std::fs::File::open(&programs.schema).expect("the schema");
            psql.stdin(schema).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("psql").success()
        };
        let is_set_up = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            psql()
        });
        assert!(is_set_up, "the schema is there");
        let dsn = format!("postgres://nanomdm@127.0.0.1:{port}/postgres?sslmode=disable");
        let mut server = Command::new(&programs.nanomdm);
        server.args(["-storage", "pgsql", "-storage-dsn", &dsn, "-api", KEY, "-cert-header", "Client-Cert"]);
        server.arg("-listen").arg(format!("127.0.0.1:{listen}")).arg("-ca").arg(site.data.join("keys/ca/root.pem"));
        let nanomdm = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("NanoMDM runs");
        answers(listen);
        Self { address: format!("127.0.0.1:{listen}"), nanomdm, postgres, _directory: directory }
    }

    /// The processor time of all processes of PostgreSQL, of those that have ended too.
    fn postgres_cpu(&self) -> f64 {
        let parent = self.postgres.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("children");
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(parent).chain(children).map(|pid| Cpu::of(pid).total()).sum::<f64>()
            + Cpu::of_ended_children(parent)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.nanomdm.kill();
        let _ = self.nanomdm.wait();
        // SIGINT: PostgreSQL ends its children, and waits for no client.
        let pid = rustix::process::Pid::from_child(&self.postgres);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.postgres.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

fn answers(port: u16) {
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("port {port} does not listen");
}

/// A device of the peer.
struct Apple {
    line: Line,
    udid: String,
    certificate: String,
}

impl Apple {
    async fn enrol(peer: &Peer, enrolled: &Enrolled) -> Self {
        let der = CertificateDer::from_pem_slice(enrolled.identity.as_bytes()).expect("a certificate");
        let certificate = format!(":{}:", STANDARD.encode(&der));
        let udid = format!("{:08X}-{:016X}", enrolled.number, enrolled.number);
        let mut apple = Self { line: Line::plain(&peer.address).await, udid, certificate };
        apple.say("checkin", &[("MessageType", "Authenticate"), ("Topic", "com.example")], "").await;
        let token = "<key>Token</key><data>AAAA</data>";
        let update = [("MessageType", "TokenUpdate"), ("Topic", "com.example"), ("PushMagic", "magic")];
        apple.say("checkin", &update, token).await;
        apple
    }

    /// Sends a message of the device. Returns the answer.
    async fn say(&mut self, kind: &str, fields: &[(&str, &str)], more: &str) -> String {
        let udid = self.udid.clone();
        let body = plist(fields.iter().copied().chain([("UDID", udid.as_str())]), more);
        let content_type = format!("application/x-apple-aspen-mdm{}", if kind == "checkin" { "-checkin" } else { "" });
        let headers = [("Client-Cert", self.certificate.as_str()), ("Content-Type", &content_type)];
        let (status, answer) = self.line.ask("PUT", "/mdm", &headers, body).await;
        assert!(status.is_success(), "{status}");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// One loop: a command is asked for, fetched, and answered.
    async fn one(&mut self, caller: &mut Line, number: usize) {
        let command = format!("{}-{number}", self.udid);
        let request = "<key>Command</key><dict><key>RequestType</key><string>DeviceLock</string></dict>";
        let authorization = format!("Basic {}", STANDARD.encode(format!("nanomdm:{KEY}")));
        let path = format!("/v1/enqueue/{}?nopush=1", self.udid);
        let body = plist([("CommandUUID", command.as_str())], request);
        let (status, answer) = caller.ask("PUT", &path, &[("Authorization", &authorization)], body).await;
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
        let fetched = self.say("", &[("Status", "Idle")], "").await;
        assert!(fetched.contains(&command), "{fetched}");
        let last = self.say("", &[("Status", "Acknowledged"), ("CommandUUID", &command)], "").await;
        assert!(last.is_empty(), "{last}");
    }
}

fn plist<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>, more: &str) -> String {
    let fields: String =
        fields.into_iter().map(|(key, value)| format!("<key>{key}</key><string>{value}</string>")).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{fields}{more}</dict></plist>")
}
