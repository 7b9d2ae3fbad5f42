//! The managed device: its record, and the properties of the record, one row each.
//!
//! A row names the property in Graph's `managedDevice`, says how it is stored, and whether administrators change it. Rendering,
//! filters, changes, the columns of a store, the reference of the conformance suite and the documents go over the rows. What
//! devices report has rows of its own, in [`crate::inventory`].

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::id::{DeviceId, ResourceId, TenantId};
use crate::inventory::is_among;
pub use crate::inventory::{Inventory, InventoryField};
use crate::lock::Recoverability;
use crate::part::{Valued, part};
pub use crate::platform::Platform;
use crate::query::{NEVER, Value};
use crate::resource::Resource;
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
}

/// A part of the record of a device.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The name under which it is stored, that of the field.
    pub name: &'static str,
    /// Returns the value; null if there is none.
    pub get: fn(&ManagedDevice) -> Value,
    /// Puts a value in its place. Returns false, and changes nothing, if the part cannot have that value.
    pub set: fn(&mut ManagedDevice, Value) -> bool,
}

/// A property of the record of a device.
#[derive(Debug)]
pub struct Recorded {
    /// The property of `managedDevice` that has the value, and its aliases.
    pub properties: &'static [&'static str],
    /// The kind of its value.
    pub kind: RecordKind,
    /// The part of the record that it is.
    pub part: Option<Part>,
    /// Returns the value that is served, where that is not the part as it is.
    pub derived: Option<fn(&DeviceFacts<'_>) -> Value>,
    /// True if the value that is derived depends on the primary user.
    pub by_user: bool,
    /// The name under which a change by administrators is recorded; `None` if they do not change it.
    pub setting: Option<&'static str>,
    /// True if the record of changes has only the length of the text: it may be long and confidential, and the record keeps
    /// everything.
    pub confidential: bool,
    /// The description, for the documents.
    pub about: &'static str,
}

/// The kind of a property of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// An identifier, as text.
    Id,
    /// Text.
    Text,
    /// That text property of the primary user; an empty text if there is none.
    OfUser(&'static str),
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A time.
    Time,
    /// A set of texts.
    Texts,
}

impl RecordKind {
    /// Returns true if that is a value of this kind.
    pub fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Id | Self::Text | Self::OfUser(_), Value::Text(_))
            | (Self::Flag, Value::Flag(_))
            | (Self::Time, Value::Time(_))
            | (Self::Texts, Value::Texts(_)) => true,
            (Self::Id | Self::Text, Value::Null) => true,
            (Self::OneOf(names), Value::Text(name)) => names.contains(&name.as_str()),
            _ => false,
        }
    }
}

/// A row that has nothing but its property yet.
const ROW: Recorded = Recorded {
    properties: &[],
    kind: RecordKind::Text,
    part: None,
    derived: None,
    by_user: false,
    setting: None,
    confidential: false,
    about: "",
};

