//! What a PATCH of a device changes: read from the body before anything is written, so that nothing is dropped in
//! silence.

use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::device::OwnerType;
use chaveiro_core::scope_tag::{MAX_TAG, ScopeTags, is_tag};
use serde_json::{Map, Value};

use crate::body::BodyError;

/// Tags that one device may carry.
const MAX_TAGS: usize = 100;

/// The changes that properties mean, which were checked against the type. Two names of one thing must say the same.
pub(super) fn of_device(properties: &Map<String, Value>) -> Result<Vec<Change>, BodyError> {
    let owner_of = |name| properties.get(name);
    if let (Some(one), Some(other)) = (owner_of("ownerType"), owner_of("managedDeviceOwnerType"))
        && one != other
    {
        let expected = "the same as 'managedDeviceOwnerType', which names the owner too".to_owned();
        return Err(BodyError::Value { name: "ownerType", expected });
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let change = |(name, value): (&String, &Value)| match name.as_str() {
        "notes" => Ok(Change::Notes(text(value))),
        "managedDeviceName" => Ok(Change::Name(text(value))),
        "ownerType" => Ok(Change::Owner(owner("ownerType", value)?)),
        "managedDeviceOwnerType" => Ok(Change::Owner(owner("managedDeviceOwnerType", value)?)),
        "roleScopeTagIds" => Ok(Change::Tags(tags("roleScopeTagIds", value)?)),
        _ => Err(BodyError::UnknownProperty { name: name.clone(), entity: "managedDevice" }),
    };
    properties.iter().map(change).collect()
}

fn owner(name: &'static str, value: &Value) -> Result<OwnerType, BodyError> {
    match value.as_str() {
        Some("company") => Ok(OwnerType::Company),
        Some("personal") => Ok(OwnerType::Personal),
        Some("unknown") => Ok(OwnerType::Unknown),
        Some(_) | None => Err(BodyError::Value { name, expected: "company, personal or unknown".to_owned() }),
    }
}

/// The tags in a list under that name.
pub(super) fn tags(name: &'static str, value: &Value) -> Result<ScopeTags, BodyError> {
    let wrong = || BodyError::Value {
        name,
        expected: format!("a list of 1 to {MAX_TAGS} tags, each of 1 to {MAX_TAG} letters, digits, -, _ and ."),
    };
    let items = value.as_array().filter(|items| (1..=MAX_TAGS).contains(&items.len())).ok_or_else(wrong)?;
    let tag = |item: &Value| item.as_str().filter(|text| is_tag(text)).map(str::to_owned);
    items.iter().map(tag).collect::<Option<_>>().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Edm, MODEL, Target};

    #[test]
    fn every_property_that_callers_may_set_has_an_effect() {
        let device = MODEL.entity_type(Target::Device).expect("in the model");
        for property in device.properties.iter().filter(|property| property.writable) {
            let value = match property.edm {
                Edm::Enum(_) => json!("company"),
                Edm::Collection(_) => json!(["lisbon"]),
                _ => json!("x"),
            };
            let properties = Map::from_iter([(property.name.to_owned(), value)]);
            assert!(of_device(&properties).is_ok_and(|changes| changes.len() == 1), "{}", property.name);
        }
    }

    #[test]
    fn tags_and_owners_outside_their_value_space_are_refused() {
        let many: Vec<_> = (0..=MAX_TAGS).map(|number| number.to_string()).collect();
        for (name, value) in [
            ("roleScopeTagIds", json!([])),
            ("roleScopeTagIds", json!([""])),
            ("roleScopeTagIds", json!(["x".repeat(MAX_TAG + 1)])),
            // No role could be assigned with it.
            ("roleScopeTagIds", json!(["two words"])),
            ("roleScopeTagIds", json!(many)),
            ("ownerType", json!("unknownFutureValue")),
            ("complianceState", json!("compliant")),
        ] {
            assert!(of_device(&Map::from_iter([(name.to_owned(), value.clone())])).is_err(), "{name} {value}");
        }
        let both = json!({"ownerType": "company", "managedDeviceOwnerType": "personal"});
        assert!(of_device(both.as_object().expect("an object")).is_err());
    }
}
