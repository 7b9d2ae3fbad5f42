//! The tokens that make a caller, and those that do not.

mod issuers;
mod subjects;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chaveiro_auth::{IssuerConfig, LocalIssuer, Reading, TokenRefusal, Verifier};
use chaveiro_core::Timestamp;
use chaveiro_core::caller::{Actor, ActorKind, Caller, HostUser};
use chaveiro_core::permission::Permission;
use http::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{BASE, NOW, entropy, local, now, tenant};

const EXTERNAL: &str = "https://login.example/realm";

/// A key pair of an external issuer.
struct Pair {
    private: EncodingKey,
    public: Jwk,
    algorithm: Algorithm,
}

fn pair(id: &str) -> Pair {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new())
            .expect("a key");
    let private = EncodingKey::from_ec_der(document.as_ref());
    let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("a public key");
    public.common.key_id = Some(id.to_owned());
    Pair { private, public, algorithm: Algorithm::ES256 }
}

fn claims() -> Value {
    json!({
        "iss": EXTERNAL, "aud": "https://graph.microsoft.com", "exp": NOW + 600, "nbf": NOW - 10,
        "tid": tenant(), "azp": "app-1", "sub": "app-1", "roles": ["DeviceManagementManagedDevices.PrivilegedOperations.All"]
    })
}

fn sign(pair: &Pair, id: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::new(pair.algorithm) };
    format!("Bearer {}", jsonwebtoken::encode(&header, claims, &pair.private).expect("signed"))
}

