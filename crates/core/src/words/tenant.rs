//! Tenants, their licence and settings.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hold::HoldRule;
use crate::id::TenantId;
use crate::lock::Lock;
use crate::passcode::PasscodePolicy;
use crate::reading::ReadingRule;

/// The isolation boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The `tid` of its tokens.
    pub id: TenantId,
    /// The name for people.
    pub display_name: String,
    /// The licence, which decides whether the API may be used.
    pub licence: Licence,
    /// The Entra tenant whose users sign in on its Windows devices. If it is known, devices are configured at enrolment
    /// to allow the recovery of their PINs.
    pub entra_tenant: Option<Uuid>,
    /// The settings that the tenant may change.
    pub settings: TenantSettings,
    /// The time at which it was made.
    pub created: Timestamp,
}

impl Tenant {
    /// A tenant with an active licence and the settings that every tenant begins with.
    pub fn new(id: TenantId, display_name: impl Into<String>, created: Timestamp) -> Self {
        Self {
            id,
            display_name: display_name.into(),
            licence: Licence::Active,
            entra_tenant: None,
            settings: TenantSettings::default(),
            created,
        }
    }
}

/// The licence of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Licence {
    /// The API answers.
    Active,
    /// The API answers until that time.
    ActiveUntil(Timestamp),
    /// Every call is refused.
    Inactive,
}

impl Licence {
    /// Returns true if the licence is active at `now`.
    pub fn is_active(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::ActiveUntil(end) => now < end,
            Self::Inactive => false,
        }
    }
}

/// The settings that a tenant may change. Durations are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantSettings {
    /// The time after the first disclosure in which the same caller may read the passcode again.
    pub disclosure_window_s: u64,
    /// The time for which an unread passcode is kept before it is shredded.
    pub unread_retention_s: u64,
    /// The time for which an action may wait for its device.
    pub action_expiry_s: u64,
    /// The time for which a person stays signed in at the local issuer after the last refresh.
    pub sign_in_life_s: u64,
    /// The locks that a recovery opens on Linux.
    pub linux_locks: LinuxLocks,
    /// The form of the passcodes that devices generate.
    pub passcode: PasscodePolicy,
    /// True if a recovered login password must be changed at the next sign-in. Tenants from before there was this setting do
    /// not ask for it.
    #[serde(default)]
    pub must_change: bool,
    /// True if live sessions of the account are locked when its password was recovered.
    pub lock_sessions: bool,
    /// The rule that puts further recoveries on hold.
    pub hold: HoldRule,
    /// The rule that puts further reading on hold.
    pub reading: ReadingRule,
}

/// The bounds of a setting that is a number, in the unit in which people set it.
#[derive(Debug)]
pub struct Bounded {
    /// The name, as it is stored and recorded.
    pub setting: &'static str,
    /// The unit in stored ones: the seconds of a minute, an hour or a day.
    pub unit: u64,
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// The stored value.
    pub stored: fn(&TenantSettings) -> u64,
}

impl Bounded {
    /// Returns true if the stored value is within the bounds.
    pub fn holds(&self, settings: &TenantSettings) -> bool {
        (self.least * self.unit..=self.most * self.unit).contains(&(self.stored)(settings))
    }

