//! The Graph face on a real store, called without a network: the seven URLs, and everything that goes wrong on
//! the way to them.

mod audit;
mod batch;
mod errors;
mod face;
mod formats;
mod kinds;
mod primary_user;
mod properties;
mod reading;
mod retired;
mod tags;
mod transport;
mod userinfo;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use chaveiro_core::action::ActionState;
use chaveiro_core::command::Receipt;
use chaveiro_core::device::{InventoryField, ManagementState};
use chaveiro_core::engine::{Answer, Value as PasscodeValue, receive, sent};
use chaveiro_core::id::{EnrollmentId, SecretId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Clock, Entropy, Scope};
use chaveiro_core::scope_tag;
use chaveiro_core::secret::Passcode;
use chaveiro_core::tenant::{Licence, Tenant};
use chaveiro_graph::model::DOCUMENTED;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::world::{BASE, OWN, World, device, filled, id, person, tenant};

const PLANTED: &str = "PLANTED-5309";

impl World {
    /// The device does what it was asked and reports that passcode.
    async fn carry_out(&self, number: u64, passcode: &str) {
        let (keyring, now) = (Arc::clone(&self.keyring), self.clock.now());
        let passcode = Zeroizing::new(passcode.to_owned());
        let secret = SecretId(self.entropy.uuid());
        let work = self.store.write(move |unit| {
            let delivery = unit.next_delivery(EnrollmentId(id(0xe, number)))?.expect("a delivery");
            let seq = delivery.seq;
            sent(
                unit,
                delivery,
                Receipt { message: format!("session {} message {}", "1".to_owned(), 1), first: 2 },
                now,
            )?;
            let delivery = unit.delivery(seq)?.expect("the delivery");
            let passcode = Passcode::new(passcode.clone()).expect("a passcode");
            let answer = Answer {
                statuses: vec![Some(200), Some(200)],
                value: Some(PasscodeValue::Passcode(passcode)),
                report: None,
                complete: true,
            };
            receive(unit, keyring.as_ref(), delivery, answer, secret, now)
        });
        work.await.expect("carried out");
    }

    async fn audit_count(&self) -> usize {
        self.store.read(|view| Ok(view.unchained_events(10_000)?.len())).await.expect("read")
    }
}

fn device_path(number: u64) -> String {
    format!("/beta/deviceManagement/managedDevices/{}", device(number).0)
}

#[tokio::test]
async fn every_documented_url_recovers_the_passcode_and_it_can_be_read_back() {
    let world = World::new().await;
    let token = world.token();
    for (round, documented) in DOCUMENTED.iter().enumerate() {
        let path = format!("/beta{}", filled(documented.template, OWN));
        let (status, answer) = world.call(&token, "POST", &path, "").await;
        assert_eq!((status, answer), (204, Value::Null), "{path}");
        let passcode = format!("{PLANTED}-{round}");
        world.carry_out(1, &passcode).await;
        let (_, seen) = world.call(&token, "GET", &format!("{}?$select=deviceActionResults", device_path(1)), "").await;
        assert_eq!(seen["deviceActionResults"][0]["passcode"], passcode, "{seen}");
        assert_eq!(seen["deviceActionResults"][0]["actionState"], "done");
    }
    assert_eq!(DOCUMENTED.len(), 10, "seven of the beta page, three of v1.0");
}

