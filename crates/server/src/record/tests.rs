//! Changes by other programs to the record, and to rows that grant rights, are found and reported while the server
//! runs.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use chaveiro_audit::{KeptCheckpoint, Signer, extend};
use chaveiro_core::application::Application;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::query::Listing;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_sqlite::SqliteStore;
use chaveiro_testing::{Heard, TestClock};
use rusqlite::Connection;
use serde_json::Value;

use super::*;
use crate::alarm::Receiver;
use crate::checkpoints::{Shipping, Targets};

fn still() -> TestClock {
    TestClock::default()
}

struct World {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    signer: Signer,
    health: Arc<Health>,
    rung: Arc<Heard>,
}

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let signer = Signer::create(&directory.path().join("audit.key")).expect("a key");
        let tenant = Tenant::new(TENANT, "t", still().now());
        let application = Application { public: false, ..Application::command_line(TENANT) };
        let fill = store.write(move |unit| {
            unit.insert_tenant(&tenant)?;
            Ok(unit.insert_application(&application)?)
        });
        fill.await.expect("filled");
        let world = Self { directory, store, signer, health: Arc::default(), rung: Arc::default() };
        world.record(20).await;
        world
    }

    async fn record(&self, count: usize) {
        let work = move |unit: &mut dyn chaveiro_core::ports::UnitOfWork| -> Result<(), Fault> {
            for _ in 0..count {
                unit.append_audit(&AuditEvent::new(TENANT, still().now(), Actor::system(), Activity::ActionRequested))?;
            }
            Ok(())
        };
        self.store.write(work).await.expect("recorded");
        let signer = Signer::open(&self.directory.path().join("audit.key")).expect("the key");
        self.store.write(move |unit| extend(unit, &signer, still().now(), 1000)).await.expect("linked");
    }

    fn warden(&self) -> Warden {
        self.warden_and_notary().0
    }

    fn warden_and_notary(&self) -> (Warden, Notary) {
        let complaints = Arc::new(Complaints::new(Arc::clone(&self.health)));
        let (store, alarm) = (Arc::clone(&self.store), Arc::clone(&self.rung) as Arc<dyn Alarm>);
        Warden::new(store, Arc::new(still()), alarm, complaints, self.signer.lineage().clone())
    }

    fn attack(&self, sql: &str) {
        let connection = Connection::open(self.directory.path().join("chaveiro.db")).expect("opened");
        connection.busy_timeout(Duration::from_secs(5)).expect("set");
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn alerts(&self) -> Vec<&'static str> {
        let alerts = self.store.read(|view| Ok(view.alerts(1000)?)).await.expect("read");
        alerts.iter().map(|alert| alert.news.name()).collect()
    }

    fn complaint(&self) -> Option<String> {
        self.health.complaints().pop().map(|(_, complaint)| complaint.text)
    }
}

#[tokio::test]
async fn a_forged_row_alerts_once_and_is_recorded_and_readyz_tells_of_it_until_it_is_gone() {
    let world = World::new().await;
    let mut warden = world.warden();
    warden.rows().await;
    assert_eq!((world.complaint(), world.alerts().await), (None, vec![]));
    world.attack("UPDATE application SET secrets = '[]', permissions = '[\"User.Read.All\"]'");
    for _ in 0..3 {
        warden.rows().await;
    }
    // The changed row, and the set in which it is missing.
    assert_eq!(world.alerts().await, ["chaveiro.row_forged", "chaveiro.row_forged"]);
    assert_eq!(world.rung.0.load(Ordering::SeqCst), 2);
    assert!(world.complaint().is_some_and(|text| text.contains("application") && text.contains("chaveiro audit rows")));
    let recorded = world.store.read(|view| Ok(view.unchained_events(10)?)).await.expect("read");
    assert_eq!(recorded.iter().filter(|event| event.body.contains("rowForged")).count(), 2);
    world.store.write(|unit| Ok(unit.settle_rows(false)?)).await.expect("accepted");
    warden.rows().await;
    warden.rows().await;
    assert_eq!(world.complaint(), None);
}

