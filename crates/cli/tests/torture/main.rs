//! Tortures a server: devices and callers work while it is killed, starved and lied to; then what they were told is
//! compared with what is there. `cargo xtask torture` builds and runs it; `docs/reliability.md` tells of it.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod faults;
mod ledger;
mod load;
mod preload;
mod report;
mod scene;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use fastrand::Rng;
use tempfile::TempDir;

use faults::{Kind, Went};
use report::{Report, Violation};
use scene::Scene;

/// Torture a server, and say which promises were seen broken.
#[derive(Parser)]
#[command(name = "cargo xtask torture")]
struct Options {
    /// Seconds in which rounds begin; every kind has its turn once, however long that takes.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The number from which the schedule of faults is made; drawn when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// This kind of fault alone; repeat for more.
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,
    /// Print JSON for machines.
    #[arg(long)]
    json: bool,
}

/// The shortest run in which rounds may take their time.
const LONG: Duration = Duration::from_secs(1800);

/// The rounds of a scene at the most: its record is exported and verified in each.
const ROUNDS: usize = 100;

/// The most data directories that are kept of rounds in which a promise was broken.
const KEPT: usize = 20;

fn main() -> ExitCode {
    match torture() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn torture() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(status) = faults::apart()? {
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(run(&options))?;
    report.print(options.json);
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(options: &Options) -> Result<Report> {
    let seed = options.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    eprintln!("torture: seed {seed}");
    let kinds = if options.only.is_empty() { Kind::value_variants().to_vec() } else { options.only.clone() };
    let mut report = Report::new(seed, &kinds);
    if kinds.contains(&Kind::AgentKill) {
        // Built before the time runs.
        std::sync::LazyLock::force(&support::machine::AGENT);
    }
    let (begun, long) = (Instant::now(), Duration::from_secs(options.seconds));
    let mut scene: Option<Scene> = None;
    let (mut order, mut kept) = (kinds.clone(), 0);
    for round in 0.. {
        let place = round % kinds.len();
        if place == 0 {
            Rng::with_seed(seed ^ (round as u64) << 32).shuffle(&mut order);
        }
        if round >= kinds.len() && begun.elapsed() >= long {
            break;
        }
        let kind = order[place];
        let mut rng = Rng::with_seed(seed.wrapping_add(round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let went = one(kind, &mut scene, &mut rng, long >= LONG).await;
        let mut broken = Vec::new();
        match went {
            Ok((Went::Through, tally, found)) => {
                report.add(kind, tally);
                broken = found;
            }
            Ok((Went::NotRun(why), ..)) => report.not_run(kind, why),
            Err(error) => report.fail(round, kind, &format!("{error:#}")),
        }
        let failed = report.failed_in(round);
        if !broken.is_empty() || failed || scene.as_ref().is_some_and(|scene| scene.is_spent) {
            let spent = scene.take();
            let is_evidence = (!broken.is_empty() || failed) && kept < KEPT;
            let directory = spent.filter(|_| is_evidence).map(Scene::keep).transpose()?;
            if let Some(directory) = &directory {
                kept += 1;
                eprintln!("torture: round {round} is kept in {}", directory.display());
            }
            for (promise, what) in broken {
                report.broke(Violation { round, kind, promise, what, directory: directory.clone() });
            }
        }
        if std::io::stderr().is_terminal() {
            let (took, violations) = (begun.elapsed().as_secs(), report.violations());
            eprint!("\r\x1b[Ktorture: {} rounds in {took} s, {violations} violations; last {}", round + 1, kind.name());
        }
    }
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    report.took = begun.elapsed();
    Ok(report)
}

type Outcome = (Went, ledger::Tally, Vec<(ledger::Promise, String)>);

/// One round, in the scene that stands, or in a fresh one.
async fn one(kind: Kind, scene: &mut Option<Scene>, rng: &mut Rng, is_long: bool) -> Result<Outcome> {
    // A round is the same whatever came before it, so that it draws for a fresh scene in any case.
    let (fresh, own) = (rng.fork(), rng.fork());
    if scene.as_ref().is_some_and(|scene| scene.rounds >= ROUNDS) {
        *scene = None;
    }
    if kind == Kind::DiskFull {
        let home = home()?;
        match faults::mount_small(&home.path().join("disk")) {
            Ok(mount) => {
                let mut small = Scene::build(home, Some(mount), fresh.clone()).await.context("a fresh scene")?;
                small.is_spent = true;
                *scene = Some(small);
            }
            Err(why) => return Ok((Went::NotRun(why), ledger::Tally::default(), Vec::new())),
        }
    }
    let scene = match scene {
        Some(standing) => standing,
        None => scene.insert(Scene::build(home()?, None, fresh).await.context("a fresh scene")?),
    };
    scene.rng = own;
    scene.rounds += 1;
    let went = kind.run(scene, is_long).await;
    finish(scene, went)
}

fn finish(scene: &mut Scene, went: Result<Went>) -> Result<Outcome> {
    let (tally, broken) = scene.ledger.take();
    // What was seen broken before a round failed is the likely reason.
    match went {
        Err(_) if !broken.is_empty() => Ok((Went::Through, tally, broken)),
        went => Ok((went?, tally, broken)),
    }
}

/// A fresh directory for a scene, below `target/`.
fn home() -> Result<TempDir> {
    let within = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture");
    std::fs::create_dir_all(&within)?;
    Ok(TempDir::with_prefix_in("scene-", within)?)
}
