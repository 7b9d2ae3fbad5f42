//! Alerts are posted until the receiver accepts them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use chaveiro_core::Timestamp;
use chaveiro_core::alert::Lowered;
use chaveiro_core::id::{AssignmentId, DeviceId, HoldId, TenantId};
use chaveiro_core::principal::PrincipalKind;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_sqlite::SqliteStore;
use chaveiro_testing::TestClock;
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
        actor: Actor::system(),
        news: News::HoldPlaced { hold: HoldId(Uuid::from_u128(number)), counted: 10 },
    }
}

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let writer = tracing_subscriber::fmt().json().with_writer(move || log.clone());
        tracing::subscriber::set_default(writer.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("a log").clone()).expect("text")
    }

    /// The number of log lines of that alert, by the name on which alarms are set.
    fn told(&self, alert: &Alert) -> usize {
        let [name, id] = [format!("\"alert\":\"{}\"", alert.news.name()), format!("\"alert.id\":\"{}\"", alert.id())];
        self.text().lines().filter(|line| line.contains(&name) && line.contains(&id)).count()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a log").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A receiver: whether it takes what of an id; what it was told.
#[derive(Default)]
struct Taken {
    told: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    refuses: Mutex<Vec<String>>,
    /// Set if it answers a refusal only on request.
    hangs: bool,
    go_on: Notify,
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
    clock: Arc<TestClock>,
    taken: Arc<Taken>,
    url: String,
}

impl World {
    async fn new() -> Self {
        Self::with(Taken::default()).await
    }

    async fn with(taken: Taken) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let tenant = |number: u128| Tenant::new(TenantId(Uuid::from_u128(number)), "Contoso", at(0));
        let tenants = [tenant(1), tenant(2)];
        let written = store.write(move |unit| Ok(tenants.iter().try_for_each(|tenant| unit.insert_tenant(tenant))?));
        written.await.expect("tenants");
        let taken = Arc::new(taken);
        let take = |State(taken): State<Arc<Taken>>, axum::Json(told): axum::Json<Value>| async move {
            taken.asked.fetch_add(1, Ordering::SeqCst);
            let refuses = taken.refuses.lock().expect("refuses").iter().any(|id| told["id"] == id.as_str());
            if refuses && taken.hangs {
                taken.go_on.notified().await;
            }
            if refuses {
                // The redirection is not followed, so the alert is not accepted.
                return StatusCode::FOUND;
            }
            taken.told.lock().expect("told").push(told);
            StatusCode::NO_CONTENT
        };
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&taken));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { _directory: directory, store, clock: Arc::new(TestClock::default()), taken, url }
    }

    fn post(&self, url: Option<&str>) -> Post {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.build().expect("a client");
        let receiver = url.map(|url| Receiver { url: url.to_owned(), client });
        Post::new(Arc::clone(&self.store), Arc::<TestClock>::clone(&self.clock), receiver)
    }

    async fn raise(&self, alerts: &[Alert]) {
        let alerts = alerts.to_vec();
        let raised = self.store.write(move |unit| Ok(alerts.iter().try_for_each(|alert| unit.insert_alert(alert))?));
        raised.await.expect("raised");
    }

    async fn waiting(&self) -> usize {
        self.store.read(|view| Ok(view.alerts(10_000)?.len())).await.expect("read")
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
        assert_eq!(post.post_due().await, Duration::from_secs(pause));
        assert_eq!((world.asked(), world.waiting().await), (attempts, 1));
        world.pass(1);
        assert_eq!(post.post_due().await, Duration::from_secs(pause - 1));
        assert_eq!(world.asked(), attempts);
        world.pass(i64::try_from(pause).expect("small") - 1);
    }
    world.taken.refuse(&[]);
    assert_eq!(post.post_due().await, IDLE);
    assert_eq!((world.asked(), world.waiting().await), (4, 0));
    post.post_due().await;
    let told = world.taken.told.lock().expect("told").clone();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["alert"], &told[0]["counted"]), (&json!("chaveiro.hold_placed"), &json!(10)));
    assert_eq!(told[0]["id"], format!("chaveiro.hold_placed/{}", Uuid::from_u128(7)));
    assert_eq!(told[0]["at"], "2027-01-15T08:00:00Z");
}

