//! The row of a device: some fixed columns, and one for each part of its record.

use chaveiro_core::Timestamp;
use chaveiro_core::device::{ManagedDevice, Part, RECORD, RecordKind};
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::inventory::Inventory;
use chaveiro_core::query::Value;
use uuid::Uuid;

use crate::cells::{Cells, Content};
use crate::message::Field;

/// The columns that no row of the record names, in the order in which they are read.
pub const FIXED: [&str; 5] = ["id", "comanaged", "inventory", "recoverability", "platform"];

/// Columns that most indexes cover. A session seldom changes them, and writing equal values would write every index.
pub const SELDOM: [&str; 4] = ["platform", "management_state", "enrolled", "inventory"];

/// Returns the parts of the record that are columns, with the kinds of their values. Tags have a table of their own.
pub fn parts() -> impl Iterator<Item = (RecordKind, Part)> {
    RECORD.iter().filter_map(|row| Some((row.kind, row.part?))).filter(|(kind, _)| *kind != RecordKind::Texts)
}

/// Reads a device: its tenant, [`FIXED`], [`parts`], and its scope tags.
pub fn device(cells: &mut impl Cells) -> Result<ManagedDevice, Content> {
    let (tenant, id) = (TenantId(cells.uuid("tenant_id")?), DeviceId(cells.uuid("id")?));
    let mut device = ManagedDevice {
        comanaged: cells.get("comanaged")?,
        inventory: Inventory::stored(cells.get::<Box<str>>("inventory")?),
        recoverability: cells.json("recoverability")?,
        ..ManagedDevice::new(tenant, id, cells.name("platform")?, Timestamp::UNIX_EPOCH)
    };
    for (kind, part) in parts() {
        let value = stored(kind, cells.next(part.name)?);
        if !value.is_some_and(|value| (part.set)(&mut device, value)) {
            return Err(Content(format!("{} is no value of a device", part.name)));
        }
    }
    device.scope_tags = cells.json("scope_tags")?;
    Ok(device)
}

/// Returns the value of a part from its column.
fn stored(kind: RecordKind, column: Field<'_>) -> Option<Value> {
    Some(match (kind, column) {
        (_, Field::Null) => Value::Null,
        (RecordKind::Id, Field::Blob(bytes)) => Uuid::from_slice(bytes).ok()?.to_string().into(),
        (RecordKind::Time, Field::Integer(micros)) => Value::Time(micros),
        (RecordKind::Flag, Field::Integer(flag)) => Value::Flag(flag != 0),
        (RecordKind::Text | RecordKind::OneOf(_), Field::Text(text)) => std::str::from_utf8(text).ok()?.into(),
        _ => return None,
    })
}
