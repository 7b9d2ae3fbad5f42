//! Who may do what on which devices, called without a network: the whole matrix, and the sentences behind it.

mod assign;
mod manage;
mod matrix;
mod names;
mod revocation;
mod walls;

use std::sync::{Arc, Mutex};

use crate::world::{BASE, FOREIGN, OTHER, OWN, World, device, id, permissions};
use chaveiro_core::alert::{Alert, News};
use chaveiro_core::hold::HoldRule;
use chaveiro_core::principal::PrincipalKind;
use chaveiro_graph::Ceilings;
use chaveiro_graph::body::MAX_IGNORED_BYTES;
use serde_json::{Value, json};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

const NO_HOLD: HoldRule = HoldRule { recoveries: 0, percent: 0, window_s: 3600 };

async fn world() -> World {
    World::with(NO_HOLD, Ceilings::default()).await
}

fn recover(number: u64) -> String {
    format!("{DEVICES}/{}/recoverPasscode", device(number))
}

/// The text inside an error of Intune.
fn message(answer: &Value) -> String {
    answer["error"]["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn a_person_without_any_role_gets_the_answer_of_intune() {
    let world = world().await;
    let (status, answer) = world.ask(&world.person("nobody@x"), "POST", &recover(OWN), &[]).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("UnknownError")));
    let outer: Value = serde_json::from_str(&message(&answer)).expect("a JSON text");
    assert_eq!((&outer["ErrorCode"], &outer["InstanceAnnotations"]), (&json!("Forbidden"), &json!([])));
    assert!(outer["Target"].is_null() && outer["Details"].is_null() && outer["InnerError"].is_null());
    let inner: Value = serde_json::from_str(outer["Message"].as_str().expect("text")).expect("a JSON text");
    assert!(inner["Message"].as_str().expect("text").contains("no role in this tenant"), "{inner}");
    let headers: Value = serde_json::from_str(inner["HttpHeaders"].as_str().expect("text")).expect("a JSON text");
    let realm = headers["WWW-Authenticate"].as_str().expect("a challenge");
    assert!(realm.starts_with("Bearer realm=\"urn:intune:service,"), "{realm}");
    assert_eq!(answer["challenge"], realm, "what a 401 must have");
}

#[tokio::test]
async fn a_role_needs_the_permission_and_the_permission_a_role() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "Ana@X", None).await;
    let reads =
        world.token_with(&json!({"scp": "DeviceManagementManagedDevices.Read.All", "oid": "1", "upn": "ana@x"}));
    assert_eq!(world.ask(&reads, "GET", DEVICES, &[]).await.0, 200);
    let (status, answer) = world.ask(&reads, "POST", &recover(OWN), &[]).await;
    assert_eq!(status, 403);
    assert!(message(&answer).contains("PrivilegedOperations.All"), "{answer}");
    let (status, answer) =
        world.ask(&world.person("ana@x"), "DELETE", &format!("{DEVICES}/{}", device(OWN)), &[]).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("Forbidden")));
    assert!(message(&answer).contains("User is not authorized to perform this operation"), "{answer}");
    assert!(message(&answer).contains("Microsoft.Intune_ManagedDevices_Delete"), "{answer}");
}

#[tokio::test]
async fn a_person_is_found_by_id_name_group_and_directory_role() {
    let world = world().await;
    world.assign(1, "read-only-operator", PrincipalKind::User, "OID-1", Some("own")).await;
    world.assign(2, "read-only-operator", PrincipalKind::Group, "Desk", Some("other")).await;
    world.assign(3, "read-only-operator", PrincipalKind::Application, "desk", None).await;
    let token = |claims: Value| {
        let mut all = json!({"scp": permissions()});
        all.as_object_mut().expect("an object").extend(claims.as_object().expect("an object").clone());
        world.token_with(&all)
    };
    for (claims, seen) in [
        (json!({"oid": "oid-1"}), vec![OWN]),
        (json!({"oid": "2", "groups": ["desk", "x"]}), vec![OTHER]),
        (json!({"oid": "oid-1", "groups": ["desk"]}), vec![OWN, OTHER]),
        (json!({"oid": "3", "wids": ["729827e3-9c14-49f7-bb1b-9608f156bbb8"]}), vec![OWN, OTHER]),
        // A name that is a group's, or the application's, is not the person's.
        (json!({"oid": "desk"}), vec![]),
    ] {
        let (status, answer) = world.ask(&token(claims.clone()), "GET", &format!("{DEVICES}?$select=id"), &[]).await;
        let found: Vec<_> = answer["value"].as_array().into_iter().flatten().map(|one| one["id"].clone()).collect();
        let expected: Vec<_> = seen.iter().map(|number| json!(device(*number))).collect();
        assert_eq!((status, found), (if seen.is_empty() { 401 } else { 200 }, expected), "{claims}");
    }
}

