//! The threads of the store: one that writes, a few that read.
//!
//! The writer takes the waiting units of work, up to [`Options::group`], and runs each inside its own savepoint. It
//! commits them together and answers them only then. One `fsync` serves the whole group, so that durability costs less
//! with more callers. After the commit, and before the answers, the mark is written ([`crate::mark`]).

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chaveiro_core::ports::{Clock, DryRun, ReadJob, StoreError, Verdict, WriteJob};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use crate::codec::fault;
use crate::mark::{MarkFile, Promise};
use crate::open::Database;
use crate::remembered::Remembered;
use crate::rows::authenticated;
use crate::unit::Transaction;
use crate::{Options, disk, state, wal};

type Answer = oneshot::Sender<Result<(), StoreError>>;

/// A job and the caller that waits for it.
pub(crate) struct Waiting<J> {
    job: J,
    answer: Answer,
}

/// The queue of jobs of one kind.
pub(crate) struct Queue<J>(Sender<Waiting<J>>);

impl<J> Queue<J> {
    fn new(length: usize) -> (Self, Receiver<Waiting<J>>) {
        let (sender, receiver) = bounded(length);
        (Self(sender), receiver)
    }

    /// Hands in a job; [`StoreError::Busy`] if too many wait already.
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

/// The length to which the log grows before it is copied into the database file.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// The further growth after readers blocked a copy.
const LOG_STEP_BYTES: u64 = 1024 * 1024;

/// The state of the disk, shared with the store.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    full: AtomicBool,
}

impl Condition {
    /// Returns true if the last commit found no space.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}

/// The thread that writes, with its connection and files.
pub(crate) struct Writer {
    connection: Connection,
    remembered: Remembered,
    mark: MarkFile,
    schema: u32,
    /// The number that the next commit must exceed.
    floor: u64,
    /// True if the next commit accepts a doubtful database as the current state.
    pub(crate) accepting: bool,
    file: PathBuf,
    condition: Arc<Condition>,
    list_steps: u64,
    clock: Option<Arc<dyn Clock>>,
    twice: bool,
    busy_timeout: Duration,
    /// The newest promise of this process.
    promised: Option<Promise>,
    /// The log, for its salt.
    log: Option<File>,
    /// The length of the log at which it is copied.
    due: u64,
    /// The number of the schema that was last checked.
    seen_schema: Option<i64>,
}

/// The reason why a group was not committed.
enum Failure {
    Full,
    Busy,
    Unavailable(String),
}

impl Failure {
    fn error(&self) -> StoreError {
        match self {
            Self::Full => StoreError::Full,
            Self::Busy => StoreError::Busy,
            Self::Unavailable(text) => StoreError::Unavailable(text.clone()),
        }
    }
}

/// Starts the thread that writes.
pub(crate) fn start_writer(
    mut writer: Writer,
    options: &Options,
) -> std::io::Result<(Queue<WriteJob>, JoinHandle<()>)> {
    let (queue, waiting) = Queue::new(options.queue);
    let group = options.group.max(1);
    let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
        while let Ok(first) = waiting.recv() {
            let mut jobs = vec![first];
            jobs.extend(waiting.try_iter().take(group - 1));
            writer.run_group(jobs);
        }
        // The rest of the log is copied into the database when no reader is left.
        if !writer.accepting {
            writer.checkpoint();
        }
    })?;
    Ok((queue, thread))
}

impl Writer {
    pub(crate) fn new(database: Database, file: &Path, condition: Arc<Condition>, options: &Options) -> Self {
        let Database { connection, mark, schema, floor } = database;
        Self {
            connection,
            remembered: Remembered::default(),
            mark,
            schema,
            floor,
            accepting: false,
            file: file.to_owned(),
            condition,
            list_steps: options.list_steps,
            clock: options.clock.clone(),
            twice: options.twice,
            busy_timeout: options.busy_timeout,
            promised: None,
            log: None,
            due: 0,
            seen_schema: None,
        }
    }

