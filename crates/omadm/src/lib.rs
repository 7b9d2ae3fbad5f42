//! OMA Device Management and Windows enrolment, sans-IO: bytes to types and back, and the session state
//! machines of both ends. Nothing here opens a socket, reads a clock or makes a random number.
//!
//! References: OMA-TS-DM_Protocol 1.2, OMA-TS-SyncML_RepPro 1.2, [MS-MDM], [MS-MDE2], [MS-XCEP], [MS-WSTEP].

pub mod digest;
pub mod provisioning;
mod secret;
pub mod session;
pub mod soap;
pub mod syncml;
mod xml;

pub use secret::Secret;
pub use xml::{Limits, XmlError};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
