//! `ping`: an action that keeps no secret and needs another permission than a recovery does.

use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::actions::ping::PING;
use chaveiro_core::audit::Activity;
use chaveiro_core::command::{DeviceCommand, Phase, Receipt};
use chaveiro_core::engine::{self, Answer, Received, Value as Given};
use chaveiro_core::id::SecretId;
use chaveiro_core::permission::Permission;
use chaveiro_core::secret::Passcode;
use chaveiro_core::steady::Ripeness;
use chaveiro_fleet::behavior::Behavior;
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::world::{World, path};

#[tokio::test]
async fn it_goes_from_its_route_to_its_result_and_keeps_no_secret() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    let token = world.all();
    for spelling in ["ping", "microsoft.graph.ping", "PING"] {
        assert_eq!(world.call(&token, "POST", &format!("{}/{spelling}", path(id))).await, (204, Value::Null));
    }
    assert_eq!(world.newest(id).await.0.state, ActionState::Pending);
    let report = device.sync(&world.transport()).await.expect("a session");
    assert_eq!(report.commands.len(), 1, "three requests, one command: {:?}", report.commands);

    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.name, action.state, action.outcome), ("ping", ActionState::Done, Some(Outcome::Acknowledged)));
    assert_eq!(secrets, []);
    let (status, seen) = world.call(&token, "GET", &format!("{}?$select=deviceActionResults", path(id))).await;
    let result = &seen["deviceActionResults"][0];
    assert_eq!((status, &result["@odata.type"]), (200, &json!("#microsoft.graph.deviceActionResult")), "{seen}");
    assert_eq!((&result["actionName"], &result["actionState"]), (&json!("ping"), &json!("done")));
    assert_eq!(result["chaveiro_outcome"], "acknowledged");
    let members: Vec<_> = result.as_object().expect("a result").keys().collect();
    for absent in ["passcode", "errorCode", "chaveiro_passcodeWithheld", "chaveiro_passcodeUncertain"] {
        assert!(!members.iter().any(|member| *member == absent), "{members:?}");
    }
}

#[tokio::test]
async fn it_needs_the_permission_of_its_declaration_and_no_other() {
    let world = World::new().await;
    let (_, id) = world.device(1).await;
    for (permission, status) in [
        (Permission::PrivilegedOperationsAll, 403),
        (Permission::ManagedDevicesReadAll, 403),
        (Permission::ManagedDevicesReadWriteAll, 204),
    ] {
        let token = world.bearer(&[permission]);
        let (found, answer) = world.call(&token, "POST", &format!("{}/ping", path(id))).await;
        assert_eq!(found, status, "{permission:?}: {answer}");
    }
}

#[tokio::test]
async fn its_events_have_its_names_and_are_found_by_them() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    let token = world.all();
    for _ in 0..2 {
        world.call(&token, "POST", &format!("{}/ping", path(id))).await;
    }
    world.call(&token, "POST", &format!("{}/recoverPasscode", path(id))).await;
    for _ in 0..2 {
        device.sync(&world.transport()).await.expect("a session");
    }
    for (name, count) in [
        ("ping ManagedDevice", 1),
        ("repeatPing ManagedDevice", 1),
        ("sendPing ManagedDevice", 1),
        ("settlePing ManagedDevice", 1),
        ("recoverPasscode ManagedDevice", 1),
        ("settleRecoverPasscode ManagedDevice", 1),
    ] {
        let filter = format!("activityType eq '{name}'").replace(' ', "%20");
        let events = format!("/beta/deviceManagement/auditEvents?$filter={filter}");
        let (status, answer) = world.call(&token, "GET", &events).await;
        let found = answer["value"].as_array().map_or(0, Vec::len);
        assert_eq!((status, found), (200, count), "{name}: {answer}");
        assert_eq!(answer["value"][0]["activityType"], name);
    }
    let types = "/beta/deviceManagement/auditEvents/getAuditActivityTypes(category='Device')";
    let (_, answer) = world.call(&token, "GET", types).await;
    assert!(answer["value"].as_array().expect("a list").contains(&json!("ping ManagedDevice")), "{answer}");

    let audits = "/beta/deviceManagement/remoteActionAudits?$filter=action%20eq%20'ping'";
    let (status, answer) = world.call(&token, "GET", audits).await;
    let found = answer["value"].as_array().map_or(0, Vec::len);
    assert_eq!((status, found, &answer["value"][0]["action"]), (200, 1, &json!("ping")), "{answer}");
}

