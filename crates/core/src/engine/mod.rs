//! The machine that runs any remote action.

pub mod escrow;
