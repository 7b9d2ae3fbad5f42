//! Goal 2: whole recoveries (asked for, a session over mutual TLS, read), by the processor time of the server; beside
//! the floor of the parts that cannot be left out.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair as Signing, UnparsedPublicKey,
};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128;
use rustls::crypto::hpke::Hpke;
use tokio::sync::Barrier;

use crate::harness::line::Wire;
use crate::harness::process::Cpu;
use crate::harness::raw::{Raw, Rows, Step, Update, copy};
use crate::harness::results::{Row, Table};
use crate::harness::site::{Enrolled, Handset, Served, Site};
use crate::harness::{Plan, together};
use crate::support::run;

/// The recoveries of a device that count as its first ones.
const FIRST: usize = 3;
/// The loops at a time of which everything but the first rows is measured.
const AT_ONCE: usize = 16;
/// The recipients that a tenant may have.
const RECIPIENTS: usize = 16;

/// The connection of a device.
#[derive(Clone, Copy, PartialEq)]
enum Connection {
    Kept,
    /// A new one for each session, with a whole handshake or with a ticket.
    New {
        resumes: bool,
    },
}

/// A column: what is different in it.
struct Column {
    name: String,
    place: Place,
    at_once: usize,
    connection: Connection,
    old: bool,
    samples: Samples,
}

/// The server that is asked.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Usual,
    Logs,
    Recipients,
}

#[derive(Default)]
struct Samples {
    cpu: Vec<f64>,
    writer: Vec<f64>,
    readers: Vec<f64>,
    rate: Vec<f64>,
    commits: Vec<f64>,
    messages: usize,
}

fn columns() -> Vec<Column> {
    let column = |name: &str, place, at_once, connection, old| {
        let name = format!("{name}{at_once} at a time");
        Column { name, place, at_once, connection, old, samples: Samples::default() }
    };
    let kept = Connection::Kept;
    vec![
        column("", Place::Usual, 1, kept, false),
        column("", Place::Usual, AT_ONCE, kept, false),
        column("", Place::Usual, 64, kept, false),
        column("devices with earlier recoveries, ", Place::Usual, AT_ONCE, kept, true),
        column("a new connection for each session, ", Place::Usual, AT_ONCE, Connection::New { resumes: false }, false),
        column("a resumed one for each session, ", Place::Usual, AT_ONCE, Connection::New { resumes: true }, false),
        column("--log info, ", Place::Logs, AT_ONCE, kept, false),
        column("16 recipients, ", Place::Recipients, AT_ONCE, kept, false),
    ]
}

/// An installation, its server, and devices that nothing was asked of yet.
struct Prepared {
    place: Place,
    served: Served,
    fresh: Vec<Enrolled>,
    old: Vec<Handset>,
    _site: Site,
}

impl Prepared {
    async fn new(place: Place, devices: usize, old: usize) -> Self {
        let site = Site::new();
        let mut fresh = site.enrol(0..devices + old).await;
        if place == Place::Recipients {
            for _ in 1..RECIPIENTS {
                run(&site.data, &["keys", "add-recipient", &recipient()]);
            }
        }
        let served = site.serve_with(if place == Place::Logs { "info" } else { "error" }, &[]);
        let old = fresh.split_off(devices).iter().map(|enrolled| served.handset(enrolled, true)).collect();
        Self { place, served, fresh, old, _site: site }
    }
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let mut columns = columns();
    let earlier = plan.of(2, 300, 1_000);
    let each = |column: &Column| match column.at_once {
        1 => plan.of(FIRST, 300, 600),
        at_once => (plan.of(at_once, 900, 3_000) / at_once).max(1) * at_once,
    };
    let mut prepared = Vec::new();
    for place in [Place::Usual, Place::Logs, Place::Recipients] {
        let of_place = columns.iter().filter(|column| column.place == place && !column.old);
        let devices: usize = of_place.map(|column| plan.rounds * devices(each(column), column.at_once)).sum();
        prepared.push(Prepared::new(place, devices, if place == Place::Usual { AT_ONCE } else { 0 }).await);
    }
    let usual = &mut prepared[0];
    let old = std::mem::take(&mut usual.old);
    usual.old = loops(&usual.served, old, AT_ONCE, AT_ONCE * earlier, Connection::Kept).await.handsets;

