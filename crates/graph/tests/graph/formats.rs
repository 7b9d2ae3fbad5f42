//! Formats: what `Accept`, `$format`, `OData-MaxVersion` and `Prefer` ask for is what is answered, or the request is refused.

use super::*;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

fn of(metadata: &str, ieee754: bool) -> String {
    format!("application/json;odata.metadata={metadata};odata.streaming=true;IEEE754Compatible={ieee754};charset=utf-8")
}

/// Every name of a member, at any depth.
fn names(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                into.push(name.clone());
                names(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

async fn read(world: &World, path: &str, headers: &[(&str, &str)]) -> (http::response::Parts, Value) {
    let (parts, body) = world.raw("GET", path, headers).await;
    (parts, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn an_answer_has_the_form_that_was_asked_for_and_says_so() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    let paths = [
        DEVICES.to_owned(),
        format!("{DEVICES}?$expand=users,detectedApps&$top=1&$count=true"),
        device_path(1),
        format!("{}?$select=deviceActionResults", device_path(1)),
        format!("{}/deviceActionResults", device_path(1)),
        format!("{}/hardwareInformation", device_path(1)),
        format!("{}/totalStorageSpaceInBytes", device_path(1)),
        "/v1.0".to_owned(),
        "/v1.0/users".to_owned(),
        "/v1.0/deviceManagement/auditEvents/getAuditCategories".to_owned(),
        "/beta/deviceManagement/auditEvents?$top=1".to_owned(),
    ];
    for path in &paths {
        for (accept, metadata, ieee754) in [
            ("application/json", "minimal", false),
            ("*/*", "minimal", false),
            ("text/html, application/json;q=0.5", "minimal", false),
            ("application/json;odata.metadata=none", "none", false),
            ("application/json;odata.metadata=full", "full", false),
            ("application/json;IEEE754Compatible=true", "minimal", true),
            ("application/json;metadata=none;IEEE754Compatible=true", "none", true),
        ] {
            let (parts, answer) = read(&world, path, &[("Accept", accept)]).await;
            assert_eq!(parts.status, 200, "{path} {accept}: {answer}");
            assert_eq!(parts.headers["content-type"], of(metadata, ieee754), "{path} {accept}");
            assert_eq!(parts.headers["odata-version"], "4.0");
            let mut all = Vec::new();
            names(&answer, &mut all);
            let annotations: Vec<_> = all.iter().filter(|name| name.contains('@')).collect();
            match metadata {
                "none" => assert!(
                    annotations.iter().all(|name| name.ends_with("@odata.nextLink") || name.ends_with("@odata.count")),
                    "{path}: {annotations:?}"
                ),
                _ => assert!(answer["@odata.context"].is_string(), "{path}: {answer}"),
            }
        }
    }
    let (parts, _) = read(
        &world,
        &format!("{DEVICES}?$format=application/json;odata.metadata=none&$top=1"),
        &[("Accept", "application/xml")],
    )
    .await;
    assert_eq!(parts.headers["content-type"], of("none", false), "$format comes before Accept");
}

#[tokio::test]
async fn the_next_page_has_the_format_of_the_first() {
    let world = World::new().await;
    let (_, list) = read(&world, &format!("{DEVICES}?$top=1&$format=application/json;odata.metadata=none"), &[]).await;
    let next = list["@odata.nextLink"].as_str().expect("a link").strip_prefix(BASE).expect("our host");
    let (parts, _) = read(&world, next, &[]).await;
    assert_eq!(parts.headers["content-type"], of("none", false));
}

#[tokio::test]
async fn numbers_of_64_bits_are_texts_where_they_are_asked_for() {
    let world = World::new().await;
    let big = 9_007_199_254_740_993_i64;
    world
        .store
        .write(move |unit| {
            let mut row = unit.device(tenant(1), device(1))?.expect("a device");
            let field = InventoryField::named("totalStorageBytes").expect("a field");
            row.inventory = row.inventory.with(field, big);
            Ok(unit.update_device(&row)?)
        })
        .await
        .expect("written");
    let texts = &[("Accept", "application/json;IEEE754Compatible=true")][..];
    for (headers, expected, count) in [(&[][..], json!(big), json!(2)), (texts, json!(big.to_string()), json!("2"))] {
        let (_, single) = read(
            &world,
            &format!(
                "{}?$select=totalStorageSpaceInBytes,hardwareInformation/totalStorageSpace,windowsActiveMalwareCount",
                device_path(1)
            ),
            headers,
        )
        .await;
        assert_eq!(single["totalStorageSpaceInBytes"], expected, "{single}");
        assert_eq!(single["hardwareInformation"]["totalStorageSpace"], expected, "{single}");
        assert_eq!(single["windowsActiveMalwareCount"], 0, "32 bits stay a number");
        let (_, list) = read(&world, &format!("{DEVICES}?$count=true&$select=totalStorageSpaceInBytes"), headers).await;
        assert_eq!(
            (&list["value"][0]["totalStorageSpaceInBytes"], &list["@odata.count"]),
            (&expected, &count),
            "{list}"
        );
        let (_, alone) = read(&world, &format!("{}/totalStorageSpaceInBytes", device_path(1)), headers).await;
        assert_eq!(alone["value"], expected);
        let states =
            format!("/beta/deviceManagement/deviceHealthScripts/{}/deviceRunStates?$expand=managedDevice", id(0xc0, 1));
        let (_, list) = read(&world, &states, headers).await;
        assert_eq!(list["value"][0]["managedDevice"]["totalStorageSpaceInBytes"], expected, "{list}");
    }
}

#[tokio::test]
async fn full_metadata_says_types_and_addresses_that_lead_back() {
    let world = World::new().await;
    let full = [("Accept", "application/json;odata.metadata=full")];
    let (_, single) = read(&world, &device_path(1), &full).await;
    let address = format!("{BASE}/beta/deviceManagement/managedDevices('{}')", device(1));
    for (name, expected) in [
        ("@odata.type", json!("#microsoft.graph.managedDevice")),
        ("@odata.id", json!(address)),
        ("@odata.editLink", json!(address)),
        ("enrolledDateTime@odata.type", json!("#DateTimeOffset")),
        ("totalStorageSpaceInBytes@odata.type", json!("#Int64")),
        ("managementState@odata.type", json!("#microsoft.graph.managementState")),
        ("roleScopeTagIds@odata.type", json!("#Collection(String)")),
        ("deviceActionResults@odata.type", json!("#Collection(microsoft.graph.deviceActionResult)")),
        ("users@odata.navigationLink", json!(format!("{address}/users"))),
        ("deviceName@odata.type", Value::Null),
        ("notes@odata.type", Value::Null),
    ] {
        assert_eq!(single[name], expected, "{name} in {single}");
    }
    assert!(single["@odata.etag"].is_string(), "{single}");

    let (_, list) = read(&world, "/v1.0/users?$expand=managedDevices&$select=id", &full).await;
    let user = &list["value"][0];
    let (_, again) =
        read(&world, user["@odata.id"].as_str().expect("an address").strip_prefix(BASE).expect("ours"), &[]).await;
    assert_eq!(again["id"], user["id"], "{user}");
    let device_of_user = &user["managedDevices"][0];
    let link = device_of_user["@odata.id"].as_str().expect("an address").strip_prefix(BASE).expect("ours");
    let (_, again) = read(&world, link, &[]).await;
    assert_eq!(again["id"], device_of_user["id"], "{user}");
    let (_, hardware) = read(&world, &format!("{}/hardwareInformation", device_path(1)), &full).await;
    assert_eq!(hardware["@odata.type"], "#microsoft.graph.hardwareInformation");
    let (_, bytes) = read(&world, &format!("{}/totalStorageSpaceInBytes", device_path(1)), &full).await;
    assert_eq!(bytes["@odata.type"], "#Int64");
}

#[tokio::test]
async fn a_format_that_is_not_offered_is_refused_before_anything_is_done() {
    let world = World::new().await;
    let token = world.token();
    let before = world.audit_count().await;
    let name = format!("{}/deviceName", device_path(1));
    let user = format!("/beta/users/{}", id(0xa, 1));
    for (method, path, accept, body, status) in [
        ("GET", DEVICES.to_owned(), "application/xml", "", 406),
        ("GET", DEVICES.to_owned(), "application/json;q=0, */*", "", 406),
        ("GET", DEVICES.to_owned(), "application/json;odata.metadata=verbose", "", 406),
        ("GET", DEVICES.to_owned(), "application/json;odata=nometadata", "", 406),
        ("GET", device_path(1), "text/plain", "", 406),
        ("GET", name.clone(), "text/plain", "", 406),
        ("GET", format!("{name}/$value"), "application/json", "", 406),
        ("GET", format!("{name}/$value"), "text/*", "", 200),
        ("GET", format!("{DEVICES}/$count"), "application/json;odata.metadata=none", "", 200),
        ("GET", "/beta".to_owned(), "application/atomsvc+xml", "", 406),
        ("GET", "/beta/$metadata".to_owned(), "application/json", "", 406),
        ("GET", "/beta/$metadata".to_owned(), "application/xml", "", 200),
        ("GET", "/beta/deviceManagement/auditEvents/getAuditCategories()".to_owned(), "image/png", "", 406),
        ("POST", "/beta/users".to_owned(), "application/xml", r#"{"userPrincipalName":"n@x"}"#, 406),
        ("PATCH", device_path(1), "application/xml", r#"{"notes":"x"}"#, 406),
        ("POST", "/beta/$batch".to_owned(), "application/xml", r#"{"requests":[]}"#, 406),
        ("POST", "/beta/$batch".to_owned(), "multipart/mixed", r#"{"requests":[]}"#, 406),
        // These answer without a body: there is no format to refuse.
        ("PATCH", user, "application/xml", r#"{"jobTitle":"x"}"#, 204),
        ("POST", format!("{}/recoverPasscode", device_path(4)), "application/xml", "", 204),
    ] {
        let mut request =
            Request::builder().method(method).uri(&path).header("Authorization", format!("Bearer {token}"));
        if !body.is_empty() {
            request = request.header("Content-Type", "application/json");
        }
        let request = request.header("Accept", accept).body(Body::from(body)).expect("a request");
        let (response, answer) = world.send(request).await;
        assert_eq!(response.status(), status, "{method} {path} {accept}: {answer}");
        if status == 406 {
            assert_eq!(answer["error"]["code"], "NotAcceptable");
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(text.contains(&format!("'{accept}' in Accept")) && text.contains("Ask for"), "{text}");
            assert_eq!(world.audit_count().await, before, "{method} {path}: nothing was done");
        }
    }
    let (parts, answer) = read(&world, &format!("{DEVICES}?$format=atom"), &[]).await;
    assert_eq!(parts.status, 406, "{answer}");
    assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("'atom' in $format")), "{answer}");
}

#[tokio::test]
async fn versions_of_the_protocol_are_obeyed_or_refused() {
    let world = World::new().await;
    for (name, value, status) in [
        ("OData-MaxVersion", "4.0", 200),
        ("OData-MaxVersion", "4.01", 200),
        ("OData-MaxVersion", "9.0", 200),
        ("OData-MaxVersion", "3.0", 400),
        ("OData-MaxVersion", "x", 400),
        ("OData-Version", "4.01", 200),
        ("OData-Version", "3.0", 400),
    ] {
        for path in [DEVICES.to_owned(), device_path(1), "/beta/$metadata".to_owned(), format!("{DEVICES}/$count")] {
            let (parts, answer) = read(&world, &path, &[(name, value)]).await;
            assert_eq!(parts.status, status, "{path} {name}: {value}: {answer}");
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(status == 200 || text.starts_with(&format!("{name} is '{value}'")), "{text}");
        }
    }
    let before = world.audit_count().await;
    let (parts, _) =
        world.raw("POST", &format!("{}/recoverPasscode", device_path(1)), &[("OData-MaxVersion", "3.0")]).await;
    assert_eq!((parts.status.as_u16(), world.audit_count().await), (400, before), "nothing was done");
}

#[tokio::test]
async fn smaller_pages_are_given_to_those_who_prefer_them() {
    let world = World::new().await;
    // Three devices, the retired one among them.
    const ALL: &str = "$filter=managementState%20in%20('managed','retireIssued')";
    for (prefer, query, items, applied) in [
        ("odata.maxpagesize=2", "", 2, Some("odata.maxpagesize=2")),
        ("maxpagesize=1", "", 1, Some("maxpagesize=1")),
        ("return=minimal, odata.maxpagesize=\"2\"", "", 2, Some("odata.maxpagesize=2")),
        ("odata.maxpagesize=2", "&$top=1", 1, Some("odata.maxpagesize=2")),
        ("odata.maxpagesize=5000", "", 3, Some("odata.maxpagesize=1000")),
        ("odata.maxpagesize=0", "", 3, None),
        ("odata.maxpagesize=few", "", 3, None),
        ("return=minimal", "", 3, None),
    ] {
        let (parts, list) = read(&world, &format!("{DEVICES}?{ALL}{query}"), &[("Prefer", prefer)]).await;
        assert_eq!(list["value"].as_array().map(Vec::len), Some(items), "{prefer}: {list}");
        let said = parts.headers.get("preference-applied").and_then(|value| value.to_str().ok());
        assert_eq!(said, applied, "{prefer}");
        assert_eq!(list.get("@odata.nextLink").is_some(), items < 3, "{prefer}: {list}");
    }
    let (parts, _) = read(&world, &device_path(1), &[("Prefer", "odata.maxpagesize=2")]).await;
    assert!(!parts.headers.contains_key("preference-applied"), "one entity has no pages");
}

#[tokio::test]
async fn an_item_of_a_batch_has_a_format_of_its_own() {
    let world = World::new().await;
    let token = world.token();
    let item = |id: &str, url: &str, headers: Value| json!({"id": id, "method": "GET", "url": url, "headers": headers});
    let devices = "/deviceManagement/managedDevices";
    let body = json!({"requests": [
        item("none", devices, json!({"Accept": "application/json;odata.metadata=none"})),
        item("texts", devices, json!({"Accept": "application/json;IEEE754Compatible=true"})),
        item("small", devices, json!({"Prefer": "odata.maxpagesize=1"})),
        item("xml", devices, json!({"Accept": "application/xml"})),
        item("old", devices, json!({"OData-MaxVersion": "3.0"})),
        item("plain", devices, json!({})),
        item("raw", &format!("{devices}/{}/deviceName/$value", device(1)), json!({})),
    ]});
    let request = Request::post("/beta/$batch")
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .header("Accept", "application/json;odata.metadata=none");
    let (response, answer) = world.send(request.body(Body::from(body.to_string())).expect("a request")).await;
    assert_eq!(response.headers()["content-type"], of("none", false));
    let found = |id: &str| {
        let items = answer["responses"].as_array().expect("items");
        items.iter().find(|item| item["id"] == id).expect("an item")
    };
    for (id, status) in
        [("none", 200), ("texts", 200), ("small", 200), ("xml", 406), ("old", 400), ("plain", 200), ("raw", 200)]
    {
        assert_eq!(found(id)["status"], status, "{}", found(id));
    }
    assert_eq!(found("none")["body"].get("@odata.context"), None);
    assert_eq!(found("none")["headers"]["Content-Type"], of("none", false));
    assert_eq!(found("texts")["body"]["@odata.count"], "2");
    assert_eq!(found("small")["headers"]["Preference-Applied"], "odata.maxpagesize=1");
    assert!(found("small")["body"]["@odata.nextLink"].is_string());
    assert_eq!(
        found("plain")["headers"]["Content-Type"],
        of("minimal", false),
        "the format around it is not inherited"
    );
    assert_eq!(found("raw")["body"], "D1");
}

#[tokio::test]
async fn a_secret_is_shown_in_every_form() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, "a\"quoted\\passcode").await;
    let select = format!("{}?$select=deviceActionResults", device_path(1));
    for (metadata, of_type, started) in [
        ("none", Value::Null, Value::Null),
        ("minimal", json!("#microsoft.graph.resetPasscodeActionResult"), Value::Null),
        ("full", json!("#microsoft.graph.resetPasscodeActionResult"), json!("#DateTimeOffset")),
    ] {
        let accept = format!("application/json;odata.metadata={metadata}");
        let (parts, single) = read(&world, &select, &[("Accept", &accept)]).await;
        assert_eq!(parts.headers["cache-control"], "no-store");
        let result = &single["deviceActionResults"][0];
        assert_eq!(result["passcode"], "a\"quoted\\passcode", "{single}");
        assert_eq!((&result["@odata.type"], &result["startDateTime@odata.type"]), (&of_type, &started), "{single}");
    }
    let (_, application) = world.call(&token, "POST", "/v1.0/applications", r#"{"displayName":"x"}"#).await;
    let path = format!("/v1.0/applications/{}/addPassword", application["id"].as_str().expect("an id"));
    let request = Request::post(&path).header("Authorization", format!("Bearer {token}"));
    let request = request.header("Accept", "application/json;odata.metadata=full").body(Body::empty());
    let (response, answer) = world.send(request.expect("a request")).await;
    assert_eq!(response.headers()["content-type"], of("full", false), "{answer}");
    assert!(answer["secretText"].is_string() && answer["keyId@odata.type"] == "#Guid", "{answer}");
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_a_body_that_does_not_come() {
    let world = World::new().await;
    let begun = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes::Bytes::from_static(b"{"))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(begun, futures_util::stream::pending()));
    let request = Request::patch(device_path(1)).header("Content-Type", "application/json").body(body);
    let sent = world.send(request.expect("a request"));
    let (response, answer) = tokio::time::timeout(std::time::Duration::from_secs(15), sent).await.expect("an answer");
    assert_eq!((response.status().as_u16(), &answer["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
}
