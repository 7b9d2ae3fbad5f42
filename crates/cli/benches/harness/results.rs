//! The results of a run: plain data, that is kept as JSON and compared with an earlier run.

use serde::{Deserialize, Serialize};

/// One run of the benchmarks on one machine.
#[derive(Deserialize, Serialize)]
pub struct Run {
    pub commit: String,
    pub date: String,
    /// A sentence of the one who ran it.
    pub note: String,
    pub scale: String,
    pub rounds: usize,
    pub machine: Vec<(String, String)>,
    pub tables: Vec<Table>,
}

/// The rows of one goal, measured side by side.
#[derive(Deserialize, Serialize)]
pub struct Table {
    pub goal: u8,
    pub title: String,
    /// Sentences about the conditions, and about the counts that were checked.
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
}

/// One thing that was measured, once in each round.
#[derive(Deserialize, Serialize)]
pub struct Row {
    pub name: String,
    pub unit: String,
    pub samples: Vec<f64>,
    /// The name of the row beside which this one is judged.
    pub over: Option<String>,
    pub aim: Option<Aim>,
}

/// The bound of a ratio; of the value itself in a row that has no other beside it.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

/// A median, with the lowest and the highest of its samples.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Returns nothing for no samples.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted.get(middle.wrapping_sub(1))? + sorted.get(middle)?) / 2.0,
            _ => *sorted.get(middle)?,
        };
        Some(Self { median, low: *sorted.first()?, high: *sorted.last()? })
    }
}

impl Aim {
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    pub fn bound(self) -> f64 {
        let (Self::AtLeast(bound) | Self::AtMost(bound)) = self;
        bound
    }
}

impl std::fmt::Display for Aim {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(out, "≥ {bound}"),
            Self::AtMost(bound) => write!(out, "≤ {bound}"),
        }
    }
}

impl Row {
    pub fn new(name: impl Into<String>, unit: &str, samples: Vec<f64>) -> Self {
        Self { name: name.into(), unit: unit.to_owned(), samples, over: None, aim: None }
    }

    /// Judges the row beside that one.
    pub fn over(mut self, name: impl Into<String>) -> Self {
        self.over = Some(name.into());
        self
    }

    pub fn at_least(mut self, bound: f64) -> Self {
        self.aim = Some(Aim::AtLeast(bound));
        self
    }

    pub fn at_most(mut self, bound: f64) -> Self {
        self.aim = Some(Aim::AtMost(bound));
        self
    }

    pub fn value(&self) -> Option<Spread> {
        Spread::of(&self.samples)
    }
}

impl Table {
    pub fn new(goal: u8, title: &str) -> Self {
        Self { goal, title: title.to_owned(), notes: Vec::new(), rows: Vec::new() }
    }

    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn find(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The ratio of a row to the one beside it. Each round is compared with itself, because machines drift.
    pub fn ratio(&self, row: &Row) -> Option<Spread> {
        let over = self.find(row.over.as_deref()?)?;
        if row.samples.len() == over.samples.len() {
            let ratios: Vec<_> = row.samples.iter().zip(&over.samples).map(|(one, other)| one / other).collect();
            return Spread::of(&ratios);
        }
        let median = row.value()?.median / over.value()?.median;
        Some(Spread { median, low: median, high: median })
    }

    /// The number that the aim of a row is about.
    pub fn judged(&self, row: &Row) -> Option<Spread> {
        if row.over.is_some() { self.ratio(row) } else { row.value() }
    }
}

impl Run {
    /// The number that the aim of that row is about, if this run has the row.
    pub fn judged(&self, title: &str, name: &str) -> Option<Spread> {
        let table = self.tables.iter().find(|table| table.title == title)?;
        table.judged(table.find(name)?)
    }
}