    /// Runs a group in one transaction. Answers the callers after the commit is durable and recorded in the mark.
    fn run_group(&mut self, jobs: Vec<Waiting<WriteJob>>) {
        let mut jobs = jobs.into_iter();
        let mut answers = Vec::with_capacity(jobs.len());
        let done = self.commit_group(&mut jobs, &mut answers);
        match done {
            Ok(()) => {
                for (answer, outcome) in answers {
                    // A caller that went away does not undo its request.
                    let _ = answer.send(outcome);
                }
                self.checkpoint_if_due();
            }
            Err(failure) => {
                self.condition.set_full(matches!(failure, Failure::Full));
                let answers = answers.into_iter().map(|(answer, _)| answer);
                for answer in answers.chain(jobs.map(|waiting| waiting.answer)) {
                    let _ = answer.send(Err(failure.error()));
                }
            }
        }
    }

    fn commit_group(
        &mut self,
        jobs: &mut impl Iterator<Item = Waiting<WriteJob>>,
        answers: &mut Vec<(Answer, Result<(), StoreError>)>,
    ) -> Result<(), Failure> {
        let connection = &self.connection;
        control(connection, "BEGIN IMMEDIATE").map_err(|error| self.failure(error))?;
        if let Err(error) = trust(connection, &mut self.seen_schema).and_then(|()| self.remembered.begin(connection)) {
            let _ = control(connection, "ROLLBACK");
            return Err(Failure::Unavailable(error.to_string()));
        }
        let before = connection.total_changes();
        for waiting in jobs {
            let outcome = self.run_one(&waiting.job);
            answers.push((waiting.answer, outcome));
            if connection.is_autocommit() {
                // SQLite undid the whole transaction, as it does when there is no space: nothing of the group is kept.
                return Err(self.undone());
            }
        }
        if connection.total_changes() == before {
            return control(connection, "COMMIT").map_err(|error| self.failure(error));
        }
        let sealed = state::count(connection, self.floor, self.accepting)
            .and_then(|state| state::promise(connection, &state, self.schema))
            .and_then(|promise| control(connection, "COMMIT").map(|()| promise));
        let promise = sealed.map_err(|error| {
            let failure = self.failure(error);
            let _ = control(connection, "ROLLBACK");
            failure
        })?;
        self.keep(promise)?;
        self.condition.set_full(false);
        Ok(())
    }

    /// Runs a unit of work inside a savepoint, so that its fault does not affect the others of the group.
    fn run_one(&self, job: &WriteJob) -> Result<(), StoreError> {
        let connection = &self.connection;
        let run =
            || job(&mut Transaction::new(connection, &self.remembered, self.list_steps).by(self.clock.as_deref()));
        control(connection, "SAVEPOINT unit").map_err(fault)?;
        if self.twice {
            rehearse(connection, run)?;
        }
        let verdict = catch_unwind(AssertUnwindSafe(run));
        if !matches!(verdict, Ok(Verdict::Keep)) {
            control(connection, "ROLLBACK TO unit").map_err(fault)?;
        }
        control(connection, "RELEASE unit").map_err(fault)?;
        verdict.map(drop).map_err(|_| panicked())
    }

    /// Writes the promise of a commit into the mark.
    fn keep(&mut self, promise: Promise) -> Result<(), Failure> {
        if self.log.is_none() {
            self.log = File::open(wal::path_of(&self.file)).ok();
        }
        let salt = self.log.as_ref().and_then(|log| wal::salt(log).ok()).unwrap_or_default();
        let promise = Promise { salt, ..promise };
        match self.accepting {
            true => {
                self.flushed(self.mark.replace(&promise))?;
                let closing = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                self.connection.set_db_config(closing, false).map_err(|error| self.failure(error))?;
            }
            false => self.flushed(self.mark.promise(&promise))?,
        }
        self.promised = Some(promise);
        (self.floor, self.accepting) = (0, false);
        Ok(())
    }

    fn failure(&self, error: rusqlite::Error) -> Failure {
        if disk::may_be_full(&error) && (is_full(&error) || !disk::has_room(self.directory())) {
            return Failure::Full;
        }
        match fault(error) {
            StoreError::Busy => Failure::Busy,
            other => Failure::Unavailable(other.to_string()),
        }
    }

    fn undone(&self) -> Failure {
        match disk::has_room(self.directory()) {
            true => Failure::Unavailable("SQLite undid the transaction".to_owned()),
            false => Failure::Full,
        }
    }

    /// Ends the process if a mark could not be written or flushed: a commit cannot be undone, and must not be promised.
    fn flushed(&self, flushed: std::io::Result<()>) -> Result<(), Failure> {
        match flushed {
            Err(error) if disk::is_full(&error) => Err(Failure::Full),
            Err(error) => disk::end_process(&error),
            Ok(()) => Ok(()),
        }
    }

