//! Values that must never be printed, copied or stored in clear.

use zeroize::Zeroizing;

/// What unlocks a screen, whatever its form (PIN, password). It has no `Debug`, `Display`, `Clone` or
/// `Serialize`, is wiped when dropped, and is read through one verb that a reviewer can grep for.
pub struct Passcode(Zeroizing<String>);

/// The longest passcode accepted, in bytes. Windows allows PINs of 127 characters.
pub const MAX_PASSCODE_BYTES: usize = 512;

impl Passcode {
    /// Takes ownership of a passcode; `None` when it is empty or longer than [`MAX_PASSCODE_BYTES`].
    pub fn new(value: Zeroizing<String>) -> Option<Self> {
        (!value.is_empty() && value.len() <= MAX_PASSCODE_BYTES).then_some(Self(value))
    }

    /// The passcode in clear. Call it only to seal the value or to hand it to a permitted caller.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}
