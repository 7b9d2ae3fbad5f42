//! Properties by their paths: what a `$select` of the property gives, by the same rules.

use super::*;

/// The value of a property of device 1 by its path, and by `$select`.
async fn both(world: &World, token: &str, name: &str) -> (Value, Value) {
    let (status, alone) = world.call(token, "GET", &format!("{}/{name}", device_path(1)), "").await;
    assert!(status == 200 || status == 204, "{name}: {status} {alone}");
    let property = name.split('/').next().expect("a name");
    let (status, mut selected) = world.call(token, "GET", &format!("{}?$select={name}", device_path(1)), "").await;
    assert_eq!(status, 200, "{name}: {selected}");
    let mut selected = selected[property].take();
    for member in name.split('/').skip(1) {
        selected = selected[member].take();
    }
    (alone, selected)
}

#[tokio::test]
async fn every_property_of_a_device_is_at_its_path_what_a_select_says() {
    use chaveiro_graph::kinds::MANAGED_DEVICE;
    use chaveiro_graph::model::Edm;
    let world = World::new().await;
    let token = world.token();
    let (mut values, mut nulls) = (0, 0);
    let members =
        ["hardwareInformation/model", "hardwareInformation/isEncrypted", "hardwareInformation/wiredIPv4Addresses"];
    let names = MANAGED_DEVICE.properties.iter().map(|property| property.name);
    for name in names.chain(members) {
        let (mut alone, selected) = both(&world, &token, name).await;
        if selected.is_null() {
            assert_eq!(alone, Value::Null, "{name}: 204");
            nulls += 1;
            continue;
        }
        let path = format!("{}/$metadata#deviceManagement/managedDevices('{}')/{name}", "/beta", device(1));
        assert_eq!(alone["@odata.context"], format!("{BASE}{path}"), "{name}");
        let of = MANAGED_DEVICE.properties.iter().find(|property| property.name == name);
        let is_structure = of.is_some_and(|property| matches!(property.edm, Edm::Complex(_)));
        if is_structure {
            alone.as_object_mut().expect("an object").shift_remove("@odata.context");
            assert_eq!(alone, selected, "{name}");
        } else {
            assert_eq!(alone["value"], selected, "{name}");
        }
        values += 1;
    }
    assert!(values > 50 && nulls > 10, "{values} values, {nulls} nulls");
}

