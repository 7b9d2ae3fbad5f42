//! The domain of Chaveiro: devices, remote actions and the rules that decide.
//!
//! Decisions are functions of values; time and identifiers are parameters; the outside is reached only through the
//! traits of [`ports`]. The crate has five floors, each a folder. A file uses its own floor and those above it in this
//! list:
//!
//! | floor | what it holds |
//! |---|---|
//! | `words` | data and pure functions over it: [`device`], [`action`], [`escrow`], … |
//! | [`ports`] | the traits by which the outside is reached: store, escrow, clock |
//! | [`actions`] | the policies: one remote action is one value in one file |
//! | [`engine`] | the machine that runs any remote action: delivery, answer, loss, end |
//! | [`decisions`] | every other unit of work: enrolment, disclosure, holds, roles, … |

pub mod actions;
pub mod decisions;
pub mod engine;
#[cfg(test)]
mod model;
pub mod ports;
mod words;

pub use jiff::Timestamp;

pub use ports::{Decided, Fault};
pub use refusal::Refusal;
pub use words::*;
