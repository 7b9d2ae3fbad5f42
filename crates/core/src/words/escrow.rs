//! What is kept of recovered passcodes, and what a sealed value is bound to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, DeviceId, SecretId, TenantId};

/// Everything a sealed value is bound to: an envelope that is moved to another row does not open.
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
    /// What it is.
    pub kind: SecretKind,
}

/// The expiry of a passcode that stays until a newer one has replaced it.
pub const UNTIL_REPLACED: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// The longest passcode accepted, in bytes. Windows allows PINs of 127 characters.
pub const MAX_PASSCODE_BYTES: usize = 512;

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretKind {
    /// What unlocks the screen.
    Passcode,
    /// Bytes that a device gives, or takes, to have its lock removed: the server sends them and no person reads them.
    UnlockToken,
}

impl SecretKind {
    /// The stable name, part of what is authenticated.
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

    /// Returns true if it is for people: shown once, and shredded after its time. Any other kind stays until a newer one has
    /// replaced it.
    pub fn is_for_people(self) -> bool {
        match self {
            Self::Passcode => true,
            Self::UnlockToken => false,
        }
    }
}

/// One sealed value and what happened to it. Nothing overwrites it; retention alone removes the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EscrowedSecret {
    /// Its id.
    pub id: SecretId,
    /// What it is bound to.
    pub context: SecretContext,
    /// The versioned envelope of the `escrow` crate; `None` once shredded.
    pub envelope: Option<Vec<u8>>,
    /// Whether it is believed to open the device.
    pub standing: Standing,
    /// When it arrived.
    pub received: Timestamp,
    /// When the envelope is destroyed: end of the unread retention, or of the disclosure window once
    /// somebody has read it.
    pub expires: Timestamp,
    /// First disclosure: when, and to which [`crate::caller::Actor::key`].
    pub disclosed: Option<(Timestamp, String)>,
}

/// What a kept secret means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The result of its action.
    Current,
    /// Came, but not as a result does: it may open the device. Shown with a warning.
    Uncertain,
    /// Came late, or was followed by another; kept, never shown.
    History,
    /// The device enrolled again or was retired since.
    Void,
}
