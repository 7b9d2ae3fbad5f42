//! The audit record cannot be edited silently: a hash chain for each tenant, with signed checkpoints,
//! that anybody can verify offline.
//!
//! Events are written by the domain, in the unit of work of what they record. Here they are linked,
//! behind the request path ([`extend`]), exported ([`export`]) and verified ([`verify`]).

mod chain;
mod export;
mod signer;
mod verify;

pub use chain::{Links, extend};
pub use export::{ExportError, ExportSummary, export};
pub use signer::{PublicKey, Signer, SignerError};
pub use verify::{Broken, BrokenKind, MAX_LINE_BYTES, Report, verify};
