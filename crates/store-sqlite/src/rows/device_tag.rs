//! Scope tags of devices.

use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::scope_tag::ScopeTags;
use rusqlite::{Connection, params};

use crate::codec::{blob, json, many, one, run};
use crate::rows::authenticated::DEVICE_TAGS;

/// The condition that a tag is among a parameter's JSON array.
const THESE: &str = "tag IN (SELECT value FROM json_each(?))";

/// Returns the condition that a device has one of these tags, written by this program; `row` is the alias of the tag.
pub(crate) fn these(row: &str) -> String {
    format!("{row}.{THESE} AND {}", DEVICE_TAGS.sound(row))
}

/// Returns true if at most `few` devices have one of these tags. A list for so few visible devices starts from them,
/// whatever its filter and order. A list for more walks an index of all devices and checks the tags of each, because it
/// finds enough soon. The planner cannot know which is faster.
pub(crate) fn is_seldom(connection: &Connection, tags: &str, few: i64) -> Result<bool, StoreError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM device_tag WHERE {THESE} LIMIT ?)");
    let counted = one(connection, &sql, params![tags, few + 1], |row| Ok(row.get::<_, i64>(0)?))?;
    Ok(counted.is_some_and(|count| count <= few))
}

/// Returns the tags of the devices of a tenant. The index is entered once for each tag, however many devices have it.
pub(crate) fn of_devices(connection: &Connection, tenant: TenantId) -> Result<ScopeTags, StoreError> {
    let sql = format!(
        "WITH RECURSIVE known (tag) AS (
            SELECT min(tag) FROM device_tag
            UNION ALL SELECT (SELECT min(tag) FROM device_tag WHERE tag > known.tag) FROM known WHERE known.tag IS NOT NULL)
        SELECT tag FROM known WHERE EXISTS (
            SELECT 1 FROM device_tag g JOIN device d ON d.row = g.device JOIN tenant t ON t.row = d.tenant
            WHERE g.tag = known.tag AND t.id = ? AND {})",
        DEVICE_TAGS.sound("g")
    );
    let tags = many(connection, &sql, [blob(&tenant.0)], |row| Ok(row.get("tag")?))?;
    Ok(tags.into_iter().collect())
}

/// Writes only the differences: most changes of a device do not concern its tags.
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
