//! Holds: further recoveries, or readings, of a tenant wait until a person has looked.
//!
//! A hold has a kind, and applies to the tenant or to one party. The decisions are in [`crate::decisions::hold`] and
//! [`crate::decisions::reading`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::caller::Actor;
use crate::id::{HoldId, TenantId};

/// The number of recoveries within the window below which the percentage places no hold: small tenants must be able to
/// work.
pub const FLOOR: u32 = 10;

/// Most released holds in one list, newest first. Holds in force are always listed, and any hold can be read by its id.
pub const MOST: usize = 10_000;

/// Longest quiet time after a release, in minutes: thirty days.
pub const MAX_QUIET_MINUTES: u32 = 43_200;

/// Fewest characters of a break-glass reason: enough for a ticket number and a word.
pub const MIN_REASON: usize = 10;

/// Most characters of a reason.
pub const MAX_REASON: usize = 256;

/// The rule that puts further recoveries of a tenant on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HoldRule {
    /// The number of recoveries that may be opened within the window; 0 means no hold.
    pub recoveries: u32,
    /// The percentage of managed devices that may be recovered within the window, beyond [`FLOOR`]; 0 means any.
    pub percent: u8,
    /// The window, in seconds.
    pub window_s: u64,
}

impl Default for HoldRule {
    /// Fifty an hour is more than a busy help desk of a large organisation needs. One device in twenty is more than one
    /// of a small organisation needs.
    fn default() -> Self {
        Self { recoveries: 50, percent: 5, window_s: 60 * 60 }
    }
}

/// The most that a tenant may have within a window: a number, and a share of its managed devices beyond a floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    /// The number; 0 for any.
    pub(crate) number: u32,
    /// The percentage of managed devices; 0 for any.
    pub(crate) percent: u8,
    /// The count below which the share does not apply.
    pub(crate) floor: u32,
}

/// The answer to the question whether one more is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// One more is allowed.
    Yes,
    /// No more is allowed.
    No,
    /// One more is allowed if the tenant has this many managed devices.
    WithDevices(u64),
}

impl Most {
    /// Returns whether one more is allowed when `counted` were counted within the window.
    pub(crate) fn room(self, counted: u32) -> Room {
        match (self.number, self.percent) {
            (0, _) => Room::Yes,
            (most, _) if counted >= most => Room::No,
            (_, 0) => Room::Yes,
            _ if counted < self.floor => Room::Yes,
            (_, percent) => Room::WithDevices((u64::from(counted) + 1).saturating_mul(100).div_ceil(percent.into())),
        }
    }
}

impl HoldRule {
    /// The most recoveries within the window.
    pub(crate) fn most(self) -> Most {
        Most { number: self.recoveries, percent: self.percent, floor: FLOOR }
    }
}

/// The acts that a hold refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldKind {
    /// Asking for recoveries.
    Asking,
    /// Reading passcodes.
    Reading,
}

impl HoldKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Reading => "reading",
        }
    }
}

/// A hold of a tenant. At most one of a kind and a party is unreleased: the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The key.
    pub id: HoldId,
    /// The tenant.
    pub tenant: TenantId,
    /// The acts that it refuses.
    pub kind: HoldKind,
    /// The party that it applies to, by [`Actor::party`]; `None` for every party of the tenant.
    pub party: Option<String>,
    /// The time at which it was placed.
    pub placed: Timestamp,
    /// The party whose request was refused first.
    pub caused_by: Actor,
    /// The number counted within the window before.
    pub counted: u32,
    /// The release, if it was released.
    pub released: Option<Release>,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The time. Recoveries and readings before it no longer count.
    pub at: Timestamp,
    /// The party that released it.
    pub by: Actor,
    /// The time until which no other hold is placed.
    pub quiet_until: Option<Timestamp>,
    /// The reason, in the words of that party.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of recoveries that a tenant of so many devices can open within a window.
    fn most(rule: HoldRule, devices: u64) -> u32 {
        let has_room = |counted: &u32| match rule.most().room(*counted) {
            Room::Yes => true,
            Room::No => false,
            Room::WithDevices(needed) => devices >= needed,
        };
        (0..2_000).take_while(has_room).count() as u32
    }

    #[test]
    fn the_smaller_of_number_and_percentage_holds_and_small_tenants_have_a_floor() {
        let rule = HoldRule::default();
        for (devices, expected) in
            [(0, 10), (1, 10), (200, 10), (219, 10), (220, 11), (999, 49), (1_000, 50), (90_000, 50)]
        {
            assert_eq!(most(rule, devices), expected, "{devices} devices");
        }
        assert_eq!(most(HoldRule { recoveries: 3, ..rule }, 90_000), 3, "the number holds below the floor too");
        assert_eq!(most(HoldRule { percent: 0, ..rule }, 1), 50, "no percentage");
        assert_eq!(most(HoldRule { recoveries: 0, ..rule }, 1), 2_000, "no hold");
        assert_eq!(most(HoldRule { recoveries: 1_000, percent: 100, ..rule }, 30), 30);
    }
}
