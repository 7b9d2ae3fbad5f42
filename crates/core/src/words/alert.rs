//! What people must know at once. An alert is written by the unit of work that decided what it is about, and kept until
//! somebody outside has taken it (the outbox of the server): whatever is killed, it is told at least once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::caller::Actor;
use crate::id::{AssignmentId, DeviceId, HoldId, TenantId};
use crate::principal::PrincipalKind;
use crate::scope_tag::ScopeTags;

/// One alert. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The tenant.
    pub tenant: TenantId,
    /// What the request made, by its fresh id: the recovery that was asked for, even if it was refused, or the assignment.
    pub about: Uuid,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub news: News,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum News {
    /// Recoveries of a tenant were put on hold.
    HoldPlaced {
        /// Which.
        hold: HoldId,
        /// How many recoveries were opened within the window before.
        counted: u32,
    },
    /// A recovery passed a hold.
    BreakGlassUsed {
        /// Which hold.
        hold: HoldId,
        /// For which device.
        device: DeviceId,
        /// The reason that was given.
        reason: String,
    },
    /// A party, or a tenant, has read half as many passcodes within the window as it may.
    ReadingNearLimit {
        /// The number of passcodes.
        counted: u32,
        /// True for the limit of the party, false for that of the tenant.
        by_caller: bool,
    },
    /// Reading was put on hold, for a party or a tenant.
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
    /// Settings that protect were lowered or switched off.
    ProtectionLowered {
        /// Each with what it was and what it is.
        settings: Vec<Lowered>,
    },
    /// A role was assigned through the API.
    RoleAssigned(Assigned),
    /// A role was taken from somebody through the API.
    RoleUnassigned(Assigned),
    /// A row that grants something was not written by this program, or rows were removed or put back.
    RowForged {
        /// The table.
        table: String,
        /// The row; `None` when rows were removed or put back.
        row: Option<String>,
    },
    /// The stored audit record does not verify.
    RecordDamaged {
        /// Where.
        position: u64,
        /// The kind of damage, in one word.
        damage: String,
    },
    /// An operator went on from a database that may not be the newest state.
    RestoreAccepted {
        /// Why the server refused it.
        doubt: String,
        /// The reason that was given.
        reason: String,
        /// How many results are marked as of before the restore.
        results: u64,
    },
    /// A device enrolled under a name that another device of the tenant has.
    DeviceDuplicate {
        /// The new one.
        device: DeviceId,
        /// The one that had the name.
        duplicate_of: DeviceId,
        /// True if that one is enrolled, too.
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
    /// The value since.
    pub after: String,
}

/// A role that somebody has, or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assigned {
    /// Which assignment.
    pub assignment: AssignmentId,
    /// The key of the role.
    pub role: String,
    /// What the principal is.
    pub principal_type: PrincipalKind,
    /// Whose it is.
    pub principal: String,
    /// On which devices; `None` when on all.
    pub tags: Option<ScopeTags>,
}

impl News {
    /// The stable name: alarms are set on it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HoldPlaced { .. } => "chaveiro.hold_placed",
            Self::BreakGlassUsed { .. } => "chaveiro.break_glass_used",
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
    /// The same for every repeat, and for no other alert: one request raises at most one of each name.
    pub fn id(&self) -> String {
        format!("{}/{}", self.news.name(), self.about)
    }
}