#[tokio::test]
async fn a_table_that_is_put_back_with_its_set_is_noticed_by_the_running_server() {
    let world = World::new().await;
    let mut warden = world.warden();
    world.attack("CREATE TABLE kept AS SELECT * FROM application; CREATE TABLE kept_set AS SELECT * FROM row_set;");
    world
        .store
        .write(|unit| Ok(unit.delete_application(TENANT, chaveiro_core::application::COMMAND_LINE)?))
        .await
        .expect("deleted");
    warden.rows().await;
    assert_eq!(world.complaint(), None);
    world.attack(
        "INSERT INTO application SELECT * FROM kept; DELETE FROM row_set; INSERT INTO row_set SELECT * FROM kept_set;",
    );
    warden.rows().await;
    assert_eq!(world.alerts().await, ["chaveiro.row_forged"]);
}

#[tokio::test]
async fn whatever_is_done_to_the_stored_record_is_found() {
    let table = [
        ("a changed event", "UPDATE audit_event SET body = replace(body, 'actionRequested', 'actionRefused') WHERE seq = 7"),
        ("a removed event", "PRAGMA foreign_keys = OFF; DELETE FROM audit_event WHERE seq = 7; DELETE FROM audit_link WHERE seq = 7"),
        ("a removed link", "DELETE FROM audit_link WHERE seq = 7"),
        ("an event without its link", "PRAGMA foreign_keys = OFF; DELETE FROM audit_event WHERE seq = 7"),
        (
            "an added event",
            "PRAGMA foreign_keys = OFF; UPDATE audit_event SET seq = 1000 WHERE seq = 20; UPDATE audit_link SET seq = 1000 WHERE seq = 20;
            INSERT INTO audit_event (seq, tenant, body) SELECT 500, tenant, body FROM audit_event WHERE seq = 7",
        ),
        (
            "an event that was unlinked, changed and put into the queue",
            "DELETE FROM audit_link WHERE seq = 20; UPDATE audit_event SET body = body || ' ', waiting = 1 WHERE seq = 20",
        ),
        ("a linked event in the queue, without its link", "DELETE FROM audit_link WHERE seq = 7; UPDATE audit_event SET waiting = 1 WHERE seq = 7"),
        ("a changed hash", "UPDATE audit_link SET hash = zeroblob(32) WHERE seq = 7"),
        ("no checkpoint", "DELETE FROM checkpoint"),
        ("a moved checkpoint", "UPDATE checkpoint SET position = 5"),
        ("a changed checkpoint", "UPDATE checkpoint SET body = replace(body, '2027', '2026')"),
    ];
    for (what, sql) in table {
        let world = World::new().await;
        world.attack(sql);
        let mut warden = world.warden();
        warden.chain().await;
        assert!(world.alerts().await.contains(&"chaveiro.record_damaged"), "{what}");
        assert!(world.complaint().is_some_and(|text| text.contains("damaged")), "{what}");
        let alerts = world.alerts().await.len();
        warden.chain().await;
        assert_eq!(world.alerts().await.len(), alerts, "{what} alerts once");
    }
}

#[tokio::test]
async fn an_event_that_is_linked_after_a_younger_one_is_no_damage() {
    let world = World::new().await;
    let mut warden = world.warden();
    // The linker does not see the first of two events yet: its unit of work ends after that of the second.
    let append = |unit: &mut dyn UnitOfWork| {
        (0..2).try_for_each(|_| {
            let event = AuditEvent::new(TENANT, still().now(), Actor::system(), Activity::ActionRequested);
            Ok::<_, Fault>(unit.append_audit(&event)?)
        })
    };
    world.store.write(append).await.expect("recorded");
    world.attack("UPDATE audit_event SET waiting = 0 WHERE seq = 21");
    world.record(1).await;
    world.attack("UPDATE audit_event SET waiting = 1 WHERE seq = 21");
    warden.chain().await;
    world.record(1).await;
    for _ in 0..2 {
        warden.chain().await;
        assert_eq!((world.complaint(), world.alerts().await), (None, vec![]));
    }
    let order = world.store.read(|view| Ok(view.chained_events(TENANT, 20, 10)?)).await.expect("read");
    assert_eq!(order.iter().map(|chained| chained.event.seq).collect::<Vec<_>>(), [22, 23, 21, 24]);
}

#[tokio::test]
async fn an_event_that_is_edited_after_it_was_verified_is_found_in_the_next_round() {
    let world = World::new().await;
    let mut warden = world.warden();
    warden.chain().await;
    world.attack("UPDATE audit_event SET body = replace(body, 'actionRequested', 'actionRefused') WHERE seq = 7");
    warden.chain().await;
    assert_eq!(world.alerts().await, ["chaveiro.record_damaged"]);
}

