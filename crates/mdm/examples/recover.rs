//! Recovers the PIN of a simulated Windows device through the device channel: `cargo run -p chaveiro-mdm --example recover`.

use std::error::Error;

use chaveiro_core::Decided;
use chaveiro_core::action::ActionState;
use chaveiro_core::ports::Unsealer;
use chaveiro_testing::channel::World;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A `DeviceChannel` over a real store; a server gives its `router` to a listener, and here requests go straight to it.
    let server = World::new().await;
    let mut device = server.enrolled(1).await;
    let id = server.device_of(&device).await.id;

    // The decision of the domain; what follows is the work of the channel.
    assert!(matches!(server.ask(id).await, Decided::Done(_)));
    let before = device.pin().to_owned();
    device.sync(&server.transport()).await?;
    let (action, secrets) = server.newest(id).await;
    assert_eq!(action.state, ActionState::Done);
    assert_ne!(device.pin(), before);

    let secret = secrets.first().ok_or("nothing is in escrow")?;
    let envelope = secret.envelope.as_ref().ok_or("the envelope is gone")?;
    let opened = server.keyring.unseal(&secret.context, envelope)?;
    assert_eq!(opened.expose_secret(), device.pin());
    println!("the device has a new PIN, and the escrow opens to the same");
    Ok(())
}
