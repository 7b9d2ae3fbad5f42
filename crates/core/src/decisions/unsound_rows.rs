//! Rows that grant rights and were not written by this program: found, reported, and settled by an operator.

use jiff::Timestamp;
use uuid::Uuid;

use super::keys::Hand;
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::id::TenantId;
use crate::ports::{RowPlace, StoreError, UnitOfWork, UnsoundRow, View};

/// The rows that one call verifies.
const AT_ONCE: usize = 10_000;

/// Lists the rows that do not verify, of all tenants.
pub fn all(view: &dyn View) -> Result<Vec<UnsoundRow>, StoreError> {
    let (mut unsound, mut place) = (Vec::new(), RowPlace::default());
    loop {
        let look = view.unsound_rows(place, AT_ONCE)?;
        unsound.extend(look.unsound);
        place = look.next;
        if place == RowPlace::default() {
            return Ok(unsound);
        }
    }
}

/// Removes the rows that do not verify, or accepts them as they stand, and records it for every tenant. Returns the
/// number of rows.
pub fn settle(unit: &mut dyn UnitOfWork, hand: &Hand, remove: bool, reason: &str) -> Result<u64, StoreError> {
    let unsound = all(unit)?;
    let touched = unit.settle_rows(remove)?;
    let activity = if remove { Activity::RowsRemoved } else { Activity::RowsSigned };
    for tenant in unit.tenants()? {
        // Each record counts its own tenant's rows only.
        let rows = unsound.iter().filter(|row| row.tenant == Some(tenant.id)).count();
        let event = AuditEvent::new(tenant.id, hand.now, hand.actor.clone(), activity);
        unit.append_audit(&event.with("rows", rows).with("reason", reason))?;
    }
    Ok(touched)
}

/// Records a row of that tenant that does not verify, and raises an alert. `about` is the id of this damage.
pub fn report(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    row: &UnsoundRow,
    about: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = AuditEvent::new(tenant, now, Actor::system(), Activity::RowForged);
    unit.append_audit(&event.with("table", row.table).with("row", row.row.as_deref().unwrap_or("-")))?;
    alert_once(unit, tenant, News::RowForged { table: row.table.to_owned(), row: row.row.clone() }, about, now)
}

/// Raises an alert about damage, unless one is waiting since before the last start.
pub fn alert_once(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    news: News,
    about: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    match unit.insert_alert(&Alert { tenant, about, at: now, actor: Actor::system(), news }) {
        Ok(()) | Err(StoreError::Duplicate(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