#[tokio::test]
async fn a_record_that_becomes_shorter_or_another_while_the_server_runs_is_found() {
    let cut = "DELETE FROM audit_link WHERE seq > 15; DELETE FROM audit_event WHERE seq > 15; DELETE FROM checkpoint WHERE position > 15;";
    for (what, sql) in [
        ("cut", cut.to_owned()),
        (
            "relinked",
            format!(
                "{cut} UPDATE audit_event SET body = replace(body, '\"system\"', '\"device\"') WHERE seq = 15; DELETE FROM audit_link WHERE seq = 15;"
            ),
        ),
    ] {
        let world = World::new().await;
        let mut warden = world.warden();
        world.record(10).await;
        warden.chain().await;
        assert_eq!(world.complaint(), None, "{what}");
        world.record(5).await;
        warden.chain().await;
        assert_eq!(world.complaint(), None, "{what}");
        world.attack(&sql);
        world.record(1).await;
        warden.chain().await;
        assert_eq!(world.alerts().await.first(), Some(&"chaveiro.record_damaged"), "{what}");
    }
}

#[tokio::test]
async fn checkpoints_reach_a_file_a_socket_and_an_address_and_one_that_fails_is_told() {
    let world = World::new().await;
    let directory = world.directory.path();
    let (file, socket) = (directory.join("kept/checkpoints.jsonl"), directory.join("log.sock"));
    let syslog = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
    syslog.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    let complaints = Arc::new(Complaints::new(Arc::clone(&world.health)));
    let targets = Targets { file: Some(file.clone()), syslog: Some(socket), webhook: None };
    let shipping = Shipping::new(Arc::clone(&world.store), complaints, world.signer.lineage().clone(), targets);
    shipping.ship().await;
    assert!(world.complaint().is_some_and(|text| text.contains("checkpoint-file")), "its directory is missing");
    let mut bytes = [0; 4096];
    let read = syslog.recv(&mut bytes).expect("told");
    let told = String::from_utf8_lossy(&bytes[..read]).into_owned();
    assert!(told.starts_with("<85>chaveiro[") && told.contains("\"position\":20"), "{told}");

    std::fs::create_dir(directory.join("kept")).expect("made");
    shipping.ship().await;
    assert_eq!(world.complaint(), None);
    shipping.ship().await;
    world.record(3).await;
    shipping.ship().await;
    let text = std::fs::read_to_string(&file).expect("written");
    assert_eq!(text.lines().count(), 2, "each once: {text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    // An export is compared with the copy that was kept outside.
    let (key, lineage) = (world.signer.public_key(), world.signer.lineage().clone());
    let exported = world.store.read(move |view| {
        let mut out = Vec::new();
        chaveiro_audit::export(view, TENANT, &lineage, &mut out).expect("exported");
        Ok(out)
    });
    let export = exported.await.expect("read");
    let mut kept = text.as_bytes();
    let expected = chaveiro_audit::Expected {
        earlier: Some(chaveiro_audit::Earlier::File(&mut kept)),
        ..chaveiro_audit::Expected::signed_by(&key)
    };
    assert_eq!(chaveiro_audit::verify(&mut export.as_slice(), expected).expect("sound").continues, Some(23));
}

#[tokio::test]
async fn a_page_of_the_record_that_was_edited_is_not_vouched_for_and_is_told_at_once() {
    for (attack, damaged) in [
        ("UPDATE audit_event SET body = replace(body, 'actionRequested', 'deviceEnrolled') WHERE seq = 7", 7),
        ("DELETE FROM audit_event WHERE seq = 6", 7),
        ("DELETE FROM audit_link WHERE seq = 7", 7),
        ("UPDATE audit_link SET hash = zeroblob(32) WHERE seq = 7", 7),
        ("UPDATE audit_link SET hash = zeroblob(32) WHERE seq = 6", 7),
        ("UPDATE audit_event SET body = body || ' ' WHERE seq = 1", 1),
    ] {
        let world = World::new().await;
        let (warden, notary) = world.warden_and_notary();
        let notary = Arc::new(notary);
        let page = |seqs: std::ops::RangeInclusive<i64>| {
            let (store, notary) = (Arc::clone(&world.store), Arc::clone(&notary));
            async move {
                let vouches = store.read(move |view| {
                    let all = view.audit_events(TENANT, &Visibility::All, &Listing::first(1000))?.items;
                    let page: Vec<_> = all.iter().map(|named| &named.event).collect();
                    let page: Vec<_> = page.into_iter().filter(|event| seqs.contains(&event.seq)).collect();
                    Ok(notary.vouches_for(view, &page)?)
                });
                vouches.await.expect("read")
            }
        };
        assert!(page(1..=20).await && page(7..=7).await, "{attack}");
        let stop = CancellationToken::new();
        let watching = tokio::spawn(warden.watch(stop.clone()));
        // The first look is over, and the next one far away.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.alerts().await, Vec::<&str>::new(), "{attack}");
        world.attack(&format!("PRAGMA foreign_keys = OFF; {attack}"));
        assert!(!page(damaged..=damaged).await, "{attack}");
        assert!(!page(1..=20).await, "{attack}");
        assert!(page(12..=20).await, "what is elsewhere is served: {attack}");
        for _ in 0..100 {
            if world.complaint().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(world.alerts().await.contains(&"chaveiro.record_damaged"), "{attack}");
        assert!(world.complaint().is_some_and(|text| text.contains("damaged")), "{attack}");
        stop.cancel();
        watching.await.expect("ended");
    }
}

/// Accepts posts, except those with these numbers.
async fn receiver(refused: &'static [usize]) -> (String, Arc<Mutex<Vec<(u16, Value)>>>, CancellationToken) {
    let heard: Arc<Mutex<Vec<(u16, Value)>>> = Arc::default();
    let kept = Arc::clone(&heard);
    let take = move |body: String| {
        let mut kept = kept.lock().expect("unpoisoned");
        let status = if refused.contains(&kept.len()) { 503 } else { 204 };
        kept.push((status, serde_json::from_str(&body).expect("JSON")));
        std::future::ready(http::StatusCode::from_u16(status).expect("a status"))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/checkpoints", listener.local_addr().expect("an address"));
    let stop = CancellationToken::new();
    let ended = stop.clone();
    let router = axum::Router::new().route("/checkpoints", axum::routing::post(take));
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { ended.cancelled().await });
        served.await.expect("served");
    });
    (url, heard, stop)
}

