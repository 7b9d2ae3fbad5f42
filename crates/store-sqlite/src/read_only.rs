//! A database that is opened for reading beside the process that uses it, and left as it is.

use std::path::Path;
use std::thread::JoinHandle;

use chaveiro_core::ports::{BoxFuture, ReadJob, Scope, Store, StoreError, WriteJob};

use crate::open::{self, OpenError};
use crate::worker::{self, Queue, Reading};
use crate::{FILE_NAME, Options};

/// The database of a directory, for reading alone. It is neither compared with its mark nor migrated, and its log stays, so
/// nothing may depend on the values.
pub struct ReadOnly {
    // `None` only during the drop: closing the queue ends the thread.
    reads: Option<Queue<Reading>>,
    threads: Vec<JoinHandle<()>>,
}

impl ReadOnly {
    /// Opens `chaveiro.db` in that directory. Refuses a schema that this program does not know.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let options = Options::default();
        let connection = open::beside(&directory.join(FILE_NAME), &options)?;
        let (reads, threads) = worker::start_readers(vec![connection], &options).map_err(OpenError::Thread)?;
        Ok(Self { reads: Some(reads), threads })
    }
}

impl Store for ReadOnly {
    fn submit(&self, _: Scope, _: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::Unavailable("the database is open for reading alone".to_owned())) })
    }

    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match &self.reads {
                Some(reads) => reads.run(Reading::Query(job)).await,
                None => Err(StoreError::Unavailable("the store has stopped".to_owned())),
            }
        })
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        drop(self.reads.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
