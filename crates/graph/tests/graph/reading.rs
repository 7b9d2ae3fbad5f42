//! The ceiling of reading at the API, and what the record says of a caller.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use chaveiro_core::Refusal;
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::change_tenant;
use chaveiro_core::reading::ReadingRule;
use chaveiro_graph::render::date_time;

use super::*;

/// A device whose passcode waits to be read.
async fn recovered(world: &World, token: &str, number: u64) {
    let (status, answer) = world.call(token, "POST", &format!("{}/recoverPasscode", device_path(number)), "").await;
    assert_eq!(status, 204, "{answer}");
    world.carry_out(number, &format!("{PLANTED}-{number}")).await;
}

/// A world in which devices 1 and 10 to 19 have passcodes, and one caller may read three within an hour.
async fn waiting(token: impl Fn(&World) -> String) -> (World, String) {
    let world = World::new().await;
    let token = token(&world);
    recovered(&world, &token, 1).await;
    for number in 10..18 {
        world.add_device(1, number, ManagementState::Managed).await;
        recovered(&world, &token, number).await;
    }
    let by = Actor::operator(&person());
    let ask = change_tenant::Ask { by, tenant: tenant(1), at: world.clock.now(), about: id(0xff, 1) };
    let change = move |tenant: &mut Tenant| {
        tenant.settings.reading = ReadingRule { passcodes: 0, by_caller: 3, percent: 0, window_s: 3600 };
        Ok::<(), Refusal>(())
    };
    world.store.write(move |unit| change_tenant::change(unit, &ask, change)).await.expect("changed");
    (world, token)
}

fn show(number: u64) -> String {
    format!("{}?$select=deviceActionResults", device_path(number))
}

fn seen(answer: &Value) -> (bool, Option<&str>) {
    let result = &answer["deviceActionResults"][0];
    (result["passcode"].is_string(), result["chaveiro_passcodeWithheld"].as_str())
}

async fn alerts(world: &World) -> Vec<&'static str> {
    let alerts = world.store.read(|view| Ok(view.alerts(100)?)).await.expect("read");
    alerts.iter().map(|alert| alert.news.name()).collect()
}

#[tokio::test]
async fn the_sender_of_alerts_is_woken_for_an_alert_and_for_nothing_else() {
    let (world, token) = waiting(|world| world.token()).await;
    let mut steps = Vec::new();
    let recovers = |number| (("POST", format!("{}/recoverPasscode", device_path(number))), 204);
    let shows = |number| (("GET", show(number)), 200);
    for ((method, path), status) in [shows(1), shows(1), recovers(1), shows(10), shows(11), shows(12), shows(13)] {
        let before = (world.heard.0.load(Ordering::SeqCst), alerts(&world).await.len() as u64);
        let (found, answer) = world.call(&token, method, &path, "").await;
        assert_eq!(found, status, "{answer}");
        let rung = world.heard.0.load(Ordering::SeqCst) - before.0;
        let raised = alerts(&world).await.len() as u64 - before.1;
        assert_eq!(rung, raised.min(1), "{method} {path}");
        steps.push(rung);
    }
    assert!(steps.contains(&0) && steps.contains(&1), "{steps:?}");
}

#[tokio::test]
async fn readers_learn_who_asked_who_read_first_and_until_when() {
    let world = World::new().await;
    let token = world.token();
    let facts = |answer: &Value| {
        let names = ["FirstReadBy", "FirstReadDateTime", "ReadableUntilDateTime", "SealedDateTime"];
        let result = &answer["deviceActionResults"][0];
        names.map(|name| result[format!("chaveiro_passcode{name}")].as_str().map(str::to_owned))
    };
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    let (_, asked) = world.call(&token, "GET", &device_path(1), "").await;
    assert_eq!(asked["deviceActionResults"][0]["chaveiro_requestedBy"], "ana");
    assert_eq!((facts(&asked), &asked["chaveiro_connected"]), ([None, None, None, None], &Value::Null));
    world.carry_out(1, PLANTED).await;
    let sealed = Some(date_time(world.clock.now()));
    let (_, first) = world.call(&token, "GET", &show(1), "").await;
    let read = Some(date_time(world.clock.now()));
    let until = Some(date_time(world.clock.now() + std::time::Duration::from_secs(15 * 60)));
    let told = [Some("ana".to_owned()), read, until, sealed.clone()];
    assert_eq!(facts(&first), told);
    world.clock.0.fetch_add(60, Ordering::SeqCst);
    let (_, other) = world.call(&world.token_of(&HostUser::new("bob", 1001)), "GET", &show(1), "").await;
    assert_eq!((seen(&other), facts(&other)), ((false, Some("otherCaller")), told));
    // Who does not ask for the passcode, or may not, learns nothing of its readers.
    let reader = world.token_for(tenant(1), &[Permission::ManagedDevicesReadAll]);
    for (token, path) in [(&token, device_path(1)), (&reader, show(1))] {
        let (_, answer) = world.call(token, "GET", &path, "").await;
        assert_eq!(facts(&answer), [None, None, None, sealed.clone()], "{path}");
    }
}

