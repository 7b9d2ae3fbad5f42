//! Callers whose rights have different scopes, and the doors by which one of them could be lent to another.

use chaveiro_core::id::ResourceId;
use chaveiro_core::principal::PrincipalKind;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_graph::Ceilings;
use serde_json::{Value, json};

use super::{DEVICES, NO_HOLD, message, recover, world};
use crate::world::{BASE, OTHER, OWN, World, device, id, tenant};

fn states(number: u64) -> String {
    format!("/beta/deviceManagement/deviceHealthScripts/{}/deviceRunStates", id(0xc0, number))
}

fn listed(answer: &Value) -> usize {
    answer["value"].as_array().unwrap_or_else(|| panic!("no list: {answer}")).len()
}

/// Sees every device, and has the right of that role in the scope `own`.
async fn sees_all_and_is(world: &World, role: &str, name: &str) -> String {
    world.assign(1, "help-desk-operator", PrincipalKind::User, name, None).await;
    world.assign(2, role, PrincipalKind::User, name, Some("own")).await;
    world.person(name)
}

#[tokio::test]
async fn what_is_read_of_a_device_is_read_in_the_scope_of_the_right_to_read_it() {
    let world = world().await;
    let ana = sees_all_and_is(&world, "read-only-operator", "ana@x").await;
    for number in [OWN, OTHER] {
        assert_eq!(world.ask(&ana, "POST", &recover(number), &[]).await.0, 204);
    }
    let audit = "/beta/deviceManagement/auditEvents";
    let (_, events) = world.ask(&ana, "GET", audit, &[]).await;
    assert_eq!(listed(&events), 1, "{events}");
    assert_eq!(world.ask(&ana, "GET", &format!("{audit}/$count"), &[]).await.1, json!(1));
    world.assign(3, "read-only-operator", PrincipalKind::User, "all@x", None).await;
    let (_, all) = world.ask(&world.person("all@x"), "GET", audit, &[]).await;
    let all = all["value"].as_array().expect("events");
    assert_eq!(all.len(), 2);
    let found: Vec<u16> = {
        let mut found = Vec::new();
        for event in all {
            let path = format!("{audit}/{}", event["id"].as_str().expect("an id"));
            found.push(world.ask(&ana, "GET", &path, &[]).await.0);
        }
        found
    };
    assert_eq!(found, [200, 404]);

    for (number, count, status) in [(OWN, 1, 200), (OTHER, 0, 404)] {
        assert_eq!(listed(&world.ask(&ana, "GET", &states(number), &[]).await.1), count);
        assert_eq!(world.ask(&ana, "GET", &format!("{}/{}", states(number), id(0xd0, number)), &[]).await.0, status);
        let script = format!("/beta/deviceManagement/deviceHealthScripts/{}", id(0xc0, number));
        let (_, expanded) = world.ask(&ana, "GET", &format!("{script}?$expand=deviceRunStates"), &[]).await;
        assert_eq!(expanded["deviceRunStates"].as_array().map(Vec::len), Some(count), "{expanded}");
    }
    let (_, devices) = world.ask(&ana, "GET", DEVICES, &[]).await;
    assert_eq!(listed(&devices), 2, "the devices themselves are seen");
}

#[tokio::test]
async fn a_run_state_is_changed_in_the_scope_of_the_right_to_change_it() {
    let world = world().await;
    let ana = sees_all_and_is(&world, "intune-administrator", "ana@x").await;
    let state = |number| format!("{}/{}", states(number), id(0xd0, number));
    let body = json!({"detectionState": "success"}).to_string();
    assert_eq!(world.ask_with(&ana, "PATCH", &state(OWN), &[], &body).await.0, 200);
    let (status, answer) = world.ask_with(&ana, "PATCH", &state(OTHER), &[], &body).await;
    assert_eq!(status, 403, "{answer}");
    assert!(message(&answer).contains("Chaveiro_Scripts_Write"), "{answer}");
    let bind = json!({"managedDevice@odata.bind": format!("{BASE}{DEVICES}/{}", device(OTHER))}).to_string();
    assert_eq!(world.ask_with(&ana, "PATCH", &state(OWN), &[], &bind).await.0, 403, "not into another scope either");
    assert_eq!(world.ask(&ana, "DELETE", &state(OTHER), &[]).await.0, 403);
    assert_eq!(world.ask(&ana, "DELETE", &state(OWN), &[]).await.0, 204);
}

