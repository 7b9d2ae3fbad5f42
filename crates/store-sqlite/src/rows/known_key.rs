//! The keys that were used with this database.

use chaveiro_core::Timestamp;
use chaveiro_core::keys::{KeyName, KnownKey};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, insert, json, many, micros, one, run};
use crate::rows::steady;

/// The columns of a key, in the order in which they are read.
const COLUMNS: &str = "name, fingerprint, since, until, away, running";

fn read(row: &Row<'_>) -> Result<KnownKey, RowError> {
    Ok(read::known_key(&mut Cells::of(row))?)
}

pub(crate) fn known_keys(connection: &Connection) -> Result<Vec<KnownKey>, StoreError> {
    many(connection, &format!("SELECT {COLUMNS} FROM known_key ORDER BY row"), [], read)
}

pub(crate) fn known_key(connection: &Connection, name: &KeyName) -> Result<Option<KnownKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM known_key WHERE name = ? AND until IS NULL");
    one(connection, &sql, [name.to_string()], read)
}

pub(crate) fn current(connection: &Connection, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM known_key WHERE name IN (SELECT value FROM json_each(?)) AND until IS NULL");
    many(connection, &sql, [json(&names.iter().map(KeyName::to_string).collect::<Vec<_>>())?], read)
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