#[tokio::test]
async fn a_thief_who_reads_in_batches_gets_as_many_as_the_ceiling_and_people_are_told() {
    let (world, token) = waiting(|world| world.token()).await;
    let requests: Vec<_> = (10..18)
        .map(|number| json!({"id": number.to_string(), "method": "GET", "url": show(number).trim_start_matches("/beta")}))
        .collect();
    let body = json!({"requests": requests}).to_string();
    let (status, answer) = world.call(&token, "POST", "/beta/$batch", &body).await;
    assert_eq!(status, 200, "{answer}");
    let items = answer["responses"].as_array().expect("answers");
    let seen: Vec<_> = items.iter().map(|item| seen(&item["body"])).collect();
    assert_eq!(seen.iter().filter(|seen| **seen == (true, None)).count(), 3, "{answer}");
    assert_eq!(seen.iter().filter(|seen| **seen == (false, Some("readingOnHold"))).count(), 5, "{answer}");
    // Lowering the ceiling of the tenant was told before.
    let expected = ["chaveiro.protection_lowered", "chaveiro.reading_near_limit", "chaveiro.reading_on_hold"];
    assert_eq!(alerts(&world).await, expected);
    let (_, holds) = world.call(&token, "GET", "/beta/deviceManagement/chaveiroHolds", "").await;
    let hold = &holds["value"][0];
    for (name, value) in [
        ("kind", json!("reading")),
        ("isOfCaller", json!(true)),
        ("countedReadings", json!(3)),
        ("countedRecoveries", json!(0)),
        ("causedByUserPrincipalName", json!("ana")),
    ] {
        assert_eq!(hold[name], value, "{hold}");
    }
    // Asking goes on, and so does reading of what the caller has opened.
    recovered(&world, &token, 4).await;
    let open = seen_again(&world, &token).await;
    assert_eq!(open, 3);
}

/// How many of the eight are shown now.
async fn seen_again(world: &World, token: &str) -> usize {
    let mut shown = 0;
    for number in 10..18 {
        let (_, answer) = world.call(token, "GET", &show(number), "").await;
        shown += usize::from(seen(&answer).0);
    }
    shown
}

#[tokio::test]
async fn eight_requests_at_once_read_no_more_than_the_ceiling() {
    let (world, token) = waiting(|world| world.token()).await;
    let paths: Vec<_> = (10..18).map(show).collect();
    let all = paths.iter().map(|path| world.call(&token, "GET", path, ""));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|(_, answer)| seen(answer).0).count(), 3);
}

#[tokio::test]
async fn a_reason_for_breaking_the_glass_passes_the_hold_and_one_that_is_none_is_named() {
    let (world, token) = waiting(|world| world.token()).await;
    for number in 10..14 {
        world.call(&token, "GET", &show(number), "").await;
    }
    let read = async |glass: &str| {
        let request = Request::get(show(14)).header("Authorization", format!("Bearer {token}"));
        let request = request.header("x-chaveiro-break-glass", glass).body(Body::empty()).expect("a request");
        world.send(request).await.1
    };
    assert_eq!(seen(&read("short").await), (false, Some("breakGlassReason")));
    assert_eq!(seen(&read("a surgeon waits").await), (true, None));
    assert!(alerts(&world).await.contains(&"chaveiro.break_glass_used"));
}

#[tokio::test]
async fn an_event_of_the_api_says_who_from_where_and_why() {
    let world = World::new().await;
    let token = world.token();
    recovered(&world, &token, 1).await;
    let send = async |peer: &str, request: http::request::Builder, body: String| {
        let peer: SocketAddr = peer.parse().expect("an address");
        let request =
            request.header("Authorization", format!("Bearer {token}")).header("x-forwarded-for", "203.0.113.7");
        let request = request.header("x-chaveiro-reason", " ticket 4711 \u{e7} ").extension(ConnectInfo(peer));
        let request = request.header("Content-Type", "application/json");
        world.send(request.body(Body::from(body)).expect("a request")).await.1
    };
    let read = || Request::get(show(1));
    send("198.51.100.3:4000", read(), String::new()).await;
    send("192.0.2.9:4000", read(), String::new()).await;
    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": show(1).trim_start_matches("/beta")}]});
    send("192.0.2.9:4000", Request::post("/beta/$batch"), batch.to_string()).await;

    let filter = "$filter=activityType%20eq%20'readPasscode%20ManagedDevice'";
    let (_, events) = world.call(&token, "GET", &format!("/beta/deviceManagement/auditEvents?{filter}"), "").await;
    let events = events["value"].as_array().expect("events");
    let addresses: Vec<_> = events.iter().map(|event| event["actor"]["ipAddress"].as_str()).collect();
    assert_eq!(addresses, [Some("198.51.100.3"), Some("203.0.113.7"), Some("203.0.113.7")], "{events:?}");
    for event in events {
        assert_eq!(event["actor"]["userPrincipalName"], "ana", "who minted the token on the host");
        let facts = event["resources"][0]["modifiedProperties"].as_array().expect("facts");
        let fact = |name: &str| facts.iter().find(|fact| fact["displayName"] == name).map(|fact| &fact["newValue"]);
        assert_eq!(fact("reason"), Some(&json!("ticket 4711 \u{e7}")), "{event}");
        assert_eq!(fact("hostUid"), Some(&json!("1000")), "{event}");
    }
    let stored = world.store.read(|view| Ok(view.unchained_events(1_000)?)).await.expect("read");
    assert!(stored.iter().any(|event| event.body.contains("\"address\":\"203.0.113.7\"")), "the export has it");
}

#[tokio::test]
async fn a_setting_that_changed_is_one_property_with_what_it_was() {
    let (world, token) = waiting(|world| world.token()).await;
    let (_, events) = world.call(&token, "GET", "/beta/deviceManagement/auditEvents", "").await;
    let changed = events["value"].as_array().expect("events").iter();
    let changed: Vec<_> = changed.filter(|event| event["activityType"] == "patch Tenant").collect();
    let facts = changed.iter().map(|event| &event["resources"][0]["modifiedProperties"]);
    let expected = [("reading.byCaller", "50", "3"), ("reading.passcodes", "100", "0"), ("reading.percent", "10", "0")];
    let expected =
        expected.map(|(name, before, after)| json!([{"displayName": name, "oldValue": before, "newValue": after}]));
    assert_eq!(facts.cloned().collect::<Vec<_>>(), expected);
}
