//! Scope tags of devices.

use chaveiro_core::device::ManagedDevice;
use chaveiro_core::ports::StoreError;
use rusqlite::{Connection, params};

use crate::codec::{blob, json, one, run};
use crate::rows::authenticated::DEVICE_TAGS;

/// The tags of a parameter that is a JSON array of them.
const THESE: &str = "tag IN (SELECT value FROM json_each(?))";

/// The condition that a device has one of these tags, and got it from this program; `row` is the alias of the tag.
pub(crate) fn these(row: &str) -> String {
    format!("{row}.{THESE} AND {}", DEVICE_TAGS.sound(row))
}

/// Whether at most `few` devices have one of these tags. A list of what is seen of so few begins with them, whatever its
/// filter and order; one of more goes along an index of all and looks at the tags of each, because it finds enough soon.
/// The planner cannot know which.
pub(crate) fn is_seldom(connection: &Connection, tags: &str, few: i64) -> Result<bool, StoreError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM device_tag WHERE {THESE} LIMIT ?)");
    let counted = one(connection, &sql, params![tags, few + 1], |row| Ok(row.get::<_, i64>(0)?))?;
    Ok(counted.is_some_and(|count| count <= few))
}

/// Writes only what differs: most changes of a device are not about its tags.
pub(crate) fn put(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    const ROW: &str = "SELECT d.row FROM device d JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1 AND d.id = ?2";
    let gone =
        format!("DELETE FROM device_tag WHERE device = ({ROW}) AND tag NOT IN (SELECT value FROM json_each(?3))");
    let come = format!(
        "INSERT INTO device_tag (device, tag) SELECT ({ROW}), value FROM json_each(?3) WHERE true ON CONFLICT DO NOTHING"
    );
    for sql in [gone, come] {
        run(connection, &sql, params![blob(&device.tenant.0), blob(&device.id.0), json(&device.scope_tags)?])?;
    }
    Ok(())
}
