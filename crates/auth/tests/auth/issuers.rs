//! The trust in an issuer: its keys, its address, its tenants.

use std::collections::BTreeMap;

use axum::http::header;
use axum::response::IntoResponse;
use chaveiro_core::id::TenantId;
use jsonwebtoken::jwk::{KeyAlgorithm, KeyOperations, PublicKeyUse};

use super::*;

/// The answers of an issuer, by path.
type Pages = BTreeMap<&'static str, (u16, String)>;

/// A web server of an issuer on the loopback interface; its address.
async fn serve(pages: impl FnOnce(&str) -> Pages) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let pages = Arc::new(pages(&base));
    let answer = move |uri: http::Uri| async move {
        match pages.get(uri.path()) {
            Some((302, place)) => (StatusCode::FOUND, [(header::LOCATION, place.clone())]).into_response(),
            Some((status, body)) => (StatusCode::from_u16(*status).expect("a status"), body.clone()).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    base
}

fn verifier(directory: &tempfile::TempDir, config: IssuerConfig) -> Verifier {
    let local = local(&directory.path().join("issuer"));
    Verifier::new(vec![config], local, vec![BASE.to_owned()], client()).expect("a verifier")
}

const DISCOVERY: &str = "/.well-known/openid-configuration";
const UNAVAILABLE: Option<TokenRefusal> = Some(TokenRefusal::IssuerUnavailable { retry_after_s: 30 });

#[tokio::test]
async fn keys_are_taken_from_the_configured_issuer_at_the_configured_address_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let pair = pair("k1");
    let set = json!({"keys": [pair.public]}).to_string();
    let elsewhere = serve(|_| Pages::from([("/keys", (200, set.clone()))])).await;
    // The discovery document, and the content behind its address; good or not.
    let document = |issuer: &str, keys: &str| (200, json!({"issuer": issuer, "jwks_uri": keys}).to_string());
    type Row<'a> = (&'static str, Box<dyn Fn(&str) -> Pages + 'a>, bool);
    let table: Vec<Row<'_>> = vec![
        (
            "sound",
            Box::new(|base| {
                Pages::from([(DISCOVERY, document(base, &format!("{base}/keys"))), ("/keys", (200, set.clone()))])
            }),
            true,
        ),
        (
            "keys of another place that the document names",
            Box::new(|base| Pages::from([(DISCOVERY, document(base, &format!("{elsewhere}/keys")))])),
            true,
        ),
        (
            "another issuer",
            Box::new(|base| {
                Pages::from([
                    (DISCOVERY, document("https://evil.example", &format!("{base}/keys"))),
                    ("/keys", (200, set.clone())),
                ])
            }),
            false,
        ),
        (
            "the issuer with a slash more",
            Box::new(|base| {
                Pages::from([
                    (DISCOVERY, document(&format!("{base}/"), &format!("{base}/keys"))),
                    ("/keys", (200, set.clone())),
                ])
            }),
            false,
        ),
        (
            "the issuer in capitals",
            Box::new(|base| {
                Pages::from([
                    (DISCOVERY, document(&base.to_uppercase(), &format!("{base}/keys"))),
                    ("/keys", (200, set.clone())),
                ])
            }),
            false,
        ),
        (
            "no issuer",
            Box::new(|base| {
                let document = json!({"jwks_uri": format!("{base}/keys")}).to_string();
                Pages::from([(DISCOVERY, (200, document)), ("/keys", (200, set.clone()))])
            }),
            false,
        ),
        (
            "the issuer twice",
            Box::new(|base| {
                let document =
                    format!(r#"{{"issuer":"https://evil.example","issuer":"{base}","jwks_uri":"{base}/keys"}}"#);
                Pages::from([(DISCOVERY, (200, document)), ("/keys", (200, set.clone()))])
            }),
            false,
        ),
        (
            "a redirect of the document",
            Box::new(|base| {
                let document = document(base, &format!("{base}/keys"));
                Pages::from([
                    (DISCOVERY, (302, format!("{base}/there"))),
                    ("/there", document),
                    ("/keys", (200, set.clone())),
                ])
            }),
            false,
        ),
        (
            "a redirect of the keys",
            Box::new(|base| {
                let redirect = (302, format!("{elsewhere}/keys"));
                Pages::from([(DISCOVERY, document(base, &format!("{base}/keys"))), ("/keys", redirect)])
            }),
            false,
        ),
        (
            "keys with an error",
            Box::new(|base| {
                Pages::from([(DISCOVERY, document(base, &format!("{base}/keys"))), ("/keys", (403, set.clone()))])
            }),
            false,
        ),
        (
            "keys with no content",
            Box::new(|base| {
                Pages::from([(DISCOVERY, document(base, &format!("{base}/keys"))), ("/keys", (203, set.clone()))])
            }),
            false,
        ),
        (
            "keys in clear",
            Box::new(|base| {
                let keys = elsewhere.replace("127.0.0.1", "127.0.0.1.nip.example");
                Pages::from([(DISCOVERY, document(base, &format!("{keys}/keys")))])
            }),
            false,
        ),
        (
            "keys with a password",
            Box::new(|base| {
                let keys = elsewhere.replace("http://", "http://a:b@");
                Pages::from([(DISCOVERY, document(base, &format!("{keys}/keys")))])
            }),
            false,
        ),
        ("keys of a file", Box::new(|base| Pages::from([(DISCOVERY, document(base, "file:///etc/passwd"))])), false),
    ];
    for (what, pages, good) in table {
        let base = serve(pages).await;
        let verifier = verifier(&directory, IssuerConfig::new(&base, tenant()));
        let mut claims = claims();
        claims["iss"] = json!(base);
        let refused = verifier.verify(Some(&sign(&pair, Some("k1"), &claims)), now()).await.err();
        assert_eq!(refused, if good { None } else { UNAVAILABLE }, "{what}");
    }
    // No redirect of a configured address of keys is followed either.
    let base = serve(|_| Pages::from([("/keys", (302, format!("{elsewhere}/keys")))])).await;
    let verifier = verifier(&directory, config(&format!("{base}/keys")));
    assert_eq!(verifier.verify(Some(&sign(&pair, Some("k1"), &claims())), now()).await.err(), UNAVAILABLE);
}

