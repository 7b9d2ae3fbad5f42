//! Tokens that end before their hour: how a caller is told, whom a revocation is about, and who may.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_auth::IssuerConfig;
use chaveiro_core::Fault;
use chaveiro_core::caller::HostUser;
use chaveiro_core::decisions::revocation::end_tokens;
use chaveiro_core::decisions::vouch;
use chaveiro_core::id::ResourceId;
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_graph::Ceilings;
use serde_json::{Value, json};

use super::{DEVICES, NO_HOLD, message, recover, world};
use crate::world::{BASE, FOREIGN, OWN, World, application, device, id, permissions, tenant};

pub const EXTERNAL: &str = "https://login.example/realm";

fn ana() -> ResourceId {
    ResourceId(id(0xa, 77))
}

impl World {
    /// Ana is a user of the tenant.
    async fn add_ana(&self) {
        let row = Resource {
            tenant: tenant(1),
            kind: ResourceKind::User,
            id: ana(),
            owner: None,
            device: None,
            alternate_key: Some("ana@x".to_owned()),
            properties: json!({"userPrincipalName": "ana@x"}).to_string(),
            created: self.now(),
            modified: self.now(),
        };
        self.write(move |unit| Ok(unit.insert_resource(&row)?)).await;
    }

    /// A token with these claims beside those of the world, issued at this second.
    fn issued(&self, claims: Value) -> String {
        let mut claims = claims;
        claims["iat"] = self.now().as_second().into();
        self.token_with(&claims)
    }

    /// The token that the local issuer gives to Ana, after revocations that moved the revocation time so many seconds
    /// ahead.
    fn ana(&self, ahead: i64) -> String {
        let iat = self.now().as_second() + ahead;
        self.token_with(&json!({"scp": permissions(), "oid": ana().to_string(), "upn": "ana@x", "iat": iat}))
    }

    async fn revoke(&self, principal: Principal) {
        let now = self.now();
        self.write(move |unit| end_tokens(unit, tenant(1), std::slice::from_ref(&principal), now).map(drop)).await;
    }

    /// Whether a token is refused as revoked; it is refused for no other reason.
    async fn is_revoked(&self, token: &str) -> bool {
        let (status, answer) = self.ask(token, "GET", DEVICES, &[]).await;
        assert!(matches!(status, 200 | 401), "{answer}");
        assert!(status == 200 || message(&answer).contains("TokenIssuedBeforeRevocationTimestamp"), "{answer}");
        status == 401
    }
}

fn of_application(name: &str) -> Principal {
    Principal::new(PrincipalKind::Application, name)
}

/// The claims that a challenge asks for.
fn challenged(answer: &Value) -> Value {
    let challenge = answer["challenge"].as_str().expect("a challenge");
    let usual = format!(
        "Bearer realm=\"\", authorization_uri=\"{BASE}/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\", error=\"insufficient_claims\", claims=\""
    );
    let claims = challenge.strip_prefix(&usual).and_then(|rest| rest.strip_suffix('"'));
    let claims = claims.unwrap_or_else(|| panic!("{challenge}"));
    serde_json::from_slice(&STANDARD.decode(claims).expect("base64")).expect("JSON")
}

