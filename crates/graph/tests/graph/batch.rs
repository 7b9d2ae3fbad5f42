//! `$batch`: every item is a request of its own.

use super::*;

impl World {
    async fn batch(&self, token: &str, requests: Value) -> (u16, Value) {
        self.call(token, "POST", "/beta/$batch", &json!({"requests": requests}).to_string()).await
    }
}

fn of<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let items = answer["responses"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("{id} in {answer}"))
}

#[tokio::test]
async fn recoveries_in_a_batch_are_accepted_and_their_passcodes_read_back_in_one() {
    let world = World::new().await;
    let token = world.token();
    let relative = |number: u64| format!("/deviceManagement/managedDevices/{}", device(number));
    let (status, answer) = world
        .batch(
            &token,
            json!([
                {"id": "1", "method": "POST", "url": format!("{BASE}/beta{}/recoverPasscode", relative(1))},
                {"id": "2", "method": "post", "url": format!("v1.0{}/recoverPasscode", relative(4)), "body": null},
                {"id": "3", "method": "POST", "url": format!("{}/recoverPasscode", relative(99))},
                {"id": "4", "method": "POST", "url": format!("/beta{}/recoverPasscode", relative(3)),
                 "headers": {"Content-Type": "application/json"}, "body": {}},
            ]),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    for (id, status) in [("1", 204), ("2", 204), ("3", 404), ("4", 400)] {
        let item = of(&answer, id);
        assert_eq!(item["status"], status, "{item}");
        assert_eq!(item.get("body").is_some(), status != 204, "{item}");
        assert!(item["headers"]["request-id"].is_string(), "{item}");
        if status != 204 {
            assert_eq!(item["headers"]["Content-Type"], "application/json");
            assert!(item["body"]["error"]["code"].is_string(), "{item}");
        }
    }
    let ids: std::collections::BTreeSet<_> =
        ["1", "2", "3", "4"].iter().map(|id| of(&answer, id)["headers"]["request-id"].to_string()).collect();
    assert_eq!(ids.len(), 4, "each item is a request of its own");

    world.carry_out(1, "a\"quoted\\passcode").await;
    world.carry_out(4, PLANTED).await;
    let select = |number| format!("{}?$select=id,deviceActionResults", relative(number));
    let before = world.audit_count().await;
    let request = Request::post("/v1.0/$batch")
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .header("Accept-Encoding", "gzip");
    let body = json!({"requests": [
        {"id": "a", "method": "GET", "url": select(1)},
        {"id": "b", "method": "GET", "url": select(4)},
        {"id": "c", "method": "GET", "url": "/users/ana@example.org"},
    ]});
    let (response, answer) = world.send(request.body(Body::from(body.to_string())).expect("a request")).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("content-encoding"), "what may hold a passcode is never compressed");
    assert_eq!(of(&answer, "a")["body"]["deviceActionResults"][0]["passcode"], "a\"quoted\\passcode");
    assert_eq!(of(&answer, "b")["body"]["deviceActionResults"][0]["passcode"], PLANTED);
    assert_eq!(of(&answer, "c")["body"]["id"], id(0xa, 1).to_string());
    assert_eq!(world.audit_count().await - before, 2, "seen means recorded, each by itself");
}

