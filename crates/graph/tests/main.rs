//! The Graph face on a real store, called without a network.

#![allow(unreachable_pub, reason = "a test crate")]

mod generated;
mod graph;
mod metadata;
mod paths;
mod queries;
mod roles;
mod world;