/// Every property of the record.
pub const RECORD: &[Recorded] = &[
    Recorded {
        properties: &["id"],
        kind: RecordKind::Id,
        derived: Some(|of| of.device.id.to_string().into()),
        about: "Key of the device.",
        ..ROW
    },
    Recorded {
        properties: &["userId"],
        kind: RecordKind::Id,
        part: part!(user),
        about: "Id of the primary user.",
        ..ROW
    },
    Recorded {
        properties: &["managedDeviceOwnerType", "ownerType"],
        kind: RecordKind::OneOf(&["company", "personal", "unknown"]),
        part: part!(owner_type),
        setting: Some("ownerType"),
        about: "Owner of the device.",
        ..ROW
    },
    Recorded {
        properties: &["managementState"],
        kind: RecordKind::OneOf(&["managed", "retireIssued", "unknownFutureValue"]),
        part: part!(management_state),
        about: "State of its management.",
        ..ROW
    },
    Recorded {
        properties: &["chaveiro_managementState"],
        kind: RecordKind::OneOf(&["managed", "retired", "unenrolled"]),
        derived: Some(|of| of.device.management_state.word().into()),
        about: "State of its management, in our own words.",
        ..ROW
    },
    Recorded {
        properties: &["managementAgent"],
        kind: RecordKind::OneOf(&["mdm", "configurationManagerClientMdm"]),
        derived: Some(|of| if of.device.comanaged { "configurationManagerClientMdm" } else { "mdm" }.into()),
        about: "Agents that manage the device.",
        ..ROW
    },
    Recorded {
        properties: &["enrolledDateTime"],
        kind: RecordKind::Time,
        part: part!(enrolled),
        about: "Time of the current enrolment.",
        ..ROW
    },
    Recorded {
        properties: &["lastSyncDateTime"],
        kind: RecordKind::Time,
        part: part!(last_sync),
        about: "Time of the last management session.",
        ..ROW
    },
    Recorded {
        properties: &["operatingSystem"],
        derived: Some(|of| of.device.platform.operating_system().into()),
        about: "Operating system.",
        ..ROW
    },
    Recorded {
        properties: &["deviceType"],
        kind: RecordKind::OneOf(&["desktop", "windowsPhone", "linux"]),
        derived: Some(|of| of.device.platform.device_type().into()),
        about: "Kind of the device.",
        ..ROW
    },
    Recorded {
        properties: &["azureADRegistered", "aadRegistered"],
        kind: RecordKind::Flag,
        derived: Some(|of| of.inventory.text(InventoryField::AZURE_AD_DEVICE_ID).is_some().into()),
        about: "True if the device has an id in Entra.",
        ..ROW
    },
    Recorded {
        properties: &["deviceEnrollmentType"],
        kind: RecordKind::OneOf(&["userEnrollment", "unknown"]),
        derived: Some(|of| if of.user.is_some() { "userEnrollment" } else { "unknown" }.into()),
        by_user: true,
        about: "Way of the enrolment.",
        ..ROW
    },
    Recorded {
        properties: &["emailAddress"],
        kind: RecordKind::OfUser("mail"),
        about: "Mail address of the primary user.",
        ..ROW
    },
    Recorded {
        properties: &["userPrincipalName"],
        kind: RecordKind::OfUser("userPrincipalName"),
        about: "Principal name of the primary user.",
        ..ROW
    },
    Recorded {
        properties: &["userDisplayName"],
        kind: RecordKind::OfUser("displayName"),
        about: "Name of the primary user.",
        ..ROW
    },
    Recorded {
        properties: &["managedDeviceName"],
        part: part!(managed_device_name),
        derived: Some(|of| of.managed_name().into()),
        by_user: true,
        setting: Some("managedDeviceName"),
        about: "Name that administrators gave it; generated from user, platform and enrolment until then.",
        ..ROW
    },
    Recorded {
        properties: &["managementCertificateExpirationDate"],
        kind: RecordKind::Time,
        part: part!(certificate_expires),
        derived: Some(|of| Value::Time(of.device.certificate_expires.map_or(NEVER, |at| at.as_microsecond()))),
        about: "End of validity of its management certificate.",
        ..ROW
    },
    Recorded {
        properties: &["roleScopeTagIds"],
        kind: RecordKind::Texts,
        part: part!(scope_tags),
        setting: Some("scopeTags"),
        about: "Tags by which role assignments find the device.",
        ..ROW
    },
    Recorded {
        properties: &["notes"],
        part: part!(notes),
        setting: Some("notes"),
        confidential: true,
        about: "Notes of an administrator.",
        ..ROW
    },
];

/// A reference to a row of [`RECORD`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordField(usize);

impl RecordField {
    /// The row of that property. In a constant, a property without a row does not compile.
    pub const fn of(property: &str) -> Self {
        match Self::named(property) {
            Some(field) => field,
            None => panic!("no row has this property"),
        }
    }

