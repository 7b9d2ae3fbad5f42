//! `auditEvents`: the record as Graph tells it.

use super::*;

const EVENTS: &str = "/v1.0/deviceManagement/auditEvents";

fn types(answer: &Value) -> Vec<&str> {
    let items = answer["value"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|event| event["activityType"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn a_recovery_can_be_followed_in_the_audit_events_and_no_passcode_is_in_them() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.clock.0.fetch_add(60, Ordering::SeqCst);
    world.carry_out(1, PLANTED).await;
    world.clock.0.fetch_add(60, Ordering::SeqCst);
    world.call(&token, "GET", &format!("{}?$select=deviceActionResults", device_path(1)), "").await;
    world.call(&token, "PATCH", "/beta/users/ana@example.org", "{\"jobTitle\":\"x\"}").await;

    let (_, all) = world.call(&token, "GET", EVENTS, "").await;
    assert!(!all.to_string().contains(PLANTED));
    assert_eq!(
        types(&all),
        [
            "recoverPasscode ManagedDevice",
            "sendRecoverPasscode ManagedDevice",
            "settleRecoverPasscode ManagedDevice",
            "readPasscode ManagedDevice",
            "patch Resource"
        ]
    );
    assert_eq!(all["@odata.context"], format!("{BASE}/v1.0/$metadata#deviceManagement/auditEvents"));
    let first = &all["value"][0];
    for (name, value) in [
        ("displayName", json!("recoverPasscode ManagedDevice")),
        ("componentName", json!("ManagedDevices")),
        ("activity", Value::Null),
        ("activityOperationType", json!("Action")),
        ("activityResult", json!("Success")),
        ("category", json!("Device")),
    ] {
        assert_eq!(first[name], value, "{first}");
    }
    assert_eq!(first["resources"][0]["resourceId"], device(1).to_string());
    assert_eq!(first["resources"][0]["auditResourceType"], "ManagedDevice");
    assert_eq!(first["actor"]["applicationId"], "chaveiro-cli");
    assert_eq!(first["actor"].get("remoteTenantId"), None, "only beta has it");
    assert_eq!(first["correlationId"], all["value"][2]["correlationId"], "one action, one correlation");

    let single = format!("{EVENTS}/{}", first["id"].as_str().expect("an id"));
    let (_, again) = world.call(&token, "GET", &single, "").await;
    assert_eq!((&again["id"], &again["activityType"]), (&first["id"], &first["activityType"]), "ids are stable");

    let (_, ordered) =
        world.call(&token, "GET", &format!("{EVENTS}?$orderby=activityDateTime%20desc&$top=2"), "").await;
    assert_eq!(types(&ordered), ["patch Resource", "readPasscode ManagedDevice"]);
    let next = ordered["@odata.nextLink"].as_str().and_then(|link| link.strip_prefix(BASE)).expect("a next page");
    assert_eq!(types(&world.call(&token, "GET", next, "").await.1).len(), 2);
    for (filter, expected) in [
        ("activityDateTime ge 2027-01-15T08:01:00Z", 4),
        ("activityDateTime lt 2027-01-15T08:01:00Z", 1),
        ("category eq 'Device'", 4),
        ("category eq 'deviceconfiguration'", 1),
        ("activityType eq 'recoverPasscode ManagedDevice'", 1),
        ("activityResult eq 'Failure'", 0),
        ("activityOperationType eq 'Get' and activityDateTime ge 2027-01-15T08:00:00Z", 1),
        ("actor/applicationId eq 'CHAVEIRO-CLI'", 3),
        ("startswith(actor/applicationId,'chaveiro-c') and category ne 'Device'", 1),
        ("actor/applicationId in ('chaveiro','x')", 2),
        ("not (actor/userPrincipalName eq null)", 3),
        ("Actor/UserId eq null and actor/ipAddress eq null", 5),
        (&format!("id eq '{}'", first["id"].as_str().expect("an id")), 1),
        (&format!("id ne '{}' and category eq 'Device'", first["id"].as_str().expect("an id")), 3),
    ] {
        let path = format!("{EVENTS}?$count=true&$filter={}", filter.replace(' ', "%20"));
        let (status, answer) = world.call(&token, "GET", &path, "").await;
        assert_eq!((status, &answer["@odata.count"]), (200, &json!(expected)), "{filter}: {answer}");
        assert_eq!(types(&answer).len(), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_member_of_the_actor_that_cannot_be_asked_for_is_refused_by_its_path() {
    let world = World::new().await;
    let token = world.token();
    for (version, option, words) in [
        ("beta", "$filter=actor/nope eq 'x'", "'actor/nope' is no property of microsoft.graph.auditEvent"),
        ("v1.0", "$filter=actor/remoteUserId eq 'x'", "'actor/remoteUserId' is no property"),
        ("beta", "$filter=actor/remoteUserId eq 'x'", "not filtered or ordered by 'actor/remoteUserId'"),
        ("beta", "$filter=actor/userPermissions eq 'x'", "not filtered or ordered by 'actor/userPermissions'"),
        ("beta", "$filter=actor eq 'x'", "not filtered or ordered by 'actor'"),
        ("beta", "$filter=actor/ eq 'x'", "'actor/eq' is no property"),
        ("beta", "$filter=actor/userId/x eq 'x'", "expected one of eq"),
        ("beta", "$filter=category/x eq 'x'", "'category' is a single value without members"),
        ("beta", "$orderby=actor/ipAddress,actor/nope", "'actor/nope' is no property"),
    ] {
        let path = format!("/{version}/deviceManagement/auditEvents?{}", option.replace(' ', "%20"));
        let (status, answer) = world.call(&token, "GET", &path, "").await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(words), "{option}: {answer}");
    }
    let (status, _) = world.call(&token, "GET", &format!("{EVENTS}?$orderby=actor/userPrincipalName%20desc"), "").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn audit_events_are_of_the_tenant_alone_and_no_caller_writes_them() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "PATCH", "/beta/users/ana@example.org", "{\"jobTitle\":\"x\"}").await;
    let (_, all) = world.call(&token, "GET", EVENTS, "").await;
    let single = format!("{EVENTS}/{}", all["value"][0]["id"].as_str().expect("an id"));
    let foreign = world.token_for(tenant(2), &[Permission::AppsReadAll]);
    assert_eq!(types(&world.call(&foreign, "GET", EVENTS, "").await.1), Vec::<&str>::new());
    assert_eq!(world.call(&foreign, "GET", &single, "").await.0, 404);
    let other = world.token_for(tenant(1), &[Permission::ManagedDevicesReadWriteAll]);
    let (status, answer) = world.call(&other, "GET", EVENTS, "").await;
    assert!(status == 403 && answer.to_string().contains("DeviceManagementApps.Read.All"), "{answer}");
    for method in ["PATCH", "DELETE", "PUT"] {
        let (status, answer) = world.call(&token, method, &single, "").await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("No method match route template")), "{method}");
    }
}

#[tokio::test]
async fn the_functions_name_categories_and_activities() {
    let world = World::new().await;
    let token = world.token();
    for (path, expected) in [
        ("getAuditCategories()", "Device"),
        ("microsoft.graph.getAuditCategories()", "Role"),
        ("getAuditActivityTypes(category='Device')", "recoverPasscode ManagedDevice"),
        ("getAuditActivityTypes(category=%27device%27)", "readPasscode ManagedDevice"),
    ] {
        let (status, answer) = world.call(&token, "GET", &format!("{EVENTS}/{path}"), "").await;
        assert!(
            status == 200 && answer["value"].as_array().is_some_and(|names| names.contains(&json!(expected))),
            "{path}: {answer}"
        );
    }
    let (_, unknown) = world.call(&token, "GET", &format!("{EVENTS}/getAuditActivityTypes(category='x')"), "").await;
    assert_eq!(unknown["value"], json!([]));
    let (status, _) = world.call(&token, "POST", &format!("{EVENTS}/getAuditCategories()"), "").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn remote_actions_are_listed_with_their_states_and_their_devices() {
    let world = World::new().await;
    let token = world.token();
    let audits = "/beta/deviceManagement/remoteActionAudits";
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(4)), "").await;
    let (_, all) = world.call(&token, "GET", audits, "").await;
    let seen: Vec<_> = all["value"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (item["managedDeviceId"].as_str().unwrap_or("-"), item["actionState"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(seen, [(device(1).to_string().as_str(), "done"), (device(4).to_string().as_str(), "pending")]);
    let first = &all["value"][0];
    assert_eq!((&first["action"], &first["deviceDisplayName"]), (&json!("recoverPasscode"), &json!("D1")), "{first}");
    assert!(!all.to_string().contains(PLANTED));
    let single = format!("{audits}/{}", first["id"].as_str().expect("an id"));
    assert_eq!(world.call(&token, "GET", &single, "").await.1["actionState"], "done");
    for (filter, expected) in [
        ("actionState eq 'pending'", 1),
        ("action eq 'wipe'", 0),
        ("action eq 'recoverPasscode'", 2),
        ("requestDateTime lt 2020-01-01T00:00:00Z", 0),
    ] {
        let path = format!("{audits}?$filter={}", filter.replace(' ', "%20"));
        let (_, answer) = world.call(&token, "GET", &path, "").await;
        let found = answer["value"].as_array().map(Vec::len);
        // `wipe` is no member of remoteAction, which is said instead of answered with nothing.
        assert_eq!(found, (filter != "action eq 'wipe'").then_some(expected), "{filter}: {answer}");
    }
    let foreign = world.token_for(tenant(2), &[Permission::ManagedDevicesReadAll]);
    assert_eq!(world.call(&foreign, "GET", &single, "").await.0, 404);
}

#[tokio::test]
async fn events_that_are_not_what_was_recorded_are_not_served() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "PATCH", "/beta/users/ana@example.org", "{\"jobTitle\":\"x\"}").await;
    let (_, all) = world.call(&token, "GET", EVENTS, "").await;
    let single = format!("{EVENTS}/{}", all["value"][0]["id"].as_str().expect("an id"));
    let paths = [
        EVENTS.to_owned(),
        format!("{EVENTS}?$top=1"),
        format!("{EVENTS}?$filter=category%20eq%20'DeviceConfiguration'"),
        single,
        "/v1.0/deviceManagement?$expand=auditEvents".to_owned(),
    ];
    for (doubts, expected) in [(false, 200), (true, 500)] {
        world.witness.0.store(doubts, Ordering::SeqCst);
        for path in &paths {
            let request = Request::get(path).header("Authorization", format!("Bearer {token}"));
            let request = request.body(Body::empty()).expect("a request");
            let response = world.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status();
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            let answer = String::from_utf8_lossy(&bytes);
            assert_eq!(status, expected, "{path}: {answer}");
            assert_eq!(answer.contains("patch Resource"), !doubts, "{path}: {answer}");
            assert_eq!(answer.contains("InternalServerError"), doubts, "{path}: {answer}");
        }
    }
    // A page without events says nothing that could be wrong.
    let none = format!("{EVENTS}?$filter=category%20eq%20'Role'");
    assert_eq!(world.call(&token, "GET", &none, "").await.0, 200);
}