#[tokio::test]
async fn an_alert_that_no_receiver_takes_delays_no_other_and_is_given_up_after_a_day() {
    let world = World::new().await;
    let mut post = world.post(Some(&world.url));
    world.taken.refuse(&[placed(1)]);
    world.raise(&[placed(1), placed(2)]).await;
    post.post_due().await;
    assert_eq!((world.taken.ids(), world.waiting().await), (vec![placed(2).id()], 1));
    world.pass(24 * 3600 - 1);
    post.post_due().await;
    world.raise(&[placed(3)]).await;
    world.pass(300);
    post.post_due().await;
    assert_eq!(world.taken.ids(), [placed(2).id(), placed(3).id()]);
    assert_eq!(world.waiting().await, 1, "a day is over, and it was tried three times since the start");
    world.pass(300);
    assert_eq!(post.post_due().await, IDLE);
    assert_eq!((world.asked(), world.waiting().await), (6, 0), "four times in vain, and two that were taken");
}

#[tokio::test]
async fn an_old_alert_is_not_given_up_before_the_server_has_run_for_an_hour() {
    let world = World::new().await;
    world.taken.refuse(&[placed(1)]);
    world.raise(&[placed(1)]).await;
    world.pass(3 * 24 * 3600);
    let mut post = world.post(Some(&world.url));
    for _ in 0..11 {
        post.post_due().await;
        world.pass(300);
    }
    assert_eq!((world.asked(), world.waiting().await), (11, 1), "after 55 minutes the receiver may still be starting");
    post.post_due().await;
    world.pass(300);
    post.post_due().await;
    assert_eq!((world.asked(), world.waiting().await), (13, 0));
}

#[tokio::test]
async fn without_an_address_nothing_waits_and_everything_is_logged_first() {
    let (world, log) = (World::new().await, Log::default());
    let _logging = log.listen();
    world.raise(&[placed(1), placed(2)]).await;
    world.post(None).post_due().await;
    assert_eq!((world.waiting().await, world.asked()), (0, 0));
    assert_eq!((log.told(&placed(1)), log.told(&placed(2))), (1, 1), "without a signal");
}

#[tokio::test]
async fn an_alert_is_logged_once_however_often_it_is_posted() {
    let (world, log) = (World::new().await, Log::default());
    let _logging = log.listen();
    world.taken.refuse(&[placed(1)]);
    world.raise(&[placed(1)]).await;
    let mut post = world.post(Some(&world.url));
    for _ in 0..5 {
        post.post_due().await;
        world.pass(300);
    }
    assert_eq!((world.asked(), log.told(&placed(1))), (5, 1));
    world.post(Some(&world.url)).look().await;
    assert_eq!(log.told(&placed(1)), 2, "once more after a start: the process may have ended before it could");
}

#[tokio::test]
async fn a_new_alert_does_not_wait_behind_a_thousand_that_no_receiver_takes() {
    let world = World::with(Taken { hangs: true, ..Taken::default() }).await;
    let log = Log::default();
    let _logging = log.listen();
    let old: Vec<_> = (1..=MOST as u128 + 50).map(placed).collect();
    world.taken.refuse(&old);
    world.raise(&old).await;
    let newer = |number: u128| Alert { at: at(number as i64), ..placed(10_000 + number) };
    world.raise(&[newer(1)]).await;
    let post = world.post(Some(&world.url));
    let (bell, stop) = (post.bell(), CancellationToken::new());
    let delivering = tokio::spawn(post.deliver(stop.clone()));
    let until = async |done: &dyn Fn() -> bool| {
        let wait = async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(TIMEOUT - Duration::from_secs(1), wait).await.expect("before an attempt ends by itself");
    };
    until(&|| world.asked() == 2).await;
    assert_eq!(world.taken.ids(), [newer(1).id()], "the newest first, and one of the old ones hangs");
    world.raise(&[newer(2)]).await;
    bell.ring();
    until(&|| log.told(&newer(2)) == 1).await;
    assert_eq!(world.asked(), 2, "logged while the other hangs");
    world.taken.go_on.notify_one();
    until(&|| world.taken.ids().len() == 2).await;
    assert_eq!((world.taken.ids()[1].clone(), world.asked()), (newer(2).id(), 3), "and told next");
    stop.cancel();
    delivering.await.expect("it ends");
}

