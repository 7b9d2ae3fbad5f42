//! Random devices, what Graph says of them, and random questions about that.

use chaveiro_core::Timestamp;
use chaveiro_core::device::{Inventory, ManagedDevice, ManagementState, OwnerType, Platform};
use chaveiro_core::id::ResourceId;
use chaveiro_core::query::{DeviceField, Filter, Test, Value, moment};
use chaveiro_core::resource::{Resource, ResourceKind};
use serde_json::json;

use crate::sample::{at, device, resource, uuid};
use crate::walk::Dice;

/// Few of each, so that filters find something.
const TEXTS: [&str; 12] = ["", "a", "A", "b", "Ab", "aB_c", "a%b", "\u{c9}a", "\u{e9}a", "@x", "[x", "50\\%"];
pub(crate) const NUMBERS: [i64; 4] = [0, 1, 7, 1 << 40];

pub(crate) const FIELDS: [DeviceField; 32] = {
    let mut fields = [DeviceField::Id; 32];
    let mut index = 0;
    while index < fields.len() {
        fields[index] = DeviceField::NAMES[index].1;
        index += 1;
    }
    fields
};

pub(crate) const MEMBERS: [DeviceField; 5] = [
    DeviceField::OwnerType,
    DeviceField::ManagementState,
    DeviceField::ManagementAgent,
    DeviceField::DeviceType,
    DeviceField::EnrollmentType,
];

pub(crate) fn one_of<T: Clone>(dice: &mut Dice, all: &[T]) -> T {
    all[usize::try_from(dice.roll(all.len() as u64)).expect("a small number")].clone()
}

fn perhaps<T>(dice: &mut Dice, value: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    (dice.roll(4) > 0).then(|| value(dice))
}

pub(crate) fn text(dice: &mut Dice) -> String {
    one_of(dice, &TEXTS).to_owned()
}

pub(crate) fn users() -> Vec<Resource> {
    let user = |number: u64, properties: serde_json::Value| Resource {
        properties: properties.to_string(),
        alternate_key: Some(format!("u{number}")),
        ..resource(1, ResourceKind::User, number)
    };
    vec![
        user(1, json!({"userPrincipalName": "Ab@x", "mail": "a", "displayName": "\u{e9}a"})),
        user(2, json!({"userPrincipalName": "b", "mail": null, "displayName": "aB_c"})),
        user(3, json!({})),
    ]
}

pub(crate) fn random_device(dice: &mut Dice, number: u64) -> ManagedDevice {
    let size = |dice: &mut Dice| one_of(dice, &NUMBERS).unsigned_abs();
    ManagedDevice {
        platform: one_of(dice, &[Platform::Windows, Platform::WindowsPhone, Platform::Linux]),
        management_state: one_of(dice, &[ManagementState::Managed, ManagementState::RetireIssued]),
        comanaged: dice.roll(2) == 0,
        user: perhaps(dice, |dice| ResourceId(uuid(4, 1 + dice.roll(4)))),
        enrolled: at(dice.roll(5) * 40_000_000),
        last_sync: at(dice.roll(5)),
        certificate_expires: perhaps(dice, |dice| at(dice.roll(5))),
        inventory: Inventory {
            device_name: perhaps(dice, text),
            manufacturer: perhaps(dice, text),
            model: perhaps(dice, text),
            serial_number: perhaps(dice, text),
            os_version: perhaps(dice, text),
            sku_number: perhaps(dice, |dice| i32::try_from(dice.roll(3)).expect("small")),
            azure_ad_device_id: perhaps(dice, text),
            imei: perhaps(dice, text),
            ethernet_mac_address: perhaps(dice, text),
            wifi_mac_address: perhaps(dice, text),
            total_storage_bytes: perhaps(dice, size),
            free_storage_bytes: perhaps(dice, size),
            physical_memory_bytes: perhaps(dice, size),
            is_encrypted: perhaps(dice, |dice| dice.roll(2) == 0),
            ..Inventory::default()
        },
        notes: perhaps(dice, text),
        managed_device_name: if dice.roll(2) == 0 { Some(text(dice)) } else { None },
        owner_type: one_of(dice, &[OwnerType::Unknown, OwnerType::Company, OwnerType::Personal]),
        scope_tags: (0..=dice.roll(2)).map(|_| text(dice)).collect(),
        ..device(1, number)
    }
}