    /// The bounds as a range.
    pub const fn range(&self) -> std::ops::RangeInclusive<u64> {
        self.least..=self.most
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The bounds of [`TenantSettings::disclosure_window_s`]. An answer may be lost, so that a reader can read again.
pub const DISCLOSURE_WINDOW: Bounded = Bounded {
    setting: "disclosureWindowS",
    unit: MINUTE,
    least: 1,
    most: 7 * 24 * 60,
    stored: |of| of.disclosure_window_s,
};
/// The bounds of [`TenantSettings::unread_retention_s`]. Zero would destroy a passcode before anyone reads it.
pub const UNREAD_RETENTION: Bounded =
    Bounded { setting: "unreadRetentionS", unit: DAY, least: 1, most: 3_650, stored: |of| of.unread_retention_s };
/// The bounds of [`TenantSettings::action_expiry_s`]. Zero would end an action before its device comes.
pub const ACTION_EXPIRY: Bounded =
    Bounded { setting: "actionExpiryS", unit: DAY, least: 1, most: 365, stored: |of| of.action_expiry_s };
/// The bounds of [`TenantSettings::sign_in_life_s`]. Zero would sign everyone out.
pub const SIGN_IN_LIFE: Bounded =
    Bounded { setting: "signInLifeS", unit: HOUR, least: 1, most: 365 * 24, stored: |of| of.sign_in_life_s };
/// The bounds of the percentage of a hold.
pub const HOLD_PERCENT: Bounded =
    Bounded { setting: "hold.percent", unit: 1, least: 0, most: 100, stored: |of| of.hold.percent.into() };
/// The bounds of the window of a hold.
pub const HOLD_WINDOW: Bounded =
    Bounded { setting: "hold.windowS", unit: MINUTE, least: 1, most: 30 * 24 * 60, stored: |of| of.hold.window_s };
/// The bounds of the percentage of a limit of reading.
pub const READING_PERCENT: Bounded =
    Bounded { setting: "reading.percent", unit: 1, least: 0, most: 100, stored: |of| of.reading.percent.into() };
/// The bounds of the window of the limits of reading.
pub const READING_WINDOW: Bounded = Bounded {
    setting: "reading.windowS",
    unit: MINUTE,
    least: 1,
    most: 30 * 24 * 60,
    stored: |of| of.reading.window_s,
};

/// Every setting with bounds.
pub const BOUNDED: &[Bounded] = &[
    DISCLOSURE_WINDOW,
    UNREAD_RETENTION,
    ACTION_EXPIRY,
    SIGN_IN_LIFE,
    HOLD_PERCENT,
    HOLD_WINDOW,
    READING_PERCENT,
    READING_WINDOW,
];

/// The locks that a recovery opens on Linux, as far as the device is able to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinuxLocks {
    /// Login password and encrypted volumes, with one passcode.
    #[default]
    Both,
    /// The login password alone.
    Login,
    /// Encrypted volumes alone.
    Luks2,
}

impl LinuxLocks {
    /// Returns them as a list.
    pub fn locks(self) -> &'static [Lock] {
        match self {
            Self::Both => &[Lock::Login, Lock::Luks2],
            Self::Login => &[Lock::Login],
            Self::Luks2 => &[Lock::Luks2],
        }
    }
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            disclosure_window_s: 15 * MINUTE,
            unread_retention_s: 7 * DAY,
            action_expiry_s: 30 * DAY,
            sign_in_life_s: DAY,
            linux_locks: LinuxLocks::default(),
            passcode: PasscodePolicy::default(),
            must_change: true,
            lock_sessions: false,
            hold: HoldRule::default(),
            reading: ReadingRule::default(),
        }
    }
}

impl TenantSettings {
    /// [`Self::disclosure_window_s`] as a duration.
    pub fn disclosure_window(&self) -> Duration {
        Duration::from_secs(self.disclosure_window_s)
    }

    /// [`Self::unread_retention_s`] as a duration.
    pub fn unread_retention(&self) -> Duration {
        Duration::from_secs(self.unread_retention_s)
    }

    /// [`Self::sign_in_life_s`] as a duration.
    pub fn sign_in_life(&self) -> Duration {
        Duration::from_secs(self.sign_in_life_s)
    }

    /// [`Self::action_expiry_s`] as a duration.
    pub fn action_expiry(&self) -> Duration {
        Duration::from_secs(self.action_expiry_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_before_a_setting_keep_what_was_done_then() {
        let stored: TenantSettings = serde_json::from_str(r#"{"disclosureWindowS": 60}"#).expect("settings");
        let expected = TenantSettings { disclosure_window_s: 60, must_change: false, ..TenantSettings::default() };
        assert_eq!(stored, expected);
    }
}
