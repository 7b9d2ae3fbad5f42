//! Telling people: a line in the log at once, and a post to an address until it is taken.
//!
//! What is posted waits in the store, where the unit of work that decided it has put it: it is told however often this
//! process is killed, at least once. The receiver knows a repeat by its id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::alert::{Alert, News};
use chaveiro_core::caller::Actor;
use chaveiro_core::ports::{Alarm, Clock, Store};
use chaveiro_core::role::Role;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many alerts one look at the outbox sees. A tenant has one hold at a time, and whoever breaks the glass is one person.
const BATCH: usize = 1_000;

/// The pause after the first attempt that failed; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// How often the outbox is looked into when nobody rings and nothing has failed.
const IDLE: Duration = Duration::from_secs(60);

/// How long an alert is worth posting. A hold is on the page of a metric by then.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// However old it is, each start of the server tries so often: the server may have been off for longer than that.
const ATTEMPTS: u32 = 4;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Logs alerts, and wakes the post.
pub(crate) struct Bell(Arc<Notify>);

impl Alarm for Bell {
    fn raise(&self, alert: &Alert) {
        log(alert);
        self.0.notify_one();
    }
}

/// The names are stable: alarms are set on them.
fn log(alert: &Alert) {
    let Alert { tenant, actor, news, .. } = alert;
    match news {
        News::HoldPlaced { hold, counted } => tracing::error!(
            alert = news.name(),
            alert.id = alert.id(),
            tenant.id = %tenant,
            hold.id = %hold,
            counted,
            application.id = actor.application_id,
            "recoveries are on hold: look at the audit record, then run chaveiro hold release"
        ),
        News::BreakGlassUsed { hold, device, reason } => tracing::error!(
            alert = news.name(),
            alert.id = alert.id(),
            tenant.id = %tenant,
            hold.id = %hold,
            device.id = %device,
            application.id = actor.application_id,
            reason,
            "a recovery passed a hold"
        ),
        News::RoleAssigned { assignment, role, .. } => tracing::warn!(
            alert = news.name(),
            alert.id = alert.id(),
            tenant.id = %tenant,
            assignment.id = %assignment,
            role,
            application.id = actor.application_id,
            "a role was assigned through the API: if nobody expects it, run chaveiro role unassign"
        ),
    }
}

/// Where alerts are posted.
pub(crate) struct Receiver {
    /// May hold a secret: it is not logged.
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

/// Empties the outbox; run it with [`Post::deliver`].
pub(crate) struct Post {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Without one, the log is all there is, and nothing waits.
    receiver: Option<Receiver>,
    rung: Arc<Notify>,
    /// What was not taken, by the id of the alert.
    failed: HashMap<String, Failed>,
}

struct Failed {
    attempts: u32,
    /// When it is tried again.
    again: Timestamp,
}

impl Post {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, receiver: Option<Receiver>) -> Self {
        Self { store, clock, receiver, rung: Arc::new(Notify::new()), failed: HashMap::new() }
    }