#[tokio::test]
async fn a_key_that_is_not_for_signing_signs_nothing() {
    use TokenRefusal::{BadSignature, KeyNotForSigning, WrongAlgorithm};
    let world = world().await;
    let sound = &world.pair.public;
    let with = |change: &dyn Fn(&mut Jwk)| {
        let mut key = sound.clone();
        change(&mut key);
        key
    };
    let of_use = |named| with(&move |key| key.common.public_key_use = Some(PublicKeyUse::clone(&named)));
    let of_operations = |named: Vec<KeyOperations>| with(&move |key| key.common.key_operations = Some(named.clone()));
    let of_algorithm = |named: Option<KeyAlgorithm>| with(&move |key| key.common.key_algorithm = named);
    let other = pair("k1").public;
    let encryption = of_use(PublicKeyUse::Encryption);
    let table = [
        ("for signing", vec![of_use(PublicKeyUse::Signature)], None),
        ("for verifying", vec![of_operations(vec![KeyOperations::Verify])], None),
        ("of no named algorithm", vec![of_algorithm(None)], None),
        ("beside one of the same id for encryption", vec![encryption.clone(), sound.clone()], None),
        ("for encryption", vec![encryption.clone()], Some(KeyNotForSigning)),
        ("for another use", vec![of_use(PublicKeyUse::Other("SIG".to_owned()))], Some(KeyNotForSigning)),
        ("for wrapping keys", vec![of_operations(vec![KeyOperations::WrapKey])], Some(KeyNotForSigning)),
        ("for nothing", vec![of_operations(vec![])], Some(KeyNotForSigning)),
        ("for RSA-OAEP", vec![of_algorithm(Some(KeyAlgorithm::RSA_OAEP))], Some(KeyNotForSigning)),
        ("for an unknown algorithm", vec![of_algorithm(Some(KeyAlgorithm::UNKNOWN_ALGORITHM))], Some(KeyNotForSigning)),
        ("for another algorithm", vec![of_algorithm(Some(KeyAlgorithm::ES384))], Some(WrongAlgorithm)),
        ("for a shared secret", vec![of_algorithm(Some(KeyAlgorithm::HS256))], Some(WrongAlgorithm)),
        ("another key of that id", vec![other], Some(BadSignature)),
        ("none", vec![], Some(BadSignature)),
    ];
    for (step, (what, keys, refusal)) in table.into_iter().enumerate() {
        *world.jwks.keys.lock().expect("keys") = keys;
        // Each time an hour later, so that the keys are fetched again.
        let at = NOW + 3600 * (step as i64 + 1);
        let mut claims = claims();
        claims["exp"] = json!(at + 600);
        let header = sign(&world.pair, Some("k1"), &claims);
        let at = Timestamp::from_second(at).expect("a time");
        assert_eq!(world.verifier.verify(Some(&header), at).await.err(), refusal, "{what}");
        // Without an id there must be one key for signing, and no doubt.
        let header = sign(&world.pair, None, &claims);
        let expected = refusal.map(|_| BadSignature);
        assert_eq!(world.verifier.verify(Some(&header), at).await.err(), expected, "{what}, without an id");
    }
}

