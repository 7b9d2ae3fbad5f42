//! Which state of a database is served: the newest that was promised, or none.

use std::path::{Path, PathBuf};

use chaveiro_core::Timestamp;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::restore::{Accepted, accept};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_sqlite::{Doubt, FILE_NAME, MARK_FILE_NAME, OpenError, ReadOnly, Snapshot, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn event(number: usize) -> AuditEvent {
    AuditEvent::new(TENANT, Timestamp::UNIX_EPOCH, Actor::system(), Activity::TenantChanged).with("number", number)
}

async fn write(store: &SqliteStore, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let written = (store as &dyn Store).write(move |unit| {
            if number == 0 {
                unit.insert_tenant(&Tenant::new(TENANT, "t", Timestamp::UNIX_EPOCH))?;
            }
            Ok(unit.append_audit(&event(number))?)
        });
        written.await.expect("written");
    }
}

/// The files of a database as a process leaves them that is killed: the log is not copied into the database file.
struct Left(Vec<(PathBuf, Vec<u8>)>);

impl Left {
    fn by(directory: &Path) -> Self {
        let names = [FILE_NAME, "chaveiro.db-wal", MARK_FILE_NAME].map(|name| directory.join(name));
        Self(names.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect())
    }

    fn file(&self, name: &str) -> &[u8] {
        let (_, bytes) = self.0.iter().find(|(path, _)| path.ends_with(name)).expect("a file");
        bytes
    }

    /// Puts them back, with changes. Files are written in place: the mark stays the file that it was.
    fn put_back(&self, changed: &[(&str, Option<&[u8]>)]) {
        for (path, bytes) in &self.0 {
            let change = changed.iter().find(|(name, _)| path.ends_with(name));
            match change.map_or(Some(bytes.as_slice()), |(_, bytes)| *bytes) {
                Some(bytes) => std::fs::write(path, bytes).expect("written"),
                None => drop(std::fs::remove_file(path)),
            }
            let _ = std::fs::remove_file(path.with_file_name("chaveiro.db-shm"));
        }
    }
}

fn doubt(directory: &Path) -> Option<Doubt> {
    match SqliteStore::open(directory) {
        Ok(_) => None,
        Err(OpenError::Doubtful { doubt, .. }) => Some(doubt),
        Err(other) => panic!("{other}"),
    }
}

/// A database after two processes: one that stopped, and one that was killed with some commits in its log.
async fn killed() -> (TempDir, Left) {
    let directory = tempfile::tempdir().expect("a directory");
    write(&SqliteStore::open(directory.path()).expect("a store"), 0..5).await;
    let store = SqliteStore::open(directory.path()).expect("a store");
    write(&store, 5..6).await;
    // The first commit of a process copies the log; what follows stays in it.
    write(&store, 6..40).await;
    let left = Left::by(directory.path());
    drop(store);
    (directory, left)
}

#[tokio::test]
async fn what_was_promised_is_there_after_a_kill() {
    let (directory, left) = killed().await;
    left.put_back(&[]);
    let store = SqliteStore::open(directory.path()).expect("a store");
    assert_eq!(store.damaged_from(), None);
    let events = (&store as &dyn Store).read(|view| Ok(view.unchained_events(100)?.len())).await;
    assert_eq!(events.expect("read"), 40);
}

#[tokio::test]
async fn a_process_that_only_reads_leaves_the_database_its_log_and_its_mark_as_they_are() {
    let (directory, left) = killed().await;
    left.put_back(&[]);
    let store = ReadOnly::open(directory.path()).expect("a reader");
    let events = (&store as &dyn Store).read(|view| Ok(view.unchained_events(100)?.len())).await;
    assert_eq!(events.expect("read"), 40);
    assert!((&store as &dyn Store).write(|unit| Ok(unit.append_audit(&event(40))?)).await.is_err());
    drop(store);
    assert!(Left::by(directory.path()).0 == left.0, "what the next process has to judge");
    assert_eq!(doubt(directory.path()), None);
    // An older schema is not brought up to date.
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    let last = "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)";
    assert_eq!(database.execute(last, []), Ok(1));
    assert!(matches!(ReadOnly::open(directory.path()), Err(OpenError::Migration(_))));
}

