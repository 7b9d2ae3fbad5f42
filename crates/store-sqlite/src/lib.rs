//! The embedded store: SQLite in WAL mode, one writer thread with grouped durable commits, a read pool.
//!
//! A reply is sent only after the commit of its group, and `synchronous = FULL` puts the commit on the disk. The command line
//! writes the same database while a server uses it. What is kept from one transaction to the next ends with any commit of
//! another connection.

mod backup;
mod codec;
#[cfg(feature = "statements")]
pub mod counted;
mod disk;
mod doubt;
mod envelopes;
mod mark;
mod migrate;
mod open;
mod read_only;
mod remembered;
mod rows;
mod state;
#[cfg(test)]
mod statements;
mod unit;
mod veil;
mod wal;
mod worker;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chaveiro_core::ports::{BoxFuture, Clock, DryRun, ReadJob, Scope, Store, StoreError, WriteJob};

pub use backup::{BackupError, Snapshot};
pub use chaveiro_store_rows::RowKeyError;
pub use doubt::Doubt;
pub use envelopes::{Kept, Owner};
pub use mark::{FILE_NAME as MARK_FILE_NAME, Place, Promise};
pub use open::OpenError;
use open::{Opened, Trust};
pub use read_only::ReadOnly;
pub use wal::{Log, Rest, scan as scan_log};
use worker::{Condition, Queue, Reading, Writer};

/// The file name of the database in its directory.
pub const FILE_NAME: &str = "chaveiro.db";

/// The settings of the store.
#[derive(Clone)]
pub struct Options {
    /// Most jobs that may wait; beyond it callers are answered that the store is busy.
    pub queue: usize,
    /// Most units of work in one commit.
    pub group: usize,
    /// The number of connections that read.
    pub readers: usize,
    /// The time to wait for another process that writes.
    pub busy_timeout: Duration,
    /// The steps of SQLite's virtual machine that a filtered or ordered list may take before it is refused: its reader
    /// is busy meanwhile. A `contains` takes about nine steps a device, and a million devices take about a second.
    pub list_steps: u64,
    /// The clock that tells units of work the time. Without one, SQLite asks that of the machine.
    pub clock: Option<Arc<dyn Clock>>,
    /// True if every unit of work is run, undone, and run again, as a backend may do whose transactions can fail to
    /// serialise. For tests.
    pub twice: bool,
}

/// The variable by which tests have every store of a process, and of the processes that it starts, run each unit of
/// work twice. Only builds with debug assertions read it.
pub const TWICE: &str = "UNITS_OF_WORK_TWICE";

impl Default for Options {
    fn default() -> Self {
        Self {
            queue: 4096,
            group: 256,
            readers: 2,
            busy_timeout: Duration::from_secs(10),
            list_steps: 10_000_000,
            clock: None,
            twice: cfg!(debug_assertions) && std::env::var_os(TWICE).is_some(),
        }
    }
}

/// The store.
pub struct SqliteStore {
    // `None` only during the drop: closing the queues ends the threads.
    queues: Option<(Queue<WriteJob>, Queue<Reading>)>,
    threads: Vec<JoinHandle<()>>,
    file: PathBuf,
    options: Options,
    condition: Arc<Condition>,
    damaged_from: Option<u64>,
    // Held until the threads have ended.
    _presence: File,
}

impl SqliteStore {
    /// Opens or creates `chaveiro.db` in that directory, migrates its schema and starts the threads. Refuses a database
    /// that may not be the newest state of what was promised, and leaves it as it is.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, Options::default())
    }

    /// Opens the store with other settings.
    pub fn open_with(directory: &Path, options: Options) -> Result<Self, OpenError> {
        Self::start(directory, options, Trust::Verified).map(|(store, _)| store)
    }

    /// Opens a database for an operator who accepts it as it is, and returns the doubt about it. The first unit of work
    /// that is kept accepts it.
    pub fn open_to_accept(directory: &Path) -> Result<(Self, Option<Doubt>), OpenError> {
        Self::start(directory, Options::default(), Trust::Accepting)
    }

    fn start(directory: &Path, options: Options, trust: Trust) -> Result<(Self, Option<Doubt>), OpenError> {
        let file = directory.join(FILE_NAME);
        let Opened { database, doubt, damaged_from, presence } = open::writer(directory, &file, &options, trust)?;
        let readers = (0..options.readers.max(1)).map(|_| open::reader(&file, &options));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        let (reads, reader_threads) = worker::start_readers(readers, &options).map_err(OpenError::Thread)?;
        let condition = Arc::new(Condition::default());
        let mut writer = Writer::new(database, &file, Arc::clone(&condition), &options);
        writer.accepting = doubt.is_some();
        let (writes, writer_thread) = worker::start_writer(writer, &options).map_err(OpenError::Thread)?;
        // Readers end first, so that no snapshot blocks the writer's last checkpoint.
        let mut threads = reader_threads;
        threads.push(writer_thread);
        let queues = Some((writes, reads));
        Ok((Self { queues, threads, file, options, condition, damaged_from, _presence: presence }, doubt))
    }

    /// Counts a start of a server.
    pub fn count_boot(&self) -> Result<(), OpenError> {
        open::count_boot(&self.file, &self.options)
    }

    /// Returns the frame from which on the log was damaged at the start, behind everything that was promised.
    pub fn damaged_from(&self) -> Option<u64> {
        self.damaged_from
    }

    /// Returns true if the last commit found no space on the disk. Checks again while that is so.
    pub fn is_full(&self) -> bool {
        if self.condition.is_full() && disk::has_room(self.directory()) {
            self.condition.set_full(false);
        }
        self.condition.is_full()
    }

    /// Returns the free bytes on the disk of the database; `None` if the system does not report them.
    pub fn free_bytes(&self) -> Option<u64> {
        disk::free_bytes(self.directory())
    }

    /// Returns a function that lists the faults that SQLite finds in the database. It takes long for a large one, does
    /// not block others, and does not keep the store open.
    pub fn checker(&self) -> impl FnOnce() -> Result<Vec<String>, OpenError> + Send + 'static {
        let (file, options) = (self.file.clone(), self.options.clone());
        move || {
            let connection = open::reader(&file, &options)?;
            open::problems(&connection).map_err(|error| open::explain(error, &file))
        }
    }

    fn directory(&self) -> &Path {
        chaveiro_keyfile::directory_of(&self.file)
    }
}

impl Store for SqliteStore {
    /// All scopes are alike: units of work run one after the other.
    fn submit(&self, _: Scope, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match &self.queues {
                Some((writes, _)) => writes.run(job).await,
                None => Err(StoreError::Unavailable("the store has stopped".to_owned())),
            }
        })
    }

    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match &self.queues {
                Some((_, reads)) => reads.run(Reading::Query(job)).await,
                None => Err(StoreError::Unavailable("the store has stopped".to_owned())),
            }
        })
    }

    fn dry_run(&self, job: DryRun) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match &self.queues {
                Some((_, reads)) => reads.run(Reading::DryRun(job)).await,
                None => Err(StoreError::Unavailable("the store has stopped".to_owned())),
            }
        })
    }
}

impl Drop for SqliteStore {
    /// Finishes the accepted jobs, then ends the threads.
    fn drop(&mut self) {
        if let Some((writes, reads)) = self.queues.take() {
            drop(reads);
            drop(writes);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
