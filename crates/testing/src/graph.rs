//! The Graph face over a real store, called without a network, with doubles of what is around it.
//!
//! Each thing has the number of its device in its id. Around a device, with the same number: a user, an app, and each
//! kind of script with its run states.
//!
//! | world | tenant 1 | tenant 2 |
//! |---|---|---|
//! | [`World::new`] | device 1; device 3, retired, and device 4, both with nothing around them | device 2 |
//! | [`World::with`] | device 1 with the tag `own`, device 5 with the tag `other`; an application, a hold and an assignment for each | device 2, the same |

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chaveiro_auth::{IssuerConfig, LocalIssuer, TrustedProxies, Verifier};
use chaveiro_core::action::ActionState;
use chaveiro_core::alert::Alert;
use chaveiro_core::application::Application;
use chaveiro_core::caller::{Actor, ActorKind, HostUser};
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, ManagementState, Platform};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing};
use chaveiro_core::hold::{Hold, HoldKind, HoldRule, Release};
use chaveiro_core::id::{ApplicationId, AssignmentId, EnrollmentId, HoldId, ResourceId, SecretId, TenantId};
use chaveiro_core::permission::{PERMISSIONS, Permission};
use chaveiro_core::ports::{BoxFuture, Clock, ReadJob, Scope, Store, StoreError, UnitOfWork, Verdict, WriteJob};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::{Tenant, TenantSettings};
use chaveiro_core::{Fault, Timestamp};
use chaveiro_escrow::Keyring;
use chaveiro_graph::{Ceilings, GraphState, Limits, router};
use chaveiro_store_sqlite::{Options, SqliteStore};
use http::{Request, Response};
use http_body_util::BodyExt;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub use crate::{BASE, TestClock, device, id, tenant};
use crate::{Doubting, Heard, NoDeviceWaits, TestEntropy, issuer};

/// The device of the first tenant that a scope of tests covers.
pub const OWN: u64 = 1;
/// The device of the first tenant that it does not cover.
pub const OTHER: u64 = 5;
/// The device of the second tenant.
pub const FOREIGN: u64 = 2;

/// Ceilings for a test that asks more than any caller may.
pub const NO_LIMIT: Ceilings = Ceilings {
    writes_by_application: 0,
    writes_by_tenant: 0,
    requests_by_application: 0,
    requests_by_tenant: 0,
    requests_by_application_everywhere: 0,
    recoveries_by_caller: 0,
};

/// The application of that number.
pub fn application(number: u64) -> ApplicationId {
    ApplicationId(id(0xaa, number))
}

/// An application of that number, without permissions and secrets.
pub fn registered(of: u64, number: u64, now: Timestamp) -> Application {
    Application {
        tenant: tenant(of),
        id: application(number),
        display_name: format!("app{number}"),
        permissions: Vec::new(),
        delegated: Vec::new(),
        public: false,
        secrets: Vec::new(),
        certificates: Vec::new(),
        created: now,
    }
}

/// A hold of that number that the host has released.
fn released(of: u64, number: u64, now: Timestamp) -> Hold {
    let by = Actor { kind: ActorKind::Application, application_id: "runaway".to_owned(), ..Actor::system() };
    // Long enough ago that it says nothing about recoveries of today.
    let placed = now - Duration::from_secs(10 * 60 * 60);
    let release =
        Release { at: placed, by: Actor::operator(&HostUser::new("root", 0)), quiet_until: None, reason: None };
    let (id, tenant) = (HoldId(id(0x4d, number)), tenant(of));
    Hold {
        id,
        tenant,
        kind: HoldKind::Asking,
        party: None,
        placed,
        caused_by: by,
        counted: 10,
        released: Some(release),
    }
}

/// An assignment of that number in the scope of that tag, for a group without callers.
pub fn seeded(of: u64, number: u64, tag: &str, now: Timestamp) -> RoleAssignment {
    RoleAssignment {
        id: AssignmentId(id(0xa6, number)),
        tenant: tenant(of),
        display_name: Some(format!("seed {number}")),
        description: None,
        role: Role::parse("help-desk-operator").expect("a role"),
        principal: Principal::new(PrincipalKind::Group, "absent"),
        scope: Visibility::Tagged([tag.to_owned()].into()),
        created: now,
    }
}

