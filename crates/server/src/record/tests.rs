//! What others change in the record and in rows that grant something is found and told while the server runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use chaveiro_audit::{Signer, extend};
use chaveiro_core::application::Application;
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use chaveiro_store_sqlite::SqliteStore;
use rusqlite::Connection;

use super::*;
use crate::checkpoints::{Shipping, Targets};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }
}

#[derive(Default)]
struct Rung(AtomicUsize);

impl Alarm for Rung {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct World {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    signer: Signer,
    health: Arc<Health>,
    rung: Arc<Rung>,
}

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let signer = Signer::create(&directory.path().join("audit.key")).expect("a key");
        let tenant = Tenant {
            id: TENANT,
            display_name: "t".to_owned(),
            licence: Licence::Active,
            entra_tenant: None,
            settings: TenantSettings::default(),
            created: Still.now(),
        };
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
                unit.append_audit(&AuditEvent::new(TENANT, Still.now(), Actor::system(), Activity::ActionRequested))?;
            }
            Ok(())
        };
        self.store.write(work).await.expect("recorded");
        let signer = Signer::open(&self.directory.path().join("audit.key")).expect("the key");
        self.store.write(move |unit| extend(unit, &signer, Still.now(), 1000)).await.expect("linked");
    }

    fn warden(&self) -> Warden {
        let complaints = Arc::new(Complaints::new(Arc::clone(&self.health)));
        let (store, alarm) = (Arc::clone(&self.store), Arc::clone(&self.rung) as Arc<dyn Alarm>);
        Warden::new(store, Arc::new(Still), alarm, complaints, self.signer.public_key())
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
    let shipping = Shipping::new(Arc::clone(&world.store), complaints, world.signer.public_key(), targets);
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
    // What was kept outside is what an export is compared with.
    let key = world.signer.public_key();
    let exported = world.store.read(move |view| {
        let mut out = Vec::new();
        chaveiro_audit::export(view, TENANT, &key, &mut out).expect("exported");
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
