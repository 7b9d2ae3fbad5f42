//! Sealing and opening, through the public face of the crate.

mod device;
mod escrow;
