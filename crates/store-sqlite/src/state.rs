//! The row of the database that is compared with its mark.

use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest, Sha256};

use crate::mark::{Place, Promise};

/// The row of the table `mark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) database: [u8; 16],
    pub(crate) commits: u64,
    pub(crate) boots: u64,
    /// True if the database has a mark beside it.
    pub(crate) marked: bool,
    /// True if it is a backup that no operator has accepted.
    pub(crate) copy: bool,
}

fn state(row: &Row<'_>) -> rusqlite::Result<State> {
    let count = |name: &str| row.get::<_, i64>(name).map(i64::unsigned_abs);
    Ok(State {
        database: row.get("database")?,
        commits: count("commits")?,
        boots: count("boots")?,
        marked: row.get("marked")?,
        copy: row.get("copy")?,
    })
}

/// Returns the row; `None` while the schema is older than it.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<State>> {
    let there: bool = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'mark'",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(None);
    }
    connection.query_row("SELECT * FROM mark", [], state).optional()
}

/// Counts one more commit, in the open transaction. The new number exceeds `floor`; `accept` accepts a copy as the
/// current state.
pub(crate) fn count(connection: &Connection, floor: u64, accept: bool) -> rusqlite::Result<State> {
    let sql = match accept {
        true => "UPDATE mark SET commits = max(commits, ?) + 1, marked = 1, copy = 0 RETURNING *",
        false => "UPDATE mark SET commits = max(commits, ?) + 1 RETURNING *",
    };
    let floor = i64::try_from(floor).unwrap_or(i64::MAX - 1);
    connection.prepare_cached(sql)?.query_row([floor], state)
}

/// Returns the promise that the row and the audit record make now. The salt of the log is left out.
pub(crate) fn promise(connection: &Connection, state: &State, schema: u32) -> rusqlite::Result<Promise> {
    let mut newest = connection.prepare_cached("SELECT seq, body FROM audit_event ORDER BY seq DESC LIMIT 1")?;
    let event = newest.query_row([], |row| {
        let body = row.get_ref(1)?.as_str()?;
        Ok(Place { seq: row.get(0)?, hash: Sha256::digest(body).into() })
    });
    let mut newest = connection.prepare_cached("SELECT seq, hash FROM audit_link ORDER BY seq DESC LIMIT 1")?;
    let link = newest.query_row([], |row| Ok(Place { seq: row.get(0)?, hash: row.get(1)? }));
    let State { database, commits, boots, .. } = *state;
    Ok(Promise {
        database,
        commits,
        boots,
        schema,
        event: event.optional()?.unwrap_or_default(),
        link: link.optional()?.unwrap_or_default(),
        ..Promise::default()
    })
}

/// Returns the first place of the record that the promise names and the database lacks.
pub(crate) fn missing_place(connection: &Connection, promise: &Promise) -> rusqlite::Result<Option<i64>> {
    let Place { seq, hash } = promise.event;
    let body: Option<String> =
        connection.query_row("SELECT body FROM audit_event WHERE seq = ?", [seq], |row| row.get(0)).optional()?;
    if seq != 0 && body.is_none_or(|body| Sha256::digest(body).as_slice() != hash) {
        return Ok(Some(seq));
    }
    let Place { seq, hash } = promise.link;
    let linked: Option<[u8; 32]> =
        connection.query_row("SELECT hash FROM audit_link WHERE seq = ?", [seq], |row| row.get(0)).optional()?;
    Ok((seq != 0 && linked != Some(hash)).then_some(seq))
}