    /// Every property, in the order of the rows.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..RECORD.len()).map(Self)
    }

    /// The row of a property by its name or an alias.
    pub const fn named(name: &str) -> Option<Self> {
        let mut index = 0;
        while index < RECORD.len() {
            if is_among(RECORD[index].properties, name) {
                return Some(Self(index));
            }
            index += 1;
        }
        None
    }

    /// The place of the row.
    pub const fn index(self) -> usize {
        self.0
    }

    /// The row.
    pub const fn row(self) -> &'static Recorded {
        &RECORD[self.0]
    }

    /// The value as Graph serves it.
    pub fn value(self, of: &DeviceFacts<'_>) -> Value {
        match self.row() {
            Recorded { derived: Some(derived), .. } => derived(of),
            Recorded { part: Some(part), .. } => (part.get)(of.device),
            Recorded { kind: RecordKind::OfUser(name), .. } => of.of_user(name).unwrap_or_default().into(),
            Recorded { .. } => Value::Null,
        }
    }
}

impl Recorded {
    /// Returns true if the value depends on the primary user.
    pub fn tells_of_user(&self) -> bool {
        self.by_user || matches!(self.kind, RecordKind::OfUser(_))
    }
}

impl fmt::Debug for RecordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().properties[0])
    }
}

/// A device and its primary user, as properties see them.
#[derive(Clone, Copy, Debug)]
pub struct DeviceFacts<'a> {
    device: &'a ManagedDevice,
    /// The values that the device reported.
    pub(crate) inventory: &'a Inventory,
    user: Option<&'a PrimaryUser>,
}

impl<'a> DeviceFacts<'a> {
    /// The facts of a device that has that primary user.
    pub fn new(device: &'a ManagedDevice, user: Option<&'a PrimaryUser>) -> Self {
        Self { device, inventory: &device.inventory, user }
    }

    /// The facts that callers and the server have written, without those that the device reports.
    pub fn written(device: &'a ManagedDevice) -> Self {
        static NOTHING: LazyLock<Inventory> = LazyLock::new(Inventory::default);
        Self { device, inventory: &NOTHING, user: None }
    }

    /// The name that administrators gave it, or else `{user}_{platform}_{M/d/yyyy}_{h:mm tt}`.
    fn managed_name(&self) -> String {
        let Self { device, inventory, .. } = self;
        device.managed_device_name.clone().unwrap_or_else(|| {
            let of_user = self.of_user("userPrincipalName").and_then(|name| name.split('@').next());
            let prefix = of_user.or(inventory.text(InventoryField::DEVICE_NAME)).unwrap_or("device");
            let (system, at) = (device.platform.operating_system(), Offset::UTC.to_datetime(device.enrolled));
            let mut texts = [itoa::Buffer::new(); 5];
            let [year, month, day, hour, minute] = &mut texts;
            let (year, month, day) = (year.format(at.year()), month.format(at.month()), day.format(at.day()));
            let (hour, half) = (hour.format((at.hour() + 11) % 12 + 1), if at.hour() < 12 { " AM" } else { " PM" });
            let (zero, minute) = (if at.minute() < 10 { "0" } else { "" }, minute.format(at.minute()));
            // A page of a list has this name twice for each device, and a formatter takes ten times as long.
            [prefix, "_", system, "_", month, "/", day, "/", year, "_", hour, ":", zero, minute, half].concat()
        })
    }

    /// The device.
    pub fn device(&self) -> &'a ManagedDevice {
        self.device
    }

    fn of_user(&self, name: &str) -> Option<&'a str> {
        self.user?.text(name)
    }
}

/// The primary user of a device. The properties are read when the first is asked for.
#[derive(Debug)]
pub struct PrimaryUser {
    stored: String,
    properties: OnceLock<serde_json::Value>,
}

impl PrimaryUser {
    /// The user in that row.
    pub fn new(user: Resource) -> Self {
        Self { stored: user.properties, properties: OnceLock::new() }
    }

