//! Seals a passcode to the recipients of a tenant and opens it again: `cargo run --example seal_and_open`.

use std::error::Error;

use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::ports::Unsealer;
use chaveiro_core::secret::Passcode;
use chaveiro_escrow::{Keyring, seal};
use uuid::Uuid;
use zeroize::Zeroizing;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let keyring = Keyring::open(directory.path())?;
    let tenant = TenantId(Uuid::from_u128(1));
    // The server has the private key; a device needs the public one alone, and cannot read what it sealed.
    let recipient = keyring.create_tenant_key(tenant)?;
    let context = SecretContext {
        tenant,
        device: DeviceId(Uuid::from_u128(1)),
        action: ActionId(Uuid::from_u128(1)),
        attempt: 1,
        kind: SecretKind::Passcode,
    };
    let passcode = Passcode::new(Zeroizing::new("482913".to_owned())).ok_or("a passcode has 1 to 127 bytes")?;
    let envelope = seal(&[recipient], &context, &passcode)?;
    println!("an envelope of {} bytes, in which no passcode is to be found", envelope.len());
    assert_eq!(keyring.unseal(&context, &envelope)?.expose_secret(), "482913");
    // An envelope belongs to one attempt of one action on one device.
    let another = SecretContext { attempt: 2, ..context };
    println!("for another attempt: {}", keyring.unseal(&another, &envelope).err().ok_or("opened")?);
    Ok(())
}
