//! The entry of an account in shadow(5).

use chaveiro_core::digest::sha256_hex;
use zeroize::Zeroizing;

/// Fields 2 and 3 of a line of shadow(5): the hash, and the day of the last change as it stands there. A hash can be
/// attacked offline, so the type has no `Debug`, `Clone` or `Serialize`.
pub(crate) struct Entry {
    hash: Zeroizing<String>,
    last_change: String,
}

impl Entry {
    pub(crate) fn new(hash: Zeroizing<String>, last_change: String) -> Self {
        Self { hash, last_change }
    }

    /// Returns the hash. Call this only to keep the hash where root alone reads.
    pub(crate) fn hash_text(&self) -> &str {
        &self.hash
    }

    pub(crate) fn last_change(&self) -> &str {
        &self.last_change
    }

    /// Returns a name of the hash that does not reveal it.
    pub(crate) fn fingerprint(&self) -> String {
        sha256_hex(self.hash.as_bytes())
    }
}
