//! The key that signs checkpoints: Ed25519 (RFC 8032), in an owner-only file.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::keys::Fingerprint;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use thiserror::Error;

use crate::succession::{Lineage, Link};

/// The reason why the signing key cannot be used.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A key could not be generated.
    #[error("no signing key could be generated")]
    Generation,
}

/// The public half, as an auditor pins it: `ed25519:BASE64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("audit key", &self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether the private half made `signature` over `message`.
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
    lineage: Lineage,
}

impl Signer {
    /// Makes a key in that file, which must not exist.
    pub fn create(file: &Path) -> Result<Self, SignerError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SignerError::Generation)?;
        let document = pair.to_pkcs8().map_err(|_| SignerError::Generation)?;
        keyfile::create(file, document.as_ref())?;
        Self::open(file)
    }

    /// Makes the successor of the key in that file, staged beside it, with a link that the older key signs. The caller
    /// records its fingerprint, then settles it ([`keyfile::settle`]).
    pub fn stage_successor(&self, file: &Path, now: Timestamp) -> Result<PublicKey, SignerError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SignerError::Generation)?;
        let document = pair.to_pkcs8().map_err(|_| SignerError::Generation)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| SignerError::Generation)?;
        let link = Link::signed(self.public_key(), PublicKey(bytes), now, |message| self.sign(message));
        keyfile::stage(file, document.as_ref())?;
        self.lineage.write_with(link, file)?;
        Ok(PublicKey(bytes))
    }

    /// Reads the key of that file.
    pub fn open(file: &Path) -> Result<Self, SignerError> {
        let document = keyfile::read(file)?;
        let damaged =
            || KeyFileError::Damaged { file: file.to_owned(), what: "it does not hold an Ed25519 key in PKCS #8" };
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| damaged())?;
        let public_key = PublicKey(pair.public_key().as_ref().try_into().map_err(|_| damaged())?);
        Ok(Self { pair, lineage: Lineage::read(public_key, file)? })
    }

    /// The fingerprint of the public half.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public_key().fingerprint()
    }

    /// The key that verifies the signatures.
    pub fn public_key(&self) -> PublicKey {
        self.lineage.key()
    }

    /// The public key, with the links that lead to it from earlier keys.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}
