//! Remote actions and the requests for them.

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::actions::ACTIONS;
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::lock::Lock;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros, name, seconds};
use tokio_postgres::Row;

use crate::authenticated::{Written, insert_plain};
use crate::unit::{Unit, params};
use crate::value::{Cells, Sql};

/// The columns of an action, in the order in which they are read.
pub(crate) const COLUMNS: &str = "a.id, a.tenant AS tenant_id, a.device AS device_id, a.name, a.state, a.attempt, a.outcome,
    a.device_status, a.device_reason, a.locks, a.opens, a.verified, a.before_restore, a.requested_by, a.client_request_id,
    a.started, a.updated";

/// The condition for the actions of a device.
const OF_DEVICE: &str = "a.tenant = $1 AND a.device = $2";

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM action a WHERE {rest}")
}

fn read(row: &Row) -> Result<ActionRecord, StoreError> {
    Ok(read::action(&mut Cells::of(row))?)
}

pub(crate) fn action(unit: &Unit<'_>, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError> {
    unit.one(&select("a.id = $1 AND a.tenant = $2"), &params![id.0, tenant.0], read)
}

pub(crate) fn actions(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    limit: usize,
) -> Result<Vec<ActionRecord>, StoreError> {
    let sql = select(&format!("{OF_DEVICE} ORDER BY a.row DESC LIMIT $3"));
    unit.many(&sql, &params![tenant.0, device.0, limit], read)
}

pub(crate) fn current_results(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Vec<ActionRecord>, StoreError> {
    let names: Vec<String> = ACTIONS.iter().map(|action| action.name.to_owned()).collect();
    let sql = select(
        "a.row IN (
            SELECT o.action FROM opening o WHERE o.tenant = $1 AND o.device = $2
            UNION SELECT n.row FROM unnest($3::text[]) AS j (name) JOIN LATERAL (
                SELECT n.row FROM action n WHERE n.tenant = $1 AND n.device = $2 AND n.name = j.name
                ORDER BY n.row DESC LIMIT 1) AS n ON true
            UNION SELECT max(u.row) FROM action u WHERE u.tenant = $1 AND u.device = $2
                AND u.outcome IN ('contradictory', 'uncertain') AND u.state = 'failed' AND strpos(u.locks, '\"screen\"') > 0
                AND u.row > coalesce((SELECT max(o.action) FROM opening o
                    WHERE o.tenant = $1 AND o.device = $2 AND o.lock = 'screen'), 0))
        ORDER BY a.row DESC",
    );
    unit.many(&sql, &params![tenant.0, device.0, names], read)
}

pub(crate) fn newest_for(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    lock: Lock,
) -> Result<Option<ActionRecord>, StoreError> {
    // The name of the lock is written out: one has an index of its own.
    let of_lock = format!("strpos(a.locks, '{}') > 0", json(&lock)?);
    let sql = select(&format!("{OF_DEVICE} AND {of_lock} ORDER BY a.row DESC LIMIT 1"));
    unit.one(&sql, &params![tenant.0, device.0], read)
}

/// Records the locks that the passcode of a done action opens.
fn note_opening(unit: &Unit<'_>, action: &ActionRecord) -> Result<(), StoreError> {
    if action.state != ActionState::Done {
        return Ok(());
    }
    let sql = "INSERT INTO opening (tenant, device, lock, subject, action)
        SELECT a.tenant, a.device, o ->> 'lock', o ->> 'subject', a.row FROM action a, json_array_elements(a.opens::json) o
        WHERE a.id = $1
        ON CONFLICT (tenant, device, lock, subject) DO UPDATE SET action = greatest(opening.action, excluded.action)";
    unit.run(sql, &params![action.id.0]).map(drop)
}

pub(crate) fn open(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    name: &str,
) -> Result<Option<ActionRecord>, StoreError> {
    let sql = select(&format!("{OF_DEVICE} AND a.name = $3 AND a.state IN ('pending', 'active')"));
    unit.one(&sql, &params![tenant.0, device.0, name], read)
}

