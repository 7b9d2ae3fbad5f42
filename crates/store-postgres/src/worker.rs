//! The threads of the store, one for each connection of the pool.
//!
//! A unit of work is SERIALIZABLE. One about any rows first takes its turn by locking the table `turn`. That happens
//! before its snapshot is taken, so such units wait for each other instead of failing each other. What fails to serialise
//! is undone and run again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chaveiro_core::ports::{DryRun, ReadJob, Scope, StoreError, Verdict, WriteJob};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::Shared;
use crate::connect::ConnectError;
use crate::session::Session;
use crate::unit::{Failed, Unit};

/// The number of times that a unit of work is run before its caller is told that the store is busy.
const ATTEMPTS: u32 = 12;

/// A job for a connection.
pub(crate) enum Job {
    /// A unit of work.
    Write(Scope, WriteJob),
    /// A look at a snapshot.
    Read(ReadJob),
    /// A unit of work on a snapshot that cannot be written.
    DryRun(DryRun),
}

/// A job and the caller that waits for it.
struct Waiting {
    job: Job,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The queue of jobs.
pub(crate) struct Queue(Sender<Waiting>);

impl Queue {
    /// Hands in a job; [`StoreError::Busy`] if too many wait already.
    pub(crate) async fn run(&self, job: Job) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Waiting { job, answer }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

pub(crate) fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".to_owned())
}

fn panicked() -> StoreError {
    StoreError::Inconsistent("a unit of work panicked".to_owned())
}

/// Starts a thread for each of these connections.
pub(crate) fn start(shared: &Arc<Shared>, sessions: Vec<Session>) -> std::io::Result<(Queue, Vec<JoinHandle<()>>)> {
    let (sender, waiting) = bounded(shared.options.queue);
    let start = |session| {
        let (shared, waiting) = (Arc::clone(shared), waiting.clone());
        let thread = std::thread::Builder::new().name("store-postgres".to_owned());
        thread.spawn(move || Worker { session, shared }.serve(&waiting))
    };
    let threads = sessions.into_iter().map(start).collect::<Result<_, _>>()?;
    Ok((Queue(sender), threads))
}

/// A thread with its connection.
struct Worker {
    session: Session,
    shared: Arc<Shared>,
}

/// The end of one run of a unit of work.
enum Run {
    Done(Result<(), StoreError>),
    /// It was undone, and is to be run again.
    Again,
}

impl Worker {
    fn serve(mut self, waiting: &Receiver<Waiting>) {
        while let Ok(Waiting { job, answer }) = waiting.recv() {
            let outcome = self.reconnect().and_then(|()| match job {
                Job::Write(scope, job) => self.write(scope, &job),
                Job::Read(job) => self.read(|unit| job(unit)),
                Job::DryRun(job) => self.read(|unit| job(unit)),
            });
            // A caller that went away does not undo its request.
            let _ = answer.send(outcome);
        }
    }

    /// Makes another connection in place of one that is lost.
    fn reconnect(&mut self) -> Result<(), StoreError> {
        if self.session.is_closed() {
            let connected = Session::connect(&self.shared.options.target);
            self.session = connected.map_err(|error: ConnectError| StoreError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    fn write(&self, scope: Scope, job: &WriteJob) -> Result<(), StoreError> {
        for attempt in 0..ATTEMPTS {
            match self.attempt(scope, job)? {
                Run::Done(outcome) => return outcome,
                Run::Again => self.session.pause(Duration::from_millis(u64::from(attempt * attempt))),
            }
        }
        Err(StoreError::Busy)
    }

    fn attempt(&self, scope: Scope, job: &WriteJob) -> Result<Run, StoreError> {
        let begin = match scope {
            Scope::Whole => "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE turn IN EXCLUSIVE MODE",
            Scope::Device(..) | Scope::Enrollment(_) | Scope::Certificate(_) | Scope::SignIn(_) => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE"
            }
        };
        if self.shared.options.twice {
            self.run(begin, job)?;
            self.control("ROLLBACK")?;
        }
        let (verdict, failed) = self.run(begin, job)?;
        match (verdict, failed) {
            (_, Some(Failed::ToSerialise)) => {
                self.control("ROLLBACK")?;
                Ok(Run::Again)
            }
            (Some(Verdict::Keep), None) => match self.session.batch("COMMIT") {
                Ok(()) => Ok(Run::Done(Ok(()))),
                Err(error) => match Failed::of(&error) {
                    Failed::ToSerialise => Ok(Run::Again),
                    Failed::Otherwise => Err(crate::unit::fault(&error)),
                },
            },
            // The transaction is aborted: nothing of it can be kept.
            (Some(Verdict::Keep), Some(Failed::Otherwise)) => {
                self.control("ROLLBACK")?;
                let text = "a unit of work went on after a statement had failed".to_owned();
                Ok(Run::Done(Err(StoreError::Inconsistent(text))))
            }
            (Some(Verdict::Undo), _) => {
                self.control("ROLLBACK")?;
                Ok(Run::Done(Ok(())))
            }
            (None, _) => {
                self.control("ROLLBACK")?;
                Ok(Run::Done(Err(panicked())))
            }
        }
    }

    /// Runs a unit of work in a new transaction, and leaves that open. No verdict: it panicked.
    fn run(&self, begin: &str, job: &WriteJob) -> Result<(Option<Verdict>, Option<Failed>), StoreError> {
        self.control(begin)?;
        let mut unit = Unit::new(&self.session, &self.shared);
        let verdict = catch_unwind(AssertUnwindSafe(|| job(&mut unit)));
        Ok((verdict.ok(), unit.failed()))
    }

    /// Runs a job on one snapshot.
    fn read(&self, job: impl FnOnce(&mut Unit<'_>)) -> Result<(), StoreError> {
        let timeout = self.shared.options.read_timeout.as_millis();
        self.control(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {timeout}"
        ))?;
        let mut unit = Unit::new(&self.session, &self.shared);
        let finished = catch_unwind(AssertUnwindSafe(|| job(&mut unit)));
        self.control("ROLLBACK")?;
        finished.map_err(|_| panicked())
    }

    fn control(&self, sql: &str) -> Result<(), StoreError> {
        self.session.batch(sql).map_err(|error| crate::unit::fault(&error))
    }
}
