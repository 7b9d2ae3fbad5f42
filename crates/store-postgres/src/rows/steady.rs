//! Running time, and the marks of items that are over.

use chaveiro_core::id::ActionId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::steady::{Ripeness, Running};
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::text::{micros, seconds, seconds_column};

use crate::unit::{Unit, params};
use crate::value::Cells;

/// The tables that have marks, each with two conditions: for rows that count at all, and for those that are over by the
/// clock (`$1`). A sign-in is kept for an hour after its end.
const MARKED: [(&str, &str, &str); 2] =
    [("secret", "envelope IS NOT NULL", "expires <= $1"), ("sign_in", "true", "expires <= $1 - 3600000000")];

pub(crate) fn running(unit: &Unit<'_>) -> Result<Running, StoreError> {
    let read = unit.one("SELECT total, jumped, seen FROM running", &[], |row| {
        let cells = &mut Cells::of(row);
        let [total_s, jumped_s] =
            [seconds(cells.get("total")?), seconds(cells.get("jumped")?)].map(Option::unwrap_or_default);
        Ok(Running { total_s, jumped_s, seen: cells.optional_time("seen")? })
    });
    Ok(read?.unwrap_or_default())
}

pub(crate) fn set_running(unit: &Unit<'_>, running: &Running) -> Result<(), StoreError> {
    let sql = "UPDATE running SET total = $1, jumped = $2, seen = $3";
    let [total, jumped] = [running.total_s, running.jumped_s].map(seconds_column);
    unit.change_one(sql, &params![total, jumped, running.seen.map(micros)], "running time")
}

pub(crate) fn set_marks(unit: &Unit<'_>, ripeness: &Ripeness) -> Result<(), StoreError> {
    let (now, mark) = (micros(ripeness.now), seconds_column(ripeness.running.total_s));
    for (table, among, over) in MARKED {
        let marked = format!("UPDATE {table} SET mark = $2 WHERE {among} AND mark IS NULL AND {over}");
        unit.run(&marked, &params![now, mark])?;
        let early = format!("UPDATE {table} SET mark = NULL WHERE {among} AND mark IS NOT NULL AND NOT {over}");
        unit.run(&early, &params![now])?;
    }
    Ok(())
}

pub(crate) fn has_marks_to_set(unit: &Unit<'_>, ripeness: &Ripeness) -> Result<bool, StoreError> {
    let (now, ripe) = (micros(ripeness.now), ripe(ripeness));
    for (table, among, over) in MARKED {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark IS NULL AND {over})
                OR EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark IS NOT NULL AND NOT {over})
                OR EXISTS (SELECT 1 FROM {table} WHERE {among} AND mark <= $2 AND {over}) AS found"
        );
        if unit.one(&sql, &params![now, ripe], |row| Ok(Cells::of(row).get("found")?))?.unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn delete_ripe_sign_ins(unit: &Unit<'_>, ripeness: &Ripeness) -> Result<(), StoreError> {
    let sql = "DELETE FROM sign_in WHERE mark <= $2 AND expires <= $1 - 3600000000";
    unit.run(sql, &params![micros(ripeness.now), ripe(ripeness)]).map(drop)
}

pub(crate) fn set_action_mark(unit: &Unit<'_>, action: ActionId, mark: Option<u64>) -> Result<(), StoreError> {
    let sql = "UPDATE action SET mark = $2 WHERE id = $1";
    unit.change_one(sql, &params![action.0, mark.map(seconds_column)], "action")
}

/// Returns the greatest mark that is ripe, or a value below every mark if none is.
pub(crate) fn ripe(ripeness: &Ripeness) -> i64 {
    ripeness.marked_until().map_or(-1, seconds_column)
}