    let floor = Floor::prepare(plan).await;
    let mut floors = vec![Parts::default(); FLOORS.len()];
    for _ in 0..plan.rounds {
        for column in &mut columns {
            let place = prepared.iter_mut().find(|place| place.place == column.place).expect("a place");
            let count = each(column);
            let handsets = match column.old {
                true => std::mem::take(&mut place.old),
                false => {
                    let resumes = column.connection != (Connection::New { resumes: false });
                    let taken = place.fresh.split_off(place.fresh.len() - devices(count, column.at_once));
                    taken.iter().map(|enrolled| place.served.handset(enrolled, resumes)).collect()
                }
            };
            let looped = loops(&place.served, handsets, column.at_once, count, column.connection).await;
            column.samples.add(&looped, count);
            if column.old {
                place.old = looped.handsets;
            }
        }
        for (at_once, parts) in FLOORS.into_iter().zip(&mut floors) {
            floor.measure(&prepared[0].served, at_once, plan, parts).await;
        }
    }
    vec![table(&columns, &floors, earlier)]
}

/// The devices that so many loops need, a whole number for each loop at a time.
fn devices(count: usize, at_once: usize) -> usize {
    count.div_ceil(at_once).div_ceil(FIRST) * at_once
}

fn table(columns: &[Column], floors: &[Parts], earlier: usize) -> Table {
    let mut table = Table::new(2, "Whole recoveries, processor time of the server");
    let messages: Vec<_> = columns.iter().map(|column| column.samples.messages).collect();
    table.note(format!(
        "A loop is: asked for (204), a session of {} messages over mutual TLS, read with the passcode, which is compared.",
        messages[0]
    ));
    assert!(messages.iter().all(|count| *count == messages[0]), "{messages:?}");
    table.note("The audit chain is linked beside the loops, in up to two commits a second, which are counted.");
    table.note(format!(
        "A device has at most {FIRST} recoveries; those with earlier ones have {earlier} before the first round."
    ));
    let usual = columns[1].name.clone();
    for column in columns {
        let row = Row::new(&column.name, "µs each", column.samples.cpu.clone());
        table.row(match (column.place, column.at_once, column.old) {
            (Place::Usual, AT_ONCE, true) => row.over(&usual).at_most(1.1),
            (Place::Usual, AT_ONCE, false) if column.name == usual => row.at_most(1_000.0),
            (_, AT_ONCE, _) => row.over(&usual),
            _ => row,
        });
    }
    for (at_once, parts) in FLOORS.into_iter().zip(floors) {
        let name = format!("the floor, {at_once} at a time");
        table.row(Row::new(&name, "µs each", parts.sums()));
        let column =
            columns.iter().find(|column| column.at_once == at_once && column.name.starts_with(char::is_numeric));
        let row = Row::new(
            format!("beside the floor, {at_once} at a time"),
            "µs each",
            column.expect("one").samples.cpu.clone(),
        );
        table.row(if at_once == AT_ONCE { row.over(name).at_most(1.6) } else { row.over(name) });
    }
    let parts = &floors[1];
    for (name, samples) in [
        ("of the floor: rows", &parts.rows),
        ("of the floor: four requests", &parts.requests),
        ("of the floor: sealing and opening (HPKE)", &parts.hpke),
        ("of the floor: two tokens (RS256)", &parts.tokens),
    ] {
        table.row(Row::new(name, "µs each", samples.clone()));
    }
    let samples = &columns[1].samples;
    table.row(Row::new(format!("writer thread, {usual}"), "µs each", samples.writer.clone()));
    table.row(Row::new(format!("reader threads, {usual}"), "µs each", samples.readers.clone()));
    table.row(Row::new("commits, 1 at a time", "each", columns[0].samples.commits.clone()).at_most(4.1));
    table.row(Row::new(format!("commits, {usual}"), "each", samples.commits.clone()));
    table.row(Row::new(format!("rate, {usual}"), "per second", samples.rate.clone()));
    let recipients = columns.iter().find(|column| column.place == Place::Recipients).expect("a column");
    let row = Row::new("rate, 16 recipients", "per second", recipients.samples.rate.clone());
    table.row(row.over(format!("rate, {usual}")).at_least(0.5));
    table
}

impl Samples {
    fn add(&mut self, looped: &Looped, count: usize) {
        let each = |seconds: f64| seconds * 1e6 / count as f64;
        self.cpu.push(each(looped.cpu.total()));
        self.writer.push(each(looped.cpu.named("store-writer")));
        self.readers.push(each(looped.cpu.named("store-reader")));
        self.rate.push(count as f64 / looped.seconds);
        self.commits.push(looped.commits / count as f64);
        self.messages = looped.messages;
    }
}

struct Looped {
    handsets: Vec<Handset>,
    cpu: Cpu,
    seconds: f64,
    commits: f64,
    /// The messages of a session.
    messages: usize,
}

