//! The signing keys of the local issuer: RSA 2048 for RS256, one owner-only file each.
//!
//! The newest signs. Older ones verify for as long as tokens they signed can live. Another process (the
//! command line) may rotate: the directory is read again whenever a token is minted or a key id is unknown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Entropy;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::client_secret::hex;

/// What keys are for.
pub(crate) const ALGORITHM: Algorithm = Algorithm::RS256;

/// How long a replaced key still verifies: longer than any token lives.
const RETIREMENT: Duration = Duration::from_secs(24 * 60 * 60);

/// Why the signing keys cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// A key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The directory.
    #[error("the directory of signing keys {} cannot be read: {error}", directory.display())]
    Directory {
        /// Which directory.
        directory: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// No key could be made.
    #[error("no signing key could be generated")]
    Generation,
    /// There is none.
    #[error("there is no signing key in {}", .0.display())]
    None(PathBuf),
}

/// One key.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    created: Timestamp,
    file: PathBuf,
    pub(crate) private: EncodingKey,
    pub(crate) public: Jwk,
}

/// The keys, newest last.
pub struct IssuerKeys {
    directory: PathBuf,
    keys: ArcSwap<Vec<SigningKey>>,
}

impl IssuerKeys {
    /// Reads the keys of that directory, or makes the first.
    pub fn open_or_create(directory: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        keyfile::create_directory(directory)?;
        let keys = Self { directory: directory.to_owned(), keys: ArcSwap::from_pointee(read_all(directory)?) };
        if keys.keys.load().is_empty() {
            keys.rotate(now, entropy)?;
        }
        Ok(keys)
    }

    /// Makes a new key, which signs from now on, and removes those that are too old to verify anything.
    /// Gives the id of the new key.
    pub fn rotate(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<String, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generation)?;
        let mut id = [0; 8];
        entropy.fill(&mut id);
        let id = hex(&id);
        let file = self.directory.join(format!("{:012}-{id}.pem", now.as_second()));
        keyfile::create(&file, pem(der.as_ref()).as_bytes())?;
        self.reload()?;
        self.remove_old(now);
        Ok(id)
    }

    /// Reads the directory again.
    pub(crate) fn reload(&self) -> Result<(), KeyError> {
        self.keys.store(Arc::new(read_all(&self.directory)?));
        Ok(())
    }

    /// Whether a file of that key is there. Cheap, because any caller can name any key id.
    pub(crate) fn has_file(&self, id: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return false };
        let suffix = format!("-{id}.pem");
        entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(&suffix)))
    }

    pub(crate) fn current(&self) -> Arc<Vec<SigningKey>> {
        self.keys.load_full()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A key is of no use once its successor is older than any token.
    fn remove_old(&self, now: Timestamp) {
        let keys = self.current();
        for pair in keys.windows(2) {
            let [old, successor] = pair else { continue };
            if successor.created.checked_add(RETIREMENT).is_ok_and(|end| end <= now)
                && let Err(error) = std::fs::remove_file(&old.file)
            {
                tracing::warn!(file = %old.file.display(), %error, "an old signing key was not removed");
            }
        }
        if let Err(error) = self.reload() {
            tracing::warn!(%error, "the signing keys were not read again");
        }
    }
}

fn read_all(directory: &Path) -> Result<Vec<SigningKey>, KeyError> {
    let unreadable = |error| KeyError::Directory { directory: directory.to_owned(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "pem") {
            files.push(file);
        }
    }
    // The name begins with the time: their order is that of creation.
    files.sort();
    files.into_iter().map(read_one).collect()
}

fn read_one(file: PathBuf) -> Result<SigningKey, KeyError> {
    let damaged = || KeyFileError::Damaged { file: file.clone(), what: "it is no signing key" };
    let name = file.file_stem().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
    let (created, id) = name.ok_or_else(damaged)?;
    let created = created.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(damaged)?;
    let private = EncodingKey::from_rsa_pem(&keyfile::read(&file)?).map_err(|_| damaged())?;
    let mut public = Jwk::from_encoding_key(&private, ALGORITHM).map_err(|_| damaged())?;
    public.common.key_id = Some(id.to_owned());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(SigningKey { id: id.to_owned(), created, private, public, file })
}

/// RFC 7468.
fn pem(der: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(encoded.len() * 2));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}
