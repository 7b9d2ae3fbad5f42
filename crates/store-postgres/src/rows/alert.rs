//! The outbox of alerts.

use chaveiro_core::alert::Alert;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::text::json;

use crate::authenticated::insert_plain;
use crate::unit::{Unit, params};
use crate::value::Cells;

pub(crate) fn alerts(unit: &Unit<'_>, limit: usize) -> Result<Vec<Alert>, StoreError> {
    let sql = "SELECT body FROM (
            SELECT row, body, row_number() OVER (PARTITION BY tenant ORDER BY row DESC) AS age FROM alert) AS aged
        WHERE age <= $1 ORDER BY row";
    // One of a kind that only a newer version knows keeps no other from its receiver.
    let found = unit.many(sql, &params![limit], |row| Ok(Cells::of(row).json("body").ok()))?;
    Ok(found.into_iter().flatten().collect())
}

pub(crate) fn insert_alert(unit: &Unit<'_>, alert: &Alert) -> Result<(), StoreError> {
    let row = vec![
        ("tenant", alert.tenant.0.into()),
        ("about", alert.about.into()),
        ("name", alert.news.name().into()),
        ("body", json(alert)?.into()),
    ];
    insert_plain(unit, "alert", row, "alert")
}

pub(crate) fn delete_alert(unit: &Unit<'_>, alert: &Alert) -> Result<(), StoreError> {
    let sql = "DELETE FROM alert WHERE tenant = $1 AND about = $2 AND name = $3";
    unit.run(sql, &params![alert.tenant.0, alert.about, alert.news.name()]).map(drop)
}
