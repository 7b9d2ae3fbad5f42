//! Readings of passcodes, and the rule that puts further ones on hold. The decision is [`crate::decisions::reading`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, SecretId, TenantId};

/// The number of passcodes within the window below which the percentage places no hold: small tenants must be able to
/// work.
pub const FLOOR: u32 = 20;

/// The rule that puts further reading on hold. A party that reads again within its disclosure window is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadingRule {
    /// The number of passcodes that may be read in the tenant within the window; 0 means no limit for the tenant.
    pub passcodes: u32,
    /// The number that one party may read; 0 means no limit for a party.
    pub by_caller: u32,
    /// The percentage of managed devices whose passcodes may be read in the tenant, beyond [`FLOOR`]; 0 means any.
    pub percent: u8,
    /// The window, in seconds.
    pub window_s: u64,
}

impl Default for ReadingRule {
    /// One application can read everything that the hold on recoveries lets through: fifty an hour. A tenant can read
    /// twice as many, because disk passcodes are available without a recovery.
    fn default() -> Self {
        Self { passcodes: 100, by_caller: 50, percent: 10, window_s: 60 * 60 }
    }
}

/// One passcode that was read and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The tenant.
    pub tenant: TenantId,
    /// The action that produced the passcode.
    pub action: ActionId,
    /// The passcode.
    pub secret: SecretId,
    /// The party that read it, by [`crate::caller::Actor::party`].
    pub party: String,
    /// The time.
    pub at: Timestamp,
    /// True if this reading raised the alert that the party is at half of its limit.
    pub warned_party: bool,
    /// True if this reading raised the alert that the tenant is at half of its limit.
    pub warned_tenant: bool,
}

/// The count of passcodes read within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// The number, up to the limit of the query.
    pub counted: u32,
    /// True if the alert at half of the limit was raised.
    pub warned: bool,
}
