//! The fields of the lists, by the names of the Graph properties that they are the values of.

use std::fmt;

use super::Value;

/// What differs from one managed device to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceField {
    /// `id`.
    Id,
    /// `userId`.
    UserId,
    /// `deviceName`.
    DeviceName,
    /// `managedDeviceOwnerType` and its alias `ownerType`.
    OwnerType,
    /// `managementState`.
    ManagementState,
    /// `managementAgent`.
    ManagementAgent,
    /// `enrolledDateTime`.
    Enrolled,
    /// `lastSyncDateTime`.
    LastSync,
    /// `operatingSystem`.
    OperatingSystem,
    /// `deviceType`.
    DeviceType,
    /// `osVersion`.
    OsVersion,
    /// `azureADRegistered` and its alias `aadRegistered`.
    AzureAdRegistered,
    /// `deviceEnrollmentType`.
    EnrollmentType,
    /// `emailAddress`, of the primary user.
    EmailAddress,
    /// `azureADDeviceId` and its alias `azureActiveDirectoryDeviceId`.
    AzureAdDeviceId,
    /// `isEncrypted`.
    IsEncrypted,
    /// `userPrincipalName` of the primary user, and its alias `enrolledByUserPrincipalName`.
    UserPrincipalName,
    /// `model`.
    Model,
    /// `manufacturer`.
    Manufacturer,
    /// `imei`.
    Imei,
    /// `serialNumber`.
    SerialNumber,
    /// `userDisplayName`.
    UserDisplayName,
    /// `wiFiMacAddress`.
    WifiMacAddress,
    /// `totalStorageSpaceInBytes`.
    TotalStorage,
    /// `freeStorageSpaceInBytes`.
    FreeStorage,
    /// `managedDeviceName`, the generated one included.
    ManagedDeviceName,
    /// `managementCertificateExpirationDate`.
    CertificateExpires,
    /// `roleScopeTagIds`.
    ScopeTags,
    /// `notes`.
    Notes,
    /// `ethernetMacAddress`.
    EthernetMacAddress,
    /// `physicalMemoryInBytes`.
    PhysicalMemory,
    /// `skuNumber`.
    SkuNumber,
}

impl DeviceField {
    /// Every field with the name of its property, and then the aliases.
    pub const NAMES: [(&'static str, Self); 36] = [
        ("id", Self::Id),
        ("userId", Self::UserId),
        ("deviceName", Self::DeviceName),
        ("managedDeviceOwnerType", Self::OwnerType),
        ("managementState", Self::ManagementState),
        ("managementAgent", Self::ManagementAgent),
        ("enrolledDateTime", Self::Enrolled),
        ("lastSyncDateTime", Self::LastSync),
        ("operatingSystem", Self::OperatingSystem),
        ("deviceType", Self::DeviceType),
        ("osVersion", Self::OsVersion),
        ("azureADRegistered", Self::AzureAdRegistered),
        ("deviceEnrollmentType", Self::EnrollmentType),
        ("emailAddress", Self::EmailAddress),
        ("azureADDeviceId", Self::AzureAdDeviceId),
        ("isEncrypted", Self::IsEncrypted),
        ("userPrincipalName", Self::UserPrincipalName),
        ("model", Self::Model),
        ("manufacturer", Self::Manufacturer),
        ("imei", Self::Imei),
        ("serialNumber", Self::SerialNumber),
        ("userDisplayName", Self::UserDisplayName),
        ("wiFiMacAddress", Self::WifiMacAddress),
        ("totalStorageSpaceInBytes", Self::TotalStorage),
        ("freeStorageSpaceInBytes", Self::FreeStorage),
        ("managedDeviceName", Self::ManagedDeviceName),
        ("managementCertificateExpirationDate", Self::CertificateExpires),
        ("roleScopeTagIds", Self::ScopeTags),
        ("notes", Self::Notes),
        ("ethernetMacAddress", Self::EthernetMacAddress),
        ("physicalMemoryInBytes", Self::PhysicalMemory),
        ("skuNumber", Self::SkuNumber),
        ("ownerType", Self::OwnerType),
        ("aadRegistered", Self::AzureAdRegistered),
        ("azureActiveDirectoryDeviceId", Self::AzureAdDeviceId),
        ("enrolledByUserPrincipalName", Self::UserPrincipalName),
    ];

    /// What `$search` looks into.
    pub const SEARCHED: [Self; 4] = [Self::DeviceName, Self::SerialNumber, Self::UserPrincipalName, Self::Model];

    /// The field of that property, the name as the model has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

impl fmt::Display for DeviceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, field)| field == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// What a member of a resource's properties is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A JSON string, boolean or number, as it is.
    Plain,
    /// A JSON string that is a date and time.
    Time,
}

/// A field of a user, app, script or run state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceField {
    /// `id`.
    Id,
    /// `createdDateTime`.
    Created,
    /// `lastModifiedDateTime`.
    Modified,
    /// A member of its properties.
    Member {
        /// Its name.
        name: &'static str,
        /// What it is.
        kind: MemberKind,
        /// Its value when it is not there.
        absent: Value,
    },
}

impl fmt::Display for ResourceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "id",
            Self::Created => "createdDateTime",
            Self::Modified => "lastModifiedDateTime",
            Self::Member { name, .. } => name,
        })
    }
}
