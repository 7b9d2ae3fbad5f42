//! Idle check-ins: sessions in which a device says nothing new and gets nothing to do. They cost no commit.
//!
//! | what such a session leaves | where it waits | when it is stored |
//! |---|---|---|
//! | its time, `lastSyncDateTime` | here | with those of other devices, at most [`LATEST`] later |
//! | its state, if a digest proved the device | here | with its time |
//! | its state, if a certificate did | here, to recognise a repeat | never |
//!
//! A kill loses what waits. No old message counts again afterwards: the nonces of one process prove nothing to the next
//! (`DeviceCredentials::period`).

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chaveiro_core::decisions::check_in::{Idle, store_idle};
use chaveiro_core::id::{DeviceId, EnrollmentId};
use chaveiro_core::ports::{LastSeen, Store};
use chaveiro_core::{Fault, Timestamp};
use tokio::sync::{Notify, OwnedMutexGuard};

/// The longest time for which a check-in waits, as long as the store takes it at once.
pub const LATEST: Duration = Duration::from_secs(60);

/// The age at which check-ins are stored.
const AGE: Duration = Duration::from_secs(30);

/// The pause between two looks for check-ins of that age.
const PAUSE: Duration = Duration::from_secs(5);

const _: () = assert!(AGE.as_secs() + 2 * PAUSE.as_secs() < LATEST.as_secs());

/// The check-ins that one unit of work stores, because other units wait meanwhile. As many do not wait for their age.
const BATCH: usize = 500;

/// The number of locks that devices take turns by. Two devices seldom share one.
const TURNS: usize = 1024;

/// The turn of a device: until it is dropped, no other message of that device is handled.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// The check-ins that wait to be stored, and the turns of devices.
pub struct CheckIns {
    waiting: Mutex<HashMap<EnrollmentId, Waiting>>,
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
    many: Notify,
}

impl Default for CheckIns {
    fn default() -> Self {
        let turns = std::iter::repeat_with(Arc::default).take(TURNS).collect();
        Self { waiting: Mutex::default(), turns, many: Notify::new() }
    }
}

impl LastSeen for CheckIns {
    fn last_sync(&self, device: DeviceId) -> Option<Timestamp> {
        let waiting = self.lock();
        waiting.values().filter(|waiting| waiting.idle.device == device).map(|waiting| waiting.idle.at).max()
    }
}

/// The place of the turns of a device of that name.
fn place(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % TURNS as u64) as usize
}

/// A check-in that waits. Its session is the newest of its enrolment.
struct Waiting {
    idle: Idle,
    /// True if the session is to be stored.
    keeps_session: bool,
    /// The name under which the device takes its turns.
    name: String,
    /// The running time since which it waits.
    since: Duration,
    /// The number of changes, by which a batch recognises what it has stored.
    changes: u64,
}

/// An idle check-in, to be noted.
pub(crate) struct CheckIn {
    /// The check-in that it leaves, with its session.
    pub(crate) idle: Idle,
    /// True if a digest proved the device, and not a certificate.
    pub(crate) by_digest: bool,
    /// The name under which the device takes its turns.
    pub(crate) name: String,
}

impl CheckIns {
    /// Waits for the turn of the device of that name.
    pub(crate) async fn turn(&self, name: &str) -> Turn {
        Arc::clone(&self.turns[place(name)]).lock_owned().await
    }

    /// The session of an enrolment, if it waits here: it is newer than the stored one.
    pub(crate) fn session(&self, enrollment: EnrollmentId) -> Option<Vec<u8>> {
        self.lock().get(&enrollment)?.idle.session.clone()
    }

    /// Notes a check-in, in the turn of its device.
    pub(crate) fn note(&self, new: CheckIn, uptime: Duration) {
        let CheckIn { idle, by_digest, name } = new;
        let mut waiting = self.lock();
        let before = waiting.remove(&idle.enrollment);
        // The state after a digest holds spent nonces, also when a certificate proves the next message.
        let keeps_session = by_digest || before.as_ref().is_some_and(|before| before.keeps_session);
        let (since, changes) = before.map_or((uptime, 0), |before| (before.since, before.changes + 1));
        waiting.insert(idle.enrollment, Waiting { idle, keeps_session, name, since, changes });
        if waiting.len() >= BATCH {
            self.many.notify_one();
        }
    }

    /// Forgets the session of an enrolment, in the turn of its device: the store has a newer one.
    pub(crate) fn forget_session(&self, enrollment: EnrollmentId) {
        if let Some(waiting) = self.lock().get_mut(&enrollment) {
            (waiting.idle.session, waiting.keeps_session) = (None, false);
            waiting.changes += 1;
        }
    }

    /// Waits until it is time to look for check-ins to store: a few seconds, or less while many arrive.
    pub async fn pause(&self) {
        let _ = tokio::time::timeout(PAUSE, self.many.notified()).await;
    }

    /// Stores every check-in if one of them is old enough, or if there are many. A batch that fails waits further.
    pub async fn store_due(&self, store: &dyn Store, uptime: Duration) -> Result<(), Fault> {
        let is_due = {
            let waiting = self.lock();
            waiting.len() >= BATCH || waiting.values().any(|waiting| uptime.saturating_sub(waiting.since) >= AGE)
        };
        if is_due { self.store(store).await } else { Ok(()) }
    }

    /// Stores every check-in.
    pub async fn store(&self, store: &dyn Store) -> Result<(), Fault> {
        let ids: Vec<EnrollmentId> = self.lock().keys().copied().collect();
        for ids in ids.chunks(BATCH) {
            let turns = self.turns_of(ids);
            let batch = self.batch(ids, &turns);
            let sessions: Vec<Idle> = batch.iter().map(|(idle, _)| idle.clone()).collect();
            store.write(move |unit| Ok(store_idle(unit, &sessions)?)).await?;
            self.stored(&batch);
        }
        Ok(())
    }

    /// The turns of the devices whose session is to be stored. A device that has a turn now keeps it, and its session
    /// waits further.
    fn turns_of(&self, ids: &[EnrollmentId]) -> HashMap<usize, Turn> {
        let waiting = self.lock();
        let keeping = ids.iter().filter_map(|id| waiting.get(id)).filter(|waiting| waiting.keeps_session);
        let places: HashSet<usize> = keeping.map(|waiting| place(&waiting.name)).collect();
        let free = |place: usize| Some((place, Arc::clone(&self.turns[place]).try_lock_owned().ok()?));
        places.into_iter().filter_map(free).collect()
    }

    /// What a unit of work is to store of these enrolments, each with its number of changes.
    fn batch(&self, ids: &[EnrollmentId], turns: &HashMap<usize, Turn>) -> Vec<(Idle, u64)> {
        let waiting = self.lock();
        let found = ids.iter().filter_map(|id| waiting.get(id));
        let of = |waiting: &Waiting| {
            let stores = waiting.keeps_session && turns.contains_key(&place(&waiting.name));
            let session = waiting.idle.session.clone().filter(|_| stores);
            (Idle { session, ..waiting.idle.clone() }, waiting.changes)
        };
        found.map(of).collect()
    }

    /// Forgets what was stored. A check-in that changed meanwhile, or whose session is still to be stored, stays.
    fn stored(&self, batch: &[(Idle, u64)]) {
        let mut waiting = self.lock();
        for (idle, changes) in batch {
            let is_done =
                |waiting: &Waiting| waiting.changes == *changes && waiting.keeps_session == idle.session.is_some();
            if waiting.get(&idle.enrollment).is_some_and(is_done) {
                waiting.remove(&idle.enrollment);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EnrollmentId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
