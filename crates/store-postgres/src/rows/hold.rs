//! Holds, and the recoveries and readings that they count.

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::hold::{Hold, HoldKind};
use chaveiro_core::id::{ActionId, HoldId, SecretId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::reading::{Reading, Readings};
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros, name};
use tokio_postgres::Row;

use crate::authenticated::{HOLDS, insert_into_set, is_whole, unsound, update_in_set};
use crate::unit::{Unit, is_one, params};
use crate::value::{Cells, Sql};

fn read(row: &Row) -> Result<Hold, StoreError> {
    Ok(read::hold(&mut Cells::of(row))?)
}

const HOLD: &str = "SELECT h.id, h.tenant AS tenant_id, h.kind, h.party, h.placed, h.caused_by, h.counted, h.released
    FROM hold h WHERE h.tenant = $1";

/// Refuses to answer if another program changed holds: a missing one would let recoveries and readings through.
/// Required before each query below.
pub(crate) fn require_whole(unit: &Unit<'_>, tenant: TenantId) -> Result<(), StoreError> {
    if is_whole(unit, &HOLDS, tenant, true)? { Ok(()) } else { Err(unsound(&HOLDS)) }
}

pub(crate) fn holds(unit: &Unit<'_>, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError> {
    unit.many(&format!("{HOLD} ORDER BY h.row DESC LIMIT $2"), &params![tenant.0, limit], read)
}

pub(crate) fn hold(unit: &Unit<'_>, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
    unit.one(&format!("{HOLD} AND h.id = $2"), &params![tenant.0, id.0], read)
}

pub(crate) fn newest(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: HoldKind,
    party: Option<&str>,
) -> Result<Option<Hold>, StoreError> {
    let sql = format!("{HOLD} AND h.kind = $2 AND coalesce(h.party, '') = $3 ORDER BY h.row DESC LIMIT 1");
    unit.one(&sql, &params![tenant.0, name(&kind)?, party.unwrap_or_default()], read)
}

pub(crate) fn standing(unit: &Unit<'_>, tenant: TenantId) -> Result<Vec<Hold>, StoreError> {
    unit.many(&format!("{HOLD} AND h.released IS NULL ORDER BY h.row DESC"), &params![tenant.0], read)
}

pub(crate) fn insert_hold(unit: &Unit<'_>, hold: &Hold) -> Result<(), StoreError> {
    let row = vec![
        ("tenant", hold.tenant.0.into()),
        ("id", hold.id.0.into()),
        ("placed", micros(hold.placed).into()),
        ("caused_by", json(&hold.caused_by)?.into()),
        ("counted", hold.counted.into()),
        ("released", hold.released.as_ref().map(json).transpose()?.into()),
        ("kind", name(&hold.kind)?.into()),
        ("party", hold.party.as_ref().into()),
    ];
    insert_into_set(unit, &HOLDS, hold.tenant, row, "hold")
}

pub(crate) fn update_hold(unit: &Unit<'_>, hold: &Hold) -> Result<(), StoreError> {
    let set = [("released", hold.released.as_ref().map(json).transpose()?.into())];
    let (tenant, key) = (hold.tenant, params![hold.tenant.0, hold.id.0]);
    is_one(update_in_set(unit, &HOLDS, tenant, &set, "x.tenant = $1 AND x.id = $2", &key, "hold")?, "hold")
}

pub(crate) fn count_recovery(unit: &Unit<'_>, action: &ActionRecord) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO recovery (tenant, device, at, action) SELECT tenant, device, $2, id FROM action WHERE id = $1";
    unit.insert(sql, &params![action.id.0, micros(action.started)], "recovery")
}

/// Counts rows up to the limit: it walks the index no further than the answer needs.
fn bounded(unit: &Unit<'_>, rows: &str, parameters: &[Sql]) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) AS counted FROM ({rows}) AS bounded");
    Ok(unit.one(&sql, parameters, |row| Ok(Cells::of(row).get("counted")?))?.unwrap_or_default())
}

pub(crate) fn recoveries_between(
    unit: &Unit<'_>,
    tenant: TenantId,
    after: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<u32, StoreError> {
    let rows = "SELECT 1 FROM recovery WHERE tenant = $1 AND at > $2 AND at <= $3 LIMIT $4";
    let counted = bounded(unit, rows, &params![tenant.0, micros(after), micros(until), limit])?;
    Ok(u32::try_from(counted).unwrap_or(u32::MAX))
}

pub(crate) fn has_managed_devices(unit: &Unit<'_>, tenant: TenantId, at_least: u64) -> Result<bool, StoreError> {
    let limit = i64::try_from(at_least).unwrap_or(i64::MAX);
    let rows = "SELECT 1 FROM device WHERE tenant = $1 AND management_state = 'managed' LIMIT $2";
    Ok(bounded(unit, rows, &params![tenant.0, limit])? >= limit)
}

pub(crate) fn record_reading(unit: &Unit<'_>, reading: &Reading) -> Result<(), StoreError> {
    let sql = "INSERT INTO reading (tenant, device, action, secret, party, at, warned_party, warned_tenant)
        SELECT s.tenant, s.device, s.action, s.id, $4, $5, $6, $7 FROM secret s
        WHERE s.tenant = $1 AND s.action = $2 AND s.id = $3";
    let parameters = params![
        reading.tenant.0,
        reading.action.0,
        reading.secret.0,
        &reading.party,
        micros(reading.at),
        reading.warned_party,
        reading.warned_tenant
    ];
    unit.insert(sql, &parameters, "reading")
}

pub(crate) fn readings_between(
    unit: &Unit<'_>,
    tenant: TenantId,
    party: Option<&str>,
    (after, until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Readings, StoreError> {
    let (warned, rows) = match party {
        Some(_) => ("warned_party", "party = $5"),
        None => ("warned_tenant", "$5::text IS NULL"),
    };
    // Both walk the index of the window no further than the limit.
    let sql = format!(
        "SELECT count(*) AS counted, coalesce(bool_or({warned}), false) AS warned FROM (
            SELECT {warned} FROM reading WHERE tenant = $1 AND {rows} AND at > $2 AND at <= $3
            ORDER BY at DESC LIMIT $4) AS bounded"
    );
    let read = |row: &Row| {
        let cells = &mut Cells::of(row);
        Ok(Readings { counted: cells.get("counted")?, warned: cells.get("warned")? })
    };
    let found = unit.one(&sql, &params![tenant.0, micros(after), micros(until), limit, party], read)?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn has_read(
    unit: &Unit<'_>,
    tenant: TenantId,
    (action, secret): (ActionId, SecretId),
    party: &str,
    (after, until): (Timestamp, Timestamp),
) -> Result<bool, StoreError> {
    let rows = "SELECT 1 FROM reading WHERE action = $1 AND secret = $2 AND party = $3 AND at > $4 AND at <= $5
        AND tenant = $6 LIMIT 1";
    let parameters = params![action.0, secret.0, party, micros(after), micros(until), tenant.0];
    Ok(bounded(unit, rows, &parameters)? > 0)
}

pub(crate) fn has_ever_read(unit: &Unit<'_>, tenant: TenantId, party: &str) -> Result<bool, StoreError> {
    let rows = "SELECT 1 FROM reading WHERE tenant = $1 AND party = $2 LIMIT 1";
    Ok(bounded(unit, rows, &params![tenant.0, party])? > 0)
}
