//! The watcher of the server's own record. It verifies the chain and the rows that grant rights, in pieces of bounded
//! size. It reports damage in the log, on `/readyz`, and as an alert.
//!
//! The chain is verified from the first event on, then as it grows, and slowly over and over in addition. All rows are
//! verified over and over.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chaveiro_audit::{Damage, Lineage, Watch, examine};
use chaveiro_core::alert::News;
use chaveiro_core::decisions::unsound_rows;
use chaveiro_core::digest::sha256;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{
    Alarm, Clock, RowLook, RowPlace, Store, StoreError, StoredEvent, UnitOfWork, UnsoundRow, View, Witness,
};
use chaveiro_core::{Fault, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::health::{Complaint, Health, Subject, Weight};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// The number of events that one query verifies, and the number of queries in one look.
const EVENTS: usize = 2_000;
const READINGS: usize = 10;

/// The number of rows that one look verifies.
const ROWS: usize = 20_000;

/// The most alerts of this kind that one run of the server raises. An attacker who writes the database can make any
/// number of rows, and must not push other alerts out of the outbox.
const MOST_ALERTS: usize = 200;

/// The complaint about the record on `/readyz`: one part for each watcher.
pub(crate) struct Complaints {
    health: Arc<Health>,
    parts: Mutex<BTreeMap<&'static str, String>>,
}

impl Complaints {
    pub(crate) fn new(health: Arc<Health>) -> Self {
        Self { health, parts: Mutex::default() }
    }

    /// Replaces the part of one watcher, or ends it.
    pub(crate) fn set(&self, part: &'static str, text: Option<String>) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => parts.insert(part, text),
            None => parts.remove(part),
        };
        let text = parts.values().map(String::as_str).collect::<Vec<_>>().join(" - ");
        let complaint = (!parts.is_empty()).then_some(Complaint { weight: Weight::Notice, text });
        self.health.set(Subject::Record, complaint);
    }
}

/// Verifies pages of the record before they are served, and reports damage to the watcher at once.
pub(crate) struct Notary {
    reports: mpsc::Sender<Damage>,
}

impl Witness for Notary {
    fn vouches_for(&self, view: &dyn View, events: &[&StoredEvent]) -> Result<bool, StoreError> {
        let damage = examine(view, events)?;
        let is_sound = damage.is_empty();
        for damage in damage {
            // If there is no room, enough reports of damage are waiting already.
            let _ = self.reports.try_send(damage);
        }
        Ok(is_sound)
    }
}

/// The watcher; run it with [`Warden::watch`].
pub(crate) struct Warden {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) alarm: Arc<dyn Alarm>,
    pub(crate) complaints: Arc<Complaints>,
    /// Follows new events.
    chain: Watch,
    /// Verifies the old events again, because they may be edited afterwards.
    rounds: Watch,
    damage: Vec<Damage>,
    place: RowPlace,
    /// The rows that did not verify in this round, and in the previous one.
    unsound: [Vec<UnsoundRow>; 2],
    /// The highest version of each set that was seen: a set with a lower version was put back.
    versions: HashMap<(&'static str, TenantId), u64>,
    alerted: HashSet<Uuid>,
    /// Damage that was found while serving a page.
    reports: mpsc::Receiver<Damage>,
}