    /// What rings for this post.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.rung))
    }

    /// Posts what waits until the token is canceled. What is left then is posted after the next start.
    pub(crate) async fn deliver(mut self, stop: CancellationToken) {
        let work = async {
            // From before the start, when the process may have ended before it could log them.
            self.waiting().await.iter().for_each(log);
            let rung = Arc::clone(&self.rung);
            loop {
                let pause = self.empty().await;
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

    async fn waiting(&self) -> Vec<Alert> {
        let waiting = self.store.read(|view| Ok(view.alerts(BATCH)?)).await;
        waiting.unwrap_or_else(|error| {
            tracing::error!(%error, "the alerts that wait to be posted cannot be read; it is tried again");
            Vec::new()
        })
    }

    /// Tries everything that is due, and says how long to wait after it.
    async fn empty(&mut self) -> Duration {
        let waiting = self.waiting().await;
        if self.receiver.is_none() {
            self.remove(waiting).await;
            return IDLE;
        }
        let mut due: Vec<(u32, Alert)> = Vec::new();
        let now = self.clock.now();
        for alert in waiting {
            match self.failed.get(&alert.id()) {
                None => due.push((0, alert)),
                Some(failed) if failed.again <= now => due.push((failed.attempts, alert)),
                Some(_) => {}
            }
        }
        // What was never tried does not wait for what nobody takes.
        due.sort_by_key(|(attempts, _)| *attempts);
        for (attempts, alert) in due {
            if self.attempt(&alert, attempts + 1).await {
                self.failed.remove(&alert.id());
                self.remove(vec![alert]).await;
            }
        }
        let now = self.clock.now();
        let soonest = self.failed.values().map(|failed| failed.again).min();
        let pause = soonest.and_then(|again| Duration::try_from(again.duration_since(now)).ok());
        pause.unwrap_or(IDLE).min(IDLE)
    }

    /// Whether this alert is done with: taken, or given up.
    async fn attempt(&mut self, alert: &Alert, attempt: u32) -> bool {
        let Some(receiver) = &self.receiver else { return true };
        let error = match receiver.tell(&document(alert)).await {
            Ok(()) => return true,
            Err(error) => error,
        };
        let (id, now) = (alert.id(), self.clock.now());
        if attempt >= ATTEMPTS && now.duration_since(alert.at) >= LIFE.try_into().unwrap_or_default() {
            tracing::error!(alert.id = id, error, "an alert was not taken for too long; it is in the log alone");
            return true;
        }
        tracing::warn!(alert.id = id, attempt, error, "an alert was not taken; it is posted again");
        let pause = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
        self.failed.insert(id, Failed { attempts: attempt, again: now + pause });
        false
    }

    /// When this fails, the alert is posted once more.
    async fn remove(&self, alerts: Vec<Alert>) {
        if alerts.is_empty() {
            return;
        }
        let removed = self.store.write(move |unit| {
            for alert in &alerts {
                unit.delete_alert(alert)?;
            }
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::error!(%error, "an alert that was taken could not be removed; it is posted again");
        }
    }
}

impl Receiver {
    /// Why it was not taken, in words without the address.
    async fn tell(&self, told: &Value) -> Result<(), String> {
        let sent = self.client.post(&self.url).timeout(TIMEOUT).json(told).send().await;
        let status = sent.map_err(|error| error.without_url().to_string())?.status();
        // A redirection is not followed, and so was not taken.
        if status.is_success() { Ok(()) } else { Err(status.to_string()) }
    }
}

/// The alert for machines; `text` is what chat systems show. No secret is in it.
fn document(alert: &Alert) -> Value {
    let Alert { tenant, at, actor, news, .. } = alert;
    let mut told = match news {
        News::HoldPlaced { hold, counted } => json!({"hold": hold, "counted": counted}),
        News::BreakGlassUsed { hold, device, reason } => json!({"hold": hold, "device": device, "reason": reason}),
        News::RoleAssigned { assignment, role, principal_type, principal, tags } => json!({
            "assignment": assignment,
            "role": role,
            "principalType": principal_type,
            "principal": principal,
            "tags": tags,
        }),
    };
    told["id"] = json!(alert.id());
    told["alert"] = json!(news.name());
    told["text"] = json!(text(alert));
    told["tenant"] = json!(tenant);
    told["at"] = json!(at.to_string());
    told["actor"] = json!(actor);
    told
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
        News::RoleAssigned { role, principal_type, principal, tags, .. } => {
            let devices = match tags {
                None => "all devices".to_owned(),
                Some(tags) => {
                    let named = tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                    format!("devices with the tags {named}")
                }
            };
            let (role, kind) = (Role::parse(role).map_or(role.as_str(), |role| role.name), principal_type.name());
            format!(
                "Chaveiro: {actor} assigned the role {role} in tenant {tenant} to the {kind} {principal} on {devices}."
            )
        }
    }
}

fn name(actor: &Actor) -> &str {
    let user = actor.user_principal_name.as_deref().or(actor.user_id.as_deref());
    user.or(actor.application_name.as_deref()).unwrap_or(&actor.application_id)
}

#[cfg(test)]
mod tests;
