//! Deliveries: the queue of each enrolment, and the state of each delivery.

use chaveiro_core::command::Delivery;
use chaveiro_core::id::{ActionId, EnrollmentId};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read::{self, phase_name};
use chaveiro_store_rows::text::{json, micros, name};
use tokio_postgres::Row;

use crate::unit::{Unit, params};
use crate::value::Cells;

const DELIVERY: &str = "SELECT y.seq, y.tenant AS tenant_id, y.device AS device_id, y.enrollment AS enrollment_id,
        y.action AS action_id, y.attempt, y.purpose, y.commands, y.phase, y.receipt, y.first_command, y.statuses, y.created
    FROM delivery y";

/// The remains of an earlier recovery are settled before a new one begins.
const LEAVING: &str = "WHERE y.enrollment = $1 AND y.phase = 'queued' ORDER BY y.purpose <> 'finish', y.seq";

fn read(row: &Row) -> Result<Delivery, StoreError> {
    Ok(read::delivery(&mut Cells::of(row))?)
}

pub(crate) fn delivery(unit: &Unit<'_>, seq: i64) -> Result<Option<Delivery>, StoreError> {
    unit.one(&format!("{DELIVERY} WHERE y.seq = $1"), &params![seq], read)
}

pub(crate) fn next(unit: &Unit<'_>, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError> {
    unit.one(&format!("{DELIVERY} {LEAVING} LIMIT 1"), &params![enrollment.0], read)
}

pub(crate) fn queued(unit: &Unit<'_>, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
    unit.many(&format!("{DELIVERY} {LEAVING}"), &params![enrollment.0], read)
}

pub(crate) fn in_flight(unit: &Unit<'_>, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!("{DELIVERY} WHERE y.enrollment = $1 AND y.phase = 'sent' ORDER BY y.seq");
    unit.many(&sql, &params![enrollment.0], read)
}

pub(crate) fn is_open(unit: &Unit<'_>, enrollment: EnrollmentId) -> Result<bool, StoreError> {
    // One index for each phase.
    let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE enrollment = $1 AND phase = 'queued')
        OR EXISTS (SELECT 1 FROM delivery WHERE enrollment = $1 AND phase = 'sent') AS open";
    Ok(unit.one(sql, &params![enrollment.0], |row| Ok(Cells::of(row).get("open")?))?.unwrap_or(false))
}

pub(crate) fn with_receipt(
    unit: &Unit<'_>,
    enrollment: EnrollmentId,
    message: &str,
    place: u32,
) -> Result<Option<Delivery>, StoreError> {
    let sql = format!(
        "{DELIVERY} WHERE y.enrollment = $1 AND y.receipt = $2 AND y.first_command <= $3 ORDER BY y.seq DESC LIMIT 1"
    );
    unit.one(&sql, &params![enrollment.0, message, place], read)
}

pub(crate) fn of_action(unit: &Unit<'_>, action: ActionId) -> Result<Vec<Delivery>, StoreError> {
    unit.many(&format!("{DELIVERY} WHERE y.action = $1 ORDER BY y.seq"), &params![action.0], read)
}

pub(crate) fn insert_delivery(unit: &Unit<'_>, delivery: &Delivery) -> Result<i64, StoreError> {
    let receipt = delivery.phase.receipt();
    let sql = "INSERT INTO delivery (tenant, device, enrollment, action, attempt, purpose, commands, statuses, phase,
            receipt, first_command, created)
        SELECT tenant, device, id, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM enrollment WHERE id = $1 RETURNING seq";
    let parameters = params![
        delivery.enrollment.0,
        delivery.action.map(|action| action.0),
        delivery.attempt,
        name(&delivery.purpose)?,
        json(&delivery.commands)?,
        json(&delivery.statuses)?,
        phase_name(&delivery.phase),
        receipt.map(|receipt| &receipt.message),
        receipt.map(|receipt| receipt.first),
        micros(delivery.created)
    ];
    let seq = unit.one(sql, &parameters, |row| Ok(Cells::of(row).get("seq")?))?;
    seq.ok_or_else(|| StoreError::Inconsistent("the row that a delivery belongs to is not there".to_owned()))
}

pub(crate) fn update_delivery(unit: &Unit<'_>, delivery: &Delivery) -> Result<(), StoreError> {
    let receipt = delivery.phase.receipt();
    let sql =
        "UPDATE delivery SET phase = $2, statuses = $3, receipt = $4, first_command = $5, commands = $6 WHERE seq = $1";
    let parameters = params![
        delivery.seq,
        phase_name(&delivery.phase),
        json(&delivery.statuses)?,
        receipt.map(|receipt| &receipt.message),
        receipt.map(|receipt| receipt.first),
        json(&delivery.commands)?
    ];
    unit.change_one(sql, &parameters, "delivery")
}