#[tokio::test]
async fn a_role_ends_with_the_assignment_at_once() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    assert_eq!(world.ask(&ana, "GET", DEVICES, &[]).await.0, 200);
    let assignment = chaveiro_core::id::AssignmentId(id(0xa5, 1));
    world
        .write(move |unit| {
            unit.delete_role_assignment(crate::world::tenant(1), assignment)?;
            Ok(())
        })
        .await;
    assert_eq!(world.ask(&ana, "GET", DEVICES, &[]).await.0, 401);
}

#[tokio::test]
async fn an_application_is_bound_by_roles_as_soon_as_one_is_assigned_to_it() {
    let world = world().await;
    let claims = json!({"roles": permissions().split(' ').collect::<Vec<_>>(), "azp": "Script"});
    let script = world.token_with(&claims);
    assert_eq!(world.ask(&script, "POST", &recover(OTHER), &[]).await.0, 204);
    let glass = [("x-chaveiro-break-glass", "ticket 4711: the CEO is locked out")];
    let (status, answer) = world.ask(&script, "POST", &recover(OWN), &glass).await;
    assert_eq!(status, 403, "no permission stands for break-glass");
    assert!(message(&answer).contains("Chaveiro_BreakGlass_Use"), "{answer}");
    world.assign(1, "passcode-requester", PrincipalKind::Application, "script", Some("own")).await;
    assert_eq!(world.ask(&script, "POST", &recover(OWN), &[]).await.0, 204);
    assert_eq!(world.ask(&script, "POST", &recover(OTHER), &[]).await.0, 404);
    assert_eq!(world.ask(&script, "DELETE", &format!("{DEVICES}/{}", device(OWN)), &[]).await.0, 403);
}

#[tokio::test]
async fn what_is_out_of_scope_is_not_listed_not_counted_and_not_reached() {
    let world = world().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", Some("own")).await;
    let ana = world.person("ana@x");
    let user = format!("/beta/users/{}", id(0xa, OTHER));
    let app = format!("/beta/deviceManagement/detectedApps/{}", id(0xb, OTHER));
    let states = format!("/beta/deviceManagement/deviceHealthScripts/{}/deviceRunStates", id(0xc0, OTHER));
    for path in [format!("{user}/managedDevices"), format!("{app}/managedDevices"), states.clone()] {
        let (status, answer) = world.ask(&ana, "GET", &path, &[]).await;
        assert_eq!((status, &answer["value"], &answer["@odata.count"]), (200, &json!([]), &json!(0)), "{path}");
    }
    let unknown = |answer: &Value| message(answer).split(" - Operation").next().expect("text").to_owned();
    let (_, absent) = world.ask(&ana, "GET", &format!("{DEVICES}/{}", device(99)), &[]).await;
    for path in [
        format!("{DEVICES}/{}", device(OTHER)),
        format!("{user}/managedDevices/{}", device(OTHER)),
        format!("{app}/managedDevices/{}", device(OTHER)),
    ] {
        let (status, answer) = world.ask(&ana, "GET", &path, &[]).await;
        assert_eq!(
            (status, unknown(&answer)),
            (404, unknown(&absent)),
            "{path}: the same words as for what is not there"
        );
    }
    for path in [format!("{states}/{}", id(0xd0, OTHER)), format!("{states}/{}/managedDevice", id(0xd0, OTHER))] {
        assert_eq!(world.ask(&ana, "GET", &path, &[]).await.0, 404, "{path}");
    }
    for query in ["?$select=id", "?$select=id&$count=true", "?$select=id&$filter=operatingSystem%20eq%20'Windows'"] {
        let (_, listed) = world.ask(&ana, "GET", &format!("{DEVICES}{query}"), &[]).await;
        assert_eq!((&listed["value"][0]["id"], &listed["@odata.count"]), (&json!(device(OWN)), &json!(1)), "{query}");
    }
}

