//! Authentication of applications: secrets, certificates, and the answers of the endpoints when it fails.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chaveiro_auth::{CertificateRefusal, TokenCeilings, read_certificate};
use chaveiro_core::application::ApplicationCertificate;
use chaveiro_core::permission::Permission;
use http::header;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{self, BASE, Endpoints, NOW, SCOPE, form, now, tenant};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn client_credentials_give_a_token_that_the_verifier_accepts() {
    let endpoints = Endpoints::new().await;
    let id = Endpoints::DESK.to_string();
    let fields =
        [GRANT, ("client_id", &id), ("client_secret", &endpoints.secret), ("client_info", "1"), ("scope", SCOPE)];
    let (status, answer) = endpoints.post("token", &fields).await;
    assert_eq!(status, 200, "{answer}");
    let names: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["token_type", "expires_in", "ext_expires_in", "access_token"], "docs/graph-facts.md#grants");
    let header = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let caller = endpoints.verifier().verify(Some(&header), now()).await.expect("a caller");
    assert_eq!(caller.actor.application_name.as_deref(), Some("helpdesk"));
    assert!(caller.permissions.contains(Permission::PrivilegedOperationsAll));
    assert!(!caller.permissions.contains(Permission::ManagedDevicesReadAll), "that is a delegated one");

    let basic = STANDARD.encode(format!("{id}:{}", endpoints.secret));
    let mut request =
        form(&tenant().to_string(), "token", &format!("grant_type=client_credentials&scope={BASE}/.default"));
    request.headers_mut().insert(header::AUTHORIZATION, format!("Basic {basic}").parse().expect("a value"));
    assert_eq!(endpoints.send(request).await.0, 200);
}

#[tokio::test]
async fn the_audience_is_the_resource_that_was_asked_for() {
    let endpoints = Endpoints::new().await;
    let id = Endpoints::DESK.to_string();
    for (scope, audience) in [
        (SCOPE.to_owned(), "https://graph.microsoft.com".to_owned()),
        ("https://graph.microsoft.com//.default".to_owned(), "https://graph.microsoft.com/".to_owned()),
        (format!("{BASE}/.default"), BASE.to_owned()),
        (format!("{}/.default", chaveiro_auth::GRAPH_APPLICATION_ID), chaveiro_auth::GRAPH_APPLICATION_ID.to_owned()),
        (
            format!("api://{}/.default", chaveiro_auth::GRAPH_APPLICATION_ID),
            format!("api://{}", chaveiro_auth::GRAPH_APPLICATION_ID),
        ),
        (".default openid".to_owned(), chaveiro_auth::GRAPH_APPLICATION_ID.to_owned()),
    ] {
        let fields = [GRANT, ("client_id", &id), ("client_secret", &endpoints.secret), ("scope", &scope)];
        let (_, answer) = endpoints.post("token", &fields).await;
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{scope}: {answer}"));
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(
            (claims["aud"].as_str(), claims["azpacr"].as_str()),
            (Some(audience.as_str()), Some("1")),
            "{scope}"
        );
        let header = format!("Bearer {token}");
        assert!(endpoints.verifier().verify(Some(&header), now()).await.is_ok(), "our own server accepts {audience}");
    }
}

/// Tenant in the path, form; status, `error`, number, `suberror`.
type Row<'a> = (&'a str, String, u16, &'a str, u32, Option<&'a str>);

