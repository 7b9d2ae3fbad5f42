//! Graph entities around the device: users, detected apps, scripts and their run states.
//!
//! The domain has no rules for them. It keeps their identity, their owner and their link to devices; the `graph` crate
//! owns the shape of their properties.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::VariantArray;

use crate::id::{DeviceId, ResourceId, TenantId};

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "camelCase")]
pub enum ResourceKind {
    /// `user`.
    User,
    /// `detectedApp`.
    DetectedApp,
    /// `deviceHealthScript`.
    DeviceHealthScript,
    /// `deviceHealthScriptDeviceState`.
    DeviceHealthScriptDeviceState,
    /// `deviceManagementScript`.
    DeviceManagementScript,
    /// `deviceManagementScriptDeviceState`.
    DeviceManagementScriptDeviceState,
    /// `deviceComplianceScript`.
    DeviceComplianceScript,
    /// `deviceComplianceScriptDeviceState`.
    DeviceComplianceScriptDeviceState,
    /// `deviceShellScript`.
    DeviceShellScript,
    /// `deviceCustomAttributeShellScript`.
    DeviceCustomAttributeShellScript,
    /// `deviceManagementScriptUserState`.
    DeviceManagementScriptUserState,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the name of the Graph type, which stores use too.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::DetectedApp => "detectedApp",
            Self::DeviceHealthScript => "deviceHealthScript",
            Self::DeviceHealthScriptDeviceState => "deviceHealthScriptDeviceState",
            Self::DeviceManagementScript => "deviceManagementScript",
            Self::DeviceManagementScriptDeviceState => "deviceManagementScriptDeviceState",
            Self::DeviceComplianceScript => "deviceComplianceScript",
            Self::DeviceComplianceScriptDeviceState => "deviceComplianceScriptDeviceState",
            Self::DeviceShellScript => "deviceShellScript",
            Self::DeviceCustomAttributeShellScript => "deviceCustomAttributeShellScript",
            Self::DeviceManagementScriptUserState => "deviceManagementScriptUserState",
        }
    }

    /// Returns true for a kind whose entities belong to a device.
    pub fn is_run_state(self) -> bool {
        match self {
            Self::DeviceHealthScriptDeviceState
            | Self::DeviceManagementScriptDeviceState
            | Self::DeviceComplianceScriptDeviceState => true,
            Self::User
            | Self::DetectedApp
            | Self::DeviceHealthScript
            | Self::DeviceManagementScript
            | Self::DeviceComplianceScript
            | Self::DeviceShellScript
            | Self::DeviceCustomAttributeShellScript
            | Self::DeviceManagementScriptUserState => false,
        }
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// One user, detected app, script or run state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The tenant.
    pub tenant: TenantId,
    /// The kind.
    pub kind: ResourceKind,
    /// The key.
    pub id: ResourceId,
    /// For run states: the script, or the user's run state, that they belong to.
    pub owner: Option<ResourceId>,
    /// For run states: the device that they are about.
    pub device: Option<DeviceId>,
    /// A second name that is unique in the tenant: the `userPrincipalName` of a user, lower-cased.
    pub alternate_key: Option<String>,
    /// The properties as a JSON object, already checked against the model.
    pub properties: String,
    /// The time at which it was made.
    pub created: Timestamp,
    /// The time at which it was last changed.
    pub modified: Timestamp,
}

impl Resource {
    /// Returns true for a user whose account is disabled: such a user cannot sign in.
    pub fn is_disabled(&self) -> bool {
        let properties: Value = serde_json::from_str(&self.properties).unwrap_or_default();
        self.kind == ResourceKind::User && properties["accountEnabled"] == false
    }

    /// Returns the principal name of a user as its tokens have it; without one, the id.
    pub fn principal_name(&self) -> String {
        let properties: Value = serde_json::from_str(&self.properties).unwrap_or_default();
        let name = properties["userPrincipalName"].as_str().map(str::to_owned);
        name.or_else(|| self.alternate_key.clone()).unwrap_or_else(|| self.id.to_string())
    }
}
