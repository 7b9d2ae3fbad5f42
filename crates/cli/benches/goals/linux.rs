//! Goal 7: Linux, from an accepted recovery to `done` by the server's own timestamps, with the real agent woken over
//! loopback. The time is split by leaving things out: the wanted cost of the hash, then the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::results::{Row, Table};
use crate::harness::site::{hold_nothing_back, open_files};
use crate::harness::{Plan, quantile};
use crate::support::machine::{Machine, Service};
use crate::support::{Server, WITHOUT_LIMITS, get, run};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// A way to run the agent and the server.
struct Way {
    name: &'static str,
    locks: &'static str,
    /// What `login.defs` says of the hash.
    hash: &'static str,
    in_memory: bool,
}

/// The cheapest hash that the agent accepts.
const CHEAP: &str = "ENCRYPT_METHOD SHA512\nSHA_CRYPT_MIN_ROUNDS 1000\nSHA_CRYPT_MAX_ROUNDS 1000\n";
const USUAL: &str = "ENCRYPT_METHOD YESCRYPT\n";

const WAYS: [Way; 4] = [
    Way { name: "login, 204 to done", locks: "login", hash: USUAL, in_memory: false },
    Way { name: "login with a cheap hash", locks: "login", hash: CHEAP, in_memory: false },
    Way { name: "login with a cheap hash, files in memory", locks: "login", hash: CHEAP, in_memory: true },
    Way { name: "login and disk, 204 to done", locks: "both", hash: USUAL, in_memory: false },
];

/// A server with one machine, whose agent waits to be woken.
struct Scene {
    client: reqwest::Client,
    url: String,
    _service: Service,
    _machine: Machine,
    _server: Server,
    _directory: TempDir,
}

impl Scene {
    async fn new(way: &Way) -> Self {
        let parent = if way.in_memory { Path::new("/dev/shm").to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::tempdir_in(&parent).expect("a directory");
        let data = directory.path().join("data");
        run(&data, &["init"]);
        run(&data, &["tenant", "set", "--linux-locks", way.locks]);
        hold_nothing_back(&data);
        let server = Server::start_limited(&data, open_files(), WITHOUT_LIMITS);
        let client = server.client();
        let machine = Machine::in_directory(&parent);
        std::fs::write(machine.root().join("etc/login.defs"), way.hash).expect("written");
        machine.make_ready(&server);
        let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
        let url = format!("{}{DEVICES}/{}", server.graph_url, listed["value"][0]["id"].as_str().expect("an id"));
        let service = machine.service();
        Self { client, url, _service: service, _machine: machine, _server: server, _directory: directory }
    }

    /// The milliseconds of one recovery.
    async fn recovery(&self) -> f64 {
        let asked = self.client.post(format!("{}/recoverPasscode", self.url)).send().await.expect("an answer");
        assert_eq!(asked.status(), 204);
        let begun = Instant::now();
        loop {
            let device = get(&self.client, &format!("{}?$select=deviceActionResults,id", self.url)).await;
            let result = &device["deviceActionResults"][0];
            match result["actionState"].as_str() {
                Some("done") => return took(result),
                Some("pending" | "active") if begun.elapsed() < Duration::from_secs(60) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                _ => panic!("{result}"),
            }
        }
    }
}

fn took(result: &Value) -> f64 {
    let time = |name: &str| -> Timestamp { result[name].as_str().and_then(|at| at.parse().ok()).expect("a time") };
    let took = time("lastUpdatedDateTime").duration_since(time("startDateTime"));
    Duration::try_from(took).expect("forwards").as_secs_f64() * 1e3
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let each = plan.of(2, 20, 100);
    let mut scenes = Vec::new();
    for way in &WAYS {
        scenes.push(Scene::new(way).await);
    }
    let mut samples = vec![(Vec::new(), Vec::new()); WAYS.len()];
    for _ in 0..plan.rounds {
        for (scene, (medians, tails)) in scenes.iter().zip(&mut samples) {
            let mut times = Vec::with_capacity(each);
            for _ in 0..each {
                times.push(scene.recovery().await);
            }
            medians.push(quantile(&mut times, 0.5));
            tails.push(quantile(&mut times, 0.99));
        }
    }
    let mut table = Table::new(7, "Linux, from 204 to done");
    table
        .note(format!("p50 and p99 of {each} recoveries in each round, one after the other; the real agent is woken."));
    table.note("The split leaves out the wanted cost of the hash first, then the disk: differences of the medians.");
    let of = |at: usize| samples[at].0.clone();
    let difference = |one: usize, other: usize| of(one).iter().zip(of(other)).map(|(one, other)| one - other).collect();
    for (name, part) in [
        ("of the login: the hash, made and proven", difference(0, 1)),
        ("of the login: flushes of the server and the agent", difference(1, 2)),
        ("of the login: the rest", of(2)),
    ] {
        table.row(Row::new(name, "ms", part).over(WAYS[0].name));
    }
    for (way, (medians, tails)) in WAYS.iter().zip(samples) {
        table.row(Row::new(way.name, "ms", medians));
        table.row(Row::new(format!("{}, p99", way.name), "ms", tails));
    }
    vec![table]
}
