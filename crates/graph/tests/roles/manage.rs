//! Holds and applications through the API: which callers may change them, what they see, and that no caller gains
//! rights by it.

use chaveiro_core::application::Application;
use chaveiro_core::hold::HoldRule;
use chaveiro_core::permission::Permission;
use chaveiro_core::principal::PrincipalKind;
use chaveiro_graph::Ceilings;
use serde_json::{Value, json};

use super::{message, recover, world};
use crate::world::{FOREIGN, OTHER, OWN, World, application, id, permissions, registered};

const HOLDS: &str = "/beta/deviceManagement/chaveiroHolds";
const APPLICATIONS: &str = "/v1.0/applications";

/// A world in which ana caused a hold, and the path of that.
async fn on_hold() -> (World, String) {
    let world = World::with(HoldRule { recoveries: 1, percent: 0, window_s: 3600 }, Ceilings::default()).await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    world.assign(2, "hold-releaser", PrincipalKind::User, "eva@x", None).await;
    let ana = world.person("ana@x");
    assert_eq!(world.ask(&ana, "POST", &recover(OWN), &[]).await.0, 204);
    assert_eq!(world.ask(&ana, "POST", &recover(OTHER), &[]).await.0, 403);
    let (_, listed) = world.ask(&ana, "GET", &format!("{HOLDS}?$filter=isReleased%20eq%20false"), &[]).await;
    let path = format!("{HOLDS}/{}", listed["value"][0]["id"].as_str().expect("one hold"));
    (world, path)
}

#[tokio::test]
async fn a_hold_is_released_by_another_person_and_recoveries_go_on() {
    let (world, hold) = on_hold().await;
    let (ana, eva) = (world.person("ana@x"), world.person("eva@x"));
    let (status, answer) = world.ask(&ana, "POST", &format!("{hold}/release"), &[]).await;
    assert_eq!(status, 403, "who caused it: {answer}");
    assert!(message(&answer).contains("the caller that caused a hold cannot release it"), "{answer}");
    // The same person through another application is the same person.
    let elsewhere = world.token_with(&json!({"scp": permissions(), "oid": "other", "upn": "ANA@x", "azp": "other"}));
    assert_eq!(world.ask(&elsewhere, "POST", &format!("{hold}/release"), &[]).await.0, 403);

    let body = r#"{"reason": "exchange of laptops", "quietMinutes": 30}"#;
    let release = format!("{hold}/microsoft.graph.RELEASE");
    assert_eq!(world.ask_with(&eva, "POST", &release, &[], body).await, (204, Value::Null));
    let (_, seen) = world.ask(&eva, "GET", &hold, &[]).await;
    for (name, value) in [
        ("isReleased", json!(true)),
        ("releasedBy", json!("eva@x")),
        ("releasedDateTime", json!("2027-01-15T08:00:00Z")),
        ("quietUntilDateTime", json!("2027-01-15T08:30:00Z")),
        ("reason", json!("exchange of laptops")),
        ("causedByUserPrincipalName", json!("ana@x")),
        ("countedRecoveries", json!(1)),
    ] {
        assert_eq!(seen[name], value, "{name} of {seen}");
    }
    assert_eq!(world.ask(&ana, "POST", &recover(OTHER), &[]).await.0, 204);
    let (status, answer) = world.ask(&eva, "POST", &release, &[]).await;
    assert_eq!(status, 400, "once is enough: {answer}");
    let events = world.events().await;
    let released = events.iter().find(|event| event["activity"] == "holdReleased").expect("recorded");
    assert_eq!(released["actor"]["userPrincipalName"], "eva@x", "{released}");
    assert!(released["request"].is_string());
}

