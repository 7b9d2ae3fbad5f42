//! Conversion between values of the domain and columns, and from faults of SQLite to faults of the store.

use chaveiro_core::Timestamp;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::{self, Content};
use chaveiro_store_rows::message::Field;
pub(crate) use chaveiro_store_rows::text::{json, micros, moment, name};
use chaveiro_store_rows::text::{member, parse};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Params, Row};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::disk;

/// The reason why a row cannot be read.
pub(crate) enum RowError {
    Sqlite(rusqlite::Error),
    Content(String),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Content> for RowError {
    fn from(Content(text): Content) -> Self {
        Self::Content(text)
    }
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sqlite(error) => fault(error),
            RowError::Content(text) => Self::Inconsistent(text),
        }
    }
}

/// Converts a fault of SQLite. The text names tables and columns, never values. After a failed `fsync` this does not
/// return: the process ends.
pub(crate) fn fault(error: rusqlite::Error) -> StoreError {
    if disk::is_sync_failure(&error) {
        disk::end_process(&error);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy) => StoreError::Busy,
        // Only the step limit on lists interrupts a statement.
        Some(ErrorCode::OperationInterrupted) => StoreError::TooCostly,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Converts a fault of an insert, where a violated key means that the row exists already.
pub(crate) fn insert_fault(error: rusqlite::Error, what: &'static str) -> StoreError {
    const UNIQUE: i32 = rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
    const PRIMARY_KEY: i32 = rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY;
    match &error {
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == ErrorCode::ConstraintViolation
                && matches!(failure.extended_code, UNIQUE | PRIMARY_KEY) =>
        {
            StoreError::Duplicate(what)
        }
        _ => fault(error),
    }
}

/// The values of a row, which are read in the order of its columns. SQLite compares the name of each column to find one
/// by name; here only builds with debug assertions do.
pub(crate) struct Cells<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Cells<'r, 's> {
    /// Returns the values from the first column on.
    pub(crate) fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }
}

impl cells::Cells for Cells<'_, '_> {
    fn next(&mut self, name: &str) -> Result<Field<'_>, Content> {
        let place = self.next;
        debug_assert_eq!(self.row.as_ref().column_name(place).ok(), Some(name), "columns are read in another order");
        self.next += 1;
        self.row.get_ref(place).map(field).map_err(|error| Content(format!("{name}: {error}")))
    }
}

/// Returns a value of SQLite as backends share it.
pub(crate) fn field(value: ValueRef<'_>) -> Field<'_> {
    match value {
        ValueRef::Null => Field::Null,
        ValueRef::Integer(number) => Field::Integer(number),
        ValueRef::Real(number) => Field::Real(number),
        ValueRef::Text(text) => Field::Text(text),
        ValueRef::Blob(bytes) => Field::Blob(bytes),
    }
}

/// Returns the first row, if any.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, RowError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let mut rows = statement.query(parameters).map_err(fault)?;
    Ok(rows.next().map_err(fault)?.map(read).transpose()?)
}

/// Returns every row.
pub(crate) fn many<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let mut rows = statement.query(parameters).map_err(fault)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        items.push(read(row)?);
    }
    Ok(items)
}

/// Runs a statement that must change exactly one row; `what` names the row in the fault.
pub(crate) fn change_one(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    what: &'static str,
) -> Result<(), StoreError> {
    match run(connection, sql, parameters)? {
        1 => Ok(()),
        n => Err(StoreError::Inconsistent(format!("{n} rows changed where one {what} was meant"))),
    }
}

/// Runs a statement and returns the number of changed rows.
pub(crate) fn run(connection: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(fault)
}

/// Runs an insert.
pub(crate) fn insert(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    what: &'static str,
) -> Result<(), StoreError> {
    let inserted = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters));
    match inserted {
        Ok(1) => Ok(()),
        Ok(_) => Err(StoreError::Inconsistent(format!("the row that a {what} belongs to is not there"))),
        Err(error) => Err(insert_fault(error, what)),
    }
}

/// Returns an identifier as a column.
pub(crate) fn blob(id: &Uuid) -> &[u8] {
    id.as_bytes()
}

/// The identifiers of a parameter that [`hex`] made, as a set for `IN`.
pub(crate) const IDS: &str = "(SELECT unhex(value) FROM json_each(?))";

/// Several identifiers as one parameter; JSON has no bytes.
pub(crate) fn hex(ids: impl Iterator<Item = Uuid>) -> Result<String, StoreError> {
    json(&ids.map(|id| id.simple().to_string()).collect::<Vec<_>>())
}

/// Returns an identifier from a column.
pub(crate) fn uuid(row: &Row<'_>, column: &str) -> Result<Uuid, RowError> {
    optional_uuid(row, column)?.ok_or_else(|| RowError::Content(format!("{column} is empty")))
}

/// Returns an identifier from a column that may be empty.
pub(crate) fn optional_uuid(row: &Row<'_>, column: &str) -> Result<Option<Uuid>, RowError> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

/// Returns a time from a column.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, RowError> {
    Ok(moment(row.get(column)?, column)?)
}

/// Returns a time from a column that may be empty.
pub(crate) fn optional_time(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, RowError> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(|micros| moment(micros, column)).transpose()?)
}

/// Returns a structure from a JSON column.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, RowError> {
    Ok(parse(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?, column)?)
}

/// Returns an enumeration from a column.
pub(crate) fn from_name<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, RowError> {
    optional_from_name(row, column)?.ok_or_else(|| RowError::Content(format!("{column} is empty")))
}

/// Returns an enumeration from a column that may be empty.
pub(crate) fn optional_from_name<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, RowError> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    Ok(text.map(|text| member(text, column)).transpose()?)
}
