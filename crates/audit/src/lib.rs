//! The audit record: a hash chain for each tenant with signed checkpoints, which cannot be edited silently. Anyone can
//! verify it offline.
//!
//! The domain writes events in the unit of work that they record. This crate links them behind the request path
//! ([`extend`]) and exports them ([`export`]). An auditor verifies an export ([`verify`]), and the server verifies the
//! stored record ([`Watch`]). Checkpoints are also kept outside the server ([`KeptCheckpoint`]).

mod chain;
mod export;
mod kept;
mod signer;
mod succession;
mod verify;
mod watch;

pub use chain::{Links, extend};
pub use export::{ExportError, ExportSummary, export};
pub use kept::{KeptCheckpoint, Point, newest_checkpoints};
pub use signer::{PublicKey, Signer, SignerError};
pub use succession::{Lineage, Succeeded};
pub use verify::{Broken, BrokenKind, Earlier, Expected, MAX_LINE_BYTES, Report, verify};
pub use watch::{Damage, DamageKind, Watch, examine};