#[tokio::test]
async fn the_token_endpoint_says_what_is_wrong_and_what_to_do() {
    let endpoints = Endpoints::new().await;
    let ours = tenant().to_string();
    let (desk, tool, secret) = (Endpoints::DESK.to_string(), Endpoints::TOOL.to_string(), endpoints.secret.clone());
    let all = format!("grant_type=client_credentials&client_id={desk}&client_secret={secret}");
    let scope = "scope=https://graph.microsoft.com/.default";
    let misspelt = "DeviceManagementManagedDevices.PriviligedOperation.All";
    let device = "grant_type=urn:ietf:params:oauth:grant-type:device_code";
    let table: &[Row<'_>] = &[
        (
            &ours,
            format!("grant_type=client_credentials&client_id={desk}&client_secret=x&{scope}"),
            401,
            "invalid_client",
            7_000_215,
            None,
        ),
        (
            &ours,
            format!("grant_type=client_credentials&client_id={desk}&{scope}"),
            401,
            "invalid_client",
            7_000_216,
            None,
        ),
        (
            &ours,
            format!("grant_type=client_credentials&client_id={tool}&{scope}"),
            401,
            "invalid_client",
            7_000_216,
            None,
        ),
        (
            &ours,
            format!("grant_type=client_credentials&client_id={tool}&client_secret=x&{scope}"),
            401,
            "invalid_client",
            700_025,
            None,
        ),
        (
            &ours,
            format!("{all}&client_assertion_type=x&client_assertion=y&{scope}"),
            401,
            "invalid_client",
            7_000_219,
            None,
        ),
        (&ours, format!("{device}&client_id={desk}&device_code=x"), 401, "invalid_client", 7_000_218, None),
        (&ours, format!("{device}&client_id={tool}&device_code=x"), 400, "bad_verification_code", 70_000, None),
        (&ours, format!("{device}&client_id={tool}"), 400, "invalid_request", 900_144, None),
        (
            &ours,
            format!("grant_type=refresh_token&client_id={tool}&refresh_token=x"),
            400,
            "invalid_grant",
            700_003,
            Some("bad_token"),
        ),
        (
            &ours,
            format!("grant_type=client_credentials&client_id=other&client_secret={secret}&{scope}"),
            400,
            "unauthorized_client",
            700_016,
            None,
        ),
        (
            &ours,
            format!("grant_type=client_credentials&client_secret={secret}&{scope}"),
            400,
            "invalid_request",
            900_144,
            None,
        ),
        (&ours, all.clone(), 400, "invalid_request", 900_144, None),
        (&ours, format!("{all}&scope=Mail.Read"), 400, "invalid_scope", 70_011, None),
        (&ours, format!("{all}&scope={misspelt}"), 400, "invalid_scope", 70_011, None),
        (&ours, format!("{all}&scope=User.Read.All"), 400, "invalid_scope", 1_002_012, None),
        (&ours, format!("grant_type=password&client_id={desk}&{scope}"), 400, "unsupported_grant_type", 70_003, None),
        (&ours, format!("{all}&client_id={desk}&{scope}"), 400, "invalid_request", 900_144, None),
        (&ours, String::new(), 400, "invalid_request", 900_144, None),
        (&ours, "x".repeat(70_000), 400, "invalid_request", 900_144, None),
        ("common", format!("{all}&{scope}"), 400, "invalid_tenant", 90_002, None),
        ("consumers", format!("{all}&{scope}"), 400, "invalid_request", 50_020, None),
        ("9188040d-6c67-4c5b-b112-36a304b66dad", format!("{all}&{scope}"), 400, "invalid_request", 50_020, None),
        ("99999999-2222-4333-8444-555555555555", format!("{all}&{scope}"), 400, "invalid_tenant", 90_002, None),
        ("fabrikam", format!("{all}&{scope}"), 400, "invalid_tenant", 90_002, None),
        ("contoso", format!("{all}&{scope}"), 200, "", 0, None),
    ];
    for (at, body, status, error, code, suberror) in table {
        let (found, _, text) = endpoints.send(form(at, "token", body)).await;
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(found.as_u16(), *status, "{body:.90} {answer}");
        if *status == 200 {
            continue;
        }
        assert_eq!((answer["error"].as_str(), &answer["error_codes"]), (Some(*error), &json!([code])), "{body:.90}");
        assert_eq!(answer["suberror"].as_str(), *suberror, "{body:.90}");
        assert_eq!(answer["error_uri"], format!("{BASE}/error?code={code}"));
        assert!(answer["error_description"].as_str().expect("a text").starts_with(&format!("AADSTS{code}: ")));
        assert!(!text.contains(&secret));
        let (status, _, page) = endpoints.get(&format!("/error?code={code}")).await;
        assert!(status == 200 && page.contains(&code.to_string()), "{code} has a page");
    }
    let (_, answer) =
        endpoints.post("token", &[GRANT, ("client_id", &desk), ("client_secret", &secret), ("scope", misspelt)]).await;
    assert!(answer["error_description"].as_str().expect("a text").contains("PrivilegedOperations.All"), "{answer}");
}