#[tokio::test]
async fn a_unit_of_work_tells_the_device_that_it_is_about() {
    let world = World::new().await;
    let (one, about) = (device_path(1), Scope::Device(tenant(1), device(1)));
    for (method, path, body, scope) in [
        ("POST", format!("{one}/recoverPasscode"), String::new(), about),
        ("GET", format!("{one}?$select=deviceActionResults"), String::new(), about),
        ("PATCH", one.clone(), r#"{"notes": "lost"}"#.to_owned(), about),
        (
            "POST",
            "/beta/users".to_owned(),
            r#"{"userPrincipalName": "new@x", "displayName": "New"}"#.to_owned(),
            Scope::Whole,
        ),
        ("DELETE", one.clone(), String::new(), about),
    ] {
        let (status, answer) = world.call(&world.token(), method, &path, &body).await;
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
        assert_eq!(world.meanwhile.last_scope(), scope, "{method} {path}");
    }
}

#[tokio::test]
async fn a_broken_link_at_any_hop_of_any_url_is_not_found() {
    let world = World::new().await;
    let token = world.token();
    let before = world.audit_count().await;
    for documented in DOCUMENTED {
        let path = format!("/beta{}", filled(documented.template, OWN));
        let segments: Vec<&str> = path.split('/').collect();
        for (index, segment) in segments.iter().enumerate() {
            if Uuid::try_parse(segment).is_err() {
                continue;
            }
            // Unknown; of the other tenant; and, for devices, one that is there but not linked.
            let mut others =
                vec![id(0xff, 9), Uuid::from_u64_pair(Uuid::parse_str(segment).expect("a key").as_u64_pair().0, 2)];
            if segment.starts_with("000000de") || *segment == device(1).to_string() {
                others.push(device(4).0);
            }
            for other in others {
                let mut broken = segments.clone();
                let other = other.to_string();
                broken[index] = &other;
                let broken = broken.join("/");
                let direct = index == 4 && other == device(4).to_string();
                let (status, answer) = world.call(&token, "POST", &broken, "").await;
                assert_eq!(status, if direct { 204 } else { 404 }, "{broken}: {answer}");
            }
        }
    }
    assert!(world.audit_count().await >= before, "only real devices leave a trace");
}

#[tokio::test]
async fn any_spelling_of_the_action_and_any_body_is_accepted() {
    let world = World::new().await;
    let token = world.token();
    let key = device(1).to_string();
    for path in [
        format!("/beta/deviceManagement/managedDevices/{key}/recoverPasscode"),
        format!("/v1.0/deviceManagement/managedDevices/{key}/recoverPasscode"),
        format!("/beta/deviceManagement/managedDevices('{key}')/microsoft.graph.recoverPasscode"),
        format!("/BETA/DEVICEmanagement/MANAGEDdevices/{}/RECOVERpasscode", key.to_uppercase()),
        format!("/beta/deviceManagement/managedDevices(%27{key}%27)/recoverPasscode"),
        format!("/beta/users/ana@example.org/managedDevices/{key}/recoverPasscode"),
        format!("/beta/users('ana%40example.org')/managedDevices/{key}/recoverPasscode"),
    ] {
        assert_eq!(world.call(&token, "POST", &path, "").await.0, 204, "{path}");
    }
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"{}").expect("compressed");
        encoder.finish().expect("compressed")
    };
    let bodies: [(&str, &str, Vec<u8>); 6] = [
        ("application/json", "", b"{}".to_vec()),
        ("application/json", "", b"null".to_vec()),
        ("application/json", "gzip", gzip),
        ("text/plain", "", b"hello".to_vec()),
        ("application/x-www-form-urlencoded", "", b"a=b".to_vec()),
        ("application/json", "", b"{ not json".to_vec()),
    ];
    for (content_type, encoding, body) in bodies {
        let mut request = Request::post(format!("{}/recoverPasscode", device_path(1)))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", content_type);
        if !encoding.is_empty() {
            request = request.header("Content-Encoding", encoding);
        }
        let (response, _) = world.send(request.body(Body::from(body)).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{content_type} {encoding}");
    }
}

#[tokio::test]
async fn a_repeat_is_one_recovery_and_each_is_in_the_record() {
    let world = World::new().await;
    let token = world.token();
    let ask = |request_id: &'static str| {
        let request = Request::post(format!("{}/recoverPasscode", device_path(1)))
            .header("Authorization", format!("Bearer {token}"))
            .header("client-request-id", request_id);
        request.body(Body::empty()).expect("a request")
    };
    let before = world.audit_count().await;
    for (request_id, records) in [("one", 1), ("one", 2), ("two", 3), ("two", 4), ("one", 5)] {
        let (response, _) = world.send(ask(request_id)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()["client-request-id"], request_id);
        assert_eq!(world.audit_count().await - before, records, "{request_id}");
    }
    let deliveries = world.store.read(|view| {
        let action = view.open_action(tenant(1), device(1), "recoverPasscode")?.expect("open");
        assert_eq!(action.state, ActionState::Pending);
        Ok(view.deliveries(action.id)?.len())
    });
    assert_eq!(deliveries.await.expect("read"), 1, "one command");
}

