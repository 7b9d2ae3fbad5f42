//! The managed device: its identity, its platform, and its known facts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::id::{DeviceId, ResourceId, TenantId};
pub use crate::inventory::{Inventory, InventoryField};
use crate::lock::Recoverability;
pub use crate::platform::Platform;
use crate::scope_tag::{self, ScopeTags};

/// A device under management, Graph's `managedDevice`. Only what Chaveiro really learns has a field;
/// the other properties of the entity have their documented defaults, in the `graph` crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedDevice {
    /// The tenant.
    pub tenant: TenantId,
    /// Graph's key.
    pub id: DeviceId,
    /// The operating system, which decides the way of a recovery.
    pub platform: Platform,
    /// The state of its management.
    pub management_state: ManagementState,
    /// True if another agent manages the device too; such devices form the view `comanagedDevices`.
    pub comanaged: bool,
    /// The primary user.
    pub user: Option<ResourceId>,
    /// The time of the current enrolment.
    pub enrolled: Timestamp,
    /// The time of the last management session.
    pub last_sync: Timestamp,
    /// End of validity of its management certificate.
    pub certificate_expires: Option<Timestamp>,
    /// The values that the device reports.
    pub inventory: Inventory,
    /// The notes of an administrator.
    pub notes: Option<String>,
    /// The name administrators gave it; generated at enrolment.
    pub managed_device_name: Option<String>,
    /// The owner.
    pub owner_type: OwnerType,
    /// The tags by which role assignments find it.
    pub scope_tags: ScopeTags,
    /// The locks that could be recovered today, as the device reported in its last session. Empty for devices that do
    /// not report them.
    pub recoverability: Vec<Recoverability>,
}

impl ManagedDevice {
    /// A device that enrols for the first time at that moment and has reported nothing yet.
    pub fn new(tenant: TenantId, id: DeviceId, platform: Platform, now: Timestamp) -> Self {
        Self {
            tenant,
            id,
            platform,
            management_state: ManagementState::Managed,
            comanaged: false,
            user: None,
            enrolled: now,
            last_sync: now,
            certificate_expires: None,
            inventory: Inventory::default(),
            notes: None,
            managed_device_name: None,
            owner_type: OwnerType::Company,
            scope_tags: scope_tag::untagged(),
            recoverability: Vec::new(),
        }
    }

    /// The name that administrators gave it, or else `{user}_{platform}_{M/d/yyyy}_{h:mm tt}`.
    pub fn managed_name(&self, principal: Option<&str>) -> String {
        self.managed_device_name.clone().unwrap_or_else(|| {
            let of_user = principal.and_then(|name| name.split('@').next());
            let prefix = of_user.or(self.inventory.text(InventoryField::DEVICE_NAME)).unwrap_or("device");
            let enrolled = self.enrolled.strftime("%-m/%-d/%Y_%-I:%M %p");
            format!("{prefix}_{}_{enrolled}", self.platform.operating_system())
        })
    }
}

/// `managedDevice.managementState`, the members that Chaveiro uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "camelCase")]
pub enum ManagementState {
    /// Enrolled.
    Managed,
    /// Retired by an administrator. Its escrow is kept.
    RetireIssued,
    /// Unenrolled on the device itself. Its escrow is kept. Graph has no member for it, and this one for what it has none.
    #[serde(rename = "unknownFutureValue")]
    Unenrolled,
}

impl ManagementState {
    /// Every state.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Graph's member, which stores use too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::RetireIssued => "retireIssued",
            Self::Unenrolled => "unknownFutureValue",
        }
    }

    /// Our own word, which says what Graph's member does not.
    pub fn word(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::RetireIssued => "retired",
            Self::Unenrolled => "unenrolled",
        }
    }
}

/// `managedDevice.managedDeviceOwnerType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OwnerType {
    /// Not known.
    Unknown,
    /// The organisation's.
    Company,
    /// The user's own.
    Personal,
}

impl OwnerType {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Company => "company",
            Self::Personal => "personal",
        }
    }
}
