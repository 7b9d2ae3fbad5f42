//! What the server notices of its disk and its database while it runs.

use std::sync::Arc;
use std::time::Duration;

use chaveiro_store_sqlite::SqliteStore;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::health::{Complaint, Health, Subject, Weight};

/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Less free room than this is told before it becomes a fault: a day of a large fleet.
const LITTLE_BYTES: u64 = 256 * 1024 * 1024;

/// Watches the disk until the token is canceled, and reads the whole database once.
pub(crate) fn start(
    store: &Arc<SqliteStore>,
    health: &Arc<Health>,
    free_bytes: Gauge,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    if let Some(notice) = store.notice() {
        health.set(Subject::Database, Some(Complaint { weight: Weight::Notice, text: notice.to_owned() }));
    }
    let (watched, told, stopped) = (Arc::clone(store), Arc::clone(health), stop.clone());
    tasks.spawn(async move {
        loop {
            let (store, health, gauge) = (Arc::clone(&watched), Arc::clone(&told), free_bytes.clone());
            let _ = tokio::task::spawn_blocking(move || {
                let free = store.free_bytes();
                if let Some(free) = free {
                    gauge.set(i64::try_from(free).unwrap_or(i64::MAX));
                }
                health.set(Subject::Disk, complaint(store.is_full(), free));
            })
            .await;
            tokio::select! {
                () = stopped.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    });
    let (check, health) = (store.checker(), Arc::clone(health));
    // A thread of its own, because nobody waits for it at the end: it only reads, and a large database takes long.
    let checking = std::thread::Builder::new().name("database-check".to_owned()).spawn(move || match check() {
        Ok(problems) => {
            if let Some(problem) = problems.into_iter().next() {
                let text = format!("the database is damaged ({problem}); stop the server and restore a backup");
                health.set(Subject::Database, Some(Complaint { weight: Weight::Fault, text }));
            }
        }
        Err(error) => tracing::error!(%error, "the database could not be checked"),
    });
    if let Err(error) = checking {
        tracing::error!(%error, "the database is not checked");
    }
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