pub(crate) fn open_before(
    unit: &Unit<'_>,
    before: Timestamp,
    skip: usize,
    limit: usize,
) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, a.mark FROM action a WHERE a.state IN ('pending', 'active') AND a.started < $1
        ORDER BY a.started, a.row LIMIT $2 OFFSET $3"
    );
    unit.many(&sql, &params![micros(before), limit, skip], |row| {
        let cells = &mut Cells::of(row);
        Ok((read::action(cells)?, seconds(cells.get("mark")?)))
    })
}

/// Returns the columns that change.
fn changing(action: &ActionRecord) -> Result<Written, StoreError> {
    Ok(vec![
        ("state", action.state.name().into()),
        ("attempt", action.attempt.into()),
        ("outcome", action.outcome.as_ref().map(name).transpose()?.into()),
        ("device_status", action.device_status.into()),
        ("device_reason", action.device_reason.as_ref().into()),
        ("opens", json(&action.opens)?.into()),
        ("updated", micros(action.updated).into()),
        ("verified", action.verified.map(micros).into()),
        ("before_restore", action.before_restore.map(micros).into()),
    ])
}

pub(crate) fn insert_action(unit: &Unit<'_>, action: &ActionRecord) -> Result<(), StoreError> {
    let mut row = changing(action)?;
    row.extend([
        ("tenant", action.tenant.0.into()),
        ("device", action.device.0.into()),
        ("id", action.id.0.into()),
        ("name", action.name.into()),
        ("locks", json(&action.locks)?.into()),
        ("requested_by", json(&action.requested_by)?.into()),
        ("client_request_id", action.client_request_id.as_ref().into()),
        ("started", micros(action.started).into()),
    ]);
    insert_plain(unit, "action", row, "action")?;
    note_opening(unit, action)
}

pub(crate) fn update_action(unit: &Unit<'_>, action: &ActionRecord) -> Result<(), StoreError> {
    let (names, values): (Vec<&str>, Vec<Sql>) = changing(action)?.into_iter().unzip();
    let set: Vec<String> = (2..).zip(names).map(|(number, name)| format!("{name} = ${number}")).collect();
    let sql = format!("UPDATE action SET {} WHERE id = $1", set.join(", "));
    let parameters: Vec<Sql> = [action.id.0.into()].into_iter().chain(values).collect();
    unit.change_one(&sql, &parameters, "action")?;
    note_opening(unit, action)
}

pub(crate) fn mark_before_restore(unit: &Unit<'_>, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE action SET before_restore = $2 WHERE tenant = $1 AND state NOT IN ('pending', 'active')";
    unit.run(sql, &params![tenant.0, micros(at)])
}

fn answer(row: &Row) -> Result<(ActionId, Timestamp), StoreError> {
    let cells = &mut Cells::of(row);
    Ok((ActionId(cells.uuid("action")?), cells.time("at")?))
}

pub(crate) fn of_request(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    caller_key: &str,
    client_request_id: &str,
) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
    let sql = "SELECT action, at FROM request
        WHERE tenant = $1 AND device = $2 AND caller_key = $3 AND client_request_id = $4";
    unit.one(sql, &params![tenant.0, device.0, caller_key, client_request_id], answer)
}

pub(crate) fn record_request(
    unit: &Unit<'_>,
    action: &ActionRecord,
    caller_key: &str,
    client_request_id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO request (tenant, device, action, caller_key, client_request_id, at)
        SELECT tenant, device, id, $2, $3, $4 FROM action WHERE id = $1
        ON CONFLICT (tenant, device, caller_key, client_request_id) DO UPDATE SET action = excluded.action, at = excluded.at";
    unit.run(sql, &params![action.id.0, caller_key, client_request_id, micros(at)]).map(drop)
}

pub(crate) fn last_accepted(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    caller_key: &str,
) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
    let sql = "SELECT action, at FROM acceptance WHERE tenant = $1 AND device = $2 AND caller_key = $3";
    unit.one(sql, &params![tenant.0, device.0, caller_key], answer)
}

pub(crate) fn record_acceptance(
    unit: &Unit<'_>,
    action: &ActionRecord,
    caller_key: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO acceptance (tenant, device, action, caller_key, at)
        SELECT tenant, device, id, $2, $3 FROM action WHERE id = $1
        ON CONFLICT (tenant, device, caller_key) DO UPDATE SET at = excluded.at, action = excluded.action";
    unit.run(sql, &params![action.id.0, caller_key, micros(at)]).map(drop)
}
