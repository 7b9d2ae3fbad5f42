//! Goal 8: everything at once on a large store, for minutes: the p99 of each kind of request beside its value alone, and
//! what grows with time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{interval, sleep};

use crate::harness::process::resident_kib;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Caller, Enrolled, Handset, Served, Site};
use crate::harness::{Plan, quantile, together};
use crate::support::fill::device_id;
use crate::support::try_run;

/// Devices that check in hourly, as a whole fleet of so many would.
const CHECK_INS_EACH_SECOND: f64 = 100_000.0 / 3_600.0;
/// Devices that hold sessions, and devices that are held.
const DEVICES: [usize; 2] = [512, 2_000];

/// A kind of work: clients that begin something at a fixed pace, each one after the other.
struct Kind {
    name: &'static str,
    clients: usize,
    each_second: f64,
}

const KINDS: [Kind; 5] = [
    Kind { name: "accepts", clients: 64, each_second: 64.0 },
    Kind { name: "pages of 100", clients: 8, each_second: 24.0 },
    Kind { name: "sessions", clients: 32, each_second: CHECK_INS_EACH_SECOND },
    Kind { name: "reads of one device", clients: 16, each_second: 80.0 },
    Kind { name: "audit export and verification", clients: 1, each_second: 1.0 / 15.0 },
];

/// A client at work.
enum Client {
    Accepts(Caller),
    Pages(Caller),
    Sessions(Vec<Handset>, usize),
    Reads(Caller),
    Audit,
}

/// The things that every client shares.
struct Load {
    served: Served,
    site: Site,
    devices: usize,
    /// The next device that nothing was asked of.
    next: AtomicUsize,
    handsets: Vec<Enrolled>,
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let size = *plan.devices.last().expect("a number of devices");
    let [sessions, held] = if plan.duration < Duration::from_secs(60) { [64, 16] } else { DEVICES };
    let site = Site::new();
    site.fill(0..size).await;
    let mut handsets = site.enrol(size..size + sessions + held / 4).await;
    let held = handsets.split_off(sessions);
    let served = site.serve_with("info", &[]);
    let waits = hold(&served, &held);
    let load = Arc::new(Load { served, site, devices: size, next: AtomicUsize::new(0), handsets });
    let alone_for = plan.duration / 10;
    let mut alone = Vec::new();
    for kind in 0..KINDS.len() {
        alone.push(run(&load, &[kind], alone_for).await.remove(0));
    }
    let watch = tokio::spawn(watch(Arc::clone(&load), plan.duration));
    let mixed = run(&load, &[0, 1, 2, 3, 4], plan.duration).await;
    let [memory, log, database] = watch.await.expect("watched");
    waits.iter().for_each(tokio::task::JoinHandle::abort);

    let mut table = Table::new(8, "Everything at once");
    let rows: Vec<_> = (["device", "action", "audit_event"].iter()).map(|name| load.rows(name)).collect();
    table.note(format!(
        "After {:.0} s there are {} devices, {} actions and {} audit events.",
        plan.duration.as_secs_f64(),
        rows[0],
        rows[1],
        rows[2]
    ));
    table.note(format!(
        "There are {} held connections of devices all the time, and the log level is `info`.",
        held.len() * 4
    ));
    for (kind, (mut alone, mut mixed)) in KINDS.iter().zip(alone.into_iter().zip(mixed)) {
        let name = format!("{}, alone", kind.name);
        table.note(format!("There were {} {} alone, and {} in the mixture.", alone.len(), kind.name, mixed.len()));
        table.row(Row::new(&name, "ms, p99", vec![quantile(&mut alone, 0.99)]));
        table.row(
            Row::new(format!("{}, in the mixture", kind.name), "ms, p99", vec![quantile(&mut mixed, 0.99)]).over(name),
        );
    }
    for (name, unit, samples, most) in [
        ("memory of the server", "MiB", memory, 1.1),
        ("the log of the database", "MiB, most", log, 1.5),
        ("the database", "MiB", database, f64::INFINITY),
    ] {
        let first = format!("{name}, first fifth");
        table.row(Row::new(&first, unit, vec![samples[0]]));
        let last = Row::new(format!("{name}, last fifth"), unit, vec![samples[4]]).over(first);
        table.row(if most.is_finite() { last.at_most(most) } else { last });
    }
    vec![table]
}