#[tokio::test]
async fn one_bit_that_is_flipped_in_the_log_is_noticed_each_time() {
    let (directory, left) = killed().await;
    let log = left.file("chaveiro.db-wal").to_vec();
    assert!(log.len() > 34 * 4120, "{} bytes", log.len());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..100 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bit = (random >> 20) as usize % (log.len() * 8);
        let mut flipped = log.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        left.put_back(&[("chaveiro.db-wal", Some(&flipped))]);
        let doubt = doubt(directory.path());
        assert!(matches!(&doubt, Some(Doubt::Damaged { .. })), "round {round}, bit {bit}: {doubt:?}");
        // The refusal left everything as it was: the operator may still have better tools.
        assert_eq!(std::fs::read(directory.path().join("chaveiro.db-wal")).expect("the log"), flipped);
    }
    left.put_back(&[]);
    assert_eq!(doubt(directory.path()), None);
}

#[tokio::test]
async fn a_missing_log_and_a_copy_of_yesterday_are_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join(FILE_NAME);
    let store = SqliteStore::open(directory.path()).expect("a store");
    write(&store, 0..5).await;
    drop(store);
    let yesterday = std::fs::read(&database).expect("the file");
    let (elsewhere, _left) = killed().await;
    let foreign = std::fs::read(elsewhere.path().join(FILE_NAME)).expect("the file");
    let store = SqliteStore::open(directory.path()).expect("a store");
    write(&store, 5..9).await;
    drop(store);
    let store = SqliteStore::open(directory.path()).expect("a store");
    write(&store, 9..20).await;
    let left = Left::by(directory.path());
    drop(store);
    let log = "chaveiro.db-wal";
    for (what, changed, expected) in [
        ("no log", vec![(log, None)], "Older"),
        ("yesterday, and no log", vec![(FILE_NAME, Some(yesterday.as_slice())), (log, None)], "Older"),
        ("yesterday, and the log of today", vec![(FILE_NAME, Some(yesterday.as_slice()))], "ForeignLog"),
        ("another database", vec![(FILE_NAME, Some(foreign.as_slice())), (log, None)], "OtherDatabase"),
        ("an empty mark", vec![(MARK_FILE_NAME, Some(&[][..]))], "DamagedMark"),
        ("no database", vec![(FILE_NAME, None), (log, None)], "OlderSchema"),
        // The last: a mark that was removed comes back as another file.
        ("no mark", vec![(MARK_FILE_NAME, None)], "NoMark"),
    ] {
        left.put_back(&changed);
        let found = format!("{:?}", doubt(directory.path()));
        assert!(found.contains(expected), "{what}: {found}");
    }
}

#[tokio::test]
async fn a_record_that_is_another_one_is_noticed_however_far_it_has_come() {
    let (directory, left) = killed().await;
    left.put_back(&[]);
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    let last = "UPDATE audit_event SET body = replace(body, '39', '40') WHERE seq = (SELECT max(seq) FROM audit_event)";
    assert_eq!(database.execute(last, []), Ok(1));
    database.execute("UPDATE mark SET commits = commits + 10", []).expect("written");
    drop(database);
    assert_eq!(doubt(directory.path()), Some(Doubt::OtherHistory(40)));
}

#[tokio::test]
async fn a_data_directory_that_is_a_copy_is_noticed_and_one_that_was_renamed_is_not() {
    let (directory, _left) = killed().await;
    let copy = tempfile::tempdir().expect("a directory");
    for name in [FILE_NAME, MARK_FILE_NAME] {
        std::fs::copy(directory.path().join(name), copy.path().join(name)).expect("copied");
    }
    assert_eq!(doubt(copy.path()), Some(Doubt::Moved));
    let renamed = copy.path().join("renamed");
    std::fs::rename(directory.path(), &renamed).expect("renamed");
    assert_eq!(doubt(&renamed), None);
    std::fs::rename(&renamed, directory.path()).expect("renamed");
}