/// The keys of a template, of that number.
pub fn filled(template: &str, number: u64) -> String {
    let mut path = template.to_owned();
    // The three scripts that share their kinds of run states have states of their own.
    let (states, users) = match template {
        _ if template.contains("/deviceShellScripts/") => (0xd3, 0xe3),
        _ if template.contains("/deviceCustomAttributeShellScripts/") => (0xd4, 0xe4),
        _ => (0xd1, 0xe1),
    };
    for (name, of) in [
        ("managedDeviceId", 0xde),
        ("managedDeviceId1", 0xde),
        ("deviceHealthScriptDeviceStateId", 0xd0),
        ("deviceManagementScriptDeviceStateId", states),
        ("deviceManagementScriptUserStateId", users),
        ("deviceShellScriptId", 0xc3),
        ("deviceCustomAttributeShellScriptId", 0xc4),
        ("directoryDeviceId", 0xde),
        ("id", 0x1),
        ("auditEventId", 0x1),
        ("remoteActionAuditId", 0x1),
        ("chaveiroHoldId", 0x4d),
        ("applicationId", 0xaa),
        ("deviceAndAppManagementRoleAssignmentId", 0xa6),
        ("userId1", 0xa),
        ("detectedAppId1", 0xb),
        ("deviceComplianceScriptDeviceStateId", 0xd2),
        ("deviceHealthScriptId", 0xc0),
        ("deviceManagementScriptId", 0xc1),
        ("deviceComplianceScriptId", 0xc2),
        ("userId", 0xa),
        ("detectedAppId", 0xb),
    ] {
        path = path.replace(&format!("{{{name}}}"), &id(of, number).to_string());
    }
    let tag = if number == OWN { "own" } else { "other" };
    path = path.replace("{roleScopeTagId}", if number == FOREIGN { "foreign" } else { tag });
    // Roles are the same in every tenant.
    let role = Role::parse("help-desk-operator").expect("a role");
    path = path.replace("{roleDefinitionId}", &role.id.to_string());
    assert!(!path.contains('{'), "{path} has a key that this world does not know");
    path
}

/// A store in which something happens just before the next unit of work: after its request was admitted.
pub struct Meanwhile {
    store: Arc<dyn Store>,
    next: Mutex<Option<WriteJob>>,
    scope: Mutex<Scope>,
}

impl Meanwhile {
    /// Runs that work before the next unit of work.
    pub fn before_the_next(&self, work: impl Fn(&mut dyn UnitOfWork) -> Result<(), Fault> + Send + 'static) {
        let job: WriteJob = Box::new(move |unit| {
            work(unit).expect("written meanwhile");
            Verdict::Keep
        });
        *self.next.lock().expect("a job") = Some(job);
    }

    /// Returns the scope of the last unit of work.
    pub fn last_scope(&self) -> Scope {
        *self.scope.lock().expect("a scope")
    }
}

impl Store for Meanwhile {
    fn submit(&self, scope: Scope, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        *self.scope.lock().expect("a scope") = scope;
        let first = self.next.lock().expect("a job").take();
        Box::pin(async move {
            if let Some(first) = first {
                self.store.submit(Scope::Whole, first).await?;
            }
            self.store.submit(scope, job).await
        })
    }

    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.query(job)
    }
}

/// A server with two tenants.
pub struct World {
    /// The directory of the store and of the keys.
    pub directory: TempDir,
    /// The store that runs each unit of work twice.
    pub store: Arc<dyn Store>,
    /// The store as the server has it.
    pub meanwhile: Arc<Meanwhile>,
    /// The escrow keys of both tenants.
    pub keyring: Arc<Keyring>,
    /// The clock of the server.
    pub clock: Arc<TestClock>,
    /// The randomness of server and test.
    pub entropy: Arc<TestEntropy>,
    /// It vouches for the record until a test tells it otherwise.
    pub witness: Arc<Doubting>,
    /// It counts how often the server rang.
    pub heard: Arc<Heard>,
    issuer: Arc<LocalIssuer>,
    /// The routes of the Graph face.
    pub router: Router,
}

