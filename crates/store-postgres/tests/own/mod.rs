//! What concerns PostgreSQL alone: its address and certificates, its bounds, and rows that another program wrote.

use std::path::Path;
use std::sync::Arc;

use chaveiro_core::application::Application;
use chaveiro_core::caller::Actor;
use chaveiro_core::device::{InventoryField, ManagedDevice, Platform};
use chaveiro_core::hold::{Hold, HoldKind};
use chaveiro_core::id::{ApplicationId, DeviceId, HoldId, TenantId};
use chaveiro_core::ports::{DeviceScope, Fault, RowPlace, Store, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Listing, Test};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Refusal, Timestamp};
use chaveiro_store_postgres::{ConnectError, Files, OpenError, Options, PostgresStore, Target};
use libtest_mimic::Trial;
use tempfile::TempDir;
use uuid::Uuid;

use crate::cluster::{Cluster, cluster, remove};
use crate::{keys, template};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(2));
const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(3));

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn trials() -> Vec<Trial> {
            vec![$(Trial::test(stringify!($name), || {
                $name();
                Ok(())
            })),*]
        }
    };
}

trials![
    a_row_that_another_program_wrote_grants_nothing_and_is_told,
    without_a_hold_that_was_removed_nothing_is_decided,
    a_list_that_would_cost_too_much_is_refused_and_a_plain_one_is_not,
    a_newer_schema_and_another_key_are_refused,
    a_network_is_crossed_only_with_the_right_certificates,
    an_address_that_is_none_is_told_without_its_password,
    a_server_works_with_a_password_and_the_rights_of_the_script,
];

/// A database with one tenant.
struct World {
    database: String,
    keys: TempDir,
}

impl World {
    /// Makes it, signed with a key of its own.
    fn new() -> Self {
        let world = Self { database: cluster().fresh("template0"), keys: tempfile::tempdir().expect("a directory") };
        let store = world.open(|_| {});
        write(&store, |unit| unit.insert_tenant(&Tenant::new(TENANT, "t", at(0))));
        world
    }

    fn options(&self) -> Options {
        let target = Target::new(&cluster().address(&self.database), &Files::default()).expect("a target");
        Options { pool: 2, ..Options::new(target, self.keys.path()) }
    }