#[tokio::test]
async fn a_backup_is_served_only_after_it_was_accepted_and_what_was_lost_is_then_older() {
    let (directory, _left) = killed().await;
    let backup = directory.path().join("backup.db");
    let store = SqliteStore::open(directory.path()).expect("a store");
    let copied = store.back_up(&backup).expect("copied");
    write(&store, 40..45).await;
    drop(store);
    let newest = std::fs::read(directory.path().join(FILE_NAME)).expect("the file");
    let snapshot = Snapshot::open(&backup).expect("a snapshot");
    assert_eq!(snapshot.problems().expect("checked"), Vec::<String>::new());
    assert_eq!(snapshot.promise().expect("read"), Some(copied));
    assert_eq!(snapshot.tenants().expect("read"), [TENANT]);

    std::fs::copy(&backup, directory.path().join(FILE_NAME)).expect("restored");
    assert_eq!(doubt(directory.path()), Some(Doubt::Copy));
    // A process that dies before it accepts changes nothing of that.
    let (store, found) = SqliteStore::open_to_accept(directory.path()).expect("opened");
    assert_eq!(found, Some(Doubt::Copy));
    drop(store);
    assert_eq!(doubt(directory.path()), Some(Doubt::Copy));

    let (store, _) = SqliteStore::open_to_accept(directory.path()).expect("opened");
    let accepted = Accepted { doubt: "a backup".to_owned(), kind: "copy", reason: "a test".to_owned(), moved: false };
    let now = Timestamp::UNIX_EPOCH;
    let done = (&store as &dyn Store)
        .write(move |unit| {
            Ok(accept(unit, &accepted, &Actor::operator(&HostUser::new("root", 0)), Uuid::from_u128(9), now)?)
        })
        .await
        .expect("accepted");
    assert_eq!(done.len(), 1);
    drop(store);
    assert_eq!(doubt(directory.path()), None);
    // What was lost had come less far than what was accepted since: it is not taken for newer.
    std::fs::write(directory.path().join(FILE_NAME), &newest).expect("put back");
    assert!(matches!(doubt(directory.path()), Some(Doubt::Older { .. })));
}

#[tokio::test]
async fn two_processes_that_write_in_turn_keep_one_mark() {
    let directory = tempfile::tempdir().expect("a directory");
    let [first, second] = [(); 2].map(|()| SqliteStore::open(directory.path()).expect("a store"));
    write(&first, 0..1).await;
    for number in 1..20 {
        write(if number % 3 == 0 { &first } else { &second }, number..number + 1).await;
    }
    let left = Left::by(directory.path());
    drop((first, second));
    left.put_back(&[]);
    assert_eq!(doubt(directory.path()), None);
    left.put_back(&[("chaveiro.db-wal", None)]);
    assert!(matches!(doubt(directory.path()), Some(Doubt::Older { .. })));
}

#[tokio::test]
async fn a_log_that_was_cut_within_a_commit_that_no_caller_was_promised_is_told_and_harmless() {
    let (directory, left) = killed().await;
    let mut log = left.file("chaveiro.db-wal").to_vec();
    // A frame of a commit that was never finished, then bytes that no process wrote.
    log.extend_from_slice(&log.clone()[32..32 + 2000]);
    left.put_back(&[("chaveiro.db-wal", Some(&log))]);
    assert_eq!(SqliteStore::open(directory.path()).expect("a store").damaged_from(), None);
    log.extend_from_slice(&[7; 5000]);
    left.put_back(&[("chaveiro.db-wal", Some(&log))]);
    let store = SqliteStore::open(directory.path()).expect("a store");
    assert!(store.damaged_from().is_some());
    let events = (&store as &dyn Store).read(|view| Ok(view.unchained_events(100)?.len())).await;
    assert_eq!(events.expect("read"), 40);
}
