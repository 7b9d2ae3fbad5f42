//! The audit record cannot be edited silently: a hash chain for each tenant, with signed checkpoints,
//! that anybody can verify offline.
//!
//! Events are written by the domain, in the unit of work of what they record. Here they are linked,
//! behind the request path ([`extend`]), exported ([`export`]) and verified: an export by an auditor
//! ([`verify`]), the stored record by the server ([`Watch`]). Checkpoints are kept outside the server, too
//! ([`KeptCheckpoint`]).

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
