//! `managedDevice`: the value of each property, as the rows of the domain say it.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::query::{self, DeviceFacts, DeviceField};
use serde_json::{Value, json};

use super::outline::{Values, Wanted};
use super::{complex, date_time};
use crate::kinds::managed_device::OfUser;
use crate::model::HARDWARE_INFORMATION;
use crate::model::managed_device::{EMPTY, MANAGED_DEVICE};
use crate::query::Selection;
use crate::resolve::Version;

/// The source of a property.
#[derive(Clone, Copy)]
enum Source {
    Field(DeviceField),
    /// An empty text.
    Empty,
    Recoverability,
    Hardware,
}

/// The sources of the properties, in the order of the type. It is `None` for one that has its default on all devices,
/// and for `deviceActionResults`, which a single GET writes itself.
static SOURCES: LazyLock<Vec<Option<Source>>> = LazyLock::new(|| {
    let source = |name: &str| match name {
        "hardwareInformation" => Some(Source::Hardware),
        "chaveiro_recoverability" => Some(Source::Recoverability),
        name if EMPTY.contains(&name) => Some(Source::Empty),
        name => DeviceField::named(name).map(Source::Field),
    };
    MANAGED_DEVICE.iter().map(|property| source(property.name)).collect()
});

/// Returns true if a selection serves a property that depends on the primary user.
pub(crate) fn tells_of_user(selection: &Selection) -> bool {
    let of_user = |source: &Option<Source>| matches!(source, Some(Source::Field(field)) if field.tells_of_user());
    MANAGED_DEVICE.iter().zip(SOURCES.iter()).any(|(property, source)| of_user(source) && selection.contains(property))
}

impl Values for OfUser {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        DeviceFacts::new(&self.device, self.user.as_deref()).value(wanted)
    }
}

impl Values for DeviceFacts<'_> {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        Some(match (*SOURCES.get(wanted.place)?)? {
            Source::Field(field) => json_of(field.value(self)),
            Source::Empty => "".into(),
            Source::Recoverability => recoverability(self.device()),
            Source::Hardware => hardware(self.device()),
        })
    }
}

fn hardware(device: &ManagedDevice) -> Value {
    let known = InventoryField::all().filter_map(|field| {
        let name = field.row().hardware?;
        Some((name.to_owned(), json_of(device.inventory.of_hardware(field))))
    });
    complex(&HARDWARE_INFORMATION, Version::Beta, known.collect())
}

fn recoverability(device: &ManagedDevice) -> Value {
    let entries = device.recoverability.iter().map(|entry| {
        json!({
            "lock": entry.of.lock.name(),
            "subject": entry.of.subject,
            "ready": entry.obstacle.is_none(),
            "obstacle": entry.obstacle,
            "escrow": entry.escrow.name(),
            "actionId": entry.action,
        })
    });
    entries.collect()
}

