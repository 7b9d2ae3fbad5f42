//! Alerts for people: a line in the log at once, and a post to an address until the receiver accepts it.
//!
//! An alert waits in the store, in the outbox where its unit of work put it. It is logged and posted only from there,
//! and logged before it is removed. So it arrives at least once, even if this process is killed or a client
//! disconnects. The receiver recognises a repeat by its id.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::alert::{Alert, Assigned, News};
use chaveiro_core::caller::Actor;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{Alarm, Clock, Store};
use chaveiro_core::role::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The most alerts of one tenant that wait to be posted; older ones are only in the log. Each role assignment raises an
/// alert, so only an attacker produces more than this while the receiver is down.
const MOST: usize = 1_000;

/// The number of a tenant's alerts beyond them that one look sees, to log and remove them.
const SPARE: usize = 200;

/// The pause after the first failed attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The interval at which the outbox is read without a signal and without a failure.
const IDLE: Duration = Duration::from_secs(60);

/// The age after which an alert is not worth posting. A metric shows the hold by then.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The number of attempts that each start of the server makes at any age of an alert, for at least [`SETTLING`]. The
/// server may have been off for longer than [`LIFE`], and a receiver that starts with it takes a while.
const ATTEMPTS: u32 = 4;

/// The time for which the server tries before it gives up an alert.
const SETTLING: Duration = Duration::from_secs(60 * 60);

/// The longest duration of one attempt.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The signal that wakes the sender.
pub(crate) struct Bell(Arc<Notify>);

impl Alarm for Bell {
    fn ring(&self) {
        self.0.notify_one();
    }
}

/// Logs an alert: the fields that every alert has, then its own. The names are stable, because alarms are set on them.
macro_rules! say {
    ($level:ident, $alert:ident, $($own:tt)+) => {
        tracing::$level!(
            alert = $alert.news.name(),
            alert.id = $alert.id(),
            tenant.id = %$alert.tenant,
            application.id = $alert.actor.application_id,
            $($own)+
        )
    };
}

/// Logs an alert with its remedy.
fn log(alert: &Alert) {
    match &alert.news {
        News::HoldPlaced { hold, counted } => say!(
            error, alert, hold.id = %hold, counted,
            "recoveries are on hold: look at the audit record, then run chaveiro hold release"
        ),
        News::BreakGlassUsed { hold, device, reason } => {
            say!(error, alert, hold.id = %hold, device.id = %device, reason, "a recovery passed a hold");
        }
        News::RecoveryKeyUsed { device, key, reason, passcodes } => {
            say!(error, alert, device.id = %device, key, reason, passcodes, "passcodes are opened with a recovery key");
        }
        News::ReadingOnHold { .. } => {
            say!(error, alert, "{} Look at the audit record, then run chaveiro hold release", text(alert));
        }
        News::ReadingNearLimit { .. } | News::FirstDisclosure { .. } | News::ProtectionLowered { .. } => {
            say!(warn, alert, "{}", text(alert));
        }
        News::RoleAssigned(Assigned { assignment, role, .. }) => say!(
            warn, alert, assignment.id = %assignment, role,
            "a role was assigned through the API: if it is unexpected, run chaveiro role unassign"
        ),
        News::RoleUnassigned(Assigned { assignment, role, .. }) => say!(
            warn, alert, assignment.id = %assignment, role,
            "a role was removed through the API: if it is unexpected, run chaveiro role assign"
        ),
        News::RowForged { table, row } => say!(
            error,
            alert,
            table,
            row = row.as_deref().unwrap_or("-"),
            "a row was changed by another program and grants nothing: run chaveiro audit rows"
        ),
        News::RecordDamaged { position, damage } => say!(
            error,
            alert,
            position,
            damage,
            "the audit record does not verify: export it, and compare it with an earlier checkpoint"
        ),
        News::RestoreAccepted { doubt, reason, results } => say!(
            error,
            alert,
            doubt,
            reason,
            results,
            "the server continues from an older database: earlier passcodes may not open their devices, and tokens have ended"
        ),
        News::DeviceDuplicate { device, duplicate_of, still_enrolled } => say!(
            warn, alert, device.id = %device, duplicate.of = %duplicate_of, still_enrolled,
            "a device enrolled under the name of another: a clone, a reinstalled machine, or an intruder"
        ),
    }
}