#[tokio::test]
async fn a_passcode_is_shown_to_its_first_reader_alone_within_the_window() {
    let world = World::new().await;
    let (token, select) = (world.token(), format!("{}?$select=deviceActionResults", device_path(1)));
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    let shown = |answer: &Value| answer["deviceActionResults"][0]["passcode"].as_str().map(str::to_owned);

    // Not in lists, not without naming it, not without the permission.
    let (_, listed) = world.call(&token, "GET", "/beta/deviceManagement/managedDevices", "").await;
    assert!(!listed.to_string().contains(PLANTED));
    let (_, unnamed) = world.call(&token, "GET", &device_path(1), "").await;
    assert_eq!(
        (shown(&unnamed), &unnamed["deviceActionResults"][0]["chaveiro_passcodeWithheld"]),
        (None, &json!("notSelected"))
    );
    let reader = world.token_for(tenant(1), &[Permission::ManagedDevicesReadAll]);
    let (_, unprivileged) = world.call(&reader, "GET", &select, "").await;
    assert_eq!(unprivileged["deviceActionResults"][0]["chaveiro_passcodeWithheld"], "missingPermission");

    let before = world.audit_count().await;
    let (_, first) = world.call(&token, "GET", &select, "").await;
    assert_eq!(shown(&first).as_deref(), Some(PLANTED));
    assert_eq!(world.audit_count().await, before + 1, "seen means recorded");
    assert_eq!(
        shown(&world.call(&token, "GET", &select, "").await.1).as_deref(),
        Some(PLANTED),
        "again, within the window"
    );
    world.clock.0.fetch_add(16 * 60, Ordering::SeqCst);
    let (_, late) = world.call(&token, "GET", &select, "").await;
    assert_eq!(
        (shown(&late), &late["deviceActionResults"][0]["chaveiro_passcodeWithheld"]),
        (None, &json!("windowOver"))
    );
}