#[tokio::test]
async fn an_app_counts_the_devices_that_the_caller_sees() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", Some("own")).await;
    world.assign(2, "help-desk-operator", PrincipalKind::User, "bob@x", None).await;
    world
        .write(|unit| {
            let (kind, key) =
                (chaveiro_core::resource::ResourceKind::DetectedApp, chaveiro_core::id::ResourceId(id(0xb, OTHER)));
            unit.link(crate::world::tenant(1), device(OWN), kind, key)?;
            let app = unit.resource(crate::world::tenant(1), kind, key)?.expect("the app");
            let properties = json!({"displayName": "x", "deviceCount": 2}).to_string();
            Ok(unit.update_resource(&chaveiro_core::resource::Resource { properties, ..app })?)
        })
        .await;
    let apps = "/beta/deviceManagement/detectedApps";
    for (name, single, listed) in [("ana@x", json!(1), json!(null)), ("bob@x", json!(2), json!(2))] {
        let token = world.person(name);
        let (_, app) = world.ask(&token, "GET", &format!("{apps}/{}", id(0xb, OTHER)), &[]).await;
        assert_eq!(app["deviceCount"], single, "{name}");
        let (_, list) = world.ask(&token, "GET", apps, &[]).await;
        let items = list["value"].as_array().expect("items");
        let item = items.iter().find(|item| item["id"] == app["id"]).expect("listed");
        assert_eq!(item["deviceCount"], listed, "{name}");
    }
}

#[tokio::test]
async fn what_is_out_of_scope_cannot_be_linked_from_either_end() {
    let world = world().await;
    world.assign(1, "school-administrator", PrincipalKind::User, "ana@x", Some("own")).await;
    world.assign(2, "read-only-operator", PrincipalKind::User, "bob@x", None).await;
    world.assign(3, "school-administrator", PrincipalKind::User, "bob@x", Some("own")).await;
    let app = format!("/beta/deviceManagement/detectedApps/{}", id(0xb, OWN));
    let link = |path: String| json!({"@odata.id": format!("{BASE}{path}")}).to_string();
    let to_other = link(format!("{DEVICES}/{}", device(OTHER)));
    let (ana, bob) = (world.person("ana@x"), world.person("bob@x"));
    let from_app = format!("{app}/managedDevices/$ref");
    let from_device = format!("{DEVICES}/{}/detectedApps/$ref", device(OTHER));
    for (token, status) in [(&ana, 404), (&bob, 403)] {
        assert_eq!(
            world.ask_with(token, "POST", &from_app, &[], &to_other).await.0,
            status,
            "what ana does not even see"
        );
        assert_eq!(world.ask_with(token, "POST", &from_device, &[], &link(app.clone())).await.0, status);
        let unlink =
            format!("/beta/deviceManagement/detectedApps/{}/managedDevices/{}/$ref", id(0xb, OTHER), device(OTHER));
        assert_eq!(world.ask(token, "DELETE", &unlink, &[]).await.0, status);
    }
    let to_own = link(format!("{DEVICES}/{}", device(OWN)));
    assert_eq!(world.ask_with(&ana, "POST", &from_app, &[], &to_own).await.0, 204);
}

