//! Running time, and the marks of items that are over.

use chaveiro_core::Timestamp;
use chaveiro_core::id::ActionId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::steady::{Ripeness, Running};
pub(crate) use chaveiro_store_rows::text::{seconds, seconds_column as column};
use rusqlite::{Connection, params};

use crate::codec::{blob, change_one, micros, one, optional_time, run, time};

/// The tables that have marks, each with two conditions: for rows that count at all, and for those that are over by the
/// clock (`?1`). A sign-in is kept for an hour after its end.
const MARKED: [(&str, &str, &str); 2] =
    [("secret", "envelope IS NOT NULL", "expires <= ?1"), ("sign_in", "true", "expires <= ?1 - 3600000000")];

/// Returns the time by the clock of the machine, as SQLite reads it.
pub(crate) fn clock(connection: &Connection) -> Result<Timestamp, StoreError> {
    let sql = "SELECT CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) AS now";
    let now = one(connection, sql, [], |row| time(row, "now"))?;
    now.ok_or_else(|| StoreError::Inconsistent("the time is not known".to_owned()))
}

pub(crate) fn running(connection: &Connection) -> Result<Running, StoreError> {
    let read = one(connection, "SELECT * FROM running", [], |row| {
        let [total_s, jumped_s] =
            [seconds(row.get("total")?), seconds(row.get("jumped")?)].map(Option::unwrap_or_default);
        Ok(Running { total_s, jumped_s, seen: optional_time(row, "seen")? })
    });
    Ok(read?.unwrap_or_default())
}

pub(crate) fn set_running(connection: &Connection, running: &Running) -> Result<(), StoreError> {
    let sql = "UPDATE running SET total = ?, jumped = ?, seen = ?";
    let parameters = params![column(running.total_s), column(running.jumped_s), running.seen.map(micros)];
    change_one(connection, sql, parameters, "running time")
}

pub(crate) fn set_marks(connection: &Connection, ripeness: &Ripeness) -> Result<(), StoreError> {
    let (now, mark) = (micros(ripeness.now), column(ripeness.running.total_s));
    for (table, among, over) in MARKED {
        let marked = format!("UPDATE {table} SET mark = ?2 WHERE {among} AND mark IS NULL AND {over}");
        run(connection, &marked, params![now, mark])?;
        let early = format!("UPDATE {table} SET mark = NULL WHERE {among} AND mark IS NOT NULL AND NOT {over}");
        run(connection, &early, [now])?;
    }
    Ok(())
}

pub(crate) fn has_marks_to_set(connection: &Connection, ripeness: &Ripeness) -> Result<bool, StoreError> {
    let (now, ripe) = (micros(ripeness.now), ripe(ripeness));
    for (table, among, over) in MARKED {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark IS NULL AND {over})
                OR EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark IS NOT NULL AND NOT {over})
                OR EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark <= ?2 AND {over})"
        );
        if one(connection, &sql, params![now, ripe], |row| Ok(row.get(0)?))?.unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn delete_ripe_sign_ins(connection: &Connection, ripeness: &Ripeness) -> Result<(), StoreError> {
    let sql = "DELETE FROM sign_in WHERE mark <= ?2 AND expires <= ?1 - 3600000000";
    run(connection, sql, params![micros(ripeness.now), ripe(ripeness)]).map(drop)
}

pub(crate) fn set_action_mark(connection: &Connection, action: ActionId, mark: Option<u64>) -> Result<(), StoreError> {
    let sql = "UPDATE action SET mark = ?2 WHERE id = ?1";
    change_one(connection, sql, params![blob(&action.0), mark.map(column)], "action")
}

/// Returns the greatest mark that is ripe, or a value below every mark if none is.
pub(crate) fn ripe(ripeness: &Ripeness) -> i64 {
    ripeness.marked_until().map_or(-1, column)
}