#[tokio::test]
async fn answers_have_the_headers_of_a_login_endpoint_and_the_ids_of_their_request() {
    let endpoints = Endpoints::new().await;
    let sent = "0f0f0f0f-1111-4222-8333-444444444444";
    let mut by_header = form(&tenant().to_string(), "token", "");
    by_header.headers_mut().insert("client-request-id", sent.parse().expect("a value"));
    let by_query = form(&tenant().to_string(), &format!("token?client-request-id={sent}"), "");
    for request in [by_header, by_query] {
        let (_, headers, body) = endpoints.send(request).await;
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        for (name, value) in [
            ("cache-control", "no-store, no-cache"),
            ("pragma", "no-cache"),
            ("expires", "-1"),
            ("x-content-type-options", "nosniff"),
            ("client-request-id", sent),
            ("x-ms-request-id", answer["trace_id"].as_str().expect("an id")),
        ] {
            assert_eq!(headers.get(name).and_then(|value| value.to_str().ok()), Some(value), "{name}");
        }
        assert_eq!(answer["correlation_id"], sent);
    }
    let (_, headers, _) = endpoints.get(&format!("/{}/v2.0/.well-known/openid-configuration", tenant())).await;
    assert_eq!(headers["cache-control"], "max-age=86400, private");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(headers.contains_key("x-ms-request-id") && !headers.contains_key("client-request-id"));
}

#[tokio::test]
async fn too_many_tokens_of_one_application_wait_and_no_other_caller_uses_them_up() {
    let endpoints =
        Endpoints::with(TokenCeilings { by_application: 2, by_tenant: 0, ..TokenCeilings::default() }).await;
    let desk = Endpoints::DESK.to_string();
    let ask = |secret: String| {
        let fields = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", desk.clone()),
            ("client_secret", secret),
            ("scope", SCOPE.to_owned()),
        ];
        let body = serde_urlencoded::to_string(fields).expect("a form");
        endpoints.send(form(&tenant().to_string(), "token", &body))
    };
    for _ in 0..5 {
        assert_eq!(ask("wrong".to_owned()).await.0, 401, "who proves nothing takes nothing from it");
    }
    for status in [200, 200, 429] {
        let (found, headers, body) = ask(endpoints.secret.clone()).await;
        assert_eq!(found, status, "{body}");
        if status == 429 {
            let answer: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(
                (&answer["error"], &answer["error_codes"]),
                (&json!("temporarily_unavailable"), &json!([90055]))
            );
            assert_eq!(headers["retry-after"], "10");
        }
    }
    endpoints.pass(10);
    assert_eq!(ask(endpoints.secret.clone()).await.0, 200, "after so many seconds there is room");
}

#[tokio::test]
async fn an_ended_secret_is_told_apart_from_a_wrong_one_and_the_next_one_serves() {
    let endpoints = Endpoints::new().await;
    endpoints.pass(181 * 24 * 3600);
    let (next, kept) = chaveiro_auth::new_application_secret(
        endpoints.now(),
        std::time::Duration::from_secs(60),
        support::entropy_from(1_000_000).as_ref(),
    );
    let add = endpoints.store.write(move |unit| {
        let mut application = unit.application(tenant(), Endpoints::DESK)?.expect("the application");
        application.add_secret(kept.clone()).expect("room");
        Ok(unit.update_application(&application)?)
    });
    add.await.expect("added");
    let id = Endpoints::DESK.to_string();
    for (secret, status, code) in [(endpoints.secret.as_str(), 401, 7_000_222), (next.expose_secret(), 200, 0)] {
        let fields = [GRANT, ("client_id", &id), ("client_secret", secret), ("scope", SCOPE)];
        let (found, answer) = endpoints.post("token", &fields).await;
        assert_eq!(found, status, "{answer}");
        assert_eq!(answer["error_codes"][0].as_u64().unwrap_or_default(), code);
    }
}

/// A key with its certificate.
struct Signer {
    key: EncodingKey,
    pem: String,
    kept: ApplicationCertificate,
}