#[tokio::test]
async fn items_for_one_device_under_one_request_id_are_one_recovery_however_they_are_numbered() {
    let world = World::new().await;
    let token = world.token();
    let item = |id: &str, headers: Value| {
        let url = format!("/deviceManagement/managedDevices/{}/recoverPasscode", device(1));
        json!({"id": id, "method": "POST", "url": url, "headers": headers})
    };
    // How many records a batch makes.
    let records = async |items: Vec<Value>| {
        let before = world.audit_count().await;
        let request = Request::post("/beta/$batch")
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json")
            .header("client-request-id", "0f0e0d0c-0000-4000-8000-000000000001");
        let body = json!({"requests": items}).to_string();
        let (_, answer) = world.send(request.body(Body::from(body)).expect("a request")).await;
        let responses = answer["responses"].as_array().expect("responses");
        assert!(responses.len() == items.len() && responses.iter().all(|item| item["status"] == 204), "{answer}");
        world.audit_count().await - before
    };
    assert_eq!(records(vec![item("1", json!({})), item("2", json!({}))]).await, 2, "one recovery, and a repeat");
    world.carry_out(1, PLANTED).await;
    assert_eq!(records(vec![item("1", json!({}))]).await, 1, "the batch again, after its answer was lost");
    assert_eq!(records(vec![item("another", json!({}))]).await, 1, "and numbered anew");
    let own = |id: &str| item(id, json!({"client-request-id": format!("{id} of its own")}));
    assert_eq!(records(vec![own("3"), own("4"), own("3 again")]).await, 3, "requests of their own, each recorded");
    let (_, single) = world.call(&token, "GET", &device_path(1), "").await;
    assert_eq!(single["deviceActionResults"].as_array().map(Vec::len), Some(2), "and yet one recovery at a time");
}

#[tokio::test]
async fn an_item_waits_for_those_it_depends_on_and_fails_with_them() {
    let world = World::new().await;
    let token = world.token();
    let good = "/users/ana@example.org";
    let (_, answer) = world
        .batch(
            &token,
            json!([
                {"id": "good", "method": "GET", "url": good},
                {"id": "bad", "method": "GET", "url": "/users/nobody@example.org"},
                {"id": "after good", "method": "GET", "url": good, "dependsOn": ["good"]},
                {"id": "after bad", "method": "GET", "url": good, "dependsOn": ["good", "bad"]},
                {"id": "after that", "method": "GET", "url": good, "dependsOn": ["after bad"]},
            ]),
        )
        .await;
    for (id, status) in [("good", 200), ("bad", 404), ("after good", 200), ("after bad", 424), ("after that", 424)] {
        assert_eq!(of(&answer, id)["status"], status, "{id}: {answer}");
    }
    assert_eq!(of(&answer, "after bad")["body"]["error"]["code"], "FailedDependency");
}