    fn directory(&self) -> &Path {
        chaveiro_keyfile::directory_of(&self.file)
    }

    fn checkpoint_if_due(&mut self) {
        let length = self.log.as_ref().and_then(|log| log.metadata().ok()).map_or(0, |metadata| metadata.len());
        if length >= self.due {
            let emptied = self.checkpoint();
            self.due = if emptied { LOG_BYTES } else { length + LOG_STEP_BYTES };
        }
    }

    /// Copies the log into the database file, empties it, and flushes the mark. Does not wait for readers; returns true
    /// if none was in the way.
    fn checkpoint(&mut self) -> bool {
        let connection = &self.connection;
        let emptied = connection.busy_timeout(Duration::ZERO).and_then(|()| {
            let blocked = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
            connection.busy_timeout(self.busy_timeout)?;
            Ok(!blocked?)
        });
        let emptied = emptied.unwrap_or_else(|error| {
            if disk::is_sync_failure(&error) {
                disk::end_process(&error);
            }
            tracing::warn!(%error, "a checkpoint of the database failed; it will be tried again");
            false
        });
        if let Some(promise) = self.promised.filter(|_| emptied) {
            let promise = Promise { checkpointed: promise.commits, ..promise };
            let kept = self.mark.promise(&promise).and_then(|()| self.mark.sync());
            if let Err(Failure::Unavailable(error)) = self.flushed(kept) {
                tracing::warn!(error, "the mark was not flushed; it will be tried again");
            }
        }
        emptied
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Runs a statement that begins or ends a transaction or a savepoint. It is prepared once for each connection.
fn control(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Runs a unit of work for its undone effects, as [`Options::twice`] asks.
fn rehearse(connection: &Connection, run: impl Fn() -> Verdict) -> Result<(), StoreError> {
    #[cfg(feature = "statements")]
    let _uncounted = crate::counted::Pause::begin();
    let _ = catch_unwind(AssertUnwindSafe(run));
    // SQLite may have undone everything, as it does when there is no space.
    if connection.is_autocommit() { Err(panicked()) } else { control(connection, "ROLLBACK TO unit").map_err(fault) }
}

/// Checks the schema if it has changed since the last group.
fn trust(connection: &Connection, seen: &mut Option<i64>) -> Result<(), StoreError> {
    let now = authenticated::schema_number(connection)?;
    if *seen != Some(now) {
        authenticated::check_schema(connection)?;
        *seen = Some(now);
    }
    Ok(())
}

/// A job for a thread that reads.
pub(crate) enum Reading {
    /// A look at the snapshot.
    Query(ReadJob),
    /// A unit of work on a connection that writes nothing.
    DryRun(DryRun),
}

/// Starts the threads that read, one for each connection.
pub(crate) fn start_readers(
    connections: Vec<Connection>,
    options: &Options,
) -> std::io::Result<(Queue<Reading>, Vec<JoinHandle<()>>)> {
    let (queue, waiting) = Queue::new(options.queue);
    let (list_steps, clock) = (options.list_steps, options.clock.clone());
    let mut threads = Vec::with_capacity(connections.len());
    for connection in connections {
        let (waiting, clock) = (waiting.clone(), clock.clone());
        let read = move || {
            let remembered = Remembered::default();
            for Waiting { job, answer } in waiting {
                let _ = answer.send(run_reading(&connection, &remembered, list_steps, clock.as_deref(), job));
            }
        };
        threads.push(std::thread::Builder::new().name("store-reader".to_owned()).spawn(read)?);
    }
    Ok((queue, threads))
}

/// Runs a read on one snapshot.
fn run_reading(
    connection: &Connection,
    remembered: &Remembered,
    list_steps: u64,
    clock: Option<&dyn Clock>,
    job: Reading,
) -> Result<(), StoreError> {
    control(connection, "BEGIN DEFERRED").map_err(fault)?;
    if let Err(error) = remembered.begin(connection) {
        let _ = control(connection, "ROLLBACK");
        return Err(error);
    }
    let mut transaction = Transaction::new(connection, remembered, list_steps).by(clock);
    let finished = catch_unwind(AssertUnwindSafe(|| match job {
        Reading::Query(job) => job(&transaction),
        Reading::DryRun(job) => job(&mut transaction),
    }));
    control(connection, "COMMIT").map_err(fault)?;
    finished.map_err(|_| panicked())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;
    use std::sync::{Condvar, Mutex, PoisonError};

    use chaveiro_core::Timestamp;
    use chaveiro_core::id::TenantId;
    use chaveiro_core::ports::{Store, UnitOfWork, View};
    use chaveiro_core::tenant::Tenant;
    use uuid::Uuid;

    use super::*;
    use crate::open::{Trust, writer};
    use crate::statements::{planned, watch};
    use crate::{FILE_NAME, SqliteStore};

    fn insert(number: u128) -> (Waiting<WriteJob>, oneshot::Receiver<Result<(), StoreError>>) {
        let (answer, answered) = oneshot::channel();
        let job = move |unit: &mut dyn UnitOfWork| {
            let tenant = Tenant::new(TenantId(Uuid::from_u128(number)), "t", Timestamp::UNIX_EPOCH);
            match unit.insert_tenant(&tenant) {
                Ok(()) => Verdict::Keep,
                Err(_) => Verdict::Undo,
            }
        };
        (Waiting { job: Box::new(job), answer }, answered)
    }

    #[test]
    fn a_group_plans_no_statement_that_an_earlier_group_has_planned() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, options) = (directory.path().join(FILE_NAME), Options::default());
        let opened = writer(directory.path(), &file, &options, Trust::Verified).expect("a database");
        let mut writer = Writer::new(opened.database, &file, Arc::default(), &options);
        watch(&writer.connection);
        // The second unit of work of each is undone.
        for (numbers, plans) in [([1, 1, 2], true), ([3, 1, 4], false)] {
            let (jobs, answers): (Vec<_>, Vec<_>) = numbers.map(insert).into_iter().unzip();
            writer.run_group(jobs);
            assert!(answers.into_iter().all(|mut answered| answered.try_recv().is_ok_and(|answer| answer.is_ok())));
            assert_eq!(!planned().is_empty(), plans);
        }
    }

    /// A clock that ticks whenever it is read.
    #[derive(Default)]
    struct Ticking(AtomicI64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.fetch_add(1, Ordering::SeqCst)).expect("a time")
        }
    }

    #[tokio::test]
    async fn a_unit_of_work_that_is_run_again_starts_anew_and_is_told_a_later_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let clock: Arc<dyn Clock> = Arc::new(Ticking::default());
        let options = Options { clock: Some(clock), twice: true, ..Options::default() };
        let store = SqliteStore::open_with(directory.path(), options).expect("a store");
        let runs = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&runs);
        let insert = (&store as &dyn Store).write(move |unit| {
            counted.fetch_add(1, Ordering::SeqCst);
            let tenant = Tenant::new(TenantId(Uuid::from_u128(1)), "t", unit.now()?);
            unit.insert_tenant(&tenant)?;
            Ok(tenant.created)
        });
        let created = insert.await.expect("one insert is kept, not two");
        assert_eq!((created.as_second(), runs.load(Ordering::SeqCst)), (1, 2));
        let kept = (&store as &dyn Store).read(|view| Ok(view.tenants()?)).await.expect("read");
        assert_eq!(kept.into_iter().map(|tenant| tenant.created).collect::<Vec<_>>(), [created]);
    }

    #[tokio::test]
    async fn as_many_readings_run_at_the_same_time_as_there_are_readers() {
        const READERS: usize = 5;
        let directory = tempfile::tempdir().expect("a directory");
        let options = Options { readers: READERS, ..Options::default() };
        let store = SqliteStore::open_with(directory.path(), options).expect("a store");
        let running = Arc::new((Mutex::new(0), Condvar::new()));
        let readings = (0..READERS).map(|_| {
            let running = Arc::clone(&running);
            let meet = move |_: &dyn View| {
                let (count, changed) = &*running;
                let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                *count += 1;
                changed.notify_all();
                let patience = Duration::from_secs(60);
                Ok(changed
                    .wait_timeout_while(count, patience, |count| *count < READERS)
                    .is_ok_and(|met| !met.1.timed_out()))
            };
            (&store as &dyn Store).read(meet)
        });
        for met in futures_util::future::join_all(readings.collect::<Vec<_>>()).await {
            assert!(met.expect("read"));
        }
    }
}