fn signer() -> Signer {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["desk.example".to_owned()]).expect("parameters");
    let pem = certificate.self_signed(&key).expect("a certificate").pem();
    let kept = read_certificate(&pem, now()).expect("readable");
    let pkcs8 = pem_of(&key.serialize_der());
    Signer { key: EncodingKey::from_rsa_pem(pkcs8.as_bytes()).expect("a key"), pem, kept }
}

fn pem_of(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect()
}

fn assertion(signer: &Signer, algorithm: Algorithm, name: &str, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    match name {
        "x5t" => header.x5t = Some(URL_SAFE_NO_PAD.encode(unhex(&signer.kept.sha1))),
        "x5t#S256" => header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(unhex(&signer.kept.sha256))),
        "x5t in plain base64" => header.x5t = Some(STANDARD.encode(unhex(&signer.kept.sha1))),
        "x5t#S256 in plain base64" => header.x5t_s256 = Some(STANDARD.encode(unhex(&signer.kept.sha256))),
        "kid" => header.kid = Some(signer.kept.sha1.to_uppercase()),
        _ => {}
    }
    jsonwebtoken::encode(&header, claims, &signer.key).expect("signed")
}

fn assertion_claims() -> Value {
    let (id, audience) = (Endpoints::DESK.to_string(), format!("{BASE}/{}/oauth2/v2.0/token", tenant()));
    json!({"iss": id, "sub": id, "aud": audience, "jti": "1", "iat": NOW, "nbf": NOW, "exp": NOW + 600})
}

async fn with_certificate(signer: &Signer) -> Endpoints {
    let endpoints = Endpoints::new().await;
    let kept = signer.kept.clone();
    let add = endpoints.store.write(move |unit| {
        let mut application = unit.application(tenant(), Endpoints::DESK)?.expect("the application");
        application.add_certificate(kept.clone()).expect("room");
        Ok(unit.update_application(&application)?)
    });
    add.await.expect("added");
    endpoints
}

async fn prove(endpoints: &Endpoints, assertion: &str) -> (u16, Value) {
    let id = Endpoints::DESK.to_string();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [
        GRANT,
        ("client_id", id.as_str()),
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
        ("scope", SCOPE),
    ];
    endpoints.post("token", &fields).await
}

#[tokio::test]
async fn an_application_proves_itself_with_a_registered_certificate() {
    let signer = signer();
    let endpoints = with_certificate(&signer).await;
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        for name in ["x5t", "x5t#S256", "kid", "x5t in plain base64", "x5t#S256 in plain base64"] {
            let proof = assertion(&signer, algorithm, name, &assertion_claims());
            let (status, answer) = prove(&endpoints, &proof).await;
            assert_eq!(status, 200, "{algorithm:?} {name} {answer}");
            // The libraries send one assertion for as long as it lives.
            assert_eq!(prove(&endpoints, &proof).await.0, 200);
        }
    }
    for audience in [format!("{BASE}/{}/v2.0", tenant()), BASE.to_owned(), format!("{BASE}/")] {
        let mut claims = assertion_claims();
        claims["aud"] = json!([audience]);
        assert_eq!(prove(&endpoints, &assertion(&signer, Algorithm::RS256, "x5t", &claims)).await.0, 200, "{audience}");
    }
}

