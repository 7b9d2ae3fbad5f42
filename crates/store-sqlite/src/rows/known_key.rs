//! The keys that were used with this database.

use chaveiro_core::Timestamp;
use chaveiro_core::keys::{Fingerprint, KeyName, KnownKey};
use chaveiro_core::ports::StoreError;
use rusqlite::{Connection, Row, params};

use crate::codec::{RowError, insert, json, many, micros, one, optional_time, run, time};
use crate::rows::steady;

fn read(row: &Row<'_>) -> Result<KnownKey, RowError> {
    let name: String = row.get("name")?;
    Ok(KnownKey {
        name: name.parse().map_err(|_| RowError::Content(format!("{name} is not the name of a key")))?,
        fingerprint: Fingerprint(row.get("fingerprint")?),
        since: time(row, "since")?,
        until: optional_time(row, "until")?,
        away: row.get("away")?,
        running_s: steady::seconds(row.get("running")?).unwrap_or(0),
    })
}

pub(crate) fn known_keys(connection: &Connection) -> Result<Vec<KnownKey>, StoreError> {
    many(connection, "SELECT * FROM known_key ORDER BY row", [], read)
}

pub(crate) fn known_key(connection: &Connection, name: &KeyName) -> Result<Option<KnownKey>, StoreError> {
    one(connection, "SELECT * FROM known_key WHERE name = ? AND until IS NULL", [name.to_string()], read)
}

pub(crate) fn current(connection: &Connection, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
    let sql = "SELECT * FROM known_key WHERE name IN (SELECT value FROM json_each(?)) AND until IS NULL";
    many(connection, sql, [json(&names.iter().map(KeyName::to_string).collect::<Vec<_>>())?], read)
}

pub(crate) fn put(connection: &Connection, key: &KnownKey) -> Result<(), StoreError> {
    let same = "UPDATE known_key SET away = ?3 WHERE name = ?1 AND until IS NULL AND fingerprint = ?2";
    if run(connection, same, params![key.name.to_string(), key.fingerprint.0, key.away])? == 1 {
        return Ok(());
    }
    end(connection, &key.name, key.since)?;
    let sql = "INSERT INTO known_key (name, fingerprint, since, away, running) VALUES (?, ?, ?, ?, ?)";
    let parameters =
        params![key.name.to_string(), key.fingerprint.0, micros(key.since), key.away, steady::column(key.running_s)];
    insert(connection, sql, parameters, "key")
}

pub(crate) fn end(connection: &Connection, name: &KeyName, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE known_key SET until = ?2 WHERE name = ?1 AND until IS NULL";
    run(connection, sql, params![name.to_string(), micros(at)]).map(drop)
}