#[test]
fn the_documents_of_a_build_that_has_it_say_so() {
    let metadata = chaveiro_graph::metadata_xml();
    assert!(metadata.contains("<Action Name=\"ping\" IsBound=\"true\">"));
    let routes = chaveiro_graph::routes_txt();
    let route = "/deviceManagement/managedDevices/{managedDeviceId}/ping";
    let permission = "DeviceManagementManagedDevices.ReadWrite.All";
    assert!(routes.contains(&format!("POST   {route}  [{permission}]")), "{routes}");
    let document: Value = serde_json::from_str(&chaveiro_graph::openapi_json()).expect("JSON");
    let operation = &document["paths"][format!("/beta{route}")]["post"];
    assert_eq!(operation["summary"], PING.summary);
    let text = operation["description"].as_str().unwrap_or_default();
    assert!(text.contains(permission), "{text}");
}

#[tokio::test]
async fn every_answer_of_a_device_has_its_outcome() {
    let table = [
        (Behavior::Honest, ActionState::Done, Outcome::Acknowledged),
        (Behavior::NotSupported, ActionState::NotSupported, Outcome::FeatureAbsent),
        (Behavior::Fails, ActionState::Failed, Outcome::DeviceRefused),
        (Behavior::UuidIds, ActionState::Done, Outcome::Acknowledged),
        (Behavior::LosesAnswer, ActionState::Failed, Outcome::OutcomeUnknown),
        (Behavior::Aborts, ActionState::Failed, Outcome::OutcomeUnknown),
        (Behavior::WrongCommandRef, ActionState::Failed, Outcome::OutcomeUnknown),
    ];
    let world = World::new().await;
    for (number, (behavior, state, outcome)) in (1..).zip(table) {
        let (mut device, id) = world.device(number).await;
        world.call(&world.all(), "POST", &format!("{}/ping", path(id))).await;
        device.behavior = behavior;
        // Some of these sessions end in an error for the device, as intended.
        for _ in 0..2 {
            let _ = device.sync(&world.transport()).await;
        }
        device.behavior = Behavior::Honest;
        device.sync(&world.transport()).await.expect("an honest session");
        let (action, secrets) = world.newest(id).await;
        assert_eq!((action.state, action.outcome), (state, Some(outcome)), "{behavior:?}");
        assert_eq!(secrets, [], "{behavior:?}");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_once_more() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    world.call(&world.all(), "POST", &format!("{}/ping", path(id))).await;
    device.behavior = Behavior::LosesAnswer;
    device.sync(&world.transport()).await.expect_err("the connection breaks");
    device.behavior = Behavior::Honest;
    device.sync(&world.transport()).await.expect("an honest session");
    let (action, _) = world.newest(id).await;
    assert_eq!((action.state, action.attempt), (ActionState::Done, 2));
    let lost = world.record(id).await.into_iter().filter(|event| event.activity == Activity::ActionAnswerLost);
    assert_eq!(lost.map(|event| event.remote_action).collect::<Vec<_>>(), [Some("ping".to_owned())]);
}

#[tokio::test]
async fn a_value_that_it_did_not_ask_for_is_not_kept() {
    let world = World::new().await;
    let (_, id) = world.device(1).await;
    world.call(&world.all(), "POST", &format!("{}/ping", path(id))).await;
    let (keyring, now, tenant) = (world.keyring.clone(), world.now(), world.tenant);
    let taken = world.store.write(move |unit| {
        let enrollment = unit.open_enrollment(tenant, id)?.expect("an enrolment");
        let delivery = unit.next_delivery(enrollment.id)?.expect("a delivery");
        assert_eq!(delivery.commands, [DeviceCommand::run("ping")]);
        let seq = delivery.seq;
        engine::sent(unit, delivery, Receipt { message: "one".to_owned(), first: 2 }, now)?;
        let delivery = unit.delivery(seq)?.expect("the delivery");
        assert!(matches!(delivery.phase, Phase::Sent(_)));
        let passcode = Passcode::new(Zeroizing::new("482915".to_owned())).expect("a passcode");
        let value = Some(Given::Passcode(passcode));
        let answer = Answer { statuses: vec![Some(200)], value, report: None, complete: true };
        engine::receive(unit, keyring.as_ref(), delivery, answer, SecretId(Uuid::from_u128(9)), now)
    });
    assert_eq!(taken.await.expect("received"), Received::Settled(ActionState::Done));
    assert_eq!(world.newest(id).await.1, []);
}

#[tokio::test]
async fn it_expires_and_ends_when_its_device_comes_anew_or_leaves() {
    let world = World::new().await;
    let token = world.all();

    let (_, expiring) = world.device(1).await;
    world.call(&token, "POST", &format!("{}/ping", path(expiring))).await;
    let later = world.now() + std::time::Duration::from_secs(400 * 86_400);
    let ended = world.store.write(move |unit| engine::expire(unit, &Ripeness::at_once(later), 10));
    assert_eq!(ended.await.expect("expired"), 1);

    let (device, reenrolling) = world.device(2).await;
    world.call(&token, "POST", &format!("{}/ping", path(reenrolling))).await;
    let enrolling = world.token().await;
    world.enroll_over(&world.certified(&device.account), 2, &enrolling).await.expect("enrolled");

    let (_, leaving) = world.device(3).await;
    world.call(&token, "POST", &format!("{}/ping", path(leaving))).await;
    assert_eq!(world.call(&token, "DELETE", &path(leaving)).await.0, 204);

    for (id, outcome) in [(expiring, Outcome::Expired), (reenrolling, Outcome::Reenrolled), (leaving, Outcome::Retired)]
    {
        let (action, _) = world.newest(id).await;
        assert_eq!((action.state, action.outcome), (ActionState::Canceled, Some(outcome)));
        let settled = world.record(id).await.into_iter().find(|event| event.activity == Activity::ActionSettled);
        assert_eq!(settled.and_then(|event| event.remote_action).as_deref(), Some("ping"), "{outcome:?}");
    }
    let (status, answer) = world.call(&token, "POST", &format!("{}/ping", path(leaving))).await;
    assert_eq!(status, 400, "a retired device is asked nothing: {answer}");
}

#[tokio::test]
async fn it_runs_beside_a_recovery_of_the_same_device_and_counts_for_no_hold() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    let token = world.all();
    for name in ["ping", "recoverPasscode"] {
        assert_eq!(world.call(&token, "POST", &format!("{}/{name}", path(id))).await.0, 204, "{name}");
    }
    for _ in 0..2 {
        device.sync(&world.transport()).await.expect("a session");
    }
    let (_, seen) = world.call(&token, "GET", &format!("{}?$select=deviceActionResults", path(id))).await;
    let results = seen["deviceActionResults"].as_array().expect("results");
    let of = |name: &str| results.iter().find(|result| result["actionName"] == name).expect("a result");
    assert_eq!((of("ping")["actionState"].as_str(), results.len()), (Some("done"), 2), "{seen}");
    assert_eq!(of("recoverPasscode")["passcode"], device.pin(), "{seen}");

    let (tenant, end) = (world.tenant, world.now());
    let counted =
        world.read(move |view| Ok(view.recoveries_between(tenant, chaveiro_core::Timestamp::MIN, end, 10)?));
    assert_eq!(counted.await, 1, "the recovery alone");
}