/// A JWKS endpoint on the loopback interface that can be told to fail.
struct Jwks {
    url: String,
    keys: Arc<Mutex<Vec<Jwk>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

async fn jwks(keys: Vec<Jwk>) -> Jwks {
    let keys = Arc::new(Mutex::new(keys));
    let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let state = (Arc::clone(&keys), Arc::clone(&asked), Arc::clone(&down));
    let answer = move || async move {
        let (keys, asked, down) = state;
        asked.fetch_add(1, Ordering::SeqCst);
        if down.load(Ordering::SeqCst) {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(axum::Json(json!({ "keys": *keys.lock().expect("keys") })))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
    let router = axum::Router::new().route("/keys", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Jwks { url, keys, asked, down }
}

fn config(jwks_url: &str) -> IssuerConfig {
    IssuerConfig { jwks_url: Some(jwks_url.to_owned()), ..IssuerConfig::new(EXTERNAL, tenant()) }
}

/// A client without the proxies of this machine.
fn client() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

struct World {
    directory: tempfile::TempDir,
    local: Arc<LocalIssuer>,
    verifier: Verifier,
    pair: Pair,
    jwks: Jwks,
}

async fn world() -> World {
    world_of(|_| {}).await
}

/// A world with an issuer whose configuration differs from the default.
async fn world_of(change: impl FnOnce(&mut IssuerConfig)) -> World {
    let directory = tempfile::tempdir().expect("a directory");
    let local = local(&directory.path().join("issuer"));
    let pair = pair("k1");
    let jwks = jwks(vec![pair.public.clone()]).await;
    let mut config = config(&jwks.url);
    change(&mut config);
    let verifier = Verifier::new(vec![config], Arc::clone(&local), vec![BASE.to_owned()], client());
    World { directory, local, verifier: verifier.expect("a verifier"), pair, jwks }
}

impl World {
    /// The result of verifying a token with these claims.
    async fn ask(&self, claims: &Value) -> Result<Caller, TokenRefusal> {
        self.verifier.verify(Some(&sign(&self.pair, Some("k1"), claims)), now()).await
    }
}

#[tokio::test]
async fn a_sound_token_makes_a_caller() {
    let world = world().await;
    let caller = world.verifier.verify(Some(&sign(&world.pair, Some("k1"), &claims())), now()).await.expect("a caller");
    assert_eq!((caller.tenant, caller.actor.kind), (tenant(), ActorKind::Application));
    assert_eq!(caller.actor.application_id, "app-1");
    assert!(caller.permissions.contains(Permission::PrivilegedOperationsAll));
}

#[tokio::test]
async fn a_token_says_when_it_was_issued_or_at_least_since_when_it_is_valid() {
    let world = world().await;
    for (iat, nbf, issued) in [
        (json!(NOW - 5), json!(NOW - 10), Some(NOW - 5)),
        (json!(NOW as f64 - 4.5), json!(NOW - 10), Some(NOW - 5)),
        (Value::Null, json!(NOW - 10), Some(NOW - 10)),
        (Value::Null, Value::Null, None),
    ] {
        let mut claims = claims();
        (claims["iat"], claims["nbf"]) = (iat, nbf);
        let verified = world.verifier.verify(Some(&sign(&world.pair, Some("k1"), &claims)), now()).await;
        assert_eq!(verified.expect("a caller").issued.map(Timestamp::as_second), issued, "{claims}");
    }
}

#[tokio::test]
async fn a_delegated_token_names_its_user_and_the_misspelt_permission_counts() {
    let world = world().await;
    let mut claims = claims();
    claims["scp"] = json!("DeviceManagementManagedDevices.PriviligedOperation.All User.Read");
    (claims["sub"], claims["oid"]) = (json!("pairwise"), json!("user-1"));
    claims["upn"] = json!("ana@example.org");
    let caller = world.verifier.verify(Some(&sign(&world.pair, Some("k1"), &claims)), now()).await.expect("a caller");
    assert_eq!(caller.actor.kind, ActorKind::Delegated);
    assert_eq!(caller.actor.user_principal_name.as_deref(), Some("ana@example.org"));
    assert!(caller.permissions.contains(Permission::PrivilegedOperationsAll));
}

#[tokio::test]
async fn an_issuer_that_follows_rfc_9068_is_understood() {
    let world = world().await;
    let table = [
        (json!({"scope": "User.Read.All", "client_id": "desk", "sub": "desk"}), ActorKind::Application, None),
        (json!({"scope": "User.Read.All", "client_id": "desk", "sub": "u1"}), ActorKind::Delegated, Some("u1")),
        (json!({"scp": ["User.Read.All"], "client_id": "desk", "sub": "u1"}), ActorKind::Delegated, Some("u1")),
        (
            json!({"roles": ["User.Read.All"], "scope": "email", "client_id": "desk", "sub": "desk"}),
            ActorKind::Application,
            None,
        ),
    ];
    for (own, kind, user) in table {
        let mut claims = claims();
        for name in ["azp", "roles"] {
            claims.as_object_mut().expect("an object").remove(name);
        }
        claims.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        let header = sign(&world.pair, Some("k1"), &claims);
        let caller = world.verifier.verify(Some(&header), now()).await.expect("a caller");
        assert_eq!((caller.actor.kind, caller.actor.user_id.as_deref()), (kind, user), "{own}");
        assert_eq!(caller.actor.application_id, "desk");
        assert!(caller.permissions.contains(Permission::UserReadAll), "{own}");
    }
}

#[tokio::test]
async fn groups_of_the_person_are_kept_as_the_issuer_wrote_them() {
    let world = world().await;
    let mut claims = claims();
    (claims["scp"], claims["oid"]) = (json!("User.Read"), json!("user-1"));
    for (groups, expected) in [
        (json!(["help desk", "/lisbon"]), vec!["help desk", "/lisbon"]),
        (json!("help desk"), vec!["help desk"]),
        (Value::Null, vec![]),
    ] {
        claims["groups"] = groups;
        assert_eq!(world.ask(&claims).await.expect("a caller").groups, expected);
    }
}

#[tokio::test]
async fn every_bad_token_is_refused_for_its_reason() {
    use TokenRefusal::*;
    let world = world().await;
    let stranger = pair("k1");
    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        sign(&world.pair, Some("k1"), &claims)
    };
    let unsigned = {
        use base64::Engine;
        let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        format!("Bearer {}.{}.", encode(json!({"alg": "none", "kid": "k1"})), encode(claims()))
    };
    let symmetric = {
        // The attacker signs with the public key as if it were a shared secret.
        let public = serde_json::to_vec(&world.pair.public).expect("JSON");
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&public)).expect("signed");
        format!("Bearer {token}")
    };
    let good = sign(&world.pair, Some("k1"), &claims());
    let table: Vec<(&str, Option<String>, TokenRefusal)> = vec![
        ("no header", None, Missing),
        ("empty header", Some(String::new()), Missing),
        ("no token", Some("Bearer ".to_owned()), Missing),
        ("another scheme", Some("Basic YTpi".to_owned()), Malformed),
        ("garbage", Some("Bearer garbage".to_owned()), Malformed),
        ("garbage with dots", Some("Bearer a.b.c".to_owned()), Malformed),
        ("oversized", Some(format!("Bearer {}", "a".repeat(40_000))), Malformed),
        ("expired", Some(changed("exp", json!(NOW - 3600))), Expired),
        ("without end", Some(changed("exp", Value::Null)), Expired),
        ("not yet valid", Some(changed("nbf", json!(NOW + 3600))), NotYetValid),
        ("issued later", Some(changed("iat", json!(NOW + 3600))), NotYetValid),
        ("wrong audience", Some(changed("aud", json!("https://vault.example"))), WrongAudience),
        ("no audience", Some(changed("aud", Value::Null)), WrongAudience),
        ("unknown issuer", Some(changed("iss", json!("https://evil.example"))), UnknownIssuer),
        (
            "issuer that only begins like ours",
            Some(changed("iss", json!(format!("{BASE}.evil/x/v2.0")))),
            UnknownIssuer,
        ),
        ("alg none", Some(unsigned), WrongAlgorithm),
        ("HMAC with the public key", Some(symmetric), WrongAlgorithm),
        ("signed with a foreign key", Some(sign(&stranger, Some("k1"), &claims())), BadSignature),
        ("cut signature", Some(good[..good.len() - 4].to_owned()), BadSignature),
        ("unknown key", Some(sign(&world.pair, Some("nope"), &claims())), BadSignature),
        ("personal account", Some(changed("tid", json!("9188040d-6c67-4c5b-b112-36a304b66dad"))), PersonalAccount),
        ("another tenant", Some(changed("tid", json!("99999999-2222-4333-8444-555555555555"))), NoTenant),
        ("no tenant id", Some(changed("tid", json!("contoso"))), NoTenant),
    ];
    for (what, header, refusal) in table {
        let refused = world.verifier.verify(header.as_deref(), now()).await.err();
        assert_eq!(refused, Some(refusal), "{what}");
    }
}

#[tokio::test]
async fn a_minute_of_clock_difference_is_forgiven() {
    let world = world().await;
    for (name, value) in [("exp", NOW - 30), ("nbf", NOW + 30)] {
        let mut claims = claims();
        claims[name] = json!(value);
        assert!(world.verifier.verify(Some(&sign(&world.pair, Some("k1"), &claims)), now()).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_again_on_an_unknown_id_and_used_stale_when_the_issuer_is_down() {
    let world = world().await;
    let ask = |id: &'static str, pair: &Pair, at: i64| {
        let mut claims = claims();
        claims["exp"] = json!(at + 600);
        let header = sign(pair, Some(id), &claims);
        let verifier = &world.verifier;
        async move { verifier.verify(Some(&header), Timestamp::from_second(at).expect("a time")).await.err() }
    };
    assert_eq!(ask("k1", &world.pair, NOW).await, None);
    assert_eq!(ask("k1", &world.pair, NOW).await, None);
    assert_eq!(world.jwks.asked.load(Ordering::SeqCst), 1);

    // The issuer rotates: an unknown id fetches the set again, but not for every request.
    let second = pair("k2");
    world.jwks.keys.lock().expect("keys").push(second.public.clone());
    assert_eq!(ask("k2", &second, NOW + 40).await, None);
    assert_eq!(ask("nope", &second, NOW + 41).await, Some(TokenRefusal::BadSignature));
    assert_eq!(ask("nope", &second, NOW + 42).await, Some(TokenRefusal::BadSignature));
    assert_eq!(world.jwks.asked.load(Ordering::SeqCst), 2);

    // Two hours later the issuer is down: the known keys still serve.
    world.jwks.down.store(true, Ordering::SeqCst);
    assert_eq!(ask("k1", &world.pair, NOW + 7200).await, None);
    assert_eq!(world.jwks.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_unavailable_not_wrong() {
    let world = world().await;
    world.jwks.down.store(true, Ordering::SeqCst);
    // It is asked again 30 seconds after the last attempt, and callers get that delay.
    let token = sign(&world.pair, Some("k1"), &claims());
    for (seconds, retry_after_s) in [(0, 30), (12, 18), (29, 1), (30, 30)] {
        let at = Timestamp::from_second(NOW + seconds).expect("a time");
        let refused = world.verifier.verify(Some(&token), at).await.err();
        assert_eq!(refused, Some(TokenRefusal::IssuerUnavailable { retry_after_s }), "after {seconds} s");
    }
}

#[tokio::test]
async fn local_keys_rotate_and_old_tokens_live_on() {
    let world = world().await;
    let entropy = entropy();
    let hour = Duration::from_secs(3600);
    let mint = |issuer: &LocalIssuer, at: Timestamp| {
        let permissions = [Permission::ManagedDevicesReadAll];
        let token =
            issuer.mint_operator_token(tenant(), &person(), &permissions, at, hour, entropy.as_ref()).expect("minted");
        format!("Bearer {}", token.expose_secret())
    };
    let id = |token: &str| jsonwebtoken::decode_header(token.trim_start_matches("Bearer ")).expect("a header").kid;
    let before = mint(&world.local, now());
    // Another process rotates.
    let elsewhere = local(&world.directory.path().join("issuer"));
    let rotate = |at| {
        let staged = elsewhere.keys().stage(at, entropy.as_ref()).expect("staged");
        assert_eq!(id(&mint(&elsewhere, now())), id(&mint(&world.local, now())), "it does not sign yet");
        elsewhere.keys().settle(&staged).expect("settled");
    };
    rotate(now() + Duration::from_secs(5));
    let after = mint(&elsewhere, now());
    for token in [&before, &after] {
        let caller = world.verifier.verify(Some(token), now()).await.expect("a caller");
        assert_eq!(caller.actor, Actor::operator(&person()), "the token names who minted it");
    }
    assert_ne!(id(&before), id(&after));
    assert_eq!(id(&mint(&world.local, now())), id(&after), "the first process signs with the new key too");

    // A third key is made while the clock is ahead, a fourth when it is right again: the newest signs.
    rotate(now() + Duration::from_secs(43 * 86_400));
    let ahead = id(&mint(&elsewhere, now()));
    rotate(now() + Duration::from_secs(60));
    assert_ne!(id(&mint(&elsewhere, now())), ahead);
    // A replaced key is removed by a caller that knows how long ago that was.
    let replaced = elsewhere.keys().replaced();
    assert_eq!(replaced.len(), 3);
    elsewhere.keys().remove(&replaced[0].0).expect("removed");
    let files = std::fs::read_dir(world.directory.path().join("issuer")).expect("a directory").count();
    assert_eq!(files, 3);
    assert!(world.verifier.verify(Some(&after), now()).await.is_ok());
}

#[tokio::test]
async fn an_operator_token_cannot_outlive_a_working_day() {
    let world = world().await;
    let minted = world.local.mint_operator_token(
        tenant(),
        &person(),
        &[],
        now(),
        Duration::from_secs(86_400),
        entropy().as_ref(),
    );
    assert!(minted.is_err());
}

#[tokio::test]
async fn an_external_issuer_cannot_make_an_operator() {
    let world = world().await;
    let mut claims = claims();
    claims["idtyp"] = json!("operator");
    assert_eq!(world.ask(&claims).await.err(), Some(TokenRefusal::SubjectUnclear));
}

proptest::proptest! {
    #[test]
    fn arbitrary_headers_never_panic_and_never_pass(header in "(Bearer )?[ -~]{0,200}") {
        static WORLD: std::sync::LazyLock<(tempfile::TempDir, Verifier)> = std::sync::LazyLock::new(|| {
            let directory = tempfile::tempdir().expect("a directory");
            let verifier = Verifier::local_only(local(directory.path()), vec![]);
            (directory, verifier)
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        proptest::prop_assert!(runtime.block_on(WORLD.1.verify(Some(&header), now())).is_err());
    }
}

/// The person on the host.
fn person() -> HostUser {
    HostUser::new("ana", 1000)
}