#[tokio::test]
async fn who_asks_need_not_be_who_reads() {
    let world = world().await;
    world.assign(1, "passcode-requester", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    assert_eq!(world.ask(&ana, "POST", &recover(OWN), &[]).await.0, 204);
    world.end_recovery(1, OWN).await;
    let select = format!("{DEVICES}/{}?$select=deviceActionResults", device(OWN));
    let (_, seen) = world.ask(&ana, "GET", &select, &[]).await;
    assert_eq!(seen["deviceActionResults"][0]["chaveiro_passcodeWithheld"], "missingRole");
    assert_eq!(world.recorded().await.last().map(String::as_str), Some("disclosureRefused"));
    world.assign(2, "passcode-reader", PrincipalKind::User, "bob@x", Some("own")).await;
    let bob = world.person("bob@x");
    let (_, seen) = world.ask(&bob, "GET", &select, &[]).await;
    assert_eq!(seen["deviceActionResults"][0]["chaveiro_passcodeWithheld"], "nothing", "this world seals nothing");
    assert_eq!(world.ask(&bob, "POST", &recover(OWN), &[]).await.0, 403);
    // The name of a reader is for readers alone.
    world.seal_for_reader(1, OWN, "desk/oid-carl@x").await;
    for (token, withheld, reader) in [(&ana, "missingRole", None), (&bob, "otherCaller", Some("oid-carl@x"))] {
        let (_, seen) = world.ask(token, "GET", &select, &[]).await;
        let result = &seen["deviceActionResults"][0];
        assert_eq!(result["chaveiro_passcodeWithheld"], withheld);
        assert_eq!(result["chaveiro_passcodeFirstReadBy"].as_str(), reader, "{result}");
        assert_eq!(result["chaveiro_passcodeFirstReadDateTime"].is_string(), reader.is_some(), "{result}");
        assert_eq!(result["chaveiro_passcodeReadableUntilDateTime"].is_string(), reader.is_some(), "{result}");
    }
}

#[tokio::test]
async fn a_person_is_bound_by_roles_in_whichever_claim_an_issuer_writes_permissions() {
    let keys = Arc::new(Mutex::new(String::new()));
    let world = World::trusting(NO_HOLD, Ceilings::default(), vec![revocation::external(&keys)]).await;
    *keys.lock().expect("keys") = world.key_set().to_string();
    let names: Vec<String> = permissions().split(' ').map(str::to_owned).collect();
    world.assign(1, "passcode-requester", PrincipalKind::User, "ana-oid", Some("own")).await;
    let shapes = [
        json!({"scp": permissions()}),
        json!({"scope": permissions()}),
        json!({"scope": "openid profile email", "roles": names}),
        json!({"roles": names}),
        json!({"roles": names, "scope": ""}),
    ];
    let token = |who: &str, shape: &Value| {
        let mut claims = json!({
            "iss": revocation::EXTERNAL, "idtyp": null, "azp": "console", "sub": who, "preferred_username": "ana",
        });
        claims.as_object_mut().expect("an object").extend(shape.as_object().expect("an object").clone());
        world.token_with(&claims)
    };
    assert_eq!(world.ask(&token("ana-oid", &shapes[0]), "POST", &recover(OWN), &[]).await.0, 204);
    world.end_recovery(1, OWN).await;
    let result = |number| format!("{DEVICES}/{}?$select=deviceActionResults", device(number));
    for shape in &shapes {
        let ana = token("ana-oid", shape);
        let (status, seen) = world.ask(&ana, "GET", &result(OWN), &[]).await;
        assert_eq!((status, &seen["deviceActionResults"][0]["passcode"]), (200, &Value::Null), "{shape}: {seen}");
        assert_eq!(seen["deviceActionResults"][0]["chaveiro_passcodeWithheld"], "missingRole", "{shape}");
        assert_eq!(world.ask(&ana, "GET", &result(OTHER), &[]).await.0, 404, "{shape}");
        assert_eq!(world.ask(&ana, "POST", &recover(OTHER), &[]).await.0, 404, "{shape}");
        let (_, listed) = world.ask(&ana, "GET", DEVICES, &[]).await;
        assert_eq!(listed["value"].as_array().map(Vec::len), Some(1), "{shape}: {listed}");
        let events = world.events().await;
        let actor = &events.last().expect("an event")["actor"];
        assert_eq!((&actor["kind"], &actor["userId"]), (&json!("delegated"), &json!("ana-oid")), "{shape}: {actor}");
        let roleless = token("bob", shape);
        for (method, path) in [("GET", DEVICES.to_owned()), ("GET", result(OWN)), ("POST", recover(OWN))] {
            let (status, answer) = world.ask(&roleless, method, &path, &[]).await;
            assert_eq!((status, &answer["error"]["code"]), (401, &json!("UnknownError")), "{shape}: {answer}");
        }
    }
    // Neither a scope of ours nor a role: with a role of ours there is still nothing that the token permits.
    let (status, answer) = world.ask(&token("ana-oid", &json!({"scope": "openid"})), "GET", DEVICES, &[]).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("Forbidden")), "{answer}");
}

