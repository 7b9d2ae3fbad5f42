//! The benchmarks: each goal of `docs/benchmarks/`, measured beside its yardstick in one run. `cargo xtask bench` runs
//! them; `cargo test` runs one small round of each, which shows that it still works.

#![allow(unreachable_pub, dead_code, reason = "the support is shared with the tests")]

mod goals;
mod harness;
#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use chaveiro_core::ports::Clock;
use chaveiro_server::SystemClock;
use clap::Parser;

use goals::{GOALS, Goal};
use harness::results::Run;
use harness::{Plan, Scale, page, process};
use support::{is_measured, text};

/// Measure, and print ratios.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// These goals alone, by name; all but `mixed` if none is named.
    #[arg(value_parser = goals::names())]
    goals: Vec<String>,
    /// The amount of work.
    #[arg(long)]
    scale: Option<Scale>,
    /// The rounds; the median of them counts.
    #[arg(long)]
    rounds: Option<usize>,
    /// The numbers of devices of the goals that vary them; the last one is that of the mixed load.
    #[arg(long, value_delimiter = ',')]
    devices: Vec<usize>,
    /// The length of the mixed load.
    #[arg(long)]
    minutes: Option<f64>,
    /// Write the page, the chart and `results.json` into that directory.
    #[arg(long, value_name = "DIRECTORY")]
    into: Option<PathBuf>,
    /// Show the ratios of that earlier `results.json` beside.
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// A sentence about the conditions, for the page.
    #[arg(long, value_name = "SENTENCE", default_value = "")]
    note: String,
    /// Measure nothing: write the page from that `results.json`.
    #[arg(long, value_name = "FILE", requires = "into")]
    render: Option<PathBuf>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let run = match &options.render {
        Some(file) => read(file),
        None => measure(&options),
    };
    if let Some(directory) = &options.into {
        page::write(directory, &run, options.before.as_ref().map(read).as_ref());
        let json = serde_json::to_string_pretty(&run).expect("JSON") + "\n";
        std::fs::write(directory.join("results.json"), json).expect("written");
        println!("\nwritten to {}", directory.display());
    }
}

fn read(file: &PathBuf) -> Run {
    let json = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&json).expect("results")
}

fn measure(options: &Options) -> Run {
    let scale = options.scale.unwrap_or(if is_measured() { Scale::Full } else { Scale::Smoke });
    let default =
        |smoke: &[usize], other: &[usize]| if scale == Scale::Smoke { smoke.to_vec() } else { other.to_vec() };
    let devices = match options.devices[..] {
        [] if scale == Scale::Medium => vec![1_000, 20_000],
        [] => default(&[100, 200], &[1_000, 100_000, 1_000_000]),
        _ => options.devices.clone(),
    };
    let seconds = if scale == Scale::Smoke { 2.0 } else { 600.0 };
    let duration = Duration::from_secs_f64(options.minutes.map_or(seconds, |minutes| minutes * 60.0));
    let rounds = options.rounds.unwrap_or(if scale == Scale::Smoke { 1 } else { 5 });
    let plan = Plan { scale, rounds, devices, duration };
    let machine = process::machine();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let wanted = |goal: &&Goal| match options.goals[..] {
        [] => goal.belongs_to(scale == Scale::Smoke),
        _ => options.goals.iter().any(|name| name == goal.name),
    };
    let mut tables = Vec::new();
    for goal in GOALS.iter().filter(wanted) {
        eprintln!("measuring {}", goal.name);
        for table in runtime.block_on((goal.measure)(&plan)) {
            page::print(&table);
            tables.push(table);
        }
    }
    let date = SystemClock::default().now().to_string();
    let note = options.note.clone();
    Run {
        commit: commit(),
        date,
        note,
        scale: format!("{scale:?}").to_lowercase(),
        rounds: plan.rounds,
        machine,
        tables,
    }
}

/// The commit that is measured, with a sign if files differ from it.
fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    described.map(|output| text(&output.stdout).trim().to_owned()).unwrap_or_default()
}
