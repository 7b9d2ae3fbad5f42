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
    /// Only run when it is named: it takes longer than all others together.
    pub is_long: bool,
    pub measure: for<'a> fn(&'a Plan) -> Measured<'a>,
}

pub const GOALS: &[Goal] = &[
    Goal { name: "accepts", is_long: false, measure: |plan| Box::pin(accepts::measure(plan)) },
    Goal { name: "recoveries", is_long: false, measure: |plan| Box::pin(recoveries::measure(plan)) },
    Goal { name: "idle", is_long: false, measure: |plan| Box::pin(idle::measure(plan)) },
    Goal { name: "pages", is_long: false, measure: |plan| Box::pin(pages::measure(plan)) },
    Goal { name: "sizes", is_long: false, measure: |plan| Box::pin(sizes::measure(plan)) },
    Goal { name: "held", is_long: false, measure: |plan| Box::pin(held::measure(plan)) },
    Goal { name: "linux", is_long: false, measure: |plan| Box::pin(linux::measure(plan)) },
    Goal { name: "nanomdm", is_long: false, measure: |plan| Box::pin(nanomdm::measure(plan)) },
    Goal { name: "mixed", is_long: true, measure: |plan| Box::pin(mixed::measure(plan)) },
];

/// The names, for the command line.
pub fn names() -> Vec<&'static str> {
    GOALS.iter().map(|goal| goal.name).collect()
}
