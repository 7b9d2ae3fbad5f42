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

/// Requires an escrow that opens on this server, also where the private key may be kept elsewhere. The server must open a secret
/// that it sends, when it writes the message.
pub fn require_open(view: &dyn View, sealer: &dyn Sealer, tenant: TenantId) -> Result<(), Fault> {
    Ok(sealer.prove(tenant, &EscrowKeys { away: false, ..known(view, tenant)? })?)
}

/// Requires the escrow that a delivery needs to go out. A delivery that gives a secret needs an open one; one that may change the
/// device needs a whole one.
pub fn require_for(view: &dyn View, sealer: &dyn Sealer, delivery: &Delivery) -> Result<(), Fault> {
    match (delivery.gives_secret(), delivery.purpose.may_change()) {
        (true, _) => require_open(view, sealer, delivery.tenant),
        (false, true) => require(view, sealer, delivery.tenant),
        (false, false) => Ok(()),
    }
}
