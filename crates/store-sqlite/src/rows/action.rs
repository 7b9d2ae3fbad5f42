//! Remote actions and the requests for them.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::actions::ACTIONS;
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::lock::Lock;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::seconds;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, json, many, micros, name, one, run, time, uuid};

/// The columns of an action, in the order in which they are read; then those that not every reader needs.
pub(crate) const COLUMNS: &str = "a.id, t.id AS tenant_id, d.id AS device_id, a.name, a.state, a.attempt, a.outcome,
    a.device_status, a.device_reason, a.locks, a.opens, a.verified, a.before_restore, a.requested_by, a.client_request_id,
    a.started, a.updated, a.mark";

/// Selects actions.
fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM action a JOIN device d ON d.row = a.device JOIN tenant t ON t.row = d.tenant {rest}")
}

fn read(row: &Row<'_>) -> Result<ActionRecord, RowError> {
    Ok(read::action(&mut Cells::of(row))?)
}

pub(crate) fn action(
    connection: &Connection,
    tenant: TenantId,
    id: ActionId,
) -> Result<Option<ActionRecord>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("WHERE a.id = ? AND t.id = ?"));
    one(connection, &SQL, [blob(&id.0), blob(&tenant.0)], read)
}

pub(crate) fn actions(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    limit: usize,
) -> Result<Vec<ActionRecord>, StoreError> {
    let sql = select("WHERE t.id = ? AND d.id = ? ORDER BY a.row DESC LIMIT ?");
    many(connection, &sql, params![blob(&tenant.0), blob(&device.0), limit as i64], read)
}

/// The row of a device, for the queries below.
const OF_DEVICE: &str = "(SELECT d.row FROM device d JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1 AND d.id = ?2)";

pub(crate) fn current_results(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Vec<ActionRecord>, StoreError> {
    let names: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
    static SQL: LazyLock<String> = LazyLock::new(|| {
        select(&format!(
        "WHERE a.row IN (
            SELECT o.action FROM opening o WHERE o.device = {OF_DEVICE}
            UNION SELECT (SELECT n.row FROM action n WHERE n.device = {OF_DEVICE} AND n.name = j.value
                ORDER BY n.row DESC LIMIT 1) FROM json_each(?3) j
            UNION SELECT max(u.row) FROM action u WHERE u.device = {OF_DEVICE}
                AND u.outcome IN ('contradictory', 'uncertain') AND u.state = 'failed' AND instr(u.locks, '\"screen\"') > 0
                AND u.row > ifnull((SELECT max(o.action) FROM opening o WHERE o.device = {OF_DEVICE} AND o.lock = 'screen'), 0))
        ORDER BY a.row DESC"
    ))
    });
    many(connection, &SQL, params![blob(&tenant.0), blob(&device.0), json(&names)?], read)
}

pub(crate) fn newest_for(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    lock: Lock,
) -> Result<Option<ActionRecord>, StoreError> {
    // Written like the condition of the index of disks, so that SQLite uses it.
    let of_lock = match lock {
        Lock::Luks2 => "instr(a.locks, '\"luks2\"') > 0".to_owned(),
        Lock::Login | Lock::Screen => format!("instr(a.locks, '{}') > 0", json(&lock)?),
    };
    let sql = select(&format!("WHERE a.device = {OF_DEVICE} AND {of_lock} ORDER BY a.row DESC LIMIT 1"));
    one(connection, &sql, params![blob(&tenant.0), blob(&device.0)], read)
}

/// Records the locks that the passcode of a done action opens.
fn note_opening(connection: &Connection, action: &ActionRecord) -> Result<(), StoreError> {
    if action.state != ActionState::Done {
        return Ok(());
    }
    let sql = "INSERT INTO opening (device, lock, subject, action)
        SELECT a.device, o.value ->> '$.lock', o.value ->> '$.subject', a.row
        FROM action a, json_each(a.opens) o WHERE a.id = ?
        ON CONFLICT (device, lock, subject) DO UPDATE SET action = max(action, excluded.action)";
    run(connection, sql, [blob(&action.id.0)]).map(drop)
}

pub(crate) fn open(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    name: &str,
) -> Result<Option<ActionRecord>, StoreError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| select("WHERE t.id = ? AND d.id = ? AND a.name = ? AND a.state IN ('pending', 'active')"));
    one(connection, &SQL, params![blob(&tenant.0), blob(&device.0), name], read)
}

