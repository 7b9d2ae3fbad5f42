//! Values that must never be printed, copied or stored in clear.

use zeroize::Zeroizing;

pub use crate::escrow::MAX_PASSCODE_BYTES;
use crate::escrow::SecretKind;

/// A passcode that unlocks a device, in any form (PIN, password). It has no `Debug`, `Display`, `Clone` or `Serialize`,
/// is wiped when dropped, and is read through one method that a reviewer can grep for.
pub struct Passcode(Zeroizing<String>);

impl Passcode {
    /// Takes ownership of a passcode; `None` if it is empty or longer than [`MAX_PASSCODE_BYTES`].
    pub fn new(value: Zeroizing<String>) -> Option<Self> {
        (!value.is_empty() && value.len() <= MAX_PASSCODE_BYTES).then_some(Self(value))
    }

    /// Returns the passcode in clear. Call it only to seal the value or to hand it to a permitted caller.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

/// A secret of any kind, as bytes that the server makes, sends to a device or receives from it. It has no `Debug`,
/// `Display`, `Clone` or `Serialize`, is wiped when dropped, and is read through one method that a reviewer can grep
/// for.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of a value; `None` if it is empty or longer than its kind allows.
    pub fn new(kind: SecretKind, value: Zeroizing<Vec<u8>>) -> Option<Self> {
        (!value.is_empty() && value.len() <= kind.max_bytes()).then_some(Self(value))
    }

    /// Returns the value in clear. Call it only to seal it, or to write it into the message to its device.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

/// Returns the parts one after the other. The text has its room from the beginning: one that grows leaves copies behind that
/// no one wipes, as `format!` does.
pub fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| text.push_str(part));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_parts_never_grow() {
        let text = joined(&["a", "", "secret of some length", "\n"]);
        assert_eq!((text.as_str(), text.capacity()), ("asecret of some length\n", text.len()));
    }

    #[test]
    fn every_kind_has_a_size_of_its_own() {
        let bytes = |kind, length| SecretBytes::new(kind, Zeroizing::new(vec![0xff; length])).is_some();
        for (kind, longest) in [(SecretKind::Passcode, 512), (SecretKind::UnlockToken, 16 * 1024)] {
            assert!(!bytes(kind, 0) && bytes(kind, 1) && bytes(kind, longest) && !bytes(kind, longest + 1), "{kind:?}");
        }
    }
}
