//! The managed device: identity, platform, and what is known about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, ResourceId, TenantId};
use crate::lock::Recoverability;
use crate::scope_tag::ScopeTags;

/// A device under management, Graph's `managedDevice`. Only what Chaveiro really learns has a field;
/// the other properties of the entity have their documented defaults, in the `graph` crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedDevice {
    /// Its tenant.
    pub tenant: TenantId,
    /// Graph's key.
    pub id: DeviceId,
    /// What it runs; decides what recovery means.
    pub platform: Platform,
    /// Whether it is still under management.
    pub management_state: ManagementState,
    /// Also managed by another agent; such devices form the view `comanagedDevices`.
    pub comanaged: bool,
    /// The primary user.
    pub user: Option<ResourceId>,
    /// When it enrolled, for the current enrolment.
    pub enrolled: Timestamp,
    /// Its last management session.
    pub last_sync: Timestamp,
    /// End of validity of its management certificate.
    pub certificate_expires: Option<Timestamp>,
    /// What the device says of itself.
    pub inventory: Inventory,
    /// What an administrator wrote about it.
    pub notes: Option<String>,
    /// The name administrators gave it; generated at enrolment.
    pub managed_device_name: Option<String>,
    /// Who owns it.
    pub owner_type: OwnerType,
    /// By which tags role assignments find it.
    pub scope_tags: ScopeTags,
    /// What could be recovered today, as the device said in its last session. Empty where devices do not say.
    pub recoverability: Vec<Recoverability>,
}

/// What a device reports; every field may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inventory {
    /// The name, as the device tells it at enrolment or later.
    pub device_name: Option<String>,
    /// The manufacturer.
    pub manufacturer: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The serial number, as the device tells it at enrolment or later.
    pub serial_number: Option<String>,
    /// The version of the operating system, for example `10.0.26200.9278`.
    pub os_version: Option<String>,
    /// The language, as a tag like `en-US`.
    pub language: Option<String>,
    /// The edition: a Windows SKU number.
    pub sku_number: Option<i32>,
    /// The Entra device id.
    pub azure_ad_device_id: Option<String>,
    /// Mobile devices: the IMEI.
    pub imei: Option<String>,
    /// First LAN address, twelve upper-case hex digits.
    pub ethernet_mac_address: Option<String>,
    /// First WLAN address, twelve upper-case hex digits.
    pub wifi_mac_address: Option<String>,
    /// Bytes of storage.
    pub total_storage_bytes: Option<u64>,
    /// Bytes of free storage.
    pub free_storage_bytes: Option<u64>,
    /// Bytes of memory.
    pub physical_memory_bytes: Option<u64>,
    /// Whether the system volume is encrypted.
    pub is_encrypted: Option<bool>,
    /// Hex SHA-256 of the list of packages that was taken last.
    pub packages_sha256: Option<String>,
}

/// Operating system family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// Windows 10 and 11 on desktops.
    Windows,
    /// Windows 10 Mobile.
    WindowsPhone,
    /// Linux with the Chaveiro agent.
    Linux,
}

impl Platform {
    /// `managedDevice.operatingSystem`.
    pub fn operating_system(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::WindowsPhone => "Windows Phone",
            Self::Linux => "Linux",
        }
    }
}

/// `managedDevice.managementState`, the members that Chaveiro uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ManagementState {
    /// Enrolled.
    Managed,
    /// Retired by an administrator, or unenrolled by its user. Its escrow is kept.
    RetireIssued,
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
