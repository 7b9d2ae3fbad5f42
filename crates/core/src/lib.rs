//! The domain of Chaveiro: devices, remote actions and the rules that decide.
//!
//! Nothing here knows HTTP, SQL or XML. Decisions are functions of values; time and identifiers are
//! parameters; the outside is reached only through the traits of [`ports`]. A remote action is one
//! file under [`actions`], read from top to bottom.

pub mod action;
pub mod actions;
pub mod activity;
pub mod alert;
pub mod application;
pub mod audit;
pub mod caller;
pub mod command;
pub mod device;
pub mod digest;
pub mod enrollment;
pub mod escrow;
pub mod hold;
pub mod id;
pub mod keys;
pub mod lock;
pub mod passcode;
pub mod permission;
pub mod ports;
pub mod query;
pub mod reading;
pub mod refusal;
pub mod refused;
pub mod resource;
pub mod revocation;
pub mod rights;
pub mod role;
pub mod scope_tag;
pub mod secret;
pub mod sign_in;
pub mod steady;
pub mod tenant;

pub use jiff::Timestamp;
pub use refusal::{Fault, Refusal};
