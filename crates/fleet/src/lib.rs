//! Simulated devices that speak the real device protocols, for demonstrations, tests and load.

pub mod transport;