#[tokio::test]
#[expect(clippy::type_complexity, reason = "one row is one refusal, read as a table")]
async fn every_refusal_has_its_status_code_and_a_text_that_helps() {
    let world = World::new().await;
    let (all, none) = (world.token(), world.token_for(tenant(1), &[]));
    let read_write = world.token_for(tenant(1), &[Permission::ManagedDevicesReadWriteAll]);
    let recover = |number| format!("{}/recoverPasscode", device_path(number));
    let long = format!("/beta/{}", "a".repeat(9000));
    let hops = format!("/beta/deviceManagement{}", "/managedDevices/x/users/a".repeat(25));
    let devices = "/beta/deviceManagement/managedDevices";
    let scripts = "/beta/deviceManagement/deviceHealthScripts";
    let table: Vec<(&str, &str, &str, String, &str, u16, &str, &str)> = vec![
        ("no token", "", "POST", recover(1), "", 401, "InvalidAuthenticationToken", "empty"),
        ("garbage", "garbage", "POST", recover(1), "", 401, "InvalidAuthenticationToken", "well formed"),
        ("no permission", &none, "POST", recover(1), "", 403, "Forbidden", "PrivilegedOperations.All"),
        ("ReadWrite.All only", &read_write, "POST", recover(1), "", 403, "Forbidden", "PrivilegedOperations.All"),
        ("unknown device", &all, "POST", recover(99), "", 404, "ResourceNotFound", "managedDevices"),
        ("foreign device", &all, "POST", recover(2), "", 404, "ResourceNotFound", "managedDevices"),
        ("retired device", &all, "POST", recover(3), "", 400, "BadRequest", "enroll again"),
        ("no GUID", &all, "POST", format!("{devices}/ana-lt1/recoverPasscode"), "", 400, "InternalError", "GUID"),
        (
            "unknown segment",
            &all,
            "POST",
            format!("{devices}/{}/resetEverything", device(1)),
            "",
            400,
            "BadRequest",
            "resetEverything",
        ),
        ("wrong verb", &all, "GET", recover(1), "", 400, "No method match route template", "http verb GET"),
        ("wrong version", &all, "GET", "/v2.0/users".into(), "", 404, "ResourceNotFound", "v2.0"),
        ("path too long", &all, "GET", long, "", 414, "RequestUriTooLong", "bytes"),
        ("fifty hops", &all, "POST", hops, "", 400, "BadRequest", "8"),
        ("filter", &all, "GET", format!("{devices}?$filter=modle%20eq%20'x'"), "", 400, "BadRequest", "$filter"),
        ("select of nothing known", &all, "GET", format!("{devices}?$select=nope"), "", 400, "BadRequest", "nope"),
        ("negative top", &all, "GET", format!("{devices}?$top=-1"), "", 400, "BadRequest", "'-1'"),
        ("malformed JSON", &all, "POST", scripts.into(), "{", 400, "BadRequest", "JSON"),
        ("a list", &all, "POST", scripts.into(), "[]", 400, "BadRequest", "JSON"),
        (
            "unknown property",
            &all,
            "POST",
            scripts.into(),
            "{\"displayName\":\"x\",\"nope\":1}",
            400,
            "BadRequest",
            "nope",
        ),
        ("wrong type", &all, "POST", scripts.into(), "{\"displayName\":7}", 400, "BadRequest", "displayName"),
        (
            "read-only property",
            &all,
            "POST",
            scripts.into(),
            "{\"id\":\"x\",\"displayName\":\"x\"}",
            400,
            "BadRequest",
            "read-only",
        ),
        (
            "foreign binding",
            &all,
            "POST",
            format!("{scripts}/{}/deviceRunStates", id(0xc0, 1)),
            &FOREIGN_BIND,
            404,
            "ResourceNotFound",
            "managedDevices",
        ),
        (
            "binding elsewhere",
            &all,
            "POST",
            format!("{scripts}/{}/deviceRunStates", id(0xc0, 1)),
            "{\"managedDevice@odata.bind\":\"https://evil.example/x\"}",
            400,
            "BadRequest",
            "odata.bind",
        ),
    ];
    for (what, token, method, path, body, status, code, word) in table {
        let (found, answer) = world.call(token, method, &path, body).await;
        let (found_code, text) =
            (answer["error"]["code"].as_str().unwrap_or("-"), answer["error"]["message"].as_str().unwrap_or("-"));
        assert_eq!((found, found_code), (status, code), "{what}: {answer}");
        assert!(text.contains(word), "{what}: {word} in {text}");
        assert!(answer["error"]["innerError"]["request-id"].is_string(), "{what}");
    }
    let large = format!("{{\"displayName\":\"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(world.call(&all, "POST", scripts, &large).await.0, 413);
}

static FOREIGN_BIND: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| json!({"managedDevice@odata.bind": format!("{BASE}{}", device_path(2))}).to_string());

#[tokio::test]
async fn a_tenant_without_licence_is_refused_before_anything_else() {
    let world = World::new().await;
    let token = world.token();
    let close = world.store.write(|unit| {
        let row = unit.tenant(tenant(1))?.expect("the tenant");
        Ok(unit.update_tenant(&Tenant { licence: Licence::Inactive, ..row })?)
    });
    close.await.expect("closed");
    for (method, path) in [
        ("POST", format!("{}/recoverPasscode", device_path(1))),
        ("GET", "/beta/users".into()),
        ("PUT", device_path(1)),
    ] {
        let (status, answer) = world.call(&token, method, &path, "").await;
        assert_eq!(status, 400, "{method} {path}");
        assert_eq!(answer["error"]["message"], "Request not applicable to target tenant.");
    }
    let foreign = world.token_for(tenant(99), &[Permission::UserReadAll]);
    assert_eq!(world.call(&foreign, "GET", "/beta/users", "").await.0, 400);
}

