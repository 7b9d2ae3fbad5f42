//! The goals, as a table: each is one file.

mod accepts;
mod held;
mod idle;
mod linux;
mod mixed;
mod nanomdm;
mod pages;
mod recoveries;
mod sizes;

use std::pin::Pin;

use crate::harness::Plan;
use crate::harness::results::Table;

type Measured<'a> = Pin<Box<dyn Future<Output = Vec<Table>> + 'a>>;

/// One goal.
pub struct Goal {
    pub name: &'static str,
    pub when: When,
    pub measure: for<'a> fn(&'a Plan) -> Measured<'a>,
}

/// The runs that a goal belongs to if none is named.
#[derive(Clone, Copy, PartialEq)]
pub enum When {
    Always,
    /// It builds a program of others.
    Measured,
    /// It takes longer than all others together.
    Smoke,
}

impl Goal {
    pub fn belongs_to(&self, is_smoke: bool) -> bool {
        match self.when {
            When::Always => true,
            When::Measured => !is_smoke,
            When::Smoke => is_smoke,
        }
    }
}

pub const GOALS: &[Goal] = &[
    Goal { name: "accepts", when: When::Always, measure: |plan| Box::pin(accepts::measure(plan)) },
    Goal { name: "recoveries", when: When::Always, measure: |plan| Box::pin(recoveries::measure(plan)) },
    Goal { name: "idle", when: When::Always, measure: |plan| Box::pin(idle::measure(plan)) },
    Goal { name: "pages", when: When::Always, measure: |plan| Box::pin(pages::measure(plan)) },
    Goal { name: "sizes", when: When::Always, measure: |plan| Box::pin(sizes::measure(plan)) },
    Goal { name: "held", when: When::Always, measure: |plan| Box::pin(held::measure(plan)) },
    Goal { name: "linux", when: When::Always, measure: |plan| Box::pin(linux::measure(plan)) },
    Goal { name: "nanomdm", when: When::Measured, measure: |plan| Box::pin(nanomdm::measure(plan)) },
    Goal { name: "mixed", when: When::Smoke, measure: |plan| Box::pin(mixed::measure(plan)) },
];

/// The names, for the command line.
pub fn names() -> Vec<&'static str> {
    GOALS.iter().map(|goal| goal.name).collect()
}
