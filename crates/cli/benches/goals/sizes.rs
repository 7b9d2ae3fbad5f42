//! Goal 5: what grows with the fleet. The same requests to servers that hold different numbers of devices, in turns, one
//! at a time on kept connections.

use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::Value;

use crate::harness::process::resident_kib;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Caller, Served, Site};
use crate::harness::{Plan, quantile};
use crate::support::fill::{device_id, enrolled};

/// A server, and the number of devices that it holds.
struct Fleet {
    size: usize,
    served: Served,
    caller: Caller,
    site: Site,
}

/// One kind of request.
struct Question {
    name: &'static str,
    method: &'static str,
    /// True if an index answers it, so that its cost must not grow.
    indexed: bool,
    /// The path below the list, in that turn of a fleet in which a turn is so many devices apart from the next.
    path: fn(turn: usize, apart: usize) -> String,
}

const QUESTIONS: &[Question] = &[
    Question { name: "first 100", method: "GET", indexed: true, path: |_, _| "?$top=100".to_owned() },
    Question {
        name: "100 by deviceName",
        method: "GET",
        indexed: true,
        path: |_, _| "?$top=100&$orderby=deviceName%20desc".to_owned(),
    },
    Question {
        name: "serialNumber eq",
        method: "GET",
        indexed: true,
        path: |turn, apart| format!("?$filter=serialNumber%20eq%20'SN{:08}'", turn * apart),
    },
    Question {
        name: "startswith(deviceName)",
        method: "GET",
        indexed: true,
        path: |turn, apart| format!("?$filter=startswith(deviceName,'DESKTOP-{:07}')", turn * apart),
    },
    Question {
        name: "lastSyncDateTime lt, 100",
        method: "GET",
        indexed: true,
        path: |turn, apart| {
            let before = enrolled() + Duration::from_secs((turn * apart) as u64 + 1);
            format!("?$top=100&$filter=lastSyncDateTime%20lt%20{before}")
        },
    },
    Question {
        name: "one device",
        method: "GET",
        indexed: true,
        path: |turn, apart| format!("/{}", device_id(turn * apart)),
    },
    Question {
        name: "recover",
        method: "POST",
        indexed: true,
        path: |turn, apart| format!("/{}/recoverPasscode", device_id(turn * apart)),
    },
    Question {
        name: "contains(deviceName), none found",
        method: "GET",
        indexed: false,
        path: |turn, _| format!("?$top=100&$filter=contains(deviceName,'none-{turn}')"),
    },
    Question {
        name: "model eq, none found",
        method: "GET",
        indexed: false,
        path: |turn, _| format!("?$top=100&$filter=model%20eq%20'none-{turn}'"),
    },
];

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let turns = plan.of(2, 40, 40);
    let mut sites = Vec::new();
    for size in &plan.devices {
        let site = Site::new();
        site.fill(0..*size).await;
        sites.push((*size, site));
    }
    // Callers come now: the server hangs up on those who are silent as long as a large fleet takes to be made.
    let mut fleets = Vec::new();
    for (size, site) in sites {
        let served = site.serve();
        fleets.push(Fleet { size, caller: served.caller().await, served, site });
    }
    let mut table = Table::new(5, "What grows with the number of devices");
    table.note(format!("p50 of {turns} requests in each round, in turns; the smallest fleet is the yardstick."));
    for question in QUESTIONS {
        let mut samples = vec![Vec::new(); fleets.len()];
        for round in 0..plan.rounds {
            let mut times = vec![Vec::with_capacity(turns); fleets.len()];
            for turn in round * turns..(round + 1) * turns {
                for (fleet, times) in fleets.iter_mut().zip(&mut times) {
                    // Every turn asks for another device.
                    let apart = fleet.size / (plan.rounds * turns);
                    times.push(ask(&mut fleet.caller, question, &(question.path)(turn, apart)).await);
                }
            }
            samples.iter_mut().zip(&mut times).for_each(|(all, times)| all.push(quantile(times, 0.5)));
        }
        add(&mut table, question, &fleets, samples);
    }
    for fleet in &fleets {
        let bytes = std::fs::metadata(fleet.site.database()).expect("the database").len();
        let size = fleet.size as f64;
        table.row(Row::new(format!("database, {} devices", fleet.size), "bytes each", vec![bytes as f64 / size]));
        let memory = resident_kib(fleet.served.pid()) / 1024.0;
        table.row(Row::new(format!("memory of the server, {} devices", fleet.size), "MiB", vec![memory]));
    }
    vec![table]
}

fn add(table: &mut Table, question: &Question, fleets: &[Fleet], samples: Vec<Vec<f64>>) {
    let name = |fleet: &Fleet| format!("{}, {} devices", question.name, fleet.size);
    for (at, (fleet, samples)) in fleets.iter().zip(samples).enumerate() {
        let row = Row::new(name(fleet), "ms", samples);
        table.row(match (at, question.indexed) {
            (0, _) => row,
            (_, true) => row.over(name(&fleets[0])).at_most(1.2),
            (_, false) => row.over(name(&fleets[0])),
        });
    }
}

/// Asks, and returns the milliseconds.
async fn ask(caller: &mut Caller, question: &Question, path: &str) -> f64 {
    let begun = Instant::now();
    let (status, body) = caller.ask(question.method, path).await;
    let taken = begun.elapsed().as_secs_f64() * 1e3;
    // A scan may be more than the server does for one request; then the refusal is what it costs.
    if question.indexed || status.is_success() {
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
    } else {
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    let found = serde_json::from_slice::<Value>(&body).ok().and_then(|body| Some(body["value"].as_array()?.len()));
    assert!(!question.indexed || found != Some(0), "{path}");
    taken
}
