//! The escrow of a tenant, which must be whole before a device changes anything.

use crate::command::Delivery;
use crate::id::TenantId;
use crate::keys::{EscrowKeys, KeyName};
use crate::ports::{Fault, Sealer, StoreError, View};

/// The escrow keys that the database knows for that tenant.
pub fn known(view: &dyn View, tenant: TenantId) -> Result<EscrowKeys, StoreError> {
    let names = [KeyName::EscrowRecipients(tenant), KeyName::EscrowPrivate(tenant)];
    let current = view.current_keys(&names)?;
    let [recipients, private] = names.map(|name| current.iter().find(|known| known.name == name));
    Ok(EscrowKeys {
        recipients: recipients.map(|known| known.fingerprint),
        away: private.is_some_and(|known| known.away),
        private: private.map(|known| known.fingerprint),
    })
}

/// Requires an escrow that takes a passcode of that tenant now, and gives it back where its private key is meant to be.
/// Nothing that changes a device may be sent, and nothing accepted, without it.
pub fn require(view: &dyn View, sealer: &dyn Sealer, tenant: TenantId) -> Result<(), Fault> {
    Ok(sealer.prove(tenant, &known(view, tenant)?)?)
}

/// Requires an escrow that opens on this server what is sealed to it, also where its private key may be elsewhere: a secret
/// that the server sends must be opened when its message is written.
pub fn require_open(view: &dyn View, sealer: &dyn Sealer, tenant: TenantId) -> Result<(), Fault> {
    Ok(sealer.prove(tenant, &EscrowKeys { away: false, ..known(view, tenant)? })?)
}

/// Requires the escrow that a delivery needs to go out: an open one if it gives a secret, a whole one if it may change the
/// device.
pub fn require_for(view: &dyn View, sealer: &dyn Sealer, delivery: &Delivery) -> Result<(), Fault> {
    match (delivery.gives_secret(), delivery.purpose.may_change()) {
        (true, _) => require_open(view, sealer, delivery.tenant),
        (false, true) => require(view, sealer, delivery.tenant),
        (false, false) => Ok(()),
    }
}