#[tokio::test]
async fn an_address_gets_each_checkpoint_once_in_order_and_a_refusal_is_told_and_tried_again() {
    const OTHER: TenantId = TenantId(Uuid::from_u128(2));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let world = World::new().await;
    let other = world.store.write(|unit| {
        let tenant = unit.tenant(TENANT)?.map(|tenant| Tenant { id: OTHER, display_name: "o".to_owned(), ..tenant });
        unit.insert_tenant(&tenant.expect("a tenant"))?;
        Ok(unit.append_audit(&AuditEvent::new(OTHER, still().now(), Actor::system(), Activity::TenantCreated))?)
    });
    other.await.expect("a second tenant");
    world.record(2).await;
    // The first post is refused; then that of the second tenant.
    let (url, heard, stop) = receiver(&[0, 2]).await;
    let complaints = Arc::new(Complaints::new(Arc::clone(&world.health)));
    let webhook = Some(Receiver { url, client: reqwest::Client::new() });
    let targets = Targets { webhook, ..Targets::default() };
    let lineage = world.signer.lineage().clone();
    let shipping = Shipping::new(Arc::clone(&world.store), complaints, lineage, targets);
    for _ in 0..2 {
        shipping.ship().await;
        let complaint = world.complaint().unwrap_or_default();
        assert!(complaint.contains("checkpoint-url") && complaint.contains("503"), "{complaint}");
    }
    for _ in 0..3 {
        shipping.ship().await;
        assert_eq!(world.complaint(), None);
    }
    for _ in 0..3 {
        world.record(2).await;
        shipping.ship().await;
        shipping.ship().await;
    }
    stop.cancel();
    let heard = heard.lock().expect("unpoisoned").clone();
    let heard: Vec<(u16, KeptCheckpoint)> =
        heard.into_iter().map(|(status, body)| (status, serde_json::from_value(body).expect("a checkpoint"))).collect();
    let places: Vec<_> = heard.iter().map(|(status, kept)| (*status, kept.tenant, kept.position)).collect();
    assert_eq!(
        places,
        [
            (503, TENANT, 22),
            (204, TENANT, 22),
            (503, OTHER, 1),
            (204, OTHER, 1),
            (204, TENANT, 24),
            (204, TENANT, 26),
            (204, TENANT, 28)
        ]
    );
    for (_, kept) in &heard {
        assert!(kept.verified(&world.signer.public_key()).is_some(), "{kept:?}");
    }
}