#[tokio::test]
async fn a_revoked_token_is_refused_everywhere_with_the_challenge_that_clients_understand() {
    let world = world().await;
    let roles: Vec<_> = permissions().split(' ').map(str::to_owned).collect();
    let claims = json!({"roles": roles, "azp": "robot"});
    let old = world.issued(claims.clone());
    assert!(!world.is_revoked(&old).await);
    world.revoke(of_application("robot")).await;
    let moment = world.now().as_second() + 2;
    let before = world.recorded().await;
    let user = format!("/v1.0/users/{}", id(0xa, OWN));
    for (method, path, body) in [
        ("GET", DEVICES.to_owned(), ""),
        ("GET", format!("{DEVICES}/$count"), ""),
        ("GET", format!("{DEVICES}/{}?$select=id,deviceActionResults", device(OWN)), ""),
        ("GET", format!("{DEVICES}/{}", device(FOREIGN)), ""),
        ("POST", recover(OWN), ""),
        ("PATCH", format!("{DEVICES}/{}", device(OWN)), r#"{"notes": "x"}"#),
        ("DELETE", format!("{DEVICES}/{}", device(OWN)), ""),
        ("GET", recover(OWN), ""),
        ("GET", format!("{DEVICES}?$filter=nonsense"), ""),
        ("GET", "/beta/deviceManagement/auditEvents/getAuditCategories()".to_owned(), ""),
        ("GET", user.clone(), ""),
        ("POST", format!("{user}/revokeSignInSessions"), ""),
        ("POST", "/v1.0/users".to_owned(), r#"{"userPrincipalName": "new@x"}"#),
        ("POST", "/beta/$batch".to_owned(), r#"{"requests": [{"id": "1", "method": "GET", "url": "/users"}]}"#),
    ] {
        let (status, answer) = world.ask_with(&old, method, &path, &[], body).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!("InvalidAuthenticationToken")), "{method} {path}");
        assert_eq!(
            message(&answer),
            "Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"
        );
        let asked = json!({"access_token": {"nbf": {"essential": true, "value": moment.to_string()}}});
        assert_eq!(challenged(&answer), asked, "{method} {path}");
    }
    assert_eq!(world.recorded().await, before, "nothing was done");
    for (issued, revoked) in [(moment - 1, true), (moment, false), (moment + 1, false)] {
        let mut claims = claims.clone();
        claims["iat"] = issued.into();
        assert_eq!(world.is_revoked(&world.token_with(&claims)).await, revoked, "{}", issued - moment);
    }
    // An item of a batch that brings its own token is refused by itself.
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/users", "headers": {"Authorization": format!("Bearer {old}")}},
        {"id": "2", "method": "GET", "url": "/users"},
    ]});
    let new = world.issued(json!({"roles": roles, "azp": "other"}));
    let (status, answer) = world.ask_with(&new, "POST", "/beta/$batch", &[], &batch.to_string()).await;
    assert_eq!(
        (status, &answer["responses"][0]["status"], &answer["responses"][1]["status"]),
        (200, &json!(401), &json!(200))
    );
    let carried = answer["responses"][0]["headers"]["WWW-Authenticate"].as_str().expect("a challenge");
    assert!(carried.contains("insufficient_claims"), "{carried}");
}

