//! The primary user of a device: set and removed by `users/$ref`, as Microsoft's published scripts do.

use chaveiro_core::caller::{Actor, ActorKind, Caller};
use chaveiro_core::id::ResourceId;
use chaveiro_core::permission::PERMISSIONS;
use chaveiro_core::resource::{Resource, ResourceKind};

use super::*;

const EMPTY: [&str; 3] = ["emailAddress", "userPrincipalName", "userDisplayName"];

/// A user of tenant 1 with a name and an address.
async fn add_user(world: &World, number: u64, name: &str) -> String {
    let (now, name) = (world.clock.now(), name.to_owned());
    let key = id(0xa, number);
    let insert = world.store.write(move |unit| {
        let properties = json!({"userPrincipalName": name, "mail": name, "displayName": format!("User {number}")});
        Ok(unit.insert_resource(&Resource {
            tenant: tenant(1),
            kind: ResourceKind::User,
            id: ResourceId(key),
            owner: None,
            device: None,
            alternate_key: Some(name.clone()),
            properties: properties.to_string(),
            created: now,
            modified: now,
        })?)
    });
    insert.await.expect("inserted");
    key.to_string()
}

impl World {
    /// The user of device 1 by a single GET, by the list and by `users`, which must agree.
    async fn primary_user(&self, token: &str) -> Option<String> {
        let select = "$select=id,userId,userPrincipalName,userDisplayName,emailAddress";
        let (_, single) = self.call(token, "GET", &format!("{}?{select}", device_path(1)), "").await;
        let (_, list) = self.call(token, "GET", &format!("/beta/deviceManagement/managedDevices?{select}"), "").await;
        let items = list["value"].as_array().expect("items");
        let item = items.iter().find(|item| item["id"] == device(1).to_string()).expect("the device");
        let (_, users) = self.call(token, "GET", &format!("{}/users", device_path(1)), "").await;
        let users: Vec<_> = users["value"].as_array().expect("users").iter().map(|user| user["id"].clone()).collect();
        for name in EMPTY {
            assert_eq!(single[name], item[name], "{name}");
            assert_eq!(single[name].as_str().is_some_and(str::is_empty), users.is_empty(), "{name}: {single}");
        }
        assert_eq!(single["userId"], item["userId"]);
        assert_eq!(users, Vec::from_iter(single["userId"].is_string().then(|| single["userId"].clone())));
        single["userId"].as_str().map(str::to_owned)
    }
}

fn reference(user: &str) -> String {
    json!({"@odata.id": format!("https://graph.microsoft.com/beta/users/{user}")}).to_string()
}

#[tokio::test]
async fn a_user_is_set_and_replaced_and_removed_and_set_again() {
    let world = World::new().await;
    let token = world.token();
    let (rui, eva) = (add_user(&world, 5, "rui@example.org").await, add_user(&world, 6, "eva@example.org").await);
    let links = format!("{}/users/$ref", device_path(1).replace("managedDevices/", "managedDevices('") + "')");
    // At first the device has a user that it reported, and no primary user.
    for (method, path, body, expected) in [
        ("POST", links.clone(), reference(&rui), Some(&rui)),
        ("POST", links.clone(), reference(&rui), Some(&rui)),
        ("POST", links.clone(), reference(&eva), Some(&eva)),
        ("DELETE", links.clone(), String::new(), None),
        ("DELETE", links.clone(), String::new(), None),
        (
            "POST",
            links.clone(),
            "{'@odata.id':'https://graph.microsoft.com/v1.0/users/rui@example.org'}".into(),
            Some(&rui),
        ),
        ("DELETE", format!("{}/users/{rui}/$ref", device_path(1)), String::new(), None),
        ("POST", links.clone(), reference(&eva), Some(&eva)),
    ] {
        let (status, answer) = world.call(&token, method, &path, &body).await;
        assert_eq!(status, 204, "{method} {path} {body}: {answer}");
        assert_eq!(world.meanwhile.last_scope(), Scope::Device(tenant(1), device(1)), "{method} {path}");
        assert_eq!(world.primary_user(&token).await.as_ref(), expected, "{method} {path} {body}");
    }
    let (_, single) = world.call(&token, "GET", &device_path(1), "").await;
    assert_eq!(
        EMPTY.map(|name| single[name].clone()),
        ["eva@example.org", "eva@example.org", "User 6"].map(Value::from),
        "the properties follow the user"
    );
    let (_, found) = world
        .call(
            &token,
            "GET",
            "/beta/deviceManagement/managedDevices?$filter=userPrincipalName%20eq%20'EVA@example.org'",
            "",
        )
        .await;
    assert_eq!(found["value"][0]["id"], device(1).to_string());
    let (_, devices) = world.call(&token, "GET", &format!("/beta/users/{eva}/managedDevices"), "").await;
    assert_eq!(devices["value"].as_array().map(Vec::len), Some(1));
    let (_, devices) = world.call(&token, "GET", &format!("/beta/users/{rui}/managedDevices"), "").await;
    assert_eq!(devices["value"], json!([]), "and has left the user before");
}