/// A value of a list as JSON.
fn json_of(value: query::Value) -> Value {
    match value {
        query::Value::Null => Value::Null,
        query::Value::Flag(flag) => flag.into(),
        query::Value::Number(number) => number.into(),
        query::Value::Time(micros) => {
            Timestamp::from_microsecond(micros).map_or(Value::Null, |at| date_time(at).into())
        }
        query::Value::Text(text) => text.into(),
        query::Value::Texts(texts) => texts.into(),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::device::{Platform, PrimaryUser, RECORD, RecordKind};
    use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
    use chaveiro_core::inventory::Kind;
    use chaveiro_core::resource::{Resource, ResourceKind};
    use serde_json::Map;
    use uuid::Uuid;

    use super::*;
    use crate::kinds::MANAGED_DEVICE as ENTITY;
    use crate::model::{Edm, Property};
    use crate::negotiation::{Format, Metadata};
    use crate::query::Named;
    use crate::render::Form;
    use crate::render::outline::{Object, Outline};
    use crate::render::typed::{announced, typed};

    fn sample() -> ManagedDevice {
        let (tenant, id, at) = (Uuid::nil(), Uuid::from_u128(7), Timestamp::UNIX_EPOCH);
        ManagedDevice {
            certificate_expires: Some(at),
            notes: Some("n".to_owned()),
            ..ManagedDevice::new(TenantId(tenant), DeviceId(id), Platform::Windows, at)
        }
    }

    fn device(of: &ManagedDevice, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
        let (outline, mut text) = (Outline::new(&ENTITY, version, selection, form), Vec::new());
        let mut object = Object::begin(&mut text, Map::new());
        outline.write(Format::default(), &DeviceFacts::new(of, None), &mut object);
        object.end();
        serde_json::from_slice(&text).expect("an object")
    }

    #[test]
    fn every_row_is_a_property_of_the_type() {
        for name in DeviceField::all().flat_map(|(_, names)| names).chain(&EMPTY) {
            assert!(MANAGED_DEVICE.iter().any(|property| property.name == *name), "{name}");
        }
    }

    #[test]
    fn every_property_is_written_as_its_row_says_at_every_level_of_metadata() {
        let mut sample = sample();
        for field in InventoryField::all() {
            sample.inventory.set(
                field,
                Some(match field.row().kind {
                    Kind::Text | Kind::MacAddress => "a \"b\" \u{e9}".into(),
                    Kind::Number => 7.into(),
                    Kind::Bytes => (1 << 40).into(),
                    Kind::Flag => true.into(),
                    Kind::OneOf(names) => names[1].into(),
                }),
            );
        }
        let properties = json!({"mail": "m", "userPrincipalName": "ana@x", "displayName": "Ana"}).to_string();
        let user = PrimaryUser::new(Resource {
            tenant: sample.tenant,
            kind: ResourceKind::User,
            id: ResourceId(Uuid::nil()),
            owner: None,
            device: None,
            alternate_key: None,
            properties,
            created: sample.enrolled,
            modified: sample.enrolled,
        });
        let facts = DeviceFacts::new(&sample, Some(&user));
        for metadata in Metadata::ALL {
            for ieee754 in [false, true] {
                let format = Format { metadata, ieee754, ..Format::default() };
                for property in MANAGED_DEVICE {
                    let selection = Selection::Only(vec![Named::whole(property.name)]);
                    let outline = Outline::new(&ENTITY, Version::Beta, &selection, Form::Single);
                    let mut text = Vec::new();
                    let mut object = Object::begin(&mut text, Map::new());
                    outline.write(format, &facts, &mut object);
                    object.end();
                    let written: Map<String, Value> = serde_json::from_slice(&text).expect("an object");
                    let of_row = DeviceField::named(property.name).map(|field| json_of(field.value(&facts)));
                    let known = of_row.or_else(|| match property.name {
                        "chaveiro_recoverability" => Some(recoverability(&sample)),
                        "hardwareInformation" => Some(hardware(&sample)),
                        name => EMPTY.contains(&name).then(|| "".into()),
                    });
                    let known = known.unwrap_or_else(|| super::super::default(property));
                    let expected = typed(format, property.edm, known.clone());
                    let annotation = announced(format, property.edm, &known);
                    assert_eq!(written[property.name], expected, "{} {metadata:?}", property.name);
                    let typed_as = written.get(&format!("{}@odata.type", property.name)).cloned();
                    assert_eq!(typed_as, annotation.map(Value::from), "{} {metadata:?}", property.name);
                    assert_eq!(written.len(), 1 + usize::from(typed_as.is_some()), "nothing else");
                }
            }
        }
    }

    #[test]
    fn every_reported_value_is_of_the_type_of_its_property_and_unknown_as_the_model_says() {
        let fits = |kind: Kind, property: &Property| match (kind, property.edm) {
            (Kind::Text | Kind::MacAddress, Edm::String)
            | (Kind::Number, Edm::Int32)
            | (Kind::Bytes, Edm::Int64)
            | (Kind::Flag, Edm::Boolean) => true,
            (Kind::OneOf(names), Edm::Enum(of)) => names.iter().all(|name| of.names().any(|member| member == *name)),
            _ => false,
        };
        let entity = &ENTITY;
        for row in InventoryField::all().map(InventoryField::row) {
            for name in row.properties {
                let property = entity.property(name).expect(name);
                assert!(fits(row.kind, property), "{name}");
                assert_eq!(json_of(row.unknown()), super::super::default(property), "{name}");
            }
            if let Some(name) = row.hardware {
                let member = HARDWARE_INFORMATION.properties.iter().find(|member| member.name == name).expect(name);
                assert!(fits(row.kind, member), "{name}");
            }
        }
    }

    #[test]
    fn every_value_of_the_record_is_of_the_type_of_its_property() {
        let fits = |kind: RecordKind, property: &Property| match (kind, property.edm) {
            (RecordKind::Id | RecordKind::Text | RecordKind::OfUser(_), Edm::String)
            | (RecordKind::Flag, Edm::Boolean)
            | (RecordKind::Time, Edm::DateTime)
            | (RecordKind::Texts, Edm::Collection(Edm::String)) => true,
            (RecordKind::OneOf(names), Edm::Enum(of)) => {
                names.iter().all(|name| of.names().any(|member| member == *name))
            }
            _ => false,
        };
        for row in RECORD {
            for name in row.properties {
                let property = ENTITY.property(name).expect(name);
                assert!(fits(row.kind, property), "{name}");
                assert!(!property.writable || row.setting.is_some(), "{name}: nothing sets it");
            }
        }
    }

    #[test]
    fn a_list_hides_what_only_a_single_get_tells() {
        let of = |form| device(&sample(), Version::Beta, &Selection::Default, form);
        assert_eq!(of(Form::Single)["notes"], "n");
        assert_eq!(of(Form::Listed)["notes"], Value::Null);
    }

    #[test]
    fn hardware_is_told_to_a_caller_who_selects_it() {
        let mut sample = sample();
        sample.inventory.set(InventoryField::SERIAL_NUMBER, Some("S1".into()));
        let of = |selection| device(&sample, Version::Beta, &selection, Form::Single)["hardwareInformation"].clone();
        assert_eq!(of(Selection::Default), Value::Null);
        let named = of(Selection::Only(vec![Named::whole("hardwareInformation")]));
        assert_eq!((&named["serialNumber"], &named["productName"]), (&json!("S1"), &Value::Null));
    }

    #[test]
    fn action_results_come_last() {
        let json = device(&sample(), Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json.keys().next_back().map(String::as_str), Some("deviceActionResults"));
        assert_eq!(json.len(), 56);
    }

    #[test]
    fn an_unnamed_device_has_the_generated_name() {
        let json = device(&sample(), Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json["managedDeviceName"], "device_Windows_1/1/1970_12:00 AM");
    }
}
