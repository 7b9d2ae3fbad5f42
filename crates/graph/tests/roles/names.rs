//! Principal names that roles are assigned to: no caller of the API can give or take one.

use chaveiro_core::id::{AssignmentId, ResourceId};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Value, json};

use super::{DEVICES, message, world};
use crate::world::{World, id, permissions, tenant};

const USERS: &str = "/v1.0/users";

/// The user of that number.
fn user(number: u64) -> ResourceId {
    ResourceId(id(0xa, number))
}

fn path(number: u64) -> String {
    format!("{USERS}/{}", user(number))
}

fn named(name: &str) -> String {
    json!({"userPrincipalName": name}).to_string()
}

impl World {
    /// A user of the tenant with that principal name.
    async fn add_user(&self, number: u64, name: &str) {
        let row = Resource {
            tenant: tenant(1),
            kind: ResourceKind::User,
            id: user(number),
            owner: None,
            device: None,
            alternate_key: Some(name.to_owned()),
            properties: named(name),
            created: self.now(),
            modified: self.now(),
        };
        self.write(move |unit| Ok(unit.insert_resource(&row)?)).await;
    }

    /// The token that the local issuer gives to a person with that name.
    fn signed_in(&self, number: u64, name: &str) -> String {
        let iat = self.now().as_second();
        self.token_with(&json!({"scp": permissions(), "oid": user(number).to_string(), "upn": name, "iat": iat}))
    }
}

const EVA: u64 = 70;
const CAROL: u64 = 71;
const BOB: u64 = 72;

/// Carol has break-glass by name; Eva may change users; Bob has nothing.
async fn peopled() -> World {
    let world = world().await;
    for (number, name) in [(EVA, "eva@x"), (CAROL, "carol@x"), (BOB, "bob@x")] {
        world.add_user(number, name).await;
    }
    world.assign(1, "break-glass", PrincipalKind::User, "carol@x", None).await;
    world.assign(2, "intune-administrator", PrincipalKind::User, &user(EVA).to_string(), None).await;
    world
}

#[tokio::test]
async fn callers_cannot_give_or_take_a_name_that_a_role_is_assigned_to() {
    let world = peopled().await;
    let eva = world.signed_in(EVA, "eva@x");
    let robot = world.token_with(&json!({"roles": ["User.ReadWrite.All"], "azp": "robot"}));
    for (who, token) in [("a person", &eva), ("an application", &robot)] {
        for (method, path, name) in [
            ("PATCH", path(CAROL), "x@x"),
            ("PATCH", path(EVA), "carol@x"),
            ("PATCH", path(BOB), " CAROL@X "),
            ("POST", USERS.to_owned(), "carol@x\t"),
        ] {
            let (status, answer) = world.ask_with(token, method, &path, &[], &named(name)).await;
            let found = (status, answer["error"]["code"].as_str());
            assert_eq!(found, (403, Some("Authorization_RequestDenied")), "{who}: {method} {path} {name}: {answer}");
            for words in ["carol@x", "Remove the assignment first", "object id"] {
                assert!(message(&answer).contains(words), "{words} in {answer}");
            }
        }
    }
    assert!(world.recorded().await.is_empty(), "nothing was done");
    // The assignments of a deleted user stay, and no other user can come by them.
    assert_eq!(world.ask(&eva, "DELETE", &path(CAROL), &[]).await.0, 204);
    for (method, path) in [("POST", USERS.to_owned()), ("PATCH", path(EVA)), ("PATCH", path(BOB))] {
        let (status, answer) = world.ask_with(&eva, method, &path, &[], &named("carol@x")).await;
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_role_that_is_assigned_meanwhile_keeps_its_name_too() {
    let world = peopled().await;
    let eva = world.signed_in(EVA, "eva@x");
    for (number, method, path, name) in
        [(3, "PATCH", path(BOB), "new@x"), (4, "PATCH", path(BOB), "dan@x"), (5, "POST", USERS.to_owned(), "fay@x")]
    {
        let held = if number == 3 { "bob@x" } else { name };
        let assignment = RoleAssignment {
            id: AssignmentId(id(0xa5, number)),
            tenant: tenant(1),
            display_name: None,
            description: None,
            role: Role::parse("hold-releaser").expect("a role"),
            principal: Principal::new(PrincipalKind::User, held),
            scope: Visibility::All,
            created: world.now(),
        };
        let taken_back = assignment.id;
        world.meanwhile.before_the_next(move |unit| Ok(unit.insert_role_assignment(&assignment)?));
        let (status, answer) = world.ask_with(&eva, method, &path, &[], &named(name)).await;
        assert_eq!(status, 403, "{method} {name}: {answer}");
        world
            .write(move |unit| {
                unit.delete_role_assignment(tenant(1), taken_back)?;
                Ok(())
            })
            .await;
        let (status, answer) = world.ask_with(&eva, method, &path, &[], &named(&format!("{number}@x"))).await;
        assert!(matches!(status, 201 | 204), "{answer}");
    }
}

#[tokio::test]
async fn what_no_role_is_assigned_to_is_changed_and_the_tokens_with_the_old_name_end() {
    let world = peopled().await;
    world.assign(3, "read-only-operator", PrincipalKind::User, &user(BOB).to_string(), None).await;
    let (eva, bob) = (world.signed_in(EVA, "eva@x"), world.signed_in(BOB, "bob@x"));
    let elsewhere = json!({"scp": permissions(), "oid": "o", "upn": "Bob@x", "iat": world.now().as_second()});
    let elsewhere = world.token_with(&elsewhere);
    assert_eq!(world.ask(&bob, "GET", DEVICES, &[]).await.0, 200);
    // The tokens of a user who keeps the name stay, whatever else changes.
    for body in [r#"{"displayName": "Bob"}"#, r#"{"userPrincipalName": "BOB@x", "displayName": "B"}"#] {
        assert_eq!(world.ask_with(&eva, "PATCH", &path(BOB), &[], body).await.0, 204);
        assert_eq!(world.ask(&bob, "GET", DEVICES, &[]).await.0, 200, "{body}");
    }
    let carol = r#"{"userPrincipalName": "Carol@x", "displayName": "Carol"}"#;
    assert_eq!(world.ask_with(&eva, "PATCH", &path(CAROL), &[], carol).await.0, 204, "what was read is sent back");
    assert_eq!(world.ask_with(&eva, "PATCH", &path(BOB), &[], &named("robert@x")).await.0, 204);
    for (who, token) in [("of the local issuer", &bob), ("of another, by the old name", &elsewhere)] {
        let (status, answer) = world.ask(token, "GET", DEVICES, &[]).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!("InvalidAuthenticationToken")), "{who}");
    }
    world.clock.0.fetch_add(10, std::sync::atomic::Ordering::SeqCst);
    let robert = world.signed_in(BOB, "robert@x");
    assert_eq!(world.ask(&robert, "GET", DEVICES, &[]).await.0, 200, "an assignment to an object id stays");
    let events = world.events().await;
    let ended: Vec<&Value> = events.iter().filter(|event| event["activity"] == "tokensRevoked").collect();
    assert_eq!(ended.len(), 1, "{events:?}");
    assert!(ended[0].to_string().contains(&user(BOB).to_string()) && ended[0]["request"].is_string(), "{ended:?}");
}

