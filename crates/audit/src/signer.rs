//! The key that signs checkpoints: Ed25519 (RFC 8032), in an owner-only file.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::keys::Fingerprint;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use thiserror::Error;

/// Why the signing key cannot be used.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No key could be made.
    #[error("no signing key could be generated")]
    Generation,
}

/// The public half, as an auditor pins it: `ed25519:BASE64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Whether `signature` over `message` was made with the private half.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&signature::ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "an audit key looks like ed25519:BASE64; print it with: chaveiro audit key";
        let encoded = text.trim().strip_prefix("ed25519:").ok_or(EXPECTED)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| EXPECTED)?;
        bytes.try_into().map(Self).map_err(|_| EXPECTED)
    }
}

/// Signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    public_key: PublicKey,
}

impl Signer {
    /// Makes a key in that file, which must not be there.
    pub fn create(file: &Path) -> Result<Self, SignerError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SignerError::Generation)?;
        let document = pair.to_pkcs8().map_err(|_| SignerError::Generation)?;
        keyfile::create(file, document.as_ref())?;
        Self::open(file)
    }

    /// Reads the key of that file.
    pub fn open(file: &Path) -> Result<Self, SignerError> {
        let document = keyfile::read(file)?;
        let damaged = || KeyFileError::Damaged { file: file.to_owned(), what: "it is no Ed25519 key in PKCS #8" };
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| damaged())?;
        let public_key = PublicKey(pair.public_key().as_ref().try_into().map_err(|_| damaged())?);
        Ok(Self { pair, public_key })
    }

    /// The fingerprint of the public half.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("audit key", &self.public_key.0)
    }

    /// What verifies the signatures.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}
