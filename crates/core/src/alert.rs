//! What people must know at once. An alert is written by the unit of work that decided what it is about, and kept until
//! somebody outside has taken it (the outbox of the server): whatever is killed, it is told at least once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::caller::Actor;
use crate::id::{ActionId, DeviceId, HoldId, TenantId};

/// One alert. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The tenant.
    pub tenant: TenantId,
    /// The recovery that was asked for, by its fresh id; it may have been refused.
    pub action: ActionId,
    /// Which hold.
    pub hold: HoldId,
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
        /// How many recoveries were opened within the window before.
        counted: u32,
    },
    /// A recovery passed a hold.
    BreakGlassUsed {
        /// For which device.
        device: DeviceId,
        /// The reason that was given.
        reason: String,
    },
}

impl News {
    /// The stable name: alarms are set on it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HoldPlaced { .. } => "chaveiro.hold_placed",
            Self::BreakGlassUsed { .. } => "chaveiro.break_glass_used",
        }
    }
}

impl Alert {
    /// The same for every repeat, and for no other alert: one request raises at most one of each name.
    pub fn id(&self) -> String {
        format!("{}/{}", self.news.name(), self.action)
    }
}
