//! `@odata.etag` and `If-Match`.

use super::*;

impl World {
    async fn change(&self, method: &str, path: &str, tag: &str, body: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("If-Match", tag);
        let request = request.header("Authorization", format!("Bearer {}", self.token()));
        let request = request.header("Content-Type", "application/json");
        let (response, answer) = self.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
        (response.status().as_u16(), answer)
    }

    /// The tag of an entity, from its body and from the header alike.
    async fn tag(&self, path: &str) -> String {
        let request = Request::get(path).header("Authorization", format!("Bearer {}", self.token()));
        let (response, answer) = self.send(request.body(Body::empty()).expect("a request")).await;
        let tag = answer["@odata.etag"].as_str().unwrap_or_else(|| panic!("{path}: {answer}")).to_owned();
        assert_eq!(response.headers()["etag"], tag.as_str(), "{path}");
        tag
    }
}

/// An entity of every kind that callers can change, and a change.
async fn entities(world: &World) -> Vec<(String, &'static str)> {
    let token = world.token();
    let (_, application) = world.call(&token, "POST", "/v1.0/applications", "{\"displayName\":\"desk\"}").await;
    let role = "deviceManagement/roleDefinitions";
    let (_, roles) = world.call(&token, "GET", &format!("/beta/{role}"), "").await;
    let role = format!("{BASE}/beta/{role}('{}')", roles["value"][0]["id"].as_str().expect("a role"));
    let body = json!({"roleDefinition@odata.bind": role, "members": ["somebody"], "scopeType": "allDevices"});
    let assignments = "/beta/deviceManagement/roleAssignments";
    let (_, assignment) = world.call(&token, "POST", assignments, &body.to_string()).await;
    let text = |of: &Value| of["id"].as_str().unwrap_or_else(|| panic!("{of}")).to_owned();
    vec![
        (device_path(1), "{\"notes\":\"x\"}"),
        ("/v1.0/users/ana@example.org".to_owned(), "{\"jobTitle\":\"x\"}"),
        (format!("/beta/deviceManagement/deviceHealthScripts/{}", id(0xc0, 1)), "{\"description\":\"x\"}"),
        (format!("/v1.0/applications/{}", text(&application)), "{\"displayName\":\"other\"}"),
        (format!("{assignments}/{}", text(&assignment)), "{\"displayName\":\"x\"}"),
    ]
}

#[tokio::test]
async fn an_entity_changes_and_ends_only_as_its_caller_has_read_it() {
    let world = World::new().await;
    for (path, body) in entities(&world).await {
        let read = world.tag(&path).await;
        assert_eq!(world.tag(&path).await, read, "reading changes nothing");
        let (status, answer) = world.change("PATCH", &path, &read, body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        let since = world.tag(&path).await;
        assert_ne!(since, read, "{path}");
        // What was read before the change, what was never a tag, and what is none.
        for stale in [read.as_str(), "W/\"0\"", "\"\"", "nonsense"] {
            for (method, body) in [("PATCH", body), ("DELETE", "")] {
                let (status, answer) = world.change(method, &path, stale, body).await;
                assert_eq!((status, &answer["error"]["code"]), (412, &json!("PreconditionFailed")), "{method} {path}");
            }
        }
        assert_eq!(world.tag(&path).await, since, "nothing was done");
        // One of several, written as a strong tag, and any.
        let strong = format!("\"0\", {}", since.trim_start_matches("W/"));
        assert!(world.change("PATCH", &path, &strong, body).await.0 < 300, "{path}");
        assert!(world.change("PATCH", &path, "*", body).await.0 < 300, "{path}");
        let last = world.tag(&path).await;
        assert_eq!(world.change("DELETE", &path, &last, "").await.0, 204, "{path}");
    }
}

#[tokio::test]
async fn of_two_changes_of_what_was_read_once_one_is_made() {
    let world = World::new().await;
    for (path, body) in entities(&world).await {
        let tag = world.tag(&path).await;
        let both = [world.change("PATCH", &path, &tag, body), world.change("PATCH", &path, &tag, body)];
        let mut statuses: Vec<_> =
            futures_util::future::join_all(both).await.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        assert!(statuses[0] < 300 && statuses[1] == 412, "{path}: {statuses:?}");
    }
}

#[tokio::test]
async fn what_a_device_reports_is_no_conflict_and_an_action_minds_the_tag() {
    let world = World::new().await;
    let (token, tag) = (world.token(), world.tag(&device_path(1)).await);
    world
        .store
        .write(|unit| {
            let mut row = unit.device(tenant(1), device(1))?.expect("a device");
            row.inventory.set(InventoryField::DEVICE_NAME, Some("renamed".into()));
            Ok(unit.update_device(&row)?)
        })
        .await
        .expect("written");
    let recover = format!("{}/recoverPasscode", device_path(1));
    assert_eq!(world.change("POST", &recover, &tag, "").await.0, 204);
    world.call(&token, "PATCH", &device_path(1), "{\"notes\":\"somebody works on it\"}").await;
    let (status, answer) = world.change("POST", &recover, &tag, "").await;
    assert_eq!(status, 412, "{answer}");
    // Items of a batch say it themselves.
    let url = device_path(1);
    let item = |id: &str, tag: &str| {
        json!({"id": id, "method": "PATCH", "url": url, "headers": {"If-Match": tag, "Content-Type": "application/json"},
            "body": {"notes": "x"}})
    };
    let now = world.tag(&url).await;
    let body = json!({"requests": [item("1", &tag), item("2", &now)]}).to_string();
    let (_, answer) = world.call(&token, "POST", "/beta/$batch", &body).await;
    let statuses: Vec<_> =
        answer["responses"].as_array().expect("answers").iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [&json!(412), &json!(200)], "{answer}");
    assert_eq!(answer["responses"][1]["headers"]["ETag"], answer["responses"][1]["body"]["@odata.etag"]);
}

