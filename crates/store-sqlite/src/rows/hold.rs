//! Holds, and the recoveries that they count.

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::hold::Hold;
use chaveiro_core::id::{HoldId, TenantId};
use chaveiro_core::ports::StoreError;
use rusqlite::{Connection, Row, params};

use crate::codec::{RowError, blob, change_one, from_json, insert, json, many, micros, one, time, uuid};

fn read(row: &Row<'_>) -> Result<Hold, RowError> {
    let is_released = row.get_ref("released")?.as_str_or_null().map_err(rusqlite::Error::from)?.is_some();
    Ok(Hold {
        id: HoldId(uuid(row, "id")?),
        tenant: TenantId(uuid(row, "tenant_id")?),
        placed: time(row, "placed")?,
        caused_by: from_json(row, "caused_by")?,
        counted: row.get("counted")?,
        released: if is_released { Some(from_json(row, "released")?) } else { None },
    })
}

pub(crate) fn holds(connection: &Connection, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError> {
    let sql = "SELECT h.*, t.id AS tenant_id FROM hold h JOIN tenant t ON t.row = h.tenant
        WHERE t.id = ? ORDER BY h.row DESC LIMIT ?";
    many(connection, sql, params![blob(&tenant.0), limit as i64], read)
}

pub(crate) fn insert_hold(connection: &Connection, hold: &Hold) -> Result<(), StoreError> {
    let sql = "INSERT INTO hold (tenant, id, placed, caused_by, counted, released)
        SELECT row, ?2, ?3, ?4, ?5, ?6 FROM tenant WHERE id = ?1";
    let parameters = params![
        blob(&hold.tenant.0),
        blob(&hold.id.0),
        micros(hold.placed),
        json(&hold.caused_by)?,
        hold.counted,
        hold.released.as_ref().map(json).transpose()?
    ];
    insert(connection, sql, parameters, "hold")
}

pub(crate) fn update_hold(connection: &Connection, hold: &Hold) -> Result<(), StoreError> {
    let sql = "UPDATE hold SET released = ?3 WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    let released = hold.released.as_ref().map(json).transpose()?;
    change_one(connection, sql, params![blob(&hold.tenant.0), blob(&hold.id.0), released], "hold")
}

pub(crate) fn count_recovery(connection: &Connection, action: &ActionRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO recovery (tenant, at, action)
        SELECT d.tenant, ?2, a.row FROM action a JOIN device d ON d.row = a.device WHERE a.id = ?1";
    insert(connection, sql, params![blob(&action.id.0), micros(action.started)], "recovery")
}

/// A count that stops at the limit: it walks the index no further than the answer needs.
fn bounded(connection: &Connection, rows: &str, parameters: impl rusqlite::Params) -> Result<i64, StoreError> {
    let counted = one(connection, &format!("SELECT count(*) FROM ({rows})"), parameters, |row| Ok(row.get(0)?))?;
    Ok(counted.unwrap_or_default())
}

pub(crate) fn recoveries_between(
    connection: &Connection,
    tenant: TenantId,
    after: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<u32, StoreError> {
    let rows = "SELECT 1 FROM recovery WHERE tenant = (SELECT row FROM tenant WHERE id = ?) AND at > ? AND at <= ?
        LIMIT ?";
    let counted = bounded(connection, rows, params![blob(&tenant.0), micros(after), micros(until), limit])?;
    Ok(u32::try_from(counted).unwrap_or(u32::MAX))
}

pub(crate) fn has_managed_devices(
    connection: &Connection,
    tenant: TenantId,
    at_least: u64,
) -> Result<bool, StoreError> {
    let limit = i64::try_from(at_least).unwrap_or(i64::MAX);
    let rows = "SELECT 1 FROM device WHERE tenant = (SELECT row FROM tenant WHERE id = ?)
        AND management_state = 'managed' LIMIT ?";
    Ok(bounded(connection, rows, params![blob(&tenant.0), limit])? >= limit)
}
