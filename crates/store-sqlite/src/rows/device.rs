//! Managed devices.

use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::ports::{DeviceScope, Page, Paged, StoreError};
use chaveiro_core::scope_tag::Visibility;
use rusqlite::{Connection, Row, named_params, params};

use crate::codec::{
    RowError, blob, change_one, from_json, from_name, insert, json, many, micros, name, one, optional_time,
    optional_uuid, page, run, time, uuid,
};

const DEVICE: &str = "SELECT d.*, t.id AS tenant_id,
        (SELECT json_group_array(g.tag) FROM device_tag g WHERE g.device = d.row) AS scope_tags
    FROM device d JOIN tenant t ON t.row = d.tenant";

fn read(row: &Row<'_>) -> Result<ManagedDevice, RowError> {
    Ok(ManagedDevice {
        tenant: TenantId(uuid(row, "tenant_id")?),
        id: DeviceId(uuid(row, "id")?),
        platform: from_name(row, "platform")?,
        management_state: from_name(row, "management_state")?,
        comanaged: row.get("comanaged")?,
        user: optional_uuid(row, "user")?.map(ResourceId),
        enrolled: time(row, "enrolled")?,
        last_sync: time(row, "last_sync")?,
        certificate_expires: optional_time(row, "certificate_expires")?,
        inventory: from_json(row, "inventory")?,
        notes: row.get("notes")?,
        managed_device_name: row.get("managed_device_name")?,
        owner_type: from_name(row, "owner_type")?,
        recoverability: from_json(row, "recoverability")?,
        scope_tags: from_json(row, "scope_tags")?,
    })
}

pub(crate) fn device(
    connection: &Connection,
    tenant: TenantId,
    id: DeviceId,
) -> Result<Option<ManagedDevice>, StoreError> {
    let sql = format!("{DEVICE} WHERE t.id = ? AND d.id = ?");
    one(connection, &sql, [blob(&tenant.0), blob(&id.0)], read)
}

pub(crate) fn devices(
    connection: &Connection,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    asked: &Page,
) -> Result<Paged<ManagedDevice>, StoreError> {
    // A user's devices are two index walks merged by row: primary user, and link.
    const OF_USER: &str = "AND d.row IN (
        SELECT row FROM device WHERE tenant = t.row AND user = ?4
        UNION
        SELECT l.device FROM link l JOIN resource r ON r.row = l.resource
        WHERE r.tenant = t.row AND r.kind = 'user' AND r.id = ?4)";
    const WITH_APP: &str = "AND d.row IN (
        SELECT l.device FROM link l JOIN resource r ON r.row = l.resource
        WHERE r.tenant = t.row AND r.kind = 'detectedApp' AND r.id = ?4)";
    const TAGGED: &str = "AND EXISTS (
        SELECT 1 FROM device_tag g JOIN json_each(?5) seen ON g.tag = seen.value WHERE g.device = d.row)";
    let (condition, related) = match scope {
        DeviceScope::All => ("", None),
        DeviceScope::Comanaged => ("AND d.comanaged = 1", None),
        DeviceScope::OfUser(user) => (OF_USER, Some(user)),
        DeviceScope::WithApp(app) => (WITH_APP, Some(app)),
    };
    let (tagged, tags) = match visible {
        Visibility::All => ("", None),
        Visibility::Tagged(tags) => (TAGGED, Some(json(tags)?)),
    };
    let sql = format!(
        "{DEVICE} WHERE t.id = ?3 AND d.row > ?1 AND (?4 IS NULL OR 1) AND (?5 IS NULL OR 1) {condition} {tagged}
        ORDER BY d.row LIMIT ?2"
    );
    page(asked, |after, limit| {
        let read = |row: &Row<'_>| Ok((row.get("row")?, read(row)?));
        let related = related.as_ref().map(|id| blob(&id.0));
        many(connection, &sql, params![after, limit, blob(&tenant.0), related, tags], read)
    })
}

pub(crate) fn by_oma_device_id(
    connection: &Connection,
    tenant: TenantId,
    oma_device_id: &str,
) -> Result<Option<ManagedDevice>, StoreError> {
    // Only the newest enrolment of a device speaks for its name.
    let sql = format!(
        "{DEVICE} JOIN enrollment e ON e.device = d.row
        WHERE t.id = ?1 AND e.oma_device_id = ?2 AND e.row = (SELECT max(row) FROM enrollment WHERE device = d.row)
        ORDER BY e.row DESC LIMIT 1"
    );
    one(connection, &sql, params![blob(&tenant.0), oma_device_id], read)
}

pub(crate) fn insert_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    let sql = "INSERT INTO device (tenant, id, platform, management_state, comanaged, user, enrolled, last_sync,
            certificate_expires, inventory, notes, managed_device_name, owner_type, recoverability)
        SELECT row, :id, :platform, :management_state, :comanaged, :user, :enrolled, :last_sync,
            :certificate_expires, :inventory, :notes, :managed_device_name, :owner_type, :recoverability
        FROM tenant WHERE id = :tenant";
    insert(
        connection,
        sql,
        named_params! {
            ":tenant": blob(&device.tenant.0),
            ":id": blob(&device.id.0),
            ":platform": name(&device.platform)?,
            ":management_state": name(&device.management_state)?,
            ":comanaged": device.comanaged,
            ":user": device.user.as_ref().map(|user| blob(&user.0)),
            ":enrolled": micros(device.enrolled),
            ":last_sync": micros(device.last_sync),
            ":certificate_expires": device.certificate_expires.map(micros),
            ":inventory": json(&device.inventory)?,
            ":notes": device.notes,
            ":managed_device_name": device.managed_device_name,
            ":owner_type": name(&device.owner_type)?,
            ":recoverability": json(&device.recoverability)?,
        },
        "device",
    )?;
    put_tags(connection, device)
}

pub(crate) fn update_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    let sql = "UPDATE device SET platform = :platform, management_state = :management_state, comanaged = :comanaged,
            user = :user, enrolled = :enrolled, last_sync = :last_sync, certificate_expires = :certificate_expires,
            inventory = :inventory, notes = :notes, managed_device_name = :managed_device_name,
            owner_type = :owner_type, recoverability = :recoverability
        WHERE id = :id AND tenant = (SELECT row FROM tenant WHERE id = :tenant)";
    change_one(
        connection,
        sql,
        named_params! {
            ":tenant": blob(&device.tenant.0),
            ":id": blob(&device.id.0),
            ":platform": name(&device.platform)?,
            ":management_state": name(&device.management_state)?,
            ":comanaged": device.comanaged,
            ":user": device.user.as_ref().map(|user| blob(&user.0)),
            ":enrolled": micros(device.enrolled),
            ":last_sync": micros(device.last_sync),
            ":certificate_expires": device.certificate_expires.map(micros),
            ":inventory": json(&device.inventory)?,
            ":notes": device.notes,
            ":managed_device_name": device.managed_device_name,
            ":owner_type": name(&device.owner_type)?,
            ":recoverability": json(&device.recoverability)?,
        },
        "device",
    )?;
    put_tags(connection, device)
}

/// Writes only what differs: most changes of a device are not about its tags.
fn put_tags(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
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