impl Warden {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        alarm: Arc<dyn Alarm>,
        complaints: Arc<Complaints>,
        signer: Lineage,
    ) -> (Self, Notary) {
        let (sender, reports) = mpsc::channel(MOST_ALERTS);
        let warden = Self {
            store,
            clock,
            alarm,
            complaints,
            chain: Watch::new(signer.clone()),
            rounds: Watch::new(signer),
            damage: Vec::new(),
            place: RowPlace::default(),
            unsound: [Vec::new(), Vec::new()],
            versions: HashMap::new(),
            alerted: HashSet::new(),
            reports,
        };
        (warden, Notary { reports: sender })
    }

    /// Looks until the token is canceled.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        loop {
            self.rows().await;
            self.chain().await;
            let pause = tokio::time::sleep(PAUSE);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = &mut pause => break,
                    Some(damage) = self.reports.recv() => self.report(damage).await,
                }
            }
        }
    }

    /// Reports damage that is not known yet.
    async fn report(&mut self, damage: Damage) {
        if !self.damage.contains(&damage) && self.damage.len() < MOST_ALERTS {
            self.alert_of_damage(&damage).await;
            self.damage.push(damage);
            self.complain();
        }
    }

    fn complain(&self) {
        let text = self.damage.first().map(|damage| {
            format!("the audit record is damaged: {damage}; export it and verify it against an earlier checkpoint")
        });
        self.complaints.set("chain", text);
    }

    async fn rows(&mut self) {
        let place = self.place;
        let look = self.store.read(move |view| Ok(view.unsound_rows(place, ROWS)?)).await;
        let RowLook { mut unsound, sets, next } = match look {
            Ok(look) => look,
            Err(error) => return self.blind("rows", "the rows that grant rights", &error),
        };
        for set in sets {
            let highest = self.versions.entry((set.table, set.tenant)).or_insert(set.version);
            if set.version < *highest {
                unsound.push(UnsoundRow { tenant: Some(set.tenant), table: set.table, row: None });
            }
            *highest = set.version.max(*highest);
        }
        for row in &unsound {
            self.tell_of_row(row).await;
        }
        let [now, before] = &mut self.unsound;
        now.extend(unsound);
        if next == RowPlace::default() {
            *before = std::mem::take(now);
        }
        self.place = next;
        let unsound: HashSet<&UnsoundRow> = self.unsound.iter().flatten().collect();
        let first = unsound.iter().min();
        let text = first.map(|first| {
            format!(
                "{} of the rows that grant rights do not verify, the first in the table {}; run: chaveiro audit rows",
                unsound.len(),
                first.table
            )
        });
        self.complaints.set("rows", text);
    }

    async fn chain(&mut self) {
        for _ in 0..READINGS {
            match self.advance(self.chain.clone()).await {
                Ok((watch, at_end)) => {
                    self.chain = watch;
                    if at_end {
                        break;
                    }
                }
                Err(error) => return self.blind("chain", "the audit record", &error),
            }
        }
        match self.advance(self.rounds.clone()).await {
            Ok((mut watch, at_end)) => {
                if at_end {
                    watch.again();
                }
                self.rounds = watch;
            }
            Err(error) => return self.blind("chain", "the audit record", &error),
        }
        self.complain();
    }

    /// Verifies a piece and reports damage. Returns whether the end was reached.
    async fn advance(&mut self, mut watch: Watch) -> Result<(Watch, bool), Fault> {
        let advanced = self.store.read(move |view| {
            let (damage, at_end) = watch.advance(view, EVENTS)?;
            Ok((watch, damage, at_end))
        });
        let (watch, damage, at_end) = advanced.await?;
        for damage in damage {
            self.report(damage).await;
        }
        Ok((watch, at_end))
    }

    fn blind(&self, part: &'static str, what: &str, error: &Fault) {
        tracing::error!(%error, what, "it could not be verified; the server tries again");
        self.complaints.set(part, Some(format!("{what} could not be verified; see the log")));
    }

    async fn tell_of_row(&mut self, row: &UnsoundRow) {
        let (shown, table) = (row.row.as_deref().unwrap_or("-"), row.table);
        let about = about(&[table, shown, &format!("{:?}", row.tenant)]);
        let Some(tenant) = row.tenant else {
            if self.alerted.len() < MOST_ALERTS && self.alerted.insert(about) {
                tracing::error!(table, row = shown, "a row without a tenant does not verify: it grants nothing");
            }
            return;
        };
        let row = row.clone();
        self.alert(tenant, about, move |unit, now| unsound_rows::report(unit, tenant, &row, about, now)).await;
    }

    async fn alert_of_damage(&mut self, damage: &Damage) {
        let about = about(&[damage.kind.name(), &damage.position.to_string(), &damage.tenant.to_string()]);
        let news = News::RecordDamaged { position: damage.position, damage: damage.kind.name().to_owned() };
        let tenant = damage.tenant;
        let write =
            move |unit: &mut dyn UnitOfWork, now| unsound_rows::alert_once(unit, tenant, news.clone(), about, now);
        self.alert(tenant, about, write).await;
    }

    /// Raises an alert once.
    async fn alert(
        &mut self,
        tenant: TenantId,
        about: Uuid,
        decide: impl Fn(&mut dyn UnitOfWork, Timestamp) -> Result<(), StoreError> + Send + 'static,
    ) {
        if self.alerted.len() >= MOST_ALERTS || self.alerted.contains(&about) {
            return;
        }
        let now = self.clock.now();
        let kept = self.store.write(move |unit| Ok(decide(unit, now)?));
        match kept.await {
            Ok(()) => {
                self.alerted.insert(about);
                self.alarm.ring();
            }
            Err(error) => {
                tracing::error!(%error, %tenant, "an alert about the record could not be stored; the server tries again")
            }
        }
    }
}

/// The name of an alert, which is the same for the same damage.
fn about(parts: &[&str]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(parts.join("\0").as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests;