#[tokio::test]
async fn what_a_release_says_is_checked_and_nothing_must_be_said() {
    let (world, hold) = on_hold().await;
    let eva = world.person("eva@x");
    let release = format!("{hold}/release");
    let long = json!({"reason": "x".repeat(257)}).to_string();
    for (body, word) in [
        (r#"{"reason": 1}"#, "'reason' must be a string"),
        (r#"{"reason": "a\nb"}"#, "one line"),
        (long.as_str(), "256"),
        (r#"{"quietMinutes": 0}"#, "from 1 to 43200"),
        (r#"{"quietMinutes": 43201}"#, "from 1 to 43200"),
        (r#"{"quietMinutes": "30"}"#, "32-bit integer"),
        (r#"{"quiet": 30}"#, "not a valid parameter for the operation 'release'"),
        ("[]", "JSON"),
    ] {
        let (status, answer) = world.ask_with(&eva, "POST", &release, &[], body).await;
        assert_eq!(status, 400, "{body}");
        assert!(message(&answer).contains(word), "{body}: {answer}");
    }
    let unprivileged =
        world.token_with(&json!({"scp": "DeviceManagementManagedDevices.Read.All", "oid": "e", "upn": "eva@x"}));
    assert_eq!(world.ask(&unprivileged, "GET", &hold, &[]).await.0, 200);
    assert_eq!(world.ask(&unprivileged, "POST", &release, &[]).await.0, 403);
    assert_eq!(world.ask(&eva, "POST", &release, &[]).await.0, 204, "an empty body");
}

#[tokio::test]
async fn holds_are_listed_newest_first_to_those_who_see_the_whole_tenant() {
    let (world, hold) = on_hold().await;
    world.assign(3, "hold-releaser", PrincipalKind::User, "bob@x", Some("own")).await;
    let (eva, bob) = (world.person("eva@x"), world.person("bob@x"));
    let (_, all) = world.ask(&eva, "GET", HOLDS, &[]).await;
    let holds = all["value"].as_array().expect("a list");
    assert_eq!(holds.len(), 3, "the two of long ago too");
    assert!(hold.ends_with(holds[0]["id"].as_str().expect("text")), "{all}");
    let (_, first) = world.ask(&eva, "GET", &format!("{HOLDS}?$top=1&$count=true&$select=id"), &[]).await;
    assert_eq!((&first["@odata.count"], &first["value"]), (&json!(3), &json!([{"id": holds[0]["id"]}])));
    let next = first["@odata.nextLink"].as_str().expect("more").trim_start_matches(crate::world::BASE);
    assert_eq!(world.ask(&eva, "GET", next, &[]).await.1["value"][0]["id"], holds[1]["id"]);
    assert_eq!(world.ask(&bob, "GET", HOLDS, &[]).await.1["value"], json!([]));
    for path in [hold.clone(), format!("{hold}/release")] {
        let method = if path.ends_with("release") { "POST" } else { "GET" };
        assert_eq!(world.ask(&bob, method, &path, &[]).await.0, 404, "{path}");
    }
    let foreign = format!("{HOLDS}/{}", id(0x4d, FOREIGN));
    assert_eq!(world.ask(&eva, "GET", &foreign, &[]).await.0, 404);
    assert_eq!(world.ask(&eva, "POST", &format!("{foreign}/release"), &[]).await.0, 404);
}

#[tokio::test]
async fn an_application_is_made_named_given_two_secrets_and_removed() {
    let world = world().await;
    world.assign(1, "intune-role-administrator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    let (status, made) = world.ask_with(&ana, "POST", APPLICATIONS, &[], r#"{"displayName": " console "}"#).await;
    assert_eq!((status, &made["displayName"]), (201, &json!("console")), "{made}");
    assert_eq!((&made["appId"], &made["chaveiro_permissions"]), (&made["id"], &json!([])), "nothing is granted");
    let path = format!("{APPLICATIONS}/{}", made["id"].as_str().expect("text"));
    assert_eq!(world.ask_with(&ana, "PATCH", &path, &[], r#"{"displayName": "desk"}"#).await.0, 204);
    let by_app_id = format!("{APPLICATIONS}(appId='{}')", made["appId"].as_str().expect("text"));
    assert_eq!(world.ask(&ana, "GET", &by_app_id, &[]).await.1["displayName"], "desk");

    let add = format!("{path}/addPassword");
    let asked = r#"{"passwordCredential": {"displayName": "spring", "endDateTime": "2028-01-01T00:00:00Z"}}"#;
    let (status, first) = world.ask_with(&ana, "POST", &add, &[], asked).await;
    assert_eq!((status, &first["cacheControl"]), (200, &json!("no-store")), "{first}");
    assert_eq!((&first["displayName"], &first["endDateTime"]), (&json!("spring"), &json!("2028-01-01T00:00:00Z")));
    assert!(first["secretText"].as_str().is_some_and(|text| text.starts_with("chs_") && text.len() > 40), "{first}");
    let (status, second) = world.ask(&ana, "POST", &add, &[]).await;
    assert_eq!((status, &second["endDateTime"]), (200, &json!("2027-07-14T08:00:00Z")), "half a year: {second}");
    let (status, third) = world.ask(&ana, "POST", &add, &[]).await;
    assert_eq!(status, 400, "{third}");
    assert!(
        message(&third).contains(first["keyId"].as_str().expect("text")) && message(&third).contains("removePassword")
    );

    let (_, listed) = world.ask(&ana, "GET", APPLICATIONS, &[]).await;
    let listed =
        listed["value"].as_array().expect("a list").iter().find(|one| one["id"] == made["id"]).expect("listed");
    let credentials = listed["passwordCredentials"].as_array().expect("credentials");
    assert_eq!((credentials.len(), &credentials[0]["keyId"]), (2, &first["keyId"]));
    assert!(credentials.iter().all(|one| one["secretText"].is_null() && one["hint"].as_str().is_some()));

    let remove = format!("{path}/removePassword");
    let named = json!({"keyId": first["keyId"]}).to_string();
    for (body, status) in [("", 400), (r#"{"keyId": "x"}"#, 400), (named.as_str(), 204), (named.as_str(), 400)] {
        assert_eq!(world.ask_with(&ana, "POST", &remove, &[], body).await.0, status, "{body}");
    }
    assert_eq!(world.ask(&ana, "DELETE", &path, &[]).await.0, 204);
    assert_eq!(world.ask(&ana, "GET", &path, &[]).await.0, 404);
    let recorded = world.recorded().await;
    let expected = ["applicationRegistered", "applicationRenamed"];
    let expected = expected.iter().chain(&["applicationSecretChanged"; 3]).chain(&["applicationDeleted"]);
    assert_eq!(recorded, expected.copied().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_secret_is_in_its_answer_and_nowhere_else() {
    let world = world().await;
    world.assign(1, "intune-role-administrator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    let add = format!("{APPLICATIONS}/{}/addPassword", application(OWN));
    let (_, answer) = world.ask(&ana, "POST", &add, &[]).await;
    let secret = answer["secretText"].as_str().expect("a secret").trim_start_matches("chs_").to_owned();
    let (_, seen) = world.ask(&ana, "GET", &format!("{APPLICATIONS}/{}", application(OWN)), &[]).await;
    assert!(!seen.to_string().contains(&secret));
    for event in world.events().await {
        assert!(!event.to_string().contains(&secret), "{event}");
    }
    let stored = world.stored_bytes();
    assert!(!stored.is_empty() && !contains(&stored, secret.as_bytes()), "the database");
    assert!(contains(&stored, answer["keyId"].as_str().expect("text").as_bytes()), "what is kept of it is there");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn callers_cannot_give_a_secret_to_an_application_that_may_do_more() {
    let world = world().await;
    let app = |number, permissions: &[Permission]| Application {
        permissions: permissions.to_vec(),
        ..registered(1, number, world.now())
    };
    let (privileged, reader) = (Permission::PrivilegedOperationsAll, Permission::ManagedDevicesReadAll);
    let rows = [app(50, &[privileged, reader]), app(51, &[reader]), app(52, &[privileged, reader])];
    for row in rows {
        world.write(move |unit| Ok(unit.insert_application(&row)?)).await;
    }
    // 50 is bound by no role and may do everything; 51 reads in a scope, 52 recovers in it.
    for (number, role) in [(51, "read-only-operator"), (52, "help-desk-operator")] {
        let name = application(number).to_string();
        world.assign(number, role, PrincipalKind::Application, &name, Some("own")).await;
    }
    world.assign(1, "intune-administrator", PrincipalKind::User, "all@x", None).await;
    world.assign(2, "intune-role-administrator", PrincipalKind::User, "roles@x", None).await;
    world.assign(3, "intune-role-administrator", PrincipalKind::User, "reader@x", None).await;
    world.assign(4, "read-only-operator", PrincipalKind::User, "reader@x", None).await;
    let itself =
        world.token_with(&json!({"roles": [privileged.name(), "Application.ReadWrite.All"], "azp": application(52)}));
    world.assign(5, "intune-role-administrator", PrincipalKind::Application, &application(53).to_string(), None).await;
    let (all, roles, reads) = (world.person("all@x"), world.person("roles@x"), world.person("reader@x"));
    let few = world.token_with(&json!({"scp": "Application.ReadWrite.All", "oid": "a", "upn": "all@x"}));
    for (who, token, number, status) in [
        ("everything", &all, 50, 200),
        ("everything", &all, 52, 200),
        ("everything, without the permissions", &few, 50, 403),
        ("applications alone", &roles, 50, 403),
        ("applications alone", &roles, 51, 403),
        ("applications alone, an application without permissions", &roles, OWN, 200),
        ("applications and reading", &reads, 51, 200),
        ("applications and reading", &reads, 52, 403),
        ("applications and reading", &reads, 50, 403),
        ("an application whose role does not say so", &itself, 52, 403),
        ("another tenant's", &all, FOREIGN, 404),
    ] {
        let add = format!("{APPLICATIONS}/{}/addPassword", application(number));
        let (found, answer) = world.ask(token, "POST", &add, &[]).await;
        assert_eq!(found, status, "{who}, application {number}: {answer}");
    }
    let (_, answer) = world.ask(&roles, "POST", &format!("{APPLICATIONS}/{}/addPassword", application(50)), &[]).await;
    assert_eq!(answer["error"]["code"], "Authorization_RequestDenied");
}

#[tokio::test]
async fn what_is_granted_cannot_be_written() {
    let world = world().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    let long = json!({"displayName": "x".repeat(257)}).to_string();
    for (body, word) in [
        (r#"{"displayName": "x", "chaveiro_permissions": ["User.Read.All"]}"#, "read-only"),
        (r#"{"displayName": "x", "isFallbackPublicClient": true}"#, "server's host"),
        (r#"{"displayName": "x", "passwordCredentials": []}"#, "addPassword"),
        (r#"{"displayName": "x", "appId": "6f8b3f6e-0000-0000-0000-000000000000"}"#, "read-only"),
        (r#"{"displayName": "x", "requiredResourceAccess": []}"#, "does not exist on type"),
        (r#"{"displayName": " "}"#, "needs 'displayName'"),
        ("{}", "needs 'displayName'"),
        (long.as_str(), "256"),
    ] {
        let (status, answer) = world.ask_with(&ana, "POST", APPLICATIONS, &[], body).await;
        assert_eq!(status, 400, "{body}");
        assert!(message(&answer).contains(word), "{body}: {answer}");
    }
    let add = format!("{APPLICATIONS}/{}/addPassword", application(OWN));
    for (body, word) in [
        (r#"{"passwordCredential": {"secretText": "mine"}}"#, "read-only"),
        (r#"{"passwordCredential": {"startDateTime": "2027-01-15T08:00:00Z"}}"#, "when it is made"),
        (r#"{"passwordCredential": {"endDateTime": "2027-01-15T08:00:00Z"}}"#, "in the future"),
        (r#"{"passwordCredential": {"endDateTime": "soon"}}"#, "a date and time"),
        (r#"{"passwordCredential": []}"#, "passwordCredential"),
    ] {
        let (status, answer) = world.ask_with(&ana, "POST", &add, &[], body).await;
        assert_eq!(status, 400, "{body}");
        assert!(message(&answer).contains(word), "{body}: {answer}");
    }
}