#[tokio::test]
async fn one_key_that_is_not_understood_takes_nothing_from_the_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let pair = pair("k1");
    let strange = [
        json!({"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AA"}),
        json!({"kty": "EC", "crv": "secp256k1", "kid": "k", "x": "AA", "y": "AA"}),
        json!({"kty": "oct", "k": "AAAA", "kid": "k1"}),
        json!({"kty": "RSA", "kid": 7}),
        json!("no key"),
    ];
    let keys = strange.into_iter().chain([json!(pair.public)]).collect::<Vec<_>>();
    let base = serve(|_| Pages::from([("/keys", (200, json!({"keys": keys}).to_string()))])).await;
    let verifier = verifier(&directory, config(&format!("{base}/keys")));
    assert_eq!(verifier.verify(Some(&sign(&pair, Some("k1"), &claims())), now()).await.err(), None);
}

#[tokio::test]
async fn stale_keys_serve_for_a_bounded_time_even_if_the_clock_is_set_back() {
    const HOUR: i64 = 3600;
    for (configured, hours) in [(None, 24), (Some(2), 2)] {
        let world = world_of(|config| config.stale_keys_hours = configured).await;
        let ask = |at: i64| {
            let mut claims = claims();
            (claims["exp"], claims["nbf"]) = (json!(at + 600), json!(at - 10));
            let header = sign(&world.pair, Some("k1"), &claims);
            let verifier = &world.verifier;
            async move { verifier.verify(Some(&header), Timestamp::from_second(at).expect("a time")).await.err() }
        };
        let too_old = Some(TokenRefusal::KeysTooOld { retry_after_s: 30 });
        assert_eq!(ask(NOW).await, None);
        world.jwks.down.store(true, Ordering::SeqCst);
        assert_eq!(world.verifier.unreachable(), []);
        assert_eq!(ask(NOW + hours * HOUR - 1).await, None, "{hours} hours less a second");
        let end = Timestamp::from_second(NOW + hours * HOUR).expect("a time");
        assert_eq!(world.verifier.unreachable(), [(EXTERNAL, Some(end))]);
        assert_eq!(ask(NOW + hours * HOUR + 30).await, too_old);
        // The time that has passed is unknown, so the issuer is asked.
        let asked = world.jwks.asked.load(Ordering::SeqCst);
        assert_eq!(ask(NOW - 2 * HOUR + 60).await, None, "stale, but known");
        assert_eq!(world.jwks.asked.load(Ordering::SeqCst), asked + 1);
        assert_eq!(ask(NOW - hours * HOUR - 60).await, too_old, "as far from the moment at which they were fetched");
        world.jwks.down.store(false, Ordering::SeqCst);
        assert_eq!(ask(NOW + hours * HOUR + 90).await, None, "the issuer is back");
        assert_eq!(world.verifier.unreachable(), []);
    }
}

/// A second tenant.
fn other_tenant() -> TenantId {
    TenantId(uuid::uuid!("22222222-2222-4333-8444-555555555555"))
}

#[tokio::test]
async fn one_issuer_speaks_for_the_tenants_of_its_configuration_and_for_no_other() {
    let directory_of_other = "AAAAAAAA-2222-4333-8444-555555555555";
    let by_tid = world_of(|config| {
        config.tenant = None;
        config.tenants =
            BTreeMap::from([(tenant().to_string(), tenant()), (directory_of_other.to_owned(), other_tenant())]);
    });
    let by_claim = world_of(|config| {
        config.tenant = None;
        config.tenant_claim = Some("organization".to_owned());
        config.tenants = BTreeMap::from([("contoso".to_owned(), tenant()), ("fabrikam".to_owned(), other_tenant())]);
    });
    let (by_tid, by_claim) = (by_tid.await, by_claim.await);
    let personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
    use TokenRefusal::{NoTenant, PersonalAccount};
    for (world, claim, value, expected) in [
        (&by_tid, "tid", json!(tenant()), Ok(tenant())),
        (&by_tid, "tid", json!(directory_of_other), Ok(other_tenant())),
        (&by_tid, "tid", json!(directory_of_other.to_lowercase()), Ok(other_tenant())),
        (&by_tid, "tid", json!(other_tenant()), Err(NoTenant)),
        (&by_tid, "tid", json!("contoso"), Err(NoTenant)),
        (&by_tid, "tid", json!(personal), Err(PersonalAccount)),
        (&by_tid, "tid", Value::Null, Err(NoTenant)),
        (&by_tid, "tid", json!([tenant()]), Err(TokenRefusal::WrongType { claim: "tid" })),
        (&by_claim, "organization", json!("contoso"), Ok(tenant())),
        (&by_claim, "organization", json!("Contoso"), Err(NoTenant)),
        (&by_claim, "organization", json!(["contoso"]), Err(NoTenant)),
        (&by_claim, "organization", json!({"contoso": {}}), Err(NoTenant)),
        (&by_claim, "organization", json!(""), Err(NoTenant)),
        // The token is of the first tenant by its `tid`, and of the second by the claim that counts.
        (&by_claim, "organization", json!("fabrikam"), Err(NoTenant)),
        (&by_claim, "organization", Value::Null, Err(NoTenant)),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        let answer = world.ask(&claims).await.map(|caller| caller.tenant);
        assert_eq!(answer, expected, "{claim} {}", claims[claim]);
    }
    let mut claims = claims();
    (claims["tid"], claims["organization"]) = (Value::Null, json!("fabrikam"));
    assert_eq!(by_claim.ask(&claims).await.map(|caller| caller.tenant), Ok(other_tenant()));
}

