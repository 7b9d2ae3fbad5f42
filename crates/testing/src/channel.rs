//! A device channel on a real store, reached without a network: the transport calls the router.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::caller::{Actor, Caller};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::decisions::retire;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::enrollment::EnrollmentToken;
use chaveiro_core::escrow::EscrowedSecret;
use chaveiro_core::id::{ActionId, DeviceId, RequestId, ResourceId, TenantId};
use chaveiro_core::ports::{
    BoxFuture, Clock, DeviceScope, DryRun, Entropy, ReadJob, Scope, Store, StoreError, WriteJob,
};
use chaveiro_core::query::{AuditField, Listing, Order};
use chaveiro_core::refusal::Refusal;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Decided, Fault};
use chaveiro_escrow::Keyring;
use chaveiro_fleet::enroll::{Account, EnrollError, enroll};
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::linux::LinuxDevice;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_mdm::{
    CertificateAuthority, CheckIns, DeviceChannel, DeviceCredentials, PeerCertificate, Wakes, new_enrollment_token,
    router, token_sha256, wake_router,
};
use chaveiro_store_sqlite::{Options, SqliteStore};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{Silent, TestClock, TestEntropy};

/// A store that counts units of work, and keeps the scope of the last one.
struct Counted(Arc<dyn Store>, AtomicU64, Mutex<Scope>);

impl Store for Counted {
    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.query(job)
    }
    fn dry_run(&self, job: DryRun) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.dry_run(job)
    }
    fn submit(&self, scope: Scope, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        *self.2.lock().expect("a scope") = scope;
        self.0.submit(scope, job)
    }
}

/// The address of the channel.
pub const BASE: &str = "https://mdm.example:8444";

/// The user who enrols Windows devices.
pub const USER: &str = "ana@example.org";

/// A channel with one tenant, and the devices that enrol.
pub struct World {
    /// The directory of the store and of the keys.
    pub directory: TempDir,
    /// The store, whose units of work are counted only when the channel runs them.
    pub store: Arc<dyn Store>,
    /// The store as the channel has it.
    counted: Arc<Counted>,
    /// The credentials that the server gives to devices.
    pub credentials: Arc<DeviceCredentials>,
    ca: Arc<CertificateAuthority>,
    /// The escrow keys of the tenant.
    pub keyring: Arc<Keyring>,
    /// The randomness of server and test.
    pub entropy: Arc<TestEntropy>,
    /// The clock of the server.
    pub clock: Arc<TestClock>,
    /// The routes of enrolment and management.
    pub router: Router,
    /// The route on which devices wait.
    pub wake_router: Router,
    /// The devices that wait.
    pub wakes: Arc<Wakes>,
    /// The idle sessions that wait to be stored.
    pub check_ins: Arc<CheckIns>,
    /// The only tenant.
    pub tenant: TenantId,
}

/// Calls the router as a connection with that certificate.
pub struct InProcess {
    router: Router,
    /// The certificate that the device shows.
    pub peer: Option<PeerCertificate>,
}