#[tokio::test]
async fn the_record_names_the_user_before_and_the_user_after() {
    let world = World::new().await;
    let token = world.token();
    let (rui, eva) = (add_user(&world, 5, "rui@example.org").await, add_user(&world, 6, "eva@example.org").await);
    let links = format!("{}/users/$ref", device_path(1));
    for (method, body) in [("POST", reference(&rui)), ("POST", reference(&eva)), ("DELETE", String::new())] {
        world.call(&token, method, &links, &body).await;
    }
    let filter = "$filter=activityType%20eq%20'setPrimaryUser%20ManagedDevice'";
    let (_, events) = world.call(&token, "GET", &format!("/beta/deviceManagement/auditEvents?{filter}"), "").await;
    let changes: Vec<_> = events["value"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            assert_eq!((&event["activityOperationType"], &event["category"]), (&json!("Patch"), &json!("Device")));
            let resource = &event["resources"][0];
            assert_eq!((&resource["displayName"], &resource["resourceId"]), (&json!("D1"), &json!(device(1))));
            let properties = resource["modifiedProperties"].as_array().expect("properties").iter();
            properties
                .map(|one| {
                    ["displayName", "oldValue", "newValue"].map(|name| one[name].as_str().unwrap_or("?").to_owned())
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let both = |before: (&str, &str), after: (&str, &str)| {
        [["userPrincipalName", before.0, after.0], ["userId", before.1, after.1]]
            .map(|one| one.map(str::to_owned))
            .to_vec()
    };
    let (none, rui, eva) = (("-", "-"), ("rui@example.org", rui.as_str()), ("eva@example.org", eva.as_str()));
    assert_eq!(changes, [both(none, rui), both(rui, eva), both(eva, none)]);
    let unlinked = "/beta/deviceManagement/auditEvents?$filter=activityType%20eq%20'unlink%20Resource'";
    let (_, events) = world.call(&token, "GET", unlinked, "").await;
    assert_eq!(events["value"].as_array().map(Vec::len), Some(1), "the user that the device reported has left it");
}

#[tokio::test]
async fn a_user_whom_the_caller_may_not_read_is_not_set() {
    let world = World::new().await;
    let rui = add_user(&world, 5, "rui@example.org").await;
    let links = format!("{}/users/$ref", device_path(1));
    let writer = world.token_for(tenant(1), &[Permission::ManagedDevicesReadWriteAll]);
    for user in [rui.as_str(), "rui@example.org", "nobody@example.org"] {
        let (status, answer) = world.call(&writer, "POST", &links, &reference(user)).await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 403 && text.contains("User.Read.All"), "{user}: {answer}");
    }
    let both = world.token_for(tenant(1), &[Permission::ManagedDevicesReadWriteAll, Permission::UserReadAll]);
    for (user, status) in [("nobody@example.org", 404), (&id(0xa, 2).to_string(), 404), (&rui, 204)] {
        assert_eq!(world.call(&both, "POST", &links, &reference(user)).await.0, status, "{user}");
    }
    let reader = world.token_for(tenant(1), &[Permission::ManagedDevicesReadAll, Permission::UserReadAll]);
    for (method, body) in [("POST", reference(&rui)), ("DELETE", String::new())] {
        assert_eq!(world.call(&reader, method, &links, &body).await.0, 403, "{method}");
    }
    assert_eq!(world.call(&both, "DELETE", &links, "").await.0, 204, "to remove needs no right to read users");
}

#[tokio::test]
async fn a_user_is_named_by_any_address_of_this_service_and_by_no_other() {
    let world = World::new().await;
    let token = world.token();
    let rui = add_user(&world, 5, "rui@example.org").await;
    let links = format!("{}/users/$ref", device_path(1));
    let (foreign, deleted) = (id(0xa, 2), id(0xa, 77));
    for (address, status) in [
        (format!("{BASE}/beta/users/{rui}"), 204),
        (format!("{}/v1.0/users('{rui}')", BASE.to_uppercase()), 204),
        (format!("HTTPS://Graph.Microsoft.com/v1.0//users/{rui}"), 204),
        (format!("/v1.0/users/{rui}"), 204),
        (format!("/users/{rui}"), 204),
        (format!("users/{rui}"), 204),
        ("users(userPrincipalName='rui@example.org')".to_owned(), 204),
        (format!("{BASE}0/beta/users/{rui}"), 400),
        (format!("https://graph.microsoft.com.evil.example/beta/users/{rui}"), 400),
        (format!("https://elsewhere.example/beta/users/{rui}"), 400),
        (format!("//elsewhere.example/beta/users/{rui}"), 400),
        (format!("/beta/deviceManagement/detectedApps/{}", id(0xb, 1)), 400),
        ("/beta/users".to_owned(), 404),
        (format!("/beta/users/{rui}/managedDevices"), 400),
        ("".to_owned(), 400),
        (format!("/beta/users/{foreign}"), 404),
        (format!("/beta/users/{deleted}"), 404),
    ] {
        assert_eq!(world.call(&token, "DELETE", &links, "").await.0, 204);
        let (code, answer) = world.call(&token, "POST", &links, &json!({"@odata.id": address}).to_string()).await;
        assert_eq!(code, status, "{address}: {answer}");
        assert_eq!(world.primary_user(&token).await.is_some(), status == 204, "{address}");
        if status == 400 {
            let text = answer["error"]["message"].as_str().expect("a text");
            let named = format!(
                "such as {BASE}/beta/users('{{id}}'), and not '{}",
                address.chars().take(64).collect::<String>()
            );
            assert!(text.starts_with("The value of '@odata.id' must be the URL of") && text.contains(&named), "{text}");
        }
    }
    for body in [json!({}), json!({"@odata.id": null}), json!({"@odata.id": [rui]}), json!({"id": rui})] {
        let (code, answer) = world.call(&token, "POST", &links, &body.to_string()).await;
        let text = answer["error"]["message"].as_str().expect("a text");
        assert!(code == 400 && text.contains(&format!("such as {BASE}/beta/users('{{id}}')")), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_change_that_names_the_user_is_told_the_way() {
    let world = World::new().await;
    let token = world.token();
    for (body, word) in [
        (json!({"userId": id(0xa, 1)}), "users/$ref"),
        (json!({"userPrincipalName": "ana@example.org"}), "users/$ref"),
        (json!({"userDisplayName": "Ana"}), "users/$ref"),
        (json!({"emailAddress": "ana@example.org"}), "users/$ref"),
        (json!({"users": [{"id": id(0xa, 1)}]}), "users/$ref"),
        (json!({"users@odata.bind": ["https://graph.microsoft.com/beta/users/1"]}), "users/$ref"),
        (json!({"detectedApps": []}), "$ref"),
        (json!({"deviceCategory": {}}), "Leave it out"),
        (json!({"deviceName": "x"}), "Leave it out"),
        (json!({"notes": "a", "Notes": "b"}), "given twice"),
    ] {
        let (status, answer) = world.call(&token, "PATCH", &device_path(1), &body.to_string()).await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains(word), "{body}: {answer}");
        let name = body.as_object().and_then(|body| body.keys().next().cloned()).expect("a member");
        let name = name.trim_end_matches("@odata.bind").to_lowercase();
        assert!(text.to_lowercase().contains(&name), "{body}: {answer}");
    }
    for body in ["{ ownerType:\"company\" }", "{ownerType: 'company'}", "{'notes':'it\\'s here'}"] {
        let (status, answer) = world.call(&token, "PATCH", &device_path(1), body).await;
        assert_eq!(status, 200, "{body}: {answer}");
    }
    let (_, answer) = world.call(&token, "PATCH", &device_path(1), "{\n  ownerType company}").await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(text.contains("Line 2, column 3"), "{answer}");
}

#[tokio::test]
async fn a_primary_user_gains_no_right() {
    let world = World::new().await;
    let token = world.token();
    let rui = add_user(&world, 5, "rui@example.org").await;
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    world.call(&token, "POST", &format!("{}/users/$ref", device_path(1)), &reference(&rui)).await;
    let person = Caller {
        tenant: tenant(1),
        actor: Actor {
            kind: ActorKind::Delegated,
            user_id: Some(rui.clone()),
            user_principal_name: Some("rui@example.org".to_owned()),
            ..Actor::system()
        },
        permissions: PERMISSIONS.iter().map(|row| row.permission).collect(),
        directory_roles: Vec::new(),
        groups: Vec::new(),
        local: true,
        issued: None,
    };
    let rights = world.store.read(move |view| Ok(chaveiro_core::decisions::rights::of(view, &person).is_err())).await;
    assert_eq!(rights.ok(), Some(true), "no role, no right");
}
