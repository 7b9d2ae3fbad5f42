//! Refusals about holds.

use jiff::Timestamp;
use thiserror::Error;

use crate::hold::{MAX_REASON, MIN_REASON};
use crate::id::HoldId;

/// Why a hold stops a caller, or is not released by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HoldRefusal {
    /// The tenant's recoveries are on hold since that moment.
    #[error("recoveries of this tenant are on hold since {since}")]
    RecoveryOnHold {
        /// The hold.
        hold: HoldId,
        /// The moment.
        since: Timestamp,
    },
    /// The reason for breaking the glass is too short or too long.
    #[error("the reason for breaking the glass must have {MIN_REASON} to {MAX_REASON} characters")]
    BreakGlassReason,
    /// The hold was released before.
    #[error("the hold was released at {0}")]
    Released(Timestamp),
    /// The caller that caused a hold wants to release it.
    #[error("whoever caused a hold cannot release it")]
    Own,
}

/// Why an operator must say which hold is meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnclearHold {
    /// No hold stands, or not the one that was named.
    #[error("the hold does not exist")]
    None,
    /// Several holds stand, and none was named.
    #[error("several holds stand; name one by its id")]
    Several,
}
