//! The fields of the list of remote actions.

use std::fmt;

/// The properties that differ from one remote action to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionField {
    /// `requestDateTime`.
    Requested,
    /// `actionState`.
    State,
    /// `managedDeviceId`.
    Device,
    /// `action`.
    Name,
}

impl ActionField {
    /// Every field with the name of its property.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("requestDateTime", Self::Requested),
        ("actionState", Self::State),
        ("managedDeviceId", Self::Device),
        ("action", Self::Name),
    ];

    /// Returns the field of that property, named as in the model.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

impl fmt::Display for ActionField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, field)| field == self).map_or("", |(name, _)| name))
    }
}