pub(crate) fn open_before(
    connection: &Connection,
    before: Timestamp,
    skip: usize,
    limit: usize,
) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError> {
    let sql =
        select("WHERE a.state IN ('pending', 'active') AND a.started < ? ORDER BY a.started, a.row LIMIT ? OFFSET ?");
    let marked = |row: &Row<'_>| {
        let cells = &mut Cells::of(row);
        Ok((read::action(cells)?, seconds(cells.get("mark")?)))
    };
    many(connection, &sql, params![micros(before), limit as i64, skip as i64], marked)
}

pub(crate) fn of_request(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    caller_key: &str,
    client_request_id: &str,
) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
    let sql = "SELECT a.id, r.at FROM tenant t JOIN device d ON d.tenant = t.row AND d.id = ?2
        JOIN request r ON r.device = d.row AND r.caller_key = ?3 AND r.client_request_id = ?4
        JOIN action a ON a.row = r.action WHERE t.id = ?1";
    let parameters = params![blob(&tenant.0), blob(&device.0), caller_key, client_request_id];
    one(connection, sql, parameters, |row| Ok((ActionId(uuid(row, "id")?), time(row, "at")?)))
}

pub(crate) fn insert_action(connection: &Connection, action: &ActionRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO action (tenant, device, id, name, state, attempt, outcome, device_status, requested_by,
            client_request_id, started, updated, device_reason, locks, opens, verified, before_restore)
        SELECT t.row, d.row, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
        FROM device d JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1 AND d.id = ?2";
    let parameters = params![
        blob(&action.tenant.0),
        blob(&action.device.0),
        blob(&action.id.0),
        action.name,
        action.state.name(),
        action.attempt,
        action.outcome.as_ref().map(name).transpose()?,
        action.device_status,
        json(&action.requested_by)?,
        action.client_request_id,
        micros(action.started),
        micros(action.updated),
        action.device_reason,
        json(&action.locks)?,
        json(&action.opens)?,
        action.verified.map(micros),
        action.before_restore.map(micros)
    ];
    insert(connection, sql, parameters, "action")?;
    note_opening(connection, action)
}

pub(crate) fn update_action(connection: &Connection, action: &ActionRecord) -> Result<(), StoreError> {
    let sql =
        "UPDATE action SET state = ?2, attempt = ?3, outcome = ?4, device_status = ?5, updated = ?6, device_reason = ?7,
            opens = ?8, verified = ?9, before_restore = ?10 WHERE id = ?1";
    let parameters = params![
        blob(&action.id.0),
        action.state.name(),
        action.attempt,
        action.outcome.as_ref().map(name).transpose()?,
        action.device_status,
        micros(action.updated),
        action.device_reason,
        json(&action.opens)?,
        action.verified.map(micros),
        action.before_restore.map(micros)
    ];
    change_one(connection, sql, parameters, "action")?;
    note_opening(connection, action)
}

pub(crate) fn mark_before_restore(connection: &Connection, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE action SET before_restore = ?2 WHERE state NOT IN ('pending', 'active') AND device IN (
        SELECT d.row FROM device d JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1)";
    run(connection, sql, params![blob(&tenant.0), micros(at)]).map(|marked| marked as u64)
}

pub(crate) fn record_request(
    connection: &Connection,
    action: &ActionRecord,
    caller_key: &str,
    client_request_id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO request (device, caller_key, client_request_id, action, at)
        SELECT device, ?2, ?3, row, ?4 FROM action WHERE id = ?1
        ON CONFLICT (device, caller_key, client_request_id) DO UPDATE SET action = excluded.action, at = excluded.at";
    run(connection, sql, params![blob(&action.id.0), caller_key, client_request_id, micros(at)]).map(drop)
}

pub(crate) fn last_accepted(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    caller_key: &str,
) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
    let sql = "SELECT a.id, c.at FROM tenant t JOIN device d ON d.tenant = t.row AND d.id = ?2
        JOIN acceptance c ON c.device = d.row AND c.caller_key = ?3
        JOIN action a ON a.row = c.action WHERE t.id = ?1";
    let parameters = params![blob(&tenant.0), blob(&device.0), caller_key];
    one(connection, sql, parameters, |row| Ok((ActionId(uuid(row, "id")?), time(row, "at")?)))
}

pub(crate) fn record_acceptance(
    connection: &Connection,
    action: &ActionRecord,
    caller_key: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO acceptance (device, caller_key, at, action)
        SELECT device, ?2, ?3, row FROM action WHERE id = ?1
        ON CONFLICT (device, caller_key) DO UPDATE SET at = excluded.at, action = excluded.action";
    run(connection, sql, params![blob(&action.id.0), caller_key, micros(at)]).map(drop)
}