#[tokio::test]
async fn the_newest_thousand_of_a_tenant_wait_and_what_is_older_is_in_the_log() {
    let (world, log) = (World::new().await, Log::default());
    let _logging = log.listen();
    let elsewhere = Alert { tenant: TenantId(Uuid::from_u128(2)), ..placed(1) };
    world.raise(std::slice::from_ref(&elsewhere)).await;
    let many: Vec<_> = (1..=MOST as u128 + SPARE as u128 + 5).map(placed).collect();
    world.raise(&many).await;
    world.post(Some(&world.url)).look().await;
    let left = world.store.read(|view| Ok(view.alerts(10_000)?)).await.expect("read");
    let mut expected = vec![elsewhere];
    expected.extend_from_slice(&many[SPARE + 5..]);
    assert!(left == expected, "{} are left", left.len());
    assert!(many.iter().all(|alert| log.told(alert) >= 1), "each is in the log");
    assert!(log.text().contains("too many alerts wait"));
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
    // Sooner than the next regular look.
    tokio::time::timeout(IDLE / 2, taken(1)).await.expect("from before the start");
    world.raise(&[placed(2)]).await;
    bell.ring();
    tokio::time::timeout(IDLE / 2, taken(2)).await.expect("rung for");
    stop.cancel();
    delivering.await.expect("it ends");
    assert_eq!(world.taken.ids(), [placed(1).id(), placed(2).id()]);
}

#[test]
fn an_alert_of_an_assignment_says_who_gave_which_role_to_whom_and_where() {
    let assigned = |tags: Option<&[&str]>| Alert {
        tenant: TenantId(Uuid::from_u128(1)),
        about: Uuid::from_u128(9),
        at: at(0),
        actor: Actor { user_principal_name: Some("ana@x".to_owned()), ..Actor::system() },
        news: News::RoleAssigned(Assigned {
            assignment: AssignmentId(Uuid::from_u128(9)),
            role: "help-desk-operator".to_owned(),
            principal_type: PrincipalKind::User,
            principal: "bob@x".to_owned(),
            tags: tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()),
        }),
    };
    let told = document(&assigned(Some(&["lisbon", "porto"])));
    let text = told["text"].as_str().expect("text");
    for word in ["ana@x", "Help Desk Operator", "the user bob@x", "lisbon, porto"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_eq!((&told["role"], &told["tags"]), (&json!("help-desk-operator"), &json!(["lisbon", "porto"])));
    assert_eq!(told["principalType"], "user");
    assert_eq!(told["assignment"], Uuid::from_u128(9).to_string());
    let News::RoleAssigned(its) = assigned(None).news else { unreachable!("it was assigned") };
    let taken = document(&Alert { news: News::RoleUnassigned(its), ..assigned(None) });
    assert_eq!((&taken["alert"], &taken["role"]), (&json!("chaveiro.role_unassigned"), &json!("help-desk-operator")));
    let text = taken["text"].as_str().expect("text");
    assert!(text.contains("ana@x removed") && text.contains("the user bob@x on all devices"), "{text}");
    let told = document(&assigned(None));
    assert!(told["text"].as_str().is_some_and(|text| text.contains("all devices")) && told["tags"].is_null());
}

#[test]
fn what_is_told_of_reading_and_of_settings_names_who_and_how_much() {
    let alert = |news: News| Alert {
        actor: Actor { user_principal_name: Some("ana@x".to_owned()), ..Actor::system() },
        news,
        ..placed(1)
    };
    let (hold, device) = (HoldId(Uuid::from_u128(7)), DeviceId(Uuid::from_u128(8)));
    let lowered = Lowered { setting: "hold.recoveries".to_owned(), before: "50".to_owned(), after: "0".to_owned() };
    for (news, name, words) in [
        (
            News::ReadingNearLimit { counted: 25, by_caller: true },
            "reading_near_limit",
            vec!["ana@x", "25", "one caller"],
        ),
        (
            News::ReadingNearLimit { counted: 50, by_caller: false },
            "reading_near_limit",
            vec!["ana@x", "50", "its limit"],
        ),
        (News::ReadingOnHold { hold, counted: 50, by_caller: true }, "reading_on_hold", vec!["for ana@x", "50"]),
        (News::ReadingOnHold { hold, counted: 100, by_caller: false }, "reading_on_hold", vec!["ana@x", "100"]),
        (News::FirstDisclosure { device }, "first_disclosure", vec!["ana@x", "first time"]),
        (
            News::RecoveryKeyUsed { device, key: "75954a45".to_owned(), reason: "fire".to_owned(), passcodes: 2 },
            "recovery_key_used",
            vec!["ana@x", "passcodes (2)", "75954a45", "fire"],
        ),
        (
            News::ProtectionLowered { settings: vec![lowered] },
            "protection_lowered",
            vec!["ana@x", "hold.recoveries from 50 to 0"],
        ),
    ] {
        let log = Log::default();
        let (alert, _logging) = (alert(news), log.listen());
        super::log(&alert);
        assert_eq!(log.told(&alert), 1, "{name} is in the log, by its stable name");
        let told = document(&alert);
        assert_eq!(told["alert"], format!("chaveiro.{name}"));
        let text = told["text"].as_str().expect("text");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}
