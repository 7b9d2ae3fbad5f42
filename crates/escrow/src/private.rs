//! Private keys in files: the server's own, and those of recovery keys that are kept away from every server.
//!
//! ```text
//! public BASE64
//! private BASE64
//! ```
//!
//! The public half shows a file that was typed from paper with a mistake.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::digest::sha256;
use chaveiro_core::escrow::SecretContext;
use chaveiro_core::keys::Fingerprint;
use chaveiro_core::ports::{EscrowError, Unsealer};
use chaveiro_core::secret::{Passcode, joined};
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use rustls::crypto::hpke::{HpkePrivateKey, HpkePublicKey};
use zeroize::Zeroizing;

use crate::envelope;
use crate::error::KeyringError;
use crate::recipient::{KeyId, Recipient};
use crate::suite::suite;

/// A private key, as its file holds it.
pub(crate) struct PrivateKey {
    pub(crate) public: Vec<u8>,
    pub(crate) private: HpkePrivateKey,
    /// The digest of the whole file.
    pub(crate) digest: [u8; 32],
}

impl PrivateKey {
    /// Makes a key in a new file, and returns its public half. Refuses to overwrite.
    pub(crate) fn create(file: &Path) -> Result<Vec<u8>, KeyringError> {
        let (public, private) = suite().generate_key_pair().map_err(|_| KeyringError::Generation)?;
        let halves = [&public.0, private.secret_bytes()].map(|half| Zeroizing::new(STANDARD.encode(half)));
        let text = joined(&["public ", &halves[0], "\nprivate ", &halves[1], "\n"]);
        keyfile::create(file, text.as_bytes())?;
        Ok(public.0)
    }

    pub(crate) fn read(file: &Path) -> Result<Self, KeyFileError> {
        let bytes = keyfile::read(file)?;
        let damaged = || KeyFileError::Damaged { file: file.to_owned(), what: "it does not hold an escrow key" };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(damaged);
        let public = STANDARD.decode(field("public ")?.trim_end()).map_err(|_| damaged())?;
        // The bytes are wiped when the key is dropped.
        let private =
            STANDARD.decode(field("private ")?.trim_end()).map(HpkePrivateKey::from).map_err(|_| damaged())?;
        Ok(Self { public, private, digest: sha256(&bytes) })
    }

    pub(crate) fn id(&self) -> KeyId {
        KeyId::of(&self.public)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        of_public(&self.public)
    }

    /// Returns true if the private half opens what is sealed to the public half.
    fn is_pair(&self) -> bool {
        let sealed = suite().seal(b"", b"", b"", &HpkePublicKey(self.public.clone()));
        sealed.is_ok_and(|(key, sealed)| suite().open(&key, b"", b"", &sealed, &self.private).is_ok())
    }
}

/// The fingerprint of a private key by its public half.
pub(crate) fn of_public(public_key: &[u8]) -> Fingerprint {
    Fingerprint::of("escrow private key", public_key)
}

/// The private key of a recipient, in a file of its own. It opens envelopes without a server and without its keys.
pub struct RecoveryKey(PrivateKey);

impl RecoveryKey {
    /// Makes the key in a new file that its owner alone may read. Returns the recipient to add. Refuses to overwrite.
    pub fn create(file: &Path, name: &str) -> Result<Recipient, KeyringError> {
        let mut recipient = Recipient { public_key: Vec::new(), name: name.to_owned() };
        if !recipient.has_usable_name() {
            return Err(KeyringError::Name(recipient.name));
        }
        recipient.public_key = PrivateKey::create(file)?;
        Ok(recipient)
    }

    /// Reads the key. Refuses a file that other users could read, and one whose halves do not belong together.
    pub fn read(file: &Path) -> Result<Self, KeyFileError> {
        let key = PrivateKey::read(file)?;
        match key.is_pair() {
            true => Ok(Self(key)),
            false => {
                Err(KeyFileError::Damaged { file: file.to_owned(), what: "its two halves do not belong together" })
            }
        }
    }

    /// The id by which envelopes name the key.
    pub fn id(&self) -> KeyId {
        self.0.id()
    }
}

impl Unsealer for RecoveryKey {
    fn unseal(&self, context: &SecretContext, envelope: &[u8]) -> Result<Passcode, EscrowError> {
        envelope::unseal(envelope, context, self.id(), &self.0.private)
    }
}
