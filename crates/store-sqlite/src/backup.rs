//! Copies of a database while it is in use, and read-only access to one.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{ChainedEvent, StoreError};
use rusqlite::Connection;
use thiserror::Error;

use crate::codec::{many, uuid};
use crate::mark::Promise;
use crate::rows::audit;
use crate::{OpenError, Options, SqliteStore, migrate, open, state};

/// The reason why a backup was not made, or is not intact.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database, or its copy, failed.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// A file could not be used.
    #[error("{} cannot be used: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The database has no row with its progress.
    #[error("{} is of a version without marks; start the server on it once", .0.display())]
    Unmarked(PathBuf),
}

impl SqliteStore {
    /// Copies the database as it is now into a new file, while others read and write. The copy states that it is one:
    /// no server serves from it until an operator accepts it. Durable when this returns.
    pub fn back_up(&self, target: &Path) -> Result<Promise, BackupError> {
        let source = open::reader(&self.file, &self.options)?;
        let copied = || -> rusqlite::Result<Option<Promise>> {
            let name = target.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(target.to_owned()))?;
            source.execute("VACUUM INTO ?", [name])?;
            let copy = Connection::open(target)?;
            open::prepare(&copy, &self.options)?;
            copy.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; UPDATE mark SET copy = 1;")?;
            let schema = u32::try_from(migrate::version(&copy)?).unwrap_or_default();
            state::read(&copy)?.map(|state| state::promise(&copy, &state, schema)).transpose()
        };
        let promise = copied().map_err(|error| open::explain(error, target))?;
        let flushed = File::open(target).and_then(|file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.sync_all()
        });
        flushed.map_err(|error| BackupError::Io { file: target.to_owned(), error })?;
        promise.ok_or_else(|| BackupError::Unmarked(target.to_owned()))
    }
}

/// A database that is opened to be inspected. Neither its content nor its schema is changed.
pub struct Snapshot {
    pub(crate) connection: Connection,
    file: PathBuf,
    /// True if the connection has the key of the row authenticators.
    pub(crate) verifies: bool,
}

impl Snapshot {
    /// Opens a copy of a database, without any key.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        if !file.is_file() {
            return Err(OpenError::NoDatabase(file.to_owned()));
        }
        let explain = |error| open::explain(error, file);
        let connection = open::immutable(file).map_err(explain)?;
        open::functions(&connection).map_err(explain)?;
        Ok(Self { connection, file: file.to_owned(), verifies: false })
    }

    /// Opens the database of a data directory, which a server may be using. Its rows are verified by `keys/rows.key`.
    pub fn beside(file: &Path) -> Result<Self, OpenError> {
        if !file.is_file() {
            return Err(OpenError::NoDatabase(file.to_owned()));
        }
        let connection = open::beside(file, &Options::default())?;
        Ok(Self { connection, file: file.to_owned(), verifies: true })
    }

    /// Returns the faults that SQLite finds in it.
    pub fn problems(&self) -> Result<Vec<String>, OpenError> {
        open::problems(&self.connection).map_err(|error| self.explain(error))
    }

    /// Returns the version of its schema, and the version of this program.
    pub fn schema(&self) -> Result<(i64, i64), OpenError> {
        let found = migrate::version(&self.connection).map_err(|error| self.explain(error))?;
        Ok((found, migrate::known()))
    }

    /// Returns its promise; `None` for a database from before there were marks.
    pub fn promise(&self) -> Result<Option<Promise>, OpenError> {
        let read = || {
            let schema = u32::try_from(migrate::version(&self.connection)?).unwrap_or_default();
            state::read(&self.connection)?.map(|state| state::promise(&self.connection, &state, schema)).transpose()
        };
        read().map_err(|error| self.explain(error))
    }

    /// Returns its tenants.
    pub fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        many(&self.connection, "SELECT id FROM tenant ORDER BY row", [], |row| Ok(TenantId(uuid(row, "id")?)))
    }

    /// Returns the chained events of a tenant after that position, in order.
    pub fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError> {
        audit::chained(&self.connection, tenant, after, limit)
    }

    fn explain(&self, error: rusqlite::Error) -> OpenError {
        open::explain(error, &self.file)
    }
}
