//! The keys that were used with this database.

use chaveiro_core::Timestamp;
use chaveiro_core::keys::{KeyName, KnownKey};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{micros, seconds_column};
use tokio_postgres::Row;

use crate::unit::{Unit, params};
use crate::value::Cells;

const KEY: &str = "SELECT name, fingerprint, since, until, away, running FROM known_key";

fn read(row: &Row) -> Result<KnownKey, StoreError> {
    Ok(read::known_key(&mut Cells::of(row))?)
}

pub(crate) fn known_keys(unit: &Unit<'_>) -> Result<Vec<KnownKey>, StoreError> {
    unit.many(&format!("{KEY} ORDER BY row"), &[], read)
}

pub(crate) fn known_key(unit: &Unit<'_>, name: &KeyName) -> Result<Option<KnownKey>, StoreError> {
    unit.one(&format!("{KEY} WHERE name = $1 AND until IS NULL"), &params![name.to_string()], read)
}

pub(crate) fn current(unit: &Unit<'_>, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
    let names: Vec<String> = names.iter().map(KeyName::to_string).collect();
    unit.many(&format!("{KEY} WHERE name = ANY ($1) AND until IS NULL"), &params![names], read)
}

pub(crate) fn put(unit: &Unit<'_>, key: &KnownKey) -> Result<(), StoreError> {
    let same = "UPDATE known_key SET away = $3 WHERE name = $1 AND until IS NULL AND fingerprint = $2";
    if unit.run(same, &params![key.name.to_string(), key.fingerprint.0, key.away])? == 1 {
        return Ok(());
    }
    end(unit, &key.name, key.since)?;
    let sql = "INSERT INTO known_key (name, fingerprint, since, away, running) VALUES ($1, $2, $3, $4, $5)";
    let running = seconds_column(key.running_s);
    let parameters = params![key.name.to_string(), key.fingerprint.0, micros(key.since), key.away, running];
    unit.insert(sql, &parameters, "key")
}

pub(crate) fn end(unit: &Unit<'_>, name: &KeyName, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE known_key SET until = $2 WHERE name = $1 AND until IS NULL";
    unit.run(sql, &params![name.to_string(), micros(at)]).map(drop)
}
