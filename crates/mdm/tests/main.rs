//! The device channel, called without a network.

#![allow(unreachable_pub, reason = "a test crate")]

mod enrollment;
mod idle;
mod linux;
mod management;
mod wake;
mod world;