#[tokio::test]
async fn a_hold_says_what_to_do_and_break_glass_passes_it_loudly() {
    let world = World::with(HoldRule { recoveries: 2, percent: 0, window_s: 3600 }, Ceilings::default()).await;
    world.add_devices(5).await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    world.assign(2, "break-glass", PrincipalKind::User, "eva@x", Some("own")).await;
    let (ana, eva) = (world.person("ana@x"), world.person("eva@x"));
    for (number, status) in [(100, 204), (101, 204), (102, 403), (103, 403), (100, 204)] {
        assert_eq!(world.ask(&ana, "POST", &recover(number), &[]).await.0, status, "device {number}");
    }
    let (_, answer) = world.ask(&ana, "POST", &recover(102), &[]).await;
    assert_eq!(answer["error"]["code"], "RecoveryOnHold");
    for words in ["on hold since 2027-01-15T08:00:00Z", "chaveiro hold release", "x-chaveiro-break-glass"] {
        assert!(message(&answer).contains(words), "{words} in {answer}");
    }
    let glass = |reason| [("x-chaveiro-break-glass", reason)];
    let because = "ticket 4711: o diretor est\u{e1} trancado fora";
    for (token, number, reason, status) in [
        (&ana, 102, because, 403),
        (&eva, 102, "why not", 400),
        (&eva, OTHER, because, 404),
        (&eva, 102, because, 204),
        (&eva, 103, "   ", 400),
    ] {
        assert_eq!(world.ask(token, "POST", &recover(number), &glass(reason)).await.0, status, "{number} {reason}");
    }
    assert_eq!(world.ask(&ana, "POST", &recover(104), &[]).await.0, 403, "the hold stands");
    let recorded = world.recorded().await;
    let count = |name: &str| recorded.iter().filter(|one| *one == name).count();
    assert_eq!((count("holdPlaced"), count("breakGlassUsed"), count("actionRequested")), (1, 1, 3));
    assert_eq!(count("actionRefused"), 7, "every refusal of a known device is recorded");
    let heard = world.alerts().await;
    let [placed, Alert { news: News::BreakGlassUsed { reason, .. }, actor, .. }] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert!(matches!(placed.news, News::HoldPlaced { counted: 2, .. }), "{placed:?}");
    assert_eq!((reason.as_str(), actor.user_principal_name.as_deref()), (because, Some("eva@x")));
}

#[tokio::test]
async fn too_many_recoveries_of_one_caller_are_told_to_wait_whole_seconds() {
    let ceilings = Ceilings { recoveries_by_caller: 3, writes_by_tenant: 5, ..Ceilings::default() };
    let world = World::with(NO_HOLD, ceilings).await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    world.assign(2, "help-desk-operator", PrincipalKind::User, "bob@x", None).await;
    let (ana, bob) = (world.person("ana@x"), world.person("bob@x"));
    for (token, status) in [(&ana, 204), (&ana, 204), (&ana, 204), (&ana, 429), (&bob, 204), (&bob, 429)] {
        let (found, answer) = world.ask(token, "POST", &recover(OWN), &[]).await;
        assert_eq!(found, status, "{answer}");
        if status == 429 {
            assert_eq!(answer["error"]["code"], "TooManyRequests");
            assert!(message(&answer).starts_with("Too many requests."));
            assert!(answer["retryAfter"].as_str().expect("text").parse::<u32>().expect("an integer") >= 1);
        }
    }
    assert_eq!(world.ask(&bob, "GET", DEVICES, &[]).await.0, 200, "reading goes on");
    assert_eq!(world.ask("garbage", "POST", &recover(OWN), &[]).await.0, 401, "who is not known uses nothing up");
}

#[tokio::test]
async fn what_is_not_admitted_is_refused_for_that_and_counts_for_no_limit_of_recoveries() {
    let ceilings = Ceilings { recoveries_by_caller: 2, ..Ceilings::default() };
    let world = World::with(NO_HOLD, ceilings).await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", Some("own")).await;
    world.assign(2, "read-only-operator", PrincipalKind::User, "bob@x", None).await;
    let (ana, bob, eva) = (world.person("ana@x"), world.person("bob@x"), world.person("eva@x"));
    let large = "x".repeat(MAX_IGNORED_BYTES + 1);
    let large = large.as_str();
    let before = world.recorded().await.len();
    // The body comes after the admission, and the limit after the body.
    let table = [
        (&eva, OWN, large, 401),
        (&bob, OWN, large, 403),
        (&ana, OTHER, large, 404),
        (&ana, FOREIGN, "", 404),
        (&ana, OTHER, "", 404),
        (&ana, OWN, large, 413),
        (&ana, OWN, large, 413),
        (&ana, OWN, large, 413),
    ];
    for (token, number, body, status) in table {
        let (found, answer) = world.ask_with(token, "POST", &recover(number), &[], body).await;
        assert_eq!(found, status, "{number}: {answer}");
    }
    assert_eq!(world.recorded().await.len(), before, "nothing was decided");
    for (number, status) in [(OWN, 204), (OWN, 204), (OWN, 429), (OTHER, 404), (OWN, 429)] {
        assert_eq!(world.ask(&ana, "POST", &recover(number), &[]).await.0, status, "{number}");
    }
    assert_eq!(world.recorded().await.split_off(before), ["actionRequested", "actionRequestedAgain"]);
}

