//! Scope tags of devices.

use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::scope_tag::ScopeTags;
use chaveiro_store_rows::cells::Cells as _;

use crate::authenticated::{DEVICE_TAGS, insert};
use crate::unit::{Unit, params};
use crate::value::Cells;

/// Returns the tags of the devices of a tenant. The index is entered once for each tag, however many devices have it.
pub(crate) fn of_devices(unit: &Unit<'_>, tenant: TenantId) -> Result<ScopeTags, StoreError> {
    let sql = format!(
        "WITH RECURSIVE known (tag) AS (
            SELECT min(tag) FROM device_tag WHERE tenant = $1
            UNION ALL SELECT (SELECT min(tag) FROM device_tag WHERE tenant = $1 AND tag > known.tag) FROM known
            WHERE known.tag IS NOT NULL)
        SELECT x.tag, {} FROM known JOIN LATERAL (
            SELECT * FROM device_tag g WHERE g.tenant = $1 AND g.tag = known.tag LIMIT 1) AS x ON true",
        DEVICE_TAGS.proof("x")
    );
    let mut tags = Vec::new();
    for row in unit.query(&sql, &params![tenant.0])? {
        let tag: String = Cells::of(&row).get("tag")?;
        if DEVICE_TAGS.sound(unit.key(), &row, 1)? || is_sound_anywhere(unit, tenant, &tag)? {
            tags.push(tag);
        }
    }
    Ok(tags.into_iter().collect())
}

fn is_sound_anywhere(unit: &Unit<'_>, tenant: TenantId, tag: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT {} FROM device_tag x WHERE x.tenant = $1 AND x.tag = $2", DEVICE_TAGS.proof("x"));
    for row in unit.query(&sql, &params![tenant.0, tag])? {
        if DEVICE_TAGS.sound(unit.key(), &row, 0)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes only the differences: most changes of a device do not concern its tags.
pub(crate) fn put(unit: &Unit<'_>, device: &ManagedDevice) -> Result<(), StoreError> {
    let (tenant, id) = (device.tenant.0, device.id.0);
    let wanted: Vec<String> = device.scope_tags.iter().map(ToString::to_string).collect();
    let sql = "SELECT tag FROM device_tag WHERE tenant = $1 AND device = $2";
    let there: Vec<String> = unit.many(sql, &params![tenant, id], |row| Ok(Cells::of(row).get("tag")?))?;
    if there.iter().any(|tag| !wanted.contains(tag)) {
        let sql = "DELETE FROM device_tag WHERE tenant = $1 AND device = $2 AND tag <> ALL ($3)";
        unit.run(sql, &params![tenant, id, wanted.clone()])?;
    }
    for tag in wanted.into_iter().filter(|tag| !there.contains(tag)) {
        let row = vec![("tenant", tenant.into()), ("device", id.into()), ("tag", tag.into())];
        insert(unit, &DEVICE_TAGS, row, "scope tag")?;
    }
    Ok(())
}
