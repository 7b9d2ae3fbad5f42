//! Alerts: events that people must hear of at once.
//!
//! The unit of work that makes a decision writes its alert. The alert stays in the outbox until a receiver outside has
//! taken it. So the server delivers it at least once, even if it is killed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::caller::Actor;
use crate::id::{AssignmentId, DeviceId, HoldId, TenantId};
use crate::principal::PrincipalKind;
use crate::scope_tag::ScopeTags;

/// One alert. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The tenant.
    pub tenant: TenantId,
    /// The fresh id of the thing that the request made: the recovery, even if it was refused, or the assignment.
    pub about: Uuid,
    /// The time of the event.
    pub at: Timestamp,
    /// The party that caused it.
    pub actor: Actor,
    /// The event.
    #[serde(flatten)]
    pub news: News,
}

/// The event that an alert reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum News {
    /// Recoveries of a tenant were put on hold.
    HoldPlaced {
        /// The hold.
        hold: HoldId,
        /// The number of recoveries opened within the window before.
        counted: u32,
    },
    /// A recovery passed a hold.
    BreakGlassUsed {
        /// The hold.
        hold: HoldId,
        /// The device.
        device: DeviceId,
        /// The reason that the caller gave.
        reason: String,
    },
    /// Passcodes of a device were opened on the host with the private key of a recipient, which no hold binds.
    RecoveryKeyUsed {
        /// The device.
        device: DeviceId,
        /// The id of the key.
        key: String,
        /// The reason that the operator gave.
        reason: String,
        /// The number of passcodes.
        passcodes: u64,
    },
    /// A party or a tenant has read half as many passcodes within the window as its limit allows.
    ReadingNearLimit {
        /// The number of passcodes.
        counted: u32,
        /// True for the limit of the party, false for that of the tenant.
        by_caller: bool,
    },
    /// Reading was put on hold for a party or a tenant.
    ReadingOnHold {
        /// The hold.
        hold: HoldId,
        /// The number of passcodes read within the window before.
        counted: u32,
        /// True for the limit of the party, false for that of the tenant.
        by_caller: bool,
    },
    /// An application read a passcode by itself, for the first time.
    FirstDisclosure {
        /// The device.
        device: DeviceId,
    },
    /// Protective settings were lowered or switched off.
    ProtectionLowered {
        /// The settings, each with its old and its new value.
        settings: Vec<Lowered>,
    },
    /// A role was assigned through the API.
    RoleAssigned(Assigned),
    /// A role assignment was removed through the API.
    RoleUnassigned(Assigned),
    /// A row that grants rights was not written by this program, or rows were removed or put back.
    RowForged {
        /// The table.
        table: String,
        /// The row; `None` when rows were removed or put back.
        row: Option<String>,
    },
    /// The stored audit record does not verify.
    RecordDamaged {
        /// The position of the damage in the record.
        position: u64,
        /// The kind of damage, in one word.
        damage: String,
    },
    /// An operator accepted a database that may not be the newest state.
    RestoreAccepted {
        /// The reason why the server had refused the database.
        doubt: String,
        /// The reason that the operator gave.
        reason: String,
        /// The number of results marked as older than the restore.
        results: u64,
    },
    /// A device enrolled under the name of another device of the tenant.
    DeviceDuplicate {
        /// The new device.
        device: DeviceId,
        /// The device that had the name already.
        duplicate_of: DeviceId,
        /// True if that device is still enrolled.
        still_enrolled: bool,
    },
}

/// A setting that protects less than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lowered {
    /// The name of the setting.
    pub setting: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// A role assignment, present or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assigned {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The key of the role.
    pub role: String,
    /// The kind of the principal.
    pub principal_type: PrincipalKind,
    /// The principal.
    pub principal: String,
    /// The tags of the devices in scope; `None` for all devices.
    pub tags: Option<ScopeTags>,
}

impl News {
    /// The stable name, on which operators set alarms.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HoldPlaced { .. } => "chaveiro.hold_placed",
            Self::BreakGlassUsed { .. } => "chaveiro.break_glass_used",
            Self::RecoveryKeyUsed { .. } => "chaveiro.recovery_key_used",
            Self::ReadingNearLimit { .. } => "chaveiro.reading_near_limit",
            Self::ReadingOnHold { .. } => "chaveiro.reading_on_hold",
            Self::FirstDisclosure { .. } => "chaveiro.first_disclosure",
            Self::ProtectionLowered { .. } => "chaveiro.protection_lowered",
            Self::RoleAssigned(_) => "chaveiro.role_assigned",
            Self::RoleUnassigned(_) => "chaveiro.role_unassigned",
            Self::RowForged { .. } => "chaveiro.row_forged",
            Self::RecordDamaged { .. } => "chaveiro.record_damaged",
            Self::RestoreAccepted { .. } => "chaveiro.restore_accepted",
            Self::DeviceDuplicate { .. } => "chaveiro.device_duplicate",
        }
    }
}

impl Alert {
    /// The id of the alert, equal for every repeat and for no other alert. One request raises at most one alert of each
    /// name.
    pub fn id(&self) -> String {
        format!("{}/{}", self.news.name(), self.about)
    }
}