/// Runs `count` loops, so many at a time; each goes through its own devices in turns.
async fn loops(
    served: &Served,
    mut handsets: Vec<Handset>,
    at_once: usize,
    count: usize,
    connection: Connection,
) -> Looped {
    assert_eq!(count % at_once, 0, "whole loops");
    let (connected, begin) = (Arc::new(Barrier::new(at_once + 1)), Arc::new(Barrier::new(at_once + 1)));
    let (own, each) = (handsets.len() / at_once, count / at_once);
    let mut tasks = Vec::with_capacity(at_once);
    for mut caller in served.callers(at_once).await {
        let mut devices = handsets.split_off(handsets.len() - own);
        let (connected, begin) = (Arc::clone(&connected), Arc::clone(&begin));
        tasks.push(tokio::spawn(async move {
            // The first session of a device tells its inventory.
            for handset in &mut devices {
                handset.session().await;
                if connection != Connection::Kept {
                    handset.wire.hang_up().await;
                }
            }
            connected.wait().await;
            begin.wait().await;
            let mut messages = 0;
            for turn in 0..each {
                let handset = &mut devices[turn % own];
                messages = handset.recovery(&mut caller).await;
                if connection != Connection::Kept {
                    handset.wire.hang_up().await;
                }
            }
            (devices, messages)
        }));
    }
    connected.wait().await;
    let (cpu, commits, begun) = (Cpu::of(served.pid()), served.commits(), Instant::now());
    begin.wait().await;
    let mut messages = 0;
    for task in tasks {
        let (devices, sent) = task.await.expect("a loop");
        handsets.extend(devices);
        messages = sent;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (cpu, commits) = (Cpu::of(served.pid()).since(&cpu), served.commits() - commits);
    Looped { handsets, cpu, seconds, commits, messages }
}

/// The processor time of so many loops on kept connections of those devices, in seconds.
pub async fn kept(served: &Served, devices: &[Enrolled], at_once: usize, count: usize) -> f64 {
    let handsets = devices.iter().map(|enrolled| served.handset(enrolled, true)).collect();
    loops(served, handsets, at_once, count, Connection::Kept).await.cpu.total()
}

/// A request of a device that is answered with nothing.
pub async fn empty(wire: &Wire) {
    let (status, _) = wire.ask("GET", chaveiro_mdm::DISCOVERY_PATH, &[], Vec::new()).await;
    assert!(status.is_success(), "{status}");
}

/// The loops at a time of which the floor is measured.
const FLOORS: [usize; 3] = [1, AT_ONCE, 64];

/// The processor time of the parts, in microseconds for each loop, once for each round.
#[derive(Clone, Default)]
struct Parts {
    rows: Vec<f64>,
    requests: Vec<f64>,
    hpke: Vec<f64>,
    tokens: Vec<f64>,
}

impl Parts {
    fn sums(&self) -> Vec<f64> {
        let parts = [&self.rows, &self.requests, &self.hpke, &self.tokens];
        (0..self.rows.len()).map(|round| parts.iter().map(|samples| samples[round]).sum()).collect()
    }
}

/// What no server of this kind can leave out: the rows, the requests over TLS, and the cryptography.
struct Floor {
    site: Site,
    before: std::path::PathBuf,
    loops: usize,
    /// The bytes that a session leaves in its enrolment.
    session: usize,
}

const TABLES: [&str; 8] = ["action", "recovery", "request", "acceptance", "delivery", "secret", "opening", "reading"];

impl Floor {
    /// Learns the rows: so many devices are recovered once each.
    async fn prepare(plan: &Plan) -> Self {
        let loops = plan.of(32, 640, 1_920);
        let site = Site::new();
        let enrolled = site.enrol(0..loops).await;
        let before = site.data.join("before.db");
        copy(&site.database(), &before);
        let served = site.serve();
        let handsets = enrolled.iter().map(|enrolled| served.handset(enrolled, true)).collect();
        self::loops(&served, handsets, AT_ONCE, loops, Connection::Kept).await;
        served.server.tell_to_stop();
        assert!(served.server.wait(), "stopped");
        let connection = rusqlite::Connection::open(site.database()).expect("a database");
        let sql = "SELECT avg(length(session)) FROM enrollment";
        let session = connection.query_row(sql, [], |row| row.get::<_, f64>(0)).expect("sessions") as usize;
        Self { site, before, loops, session }
    }

    /// The steps of a loop: asked for, sent, answered, read.
    fn steps(&self, rows: &Rows) -> Vec<Step> {
        let grown = rows.each(self.loops);
        let has = |table: &str| grown.iter().any(|(name, _)| name == table);
        let inserts = |tables: &[&str], step| {
            let named = tables.iter().filter(|table| has(table)).map(|table| ((*table).to_owned(), 0, 1));
            named.chain([("audit_event".to_owned(), step, 4)]).collect()
        };
        let update = |sql: &str, table, column| Update { sql: sql.to_owned(), table, column };
        let visit = |phase: &str, state: &str| {
            let session = format!("UPDATE enrollment SET session = randomblob({}) WHERE row = ?1", self.session);
            vec![
                update(&format!("UPDATE delivery SET phase = '{phase}' WHERE seq = ?1"), "delivery", "seq"),
                update(
                    &format!("UPDATE action SET state = '{state}', updated = updated + 1 WHERE row = ?1"),
                    "action",
                    "row",
                ),
                update(&session, "delivery", "enrollment"),
                update("UPDATE device SET last_sync = last_sync + 1 WHERE row = ?1", "action", "device"),
            ]
        };
        let shown = update("UPDATE secret SET disclosed_at = 1, disclosed_by = 'x' WHERE row = ?1", "secret", "row");
        vec![
            Step { inserts: inserts(&TABLES[..5], 0), updates: Vec::new() },
            Step { inserts: inserts(&[], 1), updates: visit("sent", "active") },
            Step { inserts: inserts(&TABLES[5..7], 2), updates: visit("answered", "done") },
            Step { inserts: inserts(&TABLES[7..], 3), updates: vec![shown] },
        ]
    }

    async fn measure(&self, served: &Served, at_once: usize, plan: &Plan, parts: &mut Parts) {
        let tables: Vec<_> = TABLES.into_iter().chain(["audit_event"]).collect();
        let rows = Rows::between(&self.before, &self.site.database()).only(&tables);
        let rows = rows.beginning("action", "state", "pending").beginning("delivery", "phase", "queued");
        // Events wait for the chain first, and are in most of their indexes when they are linked.
        let rows = rows.beginning("audit_event", "waiting", "1");
        let steps = self.steps(&rows);
        let learnt: usize = rows.each(1).iter().map(|(_, count)| *count as usize).sum();
        let raw = Raw::open(&self.before, rows, steps);
        let (count, before) = (self.loops, raw.count(&tables));
        let tasks = (0..at_once).map(|at| {
            let hand = raw.hand();
            async move {
                for number in (at..count).step_by(at_once) {
                    for step in 0..4 {
                        hand.write(number, step).await;
                    }
                }
            }
        });
        together(tasks).await;
        assert_eq!(raw.count(&tables) - before, learnt, "every row is written once");
        parts.rows.push(raw.finish() * 1e6 / count as f64);
        parts.requests.push(requests(served, at_once, plan.of(8, 2_000, 8_000) / at_once).await);
        let times = plan.of(4, 500, 2_000);
        parts.hpke.push(hpke(times));
        parts.tokens.push(tokens(times));
    }
}

/// Four requests that are answered with nothing.
async fn requests(served: &Served, at_once: usize, each: usize) -> f64 {
    let each = each.max(2);
    let mut callers = served.callers(at_once).await;
    for caller in &mut callers {
        caller.line.ask("GET", "/healthz", &[], "").await;
    }
    let begun = Cpu::of(served.pid());
    let tasks = callers.into_iter().map(|mut caller| async move {
        for _ in 0..each {
            let (status, _) = caller.line.ask("GET", "/healthz", &[], "").await;
            assert!(status.is_success());
        }
    });
    together(tasks).await;
    4.0 * Cpu::of(served.pid()).since(&begun).total() * 1e6 / (at_once * each) as f64
}

/// The processor time of `work`, in microseconds each.
fn spent(times: usize, mut work: impl FnMut()) -> f64 {
    let begun = Cpu::of_this_thread();
    (0..times).for_each(|_| work());
    (Cpu::of_this_thread() - begun) * 1e6 / times as f64
}

fn hpke(times: usize) -> f64 {
    let suite: &dyn Hpke = DH_KEM_P256_HKDF_SHA256_AES_128;
    let (public, private) = suite.generate_key_pair().expect("a key pair");
    spent(times, || {
        let (key, sealed) = suite.seal(b"floor", b"", &[7; 12], &public).expect("sealed");
        suite.open(&key, b"floor", b"", &sealed, &private).expect("opened");
    })
}

fn tokens(times: usize) -> f64 {
    let key: Signing = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let (text, mut signature) = (vec![7; 900], vec![0; key.public_modulus_len()]);
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &text, &mut signature).expect("signed");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref().to_vec());
    2.0 * spent(times, || public.verify(&text, &signature).expect("verified"))
}

/// A further recipient, as an operator hands it over.
fn recipient() -> String {
    use base64::Engine;
    let suite: &dyn Hpke = DH_KEM_P256_HKDF_SHA256_AES_128;
    let (public, _) = suite.generate_key_pair().expect("a key pair");
    format!("p256 {} safe", base64::engine::general_purpose::STANDARD.encode(public.0))
}
