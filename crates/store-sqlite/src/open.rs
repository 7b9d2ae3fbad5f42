//! Opening the database: its faults, the comparison with the mark, pragmas, migrations.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaveiro_core::ports::StoreError;
use chaveiro_core::query::moment;
use chaveiro_store_rows::row_key::{self, Held, RowKey, RowKeyError};
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use uuid::Uuid;

use crate::doubt::{Doubt, judge};
use crate::mark::{self, MarkFile, Promise, Reading};
use crate::rows::authenticated;
use crate::state::{self, State};
use crate::veil;
use crate::wal::{self, Log, Rest};
use crate::{Options, disk, migrate};

/// The reason why the database cannot be used, and the remedy.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory does not exist.
    #[error("the directory {} does not exist; create it, or name the right one", .0.display())]
    Missing(PathBuf),
    /// The file does not exist.
    #[error("there is no database {}", .0.display())]
    NoDatabase(PathBuf),
    /// The database or its directory cannot be written.
    #[error("the database {} cannot be written; give this user write access to the file and its directory", .0.display())]
    ReadOnly(PathBuf),
    /// A newer program made the database.
    #[error(
        "the database has schema version {found}, this program knows up to {known}; run the newer program, or restore a backup from before the upgrade"
    )]
    NewerVersion {
        /// The version in the file.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// Another process holds a lock on it and keeps it.
    #[error("the database {} is locked by another process; stop that process or try again", .0.display())]
    Locked(PathBuf),
    /// It is damaged or not a database.
    #[error("the file {} is not a sound SQLite database ({reason}); restore it from a backup", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// SQLite's own error.
        reason: String,
    },
    /// The key of the row authenticators cannot be used.
    #[error(transparent)]
    RowKey(#[from] RowKeyError),
    /// A migration failed; the database is as it was.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// The database may not be the newest state.
    #[error("{} may not be the newest state: {doubt}; {}", file.display(), doubt.remedy())]
    Doubtful {
        /// The file.
        file: PathBuf,
        /// The doubt.
        doubt: Doubt,
    },
    /// The mark cannot be read or written.
    #[error("the mark {} cannot be used: {error}; this user needs to write there", file.display())]
    Mark {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The disk has no space for a necessary write.
    #[error("the disk of {} is full; make room and start again", .0.display())]
    Full(PathBuf),
    /// Any other error of SQLite.
    #[error("opening the database {} failed: {reason}", file.display())]
    Other {
        /// The file.
        file: PathBuf,
        /// SQLite's own error.
        reason: String,
    },
    /// No thread could be started.
    #[error("starting the threads of the store failed: {0}")]
    Thread(std::io::Error),
}

/// Statements that a connection keeps prepared: more than there are, besides those of lists with filters.
const STATEMENTS: usize = 256;

/// Pages that a connection may keep in memory. Keys are random: with SQLite's own 2 MiB, every write into the indexes
/// of a large fleet would read and write their pages again.
const CACHE_KIB: i64 = 64 * 1024;

/// Pages that all readers together may keep in memory. A commit elsewhere makes a reader forget its own.
const READERS_CACHE_KIB: i64 = 128 * 1024;

/// The trust in a database that may not be the newest state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Such a database is refused.
    Verified,
    /// Such a database is opened: the operator is about to accept it.
    Accepting,
}

/// A connection that writes, and the values that each of its commits needs.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) mark: MarkFile,
    /// The version of its schema.
    pub(crate) schema: u32,
    /// The number that the next commit must exceed.
    pub(crate) floor: u64,
}

/// A database that is open for writing.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) doubt: Option<Doubt>,
    /// The frame from which on the log was damaged.
    pub(crate) damaged_from: Option<u64>,
    /// The lock that shows other processes that the database is in use.
    pub(crate) presence: File,
}

