//! Navigation edges.

use chaveiro_core::permission::Permission;

use super::EntityType;

/// A navigation edge. It stands with the type of one of its ends.
#[derive(Debug)]
pub struct Edge {
    /// The type at its start.
    pub from: &'static EntityType,
    /// The name, which is the segment.
    pub name: &'static str,
    /// The type at its end.
    pub to: &'static EntityType,
    /// True for a collection, whose entities have keys; false for a single entity.
    pub many: bool,
    /// Only in beta.
    pub beta_only: bool,
    /// True if the entities live inside the parent.
    pub contained: bool,
    /// The requests that are allowed at its end.
    pub access: Access,
    /// Any one of these reads through it.
    pub read: &'static [Permission],
    /// Any one of these writes through it.
    pub write: &'static [Permission],
}

/// The requests that are allowed at the end of an edge, beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    ReadOnly,
    /// Create, change, delete.
    Owned,
    /// Change some properties; delete means retire. Devices are made by enrolling.
    Device,
    /// Add and remove links with `$ref`.
    Linked,
    /// The same, and a link takes the place of every other: there is one at a time.
    Sole,
}

impl Access {
    /// Returns true if entities can be changed at its end.
    pub fn is_changed(self) -> bool {
        matches!(self, Self::Owned | Self::Device)
    }
}

const READ_DEVICES: &[Permission] = &[
    Permission::ManagedDevicesReadAll,
    Permission::ManagedDevicesReadWriteAll,
    Permission::ConfigurationReadAll,
    Permission::ConfigurationReadWriteAll,
];
const WRITE_DEVICES: &[Permission] = &[Permission::ManagedDevicesReadWriteAll, Permission::ConfigurationReadWriteAll];

impl Edge {
    /// The advice to a caller who puts it into the body of a change.
    pub fn in_a_body(&self) -> &'static str {
        match self.access {
            Access::Sole => {
                "Set it with POST .../{id}/users/$ref and the body {\"@odata.id\": \"https://HOST/beta/users/{userId}\"}, or remove it with DELETE .../{id}/users/$ref."
            }
            Access::Linked => "Add a link with POST .../$ref, and remove one with DELETE .../{id}/$ref.",
            Access::Owned | Access::Device => "Change it at its own path.",
            Access::ReadOnly => "Leave it out.",
        }
    }

    /// A collection inside its parent that is read with the permissions of devices.
    pub const fn many(from: &'static EntityType, name: &'static str, to: &'static EntityType) -> Self {
        Self {
            from,
            name,
            to,
            many: true,
            beta_only: false,
            contained: true,
            access: Access::ReadOnly,
            read: READ_DEVICES,
            write: WRITE_DEVICES,
        }
    }

    /// A single entity that lives elsewhere, read with the permissions of devices.
    pub const fn one(from: &'static EntityType, name: &'static str, to: &'static EntityType) -> Self {
        Self { many: false, contained: false, ..Self::many(from, name, to) }
    }
}
