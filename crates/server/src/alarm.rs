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
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use chaveiro_core::id::{AssignmentId, HoldId, TenantId};
    use chaveiro_core::rights::PrincipalKind;
    use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
    use chaveiro_store_sqlite::SqliteStore;
    use http::StatusCode;
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn placed(number: u128) -> Alert {
        Alert {
            tenant: TenantId(Uuid::from_u128(1)),
            about: Uuid::from_u128(number),
            at: at(0),
            actor: Actor::operator(),
            news: News::HoldPlaced { hold: HoldId(Uuid::from_u128(number)), counted: 10 },
        }
    }

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            at(self.0.load(Ordering::SeqCst))
        }
    }

    /// A receiver: whether it takes what of an id; what it was told.
    #[derive(Default)]
    struct Taken {
        told: Mutex<Vec<Value>>,
        asked: AtomicUsize,
        refuses: Mutex<Vec<String>>,
    }

    impl Taken {
        fn ids(&self) -> Vec<String> {
            self.told.lock().expect("told").iter().map(|told| told["id"].as_str().expect("an id").to_owned()).collect()
        }

        fn refuse(&self, alerts: &[Alert]) {
            *self.refuses.lock().expect("refuses") = alerts.iter().map(Alert::id).collect();
        }
    }

    struct World {
        _directory: tempfile::TempDir,
        store: Arc<dyn Store>,
        clock: Arc<Hand>,
        taken: Arc<Taken>,
        url: String,
    }

    impl World {
        async fn new() -> Self {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let directory = tempfile::tempdir().expect("a directory");
            let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
            let tenant = Tenant {
                id: TenantId(Uuid::from_u128(1)),
                display_name: "Contoso".to_owned(),
                licence: Licence::Active,
                entra_tenant: None,
                settings: TenantSettings::default(),
                created: at(0),
            };
            store.write(move |unit| Ok(unit.insert_tenant(&tenant)?)).await.expect("a tenant");
            let taken = Arc::new(Taken::default());
            let take = |State(taken): State<Arc<Taken>>, axum::Json(told): axum::Json<Value>| async move {
                taken.asked.fetch_add(1, Ordering::SeqCst);
                let refuses = taken.refuses.lock().expect("refuses").iter().any(|id| told["id"] == id.as_str());
                if refuses {
                    // Not followed, so that nobody has it.
                    return StatusCode::FOUND;
                }
                taken.told.lock().expect("told").push(told);
                StatusCode::NO_CONTENT
            };
            let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&taken));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
            tokio::spawn(async move { axum::serve(listener, router).await });
            Self { _directory: directory, store, clock: Arc::new(Hand(AtomicI64::new(0))), taken, url }
        }

        fn post(&self, url: Option<&str>) -> Post {
            let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
            let client = client.build().expect("a client");
            let receiver = url.map(|url| Receiver { url: url.to_owned(), client });
            Post::new(Arc::clone(&self.store), Arc::<Hand>::clone(&self.clock), receiver)
        }

        async fn raise(&self, alerts: &[Alert]) {
            let alerts = alerts.to_vec();
            let raised =
                self.store.write(move |unit| Ok(alerts.iter().try_for_each(|alert| unit.insert_alert(alert))?));
            raised.await.expect("raised");
        }

        async fn waiting(&self) -> usize {
            self.store.read(|view| Ok(view.alerts(100)?.len())).await.expect("read")
        }

        fn pass(&self, seconds: i64) {
            self.clock.0.fetch_add(seconds, Ordering::SeqCst);
        }

        fn asked(&self) -> usize {
            self.taken.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn an_alert_is_posted_until_it_is_taken_and_then_no_more() {
        let world = World::new().await;
        let mut post = world.post(Some(&world.url));
        world.taken.refuse(&[placed(7)]);
        world.raise(&[placed(7)]).await;
        // Two, four, eight seconds; nothing in between.
        for (attempts, pause) in [(1, 2), (2, 4), (3, 8)] {
            assert_eq!(post.empty().await, Duration::from_secs(pause));
            assert_eq!((world.asked(), world.waiting().await), (attempts, 1));
            world.pass(1);
            assert_eq!(post.empty().await, Duration::from_secs(pause - 1));
            assert_eq!(world.asked(), attempts);
            world.pass(i64::try_from(pause).expect("small") - 1);
        }
        world.taken.refuse(&[]);
        assert_eq!(post.empty().await, IDLE);
        assert_eq!((world.asked(), world.waiting().await), (4, 0));
        post.empty().await;
        let told = world.taken.told.lock().expect("told").clone();
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["alert"], &told[0]["counted"]), (&json!("chaveiro.hold_placed"), &json!(10)));
        assert_eq!(told[0]["id"], format!("chaveiro.hold_placed/{}", Uuid::from_u128(7)));
        assert_eq!(told[0]["at"], "2027-01-15T08:00:00Z");
    }

    #[tokio::test]
    async fn what_nobody_takes_makes_nothing_else_wait_and_is_given_up_after_a_day() {
        let world = World::new().await;
        let mut post = world.post(Some(&world.url));
        world.taken.refuse(&[placed(1)]);
        world.raise(&[placed(1), placed(2)]).await;
        post.empty().await;
        assert_eq!((world.taken.ids(), world.waiting().await), (vec![placed(2).id()], 1));
        world.pass(24 * 3600 - 1);
        post.empty().await;
        world.raise(&[placed(3)]).await;
        world.pass(300);
        post.empty().await;
        assert_eq!(world.taken.ids(), [placed(2).id(), placed(3).id()]);
        assert_eq!(world.waiting().await, 1, "a day is over, and it was tried three times since the start");
        world.pass(300);
        assert_eq!(post.empty().await, IDLE);
        assert_eq!((world.asked(), world.waiting().await), (6, 0), "four times in vain, and two that were taken");
    }

    #[tokio::test]
    async fn without_an_address_nothing_waits() {
        let world = World::new().await;
        world.raise(&[placed(1), placed(2)]).await;
        world.post(None).empty().await;
        assert_eq!((world.waiting().await, world.asked()), (0, 0));
    }

    #[tokio::test]
    async fn the_bell_wakes_the_post_and_what_waited_before_is_posted_too() {
        let world = World::new().await;
        world.raise(&[placed(1)]).await;
        let post = world.post(Some(&world.url));
        let (bell, stop) = (post.bell(), CancellationToken::new());
        let delivering = tokio::spawn(post.deliver(stop.clone()));
        let taken = async |wanted: usize| {
            while world.taken.ids().len() < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Sooner than it would look by itself.
        tokio::time::timeout(IDLE / 2, taken(1)).await.expect("from before the start");
        world.raise(&[placed(2)]).await;
        bell.raise(&placed(2));
        tokio::time::timeout(IDLE / 2, taken(2)).await.expect("rung for");
        stop.cancel();
        delivering.await.expect("it ends");
        assert_eq!(world.taken.ids(), [placed(1).id(), placed(2).id()]);
    }

    #[test]
    fn whoever_is_told_of_an_assignment_learns_who_gave_what_to_whom_and_where() {
        let assigned = |tags: Option<&[&str]>| Alert {
            tenant: TenantId(Uuid::from_u128(1)),
            about: Uuid::from_u128(9),
            at: at(0),
            actor: Actor { user_principal_name: Some("ana@x".to_owned()), ..Actor::operator() },
            news: News::RoleAssigned {
                assignment: AssignmentId(Uuid::from_u128(9)),
                role: "help-desk-operator".to_owned(),
                principal_type: PrincipalKind::User,
                principal: "bob@x".to_owned(),
                tags: tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()),
            },
        };
        let told = document(&assigned(Some(&["lisbon", "porto"])));
        let text = told["text"].as_str().expect("text");
        for word in ["ana@x", "Help Desk Operator", "the user bob@x", "lisbon, porto"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert_eq!((&told["role"], &told["tags"]), (&json!("help-desk-operator"), &json!(["lisbon", "porto"])));
        assert_eq!(told["principalType"], "user");
        let told = document(&assigned(None));
        assert!(told["text"].as_str().is_some_and(|text| text.contains("all devices")) && told["tags"].is_null());
    }
}