#[tokio::test]
async fn an_operator_gives_users_any_name_except_an_object_id() {
    let world = peopled().await;
    let names: Vec<String> = permissions().split(' ').map(str::to_owned).collect();
    let operator = world.token_with(&json!({"roles": names, "azp": "chaveiro-cli", "idtyp": "operator", "chaveiro_host": {"user": "root", "uid": 0}}));
    assert_eq!(world.ask_with(&operator, "PATCH", &path(CAROL), &[], &named("caroline@x")).await.0, 204);
    assert_eq!(world.ask_with(&operator, "POST", USERS, &[], &named("carol@x")).await.0, 201);
    // A later assignment to an object id would reach the user who has that id as a name.
    let eva = world.signed_in(EVA, "eva@x");
    for (token, method, path) in
        [(&eva, "PATCH", path(EVA)), (&eva, "POST", USERS.to_owned()), (&operator, "PATCH", path(BOB))]
    {
        let (status, answer) = world.ask_with(token, method, &path, &[], &named(&user(CAROL).to_string())).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!("Request_BadRequest")),
            "{method} {path}: {answer}"
        );
        assert!(message(&answer).contains("object id"), "{answer}");
    }
    // Names are compared as assignments are: a blank around one makes no second person of that name.
    let (status, answer) = world.ask_with(&eva, "POST", USERS, &[], &named(" Bob@x")).await;
    assert_eq!(status, 400, "{answer}");
    assert!(message(&answer).contains("already exists"), "{answer}");
}

#[tokio::test]
async fn a_user_whose_account_is_disabled_loses_their_tokens_at_once_and_once() {
    let world = peopled().await;
    let (eva, carol) = (world.signed_in(EVA, "eva@x"), world.signed_in(CAROL, "carol@x"));
    let patch = async |body: Value| world.ask_with(&eva, "PATCH", &path(CAROL), &[], &body.to_string()).await.0;
    assert_eq!(world.ask(&carol, "GET", DEVICES, &[]).await.0, 200);
    assert_eq!(patch(json!({"accountEnabled": true})).await, 204);
    assert_eq!(world.ask(&carol, "GET", DEVICES, &[]).await.0, 200, "nothing was disabled");
    for _ in 0..20 {
        assert_eq!(patch(json!({"accountEnabled": false})).await, 204);
    }
    let (status, answer) = world.ask(&carol, "GET", DEVICES, &[]).await;
    assert_eq!(status, 401, "{answer}");
    assert!(message(&answer).contains("TokenIssuedBeforeRevocationTimestamp"), "{answer}");
    let ended = world.recorded().await.iter().filter(|one| *one == "tokensRevoked").count();
    assert_eq!(ended, 1, "what is disabled already is not disabled again");
}
