//! The time of a device's last session, as callers see it: a session in which nothing happens is stored later.

use std::time::Duration;

use chaveiro_core::Timestamp;
use serde_json::Value;

use crate::world::{World, path};

fn time(answer: &Value) -> Timestamp {
    answer["lastSyncDateTime"].as_str().and_then(|at| at.parse().ok()).expect("a time")
}

#[tokio::test]
async fn an_idle_session_is_stored_before_a_passcode_of_its_device_is_shown() {
    let world = World::new().await;
    let (mut device, id) = world.device(7).await;
    let token = world.all();
    let url = path(id);
    assert_eq!(world.post(&token, &format!("{url}/recoverPasscode"), &Value::Null).await.0, 204);
    device.sync(&world.transport()).await.expect("the recovery");
    let recovered = world.now();
    world.advance(Duration::from_secs(20));
    device.sync(&world.transport()).await.expect("an idle session");
    let (_, plain) = world.call(&token, "GET", &url).await;
    assert_eq!(time(&plain), recovered, "what is stored is shown");
    let (status, shown) =
        world.call(&token, "GET", &format!("{url}?$select=lastSyncDateTime,deviceActionResults")).await;
    assert_eq!((status, &shown["deviceActionResults"][0]["passcode"]), (200, &device.pin().into()));
    assert_eq!(time(&shown), world.now());
    let (_, plain) = world.call(&token, "GET", &url).await;
    assert_eq!(time(&plain), world.now());
}