/// Opens the connection that writes, compares the database with its mark, and brings its schema up to date.
pub(crate) fn writer(directory: &Path, file: &Path, options: &Options, trust: Trust) -> Result<Opened, OpenError> {
    if !directory.is_dir() {
        return Err(OpenError::Missing(directory.to_owned()));
    }
    let explain = |error| explain(error, file);
    let mark_path = directory.join(mark::FILE_NAME);
    let broken_mark = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(file.to_owned()),
        _ if disk::is_full(&error) => OpenError::Full(directory.to_owned()),
        _ => OpenError::Mark { file: mark_path.clone(), error },
    };
    let broken_log = |error| OpenError::Mark { file: wal::path_of(file), error };

    let (presence, is_first) = arrive(directory).map_err(|error| OpenError::Mark { file: directory.into(), error })?;
    // Read before the database: another process writes a commit into the database before the mark.
    let reading = match MarkFile::open(&mark_path).map_err(broken_mark)? {
        Some(mark) => Some(mark.read().map_err(broken_mark)?),
        None => None,
    };
    let (mut doubt, mut log) = (None, None);
    if is_first {
        log = wal::scan_file(&wal::path_of(file)).map_err(broken_log)?;
        if is_foreign_log(file, log.as_ref(), reading.as_ref()) {
            if trust == Trust::Verified {
                return Err(OpenError::Doubtful { file: file.into(), doubt: Doubt::ForeignLog });
            }
            set_aside(file).map_err(broken_log)?;
            (doubt, log) = (Some(Doubt::ForeignLog), None);
        }
    }

    if let Err(error) = keep_to_the_owner(file) {
        // A file of another user, or of a read-only system: SQLite reports below whether it can be used.
        tracing::warn!(%error, "the database could not be made readable by its owner only");
    }
    let mut connection = Connection::open(file).map_err(explain)?;
    // A refused database is left as it was found, including its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(explain)?;
    prepare(&connection, options).map_err(explain)?;
    let (found, known) = (migrate::version(&connection).map_err(explain)?, migrate::known());
    if found > known {
        return Err(OpenError::NewerVersion { found, known });
    }
    let state = state::read(&connection).map_err(explain)?;
    let judged = judge(&connection, reading.as_ref(), found, state.as_ref()).map_err(explain)?;
    doubt = doubt.or(judged.map(|doubt| match log {
        Some(Log { rest: Rest::Broken(frame), .. }) => Doubt::Damaged { frame, because: Box::new(doubt) },
        _ => doubt,
    }));
    if let (Some(doubt), Trust::Verified) = (&doubt, trust) {
        return Err(OpenError::Doubtful { file: file.into(), doubt: doubt.clone() });
    }
    let damaged_from = damaged_from(log.as_ref());
    if doubt.is_some() || damaged_from.is_some() {
        // A log that ends early can leave pages from different times in the file.
        let wrong = problems(&connection).map_err(explain)?;
        if let Some(reason) = wrong.into_iter().next() {
            return Err(OpenError::Damaged { file: file.into(), reason });
        }
    }

    // `secure_delete` overwrites a shredded envelope in its page; full `synchronous` makes a commit durable. Only the
    // writer makes checkpoints, because it updates the mark with them. A new generation of the log leaves no remains of
    // the one before.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
            PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0;",
        )
        .map_err(explain)?;
    if connection.is_readonly("main").map_err(explain)? {
        return Err(OpenError::ReadOnly(file.to_owned()));
    }
    let is_migrated = migrate::migrate(&mut connection).map_err(|error| migration(error, file))?;
    let is_changed = authenticate(&connection, directory, file)? || is_migrated;
    let schema = u32::try_from(known).unwrap_or_default();
    let floor = match &reading {
        Some(Reading::Promised { promise, .. }) if doubt.is_some() => promise.commits,
        _ => 0,
    };
    let mark = MarkFile::open_or_create(&mark_path).map_err(broken_mark)?;
    if doubt.is_none() {
        begin(&connection, &mark, schema, is_changed, file).map_err(|error| match error {
            Begin::Database(error) => explain(error),
            Begin::Mark(error) => broken_mark(error),
        })?;
    }
    if doubt.is_none() {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(explain)?;
    }
    admit(&presence).map_err(|error| OpenError::Mark { file: directory.into(), error })?;
    Ok(Opened { database: Database { connection, mark, schema, floor }, doubt, damaged_from, presence })
}

enum Begin {
    Database(rusqlite::Error),
    Mark(std::io::Error),
}

