//! The key of the row authenticators: `keys/rows.key`, 32 bytes. Write access to the database does not include it.
//!
//! A database that is older than the key, or new, is signed once, together with the making of the key:
//!
//! ```text
//! rows.key.new is written -> one transaction signs every row and notes the fingerprint -> rows.key.new becomes rows.key
//! ```
//!
//! The next start completes the work after a crash at any point. Where `rows.key` exists, nothing is ever signed as it
//! stands: removing the note from the database does not reopen the introduction.

use std::fs::File;
use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, hmac, rand};
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// The reason why the key of the row authenticators cannot be used, and the remedy.
#[derive(Debug, Error)]
pub enum RowKeyError {
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No key could be generated.
    #[error("no key for the authenticators of rows could be generated")]
    Generation,
    /// The database was signed with a key that is missing.
    #[error("the key file {} is missing, and the database was signed with it; restore it from a backup", .0.display())]
    Missing(PathBuf),
    /// The database was signed with another key.
    #[error("the key file {} is not the one that signed this database; restore both from the same backup", .0.display())]
    Other(PathBuf),
    /// The database was never signed, although there is a key.
    #[error(
        "the database was never signed, although {} is there: it is older than that key, or it was edited; if it is the database that you want, move that key away: every row is then signed as it stands",
        .0.display()
    )]
    Unsigned(PathBuf),
}

/// A key that signs and verifies rows.
#[derive(Clone)]
pub struct RowKey(hmac::Key);

impl RowKey {
    /// Returns the key of these bytes, which are those of that file.
    pub fn new(bytes: &[u8], file: &Path) -> Result<Self, RowKeyError> {
        if bytes.len() != KEY_BYTES {
            return Err(KeyFileError::Damaged { file: file.to_owned(), what: "it does not have 32 bytes" }.into());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Reads the key of a database that is signed.
    pub fn read(directory: &Path) -> Result<Self, RowKeyError> {
        let file = file(directory);
        Self::new(&keyfile::read(&file)?, &file)
    }

    /// Returns the authenticator of a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }

    /// Returns true if that is the authenticator of the message.
    pub fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }

    /// Derives the key of another purpose.
    pub fn derive(&self, purpose: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &self.sign(purpose)))
    }

    /// Returns a key for tests.
    #[cfg(test)]
    pub fn of_test(seed: u8) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &[seed; KEY_BYTES]))
    }

    /// Returns a value that identifies the key and reveals nothing about it.
    pub fn fingerprint(&self) -> Vec<u8> {
        let mac = self.sign(b"chaveiro row key fingerprint v1\0");
        digest::digest(&digest::SHA256, &mac).as_ref().to_vec()
    }
}

/// A key, and the state of its introduction.
pub enum Held {
    /// The key of a signed database.
    Known(RowKey),
    /// A key that is being introduced, by one process at a time: the lock ends with the file.
    New(RowKey, File),
}

/// Returns `keys/rows.key` of a data directory.
pub fn file(directory: &Path) -> PathBuf {
    directory.join("keys/rows.key")
}

fn pending(directory: &Path) -> PathBuf {
    directory.join("keys/rows.key.new")
}

/// Returns the key of that data directory, and makes one if there is none.
pub fn open(directory: &Path) -> Result<Held, RowKeyError> {
    let missing = |read: &Result<RowKey, _>| matches!(read, Err(RowKeyError::File(KeyFileError::Missing(_))));
    let read = RowKey::read(directory);
    if !missing(&read) {
        return read.map(Held::Known);
    }
    let keys = directory.join("keys");
    keyfile::create_directory(&keys)?;
    let failed = |error: std::io::Error| KeyFileError::Io { file: keys.clone(), error };
    let lock = File::open(&keys).map_err(failed)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    // Another process may have finished meanwhile.
    let read = RowKey::read(directory);
    if !missing(&read) {
        return read.map(Held::Known);
    }
    let pending = pending(directory);
    if !pending.exists() {
        let mut fresh = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(fresh.as_mut()).map_err(|_| RowKeyError::Generation)?;
        keyfile::create(&pending, fresh.as_slice())?;
    }
    Ok(Held::New(RowKey::new(&keyfile::read(&pending)?, &pending)?, lock))
}

/// Renames a new key to its final name, once the database is signed with it.
pub fn finish(directory: &Path) -> Result<(), RowKeyError> {
    let to = file(directory);
    let renamed = std::fs::rename(pending(directory), &to);
    let synced = renamed.and_then(|()| File::open(directory.join("keys"))?.sync_all());
    synced.map_err(|error| KeyFileError::Io { file: to, error }.into())
}
