//! Deliveries: the queue of each enrolment, and the state of each delivery.

use std::sync::LazyLock;

use chaveiro_core::command::Delivery;
use chaveiro_core::id::{ActionId, EnrollmentId};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read::{self, phase_name};
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, json, many, micros, name, one};

const DELIVERY: &str = "SELECT y.seq, t.id AS tenant_id, d.id AS device_id, e.id AS enrollment_id, a.id AS action_id,
        y.attempt, y.purpose, y.commands, y.phase, y.receipt, y.first_command, y.statuses, y.created
    FROM delivery y JOIN enrollment e ON e.row = y.enrollment JOIN device d ON d.row = e.device
    JOIN tenant t ON t.row = d.tenant LEFT JOIN action a ON a.row = y.action";

/// The remains of an earlier recovery are settled before a new one begins.
const LEAVING: &str = "WHERE e.id = ? AND y.phase = 'queued' ORDER BY y.purpose <> 'finish', y.seq";

fn read(row: &Row<'_>) -> Result<Delivery, RowError> {
    Ok(read::delivery(&mut Cells::of(row))?)
}

pub(crate) fn delivery(connection: &Connection, seq: i64) -> Result<Option<Delivery>, StoreError> {
    one(connection, &format!("{DELIVERY} WHERE y.seq = ?"), [seq], read)
}

pub(crate) fn next(connection: &Connection, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("{DELIVERY} {LEAVING} LIMIT 1"));
    one(connection, &SQL, [blob(&enrollment.0)], read)
}

pub(crate) fn queued(connection: &Connection, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("{DELIVERY} {LEAVING}"));
    many(connection, &SQL, [blob(&enrollment.0)], read)
}

pub(crate) fn in_flight(connection: &Connection, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("{DELIVERY} WHERE e.id = ? AND y.phase = 'sent' ORDER BY y.seq"));
    many(connection, &SQL, [blob(&enrollment.0)], read)
}

pub(crate) fn is_open(connection: &Connection, enrollment: EnrollmentId) -> Result<bool, StoreError> {
    // One index for each phase.
    let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE enrollment = e.row AND phase = 'queued')
            OR EXISTS (SELECT 1 FROM delivery WHERE enrollment = e.row AND phase = 'sent')
        FROM enrollment e WHERE e.id = ?";
    let open = one(connection, sql, [blob(&enrollment.0)], |row| Ok(row.get(0)?))?;
    Ok(open.unwrap_or(false))
}

pub(crate) fn with_receipt(
    connection: &Connection,
    enrollment: EnrollmentId,
    message: &str,
    place: u32,
) -> Result<Option<Delivery>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("{DELIVERY} WHERE e.id = ? AND y.receipt = ? AND y.first_command <= ? ORDER BY y.seq DESC LIMIT 1")
    });
    one(connection, &SQL, params![blob(&enrollment.0), message, place], read)
}

pub(crate) fn of_action(connection: &Connection, action: ActionId) -> Result<Vec<Delivery>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("{DELIVERY} WHERE a.id = ? ORDER BY y.seq"));
    many(connection, &SQL, [blob(&action.0)], read)
}

pub(crate) fn insert_delivery(connection: &Connection, delivery: &Delivery) -> Result<i64, StoreError> {
    let receipt = delivery.phase.receipt();
    // A named action must exist: a scalar subquery alone would silently become NULL.
    let sql = "INSERT INTO delivery (enrollment, action, attempt, purpose, commands, statuses, phase, receipt,
            first_command, created)
        SELECT e.row, (SELECT row FROM action WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
        FROM enrollment e WHERE e.id = ?1 AND (?2 IS NULL OR EXISTS (SELECT 1 FROM action WHERE id = ?2))";
    let parameters = params![
        blob(&delivery.enrollment.0),
        delivery.action.as_ref().map(|action| blob(&action.0)),
        delivery.attempt,
        name(&delivery.purpose)?,
        json(&delivery.commands)?,
        json(&delivery.statuses)?,
        phase_name(&delivery.phase),
        receipt.map(|receipt| &receipt.message),
        receipt.map(|receipt| receipt.first),
        micros(delivery.created)
    ];
    insert(connection, sql, parameters, "delivery")?;
    Ok(connection.last_insert_rowid())
}

pub(crate) fn update_delivery(connection: &Connection, delivery: &Delivery) -> Result<(), StoreError> {
    let receipt = delivery.phase.receipt();
    let sql =
        "UPDATE delivery SET phase = ?2, statuses = ?3, receipt = ?4, first_command = ?5, commands = ?6 WHERE seq = ?1";
    let parameters = params![
        delivery.seq,
        phase_name(&delivery.phase),
        json(&delivery.statuses)?,
        receipt.map(|receipt| &receipt.message),
        receipt.map(|receipt| receipt.first),
        json(&delivery.commands)?
    ];
    change_one(connection, sql, parameters, "delivery")
}
