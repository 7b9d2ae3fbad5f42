//! Holds, and the recoveries and readings that they count.

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::hold::{Hold, HoldKind};
use chaveiro_core::id::{ActionId, HoldId, SecretId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::reading::{Reading, Readings};
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, json, many, micros, name, one};
use crate::rows::authenticated::{HOLDS, is_whole, unsound};

fn read(row: &Row<'_>) -> Result<Hold, RowError> {
    Ok(read::hold(&mut Cells::of(row))?)
}

const HOLD: &str = "SELECT h.id, t.id AS tenant_id, h.kind, h.party, h.placed, h.caused_by, h.counted, h.released
    FROM hold h JOIN tenant t ON t.row = h.tenant";

/// Refuses to answer if another program changed holds: a missing one would let recoveries and readings through.
/// Required before each query below; a transaction checks once.
pub(crate) fn require_whole(connection: &Connection, tenant: TenantId) -> Result<(), StoreError> {
    if is_whole(connection, &HOLDS, tenant, true)? { Ok(()) } else { Err(unsound(&HOLDS)) }
}

pub(crate) fn holds(connection: &Connection, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError> {
    let sql = format!("{HOLD} WHERE t.id = ? ORDER BY h.row DESC LIMIT ?");
    many(connection, &sql, params![blob(&tenant.0), limit as i64], read)
}

pub(crate) fn hold(connection: &Connection, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
    let sql = format!("{HOLD} WHERE t.id = ? AND h.id = ?");
    one(connection, &sql, [blob(&tenant.0), blob(&id.0)], read)
}

pub(crate) fn newest(
    connection: &Connection,
    tenant: TenantId,
    kind: HoldKind,
    party: Option<&str>,
) -> Result<Option<Hold>, StoreError> {
    let sql = format!(
        "{HOLD} WHERE h.tenant = (SELECT row FROM tenant WHERE id = ?) AND h.kind = ? AND ifnull(h.party, '') = ?
            ORDER BY h.row DESC LIMIT 1"
    );
    one(connection, &sql, params![blob(&tenant.0), name(&kind)?, party.unwrap_or_default()], read)
}

pub(crate) fn standing(connection: &Connection, tenant: TenantId) -> Result<Vec<Hold>, StoreError> {
    let sql = format!("{HOLD} WHERE t.id = ? AND h.released IS NULL ORDER BY h.row DESC");
    many(connection, &sql, [blob(&tenant.0)], read)
}

pub(crate) fn insert_hold(connection: &Connection, hold: &Hold) -> Result<(), StoreError> {
    let sql = "INSERT INTO hold (tenant, id, placed, caused_by, counted, released, kind, party)
        SELECT row, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM tenant WHERE id = ?1";
    let parameters = params![
        blob(&hold.tenant.0),
        blob(&hold.id.0),
        micros(hold.placed),
        json(&hold.caused_by)?,
        hold.counted,
        hold.released.as_ref().map(json).transpose()?,
        name(&hold.kind)?,
        hold.party
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

/// Counts rows up to the limit: it walks the index no further than the answer needs.
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

pub(crate) fn record_reading(connection: &Connection, reading: &Reading) -> Result<(), StoreError> {
    let sql = "INSERT INTO reading (tenant, secret, party, at, warned_party, warned_tenant)
        SELECT d.tenant, s.row, ?4, ?5, ?6, ?7
        FROM secret s JOIN action a ON a.row = s.action JOIN device d ON d.row = a.device JOIN tenant t ON t.row = d.tenant
        WHERE t.id = ?1 AND a.id = ?2 AND s.id = ?3";
    let parameters = params![
        blob(&reading.tenant.0),
        blob(&reading.action.0),
        blob(&reading.secret.0),
        reading.party,
        micros(reading.at),
        reading.warned_party,
        reading.warned_tenant
    ];
    insert(connection, sql, parameters, "reading")
}

pub(crate) fn readings_between(
    connection: &Connection,
    tenant: TenantId,
    party: Option<&str>,
    (after, until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Readings, StoreError> {
    let (warned, rows) = match party {
        Some(_) => ("warned_party", "party = ?4"),
        None => ("warned_tenant", "?4 IS NULL"),
    };
    // Both walk the index of the window no further than the limit.
    let sql = format!(
        "SELECT count(*) AS counted, ifnull(max({warned}), 0) AS warned FROM (
            SELECT {warned} FROM reading
            WHERE tenant = (SELECT row FROM tenant WHERE id = ?1) AND {rows} AND at > ?2 AND at <= ?5
            ORDER BY at DESC LIMIT ?3)"
    );
    let read = |row: &Row<'_>| {
        let counted: i64 = row.get("counted")?;
        Ok(Readings { counted: u32::try_from(counted).unwrap_or(u32::MAX), warned: row.get("warned")? })
    };
    let found = one(connection, &sql, params![blob(&tenant.0), micros(after), limit, party, micros(until)], read)?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn has_read(
    connection: &Connection,
    tenant: TenantId,
    (action, secret): (ActionId, SecretId),
    party: &str,
    (after, until): (Timestamp, Timestamp),
) -> Result<bool, StoreError> {
    // In this order: a party may have read much, and a secret has few readers.
    let rows = "SELECT 1 FROM action a CROSS JOIN secret s CROSS JOIN reading r
        WHERE a.id = ? AND s.action = a.row AND s.id = ? AND r.secret = s.row AND r.party = ? AND r.at > ? AND r.at <= ?
            AND +r.tenant = (SELECT row FROM tenant WHERE id = ?) LIMIT 1";
    let parameters = params![blob(&action.0), blob(&secret.0), party, micros(after), micros(until), blob(&tenant.0)];
    Ok(bounded(connection, rows, parameters)? > 0)
}

pub(crate) fn has_ever_read(connection: &Connection, tenant: TenantId, party: &str) -> Result<bool, StoreError> {
    let rows = "SELECT 1 FROM reading WHERE tenant = (SELECT row FROM tenant WHERE id = ?) AND party = ? LIMIT 1";
    Ok(bounded(connection, rows, params![blob(&tenant.0), party])? > 0)
}