#[tokio::test]
async fn every_bad_assertion_is_refused_for_its_reason() {
    let (own, stranger) = (signer(), signer());
    let endpoints = with_certificate(&own).await;
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims();
        claims[name] = value;
        assertion(&own, Algorithm::RS256, "x5t", &claims)
    };
    let good = assertion(&own, Algorithm::RS256, "x5t", &assertion_claims());
    let foreign_key = Signer { key: stranger.key.clone(), pem: String::new(), kept: own.kept.clone() };
    let symmetric = {
        let header =
            Header { x5t: jsonwebtoken::decode_header(&good).expect("a header").x5t, ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &assertion_claims(), &EncodingKey::from_secret(own.pem.as_bytes()))
            .expect("signed")
    };
    let unsigned = {
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", encode(json!({"alg": "none"})), encode(assertion_claims()))
    };
    let table = [
        ("garbage", "a.b.c".to_owned(), 50_027),
        ("oversized", "a".repeat(40_000), 50_027),
        ("unsigned", unsigned, 50_027),
        ("HMAC with the certificate", symmetric, 50_027),
        ("no thumbprint", assertion(&own, Algorithm::RS256, "", &assertion_claims()), 700_027),
        ("an unregistered certificate", assertion(&stranger, Algorithm::RS256, "x5t", &assertion_claims()), 700_027),
        (
            "another key under our thumbprint",
            assertion(&foreign_key, Algorithm::RS256, "x5t", &assertion_claims()),
            700_027,
        ),
        ("cut signature", good[..good.len() - 6].to_owned(), 700_027),
        ("another algorithm of the same key", assertion(&own, Algorithm::RS512, "x5t", &assertion_claims()), 50_027),
        ("another issuer", with("iss", json!("somebody")), 700_021),
        ("another subject", with("sub", json!(Endpoints::TOOL.to_string())), 700_021),
        ("no subject", with("sub", Value::Null), 700_021),
        ("another audience", with("aud", json!("https://login.microsoftonline.com/x/oauth2/v2.0/token")), 700_023),
        ("no audience", with("aud", Value::Null), 700_023),
        ("over", with("exp", json!(NOW - 61)), 700_024),
        ("without end", with("exp", Value::Null), 700_024),
        ("living for a day", with("exp", json!(NOW + 86_400)), 700_024),
        ("not begun", with("nbf", json!(NOW + 120)), 700_024),
    ];
    for (what, proof, code) in table {
        let (status, answer) = prove(&endpoints, &proof).await;
        assert_eq!((status, answer["error"].as_str()), (401, Some("invalid_client")), "{what}: {answer}");
        assert_eq!(answer["error_codes"][0], code, "{what}: {answer}");
    }
    assert_eq!(
        prove(&endpoints, &with("exp", json!(NOW - 30))).await.0,
        200,
        "a minute of clock difference is forgiven"
    );
}

#[tokio::test]
async fn a_certificate_serves_only_within_its_own_dates() {
    let mut signer = signer();
    for (begins, expires) in [(NOW + 3600, NOW + 7200), (NOW - 7200, NOW - 3600)] {
        let moment = |second| chaveiro_core::Timestamp::from_second(second).expect("a time");
        (signer.kept.begins, signer.kept.expires) = (moment(begins), moment(expires));
        let endpoints = with_certificate(&signer).await;
        let (_, answer) = prove(&endpoints, &assertion(&signer, Algorithm::RS256, "x5t", &assertion_claims())).await;
        assert_eq!(answer["error_codes"][0], 700_027, "{answer}");
        assert!(answer["error_description"].as_str().expect("a text").contains("not valid now"), "{answer}");
    }
}

#[test]
fn only_a_public_rsa_certificate_can_be_registered() {
    let elliptic = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["x.example".to_owned()]).expect("parameters");
    let of_elliptic = certificate.self_signed(&elliptic).expect("a certificate").pem();
    let pem = signer().pem;
    let with_key = format!("{pem}{}", pem_of(b"x"));
    for (text, refusal) in [
        ("", CertificateRefusal::NotOne),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", CertificateRefusal::NotOne),
        (&*"x".repeat(70_000), CertificateRefusal::NotOne),
        (&*with_key, CertificateRefusal::PrivateKey),
        (&*of_elliptic, CertificateRefusal::Key),
    ] {
        assert_eq!(read_certificate(text, now()), Err(refusal), "{text:.40}");
    }
    let late = chaveiro_core::Timestamp::from_second(80_000_000_000).expect("a time");
    assert!(matches!(read_certificate(&pem, late), Err(CertificateRefusal::Over(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]
    #[test]
    fn arbitrary_forms_never_panic_and_never_give_a_token(body in "(grant_type=(client_credentials|device_code|refresh_token)&)?[ -~]{0,160}") {
        static WORLD: std::sync::LazyLock<(tokio::runtime::Runtime, Endpoints)> = std::sync::LazyLock::new(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            let endpoints = runtime.block_on(Endpoints::new());
            (runtime, endpoints)
        });
        let (status, _, _) = WORLD.0.block_on(WORLD.1.send(form(&tenant().to_string(), "token", &body)));
        proptest::prop_assert!(status.is_client_error(), "{}", status);
    }
}
