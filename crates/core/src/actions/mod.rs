//! The policies: one remote action is one value in one file.

pub mod recover_passcode;
