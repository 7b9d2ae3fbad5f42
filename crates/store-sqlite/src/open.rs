//! Opening the database: what can be wrong, pragmas, migrations.

use std::path::{Path, PathBuf};

use chaveiro_core::activity::{event_id, seq_of_event};
use chaveiro_core::id::TenantId;
use chaveiro_core::query::moment;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;
use uuid::Uuid;

use crate::Options;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Why the database cannot be used, and what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory is not there.
    #[error("the directory {} does not exist; create it, or name the right one", .0.display())]
    Missing(PathBuf),
    /// The database or its directory cannot be written.
    #[error("the database {} cannot be written; give this user write access to the file and its directory", .0.display())]
    ReadOnly(PathBuf),
    /// A newer program made the database.
    #[error(
        "the database has schema version {found}, this program knows up to {known}; run the newer program, or restore a backup from before the upgrade"
    )]
    NewerVersion {
        /// In the file.
        found: i64,
        /// In this program.
        known: i64,
    },
    /// Another process holds it and does not let go.
    #[error("the database {} is locked by another process; stop that process or try again", .0.display())]
    Locked(PathBuf),
    /// It is no database, or a damaged one.
    #[error("the file {} is not a sound SQLite database ({reason}); restore it from a backup", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// SQLite's own words.
        reason: String,
    },
    /// A migration failed; the database is as it was.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// Anything else that SQLite reports.
    #[error("opening the database {} failed: {reason}", file.display())]
    Other {
        /// Which file.
        file: PathBuf,
        /// SQLite's own words.
        reason: String,
    },
    /// No thread could be started.
    #[error("starting the threads of the store failed: {0}")]
    Thread(std::io::Error),
}

/// Pages that a connection may keep in memory. Keys are random: with SQLite's own 2 MiB every write into the indexes of a
/// large fleet reads and writes its pages anew.
const CACHE_KIB: i64 = 64 * 1024;

/// The connection that writes, its schema up to date.
pub(crate) fn writer(directory: &Path, file: &Path, options: &Options) -> Result<Connection, OpenError> {
    if !directory.is_dir() {
        return Err(OpenError::Missing(directory.to_owned()));
    }
    let explain = |error| explain(error, file);
    let mut connection = Connection::open(file).map_err(explain)?;
    prepare(&connection, options).map_err(explain)?;
    // `secure_delete` overwrites a shredded envelope in its page; full `synchronous` makes a commit durable.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")
        .map_err(explain)?;
    if connection.is_readonly("main").map_err(explain)? {
        return Err(OpenError::ReadOnly(file.to_owned()));
    }
    migrate(&mut connection, file)?;
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(file: &Path, options: &Options) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explain = |error| explain(error, file);
    let connection = Connection::open_with_flags(file, flags).map_err(explain)?;
    prepare(&connection, options).map_err(explain)?;
    Ok(connection)
}

fn prepare(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(128);
    functions(connection)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")
}

/// What conditions of lists need and SQL does not have. No index is made of them.
fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("moment", 1, flags, |arguments| {
        let text = arguments.get_raw(0).as_str().ok();
        Ok(text.and_then(moment))
    })?;
    connection.create_scalar_function("uuid_text", 1, flags, |arguments| {
        let bytes: Option<[u8; 16]> = arguments.get(0)?;
        Ok(bytes.map(|bytes| Uuid::from_bytes(bytes).to_string()))
    })?;
    connection.create_scalar_function("event_text", 2, flags, |arguments| {
        let tenant = TenantId(Uuid::from_bytes(arguments.get(0)?));
        Ok(event_id(tenant, arguments.get(1)?).to_string())
    })?;
    connection.create_scalar_function("event_seq", 2, flags, |arguments| {
        let tenant = TenantId(Uuid::from_bytes(arguments.get(0)?));
        // As ids are written; other spellings of the same number are other texts.
        let id = arguments.get_raw(1).as_str().ok().filter(|text| text.len() == 36);
        Ok(id.and_then(|text| Uuid::try_parse(text).ok()).and_then(|id| seq_of_event(tenant, id)))
    })
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    let found = schema_version(connection).map_err(|error| explain(error, file))?;
    if found > known {
        return Err(OpenError::NewerVersion { found, known });
    }
    if found < known {
        runner.run(connection).map_err(|error| OpenError::Migration(error.to_string()))?;
    }
    Ok(())
}

/// The newest applied migration, 0 for a fresh database.
fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let has_history: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    if has_history == 0 {
        return Ok(0);
    }
    connection.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}

fn explain(error: rusqlite::Error, file: &Path) -> OpenError {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::ReadOnly(file.to_owned())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked(file.to_owned()),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { file: file.to_owned(), reason }
        }
        _ => OpenError::Other { file: file.to_owned(), reason },
    }
}