#[tokio::test]
async fn a_token_that_is_revoked_after_its_request_was_admitted_changes_and_discloses_nothing() {
    let world = world().await;
    world.add_ana().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    let hold = format!("/beta/deviceManagement/chaveiroHolds/{}", id(0x4d, OWN));
    let app = format!("/v1.0/applications/{}", application(OWN));
    let user = format!("{DEVICES}/{}/users", device(OWN));
    let link = json!({"@odata.id": format!("{BASE}/beta/users/{}", ana())}).to_string();
    let results = format!("{DEVICES}/{}?$select=deviceActionResults", device(OWN));
    let assignments = "/beta/deviceManagement/roleAssignments";
    let assignment = format!("{assignments}/{}", id(0xa6, OWN));
    let desk = json!({
        "roleDefinition@odata.bind": "/deviceManagement/roleDefinitions/9e0cc482-82df-4ab2-a24c-0c23a3f52e1e",
        "members": ["x"], "scopeType": "allDevices",
    })
    .to_string();
    for (method, path, body) in [
        ("POST", recover(OWN), ""),
        ("PATCH", format!("{DEVICES}/{}", device(OWN)), r#"{"notes": "x"}"#),
        ("DELETE", format!("{DEVICES}/{}", device(OWN)), ""),
        ("GET", results, ""),
        ("POST", "/v1.0/users".to_owned(), r#"{"userPrincipalName": "new@x"}"#),
        ("PATCH", format!("/v1.0/users/{}", ana()), r#"{"displayName": "x"}"#),
        ("POST", format!("{user}/$ref"), &link),
        ("DELETE", format!("{user}/{}/$ref", id(0xa, OWN)), ""),
        ("POST", format!("{hold}/release"), ""),
        ("POST", "/v1.0/applications".to_owned(), r#"{"displayName": "x"}"#),
        ("PATCH", app.clone(), r#"{"displayName": "x"}"#),
        ("POST", format!("{app}/addPassword"), ""),
        ("POST", format!("{app}/removePassword"), r#"{"keyId": "11111111-2222-4333-8444-555555555555"}"#),
        ("DELETE", app.clone(), ""),
        ("POST", assignments.to_owned(), &desk),
        ("PATCH", assignment.clone(), r#"{"displayName": "x"}"#),
        ("DELETE", assignment, ""),
        ("POST", "/v1.0/me/revokeSignInSessions".to_owned(), ""),
    ] {
        let before = world.recorded().await.len();
        let token = world.ana(0);
        let now = world.now();
        let principal = Principal::new(PrincipalKind::User, &ana().to_string());
        world
            .meanwhile
            .before_the_next(move |unit| end_tokens(unit, tenant(1), std::slice::from_ref(&principal), now).map(drop));
        let (status, answer) = world.ask_with(&token, method, &path, &[], body).await;
        assert_eq!(status, 401, "{method} {path}: {answer}");
        assert!(challenged(&answer)["access_token"]["nbf"]["value"].is_string());
        assert_eq!(world.recorded().await.len(), before, "{method} {path}");
        // Far enough that the next token is of a second that counts.
        world.clock.0.fetch_add(10, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn callers_end_their_own_sessions_and_those_of_others_need_a_role() {
    let world = world().await;
    world.add_ana().await;
    world.assign(1, "read-only-operator", PrincipalKind::User, "reader@x", None).await;
    world.assign(2, "intune-administrator", PrincipalKind::User, "eva@x", None).await;
    world.assign(3, "intune-administrator", PrincipalKind::User, "own@x", Some("own")).await;
    let path = format!("/v1.0/users/{}/revokeSignInSessions", ana());
    for (who, status) in [("reader@x", 403), ("nobody@x", 403), ("own@x", 403)] {
        let (found, answer) = world.ask(&world.person(who), "POST", &path, &[]).await;
        assert_eq!(found, status, "{who}: {answer}");
        assert_ne!(answer["error"]["code"], "InvalidAuthenticationToken", "{who}");
    }
    let few = world.issued(json!({"scp": "User.Read.All", "oid": ana().to_string(), "upn": "ana@x"}));
    let (status, answer) = world.ask(&few, "POST", "/v1.0/me/revokeSignInSessions", &[]).await;
    assert_eq!(status, 403, "an application that may not has no way to sign its people out: {answer}");
    assert!(message(&answer).contains("User.RevokeSessions.All"), "{answer}");

    for (ahead, path) in [
        (0, "/v1.0/me/revokeSignInSessions".to_owned()),
        (2, "/beta/me/microsoft.graph.revokeSignInSessions".to_owned()),
        (3, format!("/beta/users/{}/revokeSignInSessions", ana())),
        (4, "/v1.0/users/ANA@x/revokeSignInSessions".to_owned()),
        (5, "/v1.0/users('ana@x')/revokesigninsessions".to_owned()),
    ] {
        let token = world.ana(ahead);
        let (status, answer) = world.ask(&token, "POST", &path, &[]).await;
        assert_eq!((status, &answer["value"]), (200, &json!(true)), "{path}: {answer}");
        let version = path.split('/').nth(1).expect("a version");
        assert_eq!(answer["@odata.context"], format!("{BASE}/{version}/$metadata#Edm.Boolean"));
        let (status, answer) = world.ask(&token, "POST", &path, &[]).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!("InvalidAuthenticationToken")), "her own, too");
    }
    // For anything but this, and with a permission that the token lacks, the person still needs a role.
    let new = world.ana(6);
    assert_eq!(world.ask(&new, "GET", "/v1.0/me", &[]).await.1["error"]["code"], "Authorization_RequestDenied");
    let other = format!("/v1.0/users/{}/revokeSignInSessions", id(0xa, OWN));
    assert_eq!(world.ask(&new, "POST", &other, &[]).await.1["error"]["code"], "Authorization_RequestDenied");

    let (status, answer) = world.ask(&world.person("eva@x"), "POST", &path, &[]).await;
    assert_eq!((status, &answer["value"]), (200, &json!(true)), "{answer}");
    assert_eq!(world.ask(&new, "GET", "/v1.0/me", &[]).await.1["error"]["code"], "InvalidAuthenticationToken");
    let robot = world.token_with(&json!({"roles": ["User.RevokeSessions.All"], "azp": "robot"}));
    assert_eq!(world.ask(&robot, "POST", &path, &[]).await.0, 200, "an application by its permission");
    assert_eq!(world.ask(&robot, "POST", "/v1.0/me/revokeSignInSessions", &[]).await.0, 400, "it has no me");
    let (status, answer) = world.ask_with(&robot, "POST", &path, &[], r#"{"reason": "x"}"#).await;
    assert_eq!(status, 400, "{answer}");
    let foreign = format!("/v1.0/users/{}/revokeSignInSessions", id(0xa, FOREIGN));
    assert_eq!(world.ask(&robot, "POST", &foreign, &[]).await.0, 404);

    let events = world.events().await;
    let revoked: Vec<_> = events.iter().filter(|event| event["activity"] == "tokensRevoked").collect();
    assert_eq!(revoked.len(), 7, "{events:?}");
    let of_eva = revoked[5];
    assert_eq!(of_eva["actor"]["userPrincipalName"], "eva@x");
    assert!(of_eva["request"].is_string() && of_eva.to_string().contains(&ana().to_string()), "{of_eva}");
}

#[tokio::test]
async fn revocations_in_a_burst_are_refused_before_they_lock_a_person_out() {
    let world = world().await;
    world.add_ana().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    let robot = world.token_with(&json!({"roles": ["User.RevokeSessions.All", "User.ReadWrite.All"], "azp": "robot"}));
    let path = format!("/v1.0/users/{}/revokeSignInSessions", ana());
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(world.ask(&robot, "POST", &path, &[]).await);
    }
    let refused: Vec<_> = answers.iter().skip_while(|(status, _)| *status == 200).collect();
    assert_eq!(refused.len(), 91);
    for (status, answer) in &refused {
        assert_eq!((*status, &answer["error"]["code"]), (429, &json!("TooManyRequests")), "{answer}");
        assert_eq!(answer["retryAfter"], "1", "{answer}");
        assert!(message(answer).contains("revoked too often"), "not the limit of requests: {answer}");
    }
    assert!(!world.is_revoked(&world.ana(10)).await, "what the local issuer gives her now");
    // Removing the user is refused as a whole, and nothing is half done.
    let user = format!("/v1.0/users/{}", ana());
    assert_eq!(world.ask(&robot, "DELETE", &user, &[]).await.0, 429);
    assert_eq!(world.ask(&world.ana(10), "GET", "/v1.0/me", &[]).await.0, 200);
    let token = world.ana(10);
    world.clock.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.ask(&robot, "POST", &path, &[]).await.0, 200, "a second later");
    assert!(world.is_revoked(&token).await);
}

#[tokio::test]
async fn a_revocation_stays_in_its_tenant() {
    let world = world().await;
    let issuer = format!("{BASE}/{}/v2.0", tenant(2));
    let roles: Vec<_> = permissions().split(' ').map(str::to_owned).collect();
    let there = world.issued(json!({"roles": roles, "azp": "robot", "tid": tenant(2), "iss": issuer}));
    let here = world.issued(json!({"roles": roles, "azp": "robot"}));
    world.revoke(of_application("robot")).await;
    assert!(world.is_revoked(&here).await && !world.is_revoked(&there).await);
}

#[tokio::test]
async fn what_is_removed_has_no_token_left() {
    let world = world().await;
    world.add_ana().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "eva@x", None).await;
    world.assign(2, "read-only-operator", PrincipalKind::User, "ana@x", None).await;
    let eva = world.person("eva@x");
    let roles = json!(["DeviceManagementManagedDevices.Read.All"]);
    let robot = world.issued(json!({"roles": roles, "azp": application(OWN)}));
    let through = world.issued(json!({"scp": permissions(), "oid": "o", "upn": "eva@x", "azp": application(OWN)}));
    let of_ana = world.ana(0);
    for token in [&robot, &through, &of_ana] {
        assert!(!world.is_revoked(token).await);
    }
    let removed = format!("/v1.0/applications/{}", application(OWN));
    assert_eq!(world.ask(&eva, "DELETE", &removed, &[]).await.0, 204);
    assert!(world.is_revoked(&robot).await && world.is_revoked(&through).await);
    assert!(!world.is_revoked(&eva).await && !world.is_revoked(&of_ana).await, "others have theirs");
    assert_eq!(world.ask(&eva, "DELETE", &format!("/v1.0/users/{}", ana()), &[]).await.0, 204);
    assert!(world.is_revoked(&of_ana).await);
}

#[tokio::test]
async fn a_secret_that_leaked_takes_the_tokens_with_it_when_that_is_asked_for() {
    let world = world().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "eva@x", None).await;
    let eva = world.person("eva@x");
    let path = format!("/v1.0/applications/{}", application(OWN));
    let robot = world.issued(json!({"roles": ["DeviceManagementManagedDevices.Read.All"], "azp": application(OWN)}));
    let remove = async |more: Value| {
        let (_, made) = world.ask(&eva, "POST", &format!("{path}/addPassword"), &[]).await;
        let mut body = json!({"keyId": made["keyId"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        world.ask_with(&eva, "POST", &format!("{path}/removePassword"), &[], &body.to_string()).await.0
    };
    for more in [json!({}), json!({"chaveiro_revokeTokens": false}), json!({"chaveiro_revokeTokens": null})] {
        assert_eq!(remove(more.clone()).await, 204, "{more}");
        assert!(!world.is_revoked(&robot).await, "a secret that was only replaced: {more}");
    }
    assert_eq!(remove(json!({"chaveiro_revokeTokens": "yes"})).await, 400);
    assert_eq!(remove(json!({"chaveiro_revokeTokens": true})).await, 204);
    assert!(world.is_revoked(&robot).await);
    // One that is not there revokes nothing.
    let other = world.issued(json!({"roles": ["DeviceManagementManagedDevices.Read.All"], "azp": application(5)}));
    let unknown = json!({"keyId": id(1, 1), "chaveiro_revokeTokens": true}).to_string();
    let path = format!("/v1.0/applications/{}/removePassword", application(5));
    assert_eq!(world.ask_with(&eva, "POST", &path, &[], &unknown).await.0, 400);
    assert!(!world.is_revoked(&other).await);
}

#[tokio::test]
async fn tokens_of_other_issuers_end_by_name_by_object_id_and_by_application() {
    let keys = Arc::new(Mutex::new(String::new()));
    let world = World::trusting(NO_HOLD, Ceilings::default(), vec![external(&keys)]).await;
    *keys.lock().expect("keys") = world.key_set().to_string();
    world.add_ana().await;
    let role = "intune-administrator";
    world.assign(1, role, PrincipalKind::User, "eva@x", None).await;
    world.assign(2, role, PrincipalKind::User, "ana@x", None).await;
    world.assign(3, role, PrincipalKind::Group, "desk", None).await;
    let external = |claims: Value| {
        let mut all = json!({"iss": EXTERNAL, "scp": permissions(), "azp": "portal"});
        all.as_object_mut().expect("an object").extend(claims.as_object().expect("an object").clone());
        world.issued(all)
    };
    // The directory has its own object id for Ana, and knows Bob, whom this server does not.
    let bob = id(0xb0b, 1);
    let of_ana = external(json!({"oid": id(0xabc, 1), "upn": "Ana@X"}));
    let of_bob = external(json!({"oid": bob, "upn": "bob@x", "groups": ["desk"]}));
    let robot = external(json!({"scp": null, "roles": ["DeviceManagementManagedDevices.Read.All"], "azp": "Robot"}));
    let of_dora = external(json!({"sub": "auth0|5f7C", "upn": "dora@x", "groups": ["desk"]}));
    assert!(!world.is_revoked(&of_dora).await);
    let (now, name) = (world.now(), "auth0|5f7c");
    world
        .write(move |unit| {
            let refused = vouch::revoke(unit, tenant(1), name, &HostUser::new("root", 0), now);
            assert!(matches!(refused, Err(Fault::Refused(_))), "no user, and no object id");
            vouch::revoke_external(unit, tenant(1), name, &HostUser::new("root", 0), now).map(drop)
        })
        .await;
    assert!(world.is_revoked(&of_dora).await);
    let no_time = {
        let claims = json!({"iss": EXTERNAL, "scp": permissions(), "oid": "o", "upn": "carl@x", "groups": ["desk"],
            "nbf": null, "azp": "portal"});
        world.token_with(&claims)
    };
    let all = [&of_ana, &of_bob, &robot, &no_time];
    for token in all {
        assert!(!world.is_revoked(token).await);
    }
    let eva = world.person("eva@x");
    let path = format!("/v1.0/users/{}/revokeSignInSessions", ana());
    assert_eq!(world.ask(&eva, "POST", &path, &[]).await.0, 200);
    let now = world.now();
    let by_object_id = move |name: String| world_revoke(name, now);
    world.write(by_object_id(bob.to_string())).await;
    world.revoke(of_application("robot")).await;
    let revoked: Vec<bool> = {
        let mut revoked = Vec::new();
        for token in all {
            revoked.push(world.is_revoked(token).await);
        }
        revoked
    };
    assert_eq!(revoked, [true, true, true, false]);
    world.revoke(of_application("portal")).await;
    assert!(world.is_revoked(&no_time).await, "the time of its issue is unknown");
    let (status, answer) = world.ask(&of_ana, "POST", "/v1.0/me/revokeSignInSessions", &[]).await;
    assert_eq!(status, 401, "{answer}");
}

#[tokio::test]
async fn a_name_that_another_issuer_lets_people_choose_signs_no_other_person_out() {
    let keys = Arc::new(Mutex::new(String::new()));
    let world = World::trusting(NO_HOLD, Ceilings::default(), vec![external(&keys)]).await;
    *keys.lock().expect("keys") = world.key_set().to_string();
    world.add_ana().await;
    let of_ana = world.ana(0);
    world.assign(1, "read-only-operator", PrincipalKind::User, &ana().to_string(), None).await;
    let token = |id: String, name: &str| {
        world.issued(
            json!({"iss": EXTERNAL, "scp": permissions(), "azp": "portal", "oid": id, "preferred_username": name}),
        )
    };
    let me = "/v1.0/me/revokeSignInSessions".to_owned();
    let by_name = "/v1.0/users/ana@x/revokeSignInSessions".to_owned();
    let by_id = format!("/v1.0/users/{}/revokeSignInSessions", ana());
    for id in [id(0xbad, 1).to_string(), "auth0|mallory".to_owned()] {
        let mallory = token(id, "ana@x");
        for path in [&me, &by_name, &by_id] {
            let (status, answer) = world.ask(&mallory, "POST", path, &[]).await;
            assert!(matches!(status, 403 | 404), "{path}: {answer}");
            assert!(!world.is_revoked(&of_ana).await, "{path}");
        }
    }
    // The object id identifies the person under any name, and another person's name stays that person's.
    for path in [&me, &by_id] {
        let of_eva = world.issued(json!({"scp": permissions(), "oid": id(0xe, 1), "upn": "eva@x"}));
        let (status, answer) = world.ask(&token(ana().to_string(), "eva@x"), "POST", path, &[]).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(world.is_revoked(&of_ana).await);
        let (_, answer) = world.ask(&of_eva, "GET", DEVICES, &[]).await;
        assert_eq!(answer["error"]["code"], "UnknownError", "not revoked, merely without a role: {answer}");
        world.clock.0.fetch_add(10, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_token_that_its_issuer_dates_back_is_refused_until_the_date_is_past_the_revocation() {
    let world = world().await;
    let back = 300;
    let given = |world: &World| {
        let iat = world.now().as_second() - back;
        let roles = ["DeviceManagementManagedDevices.Read.All"];
        world.token_with(&json!({"roles": roles, "azp": "robot", "iat": iat, "nbf": iat}))
    };
    // Whether it was stolen before the revocation or given after it cannot be told apart: both are refused.
    let stolen = given(&world);
    assert!(!world.is_revoked(&stolen).await);
    world.revoke(of_application("robot")).await;
    for (passed, revoked) in [(0, true), (2, true), (200, true), (99, true), (1, false)] {
        world.clock.0.fetch_add(passed, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(world.is_revoked(&given(&world)).await, revoked, "another {passed} s");
        assert!(world.is_revoked(&stolen).await, "another {passed} s");
    }
}

/// What an operator does on the host.
fn world_revoke(
    name: String,
    now: chaveiro_core::Timestamp,
) -> impl Fn(&mut dyn chaveiro_core::ports::UnitOfWork) -> Result<(), Fault> + Send + 'static {
    move |unit| {
        vouch::revoke(unit, tenant(1), &name, &HostUser::new("root", 0), now).expect("a known name");
        let refused = vouch::revoke(unit, tenant(1), "nobody@x", &HostUser::new("root", 0), now);
        assert!(matches!(refused, Err(Fault::Refused(_))), "an unknown name is a slip");
        Ok(())
    }
}

/// An issuer beside the local one.
pub fn external(keys: &Arc<Mutex<String>>) -> IssuerConfig {
    IssuerConfig { jwks_url: Some(serve(Arc::clone(keys))), ..IssuerConfig::new(EXTERNAL, tenant(1)) }
}

/// The address of a key set.
fn serve(keys: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("its other half")).lines();
            let _asked = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).count();
            let body = keys.lock().expect("keys").clone();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}
