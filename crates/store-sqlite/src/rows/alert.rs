//! The outbox of alerts.

use chaveiro_core::alert::Alert;
use chaveiro_core::ports::StoreError;
use rusqlite::{Connection, Row, params};

use crate::codec::{RowError, blob, from_json, insert, json, many, run};

/// Reads an alert; `None` for one of a kind that this version does not know, as after a downgrade. It keeps no other from its
/// receiver.
fn read(row: &Row<'_>) -> Result<Option<Alert>, RowError> {
    let read = from_json(row, "body");
    if read.is_err() {
        tracing::debug!("an alert cannot be read: it may be of a newer version");
    }
    Ok(read.ok())
}

pub(crate) fn alerts(connection: &Connection, limit: usize) -> Result<Vec<Alert>, StoreError> {
    let sql = "SELECT body FROM (SELECT row, body, row_number() OVER (PARTITION BY tenant ORDER BY row DESC) AS age FROM alert)
        WHERE age <= ? ORDER BY row";
    Ok(many(connection, sql, [limit as i64], read)?.into_iter().flatten().collect())
}

pub(crate) fn insert_alert(connection: &Connection, alert: &Alert) -> Result<(), StoreError> {
    let sql = "INSERT INTO alert (tenant, about, name, body) SELECT row, ?2, ?3, ?4 FROM tenant WHERE id = ?1";
    let parameters = params![blob(&alert.tenant.0), blob(&alert.about), alert.news.name(), json(alert)?];
    insert(connection, sql, parameters, "alert")
}

pub(crate) fn delete_alert(connection: &Connection, alert: &Alert) -> Result<(), StoreError> {
    let sql = "DELETE FROM alert WHERE tenant = (SELECT row FROM tenant WHERE id = ?) AND about = ? AND name = ?";
    run(connection, sql, params![blob(&alert.tenant.0), blob(&alert.about), alert.news.name()]).map(drop)
}
