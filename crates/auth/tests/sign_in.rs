//! People sign in with a device code, stay signed in, and stop.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Fault;
use chaveiro_core::audit::Activity;
use chaveiro_core::caller::{ActorKind, HostUser};
use chaveiro_core::decisions::vouch::{self, Decision, VouchRefusal};
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use http::{Request, header};
use serde_json::{Value, json};

use crate::support::{self, BASE, Endpoints, SCOPE, tenant, user};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EVERYTHING: &str = "https://graph.microsoft.com/.default offline_access openid profile";

async fn begin(endpoints: &Endpoints, scope: &str) -> Value {
    let id = Endpoints::TOOL.to_string();
    let (status, answer) = endpoints.post("devicecode", &[("client_id", &id), ("scope", scope)]).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn poll(endpoints: &Endpoints, begun: &Value) -> (u16, Value) {
    poll_as(endpoints, begun, Endpoints::TOOL.to_string().as_str(), DEVICE_CODE, "device_code").await
}

async fn poll_as(endpoints: &Endpoints, begun: &Value, id: &str, grant: &str, field: &str) -> (u16, Value) {
    let code = begun["device_code"].as_str().expect("a code");
    endpoints.post("token", &[("grant_type", grant), ("client_id", id), (field, code), ("client_info", "1")]).await
}

async fn decide(endpoints: &Endpoints, begun: &Value, decision: Decision) -> Result<(), VouchRefusal> {
    decide_in(endpoints, tenant(), begun["user_code"].as_str().expect("a code"), decision).await
}

async fn decide_in(
    endpoints: &Endpoints,
    tenant: TenantId,
    code: &str,
    decision: Decision,
) -> Result<(), VouchRefusal> {
    let (now, code) = (endpoints.now(), code.to_owned());
    let decided = endpoints
        .store
        .try_write(move |unit| vouch::decide(unit, tenant, &code, &decision, &HostUser::new("root", 0), now));
    match decided.await {
        Ok(_) => Ok(()),
        Err(Fault::Refused(refusal)) => Err(refusal),
        Err(fault) => panic!("{fault}"),
    }
}

fn ana() -> Decision {
    Decision::Approve("Ana@Contoso.example".to_owned())
}

async fn refresh(endpoints: &Endpoints, token: &Value, scope: Option<&str>) -> (u16, Value) {
    let (id, token) = (Endpoints::TOOL.to_string(), token.as_str().expect("a refresh token"));
    let mut fields = vec![("grant_type", "refresh_token"), ("client_id", &id), ("refresh_token", token)];
    fields.extend(scope.map(|scope| ("scope", scope)));
    endpoints.post("token", &fields).await
}

/// A user who is signed in: the answer with the user's tokens.
async fn signed_in(endpoints: &Endpoints, scope: &str) -> Value {
    let begun = begin(endpoints, scope).await;
    decide(endpoints, &begun, ana()).await.expect("approved");
    let (status, answer) = poll(endpoints, &begun).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn claims(token: &Value) -> Value {
    let token = token.as_str().expect("a token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
    serde_json::from_slice(&claims).expect("JSON")
}

fn says(answer: &(u16, Value)) -> (u16, &str, u64) {
    let code = answer.1["error_codes"][0].as_u64().unwrap_or_default();
    (answer.0, answer.1["error"].as_str().unwrap_or_default(), code)
}

#[tokio::test]
async fn a_person_signs_in_once_an_operator_vouches_for_them() {
    let endpoints = Endpoints::new().await;
    let begun = begin(&endpoints, EVERYTHING).await;
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(900), &json!(5)));
    assert_eq!(begun["verification_uri"], format!("{BASE}/devicelogin"));
    assert!(begun["message"].as_str().expect("a text").contains(begun["user_code"].as_str().expect("a code")));
    assert_eq!(says(&poll(&endpoints, &begun).await), (400, "authorization_pending", 70_016));
    assert_eq!(says(&poll(&endpoints, &begun).await), (400, "slow_down", 70_016));

    decide(&endpoints, &begun, ana()).await.expect("approved");
    let (status, answer) = poll(&endpoints, &begun).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(says(&poll(&endpoints, &begun).await), (400, "invalid_grant", 54_005), "a code serves once");

    let header = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let caller = endpoints.verifier().verify(Some(&header), endpoints.now()).await.expect("a caller");
    assert_eq!((caller.actor.kind, caller.actor.user_id), (ActorKind::Delegated, Some(user().to_string())));
    assert_eq!(caller.actor.user_principal_name.as_deref(), Some("Ana@contoso.example"));
    assert_eq!(caller.actor.application_id, Endpoints::TOOL.to_string());
    assert!(caller.permissions.contains(Permission::PrivilegedOperationsAll));
    assert!(!caller.permissions.contains(Permission::UserReadAll), "the application is not registered for it");

    let identity = claims(&answer["id_token"]);
    assert_eq!(identity["aud"], Endpoints::TOOL.to_string());
    assert_eq!((&identity["oid"], &identity["name"]), (&json!(user()), &json!("Ana Souza")));
    assert_eq!(identity["iss"], format!("{BASE}/{}/v2.0", tenant()));
    assert_ne!(identity["sub"], identity["oid"], "another subject for every client");
    let info = URL_SAFE_NO_PAD.decode(answer["client_info"].as_str().expect("client_info")).expect("base64");
    let info: Value = serde_json::from_slice(&info).expect("JSON");
    assert_eq!(info, json!({"uid": user(), "utid": tenant()}));
    let scope: Vec<&str> = answer["scope"].as_str().expect("a scope").split(' ').collect();
    for word in ["openid", "offline_access", SCOPE] {
        assert!(scope.contains(&word), "{scope:?}");
    }
    assert_eq!(endpoints.recorded().await, [Activity::SignInApproved]);
}

#[tokio::test]
async fn both_spellings_of_the_grant_and_of_the_code_are_understood() {
    let endpoints = Endpoints::new().await;
    for (grant, field) in [(DEVICE_CODE, "code"), ("device_code", "device_code"), ("device_code", "code")] {
        let begun = begin(&endpoints, SCOPE).await;
        decide(&endpoints, &begun, ana()).await.expect("approved");
        let (status, answer) = poll_as(&endpoints, &begun, &Endpoints::TOOL.to_string(), grant, field).await;
        assert_eq!(status, 200, "{grant} {field} {answer}");
        assert!(answer["refresh_token"].is_null() && answer["id_token"].is_null(), "neither was asked for");
    }
}

#[tokio::test]
async fn the_command_line_is_a_client_of_every_tenant() {
    let endpoints = Endpoints::new().await;
    let id = chaveiro_core::application::COMMAND_LINE.to_string();
    let (_, begun) = endpoints.post_at("organizations", "devicecode", &[("client_id", &id), ("scope", SCOPE)]).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    let (status, answer) = poll_as(&endpoints, &begun, &id, DEVICE_CODE, "device_code").await;
    assert_eq!(status, 200, "{answer}");
    assert!(claims(&answer["access_token"])["scp"].as_str().expect("scp").contains("User.ReadWrite.All"));
}

#[tokio::test]
async fn a_confidential_application_must_prove_itself_for_its_people_too() {
    let endpoints = Endpoints::new().await;
    let id = Endpoints::DESK.to_string();
    let (_, begun) = endpoints.post("devicecode", &[("client_id", &id), ("scope", SCOPE)]).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    let bare = poll_as(&endpoints, &begun, &id, DEVICE_CODE, "device_code").await;
    assert_eq!(says(&bare), (401, "invalid_client", 7_000_218));
    let code = begun["device_code"].as_str().expect("a code");
    let fields =
        [("grant_type", DEVICE_CODE), ("client_id", &id), ("client_secret", &endpoints.secret), ("device_code", code)];
    assert_eq!(endpoints.post("token", &fields).await.0, 200);
}

#[tokio::test]
async fn what_is_not_approved_gives_nothing() {
    let endpoints = Endpoints::new().await;
    let denied = begin(&endpoints, SCOPE).await;
    decide(&endpoints, &denied, Decision::Deny).await.expect("denied");
    assert_eq!(says(&poll(&endpoints, &denied).await), (400, "authorization_declined", 65_004));

    let foreign = begin(&endpoints, SCOPE).await;
    decide(&endpoints, &foreign, ana()).await.expect("approved");
    let other = chaveiro_core::application::COMMAND_LINE.to_string();
    let other = poll_as(&endpoints, &foreign, &other, DEVICE_CODE, "code");
    assert_eq!(says(&other.await), (400, "bad_verification_code", 70_000), "another application's code is unknown");

    let late = begin(&endpoints, SCOPE).await;
    endpoints.pass(900);
    assert_eq!(says(&poll(&endpoints, &late).await), (400, "expired_token", 70_019));
    let code = late["user_code"].as_str().expect("a code").to_owned();
    assert_eq!(decide(&endpoints, &late, ana()).await, Err(VouchRefusal::Expired(code)));
}

#[tokio::test]
async fn an_operator_decides_once_about_codes_of_the_own_tenant_and_known_users() {
    let endpoints = Endpoints::new().await;
    let begun = begin(&endpoints, SCOPE).await;
    let code = begun["user_code"].as_str().expect("a code").to_owned();
    let stranger = Decision::Approve("nobody@contoso.example".to_owned());
    let refused = decide(&endpoints, &begun, stranger).await.expect_err("refused");
    assert_eq!(refused, VouchRefusal::NoUser("nobody@contoso.example".to_owned()));
    assert!(refused.to_string().contains("no user nobody@contoso.example"), "{refused}");
    let elsewhere = TenantId(uuid::Uuid::from_u128(9));
    assert_eq!(decide_in(&endpoints, elsewhere, &code, ana()).await, Err(VouchRefusal::Unknown(code.clone())));
    assert_eq!(decide_in(&endpoints, tenant(), &code.to_lowercase().replace('-', " "), ana()).await, Ok(()));
    assert_eq!(decide(&endpoints, &begun, Decision::Deny).await, Err(VouchRefusal::Decided(code)));
}

#[tokio::test]
async fn a_refresh_gives_the_next_tokens_and_never_more_than_was_approved() {
    let endpoints = Endpoints::new().await;
    let first =
        signed_in(&endpoints, &format!("User.Read.All {SCOPE}").replace("User.Read.All ", "offline_access ")).await;
    endpoints.pass(3600);
    let (status, second) = refresh(&endpoints, &first["refresh_token"], None).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let read = "DeviceManagementManagedDevices.Read.All";
    let (_, third) = refresh(&endpoints, &second["refresh_token"], Some(read)).await;
    assert_eq!(claims(&third["access_token"])["scp"], read);
    let more = refresh(&endpoints, &third["refresh_token"], Some("User.Read.All")).await;
    assert_eq!((says(&more), more.1["suberror"].as_str()), ((400, "invalid_grant", 65_001), Some("consent_required")));
    assert_eq!(refresh(&endpoints, &third["refresh_token"], Some(SCOPE)).await.0, 200, "the refused one took nothing");

    // A client approved for one permission gets no other by asking for all.
    let narrow = signed_in(&endpoints, &format!("{read} offline_access")).await;
    let (_, wide) = refresh(&endpoints, &narrow["refresh_token"], Some(".default")).await;
    assert_eq!(claims(&wide["access_token"])["scp"], read);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_sign_in() {
    let endpoints = Endpoints::new().await;
    let first = signed_in(&endpoints, EVERYTHING).await;
    let (_, second) = refresh(&endpoints, &first["refresh_token"], None).await;
    endpoints.pass(60);
    let reused = refresh(&endpoints, &first["refresh_token"], None).await;
    assert_eq!((says(&reused), reused.1["suberror"].as_str()), ((400, "invalid_grant", 50_173), Some("bad_token")));
    assert_eq!(says(&refresh(&endpoints, &second["refresh_token"], None).await), (400, "invalid_grant", 50_173));
    let recorded = [Activity::SignInApproved, Activity::SignInRevoked, Activity::TokensRevoked];
    assert_eq!(endpoints.recorded().await, recorded);
}

#[tokio::test]
async fn a_sign_in_ends_after_a_day_without_a_refresh_by_signing_out_or_by_an_operator() {
    let endpoints = Endpoints::new().await;
    let idle = signed_in(&endpoints, EVERYTHING).await;
    endpoints.pass(24 * 3600);
    let over = refresh(&endpoints, &idle["refresh_token"], None).await;
    assert_eq!((says(&over), over.1["suberror"].as_str()), ((400, "invalid_grant", 700_082), Some("bad_token")));

    let out = signed_in(&endpoints, EVERYTHING).await;
    let token = out["refresh_token"].as_str().expect("a token");
    for presented in [token, token, "chr_x.y", "nothing"] {
        assert_eq!(endpoints.post("revoke", &[("token", presented)]).await.0, 200, "the same for every token");
    }
    assert_eq!(says(&refresh(&endpoints, &out["refresh_token"], None).await), (400, "invalid_grant", 50_173));

    let kept = [signed_in(&endpoints, EVERYTHING).await, signed_in(&endpoints, EVERYTHING).await];
    let now = endpoints.now();
    let revoke = endpoints
        .store
        .try_write(move |unit| vouch::revoke(unit, tenant(), "ana@contoso.example", &HostUser::new("root", 0), now));
    assert_eq!(revoke.await.expect("revoked").sign_ins, 2);
    for signed_in in kept {
        assert_eq!(says(&refresh(&endpoints, &signed_in["refresh_token"], None).await), (400, "invalid_grant", 50_173));
    }
}

#[tokio::test]
async fn a_tenant_says_how_long_its_people_stay_signed_in() {
    let endpoints = Endpoints::new().await;
    let shorten = endpoints.store.write(|unit| {
        let mut tenant = unit.tenant(tenant())?.expect("the tenant");
        tenant.settings.sign_in_life_s = 7200;
        Ok(unit.update_tenant(&tenant)?)
    });
    shorten.await.expect("changed");
    let first = signed_in(&endpoints, EVERYTHING).await;
    endpoints.pass(7199);
    let (_, second) = refresh(&endpoints, &first["refresh_token"], None).await;
    endpoints.pass(7200);
    assert_eq!(says(&refresh(&endpoints, &second["refresh_token"], None).await), (400, "invalid_grant", 700_082));
}

#[tokio::test]
async fn a_user_with_a_disabled_account_is_not_signed_in_until_it_is_enabled_again() {
    let endpoints = Endpoints::new().await;
    let before = signed_in(&endpoints, EVERYTHING).await;
    let begun = begin(&endpoints, SCOPE).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    let set = async |enabled: bool| {
        let changed = endpoints.store.write(move |unit| {
            let kind = chaveiro_core::resource::ResourceKind::User;
            let mut user = unit.resource(tenant(), kind, user())?.expect("a user");
            let mut properties: Value = serde_json::from_str(&user.properties).expect("JSON");
            properties["accountEnabled"] = enabled.into();
            user.properties = properties.to_string();
            Ok(unit.update_resource(&user)?)
        });
        changed.await.expect("changed");
    };
    set(false).await;
    assert_eq!(says(&refresh(&endpoints, &before["refresh_token"], None).await), (400, "invalid_grant", 50_057));
    assert_eq!(says(&poll(&endpoints, &begun).await), (400, "invalid_grant", 50_057));
    let next = begin(&endpoints, SCOPE).await;
    let refused = Err(VouchRefusal::Disabled("Ana@Contoso.example".to_owned()));
    assert_eq!(decide(&endpoints, &next, ana()).await, refused, "no operator vouches for a person who gets no token");
    set(true).await;
    assert_eq!(decide(&endpoints, &next, ana()).await, Ok(()), "the code still waited");
    assert_eq!(refresh(&endpoints, &before["refresh_token"], None).await.0, 200, "nothing was used up");
}

#[tokio::test]
async fn a_removed_user_is_not_signed_in_any_more() {
    let endpoints = Endpoints::new().await;
    let before = signed_in(&endpoints, EVERYTHING).await;
    let begun = begin(&endpoints, SCOPE).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    let remove = endpoints
        .store
        .write(|unit| Ok(unit.delete_resource(tenant(), chaveiro_core::resource::ResourceKind::User, user())?));
    remove.await.expect("removed");
    assert_eq!(says(&refresh(&endpoints, &before["refresh_token"], None).await), (400, "invalid_grant", 50_034));
    assert_eq!(says(&poll(&endpoints, &begun).await), (400, "invalid_grant", 50_034));
}

#[tokio::test]
async fn a_sign_in_survives_a_restart() {
    let endpoints = Endpoints::new().await;
    let begun = begin(&endpoints, EVERYTHING).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    // Another node: nothing but the store and the keys is shared.
    let elsewhere = Endpoints {
        router: support::local(&endpoints.directory.path().join("issuer")).router(
            std::sync::Arc::new(chaveiro_store_sqlite::SqliteStore::open(endpoints.directory.path()).expect("a store")),
            std::sync::Arc::<support::TestClock>::clone(&endpoints.clock),
            support::entropy(),
            chaveiro_auth::TokenCeilings::default(),
            chaveiro_auth::TrustedProxies::default(),
        ),
        ..endpoints
    };
    let (status, answer) = poll(&elsewhere, &begun).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(refresh(&elsewhere, &answer["refresh_token"], None).await.0, 200);
}

#[tokio::test]
async fn a_code_is_given_only_for_what_the_application_is_registered_for() {
    let endpoints = Endpoints::new().await;
    let id = Endpoints::TOOL.to_string();
    for (scope, expected) in [
        ("User.Read.All", (400, "invalid_grant", 65_001)),
        ("Mail.Read", (400, "invalid_scope", 70_011)),
        ("DeviceManagementManagedDevices.PriviligedOperation.All", (400, "invalid_scope", 70_011)),
        ("openid", (400, "invalid_scope", 70_011)),
    ] {
        let answer = endpoints.post("devicecode", &[("client_id", &id), ("scope", scope)]).await;
        assert_eq!(says(&answer), expected, "{scope}");
    }
    assert_eq!(says(&endpoints.post("devicecode", &[("scope", SCOPE)]).await), (400, "invalid_request", 900_144));
}

#[tokio::test]
async fn no_token_is_kept_in_clear() {
    let endpoints = Endpoints::new().await;
    let begun = begin(&endpoints, EVERYTHING).await;
    decide(&endpoints, &begun, ana()).await.expect("approved");
    let (_, answer) = poll(&endpoints, &begun).await;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(endpoints.directory.path()).expect("a directory").flatten() {
        found.extend(std::fs::read(entry.path()).unwrap_or_default());
    }
    let contains = |needle: &[u8]| found.windows(needle.len()).any(|window| window == needle);
    assert!(contains(begun["user_code"].as_str().expect("a code").replace('-', "").as_bytes()), "the search works");
    for secret in [&begun["device_code"], &answer["refresh_token"], &answer["access_token"]] {
        let secret = secret.as_str().expect("a secret");
        assert!(!contains(secret.as_bytes()) && !contains(&secret.as_bytes()[secret.len() - 20..]));
    }
}

#[tokio::test]
async fn the_page_says_who_asks_in_the_readers_language_and_runs_nothing() {
    let endpoints = Endpoints::new().await;
    let begun = begin(&endpoints, SCOPE).await;
    let code = begun["user_code"].as_str().expect("a code");
    for (language, words) in [
        ("en-GB,en;q=0.9", ["asks to act for you", "do nothing", "helpdesk"]),
        ("pt-BR,pt;q=0.9", ["pede para agir", "não faça nada", "helpdesk"]),
    ] {
        let request = Request::get(format!("/devicelogin?otc={}", code.to_lowercase()))
            .header(header::ACCEPT_LANGUAGE, language)
            .body(axum::body::Body::empty())
            .expect("a request");
        let (status, headers, body) = endpoints.send(request).await;
        assert_eq!(status, 200);
        for word in words.into_iter().chain([code, "chaveiro sign-in approve"]) {
            assert!(body.contains(word), "{word} in {body}");
        }
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script"));
        assert!(!body.contains("<script") && !body.contains(begun["device_code"].as_str().expect("a code")));
    }
    let (status, _, body) = endpoints.get("/devicelogin").await;
    assert!(status == 200 && body.contains("name=\"otc\""), "{body}");
    let (status, _, body) = endpoints.get("/devicelogin?otc=%3Cscript%3EZZZZ").await;
    assert!(status == 404 && !body.contains("<script"), "{body}");
    decide(&endpoints, &begun, Decision::Deny).await.expect("denied");
    assert_eq!(endpoints.get(&format!("/devicelogin?otc={code}")).await.0, 404, "what is decided is not shown");
}

#[tokio::test]
async fn the_name_of_an_application_is_text_and_not_markup() {
    let endpoints = Endpoints::new().await;
    let rename = endpoints.store.write(|unit| {
        let mut application = unit.application(tenant(), Endpoints::TOOL)?.expect("the application");
        application.display_name = "<b>&\"'".to_owned();
        Ok(unit.update_application(&application)?)
    });
    rename.await.expect("renamed");
    let begun = begin(&endpoints, SCOPE).await;
    let (_, _, body) =
        endpoints.get(&format!("/devicelogin?otc={}", begun["user_code"].as_str().expect("a code"))).await;
    assert!(body.contains("&lt;b&gt;&amp;&quot;&#39;") && !body.contains("<b>"), "{body}");
}
