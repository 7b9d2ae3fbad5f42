//! The watcher of the disk and the database while the server runs.

use std::sync::Arc;
use std::time::Duration;

use chaveiro_store_sqlite::{OpenError, SqliteStore};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::health::{Complaint, Health, Subject, Weight};

/// The interval at which the disk is checked.
const INTERVAL: Duration = Duration::from_secs(5);

/// The free room below which a notice appears, before it becomes a fault: a day of a large fleet.
const LITTLE_BYTES: u64 = 256 * 1024 * 1024;

/// The pause between two readings of the whole database.
const CHECK_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause before a failed reading is repeated.
const CHECK_RETRY: Duration = Duration::from_secs(60);

/// The longest time that a start waits for the first reading of the whole database.
const CHECK_PATIENCE: Duration = Duration::from_secs(1);

/// Watches the disk and the database until the token is canceled. Returns after the first reading of the whole
/// database, or after a second. So damage in a small database is reported before the first answer, and a large one does
/// not delay the start.
pub(crate) async fn start(
    store: &Arc<SqliteStore>,
    health: &Arc<Health>,
    free_bytes: Gauge,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    health.set(Subject::Database, of_database(None, store.damaged_from()));
    tasks.spawn(watch_disk(Arc::clone(store), Arc::clone(health), free_bytes, stop.clone()));
    let checked = Arc::new(Notify::new());
    let checking = watch_database(Arc::clone(store), Arc::clone(health), Arc::clone(&checked));
    let stop = stop.clone();
    tasks.spawn(async move {
        stop.run_until_cancelled(checking).await;
    });
    let _ = tokio::time::timeout(CHECK_PATIENCE, checked.notified()).await;
}

async fn watch_disk(store: Arc<SqliteStore>, health: Arc<Health>, free_bytes: Gauge, stop: CancellationToken) {
    loop {
        let (store, health, gauge) = (Arc::clone(&store), Arc::clone(&health), free_bytes.clone());
        let _ = tokio::task::spawn_blocking(move || {
            let free = store.free_bytes();
            if let Some(free) = free {
                gauge.set(i64::try_from(free).unwrap_or(i64::MAX));
            }
            health.set(Subject::Disk, complaint(store.is_full(), free));
        })
        .await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Reads the whole database now and once a day, and signals the end of the first reading.
async fn watch_database(store: Arc<SqliteStore>, health: Arc<Health>, checked: Arc<Notify>) {
    loop {
        let (answer, found) = tokio::sync::oneshot::channel();
        let check = store.checker();
        // The check has its own thread, for which the end of the server does not wait: it only reads, and a large
        // database takes long.
        let thread = std::thread::Builder::new().name("database-check".to_owned());
        let begun = thread.spawn(move || answer.send(check()).is_ok());
        let found = match (begun, found.await) {
            (Ok(_), Ok(Ok(problems))) => problems.into_iter().next().map(Trouble::Damaged),
            (Ok(_), Ok(Err(error @ OpenError::Damaged { .. }))) => Some(Trouble::Damaged(error.to_string())),
            (Ok(_), Ok(Err(error))) => Some(Trouble::Unread(error.to_string())),
            (Ok(_), Err(_)) => Some(Trouble::Unread("the reading ended early".to_owned())),
            (Err(error), _) => Some(Trouble::Unread(error.to_string())),
        };
        let pause = if matches!(found, Some(Trouble::Unread(_))) { CHECK_RETRY } else { CHECK_INTERVAL };
        health.set(Subject::Database, of_database(found, store.damaged_from()));
        checked.notify_one();
        tokio::time::sleep(pause).await;
    }
}

/// A reason why the database may be damaged.
enum Trouble {
    /// SQLite found that its pages contradict one another.
    Damaged(String),
    /// The database could not be read to its end.
    Unread(String),
}

/// The complaint about the database. Damage is a fault and a failed reading is a notice; otherwise the notice of the
/// start about the log stays.
fn of_database(trouble: Option<Trouble>, damaged_from: Option<u64>) -> Option<Complaint> {
    let (weight, text) = match (trouble, damaged_from) {
        (Some(Trouble::Damaged(problem)), _) => {
            (Weight::Fault, format!("the database is damaged ({problem}); stop the server and restore a backup"))
        }
        (Some(Trouble::Unread(error)), _) => {
            (Weight::Notice, format!("the database could not be read to its end ({error}); look after the disk"))
        }
        (None, Some(frame)) => {
            let behind = "behind everything that was promised; look after the disk";
            (Weight::Notice, format!("the log of the database was damaged from its frame {frame} on, {behind}"))
        }
        (None, None) => return None,
    };
    Some(Complaint { weight, text })
}

fn complaint(is_full: bool, free: Option<u64>) -> Option<Complaint> {
    if is_full {
        let text = "the disk is full and nothing can be stored; make room".to_owned();
        return Some(Complaint { weight: Weight::Fault, text });
    }
    let little = free.filter(|free| *free < LITTLE_BYTES)?;
    // In whole units, so that a complaint does not change with every byte.
    let text = format!("less than {} MiB of the disk are free; make room", (little >> 20).next_power_of_two().max(1));
    Some(Complaint { weight: Weight::Notice, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_database_is_a_fault_and_one_that_could_not_be_read_is_told() {
        let damaged = || Some(Trouble::Damaged("row 3 missing from index".to_owned()));
        let unread = || Some(Trouble::Unread("disk I/O error".to_owned()));
        for (trouble, damaged_from, expected) in [
            (damaged(), None, Some((Weight::Fault, "row 3 missing from index"))),
            (damaged(), Some(7), Some((Weight::Fault, "restore a backup"))),
            (unread(), None, Some((Weight::Notice, "disk I/O error"))),
            (None, Some(7), Some((Weight::Notice, "frame 7"))),
            (None, None, None),
        ] {
            let found = of_database(trouble, damaged_from);
            assert_eq!(found.as_ref().map(|found| found.weight), expected.map(|(weight, _)| weight), "{expected:?}");
            assert!(found.is_none_or(|found| expected.is_some_and(|(_, part)| found.text.contains(part))));
        }
    }

    #[test]
    fn a_full_disk_is_a_fault_and_a_nearly_full_one_is_told() {
        for (is_full, free, expected) in [
            (true, Some(0), Some((Weight::Fault, "full"))),
            (true, Some(u64::MAX), Some((Weight::Fault, "full"))),
            (false, Some(100 << 20), Some((Weight::Notice, "128 MiB"))),
            (false, Some(LITTLE_BYTES), None),
            (false, None, None),
        ] {
            let found = complaint(is_full, free);
            assert_eq!(found.as_ref().map(|found| found.weight), expected.map(|(weight, _)| weight), "{free:?}");
            let (found, part) =
                (found.map(|found| found.text).unwrap_or_default(), expected.map_or("", |(_, part)| part));
            assert!(found.contains(part), "{found}");
        }
    }
}
