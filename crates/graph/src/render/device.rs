//! `managedDevice`.

use chaveiro_core::Timestamp;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::query::{self, DeviceFacts, DeviceField};
use chaveiro_core::resource::Resource;
use serde_json::{Map, Value, json};

use super::{complex, date_time};
use crate::model::HARDWARE_INFORMATION;
use crate::model::managed_device::EMPTY;
use crate::resolve::Version;

/// The values that are known, by the names of their properties. Aliases have equal values. `deviceActionResults` is not
/// among them; a single GET adds it.
pub fn known(device: &ManagedDevice, user: Option<&Resource>) -> Map<String, Value> {
    let facts = DeviceFacts::new(device, user);
    let mut known: Map<_, _> = EMPTY.map(|name| (name.to_owned(), json!(""))).into_iter().collect();
    for (field, names) in DeviceField::all() {
        let value = json_of(field.value(&facts));
        known.extend(names.iter().map(|name| ((*name).to_owned(), value.clone())));
    }
    known.insert("chaveiro_recoverability".to_owned(), recoverability(device));
    let hardware = InventoryField::all().filter_map(|field| {
        let name = field.row().hardware?;
        Some((name.to_owned(), json_of(device.inventory.of_hardware(field))))
    });
    let hardware = complex(&HARDWARE_INFORMATION, Version::Beta, hardware.collect());
    known.insert("hardwareInformation".to_owned(), hardware);
    known
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
    use chaveiro_core::device::Platform;
    use chaveiro_core::id::{DeviceId, TenantId};
    use chaveiro_core::inventory::Kind;
    use uuid::Uuid;

    use super::*;
    use crate::kinds::MANAGED_DEVICE;
    use crate::kinds::managed_device::rendered as device;
    use crate::model::{Edm, Property};
    use crate::query::{Named, Selection};
    use crate::render::Form;

    fn sample() -> ManagedDevice {
        let (tenant, id, at) = (Uuid::nil(), Uuid::from_u128(7), Timestamp::UNIX_EPOCH);
        ManagedDevice {
            certificate_expires: Some(at),
            notes: Some("n".to_owned()),
            ..ManagedDevice::new(TenantId(tenant), DeviceId(id), Platform::Windows, at)
        }
    }

    #[test]
    fn every_known_value_is_a_property_of_the_type() {
        let entity = &MANAGED_DEVICE;
        for name in known(&sample(), None).keys() {
            assert!(entity.properties.iter().any(|property| property.name == name), "{name}");
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
        let entity = &MANAGED_DEVICE;
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
    fn a_list_hides_what_only_a_single_get_tells() {
        let of = |form| device(&sample(), None, Version::Beta, &Selection::Default, form);
        assert_eq!(of(Form::Single)["notes"], "n");
        assert_eq!(of(Form::Listed)["notes"], Value::Null);
    }

    #[test]
    fn hardware_is_told_to_a_caller_who_selects_it() {
        let mut sample = sample();
        sample.inventory.set(InventoryField::SERIAL_NUMBER, Some("S1".into()));
        let of =
            |selection| device(&sample, None, Version::Beta, &selection, Form::Single)["hardwareInformation"].clone();
        assert_eq!(of(Selection::Default), Value::Null);
        let named = of(Selection::Only(vec![Named::whole("hardwareInformation")]));
        assert_eq!((&named["serialNumber"], &named["productName"]), (&json!("S1"), &Value::Null));
    }

    #[test]
    fn action_results_come_last() {
        let json = device(&sample(), None, Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json.keys().next_back().map(String::as_str), Some("deviceActionResults"));
        assert_eq!(json.len(), 56);
    }

    #[test]
    fn an_unnamed_device_has_the_generated_name() {
        let json = device(&sample(), None, Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json["managedDeviceName"], "device_Windows_1/1/1970_12:00 AM");
    }
}