/// Devices that wait to be woken, and ask again when they were told that there is nothing.
fn hold(served: &Served, devices: &[Enrolled]) -> Vec<tokio::task::JoinHandle<()>> {
    let wait = |device: &Enrolled| {
        let wire = served.wire(device, true);
        tokio::spawn(async move {
            loop {
                wire.ask("GET", chaveiro_mdm::WAKE_PATH, &[("Prefer", "wait=60")], Vec::new()).await;
            }
        })
    };
    devices.iter().flat_map(|device| (0..4).map(move |_| device)).map(wait).collect()
}

/// Runs those kinds for so long. Returns the milliseconds of each request, by kind.
async fn run(load: &Arc<Load>, kinds: &[usize], duration: Duration) -> Vec<Vec<f64>> {
    let mut tasks = Vec::new();
    let times: Vec<_> = kinds.iter().map(|_| Arc::new(Mutex::new(Vec::new()))).collect();
    for (kind, times) in kinds.iter().zip(&times) {
        for number in 0..KINDS[*kind].clients {
            let client = load.client(*kind, number).await;
            tasks.push(work(Arc::clone(load), client, &KINDS[*kind], number, duration, Arc::clone(times)));
        }
    }
    together(tasks).await;
    times.iter().map(|times| std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner))).collect()
}

async fn work(
    load: Arc<Load>,
    mut client: Client,
    kind: &'static Kind,
    number: usize,
    duration: Duration,
    times: Arc<Mutex<Vec<f64>>>,
) {
    let begun = Instant::now();
    let pace = Duration::from_secs_f64(kind.clients as f64 / kind.each_second);
    // Clients do not begin in step; one that was late does not hurry.
    sleep(pace.min(duration / 2).mul_f64(number as f64 / kind.clients as f64)).await;
    let mut turns = interval(pace);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut own = Vec::new();
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            () = sleep(duration.saturating_sub(begun.elapsed())) => break,
        }
        if begun.elapsed() >= duration {
            break;
        }
        let asked = Instant::now();
        load.turn(&mut client, own.len()).await;
        own.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    times.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
}

impl Load {
    async fn client(&self, kind: usize, number: usize) -> Client {
        match kind {
            0 => Client::Accepts(self.served.caller().await),
            1 => Client::Pages(self.served.caller().await),
            2 => {
                let own = self.handsets.iter().skip(number).step_by(KINDS[kind].clients);
                Client::Sessions(own.map(|enrolled| self.served.handset(enrolled, true)).collect(), 0)
            }
            3 => Client::Reads(self.served.caller().await),
            _ => Client::Audit,
        }
    }

    async fn turn(&self, client: &mut Client, turn: usize) {
        match client {
            Client::Accepts(caller) => {
                let device = self.next.fetch_add(1, Ordering::Relaxed) % self.devices;
                caller.recover(&device_id(device).to_string()).await;
            }
            Client::Pages(caller) => {
                let (status, _) = caller.ask("GET", "?$top=100").await;
                assert!(status.is_success(), "{status}");
            }
            Client::Sessions(devices, at) => {
                *at = (*at + 1) % devices.len();
                devices[*at].session().await;
                devices[*at].wire.hang_up().await;
            }
            Client::Reads(caller) => {
                let device = device_id(turn * 7_919 % self.devices);
                let (status, _) = caller.ask("GET", &format!("/{device}")).await;
                assert!(status.is_success(), "{status}");
            }
            Client::Audit => {
                let data = self.site.data.clone();
                tokio::task::spawn_blocking(move || verify(&data)).await.expect("verified");
            }
        }
    }

    fn rows(&self, table: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.site.database()).expect("a database");
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("counted")
    }
}

/// Exports the audit record beside the running server, and verifies the export.
fn verify(data: &std::path::Path) {
    let export = data.join("export.jsonl");
    let export = export.to_str().expect("text");
    let key = try_run(data, &["audit", "key"]);
    let key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    for arguments in [&["audit", "export", "--output", export][..], &["audit", "verify", export, "--key", &key]] {
        let ended = try_run(data, arguments);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    std::fs::remove_file(export).expect("removed");
}

/// The memory of the server, the largest log of its database, and the database, in each fifth of the time; in MiB.
async fn watch(load: Arc<Load>, duration: Duration) -> [Vec<f64>; 3] {
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    let database = load.site.database();
    let log = std::path::PathBuf::from(format!("{}-wal", database.display()));
    let mib = |path: &std::path::Path| std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1_048_576.0);
    for _ in 0..5 {
        let (begun, mut most) = (Instant::now(), 0.0_f64);
        while begun.elapsed() < duration / 5 {
            most = most.max(mib(&log));
            sleep(Duration::from_millis(100)).await;
        }
        found[0].push(resident_kib(load.served.pid()) / 1024.0);
        found[1].push(most);
        found[2].push(mib(&database));
    }
    found
}