#[tokio::test]
async fn directory_roles_count_of_issuers_that_were_given_that_trust() {
    const GLOBAL_ADMINISTRATOR: uuid::Uuid = uuid::uuid!("62e90394-69f5-4237-9190-012177145e10");
    let entra = format!("https://login.microsoftonline.com/{}/v2.0", tenant());
    let v1 = format!("https://sts.windows.net/{}/", tenant());
    for (issuer, configured, believed) in [
        (EXTERNAL, None, false),
        (EXTERNAL, Some(true), true),
        (EXTERNAL, Some(false), false),
        (&entra, None, true),
        (&v1, None, true),
        (&entra, Some(false), false),
        ("https://login.microsoftonline.com.evil.example/x/v2.0", None, false),
        ("https://evil.example/https://login.microsoftonline.com/", None, false),
    ] {
        let change = |config: &mut IssuerConfig| {
            (config.issuer, config.directory_roles) = (issuer.to_owned(), configured);
        };
        let world = world_of(change).await;
        let mut claims = claims();
        (claims["iss"], claims["oid"], claims["scp"]) = (json!(issuer), json!("user-1"), json!("User.Read"));
        claims["wids"] = json!([GLOBAL_ADMINISTRATOR, "no role"]);
        let roles = world.ask(&claims).await.expect("a caller").directory_roles;
        let expected = if believed { vec![GLOBAL_ADMINISTRATOR] } else { vec![] };
        assert_eq!(roles, expected, "{issuer} {configured:?}");
    }
}

#[test]
fn a_configuration_that_trusts_too_much_or_says_two_things_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let local = local(directory.path());
    type Change = fn(&mut IssuerConfig);
    let table: [(Change, Option<&str>); 20] = [
        (|_| {}, None),
        (|c| c.jwks_url = None, None),
        (|c| c.jwks_url = Some("http://[::1]:8080/keys".into()), None),
        (|c| c.jwks_url = Some("http://localhost/keys".into()), None),
        (|c| c.algorithms = vec!["HS256".into()], Some("HS256")),
        (|c| c.algorithms = vec!["none".into()], Some("none")),
        (|c| c.jwks_url = Some("http://login.example/keys".into()), Some("https")),
        (|c| c.jwks_url = Some("http://127.0.0.1:80@login.example/keys".into()), Some("https")),
        (|c| c.jwks_url = Some("http://localhost:x@login.example/keys".into()), Some("https")),
        (|c| c.jwks_url = Some("http://127.0.0.1.example/keys".into()), Some("https")),
        (|c| c.jwks_url = Some("https://a:b@login.example/keys".into()), Some("https")),
        (|c| (c.jwks_url, c.issuer) = (None, "http://login.example".into()), Some("https")),
        (|c| c.tenant = None, Some("tenants")),
        (|c| c.tenants = BTreeMap::from([("x".into(), tenant())]), Some("tenants")),
        (|c| c.tenant_claim = Some("organization".into()), Some("tenants")),
        (
            |c| (c.tenant, c.directory, c.tenants) = (None, Some(tenant().0), BTreeMap::from([("x".into(), tenant())])),
            Some("tenants"),
        ),
        (|c| c.application_subjects = vec![" ".into()], Some("application-subjects")),
        (|c| c.audiences = vec![String::new()], Some("audiences")),
        (|c| c.stale_keys_hours = Some(0), Some("stale-keys-hours")),
        (|c| c.stale_keys_hours = Some(1000), Some("168")),
    ];
    for (index, (change, word)) in table.into_iter().enumerate() {
        let mut config = config("https://login.example/keys");
        change(&mut config);
        let said =
            Verifier::new(vec![config], Arc::clone(&local), vec![], client()).err().map(|error| error.to_string());
        match word {
            None => assert_eq!(said, None, "{index}"),
            Some(word) => assert!(
                said.as_deref().is_some_and(|said| said.contains(word) && said.contains("; ")),
                "{index}: {said:?}"
            ),
        }
    }
    let twice = vec![config("https://login.example/keys"), config("https://login.example/others")];
    let said = Verifier::new(twice, local, vec![], client()).err().map(|error| error.to_string());
    assert!(said.is_some_and(|said| said.contains("twice")));
}
