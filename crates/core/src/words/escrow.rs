//! Escrowed secrets, and the context to which a sealed value is bound.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, DeviceId, SecretId, TenantId};

/// Everything that a sealed value is bound to. An envelope that is moved to another row does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecretContext {
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The action that produced it.
    pub action: ActionId,
    /// The attempt that produced it.
    pub attempt: u32,
    /// The kind of the secret.
    pub kind: SecretKind,
}

/// The expiry of a secret that stays until a newer one replaces it.
pub const UNTIL_REPLACED: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// The longest passcode accepted, in bytes. Windows allows PINs of 127 characters.
pub const MAX_PASSCODE_BYTES: usize = 512;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretKind {
    /// The passcode that unlocks the device, read by people.
    Passcode,
    /// Bytes that a device gives, or takes, to have its lock removed. The server sends them; no person reads them.
    UnlockToken,
}

impl SecretKind {
    /// The stable name, which is part of the authenticated context.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passcode => "passcode",
            Self::UnlockToken => "unlockToken",
        }
    }

    /// The longest value of that kind, in bytes.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Passcode => MAX_PASSCODE_BYTES,
            Self::UnlockToken => 16 * 1024,
        }
    }

    /// Returns true for a kind that people read: it is shown once, and shredded after its time. Any other kind stays
    /// until a newer one replaces it.
    pub fn is_for_people(self) -> bool {
        match self {
            Self::Passcode => true,
            Self::UnlockToken => false,
        }
    }
}

/// One sealed value and its history. Nothing overwrites it, and only retention removes the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EscrowedSecret {
    /// The id.
    pub id: SecretId,
    /// The context to which it is bound.
    pub context: SecretContext,
    /// The versioned envelope of the `escrow` crate; `None` once shredded.
    pub envelope: Option<Vec<u8>>,
    /// The belief about its use on the device.
    pub standing: Standing,
    /// The time at which it arrived.
    pub received: Timestamp,
    /// The time at which the envelope is destroyed: the end of the unread retention, or of the disclosure window once
    /// it was read.
    pub expires: Timestamp,
    /// The first disclosure: the time, and the [`crate::caller::Actor::key`] of the reader.
    pub disclosed: Option<(Timestamp, String)>,
}

/// The meaning of a kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The result of its action.
    Current,
    /// The value arrived in an unexpected way and may open the device. It is shown with a warning.
    Uncertain,
    /// The value arrived late, or was superseded by another; it is kept and never shown.
    History,
    /// The device has enrolled again or was retired since.
    Void,
}
