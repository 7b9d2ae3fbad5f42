//! Random devices, and random questions about the values that Graph serves of them.

use chaveiro_core::device::{ManagedDevice, Platform, PrimaryUser, RECORD, RecordKind};
use chaveiro_core::inventory::{Inventory, InventoryField, Kind};
use chaveiro_core::query::{DeviceFacts, DeviceField, Filter, Test, Value};
use chaveiro_core::resource::{Resource, ResourceKind};
use serde_json::json;

use crate::sample::{at, device, resource, uuid};
use crate::walk::Dice;

/// Few texts, so that filters find something.
const TEXTS: [&str; 12] = ["", "a", "A", "b", "Ab", "aB_c", "a%b", "\u{c9}a", "\u{e9}a", "@x", "[x", "50\\%"];
pub(crate) const NUMBERS: [i64; 4] = [0, 1, 7, 1 << 40];

/// Every field that has values of its own.
pub(crate) fn fields() -> Vec<DeviceField> {
    DeviceField::all().map(|(field, _)| field).collect()
}

/// Returns true if the values of that field are members of an enum.
pub(crate) fn has_members(field: DeviceField) -> bool {
    match field {
        DeviceField::Recorded(field) => matches!(field.row().kind, RecordKind::OneOf(_)),
        DeviceField::Reported(field) => matches!(field.row().kind, Kind::OneOf(_)),
    }
}

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
    let mut device = ManagedDevice {
        platform: one_of(dice, &[Platform::Windows, Platform::WindowsPhone, Platform::Linux]),
        comanaged: dice.roll(2) == 0,
        inventory: InventoryField::all()
            .fold(Inventory::default(), |inventory, field| reported(dice, inventory, field)),
        ..device(1, number)
    };
    for (kind, part) in RECORD.iter().filter_map(|row| Some((row.kind, row.part?))) {
        let is_empty = dice.roll(4) == 0 && (part.set)(&mut device, Value::Null);
        assert!(is_empty || (part.set)(&mut device, recorded(dice, kind)), "{}", part.name);
    }
    device
}

/// A value of that kind.
fn recorded(dice: &mut Dice, kind: RecordKind) -> Value {
    match kind {
        RecordKind::Id => uuid(4, 1 + dice.roll(4)).to_string().into(),
        RecordKind::Text | RecordKind::OfUser(_) => text(dice).into(),
        RecordKind::OneOf(names) => one_of(dice, names).into(),
        RecordKind::Flag => Value::Flag(dice.roll(2) == 0),
        // Some hours and names of months, and equal times.
        RecordKind::Time => {
            let step = one_of(dice, &[1, 40_000_000]);
            Value::Time(at(dice.roll(5) * step).as_microsecond())
        }
        RecordKind::Texts => Value::Texts((0..=dice.roll(2)).map(|_| text(dice)).collect()),
    }
}

/// The inventory with a value of that row, mostly.
fn reported(dice: &mut Dice, inventory: Inventory, field: InventoryField) -> Inventory {
    let value = perhaps(dice, |dice| match field.row().kind {
        Kind::Text | Kind::MacAddress => text(dice).into(),
        Kind::Number => Value::Number(i64::try_from(dice.roll(3)).expect("small")),
        Kind::Bytes => Value::Number(one_of(dice, &NUMBERS)),
        Kind::Flag => Value::Flag(dice.roll(2) == 0),
        Kind::OneOf(names) => one_of(dice, names).into(),
    });
    let mut inventory = inventory;
    inventory.set(field, value);
    inventory
}

/// Returns Graph's value of a device's field.
pub(crate) fn value(device: &ManagedDevice, users: &[Resource], field: DeviceField) -> Value {
    let user = users.iter().find(|user| Some(user.id) == device.user);
    let user = user.map(|user| PrimaryUser::new(user.clone()));
    field.value(&DeviceFacts::new(device, user.as_ref()))
}

/// Returns a test that fits the type of that value.
pub(crate) fn random_test(dice: &mut Dice, of: &Value) -> Test {
    let ordered = |dice: &mut Dice, value: Value| {
        one_of(dice, &[Test::Equal, Test::Less, Test::AtMost, Test::Greater, Test::AtLeast])(value)
    };
    match of {
        _ if dice.roll(8) == 0 && !matches!(of, Value::Texts(_)) => Test::Equal(Value::Null),
        Value::Null | Value::Text(_) => {
            let literal = match of {
                Value::Text(text) if dice.roll(2) == 0 => one_of(dice, &[text.to_string(), text.to_uppercase()]),
                _ => text(dice),
            };
            let part: String = literal.chars().take(usize::try_from(dice.roll(4)).expect("small")).collect();
            match dice.roll(5) {
                0 => Test::StartsWith(part),
                1 => Test::EndsWith(part),
                2 => Test::Contains(part),
                _ => ordered(dice, literal.into()),
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
