//! The entry of an account in shadow(5).

use chaveiro_core::digest::sha256_hex;
use zeroize::Zeroizing;

/// Fields 2 and 3 of a line of shadow(5): the hash, and the day of the last change as it stands there. A hash can be
/// attacked offline, so that the type has no `Debug`, `Clone` or `Serialize`.
pub(crate) struct Entry {
    hash: Zeroizing<String>,
    last_change: String,
}

impl Entry {
    pub(crate) fn new(hash: Zeroizing<String>, last_change: String) -> Self {
        Self { hash, last_change }
    }

    /// The hash. Call it only to keep it where root alone reads.
    pub(crate) fn hash_text(&self) -> &str {
        &self.hash
    }

    pub(crate) fn last_change(&self) -> &str {
        &self.last_change
    }

    /// Names the hash without giving it away.
    pub(crate) fn fingerprint(&self) -> String {
        sha256_hex(self.hash.as_bytes())
    }
}
