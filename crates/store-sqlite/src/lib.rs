//! The embedded store: SQLite in WAL mode, one writer thread with grouped durable commits, a read pool.
//!
//! A reply leaves only after the commit of its group, and `synchronous = FULL` means that the commit is
//! on the disk. Nothing is cached across transactions: the command line writes the same database while
//! a server runs on it.

mod codec;
mod open;
mod rows;
mod unit;
mod worker;

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use chaveiro_core::ports::{BoxFuture, ReadJob, Store, StoreError, WriteJob};

pub use open::OpenError;
use worker::Queue;

/// The file name of the database in its directory.
pub const FILE_NAME: &str = "chaveiro.db";

/// What may be tuned.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many jobs may wait before callers are told that the store is busy.
    pub queue: usize,
    /// How many units of work one commit holds at the most.
    pub group: usize,
    /// How many connections read.
    pub readers: usize,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// How many steps of SQLite's virtual machine a filtered or ordered list may take before it is refused: a reader that is busy with it
    /// reads for nobody else. A `contains` takes about nine for each device, and a million devices about a second.
    pub list_steps: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue: 4096, group: 256, readers: 2, busy_timeout: Duration::from_secs(10), list_steps: 10_000_000 }
    }
}

/// The store.
pub struct SqliteStore {
    // `None` only while it is dropped: closing the queues is what ends the threads.
    queues: Option<(Queue<WriteJob>, Queue<ReadJob>)>,
    threads: Vec<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens or creates `chaveiro.db` in that directory, brings its schema up to date and starts the threads.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, Options::default())
    }

    /// The same, tuned.
    pub fn open_with(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let file = directory.join(FILE_NAME);
        let writer = open::writer(directory, &file, &options)?;
        let readers = (0..options.readers.max(1)).map(|_| open::reader(&file, &options));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        let (reads, reader_threads) = worker::start_readers(readers, &options).map_err(OpenError::Thread)?;
        let (writes, writer_thread) = worker::start_writer(writer, &options).map_err(OpenError::Thread)?;
        // Readers end first, so that the writer's last checkpoint finds no snapshot in its way.
        let mut threads = reader_threads;
        threads.push(writer_thread);
        Ok(Self { queues: Some((writes, reads)), threads })
    }
}

impl Store for SqliteStore {
    fn submit(&self, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
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
                Some((_, reads)) => reads.run(job).await,
                None => Err(StoreError::Unavailable("the store has stopped".to_owned())),
            }
        })
    }
}

impl Drop for SqliteStore {
    /// Finishes what was handed in, then ends the threads.
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