#[tokio::test]
async fn a_batch_that_does_not_hold_together_is_refused_whole() {
    let world = World::new().await;
    let token = world.token();
    let item = |id: &str| json!({"id": id, "method": "GET", "url": "/users"});
    let many: Vec<_> = (0..21).map(|number| item(&number.to_string())).collect();
    let later = json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}, item("2")]);
    let itself = json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["1"]}]);
    for (body, word) in [
        (json!({"requests": many}), "maximum is 20"),
        (json!({"requests": [item("1"), item("1")]}), "Duplicate request Id 1"),
        (json!({"requests": later}), "Invalid dependency for request Id 1"),
        (json!({"requests": itself}), "Invalid dependency for request Id 1"),
        (json!({"requests": [item("")]}), "1 to 256"),
        (json!({"requests": []}), "Invalid batch payload format: 'requests' is empty"),
        (json!({"requests": [item("1"), {"id": 1, "method": "GET", "url": "/users"}]}), "Duplicate request Id 1"),
        (
            json!({"requests": [{"id": "1", "url": "/users"}]}),
            "Invalid batch payload format: 'requests[0].method' is missing",
        ),
        (json!({"responses": []}), "Invalid batch payload format: 'requests' is missing"),
        (json!([]), "valid JSON"),
    ] {
        let (status, answer) = world.call(&token, "POST", "/v1.0/$batch", &body.to_string()).await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains(word), "{word}: {answer}");
    }
    let deep = format!("{{\"requests\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(world.call(&token, "POST", "/v1.0/$batch", &deep).await.0, 400);
    let large = format!("{{\"requests\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(world.call(&token, "POST", "/v1.0/$batch", &large).await.0, 413);
    assert_eq!(world.call("", "POST", "/v1.0/$batch", "{}").await.0, 401);
    let (status, answer) = world.call(&token, "GET", "/v1.0/$batch", "").await;
    assert_eq!((status, &answer["error"]["code"]), (405, &json!("Request_BadRequest")));
}

#[tokio::test]
async fn a_number_is_as_good_an_id_as_its_text() {
    let world = World::new().await;
    let token = world.token();
    let requests = json!([
        {"id": 1, "method": "GET", "url": "/users"},
        {"id": 20, "method": "GET", "url": "/users/ana@example.org", "dependsOn": [1]},
        {"id": "3", "method": "GET", "url": "/users", "dependsOn": ["20", 1]},
    ]);
    let (status, answer) = world.batch(&token, requests).await;
    let ids: Vec<_> =
        answer["responses"].as_array().expect("responses").iter().map(|item| item["id"].clone()).collect();
    assert_eq!((status, ids), (200, ["1", "20", "3"].map(Value::from).to_vec()), "as production answers");
    assert!(answer["responses"].as_array().is_some_and(|items| items.iter().all(|item| item["status"] == 200)));
}

#[tokio::test]
async fn an_item_that_is_none_fails_alone() {
    let world = World::new().await;
    let token = world.token();
    for (item, status, word) in [
        (
            json!({"method": "POST", "url": "/$batch", "headers": {"Content-Type": "application/json"}, "body": {}}),
            400,
            "another batch",
        ),
        (json!({"method": "GET", "url": "https://evil.example/users"}), 400, "relative"),
        (json!({"method": "GET", "url": format!("{BASE}0/beta/users")}), 400, "relative"),
        (json!({"method": "GET", "url": "//evil.example/users"}), 400, "relative"),
        (json!({"method": "BREW", "url": "/users"}), 400, "method"),
        (json!({"method": "GET", "url": "/users", "headers": {"a b": "c"}}), 400, "a b"),
        (json!({"method": "GET", "url": "/users", "headers": {"Authorization": "Bearer x"}}), 401, "well formed"),
        (json!({"method": "PATCH", "url": "/users/ana@example.org", "body": {"jobTitle": "x"}}), 400, "Content-Type"),
        (
            json!({"method": "POST", "url": "/users", "headers": {"Content-Type": "image/png"}, "body": "%"}),
            400,
            "base64",
        ),
        (json!({"method": "GET", "url": "/nothing here"}), 400, "nothing here"),
    ] {
        let mut item = item;
        item["id"] = json!("x");
        let (outer, answer) = world.batch(&token, json!([item, {"id": "y", "method": "GET", "url": "/users"}])).await;
        assert_eq!((outer, &of(&answer, "y")["status"]), (200, &json!(200)), "{answer}");
        let found = of(&answer, "x");
        let text = found["body"]["error"]["message"].as_str().unwrap_or_default();
        assert!(found["status"] == status && text.contains(word), "{item}: {found}");
    }
}

#[tokio::test]
async fn an_item_can_act_for_another_caller_and_speak_other_types() {
    let world = World::new().await;
    let token = world.token();
    let other = world.token_for(tenant(2), &[Permission::ManagedDevicesReadAll]);
    let url = format!("/deviceManagement/managedDevices/{}", device(2));
    let (_, answer) = world
        .batch(
            &token,
            json!([
                {"id": "ours", "method": "GET", "url": url},
                {"id": "theirs", "method": "GET", "url": url, "headers": {"authorization": format!("Bearer {other}")}},
                {"id": "xml", "method": "GET", "url": "/$metadata"},
            ]),
        )
        .await;
    assert_eq!((&of(&answer, "ours")["status"], &of(&answer, "theirs")["status"]), (&json!(404), &json!(200)));
    let xml = of(&answer, "xml")["body"].as_str().expect("text");
    let xml = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, xml).expect("base64");
    assert!(String::from_utf8(xml).is_ok_and(|xml| xml.starts_with("<?xml")));
}