/// The address to which alerts are posted.
#[derive(Clone)]
pub(crate) struct Receiver {
    /// The address. It may hold a secret, so it is not logged.
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

/// Empties the outbox; run it with [`Post::deliver`].
pub(crate) struct Post {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The receiver. Without one, alerts are only logged, and nothing waits.
    receiver: Option<Receiver>,
    rung: Arc<Notify>,
    /// The alerts that waited at the last look, oldest first.
    waiting: Vec<Alert>,
    /// The alerts among them that are logged, by id, with the monotonic time of logging.
    logged: HashMap<String, Duration>,
    /// The alerts among them that were not accepted, or could not be removed afterwards, by id.
    failed: HashMap<String, Failed>,
}

struct Failed {
    attempts: u32,
    /// The time of the next attempt, by the monotonic clock.
    again: Duration,
}

impl Post {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, receiver: Option<Receiver>) -> Self {
        let rung = Arc::new(Notify::new());
        let (waiting, logged, failed) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { store, clock, receiver, rung, waiting, logged, failed }
    }

    /// Returns the signal of this sender.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.rung))
    }

    /// Posts waiting alerts until the token is canceled. The rest is posted after the next start.
    pub(crate) async fn deliver(mut self, stop: CancellationToken) {
        let work = async {
            let rung = Arc::clone(&self.rung);
            loop {
                let pause = self.post_due().await;
                tokio::select! {
                    () = rung.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Tries every due alert, one after the other, and returns the pause after it. It looks again before each attempt,
    /// so that a failing alert does not delay a new one.
    async fn post_due(&mut self) -> Duration {
        loop {
            self.look().await;
            let Some((attempts, alert)) = self.next() else { return self.pause() };
            if self.attempt(&alert, attempts + 1).await && !self.remove(vec![alert.clone()]).await {
                self.put_off(&alert, attempts + 1);
            }
        }
    }

    /// Reads the waiting alerts, logs the new ones, and removes those that will not be posted.
    async fn look(&mut self) {
        loop {
            let waiting = self.store.read(|view| Ok(view.alerts(MOST + SPARE)?)).await;
            self.waiting = match waiting {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::error!(%error, "the waiting alerts cannot be read; the server tries again");
                    return self.waiting.clear();
                }
            };
            let ids: HashSet<String> = self.waiting.iter().map(Alert::id).collect();
            self.logged.retain(|id, _| ids.contains(id));
            self.failed.retain(|id, _| ids.contains(id));
            for alert in &self.waiting {
                if let Entry::Vacant(unknown) = self.logged.entry(alert.id()) {
                    unknown.insert(self.clock.uptime());
                    log(alert);
                }
            }
            let most = self.receiver.as_ref().map_or(0, |_| MOST);
            let beyond = beyond(&self.waiting, most);
            if beyond.is_empty() {
                return;
            }
            if most > 0 {
                let id = beyond.last().map(Alert::id);
                tracing::error!(
                    alerts = beyond.len(),
                    alert.id = id,
                    "too many alerts wait; the oldest up to this one are only in the log"
                );
            }
            if !self.remove(beyond).await {
                return;
            }
        }
    }

    /// Returns the due alert with the fewest attempts, and their number. Among equals the newest comes first; alerts of
    /// one request keep their order.
    fn next(&self) -> Option<(u32, Alert)> {
        self.receiver.as_ref()?;
        let now = self.clock.uptime();
        let due = self.waiting.iter().filter_map(|alert| match self.failed.get(&alert.id()) {
            None => Some((0, alert)),
            Some(failed) => (failed.again <= now).then_some((failed.attempts, alert)),
        });
        let (attempts, alert) = due.min_by_key(|(attempts, alert)| (*attempts, Reverse(alert.at)))?;
        Some((attempts, alert.clone()))
    }

    /// The time until the next alert is due.
    fn pause(&self) -> Duration {
        let now = self.clock.uptime();
        let soonest = self.failed.values().map(|failed| failed.again).min();
        soonest.map_or(IDLE, |again| again.saturating_sub(now)).min(IDLE)
    }

    /// Posts an alert. Returns whether it is finished: accepted or given up. New alerts are logged meanwhile.
    async fn attempt(&mut self, alert: &Alert, attempt: u32) -> bool {
        let Some(receiver) = self.receiver.clone() else { return true };
        let (posted, rung) = (document(alert), Arc::clone(&self.rung));
        let posting = receiver.post(&posted);
        tokio::pin!(posting);
        let taken = loop {
            tokio::select! {
                taken = &mut posting => break taken,
                () = rung.notified() => self.look().await,
            }
        };
        let Err(error) = taken else { return true };
        let (id, now) = (alert.id(), self.clock.now());
        let uptime = self.clock.uptime();
        // A clock that is ahead makes every alert old at once.
        let tried_for = self.logged.get(&id).map_or(Duration::ZERO, |since| uptime.saturating_sub(*since));
        let age = now.duration_since(alert.at);
        if attempt >= ATTEMPTS && age >= LIFE && tried_for >= SETTLING {
            tracing::error!(alert.id = id, error, "an alert was not accepted for too long; it is only in the log");
            return true;
        }
        tracing::warn!(alert.id = id, attempt, error, "an alert was not accepted; it is posted again");
        self.put_off(alert, attempt);
        false
    }

    fn put_off(&mut self, alert: &Alert, attempts: u32) {
        let pause = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
        self.failed.insert(alert.id(), Failed { attempts, again: self.clock.uptime() + pause });
    }

    /// Removes alerts. Returns whether they are gone; one that is not is posted once more.
    async fn remove(&self, alerts: Vec<Alert>) -> bool {
        let removed = self.store.write(move |unit| {
            for alert in &alerts {
                unit.delete_alert(alert)?;
            }
            Ok(())
        });
        let removed = removed.await;
        if let Err(error) = &removed {
            tracing::error!(%error, "a finished alert could not be removed; it is posted again");
        }
        removed.is_ok()
    }
}

/// All but the newest `most` of each tenant, in their order, oldest first.
fn beyond(waiting: &[Alert], most: usize) -> Vec<Alert> {
    let mut newer: HashMap<TenantId, usize> = HashMap::new();
    let mut beyond: Vec<_> = waiting
        .iter()
        .rev()
        .filter(|alert| {
            let newer = newer.entry(alert.tenant).or_default();
            *newer += 1;
            *newer > most
        })
        .cloned()
        .collect();
    beyond.reverse();
    beyond
}

impl Receiver {
    /// Posts a document. An error says why it was not accepted, without the address.
    pub(crate) async fn post(&self, document: &Value) -> Result<(), String> {
        let sent = self.client.post(&self.url).timeout(TIMEOUT).json(document).send().await;
        let status = sent.map_err(|error| error.without_url().to_string())?.status();
        // A redirection is not followed, so it counts as not accepted.
        if status.is_success() { Ok(()) } else { Err(status.to_string()) }
    }
}

/// The alert for machines; `text` is for chat systems. It holds no secret.
fn document(alert: &Alert) -> Value {
    let Alert { tenant, at, actor, news, .. } = alert;
    let mut posted = match news {
        News::HoldPlaced { hold, counted } => json!({"hold": hold, "counted": counted}),
        News::BreakGlassUsed { hold, device, reason } => json!({"hold": hold, "device": device, "reason": reason}),
        News::RecoveryKeyUsed { device, key, reason, passcodes } => {
            json!({"device": device, "key": key, "reason": reason, "passcodes": passcodes})
        }
        News::ReadingNearLimit { counted, by_caller } => json!({"counted": counted, "byCaller": by_caller}),
        News::ReadingOnHold { hold, counted, by_caller } => {
            json!({"hold": hold, "counted": counted, "byCaller": by_caller})
        }
        News::FirstDisclosure { device } => json!({"device": device}),
        News::ProtectionLowered { settings } => json!({"settings": settings}),
        News::RoleAssigned(assigned) | News::RoleUnassigned(assigned) => json!(assigned),
        News::RowForged { table, row } => json!({"table": table, "row": row}),
        News::RecordDamaged { position, damage } => json!({"position": position, "damage": damage}),
        News::RestoreAccepted { doubt, reason, results } => {
            json!({"doubt": doubt, "reason": reason, "results": results})
        }
        News::DeviceDuplicate { device, duplicate_of, still_enrolled } => {
            json!({"device": device, "duplicateOf": duplicate_of, "stillEnrolled": still_enrolled})
        }
    };
    posted["id"] = json!(alert.id());
    posted["alert"] = json!(news.name());
    posted["text"] = json!(text(alert));
    posted["tenant"] = json!(tenant);
    posted["at"] = json!(at.to_string());
    posted["actor"] = json!(actor);
    posted
}

fn text(alert: &Alert) -> String {
    let (tenant, actor) = (alert.tenant, name(&alert.actor));
    match &alert.news {
        News::HoldPlaced { counted, .. } => {
            format!("Chaveiro: recoveries of tenant {tenant} are on hold after {counted}. Caused by {actor}.")
        }
        News::BreakGlassUsed { device, reason, .. } => {
            format!("Chaveiro: {actor} passed the hold of tenant {tenant} for device {device}: {reason}")
        }
        News::RecoveryKeyUsed { device, key, reason, passcodes } => {
            format!(
                "Chaveiro: {actor} opens passcodes ({passcodes}) of device {device} of tenant {tenant} with the recovery key {key}: {reason}"
            )
        }
        News::ReadingNearLimit { counted, by_caller: true } => {
            format!(
                "Chaveiro: {actor} has read {counted} passcodes of tenant {tenant}, half of the limit of one caller."
            )
        }
        News::ReadingNearLimit { counted, by_caller: false } => {
            format!(
                "Chaveiro: {counted} passcodes of tenant {tenant} were read, half of its limit. The last one by {actor}."
            )
        }
        News::ReadingOnHold { counted, by_caller: true, .. } => {
            format!("Chaveiro: reading passcodes of tenant {tenant} is on hold for {actor} after {counted}.")
        }
        News::ReadingOnHold { counted, by_caller: false, .. } => {
            format!("Chaveiro: reading passcodes of tenant {tenant} is on hold after {counted}. Caused by {actor}.")
        }
        News::FirstDisclosure { device } => {
            format!(
                "Chaveiro: the application {actor} read a passcode of tenant {tenant} for the first time, of device {device}."
            )
        }
        News::ProtectionLowered { settings } => {
            let settings = settings.iter().map(|one| format!("{} from {} to {}", one.setting, one.before, one.after));
            let settings = settings.collect::<Vec<_>>().join(", ");
            format!("Chaveiro: {actor} lowered the protection of tenant {tenant}: {settings}.")
        }
        News::RoleAssigned(assigned) => {
            format!("Chaveiro: {actor} assigned in tenant {tenant}: {}.", in_words(assigned))
        }
        News::RestoreAccepted { doubt, results, .. } => format!(
            "Chaveiro: {actor} let the server continue from an older database ({doubt}); {results} results of tenant {tenant} are uncertain."
        ),
        News::RoleUnassigned(assigned) => {
            format!("Chaveiro: {actor} removed in tenant {tenant}: {}.", in_words(assigned))
        }
        News::RowForged { table, row: Some(row) } => {
            format!(
                "Chaveiro: in tenant {tenant} the row {row} of {table} was changed by another program. It grants nothing."
            )
        }
        News::RowForged { table, row: None } => {
            format!("Chaveiro: in tenant {tenant} rows of {table} were removed or put back by another program.")
        }
        News::RecordDamaged { position, damage } => {
            format!("Chaveiro: the audit record of tenant {tenant} does not verify at {position} ({damage}).")
        }
        News::DeviceDuplicate { device, duplicate_of, still_enrolled } => {
            let state = if *still_enrolled { "is still enrolled" } else { "is no longer enrolled" };
            format!(
                "Chaveiro: device {device} of tenant {tenant} enrolled under the name of device {duplicate_of}, which {state}."
            )
        }
    }
}

/// The role, its holder and its devices, in words.
fn in_words(assigned: &Assigned) -> String {
    let Assigned { role, principal_type, principal, tags, .. } = assigned;
    let devices = match tags {
        None => "all devices".to_owned(),
        Some(tags) => {
            let named = tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("devices with the tags {named}")
        }
    };
    let (role, kind) = (Role::parse(role).map_or(role.as_str(), |role| role.name), principal_type.name());
    format!("the role {role} of the {kind} {principal} on {devices}")
}

fn name(actor: &Actor) -> &str {
    let user = actor.user_principal_name.as_deref().or(actor.user_id.as_deref());
    user.or(actor.application_name.as_deref()).unwrap_or(&actor.application_id)
}

#[cfg(test)]
mod tests;
