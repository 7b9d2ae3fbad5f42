//! The signing keys of the local issuer: RSA 2048 for RS256, one owner-only file each.
//!
//! The newest key signs. Older keys verify for as long as tokens that they signed can live. Another process (the
//! command line) may rotate. Therefore the directory is read again whenever a token is minted or a key id is unknown.

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
use chaveiro_core::digest::hex;
use chaveiro_core::keys::Fingerprint;
use chaveiro_core::ports::Entropy;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jws::PublicKey;

/// The algorithm of the keys.
pub(crate) const ALGORITHM: Algorithm = Algorithm::RS256;

/// The time for which a replaced key still verifies: longer than any token lives.
pub const RETIREMENT: Duration = Duration::from_secs(24 * 60 * 60);

/// The reason why the signing keys cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The directory cannot be read.
    #[error("the directory of signing keys {} cannot be read: {error}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A key could not be generated.
    #[error("no signing key could be generated")]
    Generation,
    /// The directory holds no key.
    #[error("there is no signing key in {}", .0.display())]
    None(PathBuf),
}

/// One key.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    created: Timestamp,
    file: PathBuf,
    pub(crate) private: EncodingKey,
    pub(crate) public: Arc<PublicKey>,
}

/// The keys, newest last.
pub struct IssuerKeys {
    directory: PathBuf,
    keys: ArcSwap<Vec<SigningKey>>,
}

impl IssuerKeys {
    /// Makes the first key in that directory, unless it has one.
    pub fn create(directory: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        keyfile::create_directory(directory)?;
        let keys = Self { directory: directory.to_owned(), keys: ArcSwap::from_pointee(read_all(directory)?) };
        if keys.keys.load().is_empty() {
            keys.settle(&keys.stage(now, entropy)?)?;
        }
        Ok(keys)
    }

    /// Reads the keys of that directory, which must hold at least one.
    pub fn open(directory: &Path) -> Result<Self, KeyError> {
        let missing = || KeyError::None(directory.to_owned());
        let read = if directory.is_dir() { read_all(directory)? } else { Vec::new() };
        if read.is_empty() {
            Err(missing())
        } else {
            Ok(Self { directory: directory.to_owned(), keys: ArcSwap::from_pointee(read) })
        }
    }

    /// Makes a new key, which signs once it is settled. Record its fingerprint, then call [`IssuerKeys::settle`].
    pub fn stage(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<StagedKey, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generation)?;
        let mut id = [0; 8];
        entropy.fill(&mut id);
        let id = hex(&id);
        // If the clock was ahead when the last key was made, the new key must still be the newest.
        let newest = self.current().last().map_or(i64::MIN, |newest| newest.created.as_second().saturating_add(1));
        let file = self.directory.join(format!("{:012}-{id}.pem", now.as_second().max(newest)));
        let text = pem(der.as_ref());
        let fingerprint = fingerprint(&file, text.as_bytes())?;
        keyfile::stage(&file, text.as_bytes())?;
        Ok(StagedKey { id, fingerprint, file })
    }

    /// Moves a staged key to its place: it signs from now on.
    pub fn settle(&self, staged: &StagedKey) -> Result<(), KeyError> {
        keyfile::settle(&staged.file)?;
        self.reload()
    }

    /// The ids of the keys that a successor replaced, oldest first, each with the id of its successor.
    pub fn replaced(&self) -> Vec<(String, String)> {
        let keys = self.current();
        keys.windows(2).filter_map(|pair| Some((pair.first()?.id.clone(), pair.last()?.id.clone()))).collect()
    }

    /// Removes the file of a key. Tokens that it signed no longer count.
    pub fn remove(&self, id: &str) -> Result<(), KeyError> {
        for key in self.current().iter().filter(|key| key.id == id) {
            let unreadable = |error| KeyError::Directory { directory: key.file.clone(), error };
            std::fs::remove_file(&key.file).map_err(unreadable)?;
        }
        self.reload()
    }

    /// Lists the key files of a directory, with the id and the fingerprint of each, including staged ones.
    pub fn files(directory: &Path) -> Result<Vec<KeyFile>, KeyError> {
        let unreadable = |error| KeyError::Directory { directory: directory.to_owned(), error };
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(unreadable)?,
        };
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let place = directory.join(name.trim_end_matches(".staged"));
            let id = place.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.split_once('-'));
            let (Some((_, id)), Some("pem")) = (id, place.extension().and_then(|end| end.to_str())) else { continue };
            let fingerprint = fingerprint(&path, &keyfile::read(&path)?)?;
            found.push(KeyFile { id: id.to_owned(), fingerprint, staged: place != path, place });
        }
        found.sort_by(|one, other| one.place.cmp(&other.place));
        Ok(found)
    }

    /// Reads the directory again.
    pub(crate) fn reload(&self) -> Result<(), KeyError> {
        self.keys.store(Arc::new(read_all(&self.directory)?));
        Ok(())
    }

    /// Returns whether a file of that key exists. The check is cheap, because any caller can name any key id.
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
}

/// A key that is not in use yet.
pub struct StagedKey {
    /// The id.
    pub id: String,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    file: PathBuf,
}

/// A key file in the directory of the issuer.
pub struct KeyFile {
    /// The id of its key.
    pub id: String,
    /// The fingerprint of its key.
    pub fingerprint: Fingerprint,
    /// Set while the key waits to be settled.
    pub staged: bool,
    /// The path of the key, once it is settled.
    pub place: PathBuf,
}

/// The fingerprint of the public half of a key in PEM.
fn fingerprint(file: &Path, pem: &[u8]) -> Result<Fingerprint, KeyError> {
    let damaged = || KeyFileError::Damaged { file: file.to_owned(), what: "it does not hold a signing key" };
    let private = EncodingKey::from_rsa_pem(pem).map_err(|_| damaged())?;
    let public = Jwk::from_encoding_key(&private, ALGORITHM).map_err(|_| damaged())?;
    let text = serde_json::to_string(&public.algorithm).map_err(|_| damaged())?;
    Ok(Fingerprint::of("issuer key", text.as_bytes()))
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
    // The name begins with the time, so sorting gives the order of creation.
    files.sort();
    files.into_iter().map(read_one).collect()
}

fn read_one(file: PathBuf) -> Result<SigningKey, KeyError> {
    let damaged = || KeyFileError::Damaged { file: file.clone(), what: "it does not hold a signing key" };
    let name = file.file_stem().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
    let (created, id) = name.ok_or_else(damaged)?;
    let created = created.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(damaged)?;
    let private = EncodingKey::from_rsa_pem(&keyfile::read(&file)?).map_err(|_| damaged())?;
    let mut public = Jwk::from_encoding_key(&private, ALGORITHM).map_err(|_| damaged())?;
    public.common.key_id = Some(id.to_owned());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    let public = Arc::new(public.into());
    Ok(SigningKey { id: id.to_owned(), created, private, public, file })
}

/// Encodes a key in PEM (RFC 7468).
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
