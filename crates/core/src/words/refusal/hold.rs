//! Refusals about holds.

use jiff::Timestamp;
use thiserror::Error;

use crate::hold::{MAX_REASON, MIN_REASON};
use crate::id::HoldId;

/// The reason why a hold stops a caller, or why a caller cannot release it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HoldRefusal {
    /// The tenant's recoveries have been on hold since that time.
    #[error("recoveries of this tenant have been on hold since {since}")]
    RecoveryOnHold {
        /// The hold.
        hold: HoldId,
        /// The time.
        since: Timestamp,
    },
    /// The break-glass reason is too short or too long.
    #[error("the reason for breaking the glass must have {MIN_REASON} to {MAX_REASON} characters")]
    BreakGlassReason,
    /// The hold was released before.
    #[error("the hold was released at {0}")]
    Released(Timestamp),
    /// The caller that caused a hold tries to release it.
    #[error("the caller that caused a hold cannot release it")]
    Own,
}

/// The reason why an operator must name a hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnclearHold {
    /// No hold is in force, or not the named one.
    #[error("the hold does not exist")]
    None,
    /// Several holds are in force, and none was named.
    #[error("several holds are in force; name one by its id")]
    Several,
}
