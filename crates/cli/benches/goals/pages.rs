//! Goal 4: the cost of a page of a list, and what clients that page through lists cost everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio::task::JoinHandle;

use crate::harness::bare::Bare;
use crate::harness::line::Dialer;
use crate::harness::process::Cpu;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Caller, DEVICES, Served, Site};
use crate::harness::{Plan, quantile};
use crate::support::fill::device_id;

/// The devices of a page.
const PAGE: usize = 100;
/// The clients that page, or that burn.
const CROWD: usize = 8;

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let probes = plan.of(3, 300, 1_000);
    let site = Site::new();
    site.fill(0..plan.of(2 * PAGE, 20_000, 20_000)).await;
    let served = site.serve();
    vec![cost(plan, &site, &served).await, tails(plan, &served, probes).await]
}

/// The processor time of a page, beside its SQL and the sending of its bytes.
async fn cost(plan: &Plan, site: &Site, served: &Served) -> Table {
    let pages = plan.of(2, 400, 1_000);
    let mut caller = served.caller().await;
    let (_, body) = caller.ask("GET", &format!("?$top={PAGE}")).await;
    assert!(next(std::str::from_utf8(&body).expect("text")).is_some(), "the walk goes on");
    let bare = Bare::start(site, &body);
    let mut line = Dialer::new(&bare.url, &served.root, None, true).dial().await;
    let database = Connection::open_with_flags(site.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let (mut served_cpu, mut readers, mut sql, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut small = Vec::new();
    let each = |seconds: f64| seconds * 1e6 / pages as f64;
    for _ in 0..plan.rounds {
        let begun = Cpu::of(served.pid());
        walk(&mut caller, &format!("?$top={PAGE}"), pages).await;
        let spent = Cpu::of(served.pid()).since(&begun);
        served_cpu.push(each(spent.total()));
        readers.push(each(spent.named("store-reader")));
        let begun = Cpu::of(served.pid());
        walk(&mut caller, &format!("?$top={PAGE}&$select=id"), pages).await;
        small.push(each(Cpu::of(served.pid()).since(&begun).total()));
        sql.push(each(rows(&database, pages)));
        let begun = Bare::cpu();
        for _ in 0..pages {
            let (_, sent) = line.ask("GET", "/", &[], "").await;
            assert_eq!(sent.len(), body.len());
        }
        bytes.push(each(Bare::cpu() - begun));
    }
    let mut table = Table::new(4, "A page of 100 devices, processor time of the server");
    table.note(format!("A page has {} bytes; the walk goes on from each page to the next.", body.len()));
    let both = sql.iter().zip(&bytes).map(|(sql, bytes)| sql + bytes).collect();
    table.row(Row::new("its SQL and its bytes", "µs each", both));
    table.row(Row::new("the page", "µs each", served_cpu).over("its SQL and its bytes").at_most(2.5));
    table.row(Row::new("of the page: reader threads", "µs each", readers));
    table.row(Row::new("the bare SQL", "µs each", sql));
    table.row(Row::new("the same bytes from memory over TLS", "µs each", bytes));
    table.row(Row::new("a page of ids alone", "µs each", small));
    table
}

/// Reads so many pages, from each to the next and from the last to the first.
async fn walk(caller: &mut Caller, first: &str, pages: usize) {
    let mut path = first.to_owned();
    for _ in 0..pages {
        let (status, body) = caller.ask("GET", &path).await;
        assert!(status.is_success(), "{path}: {status}");
        // The whole body is not parsed: the client shares the processors.
        let body = std::str::from_utf8(&body).expect("text");
        path = next(body).unwrap_or_else(|| first.to_owned());
    }
}

/// The link to the next page, below the list.
fn next(body: &str) -> Option<String> {
    let (_, link) = body.split_once("\"@odata.nextLink\":\"")?;
    let (link, _) = link.split_once('"')?;
    link.split_once(DEVICES).map(|(_, path)| path.to_owned())
}

/// The same pages by SQL alone, every column read; its processor time.
fn rows(database: &Connection, pages: usize) -> f64 {
    let sql = "SELECT d.*, (SELECT json_group_array(tag) FROM device_tag WHERE device = d.row)
        FROM device d WHERE d.tenant = (SELECT row FROM tenant) AND d.row > ?1 ORDER BY d.row LIMIT 100";
    let mut statement = database.prepare(sql).expect("a query");
    let columns = statement.column_count();
    let begun = Cpu::of_this_thread();
    let (mut after, mut bytes) = (0, 0);
    for _ in 0..pages {
        let (mut found, mut rows) = (0, statement.query([after]).expect("rows"));
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                bytes += match row.get_ref(column).expect("a value") {
                    ValueRef::Text(value) | ValueRef::Blob(value) => value.len(),
                    _ => 0,
                };
            }
            (after, found) = (row.get(0).expect("a row number"), found + 1);
        }
        after = if found == PAGE { after } else { 0 };
    }
    let spent = Cpu::of_this_thread() - begun;
    assert!(bytes > 0, "rows were read");
    spent
}