impl Transport for InProcess {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.strip_prefix(BASE).ok_or_else(|| TransportError::Failed(request.url.clone()))?;
        let mut builder = http::Request::builder().method(request.method).uri(path);
        if let Some(content_type) = request.content_type {
            builder = builder.header("Content-Type", content_type);
        }
        if let Some(peer) = &self.peer {
            builder = builder.extension(*peer);
        }
        let request = builder.body(Body::from(request.body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
        Ok(Response { status, body })
    }
}

impl World {
    /// A channel whose store runs each unit of work twice: it rolls the first run back. One thread reads, so that the statements
    /// of a request are the same each time.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (entropy, clock) = (Arc::new(TestEntropy::default()), Arc::new(TestClock::default()));
        let options = Options { clock: Some(clock.clone()), twice: true, readers: 1, ..Options::default() };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(directory.path(), options).expect("a store"));
        let keyring = Arc::new(Keyring::open(&directory.path().join("escrow")).expect("a keyring"));
        let ca = CertificateAuthority::create(&directory.path().join("ca"), clock.now(), entropy.as_ref());
        let credentials = DeviceCredentials::create(&directory.path().join("credentials"), entropy.as_ref());
        let tenant = TenantId(uuid::Uuid::from_u128(0x11));
        keyring.create_tenant_key(tenant).expect("a key");
        let row = Tenant { entra_tenant: Some(uuid::Uuid::from_u128(0xe)), ..Tenant::new(tenant, "t", clock.now()) };
        store.write(move |unit| Ok(unit.insert_tenant(&row)?)).await.expect("inserted");
        let wakes = Arc::new(Wakes::default());
        let counted = Arc::new(Counted(Arc::clone(&store), AtomicU64::new(0), Mutex::default()));
        let (ca, credentials) = (Arc::new(ca.expect("an authority")), Arc::new(credentials.expect("credentials")));
        let (router, wake_router, check_ins) = Default::default();
        let mut world = Self {
            directory,
            store,
            counted,
            credentials,
            ca,
            keyring,
            entropy,
            clock,
            router,
            wake_router,
            wakes,
            check_ins,
            tenant,
        };
        world.serve();
        world
    }

    /// Serves with what is in the store and in this world.
    fn serve(&mut self) {
        let channel = Arc::new(DeviceChannel {
            store: self.counted.clone(),
            sealer: self.keyring.clone(),
            replayer: self.keyring.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            ca: Arc::clone(&self.ca),
            credentials: Arc::clone(&self.credentials),
            wakes: Arc::clone(&self.wakes),
            check_ins: Arc::clone(&self.check_ins),
            alarm: Arc::new(Silent),
            base_url: BASE.to_owned(),
        });
        (self.router, self.wake_router) = (router(Arc::clone(&channel)), wake_router(channel));
    }

    /// Kills the server, which loses what is not stored, and starts it again.
    pub fn kill(&mut self) {
        let credentials = DeviceCredentials::open(&self.directory.path().join("credentials"), self.entropy.as_ref());
        self.credentials = Arc::new(credentials.expect("credentials"));
        (self.wakes, self.check_ins) = Default::default();
        self.serve();
    }

    /// Moves the clock of the server forward.
    pub fn advance(&self, by: Duration) {
        self.clock.0.fetch_add(by.as_secs() as i64, Ordering::SeqCst);
    }

    /// The number of units of work that the channel has run.
    pub fn writes(&self) -> u64 {
        self.counted.1.load(Ordering::SeqCst)
    }

    /// The scope of the last of them.
    pub fn last_scope(&self) -> Scope {
        *self.counted.2.lock().expect("a scope")
    }

    /// A connection without a certificate.
    pub fn transport(&self) -> InProcess {
        InProcess { router: self.router.clone(), peer: None }
    }

    /// A connection that shows the certificate of that account.
    pub fn certified(&self, account: &Account) -> InProcess {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject;
        let der = CertificateDer::from_pem_slice(account.identity.as_bytes()).expect("a certificate");
        InProcess { router: self.router.clone(), peer: Some(PeerCertificate::of(&der)) }
    }

    /// A token that enrols one device without a user.
    pub async fn token(&self) -> String {
        self.token_for(None, None).await
    }

    /// A token for a device of that user, in place of that device.
    pub async fn token_for(&self, user: Option<ResourceId>, replaces: Option<DeviceId>) -> String {
        let text = new_enrollment_token(self.entropy.as_ref());
        let now = self.clock.now();
        let token = EnrollmentToken {
            token_sha256: token_sha256(text.expose_secret()),
            tenant: self.tenant,
            user,
            replaces,
            created: now,
            expires: now + Duration::from_secs(3600),
            used: None,
        };
        self.store.write(move |unit| Ok(unit.insert_enrollment_token(&token)?)).await.expect("inserted");
        text.expose_secret().to_owned()
    }

    /// Enrols the device of that number, or returns why the server refused.
    pub async fn try_enroll(&self, number: u64) -> Result<WindowsDevice, EnrollError> {
        let token = self.token().await;
        self.enroll_over(&self.transport(), number, &token).await
    }

    /// Enrols a device over that connection, with that token.
    pub async fn enroll_over(
        &self,
        transport: &InProcess,
        number: u64,
        token: &str,
    ) -> Result<WindowsDevice, EnrollError> {
        let hardware = Hardware::laptop(number);
        let account = enroll(transport, &hardware, BASE, USER, token).await?;
        let mut next = number * 1_000_000;
        let make_pin = move || {
            next += 1;
            format!("PIN-{next}")
        };
        Ok(WindowsDevice::new(hardware, account, Box::new(make_pin)))
    }

    /// An enrolled device after its first session.
    pub async fn enrolled(&self, number: u64) -> WindowsDevice {
        let mut device = self.try_enroll(number).await.expect("enrolled");
        device.sync(&self.transport()).await.expect("the first session");
        device
    }

    /// An enrolled Linux device after its first session, which found nothing of its disk ready.
    pub async fn enrolled_linux(&self, number: u64) -> LinuxDevice {
        let token = self.token().await;
        let mut next = 0;
        let make_passcode = move || {
            next += 1;
            format!("passcode-{number}-{next}")
        };
        let transport = self.transport();
        let enrolled = LinuxDevice::enroll(&transport, number, BASE, &token, Box::new(make_passcode));
        let mut device = enrolled.await.expect("enrolled");
        device.sync(&self.certified(&device.account)).await.expect("the first session");
        device
    }

    /// The first hundred devices of the tenant.
    pub async fn devices(&self) -> Vec<ManagedDevice> {
        let (tenant, page) = (self.tenant, Listing::first(100));
        let read =
            self.store.read(move |view| Ok(view.devices(tenant, DeviceScope::all(), &Visibility::All, &page)?.items));
        read.await.expect("read")
    }

    /// The record of a simulated device.
    pub async fn device_of(&self, device: &WindowsDevice) -> ManagedDevice {
        self.device_named(&device.hardware.oma_device_id).await
    }

    /// The record of the device that reports itself by that id.
    pub async fn device_named(&self, oma_device_id: &str) -> ManagedDevice {
        let (tenant, name) = (self.tenant, oma_device_id.to_owned());
        let read = self.store.read(move |view| Ok(view.device_by_reported_id(tenant, &name)?));
        read.await.expect("read").expect("the device")
    }

    /// A caller that may recover passcodes.
    pub fn caller(&self) -> Caller {
        Caller::recovering(self.tenant, Actor::system())
    }

    /// Asks for a recovery of that device.
    pub async fn ask(&self, device: DeviceId) -> Decided<Begun> {
        let ask = Ask {
            what: &RECOVER_PASSCODE,
            caller: self.caller(),
            device,
            path: "/x".to_owned(),
            request: RequestId(self.entropy.uuid()),
            client_request_id: None,
            retry: false,
            reason: None,
            break_glass: None,
            action: ActionId(self.entropy.uuid()),
        };
        let now = self.clock.now();
        self.store.write(move |unit| begin(unit, &ask, now)).await.expect("begun")
    }

    /// The newest action of that device and what is kept of it.
    pub async fn newest(&self, device: DeviceId) -> (ActionRecord, Vec<EscrowedSecret>) {
        let tenant = self.tenant;
        let read = self.store.read(move |view| {
            let action = view.actions(tenant, device, 1)?.remove(0);
            let secrets = view.secrets(tenant, action.id)?;
            Ok((action, secrets))
        });
        read.await.expect("read")
    }

    /// Retires a device for an administrator; returns the refusal.
    pub async fn retire(&self, device: ManagedDevice) -> Option<Refusal> {
        let now = self.clock.now();
        let retired = self.store.write(move |unit| retire::retire(unit, device.clone(), Actor::system(), now)).await;
        match retired {
            Ok(()) => None,
            Err(Fault::Refused(refusal)) => Some(refusal),
            Err(fault) => panic!("{fault}"),
        }
    }

    /// The newest event about that device.
    pub async fn last_told(&self, device: DeviceId) -> AuditEvent {
        let (tenant, order) = (self.tenant, vec![Order { field: AuditField::At, descending: true }]);
        let listing = Listing { order, ..Listing::first(100) };
        let read = self.store.read(move |view| Ok(view.audit_events(tenant, &Visibility::All, &listing)?.items));
        let events = read.await.expect("read").into_iter();
        let mut events = events.map(|named| serde_json::from_str::<AuditEvent>(&named.event.body).expect("an event"));
        events.find(|event| event.device == Some(device)).expect("an event of the device")
    }

    /// Posts a body to the channel; returns status and body of the answer.
    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> (u16, String) {
        let request = http::Request::post(path).header("Content-Type", content_type);
        let request = request.body(Body::from(body.into())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}
