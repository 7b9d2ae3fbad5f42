//! An intruder who writes the database without the key of its rows can do nothing.

use std::path::Path;
use std::sync::Arc;

use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::application::{Application, ApplicationSecret};
use chaveiro_core::caller::{Actor, Caller, HostUser};
use chaveiro_core::decisions::rights;
use chaveiro_core::device::{ManagedDevice, Platform};
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing};
use chaveiro_core::hold::{Hold, HoldKind, HoldRule, Release};
use chaveiro_core::id::{
    ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, HoldId, ResourceId, SecretId, TenantId,
};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{RowPlace, Store, UnitOfWork, UnsoundRow, View};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::query::Filter;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::rights::Rights;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::sign_in::{self, SignIn};
use chaveiro_core::tenant::{Tenant, TenantSettings};
use chaveiro_core::{Fault, Timestamp};
use chaveiro_store_sqlite::{OpenError, RowKeyError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(2));
const ACTION: ActionId = ActionId(Uuid::from_u128(3));
const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(4));
const TOKEN: [u8; 32] = [7; 32];
const CERTIFICATE: [u8; 32] = [8; 32];

fn caller(of: PrincipalKind) -> Caller {
    let kind = match of {
        PrincipalKind::Application => chaveiro_core::caller::ActorKind::Application,
        PrincipalKind::User | PrincipalKind::Group => chaveiro_core::caller::ActorKind::Delegated,
    };
    let user_id = (of == PrincipalKind::User).then(|| "mallory".to_owned());
    Caller {
        tenant: TENANT,
        actor: Actor {
            kind,
            application_id: APPLICATION.to_string(),
            user_id,
            ..Actor::operator(&HostUser::new("root", 0))
        },
        permissions: [Permission::PrivilegedOperationsAll].into_iter().collect(),
        directory_roles: Vec::new(),
        groups: Vec::new(),
        local: true,
        issued: Some(at(0)),
    }
}

fn secret_hash(number: u128, hash: &str) -> ApplicationSecret {
    ApplicationSecret {
        id: id(number),
        display_name: None,
        hint: "abc".to_owned(),
        hash: hash.to_owned(),
        created: at(0),
        expires: at(1_000_000),
    }
}

fn application() -> Application {
    Application {
        id: APPLICATION,
        public: false,
        delegated: Vec::new(),
        permissions: vec![Permission::PrivilegedOperationsAll],
        secrets: vec![secret_hash(40, "old")],
        ..Application::command_line(TENANT)
    }
}

fn assignment(number: u128, kind: PrincipalKind, name: &str, tag: &str) -> RoleAssignment {
    RoleAssignment {
        id: AssignmentId(id(number)),
        tenant: TENANT,
        display_name: None,
        description: None,
        role: Role::parse("read-only-operator").expect("a role"),
        principal: Principal::new(kind, name),
        scope: Visibility::Tagged([tag.to_owned()].into_iter().collect()),
        created: at(0),
    }
}

fn hold() -> Hold {
    let (caused_by, counted, released) = (Actor::operator(&HostUser::new("root", 0)), 10, None);
    Hold {
        id: HoldId(id(9)),
        tenant: TENANT,
        placed: at(0),
        caused_by,
        counted,
        released,
        kind: HoldKind::Asking,
        party: None,
    }
}

fn tenant(number: u128) -> Tenant {
    Tenant::new(TenantId(id(number)), format!("tenant {number}"), at(0))
}

fn device() -> ManagedDevice {
    let scope_tags = ["board".to_owned()].into_iter().collect();
    ManagedDevice { scope_tags, ..ManagedDevice::new(TENANT, DEVICE, Platform::Linux, at(0)) }
}

fn user() -> Resource {
    Resource {
        tenant: TENANT,
        kind: ResourceKind::User,
        id: ResourceId(id(20)),
        owner: None,
        device: None,
        alternate_key: Some("mallory@example.org".to_owned()),
        properties: "{\"accountEnabled\":false,\"userPrincipalName\":\"mallory@example.org\"}".to_owned(),
        created: at(0),
        modified: at(0),
    }
}

