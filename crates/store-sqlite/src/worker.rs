//! The threads behind the store: one that writes, a few that read.
//!
//! The writer takes whatever waits, up to [`Options::group`] units of work, runs each inside its own
//! savepoint, commits them together and answers them only then. One `fsync` serves the whole group, so
//! that durability costs the less the more callers there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use chaveiro_core::ports::{ReadJob, StoreError, Verdict, WriteJob};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::Options;
use crate::codec::fault;
use crate::unit::Transaction;

type Answer = oneshot::Sender<Result<(), StoreError>>;

/// A job and who waits for it.
pub(crate) struct Waiting<J> {
    job: J,
    answer: Answer,
}

/// Where jobs of one kind are handed in.
pub(crate) struct Queue<J>(SyncSender<Waiting<J>>);

impl<J> Queue<J> {
    fn new(length: usize) -> (Self, Receiver<Waiting<J>>) {
        let (sender, receiver) = sync_channel(length);
        (Self(sender), receiver)
    }

    /// Hands in a job; [`StoreError::Busy`] when too many wait already.
    pub(crate) async fn run(&self, job: J) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Waiting { job, answer }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".to_owned())
}

fn panicked() -> StoreError {
    StoreError::Inconsistent("a unit of work panicked".to_owned())
}

/// Starts the thread that writes.
pub(crate) fn start_writer(
    connection: Connection,
    options: &Options,
) -> std::io::Result<(Queue<WriteJob>, JoinHandle<()>)> {
    let (queue, waiting) = Queue::new(options.queue);
    let (group, list_steps) = (options.group.max(1), options.list_steps);
    let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
        while let Ok(first) = waiting.recv() {
            let mut jobs = vec![first];
            jobs.extend(waiting.try_iter().take(group - 1));
            run_group(&connection, list_steps, jobs);
        }
        // What the log still holds belongs into the database when nobody is left to read around it.
        if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the last checkpoint of the database failed");
        }
    })?;
    Ok((queue, thread))
}

/// Runs a group in one transaction and answers everybody after the commit.
fn run_group(connection: &Connection, list_steps: u64, jobs: Vec<Waiting<WriteJob>>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return answer_all(jobs.into_iter().map(|waiting| waiting.answer), &fault(error));
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for waiting in jobs {
        let outcome = run_one(connection, list_steps, waiting.job);
        answers.push((waiting.answer, outcome));
    }
    match connection.execute_batch("COMMIT") {
        Ok(()) => {
            for (answer, outcome) in answers {
                // A caller that went away does not undo what it asked for.
                let _ = answer.send(outcome);
            }
        }
        Err(error) => {
            let _ = connection.execute_batch("ROLLBACK");
            answer_all(answers.into_iter().map(|(answer, _)| answer), &fault(error));
        }
    }
}

/// Runs a unit of work inside a savepoint, so that its neighbours in the group do not suffer from it.
fn run_one(connection: &Connection, list_steps: u64, job: WriteJob) -> Result<(), StoreError> {
    connection.execute_batch("SAVEPOINT unit").map_err(fault)?;
    let verdict = catch_unwind(AssertUnwindSafe(|| job(&mut Transaction { connection, list_steps })));
    let finish = match verdict {
        Ok(Verdict::Keep) => "RELEASE unit",
        Ok(Verdict::Undo) | Err(_) => "ROLLBACK TO unit; RELEASE unit",
    };
    connection.execute_batch(finish).map_err(fault)?;
    verdict.map(drop).map_err(|_| panicked())
}

fn answer_all(answers: impl Iterator<Item = Answer>, error: &StoreError) {
    for answer in answers {
        let _ = answer.send(Err(StoreError::Unavailable(error.to_string())));
    }
}

/// Starts the threads that read, one for each connection.
pub(crate) fn start_readers(
    connections: Vec<Connection>,
    options: &Options,
) -> std::io::Result<(Queue<ReadJob>, Vec<JoinHandle<()>>)> {
    let (queue, waiting) = Queue::new(options.queue);
    let waiting = Arc::new(Mutex::new(waiting));
    let list_steps = options.list_steps;
    let mut threads = Vec::with_capacity(connections.len());
    for connection in connections {
        let waiting = Arc::clone(&waiting);
        let read = move || {
            loop {
                // The lock is held while waiting only: another reader takes the next job meanwhile.
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Waiting { job, answer }) = next else { return };
                let _ = answer.send(run_reading(&connection, list_steps, job));
            }
        };
        threads.push(std::thread::Builder::new().name("store-reader".to_owned()).spawn(read)?);
    }
    Ok((queue, threads))
}

/// One reading sees one snapshot.
fn run_reading(connection: &Connection, list_steps: u64, job: ReadJob) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN DEFERRED").map_err(fault)?;
    let finished = catch_unwind(AssertUnwindSafe(|| job(&Transaction { connection, list_steps })));
    connection.execute_batch("COMMIT").map_err(fault)?;
    finished.map_err(|_| panicked())
}
