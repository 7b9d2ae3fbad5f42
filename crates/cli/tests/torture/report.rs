//! The report: a table for people, JSON for machines.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::Kind;
use crate::ledger::{Promise, Tally};

/// A promise that was seen broken.
pub struct Violation {
    pub round: usize,
    pub kind: Kind,
    pub promise: Promise,
    pub what: String,
    /// Where everything is kept.
    pub directory: Option<PathBuf>,
}

/// The sums of one kind of fault.
struct Row {
    kind: Kind,
    rounds: u64,
    tally: Tally,
    not_run: Option<String>,
}

/// The whole run.
pub struct Report {
    seed: u64,
    rows: Vec<Row>,
    violations: Vec<Violation>,
    /// Rounds that this program could not finish.
    failures: Vec<(usize, Kind, String)>,
    pub took: Duration,
}

impl Report {
    pub fn new(seed: u64, kinds: &[Kind]) -> Self {
        let row = |kind: &Kind| Row { kind: *kind, rounds: 0, tally: Tally::default(), not_run: None };
        let rows = kinds.iter().map(row).collect();
        Self { seed, rows, violations: Vec::new(), failures: Vec::new(), took: Duration::ZERO }
    }

    /// Adds a round.
    pub fn add(&mut self, kind: Kind, tally: Tally) {
        for row in self.rows.iter_mut().filter(|row| row.kind == kind) {
            row.rounds += 1;
            row.tally += tally;
        }
    }

    /// The kind cannot be run here.
    pub fn not_run(&mut self, kind: Kind, why: String) {
        for row in self.rows.iter_mut().filter(|row| row.kind == kind) {
            row.not_run = Some(why.clone());
        }
    }

    /// A round came to no end.
    pub fn fail(&mut self, round: usize, kind: Kind, why: &str) {
        eprintln!("torture: round {round}, {}: not finished: {why}", kind.name());
        self.failures.push((round, kind, why.to_owned()));
    }

    /// Says whether that round came to no end.
    pub fn failed_in(&self, round: usize) -> bool {
        self.failures.last().is_some_and(|(failed, ..)| *failed == round)
    }

    /// Adds a violation, and says it at once.
    pub fn broke(&mut self, violation: Violation) {
        let Violation { round, kind, promise, what, .. } = &violation;
        eprintln!("torture: round {round}, {}: {promise}: {}", kind.name(), what.trim());
        self.violations.push(violation);
    }

    pub fn violations(&self) -> usize {
        self.violations.len()
    }

    /// Every round came to its end, and no promise was seen broken.
    pub fn is_well(&self) -> bool {
        self.violations.is_empty() && self.failures.is_empty()
    }

    pub fn print(&self, as_json: bool) {
        if as_json {
            println!("{:#}", self.json());
            return;
        }
        println!(
            "{:<14}{:>7}{:>8}{:>10}{:>8}{:>14}{:>12}",
            "fault", "rounds", "asked", "204", "shown", "acknowledged", "violations"
        );
        let mut sum = Row { kind: Kind::Kill, rounds: 0, tally: Tally::default(), not_run: None };
        for row in &self.rows {
            let broken = self.violations.iter().filter(|violation| violation.kind == row.kind).count();
            match &row.not_run {
                Some(why) => println!("{:<14}not run: {why}", row.kind.name()),
                None => println!("{}", line(&row.kind.name(), row, broken)),
            }
            sum.rounds += row.rounds;
            sum.tally += row.tally;
        }
        println!("{}", line("all", &sum, self.violations.len()));
        let failures = self.failures.len();
        let unfinished = if failures == 0 { String::new() } else { format!(", {failures} rounds not finished") };
        println!("seed {}, {} s{unfinished}", self.seed, self.took.as_secs());
    }

    fn json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "kind": row.kind.name(), "about": row.kind.about(), "rounds": row.rounds, "asked": row.tally.asked,
                "answered": row.tally.answered, "shown": row.tally.shown, "acknowledged": row.tally.acknowledged,
                "notRun": row.not_run,
            })
        };
        let violation = |violation: &Violation| {
            json!({
                "round": violation.round, "kind": violation.kind.name(), "promise": violation.promise.to_string(),
                "what": violation.what, "directory": violation.directory,
            })
        };
        let failure =
            |(round, kind, why): &(usize, Kind, String)| json!({"round": round, "kind": kind.name(), "why": why});
        json!({
            "seed": self.seed,
            "seconds": self.took.as_secs(),
            "well": self.is_well(),
            "kinds": self.rows.iter().map(row).collect::<Vec<_>>(),
            "violations": self.violations.iter().map(violation).collect::<Vec<_>>(),
            "notFinished": self.failures.iter().map(failure).collect::<Vec<_>>(),
        })
    }
}

fn line(name: &str, row: &Row, broken: usize) -> String {
    let Tally { asked, answered, shown, acknowledged } = row.tally;
    format!("{name:<14}{:>7}{asked:>8}{answered:>10}{shown:>8}{acknowledged:>14}{broken:>12}", row.rounds)
}
