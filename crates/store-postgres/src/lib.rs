//! The store of many nodes: PostgreSQL 15 or newer.
//!
//! Each connection of the pool has a thread that runs units of work on it ([`session`]). A reply is sent only after the
//! commit. ADR 31 says how the synchronous units of work meet the database.

mod authenticated;
mod connect;
mod lists;
mod migrate;
mod rows;
mod session;
mod unit;
mod value;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chaveiro_core::ports::{BoxFuture, Clock, DryRun, ReadJob, Scope, Store, StoreError, WriteJob};
use chaveiro_store_rows::row_key::{self, Held};
use chaveiro_store_rows::veil::Veil;
use chaveiro_store_rows::{RowKey, RowKeyError};
use thiserror::Error;

pub use connect::{ConnectError, Files, Target};
use session::Session;
use worker::{Job, Queue, stopped};

/// The settings of the store.
#[derive(Clone)]
pub struct Options {
    /// The database, and the way in which it is reached.
    pub target: Target,
    /// The directory with `keys/rows.key`, the same on every node.
    pub directory: PathBuf,
    /// The number of connections.
    pub pool: usize,
    /// Most jobs that may wait; beyond it callers are answered that the store is busy.
    pub queue: usize,
    /// The cost, in PostgreSQL's own estimate, from which on a filtered or ordered list is refused. To read a million devices
    /// costs about 300,000.
    pub list_cost: f64,
    /// The time that one statement of a reading may take.
    pub read_timeout: Duration,
    /// The clock that tells units of work the time. Without one, the database does.
    pub clock: Option<Arc<dyn Clock>>,
    /// True if every unit of work is run, undone, and run again. For tests.
    pub twice: bool,
}

impl Options {
    /// Returns the usual settings for a database.
    pub fn new(target: Target, directory: &Path) -> Self {
        Self {
            target,
            directory: directory.to_owned(),
            pool: 8,
            queue: 4096,
            list_cost: 1_000_000.0,
            read_timeout: Duration::from_secs(30),
            clock: None,
            twice: false,
        }
    }
}

/// The reason why the store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No connection could be made.
    #[error(transparent)]
    Connection(#[from] ConnectError),
    /// The schema is of a newer version of this program.
    #[error(
        "the database has the schema {found}, and this program knows those up to {known}; use a newer version of it"
    )]
    Newer {
        /// The version of the schema.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A migration failed; the database is as it was.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// The key of the row authenticators cannot be used.
    #[error(transparent)]
    RowKey(#[from] RowKeyError),
    /// The rows could not be signed.
    #[error("the rows could not be signed: {0}")]
    Signing(#[from] StoreError),
    /// No thread could be started.
    #[error("starting the threads of the store failed: {0}")]
    Thread(std::io::Error),
}

/// The values that all connections of a store share.
struct Shared {
    options: Options,
    key: RowKey,
    veil: Veil,
}

/// The store.
pub struct PostgresStore {
    // `None` only during the drop: closing the queue ends the threads.
    queue: Option<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl PostgresStore {
    /// Connects, migrates the schema and starts the threads. Waits for the database, so it is not for a thread of a
    /// runtime.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let first = Session::connect(&options.target)?;
        let (found, known) = (migrate::version(&first).map_err(ConnectError::from)?, migrate::known());
        if found > known {
            return Err(OpenError::Newer { found, known });
        }
        migrate::migrate(&first).map_err(|error| OpenError::Migration(unit::text(&error)))?;
        let key = introduced(&first, &options)?;
        let veil = Veil::new(&key);
        let others = (1..options.pool.max(1)).map(|_| Session::connect(&options.target));
        let sessions = [Ok(first)].into_iter().chain(others).collect::<Result<Vec<_>, _>>()?;
        let shared = Arc::new(Shared { options, key, veil });
        let (queue, threads) = worker::start(&shared, sessions).map_err(OpenError::Thread)?;
        Ok(Self { queue: Some(queue), threads })
    }

    async fn run(&self, job: Job) -> Result<(), StoreError> {
        match &self.queue {
            Some(queue) => queue.run(job).await,
            None => Err(stopped()),
        }
    }
}

/// Returns the key of the database. A database that was never signed is signed now, if its key is new.
fn introduced(session: &Session, options: &Options) -> Result<RowKey, OpenError> {
    let directory = &options.directory;
    let (key, lock) = match row_key::open(directory)? {
        Held::Known(key) => (key, None),
        Held::New(key, lock) => (key, Some(lock)),
    };
    let noted = authenticated::introduce(session, options, &key, lock.is_some())?;
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
    Ok(key)
}

impl Store for PostgresStore {
    fn submit(&self, scope: Scope, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.run(Job::Write(scope, job)))
    }

    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.run(Job::Read(job)))
    }

    fn dry_run(&self, job: DryRun) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.run(Job::DryRun(job)))
    }
}

impl Drop for PostgresStore {
    /// Finishes the accepted jobs, then ends the threads.
    fn drop(&mut self) {
        self.queue.take();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
