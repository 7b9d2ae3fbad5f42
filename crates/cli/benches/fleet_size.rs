//! What grows with the fleet: the same requests to three servers that hold 1,000, 100,000 and 1,000,000 devices, in turns,
//! over HTTPS, one at a time on a kept connection. Printed side by side, because machines differ and are noisy.

#![allow(unreachable_pub, dead_code, reason = "the support is shared with the tests")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chaveiro_core::id::TenantId;
use reqwest::{Client, Method};
use serde_json::Value;
use support::fill::{device_id, enrolled, fill};
use support::{Server, WITHOUT_LIMITS, full_token, initialised, is_measured, run, run_json};
use tempfile::TempDir;

/// Unless the command line has others: `cargo bench -p chaveiro --bench fleet_size -- 1000 10000`.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const ROUNDS: usize = 200;
/// The sizes when nothing is measured. Every round asks for another device.
const SMOKE: [usize; 2] = [ROUNDS, 2 * ROUNDS];

/// A server and what it holds.
struct Fleet {
    size: usize,
    server: Server,
    client: Client,
    token: String,
    data: PathBuf,
    _directory: TempDir,
}

/// One kind of request: its name, and what is asked in that round of a fleet of that size.
struct Question {
    name: &'static str,
    ask: fn(round: usize, size: usize) -> (Method, String),
}

/// A device that no other round asks for; all are below the smallest size.
fn spread(round: usize, size: usize) -> usize {
    round * (size / ROUNDS)
}

const QUESTIONS: &[Question] = &[
    Question { name: "list, first 100", ask: |_, _| (Method::GET, "?$top=100".to_owned()) },
    Question {
        name: "list, 100 by deviceName",
        ask: |_, _| (Method::GET, "?$top=100&$orderby=deviceName%20desc".to_owned()),
    },
    Question {
        name: "filter, serialNumber eq",
        ask: |round, size| (Method::GET, format!("?$filter=serialNumber%20eq%20'SN{:08}'", spread(round, size))),
    },
    Question {
        name: "filter, startswith(deviceName)",
        ask: |round, size| {
            (Method::GET, format!("?$filter=startswith(deviceName,'DESKTOP-{:07}')", spread(round, size)))
        },
    },
    Question {
        name: "filter, lastSyncDateTime lt, 100",
        ask: |round, size| {
            let before = enrolled() + Duration::from_secs(spread(round, size) as u64 + 1);
            (Method::GET, format!("?$top=100&$filter=lastSyncDateTime%20lt%20{before}"))
        },
    },
    Question { name: "get", ask: |round, size| (Method::GET, format!("/{}", device_id(spread(round, size)))) },
    Question {
        name: "recover",
        ask: |round, size| (Method::POST, format!("/{}/recoverPasscode", device_id(spread(round, size)))),
    },
];

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = match asked[..] {
        [] if is_measured() => SIZES.to_vec(),
        [] => SMOKE.to_vec(),
        _ => asked,
    };
    let rounds = if is_measured() { ROUNDS } else { 2 };
    let fleets: Vec<Fleet> = sizes.iter().map(|size| runtime.block_on(fleet(*size))).collect();
    let columns: Vec<_> = sizes.iter().map(|size| format!("{size:>13}")).collect();
    println!("{:<34} {}   ratio of the medians", "p50 / p99 in ms", columns.join(" "));
    for question in QUESTIONS {
        let mut times = vec![Vec::with_capacity(ROUNDS); fleets.len()];
        for round in 0..rounds {
            for (fleet, times) in fleets.iter().zip(&mut times) {
                times.push(runtime.block_on(ask(fleet, question, round)));
            }
        }
        let shown: Vec<_> = times.iter_mut().map(|times| quantiles(times)).collect();
        let columns: Vec<_> = shown.iter().map(|(half, most)| format!("{half:>5.2} /{most:>6.2}")).collect();
        let ratios: Vec<_> = shown.iter().map(|(half, _)| format!("{:.1}", half / shown[0].0)).collect();
        println!("{:<34} {}   {}", question.name, columns.join(" "), ratios.join(" : "));
    }
    for fleet in &fleets {
        let bytes = std::fs::metadata(fleet.data.join("chaveiro.db")).expect("the database").len();
        println!(
            "{:>9} devices: {:>7.1} MB of database, {:>4} MB of memory",
            fleet.size,
            bytes as f64 / 1e6,
            rss(fleet)
        );
    }
}

async fn fleet(size: usize) -> Fleet {
    let (directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("a tenant").parse().expect("an id");
    let begun = Instant::now();
    fill(&data, TenantId(tenant), 0..size).await;
    eprintln!("{size} devices written in {:.1} s", begun.elapsed().as_secs_f64());
    run(&data, &["tenant", "set", "--hold-recoveries", "0"]);
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", WITHOUT_LIMITS);
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let client = Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let token = full_token(&data);
    Fleet { size, server, client, token, data, _directory: directory }
}

async fn ask(fleet: &Fleet, question: &Question, round: usize) -> f64 {
    let (method, rest) = (question.ask)(round, fleet.size);
    let url = format!("{}/beta/deviceManagement/managedDevices{rest}", fleet.server.graph_url);
    let begun = Instant::now();
    let answer = fleet.client.request(method, &url).bearer_auth(&fleet.token).send().await.expect("an answer");
    let status = answer.status();
    let body = answer.bytes().await.expect("a body");
    let taken = begun.elapsed().as_secs_f64() * 1e3;
    assert!(status.is_success(), "{url}: {status} {}", String::from_utf8_lossy(&body));
    let found = serde_json::from_slice::<Value>(&body).ok().and_then(|body| Some(body["value"].as_array()?.len()));
    assert_ne!(found, Some(0), "{url}");
    taken
}

/// Median and 99th percentile.
fn quantiles(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Resident memory in megabytes.
fn rss(fleet: &Fleet) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", fleet.server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}