#[tokio::test]
async fn two_changes_of_different_properties_of_an_assignment_both_stay() {
    let world = World::new().await;
    let token = world.token();
    let (path, _) = entities(&world).await.pop().expect("an assignment");
    for round in 0..8 {
        let name = json!({"displayName": format!("name {round}")}).to_string();
        let about = json!({"description": format!("about {round}")}).to_string();
        let both = [world.call(&token, "PATCH", &path, &name), world.call(&token, "PATCH", &path, &about)];
        futures_util::future::join_all(both).await;
        let (_, answer) = world.call(&token, "GET", &path, "").await;
        let expected = (json!(format!("name {round}")), json!(format!("about {round}")));
        assert_eq!((answer["displayName"].clone(), answer["description"].clone()), expected);
    }
}

#[tokio::test]
async fn an_item_of_a_list_has_the_tag_of_the_entity_alone() {
    let world = World::new().await;
    let token = world.token();
    for (path, _) in entities(&world).await {
        let path = match path.strip_prefix("/v1.0/users/") {
            Some(_) => format!("/v1.0/users/{}", id(0xa, 1)),
            None => path,
        };
        let (set, key) = path.rsplit_once('/').expect("a path");
        for query in ["", "?$top=1000&$orderby=id"] {
            let (_, list) = world.call(&token, "GET", &format!("{set}{query}"), "").await;
            let items = list["value"].as_array().unwrap_or_else(|| panic!("{set}: {list}"));
            let item = items.iter().find(|item| item["id"] == key).unwrap_or_else(|| panic!("{key}: {list}"));
            assert_eq!(item["@odata.etag"], world.tag(&path).await, "{set}{query}");
            let first = item.as_object().and_then(|item| item.keys().next());
            assert_eq!(first.map(String::as_str), Some("@odata.etag"), "{item}");
        }
    }
    // A caller that names properties gets these alone.
    let set = "/beta/deviceManagement/managedDevices";
    let (_, list) = world.call(&token, "GET", &format!("{set}?$top=1&$select=id,model"), "").await;
    let names: Vec<_> = list["value"][0].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "model"]);
    // And so has an entity that is expanded.
    let path = format!("{}?$expand=users", device_path(1));
    let (_, answer) = world.call(&token, "GET", &path, "").await;
    assert_eq!(answer["users"][0]["@odata.etag"], world.tag("/beta/users/ana@example.org").await, "{answer}");
    // What callers cannot change has none.
    let (_, events) = world.call(&token, "GET", "/v1.0/deviceManagement/roleDefinitions", "").await;
    assert_eq!(events["value"][0].get("@odata.etag"), None, "{events}");
}

#[test]
fn the_openapi_document_names_if_match_where_it_is_minded_and_nowhere_else() {
    let document: Value = serde_json::from_str(&chaveiro_graph::openapi_json()).expect("JSON");
    let mut minded = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let Some(responses) = operation["responses"].as_object() else { continue };
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named =
                parameters.iter().any(|parameter| parameter["name"] == "If-Match" && parameter["in"] == "header");
            let changes = match method.as_str() {
                "patch" => true,
                "delete" => !path.ends_with("/$ref"),
                // Remote actions and operations: the last segment is no set, and no key.
                "post" => !path.ends_with("/$ref") && !path.ends_with("/$batch") && !responses.contains_key("201"),
                _ => false,
            };
            assert_eq!((named, responses.contains_key("412")), (changes, changes), "{method} {path}");
            minded += usize::from(changes);
        }
    }
    assert!(minded > 20, "{minded}");
    let read = &document["paths"]["/beta/deviceManagement/managedDevices/{managedDeviceId}"]["get"];
    assert!(read["responses"]["200"]["headers"]["ETag"].is_object(), "{read}");
}