    fn open(&self, change: impl FnOnce(&mut Options)) -> Arc<dyn Store> {
        let mut options = self.options();
        change(&mut options);
        Arc::new(PostgresStore::open(options).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Runs statements as another program with the rights of the store.
    fn forge(&self, sql: &str) {
        cluster().run_in(&self.database, sql);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        remove(&self.database);
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn write(
    store: &Arc<dyn Store>,
    work: impl Fn(&mut dyn chaveiro_core::ports::UnitOfWork) -> Result<(), StoreError> + Send + 'static,
) {
    runtime().block_on(store.write(move |unit| Ok(work(unit)?))).unwrap_or_else(|fault| panic!("{fault}"));
}

fn read<T: Send + 'static>(
    store: &Arc<dyn Store>,
    look: impl FnOnce(&dyn chaveiro_core::ports::View) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Fault<Refusal>> {
    runtime().block_on(store.read(move |view| Ok(look(view)?)))
}

fn application(name: &str) -> Application {
    Application {
        tenant: TENANT,
        id: APPLICATION,
        display_name: name.to_owned(),
        permissions: Vec::new(),
        delegated: Vec::new(),
        public: false,
        secrets: Vec::new(),
        certificates: Vec::new(),
        created: at(1),
    }
}

fn a_row_that_another_program_wrote_grants_nothing_and_is_told() {
    let world = World::new();
    let store = world.open(|_| {});
    write(&store, |unit| unit.insert_application(&application("a")));
    let there = |store| read(store, |view| view.application(TENANT, APPLICATION)).expect("read").is_some();
    assert!(there(&store));
    world.forge("UPDATE application SET delegated = '[\"DeviceManagementManagedDevices.PrivilegedOperations.All\"]'");
    assert!(!there(&store));
    // A change by this program does not make it sound.
    write(&store, |unit| {
        let changed = application("b");
        unit.update_application(&changed)
    });
    assert!(!there(&store));
    let look = read(&store, |view| view.unsound_rows(RowPlace::default(), 100)).expect("read");
    let told: Vec<_> = look.unsound.iter().map(|row| (row.table, row.row.is_some())).collect();
    assert_eq!(told, [("application", false), ("application", true)], "the set and the row");
    write(&store, |unit| unit.settle_rows(true).map(drop));
    let look = read(&store, |view| view.unsound_rows(RowPlace::default(), 100)).expect("read");
    assert_eq!(look.unsound, []);
}

fn without_a_hold_that_was_removed_nothing_is_decided() {
    let world = World::new();
    let store = world.open(|_| {});
    write(&store, |unit| {
        unit.insert_hold(&Hold {
            id: HoldId(Uuid::from_u128(4)),
            tenant: TENANT,
            kind: HoldKind::Asking,
            party: None,
            placed: at(1),
            caused_by: Actor::system(),
            counted: 1,
            released: None,
        })
    });
    assert_eq!(read(&store, |view| view.standing_holds(TENANT)).expect("read").len(), 1);
    world.forge("DELETE FROM hold");
    let refused = read(&store, |view| view.standing_holds(TENANT));
    assert!(matches!(refused, Err(Fault::Store(StoreError::Inconsistent(_)))), "{refused:?}");
}

fn a_list_that_would_cost_too_much_is_refused_and_a_plain_one_is_not() {
    let world = World::new();
    let store = world.open(|options| options.list_cost = 1.0);
    write(&store, |unit| unit.insert_device(&ManagedDevice::new(TENANT, DEVICE, Platform::Windows, at(1))));
    let list = |store: &Arc<dyn Store>, filter: Filter<DeviceField>| {
        read(store, move |view| {
            let listing = Listing { filter, order: Vec::new(), after: None, skip: 0, limit: 10 };
            view.devices(TENANT, DeviceScope::all(), &Visibility::All, &listing).map(|page| page.items.len())
        })
    };
    let field = DeviceField::Reported(InventoryField::DEVICE_NAME);
    let contains = Filter::Is { field, test: Test::Contains("x".to_owned()), holds: true };
    assert_eq!(list(&store, Filter::All(Vec::new())).expect("read"), 1);
    let refused = list(&store, contains.clone());
    assert!(matches!(refused, Err(Fault::Store(StoreError::TooCostly))), "{refused:?}");
    let store = world.open(|_| {});
    assert_eq!(list(&store, contains).expect("read"), 0);
}

fn a_newer_schema_and_another_key_are_refused() {
    let world = World::new();
    let others = Options { directory: keys().to_owned(), ..world.options() };
    let _ = template();
    let refused = PostgresStore::open(others).err();
    assert!(matches!(refused, Some(OpenError::RowKey(_))), "{refused:?}");
    world.forge("INSERT INTO schema_history (version, name, sha256) VALUES (999, 'later', '')");
    let refused = PostgresStore::open(world.options()).err();
    assert!(matches!(refused, Some(OpenError::Newer { found: 999, .. })), "{refused:?}");
}

fn an_address_that_is_none_is_told_without_its_password() {
    let refused = Target::new("postgres://ana:secret@db.example:port/chaveiro", &Files::default()).err();
    let text = refused.expect("refused").to_string();
    assert!(text.contains("db.example") && !text.contains("secret"), "{text}");
}

/// A certificate and its key, as files.
struct Pair {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

fn authority() -> (rcgen::CertificateParams, Pair) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = parameters.self_signed(&key).expect("signed");
    (parameters, Pair { certificate, key })
}

/// Returns a certificate of that name.
fn certified(name: &str, by: &(rcgen::CertificateParams, Pair)) -> Pair {
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().expect("a key");
    let issuer = rcgen::Issuer::from_params(&by.0, &by.1.key);
    Pair { certificate: parameters.signed_by(&key, &issuer).expect("signed"), key }
}

fn kept(directory: &Path, name: &str, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let file = directory.join(name);
    std::fs::write(&file, text).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    file
}

fn a_network_is_crossed_only_with_the_right_certificates() {
    let (ours, others) = (authority(), authority());
    let (server, client) = (certified("localhost", &ours), certified("postgres", &ours));
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let root = ours.1.certificate.pem();
    let cluster = Cluster::start(
        &[
            ("server.crt", &server.certificate.pem()),
            ("server.key", &server.key.serialize_pem()),
            ("root.crt", &root),
            ("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 cert\n"),
        ],
        &["listen_addresses=127.0.0.1", "ssl=on", "ssl_ca_file=root.crt"],
        port,
    );
    let (files, keys) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let roots = kept(files.path(), "roots.pem", &root);
    let strangers = kept(files.path(), "strangers.pem", &others.1.certificate.pem());
    let chain = kept(files.path(), "client.pem", &client.certificate.pem());
    let key = kept(files.path(), "client.key", &client.key.serialize_pem());
    let open = |host: &str, parameters: &str, roots: &Path, identity: bool| {
        let identity = identity.then(|| (chain.clone(), key.clone()));
        let address = format!("postgres://postgres@{host}:{port}/postgres{parameters}");
        let files = Files { roots: Some(roots.to_owned()), identity, password: None };
        let target = Target::new(&address, &files).expect("a target");
        PostgresStore::open(Options { pool: 1, ..Options::new(target, keys.path()) }).map(drop)
    };
    for (what, host, parameters, roots, identity) in [
        ("another authority", "localhost", "", &strangers, true),
        ("another name", "127.0.0.1", "", &roots, true),
        ("no certificate", "localhost", "", &roots, false),
        ("no TLS", "localhost", "?sslmode=disable", &roots, true),
    ] {
        let refused = open(host, parameters, roots, identity);
        assert!(matches!(refused, Err(OpenError::Connection(ConnectError::Database(_)))), "{what}: {refused:?}");
    }
    for parameters in ["", "?sslmode=prefer"] {
        open("localhost", parameters, &roots, true).unwrap_or_else(|error| panic!("{parameters}: {error}"));
    }
    drop(cluster);
}

fn a_server_works_with_a_password_and_the_rights_of_the_script() {
    let hba = "local all chaveiro scram-sha-256\nlocal all all trust\n";
    let cluster = Cluster::start(&[("pg_hba.conf", hba)], &[], 5433);
    let files = tempfile::tempdir().expect("a directory");
    let target = |address: &str, password: Option<&str>| {
        let password = password.map(|text| kept(files.path(), "password", text));
        Target::new(address, &Files { password, ..Files::default() }).expect("a target")
    };
    let keys = tempfile::tempdir().expect("a directory");
    let open = |target| PostgresStore::open(Options { pool: 2, ..Options::new(target, keys.path()) });
    let owner = cluster.address("postgres");
    drop(open(target(&owner, None)).expect("migrated"));
    cluster.run("CREATE ROLE chaveiro LOGIN PASSWORD 'right'");
    cluster.run(&include_str!("../../roles.sql").replace(":server", "chaveiro"));
    let server = owner.replace("user=postgres", "user=chaveiro");
    let refused = open(target(&server, Some("wrong\n"))).map(drop);
    assert!(matches!(refused, Err(OpenError::Connection(_))), "{refused:?}");
    let store: Arc<dyn Store> = Arc::new(open(target(&server, Some("right\n"))).expect("opened"));
    write(&store, |unit| unit.insert_tenant(&Tenant::new(TENANT, "t", at(0))));
    write(&store, |unit| unit.insert_device(&ManagedDevice::new(TENANT, DEVICE, Platform::Windows, at(1))));
    assert!(read(&store, |view| view.device(TENANT, DEVICE)).expect("read").is_some());
    let mut config: tokio_postgres::Config = server.parse().expect("an address");
    config.password("right");
    for forbidden in ["CREATE TABLE mine ()", "DROP TABLE turn", "DELETE FROM audit_link", "TRUNCATE hold"] {
        let refused = cluster.try_as(&config, forbidden);
        assert!(refused.is_some_and(|code| code == "42501"), "{forbidden}");
    }
}
