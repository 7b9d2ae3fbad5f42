//! Goal 6: devices that are held until something waits for them: the memory of a connection beside nginx, and the time
//! to answer all of them beside bare answers on such connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::bare::{Bare, HOLD};
use crate::harness::line::{Dialer, Line};
use crate::harness::nginx::Nginx;
use crate::harness::process::resident_kib;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Enrolled, Served, Site};
use crate::harness::{Plan, together};
use crate::support::fill::device_id;

/// The connections that the server holds under one enrolment.
const EACH: usize = 4;
/// The connections that are opened at the same time.
const AT_ONCE: usize = 16;
/// The callers that wake.
const CALLERS: usize = 64;

#[derive(Default)]
struct Samples {
    ours: Vec<f64>,
    nginx: Vec<f64>,
    bare: Vec<f64>,
    released: Vec<f64>,
    woken: Vec<f64>,
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let room = (open_files() - 1_000) / 2;
    let connections = plan.of(8, 2_000, 10_000).min(room) / EACH * EACH;
    let devices = connections / EACH;
    let site = Site::new();
    let mut enrolled = site.enrol(0..2 * devices * plan.rounds).await;
    let mut samples = Samples::default();
    for _ in 0..plan.rounds {
        let served = site.serve();
        let (first, second) =
            (enrolled.split_off(enrolled.len() - devices), enrolled.split_off(enrolled.len() - devices));
        let before = resident_kib(served.pid());
        let lines = connect(&served, &served.server.device_url, &first).await;
        let waits = Waits::begin(&served, lines).await;
        samples.ours.push((resident_kib(served.pid()) - before) / connections as f64);
        samples.woken.push(waits.woken(&served, &first).await);
        let lines = connect(&served, &served.server.device_url, &second).await;
        let waits = Waits::begin(&served, lines).await;
        samples.released.push(waits.answered(StatusCode::SERVICE_UNAVAILABLE, || served.server.tell_to_stop()).await);

        let bare = Bare::start(&site, b"");
        let lines = connect(&served, &bare.url, &first).await;
        let waits = Waits::spawn(lines, HOLD);
        tokio::time::sleep(SETTLING).await;
        samples.bare.push(waits.answered(StatusCode::OK, || bare.release()).await);

        if let Some(nginx) = Nginx::start(&site, connections) {
            let before = nginx.resident_kib();
            let mut lines = connect(&served, &nginx.url, &first).await;
            for line in &mut lines {
                assert_eq!(line.ask("GET", "/", &[], "").await.0, StatusCode::NO_CONTENT);
            }
            samples.nginx.push((nginx.resident_kib() - before) / connections as f64);
        }
    }
    vec![table(samples, connections)]
}

fn table(samples: Samples, connections: usize) -> Table {
    let mut table = Table::new(6, "Held connections");
    table.note(format!("{connections} connections over mutual TLS, {EACH} for each device."));
    table.note("nginx holds the same connections after an answer, with one worker and no log.");
    table.note("All are answered at once when the server is told to stop; recoveries wake them device by device.");
    let nothing = samples.nginx.is_empty();
    if nothing {
        table.note("nginx is missing on this machine.");
    }
    table.row(Row::new("memory of a connection, nginx", "KiB", samples.nginx));
    let ours = Row::new("memory of a held connection", "KiB", samples.ours);
    table.row(if nothing { ours } else { ours.over("memory of a connection, nginx").at_most(1.5) });
    let bare = format!("{connections} bare answers");
    table.row(Row::new(&bare, "ms", samples.bare));
    table.row(Row::new(format!("{connections} answered at once"), "ms", samples.released).over(&bare).at_most(3.0));
    let woken = format!("{connections} woken by recoveries, {CALLERS} callers");
    table.row(Row::new(woken, "ms", samples.woken).over(bare));
    table
}

/// The time in which requests that were sent come to be held.
const SETTLING: Duration = Duration::from_millis(500);

/// Lets this process open as many files as it may. Returns their number.
fn open_files() -> usize {
    const WANTED: u64 = 65_536;
    let wanted = Rlimit { current: Some(WANTED), maximum: Some(WANTED) };
    if setrlimit(Resource::Nofile, wanted).is_err() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("a limit");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(WANTED) as usize
}

/// Opens the connections of those devices, with a handshake each.
async fn connect(served: &Served, url: &str, devices: &[Enrolled]) -> Vec<Line> {
    let dialers = devices.iter().map(|device| Dialer::new(url, &served.root, Some(&device.identity), false));
    let dialers: Arc<[_]> = dialers.flat_map(|dialer| vec![dialer; EACH]).collect();
    let tasks = (0..AT_ONCE).map(|at| {
        let dialers = Arc::clone(&dialers);
        async move {
            let mut lines = Vec::new();
            for number in (at..dialers.len()).step_by(AT_ONCE) {
                lines.push(dialers[number].dial().await);
            }
            lines
        }
    });
    together(tasks).await.1.into_iter().flatten().collect()
}

/// Requests that are held.
struct Waits(Vec<tokio::task::JoinHandle<(Line, StatusCode)>>);

impl Waits {
    fn spawn(lines: Vec<Line>, path: &'static str) -> Self {
        let wait = |mut line: Line| async move {
            let (status, _) = line.ask("GET", path, &[("Prefer", "wait=280")], "").await;
            (line, status)
        };
        Self(lines.into_iter().map(|line| tokio::spawn(wait(line))).collect())
    }

    /// Sends the requests of devices, and waits until the server says that it holds them all.
    async fn begin(served: &Served, lines: Vec<Line>) -> Self {
        let held = format!("chaveiro_waiting_devices {}", lines.len());
        let waits = Self::spawn(lines, chaveiro_mdm::WAKE_PATH);
        let client = served.server.client();
        for _ in 0..300 {
            let metrics = client.get(format!("{}/metrics", served.server.graph_url)).send().await.expect("an answer");
            if metrics.text().await.expect("text").contains(&held) {
                return waits;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("not all devices are held");
    }

    /// The milliseconds until all are answered.
    async fn answered(self, expected: StatusCode, begin: impl FnOnce()) -> f64 {
        let begun = Instant::now();
        begin();
        self.all(expected, begun).await
    }

    /// The same when a recovery of each device wakes it.
    async fn woken(self, served: &Served, devices: &[Enrolled]) -> f64 {
        let ids: Arc<[_]> = devices.iter().map(|device| device_id(device.number).to_string()).collect();
        let callers = served.callers(CALLERS).await;
        let begun = Instant::now();
        let tasks = callers.into_iter().enumerate().map(|(at, mut caller)| {
            let ids = Arc::clone(&ids);
            async move {
                for id in ids.iter().skip(at).step_by(CALLERS) {
                    caller.recover(id).await;
                }
            }
        });
        together(tasks).await;
        self.all(StatusCode::OK, begun).await
    }

    async fn all(self, expected: StatusCode, begun: Instant) -> f64 {
        let mut lines = Vec::with_capacity(self.0.len());
        for wait in self.0 {
            let (line, status) = wait.await.expect("an answer");
            assert_eq!(status, expected);
            lines.push(line);
        }
        begun.elapsed().as_secs_f64() * 1e3
    }
}