fn sign_in() -> SignIn {
    SignIn {
        tenant: TENANT,
        application: APPLICATION,
        handle_sha256: [5; 32],
        user_code: "ABCD".to_owned(),
        scope: "x".to_owned(),
        standing: sign_in::Standing::Pending,
        user: None,
        refresh_sha256: None,
        previous_sha256: None,
        created: at(0),
        expires: at(1000),
        asked: None,
        address: None,
    }
}

fn fill(unit: &mut dyn UnitOfWork) -> Result<(), Fault> {
    unit.insert_tenant(&tenant(1))?;
    unit.insert_tenant(&tenant(100))?;
    unit.insert_device(&device())?;
    unit.insert_enrollment(&Enrollment {
        id: EnrollmentId(id(6)),
        tenant: TENANT,
        device: DEVICE,
        certificate_sha256: CERTIFICATE,
        reported_id: "oma".to_owned(),
        needs_certificate: false,
        created: at(0),
        closed: None,
    })?;
    unit.close_enrollment(EnrollmentId(id(6)), at(1))?;
    unit.insert_application(&application())?;
    unit.insert_role_assignment(&assignment(10, PrincipalKind::Application, &APPLICATION.to_string(), "lisbon"))?;
    unit.insert_role_assignment(&assignment(11, PrincipalKind::User, "mallory", "lisbon"))?;
    unit.insert_hold(&hold())?;
    unit.set_tokens_valid_from(TENANT, &Principal::new(PrincipalKind::User, "mallory"), at(10))?;
    let used = Some((at(1), EnrollmentId(id(6))));
    let (user_of_token, created, expires) = (None, at(0), at(1000));
    unit.insert_enrollment_token(&EnrollmentToken {
        token_sha256: TOKEN,
        tenant: TENANT,
        user: user_of_token,
        created,
        expires,
        used,
        replaces: None,
    })?;
    unit.insert_resource(&user())?;
    unit.insert_sign_in(&sign_in())?;
    let caller = caller(PrincipalKind::Application);
    let recovery = ActionRecord {
        state: ActionState::Done,
        ..ActionRecord::pending(ACTION, (TENANT, DEVICE), "recoverPasscode", caller.actor, at(0))
    };
    unit.insert_action(&recovery)?;
    unit.insert_secret(&EscrowedSecret {
        id: SecretId(id(30)),
        context: SecretContext {
            tenant: TENANT,
            device: DEVICE,
            action: ACTION,
            attempt: 1,
            kind: SecretKind::Passcode,
        },
        envelope: Some(vec![1, 2, 3]),
        standing: Standing::Current,
        received: at(0),
        expires: at(900),
        disclosed: Some((at(1), "ana".to_owned())),
    })?;
    Ok(())
}

struct World {
    directory: TempDir,
    store: Option<Arc<dyn Store>>,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        store.write(fill).await.expect("filled");
        Self { directory, store: Some(store) }
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.store.as_ref().expect("a store")
    }

    /// Writes the database as an intruder who has it and nothing else.
    fn attack(&self, sql: &str) {
        let connection = Connection::open(self.directory.path().join("chaveiro.db")).expect("opened");
        connection.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Every row that does not verify.
    async fn unsound(&self) -> Vec<UnsoundRow> {
        self.store().read(|view| unsound(view, 2)).await.expect("read")
    }

    async fn granted(&self, what: fn(&dyn View) -> Result<bool, Fault>) -> Result<bool, Fault> {
        self.store().read(what).await
    }
}

fn unsound(view: &dyn View, limit: usize) -> Result<Vec<UnsoundRow>, Fault> {
    let (mut found, mut place) = (Vec::new(), RowPlace::default());
    loop {
        let look = view.unsound_rows(place, limit)?;
        found.extend(look.unsound);
        place = look.next;
        if place == RowPlace::default() {
            return Ok(found);
        }
    }
}

fn is_application_stronger(view: &dyn View) -> Result<bool, Fault> {
    let found = view.applications(TENANT)?;
    let one = view.application(TENANT, ApplicationId(id(99)))?;
    let known = view.application(TENANT, APPLICATION)?;
    let leaked = known.is_some_and(|known| known.secrets.iter().any(|secret| secret.hash == "forged"));
    Ok(leaked || one.is_some() || found.len() > 1)
}

