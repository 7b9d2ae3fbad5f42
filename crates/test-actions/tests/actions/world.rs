//! The Graph face and the device channel on one store, called without a network.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chaveiro_auth::{IssuerKeys, LocalIssuer, TrustedProxies, Verifier};
use chaveiro_core::action::ActionRecord;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::keys::{self, Hand};
use chaveiro_core::enrollment::EnrollmentToken;
use chaveiro_core::escrow::EscrowedSecret;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::keys::{KeyName, KnownKey};
use chaveiro_core::permission::{PERMISSIONS, Permission};
use chaveiro_core::ports::{Clock, Store, View};
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_escrow::Keyring;
use chaveiro_fleet::enroll::{Account, enroll};
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_graph::{Ceilings, GraphState, Limits};
use chaveiro_mdm::{
    CertificateAuthority, DeviceChannel, DeviceCredentials, PeerCertificate, Wakes, new_enrollment_token, token_sha256,
};
use chaveiro_store_sqlite::SqliteStore;
use chaveiro_testing::{BASE, Doubting, Silent, TestClock, TestEntropy};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

const CHANNEL: &str = "https://mdm.example:8444";

/// One tenant, and the devices that enrol.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) tenant: TenantId,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    issuer: Arc<LocalIssuer>,
    graph: Router,
    channel: Router,
}

/// A connection of a device, with the certificate that it shows.
pub(crate) struct InProcess(Router, Option<PeerCertificate>);

impl Transport for InProcess {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.strip_prefix(CHANNEL).ok_or_else(|| TransportError::Failed(request.url.clone()))?;
        let mut builder = http::Request::builder().method(request.method).uri(path);
        if let Some(content_type) = request.content_type {
            builder = builder.header("Content-Type", content_type);
        }
        if let Some(peer) = &self.1 {
            builder = builder.extension(peer.clone());
        }
        let request = builder.body(Body::from(request.body)).expect("a request");
        let response = self.0.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
        Ok(Response { status, body })
    }
}

/// Sends every message twice, as devices do that got no answer, and expects the same answer.
pub(crate) struct Twice(pub(crate) InProcess);

