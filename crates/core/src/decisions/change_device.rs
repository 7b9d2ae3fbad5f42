//! Changes of a device by administrators. Callers of the API and operators on the host both use them.

use std::collections::BTreeSet;

use crate::audit::{Activity, Origin};
use crate::device::{ManagedDevice, RecordField};
use crate::ports::{Fault, UnitOfWork};
use crate::query::Value;
use crate::rights::Rights;
use crate::scope_tag::ScopeTags;

/// One change of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change(Setting);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Setting {
    /// A property of the record.
    Recorded(RecordField, Value),
    /// The management of the device by another agent, too.
    Comanaged(bool),
}

impl Change {
    /// Sets a property; `None` if administrators do not set it, or not to that value.
    pub fn of(field: RecordField, value: Value) -> Option<Self> {
        let row = field.row();
        let fits = row.setting.is_some() && row.kind.admits(&value);
        fits.then_some(Self(Setting::Recorded(field, value)))
    }

    /// Replaces the scope tags.
    pub fn tags(tags: &ScopeTags) -> Self {
        const TAGS: RecordField = RecordField::of("roleScopeTagIds");
        Self(Setting::Recorded(TAGS, Value::Texts(tags.iter().cloned().collect())))
    }

    /// Sets whether another agent manages the device too.
    pub fn comanaged(on: bool) -> Self {
        Self(Setting::Comanaged(on))
    }

    fn apply(&self, device: &mut ManagedDevice) {
        match &self.0 {
            Setting::Recorded(field, value) => {
                let is_set = field.row().part.is_some_and(|part| (part.set)(device, value.clone()));
                debug_assert!(is_set, "{field:?} takes every value that its kind admits");
            }
            Setting::Comanaged(on) => device.comanaged = *on,
        }
    }

    /// Returns the setting by its recorded name, and its value as it is recorded.
    fn recorded(&self, device: &ManagedDevice) -> (&'static str, String) {
        let Setting::Recorded(field, _) = &self.0 else { return ("comanaged", device.comanaged.to_string()) };
        let row = field.row();
        let text = match row.part.map_or(Value::Null, |part| (part.get)(device)) {
            Value::Text(text) if row.confidential => format!("{} characters", text.chars().count()),
            Value::Text(text) => text.into(),
            Value::Texts(texts) => texts.join(","),
            Value::Null => "-".to_owned(),
            value @ (Value::Flag(_) | Value::Number(_) | Value::Time(_)) => value.to_string(),
        };
        (row.setting.unwrap_or_default(), text)
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