/// The rights of the caller of that kind; `None` if it has none.
fn rights_of(view: &dyn View, kind: PrincipalKind) -> Result<Option<Rights>, Fault> {
    permitted(rights::of(view, &caller(kind)))
}

/// Returns `None` for a refusal.
fn permitted<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Fault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn is_unbound(view: &dyn View) -> Result<bool, Fault> {
    Ok(rights_of(view, PrincipalKind::Application)? == Some(Rights::Permissions))
}

fn has_role_everywhere(view: &dyn View) -> Result<bool, Fault> {
    let rights = rights_of(view, PrincipalKind::User)?;
    Ok(rights.is_some_and(|rights| rights.sight() != Visibility::Tagged(["lisbon".to_owned()].into_iter().collect())))
}

fn is_not_held(view: &dyn View) -> Result<bool, Fault> {
    Ok(view.holds(TENANT, 1)?.first().is_none_or(|hold| hold.released.is_some()))
}

fn has_no_hold_rule(view: &dyn View) -> Result<bool, Fault> {
    Ok(view.tenant(TENANT)?.is_some_and(|tenant| tenant.settings.hold != HoldRule::default()))
}

fn is_token_valid(view: &dyn View) -> Result<bool, Fault> {
    Ok(permitted(chaveiro_core::decisions::revocation::require_valid(view, &caller(PrincipalKind::User)))?.is_some())
}

fn is_in_lisbon(view: &dyn View) -> Result<bool, Fault> {
    let tags = ["lisbon".to_owned()].into_iter().collect();
    let (visible, all) = (Visibility::Tagged(tags), Filter::All(Vec::new()));
    let listed = view.count_devices(TENANT, chaveiro_core::ports::DeviceScope::all(), &visible, &all)?;
    let device = view.device(TENANT, DEVICE)?.expect("the device");
    Ok(listed > 0 || device.scope_tags.contains("lisbon"))
}

fn is_readable_by_mallory(view: &dyn View) -> Result<bool, Fault> {
    let secrets = view.secrets(TENANT, ACTION)?;
    let decide = chaveiro_core::decisions::disclose_passcode::decide;
    Ok(secrets.iter().any(|secret| decide(secret, "mallory", at(10)).is_ok()))
}

