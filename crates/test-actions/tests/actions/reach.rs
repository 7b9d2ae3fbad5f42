//! A value that may be what opens a device stays within reach, whatever ended its action.

use chaveiro_core::audit::Activity;
use chaveiro_core::id::DeviceId;
use chaveiro_fleet::behavior::Behavior;
use chaveiro_fleet::windows::WindowsDevice;
use serde_json::{Value, json};

use crate::world::{World, path};

/// A device that has made a PIN, and gave it without the statuses that say what it is.
async fn device_with_doubtful_pin(world: &World, number: u64) -> (WindowsDevice, DeviceId) {
    let (mut device, id) = world.device(number).await;
    let (status, answer) = world.call(&world.all(), "POST", &format!("{}/recoverPasscode", path(id))).await;
    assert_eq!(status, 204, "{answer}");
    device.behavior = Behavior::DropsStatuses;
    let _ = device.sync(&world.transport()).await;
    assert!(world.newest(id).await.0.state.is_open());
    (device, id)
}

async fn result(world: &World, id: DeviceId) -> Value {
    let (status, seen) = world.call(&world.all(), "GET", &format!("{}?$select=deviceActionResults", path(id))).await;
    assert_eq!(status, 200, "{seen}");
    seen["deviceActionResults"][0].clone()
}

#[tokio::test]
async fn a_pin_of_a_canceled_action_is_shown_with_a_warning() {
    let world = World::new().await;
    let (device, enrolls) = device_with_doubtful_pin(&world, 1).await;
    world.enroll_as(1, Some(enrolls)).await;
    let (other, leaves) = device_with_doubtful_pin(&world, 2).await;
    let (status, answer) = world.call(&world.all(), "DELETE", &path(leaves)).await;
    assert_eq!(status, 204, "{answer}");
    for (id, device) in [(enrolls, device), (leaves, other)] {
        let shown = result(&world, id).await;
        assert_eq!(shown["passcode"], json!(device.pin()), "{shown}");
        assert_eq!(shown["chaveiro_passcodeUncertain"], json!(true), "{shown}");
        assert_eq!((&shown["actionState"], &shown["chaveiro_outcome"]), (&json!("failed"), &json!("uncertain")));
        let record = world.record(id).await;
        assert_eq!(record.iter().filter(|event| event.activity == Activity::PasscodeDisclosed).count(), 1);
    }
}

#[tokio::test]
async fn an_action_that_is_canceled_without_a_value_shows_none() {
    let world = World::new().await;
    let (_, id) = world.device(1).await;
    let (status, _) = world.call(&world.all(), "POST", &format!("{}/recoverPasscode", path(id))).await;
    assert_eq!(status, 204);
    world.enroll_as(1, Some(id)).await;
    let shown = result(&world, id).await;
    assert_eq!((&shown["actionState"], &shown["passcode"]), (&json!("canceled"), &Value::Null), "{shown}");
    assert_eq!(
        (&shown["chaveiro_outcome"], &shown["chaveiro_passcodeUncertain"]),
        (&json!("reenrolled"), &json!(false))
    );
}
