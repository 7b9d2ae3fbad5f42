//! Changes of a device by administrators. Callers of the API and operators on the host both use them.

use std::collections::BTreeSet;

use crate::audit::{Activity, Origin};
use crate::device::{ManagedDevice, OwnerType};
use crate::ports::{Fault, UnitOfWork};
use crate::rights::Rights;
use crate::scope_tag::ScopeTags;

/// One change of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replaces the notes.
    Notes(Option<String>),
    /// Replaces the name that administrators gave it.
    Name(Option<String>),
    /// Replaces the owner.
    Owner(OwnerType),
    /// Replaces the scope tags.
    Tags(ScopeTags),
    /// Sets whether another agent manages the device too.
    Comanaged(bool),
}

impl Change {
    fn apply(&self, device: &mut ManagedDevice) {
        match self {
            Self::Notes(text) => device.notes.clone_from(text),
            Self::Name(text) => device.managed_device_name.clone_from(text),
            Self::Owner(owner) => device.owner_type = *owner,
            Self::Tags(tags) => device.scope_tags.clone_from(tags),
            Self::Comanaged(on) => device.comanaged = *on,
        }
    }

    /// Returns the setting by its recorded name, and its value as it is recorded. Notes may be long and confidential,
    /// and the record keeps everything, so it gets only their length.
    fn recorded(&self, device: &ManagedDevice) -> (&'static str, String) {
        let none = || "-".to_owned();
        match self {
            Self::Notes(_) => {
                let length = device.notes.as_deref().map(|notes| notes.chars().count());
                ("notes", length.map_or_else(none, |length| format!("{length} characters")))
            }
            Self::Name(_) => ("managedDeviceName", device.managed_device_name.clone().unwrap_or_else(none)),
            Self::Owner(_) => ("ownerType", device.owner_type.name().to_owned()),
            Self::Tags(_) => ("scopeTags", device.scope_tags.iter().cloned().collect::<Vec<_>>().join(",")),
            Self::Comanaged(_) => ("comanaged", device.comanaged.to_string()),
        }
    }
}

/// Changes a device for a party with those rights, and returns the changed device. Each setting is recorded as an event
/// of its own, with its value before and after. A setting that is given twice is recorded once.
pub fn change(
    unit: &mut dyn UnitOfWork,
    rights: &Rights,
    origin: &Origin,
    before: ManagedDevice,
    changes: &[Change],
) -> Result<ManagedDevice, Fault> {
    let mut after = before.clone();
    changes.iter().for_each(|change| change.apply(&mut after));
    rights.require_retag(&before.scope_tags, &after.scope_tags)?;
    unit.update_device(&after)?;
    let mut recorded = BTreeSet::new();
    for change in changes {
        let ((setting, old), (_, new)) = (change.recorded(&before), change.recorded(&after));
        if recorded.insert(setting) {
            let event = origin.event(after.tenant, Activity::ResourceChanged).on_device(after.id);
            unit.append_audit(&event.with("setting", setting).with("before", old).with("after", new))?;
        }
    }
    Ok(after)
}