fn serves_a_used_token(view: &dyn View) -> Result<bool, Fault> {
    let tokens = [TOKEN, [9; 32]].map(|sha256| view.enrollment_token(&sha256));
    for token in tokens {
        if token?.is_some_and(|token| token.used.is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_enrolled_again(view: &dyn View) -> Result<bool, Fault> {
    let by_certificate = view.enrollment_by_certificate(&CERTIFICATE)?;
    let open = view.open_enrollment(TENANT, DEVICE)?;
    Ok(open.is_some() || by_certificate.is_some_and(|enrollment| enrollment.closed.is_none()))
}

/// True if rows speak for a device or an action that they do not belong to.
fn has_rows_of_another(view: &dyn View) -> Result<bool, Fault> {
    let other = DeviceId(id(99));
    let enrollment = view.enrollment_by_certificate(&CERTIFICATE)?;
    let device = view.device(TENANT, other)?;
    let secrets = view.secrets(TENANT, ActionId(id(99)))?;
    let is_tagged = device.is_some_and(|device| !device.scope_tags.is_empty());
    Ok(enrollment.is_some_and(|enrollment| enrollment.device == other) || is_tagged || !secrets.is_empty())
}

fn is_another_user(view: &dyn View) -> Result<bool, Fault> {
    let by_key = view.resource_by_key(TENANT, ResourceKind::User, "admin@example.org")?;
    let by_id = view.resource(TENANT, ResourceKind::User, user().id)?;
    Ok(by_key.is_some() || by_id.is_some_and(|found| found.properties != user().properties))
}

fn is_signed_in(view: &dyn View) -> Result<bool, Fault> {
    Ok(view.sign_in(TENANT, &[5; 32])?.is_some_and(|sign_in| sign_in.standing != sign_in::Standing::Pending))
}

#[tokio::test]
async fn a_writer_of_the_database_grants_nothing_and_every_attempt_is_found() {
    type Granted = fn(&dyn View) -> Result<bool, Fault>;
    let table: &[(&str, &str, Granted)] = &[
        (
            "an application of theirs",
            "INSERT INTO application (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created, mac)
            SELECT tenant, x'00000000000000000000000000000063', 'x', permissions, delegated, public, secrets, certificates, created, mac FROM application",
            is_application_stronger,
        ),
        (
            "a secret of theirs",
            "UPDATE application SET secrets = replace(secrets, 'old', 'forged')",
            is_application_stronger,
        ),
        ("no role that binds the application", "DELETE FROM role_assignment WHERE kind = 'application'", is_unbound),
        ("a role that binds another", "UPDATE role_assignment SET principal = 'x' WHERE kind = 'application'", is_unbound),
        ("a wider scope", "UPDATE role_assignment SET tags = NULL", has_role_everywhere),
        ("a stronger role", "UPDATE role_assignment SET tags = '[\"board\"]', role = 'intune-administrator'", has_role_everywhere),
        (
            "a role from another tenant",
            "UPDATE role_assignment SET tenant = 2, tags = NULL; UPDATE role_assignment SET tenant = 1",
            has_role_everywhere,
        ),
        ("no hold", "DELETE FROM hold", is_not_held),
        ("a released hold", "UPDATE hold SET released = '{\"at\":\"2027-01-15T08:00:00Z\",\"by\":{}}'", is_not_held),
        ("a hold of another tenant", "UPDATE hold SET tenant = 2", is_not_held),
        ("no note of the holds", "DELETE FROM hold; DELETE FROM row_set", is_not_held),
        (
            "no rule",
            "UPDATE tenant SET settings = replace(settings, '\"recoveries\":50', '\"recoveries\":0')",
            has_no_hold_rule,
        ),
        ("an older moment", "UPDATE revocation SET valid_from = 0", is_token_valid),
        (
            "a scope tag",
            "INSERT INTO device_tag (device, tag, mac) SELECT device, 'lisbon', mac FROM device_tag",
            is_in_lisbon,
        ),
        ("another scope tag", "UPDATE device_tag SET tag = 'lisbon'", is_in_lisbon),
        ("another reader", "UPDATE secret SET disclosed_by = 'mallory'", is_readable_by_mallory),
        ("no reader", "UPDATE secret SET disclosed_by = NULL, disclosed_at = NULL", is_readable_by_mallory),
        (
            "no end",
            "UPDATE secret SET expires = 253370764800000000",
            is_readable_by_mallory,
        ),
        ("an unused token", "UPDATE enrollment_token SET used_at = NULL, used_for = NULL", serves_a_used_token),
        (
            "a token of theirs",
            "INSERT INTO enrollment_token (sha256, tenant, created, expires)
            VALUES (x'0909090909090909090909090909090909090909090909090909090909090909', 1, 0, 4000000000000000)",
            serves_a_used_token,
        ),
        ("an open enrolment", "UPDATE enrollment SET closed = NULL", is_enrolled_again),
        ("another device", "UPDATE device SET id = x'00000000000000000000000000000063'", has_rows_of_another),
        ("another action", "UPDATE action SET id = x'00000000000000000000000000000063'", has_rows_of_another),
        (
            "another name",
            "UPDATE resource SET alternate_key = 'admin@example.org',
            properties = replace(properties, 'mallory', 'admin')",
            is_another_user,
        ),
        ("an enabled account", "UPDATE resource SET properties = replace(properties, 'false', 'true')", is_another_user),
        ("an approved sign-in", "UPDATE sign_in SET standing = 'approved'", is_signed_in),
    ];
    for (what, sql, granted) in table {
        let world = World::new().await;
        assert!(!world.granted(*granted).await.expect(what), "{what} is not granted beforehand");
        assert_eq!(world.unsound().await, [], "{what}");
        world.attack(sql);
        // A decision that cannot be made grants nothing either.
        assert!(!world.granted(*granted).await.unwrap_or(false), "{what} was granted");
        assert_ne!(world.unsound().await, [], "{what} was not found");
    }
}

#[tokio::test]
async fn a_row_that_was_once_valid_is_not_put_back() {
    let copied = "application role_assignment hold tenant";
    let keep: String =
        copied.split(' ').map(|table| format!("CREATE TABLE kept_{table} AS SELECT * FROM {table};")).collect();
    type Change = fn(&mut dyn UnitOfWork) -> Result<(), Fault>;
    type Granted = fn(&dyn View) -> Result<bool, Fault>;
    let back = |table: &str| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};");
    let table: [(&str, Change, Granted, &str); 4] = [
        (
            "application",
            |unit| {
                let mut changed = application();
                changed.secrets = vec![secret_hash(41, "new")];
                Ok(unit.update_application(&changed)?)
            },
            |view| {
                let found = view.application(TENANT, APPLICATION)?;
                Ok(found.is_some_and(|found| found.secrets.iter().any(|secret| secret.hash == "old")))
            },
            "application",
        ),
        (
            "role_assignment",
            |unit| {
                unit.delete_role_assignment(TENANT, AssignmentId(id(11)))?;
                Ok(())
            },
            |view| Ok(rights_of(view, PrincipalKind::User)?.is_some()),
            "role_assignment",
        ),
        (
            "hold",
            |unit| {
                let (at, by) = (at(5), Actor::operator(&HostUser::new("root", 0)));
                let release = Release { at, by, quiet_until: None, reason: None };
                unit.update_hold(&Hold { released: Some(release), ..hold() })?;
                Ok(unit.insert_hold(&Hold { id: HoldId(id(19)), placed: at_later(), ..hold() })?)
            },
            |view| Ok(view.holds(TENANT, 1)?.first().is_none_or(|hold| hold.id == HoldId(id(9)))),
            "hold",
        ),
        (
            "tenant",
            |unit| {
                let settings =
                    TenantSettings { hold: HoldRule { recoveries: 3, ..HoldRule::default() }, ..Default::default() };
                Ok(unit.update_tenant(&Tenant { settings, ..tenant(1) })?)
            },
            |view| Ok(view.tenant(TENANT)?.is_some_and(|tenant| tenant.settings.hold.recoveries == 50)),
            "tenant",
        ),
    ];
    for (what, change, granted, of) in table {
        let world = World::new().await;
        world.attack(&keep);
        world.store().write(change).await.expect(what);
        assert!(!world.granted(granted).await.expect(what), "{what} is over");
        world.attack(&format!("PRAGMA foreign_keys = OFF; {}", back(of)));
        assert!(!world.granted(granted).await.unwrap_or(false), "{what} came back");
        assert!(!world.unsound().await.is_empty(), "{what} was not found");
    }
}

fn at_later() -> Timestamp {
    at(6)
}

#[tokio::test]
async fn a_change_by_the_server_makes_no_forged_row_sound() {
    let world = World::new().await;
    world.attack(
        "UPDATE secret SET disclosed_by = NULL, disclosed_at = NULL;
        UPDATE hold SET counted = 11;
        UPDATE enrollment_token SET used_at = NULL, used_for = NULL;
        INSERT INTO role_assignment (tenant, id, role, kind, principal, created) VALUES (1, x'77', 'intune-administrator', 'user', 'mallory', 0);",
    );
    let before = world.unsound().await.len();
    let work = |unit: &mut dyn UnitOfWork| -> Result<(), Fault> {
        unit.void_secrets(TENANT, DEVICE)?;
        unit.use_enrollment_token(&TOKEN, at(5), EnrollmentId(id(6)))?;
        unit.insert_role_assignment(&assignment(12, PrincipalKind::User, "ana", "lisbon"))?;
        let release =
            Release { at: at(5), by: Actor::operator(&HostUser::new("root", 0)), quiet_until: None, reason: None };
        Ok(unit.update_hold(&Hold { released: Some(release), ..hold() })?)
    };
    world.store().write(work).await.expect("written");
    assert_eq!(world.unsound().await.len(), before);
    assert!(!world.granted(is_readable_by_mallory).await.expect("read"));
    assert!(!world.granted(has_role_everywhere).await.unwrap_or(false));
}

#[tokio::test]
async fn a_schema_that_others_wrote_does_not_make_the_server_sign_for_them() {
    let remade = |secrets: &str, copied: &str| {
        format!(
            "PRAGMA foreign_keys = OFF; BEGIN;
            CREATE TABLE decoy (row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT NULL, display_name TEXT NOT NULL,
                permissions TEXT NOT NULL, created INTEGER NOT NULL, delegated TEXT NOT NULL, public INTEGER NOT NULL,
                secrets TEXT {secrets}, certificates TEXT NOT NULL, mac BLOB, UNIQUE (tenant, id));
            INSERT INTO decoy (row, tenant, id, display_name, permissions, created, delegated, public, certificates, mac{copied})
            SELECT row, tenant, id, display_name, permissions, created, delegated, public, certificates, mac{copied} FROM application;
            DROP TABLE application; ALTER TABLE decoy RENAME TO application; COMMIT;"
        )
    };
    let trigger = "CREATE TRIGGER help AFTER UPDATE ON resource BEGIN
            UPDATE application SET secrets = replace(secrets, 'old', 'forged');
        END;";
    for (what, sql, refused) in [
        ("a trigger", trigger.to_owned(), false),
        ("a cascade", remade("REFERENCES resource (alternate_key) ON UPDATE CASCADE", ", secrets"), true),
        ("a computed column", remade("GENERATED ALWAYS AS ('[]') VIRTUAL", ""), true),
    ] {
        let world = World::new().await;
        world.attack(&sql);
        let rename = |unit: &mut dyn UnitOfWork| -> Result<(), Fault> {
            Ok(unit.update_resource(&Resource { alternate_key: Some("x".to_owned()), ..user() })?)
        };
        assert_eq!(world.store().write(rename).await.is_err(), refused, "{what}");
        assert!(!world.granted(is_application_stronger).await.unwrap_or(false), "{what}");
    }
}

#[tokio::test]
async fn a_row_that_others_added_takes_nothing_from_those_that_are_ours() {
    let world = World::new().await;
    world.attack(
        "INSERT INTO application (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created)
        VALUES (1, x'63', 'x', '[]', '[]', 0, '[]', '[]', 0);
        INSERT INTO role_assignment (tenant, id, role, kind, principal, created) VALUES (1, x'77', 'intune-administrator', 'user', 'mallory', 0);",
    );
    let serves = |view: &dyn View| {
        let rights = rights_of(view, PrincipalKind::User)?;
        Ok(view.application(TENANT, APPLICATION)?.is_some() && rights.is_some())
    };
    assert!(world.granted(serves).await.expect("read"));
}

#[tokio::test]
async fn an_operator_accepts_rows_or_removes_them_and_all_is_well_again() {
    let forge = "UPDATE hold SET counted = 11; UPDATE tenant SET display_name = 'x' WHERE row = 1;
        INSERT INTO application (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created)
        VALUES (1, x'00000000000000000000000000000063', 'x', '[]', '[]', 0, '[]', '[]', 0)";
    for (remove, left) in [(false, 2), (true, 1)] {
        let world = World::new().await;
        world.attack(forge);
        if remove {
            let removed = world.store().write(|unit| Ok(unit.settle_rows(true)?)).await.expect("removed");
            assert_eq!(removed, 1, "what cannot be made again is not removed");
            assert_ne!(world.unsound().await, []);
        }
        world.store().write(|unit| Ok(unit.settle_rows(false)?)).await.expect("accepted");
        assert_eq!(world.unsound().await, []);
        let applications = world.store().read(|view| Ok(view.applications(TENANT)?)).await.expect("read");
        assert_eq!(applications.len(), left);
        world.store().write(|unit| Ok(unit.delete_application(TENANT, APPLICATION)?)).await.expect("a change");
        assert_eq!(world.unsound().await, [], "later changes verify");
    }
}

/// Makes the database one of before: without authenticators, without a key.
fn of_before(data: &Path) {
    let connection = Connection::open(data.join("chaveiro.db")).expect("opened");
    let tables = [
        "tenant",
        "application",
        "role_assignment",
        "hold",
        "revocation",
        "enrollment",
        "enrollment_token",
        "sign_in",
        "secret",
        "device_tag",
        "resource",
    ];
    for table in tables {
        connection.execute_batch(&format!("UPDATE {table} SET mac = NULL")).expect("removed");
    }
    connection.execute_batch("DELETE FROM row_set; DELETE FROM row_key; DELETE FROM audit_event").expect("removed");
}

#[tokio::test]
async fn an_older_database_is_signed_once_and_that_is_recorded() {
    let mut world = World::new().await;
    let key = world.directory.path().join("keys/rows.key");
    world.store = None;
    of_before(world.directory.path());
    // The key alone does not make a database trusted that was never signed.
    let refused = SqliteStore::open(world.directory.path()).err().expect("refused");
    assert!(matches!(refused, OpenError::RowKey(RowKeyError::Unsigned(_))), "{refused}");
    std::fs::remove_file(&key).expect("moved away");
    let store = Arc::new(SqliteStore::open(world.directory.path()).expect("signed")) as Arc<dyn Store>;
    assert!(key.exists());
    world.store = Some(store);
    assert_eq!(world.unsound().await, []);
    let recorded = world.store().read(|view| Ok(view.unchained_events(10)?)).await.expect("read");
    assert_eq!(recorded.len(), 2, "one event for each tenant");
    assert!(recorded.iter().all(|event| event.body.contains("rowsSigned")), "{recorded:?}");
    assert!(!world.granted(is_application_stronger).await.expect("read"));
}

#[tokio::test]
async fn a_database_is_not_opened_without_its_key_or_with_another() {
    let mut world = World::new().await;
    world.store = None;
    let data = world.directory.path();
    let (key, elsewhere) = (data.join("keys/rows.key"), data.join("elsewhere"));
    std::fs::rename(&key, &elsewhere).expect("moved away");
    let refused = SqliteStore::open(data).err().expect("refused");
    assert!(matches!(refused, OpenError::RowKey(RowKeyError::Missing(_))), "{refused}");
    assert!(refused.to_string().contains("rows.key") && refused.to_string().contains("restore"), "{refused}");
    assert!(!key.exists(), "no key was made in its place");
    chaveiro_keyfile::create(&key, &[3; 32]).expect("another key");
    let refused = SqliteStore::open(data).err().expect("refused");
    assert!(matches!(refused, OpenError::RowKey(RowKeyError::Other(_))), "{refused}");
    std::fs::remove_file(&key).expect("removed");
    std::fs::rename(&elsewhere, &key).expect("restored");
    world.store = Some(Arc::new(SqliteStore::open(data).expect("opened")));
    assert_eq!(world.unsound().await, []);
}

#[tokio::test]
async fn what_a_crash_left_of_the_making_of_the_key_is_finished() {
    // Before the rows were signed, and after it before the key had its name.
    for signed in [false, true] {
        let mut world = World::new().await;
        world.store = None;
        let keys = world.directory.path().join("keys");
        std::fs::rename(keys.join("rows.key"), keys.join("rows.key.new")).expect("renamed");
        if !signed {
            of_before(world.directory.path());
        }
        world.store = Some(Arc::new(SqliteStore::open(world.directory.path()).expect("finished")));
        assert!(keys.join("rows.key").exists() && !keys.join("rows.key.new").exists());
        assert_eq!(world.unsound().await, [], "signed: {signed}");
    }
}

#[test]
fn two_that_open_a_new_directory_at_once_have_one_key() {
    for _ in 0..8 {
        let directory = tempfile::tempdir().expect("a directory");
        drop(SqliteStore::open(directory.path()).expect("a store"));
        std::fs::remove_file(directory.path().join("keys/rows.key")).expect("removed");
        of_before(directory.path());
        let open = || SqliteStore::open(directory.path()).map(drop);
        let outcomes = std::thread::scope(|scope| {
            let both = [scope.spawn(open), scope.spawn(open)];
            both.map(|thread| thread.join().expect("no panic"))
        });
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        open().expect("and later");
    }
}
