//! The fields of the lists, by the names of the Graph properties that they are the values of.

use std::cell::OnceCell;
use std::fmt;

use super::Value;
use crate::device::{ManagedDevice, Platform};
use crate::inventory::InventoryField;
use crate::resource::Resource;

/// A property that differs from one managed device to another: of its record, or reported by the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceField {
    /// `id`.
    Id,
    /// `userId`.
    UserId,
    /// `managedDeviceOwnerType`.
    OwnerType,
    /// `managementState`.
    ManagementState,
    /// `chaveiro_managementState`, the same in our own words.
    ManagementWord,
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
    /// `azureADRegistered`.
    AzureAdRegistered,
    /// `deviceEnrollmentType`.
    EnrollmentType,
    /// `emailAddress`, of the primary user; an empty text if there is none.
    EmailAddress,
    /// `userPrincipalName`, in the same way.
    UserPrincipalName,
    /// `userDisplayName`, in the same way.
    UserDisplayName,
    /// `managedDeviceName`, the generated one included.
    ManagedDeviceName,
    /// `managementCertificateExpirationDate`.
    CertificateExpires,
    /// `roleScopeTagIds`.
    ScopeTags,
    /// `notes`.
    Notes,
    /// A value of the inventory that has a property.
    Reported(InventoryField),
}

/// Fields of the record, each with the name of its property and its aliases.
const OF_RECORD: [(DeviceField, &[&str]); 19] = [
    (DeviceField::Id, &["id"]),
    (DeviceField::UserId, &["userId"]),
    (DeviceField::OwnerType, &["managedDeviceOwnerType", "ownerType"]),
    (DeviceField::ManagementState, &["managementState"]),
    (DeviceField::ManagementWord, &["chaveiro_managementState"]),
    (DeviceField::ManagementAgent, &["managementAgent"]),
    (DeviceField::Enrolled, &["enrolledDateTime"]),
    (DeviceField::LastSync, &["lastSyncDateTime"]),
    (DeviceField::OperatingSystem, &["operatingSystem"]),
    (DeviceField::DeviceType, &["deviceType"]),
    (DeviceField::AzureAdRegistered, &["azureADRegistered", "aadRegistered"]),
    (DeviceField::EnrollmentType, &["deviceEnrollmentType"]),
    (DeviceField::EmailAddress, &["emailAddress"]),
    (DeviceField::UserPrincipalName, &["userPrincipalName"]),
    (DeviceField::UserDisplayName, &["userDisplayName"]),
    (DeviceField::ManagedDeviceName, &["managedDeviceName"]),
    (DeviceField::CertificateExpires, &["managementCertificateExpirationDate"]),
    (DeviceField::ScopeTags, &["roleScopeTagIds"]),
    (DeviceField::Notes, &["notes"]),
];

/// Graph's time of "never", 0001-01-01T00:00:00Z, in microseconds since 1970.
pub const NEVER: i64 = -62_135_596_800_000_000;

/// A device and its primary user, as fields see them.
#[derive(Debug)]
pub struct DeviceFacts<'a> {
    device: &'a ManagedDevice,
    user: Option<&'a Resource>,
    /// The properties of the user, once a field has asked for them.
    properties: OnceCell<serde_json::Value>,
}

impl<'a> DeviceFacts<'a> {
    /// The facts of a device that has that primary user.
    pub fn new(device: &'a ManagedDevice, user: Option<&'a Resource>) -> Self {
        Self { device, user, properties: OnceCell::new() }
    }

    fn of_user(&self, name: &str) -> Option<&str> {
        let user = self.user?;
        let properties = || serde_json::from_str(&user.properties).unwrap_or_default();
        self.properties.get_or_init(properties).get(name)?.as_str()
    }
}

impl DeviceField {
    /// The name of the device.
    pub const DEVICE_NAME: Self = Self::Reported(InventoryField::DEVICE_NAME);
    /// The serial number.
    pub const SERIAL_NUMBER: Self = Self::Reported(InventoryField::SERIAL_NUMBER);
    /// The model.
    pub const MODEL: Self = Self::Reported(InventoryField::MODEL);

    /// The fields that `$search` looks into.
    pub const SEARCHED: [Self; 6] = [
        Self::DEVICE_NAME,
        Self::SERIAL_NUMBER,
        Self::UserPrincipalName,
        Self::UserDisplayName,
        Self::EmailAddress,
        Self::MODEL,
    ];

    /// Every field with the name of its property and its aliases.
    pub fn all() -> impl Iterator<Item = (Self, &'static [&'static str])> {
        let reported = InventoryField::all().map(|field| (Self::Reported(field), field.row().properties));
        OF_RECORD.into_iter().chain(reported.filter(|(_, names)| !names.is_empty()))
    }

    /// The field of that property, the name as the model has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|(_, names)| names.contains(&name)).map(|(field, _)| field)
    }

    /// The value as Graph serves it.
    pub fn value(self, of: &DeviceFacts<'_>) -> Value {
        let device = of.device;
        let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        match self {
            Self::Id => device.id.to_string().into(),
            Self::UserId => device.user.map_or(Value::Null, |user| user.to_string().into()),
            Self::OwnerType => device.owner_type.name().into(),
            Self::ManagementState => device.management_state.name().into(),
            Self::ManagementWord => device.management_state.word().into(),
            Self::ManagementAgent if device.comanaged => "configurationManagerClientMdm".into(),
            Self::ManagementAgent => "mdm".into(),
            Self::Enrolled => Value::Time(device.enrolled.as_microsecond()),
            Self::LastSync => Value::Time(device.last_sync.as_microsecond()),
            Self::OperatingSystem => device.platform.operating_system().into(),
            Self::DeviceType => match device.platform {
                Platform::Windows => "desktop".into(),
                Platform::WindowsPhone => "windowsPhone".into(),
                Platform::Linux => "linux".into(),
            },
            Self::AzureAdRegistered => device.inventory.text(InventoryField::AZURE_AD_DEVICE_ID).is_some().into(),
            Self::EnrollmentType if of.user.is_some() => "userEnrollment".into(),
            Self::EnrollmentType => "unknown".into(),
            Self::EmailAddress => of.of_user("mail").unwrap_or_default().into(),
            Self::UserPrincipalName => of.of_user("userPrincipalName").unwrap_or_default().into(),
            Self::UserDisplayName => of.of_user("displayName").unwrap_or_default().into(),
            Self::ManagedDeviceName => device.managed_name(of.of_user("userPrincipalName")).into(),
            Self::CertificateExpires => Value::Time(device.certificate_expires.map_or(NEVER, |at| at.as_microsecond())),
            Self::ScopeTags => Value::Texts(device.scope_tags.iter().cloned().collect()),
            Self::Notes => text(device.notes.as_deref()),
            Self::Reported(field) => device.inventory.served(field),
        }
    }
}

impl fmt::Display for DeviceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::all().find(|(field, _)| field == self).map(|(_, names)| names);
        f.write_str(names.and_then(|names| names.first()).copied().unwrap_or_default())
    }
}

/// The kind of a member of a resource's properties.
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
        /// The name of the member.
        name: &'static str,
        /// The kind of its value.
        kind: MemberKind,
        /// The value that stands for a missing one.
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
