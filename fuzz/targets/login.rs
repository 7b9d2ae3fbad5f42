//! A form at the login endpoints: the first byte chooses which. A request that proves nothing is never let in. The words of
//! proxies about the client are read on the way.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use chaveiro_auth::{IssuerKeys, LocalIssuer, TokenCeilings, TrustedProxies};
use chaveiro_core::Timestamp;
use chaveiro_core::ports::{Clock, Entropy, Store};
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use chaveiro_store_sqlite::SqliteStore;
use http::{HeaderValue, Request};
use tower::ServiceExt;

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

static ROUTER: LazyLock<(tempfile::TempDir, Router)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
    let tenant = Tenant {
        id: TENANT.parse().expect("an id"),
        display_name: "t".to_owned(),
        licence: Licence::Active,
        entra_tenant: None,
        settings: TenantSettings::default(),
        created: Timestamp::UNIX_EPOCH,
    };
    let insert = store.write(move |unit| Ok(unit.insert_tenant(&tenant)?));
    futures_executor::block_on(insert).expect("a tenant");
    let keys = IssuerKeys::create(&directory.path().join("issuer"), Timestamp::UNIX_EPOCH, &Fixed);
    let issuer = Arc::new(LocalIssuer::new(keys.expect("keys"), "https://chaveiro.example".to_owned()));
    // No limits, so that every input is looked at; every address is a proxy, so that every entry is read.
    let none = TokenCeilings { by_application: 0, by_tenant: 0, device_codes_by_address: 0, failures_by_address: 0 };
    let every_address = TrustedProxies::parse("0.0.0.0/0, ::/0").expect("networks");
    let router = issuer.router(store, Arc::new(Fixed), Arc::new(Fixed), none, every_address);
    (directory, router)
});

/// The endpoints wait for a form, with a limit of time.
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (choice, body) = input;
    let endpoint = ["token", "devicecode", "revoke"][usize::from(choice % 3)];
    let request = Request::post(format!("/{TENANT}/oauth2/v2.0/{endpoint}")).body(Body::from(body.to_vec()));
    let mut request = request.expect("a request");
    // The same bytes: the two are read apart.
    if let Ok(forwarded) = HeaderValue::from_bytes(body) {
        request.headers_mut().insert("x-forwarded-for", forwarded);
    }
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 443))));
    let answer = ROUTER.1.clone().oneshot(request);
    let status = RUNTIME.block_on(answer).expect("an answer").status();
    assert!(endpoint != "token" || !status.is_success(), "a token was given for nothing");
});
