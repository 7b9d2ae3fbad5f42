//! The real binary, as a person or a service manager runs it.

#![allow(unreachable_pub, dead_code, reason = "a test crate; its support is shared")]

mod channel;
mod clock;
mod crash;
mod debian;
mod demo;
mod durable;
mod fingerprint;
mod floods;
mod host;
mod identity;
mod keys;
mod linux;
mod linux_faults;
mod memory;
mod package;
mod people;
mod reach;
mod record;
mod screen;
mod sdk;
mod support;
mod transport;
mod unmodified;
mod verbs;
