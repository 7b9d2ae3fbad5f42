//! The recipients of a tenant: public keys, and the ids that name them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::digest::sha256;
use rustls::crypto::hpke::HpkePublicKey;
use serde::{Deserialize, Serialize};

use crate::suite::suite;

/// The most recipients of a tenant; each adds one ciphertext to every envelope.
pub(crate) const MAX_RECIPIENTS: usize = 16;

/// The longest name of a recipient that is added, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// The size of an uncompressed P-256 point (SEC 1, 2.3.3).
const PUBLIC_KEY_BYTES: usize = 65;

/// The name of a public key: the first eight bytes of its SHA-256, in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub(crate) fn of(public_key: &[u8]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&sha256(public_key)[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = u64::from_str_radix(&text, 16).map_err(|_| "a key id is sixteen hex digits")?;
        Some(Self(number.to_be_bytes())).filter(|id| id.to_string() == text).ok_or("a key id is sixteen hex digits")
    }
}

/// A party that can open the secrets of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Uncompressed P-256 point, 65 bytes.
    pub public_key: Vec<u8>,
    /// The name that people read.
    pub name: String,
}

impl Recipient {
    /// The id of the key.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.public_key)
    }

    /// Returns true if a line and a command of a shell can hold the name: at most 64 characters, no control characters, no quotes.
    pub(crate) fn has_usable_name(&self) -> bool {
        let is_odd = |character: char| character.is_control() || matches!(character, '\'' | '"' | '`' | '\\');
        self.name.chars().count() <= MAX_NAME_CHARS && !self.name.contains(is_odd)
    }

    /// Reads the line `p256 BASE64 name`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim().splitn(3, ' ');
        let (algorithm, key) = (words.next()?, words.next()?);
        let name = words.next().unwrap_or_default().to_owned();
        let public_key = STANDARD.decode(key).ok().filter(|key| is_point(key))?;
        (algorithm == "p256").then_some(Self { public_key, name })
    }

    /// The line that [`Recipient::parse`] reads.
    pub fn line(&self) -> String {
        format!("p256 {} {}", STANDARD.encode(&self.public_key), self.name)
    }
}

/// Returns whether these bytes are a valid public key.
fn is_point(bytes: &[u8]) -> bool {
    let key = HpkePublicKey(bytes.to_vec());
    bytes.len() == PUBLIC_KEY_BYTES && suite().seal(b"", b"", b"", &key).is_ok()
}
