//! Alerts are posted until somebody takes them.

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
        let raised = self.store.write(move |unit| Ok(alerts.iter().try_for_each(|alert| unit.insert_alert(alert))?));
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