#[tokio::test]
async fn what_is_created_can_be_listed_read_changed_linked_and_deleted() {
    let world = World::new().await;
    let token = world.token();
    let (status, app) =
        world.call(&token, "POST", "/beta/deviceManagement/detectedApps", "{\"displayName\":\"Editor\"}").await;
    assert_eq!(status, 201, "{app}");
    let key = app["id"].as_str().expect("an id").to_owned();
    let path = format!("/beta/deviceManagement/detectedApps/{key}");
    assert_eq!(world.call(&token, "GET", &path, "").await.1["displayName"], "Editor");
    assert_eq!(world.call(&token, "PATCH", &path, "{\"version\":\"9.1\"}").await.1["version"], "9.1");

    let reference = json!({"@odata.id": format!("{BASE}{path}")}).to_string();
    let links = format!("{}/detectedApps/$ref", device_path(4));
    assert_eq!(world.call(&token, "POST", &links, &reference).await.0, 204);
    let recover = format!("{path}/managedDevices/{}/recoverPasscode", device(4));
    assert_eq!(world.call(&token, "POST", &recover, "").await.0, 204);
    assert_eq!(world.call(&token, "DELETE", &format!("{}/detectedApps/{key}/$ref", device_path(4)), "").await.0, 204);
    assert_eq!(world.call(&token, "POST", &recover, "").await.0, 404, "the link is gone");

    assert_eq!(world.call(&token, "DELETE", &path, "").await.0, 204);
    assert_eq!(world.call(&token, "GET", &path, "").await.0, 404);
    let twice = "{\"userPrincipalName\":\"Ana@Example.org\"}";
    let (status, answer) = world.call(&token, "POST", "/beta/users", twice).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("userPrincipalName")), "{answer}");

    assert_eq!(world.call(&token, "PATCH", &device_path(1), "{\"notes\":\"on loan\"}").await.1["notes"], "on loan");
    assert_eq!(world.call(&token, "DELETE", &device_path(1), "").await.0, 204);
    assert_eq!(world.call(&token, "GET", &device_path(1), "").await.1["managementState"], "retireIssued");
}

#[tokio::test]
async fn pages_hold_every_device_once() {
    let world = World::new().await;
    for number in 10..33 {
        world.add_device(1, number, ManagementState::Managed).await;
    }
    let token = world.token();
    let mut next = Some("/beta/deviceManagement/managedDevices?$top=7&$select=id".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let (status, page) = world.call(&token, "GET", &path, "").await;
        assert_eq!(status, 200, "{page}");
        let items = page["value"].as_array().expect("items");
        assert!(items.len() <= 7);
        seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(BASE).expect("ours").to_owned());
    }
    let unique: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (25, 25), "without the retired one");
}

#[tokio::test]
async fn the_wire_is_as_clients_know_it() {
    let world = World::new().await;
    let token = world.token();
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    let (_, device) = world.call(&token, "GET", &device_path(1), "").await;
    insta::assert_snapshot!("managed_device", pretty(&device));
    let (_, script) =
        world.call(&token, "GET", &format!("/beta/deviceManagement/deviceHealthScripts/{}", id(0xc0, 1)), "").await;
    insta::assert_snapshot!("health_script", pretty(&script));
    let (_, list) = world.call(&token, "GET", "/beta/users", "").await;
    insta::assert_snapshot!("users", pretty(&list));
    let (_, root) = world.call(&token, "GET", "/beta", "").await;
    insta::assert_snapshot!("service_document", pretty(&root));
    let (_, missing) = world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(99)), "").await;
    let text = pretty(&missing);
    let request_id = missing["error"]["innerError"]["request-id"].as_str().expect("an id");
    insta::assert_snapshot!("not_found", text.replace(request_id, "REQUEST"));
}
