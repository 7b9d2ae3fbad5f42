//! Every remote action that a Windows device can carry out, including those of the product.

use chaveiro_core::action::ActionState;
use chaveiro_core::actions::{ACTIONS, set_unlock_token::SET_UNLOCK_TOKEN};
use chaveiro_core::device::Platform;

use crate::world::{World, path};

#[tokio::test]
async fn an_honest_device_carries_out_every_action_of_its_platform() {
    let world = World::new().await;
    let of_windows = ACTIONS.iter().filter(|action| action.way_of(Platform::Windows).is_some());
    for (number, action) in (1..).zip(of_windows) {
        let (mut device, id) = world.device(number).await;
        // Some need a secret that another action has brought.
        for name in [SET_UNLOCK_TOKEN.name, action.name] {
            let (status, answer) = world.call(&world.all(), "POST", &format!("{}/{name}", path(id))).await;
            assert_eq!(status, 204, "{name}: {answer}");
            for _ in 0..2 {
                device.sync(&world.transport()).await.expect("a session");
            }
        }
        let (record, _) = world.newest(id).await;
        assert_eq!((record.name, record.state), (action.name, ActionState::Done), "{:?}", record.outcome);
    }
}