#[tokio::test]
async fn a_raw_value_is_text_and_what_has_none_says_so() {
    let world = World::new().await;
    let token = world.token();
    let scripts = "/beta/deviceManagement/deviceHealthScripts";
    let body = json!({"displayName": "x", "detectionScriptContent": "AAH/"}).to_string();
    let (status, script) = world.call(&token, "POST", scripts, &body).await;
    assert_eq!(status, 201, "{script}");
    let script = format!("{scripts}/{}", script["id"].as_str().expect("an id"));
    let user = format!("/beta/users/{}", id(0xa, 1));
    for (path, content_type, expected) in [
        (format!("{}/deviceName/$value", device_path(1)), "text/plain;charset=utf-8", &b"D1"[..]),
        (format!("{}/isEncrypted/$value", device_path(1)), "text/plain;charset=utf-8", b"false"),
        (format!("{}/totalStorageSpaceInBytes/$value", device_path(1)), "text/plain;charset=utf-8", b"0"),
        (format!("{}/managementState/$value", device_path(1)), "text/plain;charset=utf-8", b"managed"),
        (format!("{}/enrolledDateTime/$VALUE", device_path(1)), "text/plain;charset=utf-8", b"2026-"),
        (format!("{user}/displayName/$value"), "text/plain;charset=utf-8", b"x"),
        (format!("{script}/detectionScriptContent/$value"), "application/octet-stream", &[0, 1, 255]),
    ] {
        let (parts, body) = world.raw("GET", &path, &[]).await;
        assert_eq!(parts.status, 200, "{path}");
        assert_eq!(parts.headers["content-type"], content_type, "{path}");
        match expected.ends_with(b"-") {
            true => assert!(body.ends_with(b"Z"), "{path}"),
            false => assert_eq!(body, expected, "{path}"),
        }
    }
    let (parts, body) = world.raw("GET", &format!("{}/notes/$value", device_path(1)), &[]).await;
    assert_eq!((parts.status.as_u16(), body.len()), (204, 0), "null has no content");
    for (method, path, status, words) in [
        ("GET", "/hardwareInformation/$value", 400, "no raw value"),
        ("GET", "/roleScopeTagIds/$value", 400, "no raw value"),
        ("GET", "/roleScopeTagIds/0", 400, "'0'"),
        ("GET", "/deviceName/$count", 400, "'$count'"),
        ("PATCH", "/notes", 400, "http verb PATCH"),
        ("DELETE", "/notes", 400, "http verb DELETE"),
        ("PUT", "/notes/$value", 400, "http verb PUT"),
    ] {
        let (found, answer) = world.call(&token, method, &format!("{}{path}", device_path(1)), "").await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && text.contains(words), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_property_is_read_by_those_who_may_read_its_entity() {
    let world = World::new().await;
    let name = |number: u64| format!("{}/deviceName", device_path(number));
    let user = format!("/beta/users/{}/displayName", id(0xa, 1));
    let devices = world.token_for(tenant(1), &[Permission::ManagedDevicesReadAll]);
    let users = world.token_for(tenant(1), &[Permission::UserReadAll]);
    for (token, path, status) in [
        (&devices, name(1), 200),
        (&devices, name(2), 404),
        (&devices, name(99), 404),
        (&devices, user.clone(), 403),
        (&users, user, 200),
        (&users, name(1), 403),
        (&users, "/beta/me/displayName".to_owned(), 400),
        (&devices, "/v1.0/deviceManagement/id".to_owned(), 200),
    ] {
        assert_eq!(world.call(token, "GET", &path, "").await.0, status, "{path}");
        assert_eq!(world.call(token, "HEAD", &path, "").await.0, status, "HEAD {path}");
    }
}

#[tokio::test]
async fn the_results_of_actions_are_disclosed_at_their_path_as_by_a_select() {
    let world = World::new().await;
    let token = world.token();
    let path = format!("{}/deviceActionResults", device_path(1));
    assert_eq!(world.call(&token, "GET", &path, "").await.1["value"], json!([]), "nothing yet");
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;

    // Without the permission, or by HEAD, nothing is shown and nothing recorded.
    let reader = world.token_for(tenant(1), &[Permission::ManagedDevicesReadAll]);
    let before = world.audit_count().await;
    let (_, withheld) = world.call(&reader, "GET", &path, "").await;
    assert_eq!(withheld["value"][0]["chaveiro_passcodeWithheld"], "missingPermission", "{withheld}");
    assert_eq!(withheld["value"][0]["passcode"], Value::Null);
    let (parts, body) = world.raw("HEAD", &path, &[]).await;
    assert_eq!((parts.status.as_u16(), body.len()), (200, 0));
    assert_eq!(world.audit_count().await, before);

    let (parts, body) = world.raw("GET", &path, &[("Accept-Encoding", "gzip")]).await;
    let alone: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(alone["value"][0]["passcode"], PLANTED, "{alone}");
    assert_eq!(parts.headers["cache-control"], "no-store");
    assert!(!parts.headers.contains_key("content-encoding"), "never compressed");
    assert_eq!(world.audit_count().await, before + 1, "seen means recorded");
    let context = format!("{BASE}/beta/$metadata#deviceManagement/managedDevices('{}')/deviceActionResults", device(1));
    assert_eq!(alone["@odata.context"], context);

    let (_, selected) = world.call(&token, "GET", &format!("{}?$select=deviceActionResults", device_path(1)), "").await;
    assert_eq!(selected["deviceActionResults"], alone["value"]);
    assert_eq!(world.audit_count().await, before + 2, "each by itself");
    for named in ["deviceActionResults/0/passcode", "deviceActionResults/passcode", "deviceActionResults/$value"] {
        let (status, answer) = world.call(&token, "GET", &format!("{}/{named}", device_path(1)), "").await;
        assert!(status == 400 && !answer.to_string().contains(PLANTED), "{named}: {answer}");
    }
    // Through another walk, in a batch, and in the other version.
    let through_user = format!("/users/{}/managedDevices/{}/deviceActionResults", id(0xa, 1), device(1));
    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": through_user}]}).to_string();
    let (parts, body) = {
        let request = Request::post("/v1.0/$batch").header("Authorization", format!("Bearer {token}"));
        let request = request.header("Content-Type", "application/json").body(Body::from(batch)).expect("a request");
        world.send(request).await
    };
    assert_eq!(parts.headers()["cache-control"], "no-store");
    assert_eq!(body["responses"][0]["body"]["value"][0]["passcode"], PLANTED, "{body}");
    assert_eq!(world.audit_count().await, before + 3);
    world.clock.0.fetch_add(16 * 60, Ordering::SeqCst);
    let (_, late) = world.call(&token, "GET", &path, "").await;
    assert_eq!(late["value"][0]["chaveiro_passcodeWithheld"], "windowOver", "{late}");
}

#[tokio::test]
async fn a_property_of_an_event_is_read_by_its_path() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    let (_, events) = world.call(&token, "GET", "/beta/deviceManagement/auditEvents", "").await;
    let event = format!("/beta/deviceManagement/auditEvents/{}", events["value"][0]["id"].as_str().expect("an id"));
    let (_, actor) = world.call(&token, "GET", &format!("{event}/actor"), "").await;
    assert_eq!(actor["userPrincipalName"], events["value"][0]["actor"]["userPrincipalName"], "{actor}");
    let (_, name) = world.call(&token, "GET", &format!("{event}/actor/userPrincipalName"), "").await;
    assert_eq!(name["value"], actor["userPrincipalName"], "{name}");
}