/// The tails of single requests beside a crowd.
async fn tails(plan: &Plan, served: &Served, probes: usize) -> Table {
    const KINDS: [&str; 2] = ["GET of one device", "an accept"];
    // As many devices as one page may have.
    let most = plan.of(PAGE, 1_000, 1_000);
    let mut prober = Prober { caller: served.caller().await, next: 0 };
    let mut samples = vec![[Vec::new(), Vec::new(), Vec::new()]; KINDS.len()];
    for _ in 0..plan.rounds {
        for (at, crowd) in [None, Some(false), Some(true)].into_iter().enumerate() {
            let crowd = match crowd {
                None => Crowd::default(),
                Some(false) => Crowd::burning(),
                Some(true) => Crowd::paging(served, most).await,
            };
            for (kind, samples) in samples.iter_mut().enumerate() {
                samples[at].push(prober.p99(kind == 1, probes).await);
            }
            crowd.stop().await;
        }
    }
    let mut table = Table::new(4, "p99 of one request beside a crowd");
    table.note(format!(
        "One caller asks, {probes} times in each round; {CROWD} others page with $top={most}, or burn as many processors."
    ));
    for (kind, [alone, burning, paging]) in KINDS.into_iter().zip(samples) {
        let beside = format!("{kind}, beside {CROWD} that burn");
        table.row(Row::new(format!("{kind}, alone"), "ms", alone));
        table.row(Row::new(&beside, "ms", burning));
        table.row(Row::new(format!("{kind}, beside {CROWD} that page"), "ms", paging).over(beside).at_most(1.5));
    }
    table
}

struct Prober {
    caller: Caller,
    /// The next device that nothing was asked of.
    next: usize,
}

impl Prober {
    async fn p99(&mut self, accepts: bool, probes: usize) -> f64 {
        let mut times = Vec::with_capacity(probes);
        for _ in 0..probes {
            let device = device_id(self.next).to_string();
            let begun = Instant::now();
            if accepts {
                self.caller.recover(&device).await;
                self.next += 1;
            } else {
                let (status, _) = self.caller.ask("GET", &format!("/{device}")).await;
                assert!(status.is_success(), "{status}");
            }
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        quantile(&mut times, 0.99)
    }
}

/// Others who use the machine, until they are stopped.
#[derive(Default)]
struct Crowd {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Crowd {
    fn burning() -> Self {
        let mut crowd = Self::default();
        for _ in 0..CROWD {
            let stop = Arc::clone(&crowd.stop);
            crowd.threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }));
        }
        crowd
    }

    async fn paging(served: &Served, most: usize) -> Self {
        let mut crowd = Self::default();
        for mut caller in served.callers(CROWD).await {
            let stop = Arc::clone(&crowd.stop);
            crowd.clients.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    walk(&mut caller, &format!("?$top={most}"), 1).await;
                }
            }));
        }
        crowd
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("a client");
        }
        self.threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    }
}
