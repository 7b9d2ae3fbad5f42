//! The fields of the lists, by the names of the Graph properties that they are the values of.

use std::fmt;

use super::Value;
use crate::device::{DeviceFacts, RecordField};
use crate::inventory::InventoryField;

/// A property that differs from one managed device to another: of its record, or reported by the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceField {
    /// A property of the record.
    Recorded(RecordField),
    /// A value of the inventory that has a property.
    Reported(InventoryField),
}

impl DeviceField {
    /// The key.
    pub const ID: Self = Self::recorded("id");
    /// The state of management.
    pub const MANAGEMENT_STATE: Self = Self::recorded("managementState");
    /// The same in our own words.
    pub const MANAGEMENT_WORD: Self = Self::recorded("chaveiro_managementState");
    /// The time of the current enrolment.
    pub const ENROLLED: Self = Self::recorded("enrolledDateTime");
    /// The time of the last management session.
    pub const LAST_SYNC: Self = Self::recorded("lastSyncDateTime");
    /// The operating system.
    pub const OPERATING_SYSTEM: Self = Self::recorded("operatingSystem");
    /// The mail address of the primary user.
    pub const EMAIL_ADDRESS: Self = Self::recorded("emailAddress");
    /// The principal name of the primary user.
    pub const USER_PRINCIPAL_NAME: Self = Self::recorded("userPrincipalName");
    /// The name of the primary user.
    pub const USER_DISPLAY_NAME: Self = Self::recorded("userDisplayName");
    /// The scope tags.
    pub const SCOPE_TAGS: Self = Self::recorded("roleScopeTagIds");
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
        Self::USER_PRINCIPAL_NAME,
        Self::USER_DISPLAY_NAME,
        Self::EMAIL_ADDRESS,
        Self::MODEL,
    ];

    /// A property of the record. In a constant, one without a row does not compile.
    const fn recorded(property: &str) -> Self {
        Self::Recorded(RecordField::of(property))
    }

    /// Every field with the name of its property and its aliases.
    pub fn all() -> impl Iterator<Item = (Self, &'static [&'static str])> {
        let recorded = RecordField::all().map(Self::Recorded);
        let all = recorded.chain(InventoryField::all().map(Self::Reported));
        all.map(|field| (field, field.names())).filter(|(_, names)| !names.is_empty())
    }

    /// The name of its property and its aliases.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Recorded(field) => field.row().properties,
            Self::Reported(field) => field.row().properties,
        }
    }

    /// The field of that property, the name as the model has it.
    pub const fn named(name: &str) -> Option<Self> {
        match (RecordField::named(name), InventoryField::of_property(name)) {
            (Some(field), _) => Some(Self::Recorded(field)),
            (None, Some(field)) => Some(Self::Reported(field)),
            (None, None) => None,
        }
    }

    /// Returns true if the value depends on the primary user.
    pub fn tells_of_user(self) -> bool {
        matches!(self, Self::Recorded(field) if field.row().tells_of_user())
    }

    /// The value as Graph serves it.
    pub fn value(self, of: &DeviceFacts<'_>) -> Value {
        match self {
            Self::Recorded(field) => field.value(of),
            Self::Reported(field) => of.inventory.served(field),
        }
    }
}

impl fmt::Display for DeviceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names().first().copied().unwrap_or_default())
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