impl Transport for Twice {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, url, content_type, body } = request;
        let again = Request { method, url: url.clone(), content_type, body: body.clone() };
        let first = self.0.send(Request { method, url, content_type, body }).await?;
        let second = self.0.send(again).await?;
        assert_eq!((first.status, &first.body), (second.status, &second.body));
        Ok(first)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let entropy = Arc::new(TestEntropy::default());
        let clock = Arc::new(TestClock::default());
        let keyring = Arc::new(Keyring::open(&directory.path().join("escrow")).expect("a keyring"));
        let keys = IssuerKeys::create(&directory.path().join("issuer"), clock.now(), entropy.as_ref());
        let issuer = Arc::new(LocalIssuer::new(keys.expect("keys"), BASE.to_owned()));
        let ca = CertificateAuthority::create(&directory.path().join("ca"), clock.now(), entropy.as_ref());
        let credentials = DeviceCredentials::create(&directory.path().join("credentials"), entropy.as_ref());
        let tenant = TenantId(Uuid::from_u128(0x11));
        keyring.create_tenant_key(tenant).expect("a key");
        let row = Tenant::new(tenant, "t", clock.now());
        store.write(move |unit| Ok(unit.insert_tenant(&row)?)).await.expect("inserted");
        let wakes = Arc::new(Wakes::default());
        let channel = chaveiro_mdm::router(Arc::new(DeviceChannel {
            store: Arc::clone(&store),
            sealer: keyring.clone(),
            replayer: keyring.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            ca: Arc::new(ca.expect("an authority")),
            credentials: Arc::new(credentials.expect("credentials")),
            wakes: Arc::clone(&wakes),
            alarm: Arc::new(Silent),
            base_url: CHANNEL.to_owned(),
        }));
        let graph = chaveiro_graph::router(Arc::new(GraphState {
            store: Arc::clone(&store),
            witness: Arc::new(Doubting::default()),
            unsealer: keyring.clone(),
            sealer: keyring.clone(),
            verifier: Arc::new(Verifier::local_only(Arc::clone(&issuer), vec![BASE.to_owned()])),
            clock: clock.clone(),
            entropy: entropy.clone(),
            waker: wakes,
            limits: Limits::new(Ceilings::default(), clock.clone()),
            alarm: Arc::new(Silent),
            proxies: TrustedProxies::parse("192.0.2.9").expect("proxies"),
            tally: Arc::default(),
            base_url: BASE.to_owned(),
        }));
        Self { directory, store, keyring, tenant, clock, entropy, issuer, graph, channel }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A token of an operator with these permissions.
    pub(crate) fn token(&self, permissions: &[Permission]) -> String {
        let (person, hour) = (HostUser::new("ana", 1000), Duration::from_secs(3600));
        let token =
            self.issuer.mint_operator_token(self.tenant, &person, permissions, self.now(), hour, self.entropy.as_ref());
        token.expect("minted").expose_secret().to_owned()
    }

    /// A token with every permission.
    pub(crate) fn all(&self) -> String {
        let all: Vec<_> = PERMISSIONS.iter().map(|row| row.permission).collect();
        self.token(&all)
    }

    pub(crate) async fn call(&self, token: &str, method: &str, path: &str) -> (u16, Value) {
        self.request(token, method, path, Body::empty()).await
    }

    /// Posts a JSON body.
    #[allow(dead_code, reason = "the tests of statements use it")]
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        self.request(token, "POST", path, Body::from(body.to_string())).await
    }

    async fn request(&self, token: &str, method: &str, path: &str, body: Body) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        let request = request.body(body).expect("a request");
        let response = self.graph.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(crate) fn transport(&self) -> InProcess {
        InProcess(self.channel.clone(), None)
    }

    /// A connection that shows the certificate of that account.
    pub(crate) fn certified(&self, account: &Account) -> InProcess {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject;
        let der = CertificateDer::from_pem_slice(account.identity.as_bytes()).expect("a certificate");
        InProcess(self.channel.clone(), Some(PeerCertificate(Arc::from(der.as_ref()))))
    }

    /// Enrols the device of that number over that connection.
    pub(crate) async fn enroll(&self, transport: &InProcess, number: u64) -> WindowsDevice {
        self.enroll_as(transport, number, None).await
    }

    /// Enrols the device of that number in the place of a known one.
    pub(crate) async fn enroll_as(
        &self,
        transport: &InProcess,
        number: u64,
        replaces: Option<DeviceId>,
    ) -> WindowsDevice {
        let (text, now) = (new_enrollment_token(self.entropy.as_ref()), self.now());
        let token = EnrollmentToken {
            token_sha256: token_sha256(text.expose_secret()),
            tenant: self.tenant,
            user: None,
            replaces,
            created: now,
            expires: now + Duration::from_secs(3600),
            used: None,
        };
        self.store.write(move |unit| Ok(unit.insert_enrollment_token(&token)?)).await.expect("inserted");
        let hardware = Hardware::laptop(number);
        let account = enroll(transport, &hardware, CHANNEL, "ana@example.org", text.expose_secret()).await;
        let mut pin = number * 1_000_000;
        let make_pin = move || {
            pin += 1;
            pin.to_string()
        };
        WindowsDevice::new(hardware, account.expect("enrolled"), Box::new(make_pin))
    }

    /// A device after its first session, and its id.
    pub(crate) async fn device(&self, number: u64) -> (WindowsDevice, DeviceId) {
        let mut device = self.enroll(&self.transport(), number).await;
        device.sync(&self.transport()).await.expect("the first session");
        let name = device.hardware.oma_device_id.clone();
        let tenant = self.tenant;
        let found = self.read(move |view| Ok(view.device_by_reported_id(tenant, &name)?)).await;
        (device, found.expect("a device").id)
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        self.store.read(work).await.expect("read")
    }

    /// The newest action of that device, and what the escrow holds of it.
    pub(crate) async fn newest(&self, device: DeviceId) -> (ActionRecord, Vec<EscrowedSecret>) {
        let tenant = self.tenant;
        self.read(move |view| {
            let action = view.actions(tenant, device, 1)?.remove(0);
            let secrets = view.secrets(tenant, action.id)?;
            Ok((action, secrets))
        })
        .await
    }

    /// Keeps the private escrow key elsewhere, as an operator has declared, or brings it back.
    pub(crate) async fn set_key_away(&self, away: bool) {
        let name = KeyName::EscrowPrivate(self.tenant);
        let fingerprint = self.keyring.own_fingerprint(self.tenant).expect("a fingerprint");
        let known = KnownKey { name, fingerprint, since: self.now(), until: None, away, running_s: 0 };
        let hand = Hand { actor: Actor::system(), now: self.now() };
        self.store.write(move |unit| Ok(keys::set_away(unit, &hand, &known, away)?)).await.expect("recorded");
        self.move_key(away);
    }

    /// Moves the file of the private escrow key out of its place, or back.
    pub(crate) fn move_key(&self, away: bool) {
        let (file, elsewhere) = (self.keyring.private_file(self.tenant), self.directory.path().join("elsewhere"));
        let (from, to) = if away { (&file, &elsewhere) } else { (&elsewhere, &file) };
        std::fs::rename(from, to).expect("moved");
    }

    /// The record of that device: activity and remote action of each event.
    pub(crate) async fn record(&self, device: DeviceId) -> Vec<AuditEvent> {
        let events = self.read(|view| Ok(view.unchained_events(1000)?)).await;
        let events = events.iter().map(|stored| serde_json::from_str::<AuditEvent>(&stored.body).expect("an event"));
        events.filter(|event| event.device == Some(device)).collect()
    }
}

/// The path of that device.
pub(crate) fn path(device: DeviceId) -> String {
    format!("/beta/deviceManagement/managedDevices/{device}")
}
