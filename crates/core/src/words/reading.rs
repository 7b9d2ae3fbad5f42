//! Readings of passcodes, and the rule that puts further ones on hold. The decision is [`crate::decisions::reading`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, SecretId, TenantId};

/// So many passcodes within the window never place a hold by the percentage alone: small tenants must be able to work.
pub const FLOOR: u32 = 20;

/// The rule that puts further reading on hold. A party that reads again within the window of its disclosure is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadingRule {
    /// So many passcodes may be read in the tenant within the window; 0 means that there is no ceiling of the tenant.
    pub passcodes: u32,
    /// So many by one party; 0 means that there is no ceiling of a party.
    pub by_caller: u32,
    /// And, beyond [`FLOOR`], no more in the tenant than so many of a hundred managed devices; 0 means any.
    pub percent: u8,
    /// The window, in seconds.
    pub window_s: u64,
}

impl Default for ReadingRule {
    /// One application can read everything that the hold on recoveries lets through: fifty an hour. A tenant reads twice as
    /// many, because the passcodes of disks stand ready without a recovery.
    fn default() -> Self {
        Self { passcodes: 100, by_caller: 50, percent: 10, window_s: 60 * 60 }
    }
}

/// One passcode that was read and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The tenant.
    pub tenant: TenantId,
    /// The action that the passcode is of.
    pub action: ActionId,
    /// The passcode.
    pub secret: SecretId,
    /// The party that read it, by [`crate::caller::Actor::party`].
    pub party: String,
    /// The moment.
    pub at: Timestamp,
    /// True if people were told with it that the party is at half of its limit.
    pub warned_party: bool,
    /// True if people were told with it that the tenant is at half of its limit.
    pub warned_tenant: bool,
}

/// The count of passcodes read within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// The number, up to the limit of the question.
    pub counted: u32,
    /// True if people were told of half of the limit.
    pub warned: bool,
}