/// What Graph says of a device.
pub(crate) fn value(device: &ManagedDevice, users: &[Resource], field: DeviceField) -> Value {
    let word = |word: &str| Value::Text(word.to_owned());
    let maybe = |text: &Option<String>| text.as_deref().map_or(Value::Null, word);
    let size = |size: Option<u64>| Value::Number(size.map_or(0, |size| i64::try_from(size).expect("fits")));
    let time = |at: Timestamp| Value::Time(at.as_microsecond());
    let user = users.iter().find(|user| Some(user.id) == device.user);
    let of_user = |name: &str| {
        let properties: Option<serde_json::Value> = user.and_then(|user| serde_json::from_str(&user.properties).ok());
        properties.and_then(|properties| properties[name].as_str().map(word)).unwrap_or(Value::Null)
    };
    let inventory = &device.inventory;
    match field {
        DeviceField::Id => word(&device.id.to_string()),
        DeviceField::UserId => device.user.map_or(Value::Null, |user| word(&user.to_string())),
        DeviceField::DeviceName => maybe(&inventory.device_name),
        DeviceField::OwnerType => word(match device.owner_type {
            OwnerType::Unknown => "unknown",
            OwnerType::Company => "company",
            OwnerType::Personal => "personal",
        }),
        DeviceField::ManagementState => word(match device.management_state {
            ManagementState::Managed => "managed",
            ManagementState::RetireIssued => "retireIssued",
        }),
        DeviceField::ManagementAgent => word(if device.comanaged { "configurationManagerClientMdm" } else { "mdm" }),
        DeviceField::Enrolled => time(device.enrolled),
        DeviceField::LastSync => time(device.last_sync),
        DeviceField::OperatingSystem => word(device.platform.operating_system()),
        DeviceField::DeviceType => word(match device.platform {
            Platform::Windows => "desktop",
            Platform::WindowsPhone => "windowsPhone",
            Platform::Linux => "linux",
        }),
        DeviceField::OsVersion => maybe(&inventory.os_version),
        DeviceField::AzureAdRegistered => Value::Flag(inventory.azure_ad_device_id.is_some()),
        DeviceField::EnrollmentType => word(if user.is_some() { "userEnrollment" } else { "unknown" }),
        DeviceField::EmailAddress => of_user("mail"),
        DeviceField::AzureAdDeviceId => maybe(&inventory.azure_ad_device_id),
        DeviceField::IsEncrypted => Value::Flag(inventory.is_encrypted == Some(true)),
        DeviceField::UserPrincipalName => of_user("userPrincipalName"),
        DeviceField::Model => maybe(&inventory.model),
        DeviceField::Manufacturer => maybe(&inventory.manufacturer),
        DeviceField::Imei => maybe(&inventory.imei),
        DeviceField::SerialNumber => maybe(&inventory.serial_number),
        DeviceField::UserDisplayName => of_user("displayName"),
        DeviceField::WifiMacAddress => maybe(&inventory.wifi_mac_address),
        DeviceField::TotalStorage => size(inventory.total_storage_bytes),
        DeviceField::FreeStorage => size(inventory.free_storage_bytes),
        DeviceField::ManagedDeviceName => match (&device.managed_device_name, of_user("userPrincipalName")) {
            (Some(name), _) => word(name),
            (None, principal) => {
                let before = |text: String| text.split('@').next().unwrap_or_default().to_owned();
                let principal = if let Value::Text(text) = principal { Some(before(text)) } else { None };
                let whose = principal.or(inventory.device_name.clone()).unwrap_or("device".to_owned());
                let when = device.enrolled.strftime("%-m/%-d/%Y_%-I:%M %p");
                Value::Text(format!("{whose}_{}_{when}", device.platform.operating_system()))
            }
        },
        DeviceField::CertificateExpires => match device.certificate_expires {
            Some(at) => time(at),
            None => moment("0001-01-01T00:00:00Z").map(Value::Time).expect("a time"),
        },
        DeviceField::ScopeTags => Value::Texts(device.scope_tags.iter().cloned().collect()),
        DeviceField::Notes => maybe(&device.notes),
        DeviceField::EthernetMacAddress => maybe(&inventory.ethernet_mac_address),
        DeviceField::PhysicalMemory => size(inventory.physical_memory_bytes),
        DeviceField::SkuNumber => Value::Number(inventory.sku_number.unwrap_or(0).into()),
    }
}

/// A test that fits the type of that value.
pub(crate) fn random_test(dice: &mut Dice, of: &Value) -> Test {
    let ordered = |dice: &mut Dice, value: Value| {
        one_of(dice, &[Test::Equal, Test::Less, Test::AtMost, Test::Greater, Test::AtLeast])(value)
    };
    match of {
        _ if dice.roll(8) == 0 && !matches!(of, Value::Texts(_)) => Test::Equal(Value::Null),
        Value::Null | Value::Text(_) => {
            let literal = match of {
                Value::Text(text) if dice.roll(2) == 0 => one_of(dice, &[text.clone(), text.to_uppercase()]),
                _ => text(dice),
            };
            let part: String = literal.chars().take(usize::try_from(dice.roll(4)).expect("small")).collect();
            match dice.roll(5) {
                0 => Test::StartsWith(part),
                1 => Test::EndsWith(part),
                2 => Test::Contains(part),
                _ => ordered(dice, Value::Text(literal)),
            }
        }
        Value::Flag(_) => Test::Equal(Value::Flag(dice.roll(2) == 0)),
        Value::Number(_) => {
            let number = Value::Number(one_of(dice, &NUMBERS));
            ordered(dice, number)
        }
        Value::Time(micros) => {
            let time = Value::Time(if dice.roll(2) == 0 { *micros } else { at(dice.roll(5)).as_microsecond() });
            ordered(dice, time)
        }
        Value::Texts(_) => Test::Has(text(dice)),
    }
}

pub(crate) fn random_filter<F: Clone>(
    dice: &mut Dice,
    depth: u32,
    leaf: &impl Fn(&mut Dice) -> (F, Test),
) -> Filter<F> {
    match dice.roll(if depth == 0 { 1 } else { 3 }) {
        0 => {
            let (field, test) = leaf(dice);
            Filter::Is { field, test, holds: dice.roll(3) > 0 }
        }
        which => {
            let parts = (0..1 + dice.roll(4)).map(|_| random_filter(dice, depth - 1, leaf)).collect();
            if which == 1 { Filter::all(parts) } else { Filter::any(parts) }
        }
    }
}