    /// The text property of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        let read = || serde_json::from_str(&self.stored).unwrap_or_default();
        self.properties.get_or_init(read).get(name)?.as_str()
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

impl Valued for ManagementState {
    fn to_value(&self) -> Value {
        self.name().into()
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Text(name) = value else { return None };
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }
}

impl Valued for OwnerType {
    fn to_value(&self) -> Value {
        self.name().into()
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Text(name) = value else { return None };
        [Self::Unknown, Self::Company, Self::Personal].into_iter().find(|owner| owner.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceKind;

    #[test]
    fn every_property_of_the_record_has_one_row_and_a_value() {
        let device = ManagedDevice::new(
            TenantId(uuid::Uuid::nil()),
            DeviceId(uuid::Uuid::nil()),
            Platform::Linux,
            Timestamp::UNIX_EPOCH,
        );
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for field in RecordField::all() {
            let row = field.row();
            names.extend(row.properties);
            parts.extend(row.part.as_ref().map(|part| part.name));
            assert_eq!(RecordField::of(row.properties[0]), field);
            assert!(row.kind.admits(&field.value(&DeviceFacts::new(&device, None))), "{field:?}");
            assert!(row.about.ends_with('.') && !row.about.contains('|'), "{field:?}");
            assert!(row.setting.is_none() || row.part.is_some(), "{field:?}: nothing to set");
        }
        for mut names in [names, parts] {
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{names:?}");
        }
    }

    #[test]
    fn the_primary_user_changes_the_properties_that_tell_of_it_and_no_other() {
        let id = uuid::Uuid::from_u128(7);
        let device = ManagedDevice::new(TenantId(id), DeviceId(id), Platform::Linux, Timestamp::UNIX_EPOCH);
        let user = PrimaryUser::new(Resource {
            tenant: device.tenant,
            kind: ResourceKind::User,
            id: ResourceId(id),
            owner: None,
            device: None,
            alternate_key: None,
            properties: r#"{"mail": "m", "userPrincipalName": "ana@x", "displayName": "Ana"}"#.to_owned(),
            created: device.enrolled,
            modified: device.enrolled,
        });
        for field in RecordField::all() {
            let of = |user| field.value(&DeviceFacts::new(&device, user));
            assert_eq!(of(None) != of(Some(&user)), field.row().tells_of_user(), "{field:?}");
        }
    }

    #[test]
    fn a_generated_name_has_the_moment_of_the_enrolment_as_intune_writes_it() {
        let id = uuid::Uuid::from_u128(7);
        for (enrolled, name) in [
            ("2026-01-05T00:00:00Z", "device_Linux_1/5/2026_12:00 AM"),
            ("2026-11-28T09:05:59Z", "device_Linux_11/28/2026_9:05 AM"),
            ("2026-12-31T12:59:00Z", "device_Linux_12/31/2026_12:59 PM"),
            ("1999-10-10T23:30:00.5Z", "device_Linux_10/10/1999_11:30 PM"),
        ] {
            let enrolled = enrolled.parse().expect("a time");
            let device = ManagedDevice::new(TenantId(id), DeviceId(id), Platform::Linux, enrolled);
            assert_eq!(DeviceFacts::new(&device, None).managed_name(), name);
        }
    }

    #[test]
    fn a_part_takes_every_value_of_its_kind_and_no_other() {
        let id = uuid::Uuid::from_u128(7);
        let mut device = ManagedDevice::new(TenantId(id), DeviceId(id), Platform::Linux, Timestamp::UNIX_EPOCH);
        let parts = RecordField::all().filter_map(|field| Some((field.row().kind, field.row().part.as_ref()?)));
        for (kind, part) in parts {
            let fitting = match kind {
                RecordKind::Id => vec![id.to_string().into(), Value::Null],
                RecordKind::Text | RecordKind::OfUser(_) => vec!["a".into(), "".into(), Value::Null],
                RecordKind::OneOf(names) => names.iter().map(|name| (*name).into()).collect(),
                RecordKind::Flag => vec![true.into(), false.into()],
                RecordKind::Time => vec![Value::Time(0), Value::Time(1)],
                RecordKind::Texts => vec![Value::Texts(vec!["a".to_owned()])],
            };
            for value in fitting {
                assert!((part.set)(&mut device, value.clone()), "{}: {value}", part.name);
                assert_eq!((part.get)(&device), value, "{}", part.name);
            }
            let before = device.clone();
            assert!(!(part.set)(&mut device, Value::Number(7)), "{}", part.name);
            assert_eq!(device, before);
        }
    }
}