impl World {
    /// The devices 1 to 4, without roles and tags.
    pub async fn new() -> Self {
        let world = Self::empty(HoldRule::default(), Ceilings::default(), Vec::new()).await;
        for number in [1, 2] {
            world.add_device(number, number, ManagementState::Managed).await;
            world.put_around(number, number, Some("ana@example.org")).await;
        }
        world.add_device(1, 3, ManagementState::RetireIssued).await;
        world.add_device(1, 4, ManagementState::Managed).await;
        world
    }

    /// Two scopes in the first tenant.
    pub async fn with(hold: HoldRule, ceilings: Ceilings) -> Self {
        Self::trusting(hold, ceilings, Vec::new()).await
    }

    /// The same, with other issuers beside the local one.
    pub async fn trusting(hold: HoldRule, ceilings: Ceilings, issuers: Vec<IssuerConfig>) -> Self {
        let world = Self::empty(hold, ceilings, issuers).await;
        for (of, number, tag) in [(1, OWN, "own"), (1, OTHER, "other"), (2, FOREIGN, "own")] {
            world.restore(of, number, tag).await;
        }
        world
    }

    /// A server with two tenants.
    async fn empty(hold: HoldRule, ceilings: Ceilings, issuers: Vec<IssuerConfig>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (entropy, clock) = (Arc::new(TestEntropy::default()), Arc::new(TestClock::default()));
        // Every unit of work of these tests is undone once and run again.
        let options = Options { clock: Some(clock.clone()), twice: true, ..Options::default() };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(directory.path(), options).expect("a store"));
        let keyring = Arc::new(Keyring::open(&directory.path().join("escrow")).expect("a keyring"));
        let keys = issuer::keys(&directory.path().join("issuer"), clock.now(), entropy.as_ref());
        let issuer = Arc::new(LocalIssuer::new(keys, BASE.to_owned()));
        let (witness, heard) = (Arc::new(Doubting::default()), Arc::new(Heard::default()));
        let ours = vec![BASE.to_owned()];
        let verifier = match issuers.is_empty() {
            true => Verifier::local_only(Arc::clone(&issuer), ours),
            false => {
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                let client = reqwest::Client::builder().no_proxy();
                Verifier::new(issuers, Arc::clone(&issuer), ours, client).expect("a verifier")
            }
        };
        let meanwhile =
            Arc::new(Meanwhile { store: Arc::clone(&store), next: Mutex::default(), scope: Mutex::default() });
        let router = router(Arc::new(GraphState {
            store: meanwhile.clone(),
            witness: witness.clone(),
            unsealer: keyring.clone(),
            sealer: keyring.clone(),
            verifier: Arc::new(verifier),
            clock: clock.clone(),
            entropy: entropy.clone(),
            waker: Arc::new(NoDeviceWaits),
            seen: Arc::new(NoDeviceWaits),
            limits: Limits::new(ceilings, clock.clone()),
            alarm: heard.clone(),
            proxies: TrustedProxies::parse("192.0.2.9").expect("proxies"),
            tally: Arc::default(),
            base_url: BASE.to_owned(),
        }));
        let world = Self { directory, store, meanwhile, keyring, clock, entropy, witness, heard, issuer, router };
        for number in [1, 2] {
            world.keyring.create_tenant_key(tenant(number)).expect("a key");
            let row = Tenant {
                settings: TenantSettings { hold, ..TenantSettings::default() },
                ..Tenant::new(tenant(number), format!("t{number}"), world.now())
            };
            world.write(move |unit| Ok(unit.insert_tenant(&row)?)).await;
        }
        world
    }

    /// Runs a unit of work that must succeed.
    pub async fn write(&self, work: impl Fn(&mut dyn UnitOfWork) -> Result<(), Fault> + Send + 'static) {
        self.store.write(work).await.expect("written");
    }

    /// Ends the open recovery of a device as done, without a passcode.
    pub async fn end_recovery(&self, of: u64, number: u64) {
        self.write(move |unit| {
            let mut action = unit.open_action(tenant(of), device(number), "recoverPasscode")?.expect("open");
            action.state = ActionState::Done;
            Ok(unit.update_action(&action)?)
        })
        .await;
    }

    /// Puts a passcode into escrow for the newest action of a device, which that caller has read.
    pub async fn seal_for_reader(&self, of: u64, number: u64, reader: &'static str) {
        let now = self.clock.now();
        self.write(move |unit| {
            let action = unit.current_results(tenant(of), device(number))?.remove(0);
            let context = SecretContext {
                tenant: action.tenant,
                device: action.device,
                action: action.id,
                attempt: 1,
                kind: SecretKind::Passcode,
            };
            Ok(unit.insert_secret(&EscrowedSecret {
                id: SecretId(id(0x5, number)),
                context,
                envelope: Some(b"sealed".to_vec()),
                standing: Standing::Current,
                received: now,
                expires: now + Duration::from_secs(60),
                disclosed: Some((now, reader.to_owned())),
            })?)
        })
        .await;
    }

    /// Puts everything of that number back as it was at the beginning.
    pub async fn restore(&self, of: u64, number: u64, tag: &'static str) {
        self.put_device(of, number, ManagementState::Managed, Some(tag)).await;
        self.put_around(of, number, None).await;
        self.put_rights(of, number, tag).await;
    }

    /// Adds a device of that number without tags.
    pub async fn add_device(&self, of: u64, number: u64, state: ManagementState) {
        self.put_device(of, number, state, None).await;
    }

    /// The device of that number and its enrolment, which is open while the device is managed.
    async fn put_device(&self, of: u64, number: u64, state: ManagementState, tag: Option<&str>) {
        let now = self.now();
        let plain = ManagedDevice::new(tenant(of), device(number), Platform::Windows, now);
        let row = ManagedDevice {
            management_state: state,
            comanaged: true,
            inventory: Inventory::default().with(InventoryField::DEVICE_NAME, format!("D{number}")),
            scope_tags: tag.map_or_else(|| plain.scope_tags.clone(), |tag| [tag.to_owned()].into()),
            ..plain
        };
        let enrollment = Enrollment {
            id: EnrollmentId(id(0xe, number)),
            tenant: tenant(of),
            device: device(number),
            certificate_sha256: [number as u8; 32],
            reported_id: format!("oma{number}"),
            needs_certificate: false,
            created: now,
            closed: (state != ManagementState::Managed).then_some(now),
        };
        self.write(move |unit| match unit.device(tenant(of), device(number))? {
            Some(_) => Ok(unit.update_device(&row)?),
            None => {
                unit.insert_device(&row)?;
                Ok(unit.insert_enrollment(&enrollment)?)
            }
        })
        .await;
    }

    /// Adds the apps, scripts and users around the device of that number, as far as they are missing. The user has that
    /// principal name.
    async fn put_around(&self, of: u64, number: u64, user: Option<&'static str>) {
        let now = self.now();
        let resource = move |kind, key: u32| Resource {
            tenant: tenant(of),
            kind,
            id: ResourceId(id(key, number)),
            owner: None,
            device: None,
            alternate_key: user.filter(|_| kind == ResourceKind::User).map(str::to_owned),
            properties: json!({"displayName": "x"}).to_string(),
            created: now,
            modified: now,
        };
        self.write(move |unit| {
            let mut put = |row: Resource| match unit.resource(row.tenant, row.kind, row.id)? {
                Some(_) => Ok(()),
                None => unit.insert_resource(&row),
            };
            for (kind, key) in [(ResourceKind::User, 0xa), (ResourceKind::DetectedApp, 0xb)] {
                put(resource(kind, key))?;
            }
            for (script, state, key) in [
                (ResourceKind::DeviceHealthScript, ResourceKind::DeviceHealthScriptDeviceState, 0xc0),
                (ResourceKind::DeviceManagementScript, ResourceKind::DeviceManagementScriptDeviceState, 0xc1),
                (ResourceKind::DeviceComplianceScript, ResourceKind::DeviceComplianceScriptDeviceState, 0xc2),
                (ResourceKind::DeviceShellScript, ResourceKind::DeviceManagementScriptDeviceState, 0xc3),
                (ResourceKind::DeviceCustomAttributeShellScript, ResourceKind::DeviceManagementScriptDeviceState, 0xc4),
            ] {
                let script = resource(script, key);
                put(script.clone())?;
                let run = resource(state, key + 0x10);
                put(Resource { owner: Some(script.id), device: Some(device(number)), ..run })?;
                if state == ResourceKind::DeviceManagementScriptDeviceState {
                    let user = resource(ResourceKind::DeviceManagementScriptUserState, key + 0x20);
                    put(Resource { owner: Some(script.id), ..user })?;
                }
            }
            for (kind, key) in [(ResourceKind::User, 0xa), (ResourceKind::DetectedApp, 0xb)] {
                unit.link(tenant(of), device(number), kind, ResourceId(id(key, number)))?;
            }
            Ok(())
        })
        .await;
    }

    /// The application, the released hold and the assignment of that number, as far as they are missing.
    async fn put_rights(&self, of: u64, number: u64, tag: &'static str) {
        let now = self.now();
        self.write(move |unit| {
            if unit.application(tenant(of), application(number))?.is_none() {
                unit.insert_application(&registered(of, number, now))?;
            }
            if unit.holds(tenant(of), 100)?.iter().all(|hold| hold.id != HoldId(id(0x4d, number))) {
                unit.insert_hold(&released(of, number, now))?;
            }
            let seed = seeded(of, number, tag, now);
            if unit.role_assignments(tenant(of))?.iter().all(|one| one.id != seed.id) {
                unit.insert_role_assignment(&seed)?;
            }
            Ok(())
        })
        .await;
    }

    /// Adds devices 100 and up with the tag `own`, enrolled.
    pub async fn add_devices(&self, count: u64) {
        for number in 100..100 + count {
            self.restore(1, number, "own").await;
        }
    }

    /// Adds a role assignment of that number, in the scope of that tag or of everything.
    pub async fn assign(&self, number: u64, role: &str, kind: PrincipalKind, name: &str, tag: Option<&str>) {
        let assignment = RoleAssignment {
            id: AssignmentId(id(0xa5, number)),
            tenant: tenant(1),
            display_name: None,
            description: None,
            role: Role::parse(role).expect("a role"),
            principal: Principal::new(kind, name),
            scope: tag.map_or(Visibility::All, |tag| Visibility::Tagged([tag.to_owned()].into())),
            created: self.clock.now(),
        };
        self.write(move |unit| Ok(unit.insert_role_assignment(&assignment)?)).await;
    }

    /// The key of the local issuer, and its id.
    fn issuer_key(&self) -> (EncodingKey, String) {
        let file = std::fs::read_dir(self.directory.path().join("issuer")).expect("keys");
        let file: PathBuf = file.filter_map(|entry| Some(entry.ok()?.path())).max().expect("a key");
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let key = EncodingKey::from_rsa_pem(&std::fs::read(&file).expect("read")).expect("a key");
        (key, stem.split_once('-').expect("an id").1.to_owned())
    }

    /// The same key as the key set of another issuer.
    pub fn key_set(&self) -> Value {
        let (key, id) = self.issuer_key();
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).expect("a public key");
        public.common.key_id = Some(id);
        json!({"keys": [public]})
    }

    /// The token that the operator of this host gets for that tenant.
    pub fn token_for(&self, of: TenantId, permissions: &[Permission]) -> String {
        self.minted(of, &person(), permissions)
    }

    /// The same for the first tenant, with every permission.
    pub fn token(&self) -> String {
        self.token_of(&person())
    }

    /// The same for another person on this host.
    pub fn token_of(&self, person: &HostUser) -> String {
        let all: Vec<_> = PERMISSIONS.iter().map(|row| row.permission).collect();
        self.minted(tenant(1), person, &all)
    }

    fn minted(&self, of: TenantId, person: &HostUser, permissions: &[Permission]) -> String {
        let (now, hour) = (self.now(), Duration::from_secs(3600));
        let token = self.issuer.mint_operator_token(of, person, permissions, now, hour, self.entropy.as_ref());
        token.expect("minted").expose_secret().to_owned()
    }

    /// A token of the local issuer with exactly these claims.
    pub fn sign(&self, claims: &impl Serialize) -> String {
        let (key, id) = self.issuer_key();
        let header = jsonwebtoken::Header { kid: Some(id), ..jsonwebtoken::Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &key).expect("signed")
    }

    /// A token with these claims beside the usual ones, signed by the local issuer. Without an `idtyp` of its own it is a
    /// person's when it has `scp`, and else an application's.
    pub fn token_with(&self, claims: &Value) -> String {
        let now = self.clock.now().as_second();
        let mut all = json!({
            "aud": BASE, "iss": format!("{BASE}/{}/v2.0", tenant(1)), "tid": tenant(1), "azp": "desk",
            "nbf": now - 10, "exp": now + 100_000,
        });
        let all = all.as_object_mut().expect("an object");
        all.extend(claims.as_object().expect("an object").clone());
        let idtyp = if all.get("scp").is_some_and(Value::is_string) { "user" } else { "app" };
        all.entry("idtyp").or_insert(idtyp.into());
        self.sign(all)
    }

    /// A person with every permission; roles decide.
    pub fn person(&self, name: &str) -> String {
        self.token_with(&json!({"scp": permissions(), "oid": format!("oid-{name}"), "upn": name}))
    }

    /// The answer to a request, and its body as JSON.
    pub async fn send(&self, request: Request<Body>) -> (Response<()>, Value) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        assert!(!parts.status.is_server_error(), "{}", String::from_utf8_lossy(&bytes));
        assert!(parts.headers.contains_key("request-id"));
        (Response::from_parts(parts, ()), serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Status and body of the answer to a request with that body, if it is not empty.
    pub async fn call(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (response, answer) = self.send(request(token, method, path, &[], body)).await;
        (response.status().as_u16(), answer)
    }

    /// Status and body of the answer to a request with those headers; [`World::ask_with`] adds headers to the body.
    pub async fn ask(&self, token: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        self.ask_with(token, method, path, headers, "").await
    }

    /// The same for a request with a body. Three headers of the answer stand beside the members of its body.
    pub async fn ask_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value) {
        let (response, mut answer) = self.send(request(token, method, path, headers, body)).await;
        if let Some(answer) = answer.as_object_mut() {
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            answer.insert("retryAfter".to_owned(), header("retry-after").into());
            answer.insert("cacheControl".to_owned(), header("cache-control").into());
            answer.insert("challenge".to_owned(), header("www-authenticate").into());
        }
        (response.status().as_u16(), answer)
    }

    /// The activities that were recorded, in order.
    pub async fn recorded(&self) -> Vec<String> {
        self.events().await.iter().map(|event| event["activity"].as_str().expect("a name").to_owned()).collect()
    }

    /// The same, whole.
    pub async fn events(&self) -> Vec<Value> {
        let events = self.store.read(|view| Ok(view.unchained_events(100_000)?)).await.expect("read");
        events.iter().map(|event| serde_json::from_str(&event.body).expect("JSON")).collect()
    }

    /// The alerts that wait to be sent.
    pub async fn alerts(&self) -> Vec<Alert> {
        self.store.read(|view| Ok(view.alerts(10_000)?)).await.expect("read")
    }

    /// Every byte of the database.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.path()).expect("the directory");
        let files = files.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
        files.flat_map(|path| std::fs::read(path).expect("read")).collect()
    }

    /// The time of the server.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn request(token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("Authorization", format!("Bearer {token}"));
    if !body.is_empty() {
        request = request.header("Content-Type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

/// The person on the host.
pub fn person() -> HostUser {
    HostUser::new("ana", 1000)
}

/// Every permission, as `scp` holds them.
pub fn permissions() -> String {
    PERMISSIONS.iter().map(|row| row.name).collect::<Vec<_>>().join(" ")
}