impl From<rusqlite::Error> for Begin {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes the mark if the database has none yet, and writes the database's present state into it.
fn begin(connection: &Connection, mark: &MarkFile, schema: u32, is_changed: bool, file: &Path) -> Result<(), Begin> {
    let missing = || Begin::Database(rusqlite::Error::QueryReturnedNoRows);
    let now = |state: &State| -> rusqlite::Result<Promise> {
        let salt = wal::salt_of(file).unwrap_or_default();
        Ok(Promise { salt, ..state::promise(connection, state, schema)? })
    };
    let state = state::read(connection)?.ok_or_else(missing)?;
    let kept = |promise: &Promise| {
        mark.promise(promise)?;
        mark.sync()
    };
    if state.marked && !is_changed {
        return mark.promise(&now(&state)?).map_err(Begin::Mark);
    }
    if !state.marked {
        // The mark comes first: a database that states that it has one must have it.
        kept(&now(&state)?).map_err(Begin::Mark)?;
        File::open(chaveiro_keyfile::directory_of(file))
            .and_then(|directory| directory.sync_all())
            .map_err(Begin::Mark)?;
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let state = state::count(connection, 0, true)?;
    let promise = now(&state)?;
    connection.execute_batch("COMMIT")?;
    kept(&promise).map_err(Begin::Mark)
}

/// Takes the presence lock of this process, and returns true if this is the first process on that database. While the
/// first process inspects the files, no other gets in. The files can be read as they are only while no process writes
/// them.
fn arrive(directory: &Path) -> std::io::Result<(File, bool)> {
    const PAUSE: Duration = Duration::from_millis(5);
    let presence = File::open(directory)?;
    loop {
        for (operation, is_first) in
            [(FlockOperation::NonBlockingLockExclusive, true), (FlockOperation::NonBlockingLockShared, false)]
        {
            match flock(&presence, operation) {
                Ok(()) => return Ok((presence, is_first)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Lets other processes in, once the database is known to be good.
fn admit(presence: &File) -> std::io::Result<()> {
    Ok(flock(presence, FlockOperation::LockShared)?)
}

/// Returns true if the log belongs to another state of the database file: to the one that a copy has replaced.
fn is_foreign_log(file: &Path, log: Option<&Log>, reading: Option<&Reading>) -> bool {
    let Some(log) = log.filter(|log| log.committed > 0) else { return false };
    // A file that cannot be read without its log proves nothing: a process may have died while it copied the log.
    let Ok(base) = base(file) else { return false };
    let is_copy = base.is_some_and(|base| base.copy);
    let is_older = match reading {
        Some(Reading::Promised { promise, .. }) if promise.salt == log.salt && promise.checkpointed > 0 => {
            base.is_none_or(|base| base.database != promise.database || base.commits < promise.checkpointed)
        }
        _ => false,
    };
    is_copy || is_older
}

/// Returns the row of the database file alone, without its log. Only the first process on the database may read it so.
fn base(file: &Path) -> rusqlite::Result<Option<State>> {
    if file.exists() { state::read(&immutable(file)?) } else { Ok(None) }
}

/// Restricts the database and its log to their owner. A new file is made so, before SQLite would make it.
fn keep_to_the_owner(file: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    match options.write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // By name: opening and closing a file that SQLite has open would release its locks.
    for owned in [file.to_owned(), wal::path_of(file)] {
        match std::fs::set_permissions(owned, std::fs::Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Returns a connection to a file that no process changes. It reads no log and takes no lock.
pub(crate) fn immutable(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = String::from("file:");
    for byte in std::os::unix::ffi::OsStrExt::as_bytes(file.as_os_str()) {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags)
}

/// Moves the log away, so that SQLite does not apply it.
fn set_aside(file: &Path) -> std::io::Result<()> {
    let log = wal::path_of(file);
    let mut aside = log.as_os_str().to_owned();
    aside.push(".set-aside");
    std::fs::rename(&log, &aside)?;
    let mut index = file.as_os_str().to_owned();
    index.push("-shm");
    match std::fs::remove_file(index) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the first damaged frame of a log whose sound part holds everything that was promised.
fn damaged_from(log: Option<&Log>) -> Option<u64> {
    match log?.rest {
        Rest::Nothing => None,
        Rest::Unfinished => {
            tracing::info!("the log of the database ended within a commit; it was not promised, and it is undone");
            None
        }
        Rest::Broken(frame) => Some(frame),
    }
}

/// Counts a start of a server, in a transaction of its own.
pub(crate) fn count_boot(file: &Path, options: &Options) -> Result<(), OpenError> {
    let explain = |error| explain(error, file);
    let path = file.with_file_name(mark::FILE_NAME);
    let broken = |error| OpenError::Mark { file: path.clone(), error };
    let connection = Connection::open(file).map_err(explain)?;
    prepare(&connection, options).map_err(explain)?;
    let counted = || -> rusqlite::Result<Promise> {
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0;
            BEGIN IMMEDIATE; UPDATE mark SET boots = boots + 1;",
        )?;
        let state = state::count(&connection, 0, false)?;
        let schema = u32::try_from(migrate::known()).unwrap_or_default();
        let promise = state::promise(&connection, &state, schema)?;
        connection.execute_batch("COMMIT")?;
        Ok(Promise { salt: wal::salt_of(file).unwrap_or_default(), ..promise })
    };
    let promise = counted().map_err(explain)?;
    let mark = MarkFile::open(&path).map_err(broken)?;
    let mark = mark.ok_or_else(|| broken(ErrorKind::NotFound.into()))?;
    mark.promise(&promise).and_then(|()| mark.sync()).map_err(broken)
}

/// Returns the faults that SQLite finds in the whole database.
pub(crate) fn problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// Returns a connection that only reads.
pub(crate) fn reader(file: &Path, options: &Options) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explain = |error| explain(error, file);
    let connection = Connection::open_with_flags(file, flags).map_err(explain)?;
    prepare(&connection, options).map_err(explain)?;
    let readers = i64::try_from(options.readers).unwrap_or(i64::MAX).max(1);
    connection.pragma_update(None, "cache_size", -(READERS_CACHE_KIB / readers)).map_err(explain)?;
    let directory = chaveiro_keyfile::directory_of(file);
    with_key(&connection, &RowKey::read(directory)?).map_err(explain)?;
    Ok(connection)
}

/// Returns a connection that only reads, for a process that leaves the database as it finds it.
pub(crate) fn beside(file: &Path, options: &Options) -> Result<Connection, OpenError> {
    let connection = reader(file, options)?;
    let explain = |error| explain(error, file);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(explain)?;
    match (migrate::version(&connection).map_err(explain)?, migrate::known()) {
        (found, known) if found > known => Err(OpenError::NewerVersion { found, known }),
        (found, known) if found < known => {
            Err(OpenError::Migration(format!("it has version {found} of {known}, and is only read")))
        }
        _ => Ok(connection),
    }
}

/// Registers the SQL functions that need the key.
fn with_key(connection: &Connection, key: &RowKey) -> rusqlite::Result<()> {
    #[cfg(feature = "statements")]
    crate::counted::watch(connection);
    authenticated::functions(connection, key)?;
    veil::functions(connection, key)
}

/// Prepares the writer to sign its rows. A database that was never signed is signed now, if its key is new. Returns
/// true if it was signed.
fn authenticate(connection: &Connection, directory: &Path, file: &Path) -> Result<bool, OpenError> {
    let failed = |error: StoreError| OpenError::Other { file: file.to_owned(), reason: error.to_string() };
    let explain = |error| explain(error, file);
    let (key, lock) = match row_key::open(directory)? {
        Held::Known(key) => (key, None),
        Held::New(key, lock) => (key, Some(lock)),
    };
    with_key(connection, &key).map_err(explain)?;
    let noted = if lock.is_some() {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(explain)?;
        let noted = authenticated::introduce(connection, &key);
        connection.execute_batch(if noted.is_ok() { "COMMIT" } else { "ROLLBACK" }).map_err(explain)?;
        noted.map_err(failed)?.or_else(|| Some(key.fingerprint()))
    } else {
        authenticated::noted_key(connection).map_err(failed)?
    };
    let key_file = row_key::file(directory);
    match noted {
        Some(noted) if noted == key.fingerprint() => {}
        Some(_) if lock.is_some() => return Err(RowKeyError::Missing(key_file).into()),
        Some(_) => return Err(RowKeyError::Other(key_file).into()),
        None => return Err(RowKeyError::Unsigned(key_file).into()),
    }
    if lock.is_some() {
        row_key::finish(directory)?;
    }
    authenticated::install(connection).map_err(explain)?;
    Ok(lock.is_some())
}

pub(crate) fn prepare(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A program that can write the file can write its schema too. Triggers and views in it do not run, and it cannot
    // call our functions; only those of this connection can.
    for trusting in [
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    ] {
        connection.set_db_config(trusting, false)?;
    }
    // Without this guarantee, SQLite plans a statement again whenever a parameter of its LIMIT is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    functions(connection)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")
}

/// Registers the SQL functions that conditions of lists need. No index uses them.
pub(crate) fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("moment", 1, flags, |arguments| {
        let text = arguments.get_raw(0).as_str().ok();
        Ok(text.and_then(moment))
    })?;
    connection.create_scalar_function("uuid_text", 1, flags, |arguments| {
        let bytes: Option<[u8; 16]> = arguments.get(0)?;
        Ok(bytes.map(|bytes| Uuid::from_bytes(bytes).to_string()))
    })
}

fn migration(error: rusqlite::Error, file: &Path) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) | None => OpenError::Migration(error.to_string()),
        Some(_) => explain(error, file),
    }
}

pub(crate) fn explain(error: rusqlite::Error, file: &Path) -> OpenError {
    let reason = error.to_string();
    let directory = chaveiro_keyfile::directory_of(file);
    if disk::may_be_full(&error) && !disk::has_room(directory) {
        return OpenError::Full(directory.to_owned());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_is_built_with_the_flags_of_this_workspace() {
        let connection = Connection::open_in_memory().expect("a database");
        let mut options = connection.prepare("PRAGMA compile_options").expect("SQL");
        let options = options.query_map([], |row| row.get(0)).expect("options");
        let options: Vec<String> = options.collect::<Result<_, _>>().expect("options");
        for (option, wanted) in [
            ("THREADSAFE=2", true),
            ("DEFAULT_MEMSTATUS=0", true),
            ("ENABLE_MEMORY_MANAGEMENT", false),
            ("ENABLE_STAT4", false),
            ("ENABLE_API_ARMOR", false),
        ] {
            let note = "run cargo in the workspace: .cargo/config.toml has LIBSQLITE3_FLAGS";
            assert_eq!(options.iter().any(|built| built == option), wanted, "{option}; {note}");
        }
    }
}