#[tokio::test]
async fn a_retry_without_an_id_is_the_same_request() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    assert_eq!(world.ask(&ana, "POST", &recover(OWN), &[]).await.0, 204);
    let before = world.recorded().await.len();
    assert_eq!(world.ask(&ana, "POST", &recover(OWN), &[("Retry-Attempt", "1")]).await.0, 204);
    assert_eq!(world.recorded().await.split_off(before), ["actionRequestedAgain"], "in the record, and no command");
    for headers in [[("Retry-Attempt", "0")], [("Retry-Attempt", "soon")]] {
        assert_eq!(world.ask(&ana, "POST", &recover(OWN), &headers).await.0, 204);
    }
    assert_eq!(world.recorded().await.len(), before + 3, "those are no retries, and each is recorded");
}

#[tokio::test]
async fn the_tags_in_use_are_told_as_far_as_their_devices_are_seen() {
    const TAGS: &str = "/beta/deviceManagement/roleScopeTags";
    let world = world().await;
    world.assign(1, "read-only-operator", PrincipalKind::User, "ana@x", None).await;
    // No device has this tag: the assignment alone makes it one that is in use.
    world.assign(2, "read-only-operator", PrincipalKind::User, "eva@x", Some("lisbon")).await;
    world.assign(3, "read-only-operator", PrincipalKind::User, "leo@x", Some("own")).await;
    let ids = |answer: &Value| -> Vec<String> {
        let items = answer["value"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    for (who, seen) in
        [("ana@x", vec!["0", "lisbon", "other", "own"]), ("eva@x", vec!["0", "lisbon"]), ("leo@x", vec!["0", "own"])]
    {
        let token = world.person(who);
        let (status, listed) = world.ask(&token, "GET", &format!("{TAGS}?$count=true"), &[]).await;
        assert_eq!((status, ids(&listed)), (200, seen.iter().map(|id| (*id).to_owned()).collect()), "{who}");
        assert_eq!(listed["@odata.count"], json!(seen.len()), "{who}");
        assert_eq!(world.ask(&token, "GET", &format!("{TAGS}/$count"), &[]).await.1, json!(seen.len()), "{who}");
        for tag in ["0", "lisbon", "other", "own", "OWN", "nowhere"] {
            let status = world.ask(&token, "GET", &format!("{TAGS}('{tag}')"), &[]).await.0;
            assert_eq!(status, if seen.contains(&tag) { 200 } else { 404 }, "{who} {tag}");
        }
    }
    let ana = world.person("ana@x");
    let (_, default) = world.ask(&ana, "GET", &format!("{TAGS}/0?$select=displayName,isBuiltIn"), &[]).await;
    assert_eq!((&default["displayName"], &default["isBuiltIn"]), (&json!("Default"), &json!(true)));
    let (_, own) = world.ask(&ana, "GET", &format!("{TAGS}/own"), &[]).await;
    assert_eq!((&own["displayName"], &own["description"]), (&json!("own"), &Value::Null));
    assert_eq!(own["isBuiltIn"], json!(false));
    let filtered = format!("{TAGS}?$filter=isBuiltIn%20eq%20false&$orderby=displayName%20desc&$top=2");
    let (_, first) = world.ask(&ana, "GET", &filtered, &[]).await;
    assert_eq!(ids(&first), ["own", "other"]);
    let next = first["@odata.nextLink"].as_str().expect("another page").trim_start_matches(BASE).to_owned();
    assert_eq!(ids(&world.ask(&ana, "GET", &next, &[]).await.1), ["lisbon"]);
    // A token without the permission learns nothing, and no caller makes a tag.
    let reads =
        world.token_with(&json!({"scp": "DeviceManagementManagedDevices.Read.All", "oid": "1", "upn": "ana@x"}));
    assert_eq!(world.ask(&reads, "GET", TAGS, &[]).await.0, 403);
    assert_eq!(world.ask(&ana, "POST", TAGS, &[]).await.0, 400);
}
