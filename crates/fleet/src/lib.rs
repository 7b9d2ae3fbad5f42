//! Simulated devices that speak the real device protocols, for demonstrations, tests and load.
//!
//! They use `omadm` and never `mdm`: both ends share a codec, but not its interpretation.

pub mod behavior;
pub mod enroll;
pub mod hardware;
pub mod linux;
pub mod windows;

pub use chaveiro_device::{https, transport};