#[tokio::test]
async fn how_many_devices_of_others_have_an_app_is_no_question() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", Some("own")).await;
    world.assign(2, "help-desk-operator", PrincipalKind::User, "bob@x", None).await;
    let (ana, bob) = (world.person("ana@x"), world.person("bob@x"));
    let apps = "/beta/deviceManagement/detectedApps";
    for query in [
        "?$filter=deviceCount%20gt%200",
        "?$filter=displayName%20eq%20'x'%20and%20not%20(deviceCount%20in%20(0,1))",
        "?$orderby=displayName,deviceCount%20desc&$top=1",
        "/$count?$filter=deviceCount%20eq%200",
    ] {
        let (status, answer) = world.ask(&ana, "GET", &format!("{apps}{query}"), &[]).await;
        assert_eq!(status, 400, "{query}: {answer}");
        assert!(answer.to_string().contains("'deviceCount'"), "{answer}");
        assert_eq!(world.ask(&bob, "GET", &format!("{apps}{query}"), &[]).await.0, 200, "{query}");
    }
}

#[tokio::test]
async fn the_rest_of_an_expansion_is_found_from_me_too() {
    let world = world().await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    world
        .write(|unit| {
            let user = unit.resource(tenant(1), ResourceKind::User, ResourceId(id(0xa, OWN)))?.expect("a user");
            unit.update_resource(&Resource { alternate_key: Some("ana@x".to_owned()), ..user.clone() })?;
            for number in 0..101 {
                let app =
                    Resource { kind: ResourceKind::DetectedApp, id: ResourceId(id(0xbb, number)), ..user.clone() };
                unit.insert_resource(&app)?;
                unit.link(tenant(1), device(OWN), app.kind, app.id)?;
            }
            Ok(())
        })
        .await;
    let (status, list) = world.ask(&ana, "GET", "/beta/me/managedDevices?$expand=detectedApps($select=id)", &[]).await;
    assert_eq!(status, 200, "{list}");
    let next = list["value"][0]["detectedApps@odata.nextLink"].as_str().expect("a link");
    let (status, rest) = world.ask(&ana, "GET", next.strip_prefix(BASE).expect("our host"), &[]).await;
    assert_eq!((status, listed(&rest)), (200, 2), "{rest}");
}

#[tokio::test]
async fn a_caller_who_unlinks_the_primary_user_leaves_a_device_without_one() {
    let world = world().await;
    world.assign(1, "school-administrator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    let user = ResourceId(id(0xa, OWN));
    world
        .write(move |unit| {
            let mut row = unit.device(tenant(1), device(OWN))?.expect("a device");
            row.user = Some(user);
            Ok(unit.update_device(&row)?)
        })
        .await;
    let path = format!("{DEVICES}/{}/users/{user}", device(OWN));
    assert_eq!(world.ask(&ana, "GET", &path, &[]).await.0, 200);
    assert_eq!(world.ask(&ana, "DELETE", &format!("{path}/$ref"), &[]).await.0, 204);
    assert_eq!(world.ask(&ana, "GET", &path, &[]).await.0, 404, "204 said that it is gone");
}

#[tokio::test]
async fn every_item_of_a_batch_is_counted_whether_it_is_one_or_not() {
    let ceilings = Ceilings { requests_by_application: 3, ..Ceilings::default() };
    let world = World::with(NO_HOLD, ceilings).await;
    world.assign(1, "help-desk-operator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    assert_eq!(world.ask_with(&ana, "POST", "/beta/$batch", &[], "{}").await.0, 400);
    let item = |id: &str, method: &str| json!({"id": id, "method": method, "url": "/users"});
    let items = json!({"requests": [item("1", "BREW"), item("2", "GET"), item("3", "BREW"), item("4", "GET")]});
    let (status, answer) = world.ask_with(&ana, "POST", "/beta/$batch", &[], &items.to_string()).await;
    let statuses = answer["responses"].as_array().expect("items").iter().map(|item| item["status"].clone());
    assert_eq!((status, statuses.collect::<Vec<_>>()), (200, vec![json!(400), json!(200), json!(429), json!(429)]));
    assert!(answer["responses"][3]["headers"]["Retry-After"].is_string(), "{answer}");
    assert_eq!(world.ask_with(&ana, "POST", "/beta/$batch", &[], "{}").await.0, 429);
}
