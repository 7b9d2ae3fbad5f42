//! The device channel, called without a network.

#![allow(unreachable_pub, dead_code, reason = "a test crate; its support is shared")]

mod enrollment;
mod linux;
mod management;
mod wake;
mod world;
