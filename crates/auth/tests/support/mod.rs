//! A clock that is set, randomness that repeats, and a local issuer over a real store.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use chaveiro_auth::{IssuerKeys, LocalIssuer, TokenCeilings, TrustedProxies, Verifier, new_application_secret};
use chaveiro_core::Timestamp;
use chaveiro_core::application::Application;
use chaveiro_core::audit::Activity;
use chaveiro_core::id::{ApplicationId, ResourceId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Clock, Store};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::tenant::Tenant;
use chaveiro_store_sqlite::{Options, SqliteStore};
pub use chaveiro_testing::{NOW, TestClock, TestEntropy};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub const BASE: &str = "https://chaveiro.example:8443";
pub const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The proxy whose `X-Forwarded-For` is trusted.
pub const PROXY: &str = "192.0.2.80";

pub fn tenant() -> TenantId {
    TenantId(uuid::uuid!("11111111-2222-4333-8444-555555555555"))
}

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("a time")
}

pub fn entropy() -> Arc<TestEntropy> {
    entropy_from(1)
}

pub fn entropy_from(seed: u64) -> Arc<TestEntropy> {
    Arc::new(TestEntropy(AtomicU64::new(seed)))
}

pub fn local(directory: &Path) -> Arc<LocalIssuer> {
    let keys = IssuerKeys::create(directory, now(), entropy().as_ref()).expect("keys");
    Arc::new(LocalIssuer::new(keys, BASE.to_owned()))
}

pub fn user() -> ResourceId {
    ResourceId(uuid::uuid!("bbbbbbbb-2222-4333-8444-555555555555"))
}

/// An application with a secret, allowed a little of everything.
pub fn application(number: u128) -> Application {
    Application {
        tenant: tenant(),
        id: ApplicationId(uuid::Uuid::from_u128(number)),
        display_name: "helpdesk".to_owned(),
        permissions: vec![Permission::PrivilegedOperationsAll],
        delegated: vec![Permission::PrivilegedOperationsAll, Permission::ManagedDevicesReadAll],
        public: false,
        secrets: Vec::new(),
        certificates: Vec::new(),
        created: now(),
    }
}

/// The endpoints over a store with a tenant, a user, and applications.
pub struct Endpoints {
    pub directory: tempfile::TempDir,
    pub store: Arc<dyn Store>,
    pub clock: Arc<TestClock>,
    pub router: axum::Router,
    /// The secret of [`Endpoints::DESK`].
    pub secret: String,
}

impl Endpoints {
    /// A confidential application with one secret.
    pub const DESK: ApplicationId = ApplicationId(uuid::Uuid::from_u128(1));
    /// A public one.
    pub const TOOL: ApplicationId = ApplicationId(uuid::Uuid::from_u128(2));

    pub async fn new() -> Self {
        Self::with(TokenCeilings::default()).await
    }

    pub async fn with(ceilings: TokenCeilings) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(TestClock::default());
        // Every unit of work of these tests is undone once and run again.
        let options = Options { clock: Some(clock.clone()), twice: true, ..Options::default() };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(directory.path(), options).expect("a store"));
        let entropy = entropy();
        let day = Duration::from_secs(24 * 3600);
        let (secret, kept) = new_application_secret(now(), 180 * day, entropy.as_ref());
        let desk = Application { secrets: vec![kept], ..application(1) };
        let tool = Application { public: true, permissions: Vec::new(), ..application(2) };
        let row = Tenant::new(tenant(), "Contoso", now());
        let ana = Resource {
            tenant: tenant(),
            kind: ResourceKind::User,
            id: user(),
            owner: None,
            device: None,
            alternate_key: Some("ana@contoso.example".to_owned()),
            properties: r#"{"userPrincipalName":"Ana@contoso.example","displayName":"Ana Souza"}"#.to_owned(),
            created: now(),
            modified: now(),
        };
        let insert = store.write(move |unit| {
            unit.insert_tenant(&row)?;
            unit.insert_resource(&ana)?;
            unit.insert_application(&desk)?;
            Ok(unit.insert_application(&tool)?)
        });
        insert.await.expect("inserted");
        let issuer = local(&directory.path().join("issuer"));
        let proxies = TrustedProxies::parse(PROXY).expect("an address");
        let router = issuer.router(Arc::clone(&store), Arc::<TestClock>::clone(&clock), entropy, ceilings, proxies);
        Self { directory, store, clock, router, secret: secret.expose_secret().to_owned() }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A verifier of the same issuer, as the Graph listener has it.
    pub fn verifier(&self) -> Verifier {
        Verifier::local_only(local(&self.directory.path().join("issuer")), vec![BASE.to_owned()])
    }

    pub async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    /// A form from that address.
    pub async fn post_from(&self, peer: &str, endpoint: &str, fields: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.send_from(peer, form(&tenant().to_string(), endpoint, &body)).await
    }

    pub async fn send_from(&self, peer: &str, mut request: Request<Body>) -> (u16, HeaderMap, Value) {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (status, headers, body) = self.send(request).await;
        (status.as_u16(), headers, serde_json::from_str(&body).unwrap_or_default())
    }

    pub async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    pub async fn json(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.get(path).await;
        (status.as_u16(), serde_json::from_str(&body).expect("JSON"))
    }

    /// A form to `/{tenant}/oauth2/v2.0/{endpoint}`.
    pub async fn post_at(&self, tenant: &str, endpoint: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        let (status, _, body) = self.send(form(tenant, endpoint, &body)).await;
        (status.as_u16(), serde_json::from_str(&body).unwrap_or_default())
    }

    pub async fn post(&self, endpoint: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        self.post_at(&tenant().to_string(), endpoint, fields).await
    }

    /// The activities on record.
    pub async fn recorded(&self) -> Vec<Activity> {
        let events = self.store.read(|view| Ok(view.unchained_events(1000)?)).await.expect("read");
        let of =
            |body: &str| serde_json::from_str::<chaveiro_core::audit::AuditEvent>(body).expect("an event").activity;
        events.iter().map(|event| of(&event.body)).collect()
    }
}

pub fn form(tenant: &str, endpoint: &str, body: &str) -> Request<Body> {
    Request::post(format!("/{tenant}/oauth2/v2.0/{endpoint}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .expect("a request")
}
