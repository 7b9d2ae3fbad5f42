//! The problems of keys, with their remedies.

use std::fmt;
use std::path::{Path, PathBuf};

use chaveiro_audit::SignerError;
use chaveiro_auth::KeyError;
use chaveiro_core::Fault;
use chaveiro_core::id::TenantId;
use chaveiro_core::keys::{Fingerprint, KeyName};
use chaveiro_escrow::KeyringError;
use chaveiro_keyfile::KeyFileError;
use chaveiro_mdm::CaError;
use thiserror::Error;

/// The reason why a key cannot be used at all.
#[derive(Debug, Error)]
pub enum Unusable {
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The authority cannot be used.
    #[error(transparent)]
    Authority(#[from] CaError),
    /// The audit key cannot be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The keys of the issuer cannot be used.
    #[error(transparent)]
    Issuer(#[from] KeyError),
    /// The escrow keys cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl Unusable {
    /// The missing file, if that is the problem.
    pub(super) fn missing(&self) -> Option<&Path> {
        let file = match self {
            Self::File(error)
            | Self::Authority(CaError::File(error))
            | Self::Signer(SignerError::File(error))
            | Self::Issuer(KeyError::File(error))
            | Self::Keyring(KeyringError::File(error)) => error,
            Self::Keyring(KeyringError::Recipients { file, error }) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some(file);
            }
            Self::Keyring(KeyringError::NoTenant { file, .. }) => return Some(file),
            Self::Authority(_) | Self::Signer(_) | Self::Issuer(_) | Self::Keyring(_) => return None,
        };
        match file {
            KeyFileError::Missing(file) => Some(file),
            _ => None,
        }
    }
}

/// A problem of a key.
#[derive(Debug)]
pub enum KeyProblem {
    /// The file is missing.
    Missing(KeyName, PathBuf),
    /// The file holds another key.
    Other {
        /// The name of the key.
        name: KeyName,
        /// The file.
        file: PathBuf,
        /// The fingerprint that the database knows.
        known: Fingerprint,
        /// The fingerprint of the key in the file.
        found: Fingerprint,
    },
    /// The file holds a signing key that the database does not know.
    Unknown(KeyName, PathBuf),
    /// The file cannot be read as a key.
    Unusable(KeyName, Unusable),
    /// The escrow keys of a tenant do not belong together. The escrow gives the text.
    Escrow(TenantId, String),
}

impl KeyProblem {
    /// The name of the key.
    pub fn name(&self) -> KeyName {
        match self {
            Self::Missing(name, _) | Self::Other { name, .. } | Self::Unknown(name, _) | Self::Unusable(name, _) => {
                name.clone()
            }
            Self::Escrow(tenant, _) => KeyName::EscrowRecipients(*tenant),
        }
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |print: &Fingerprint| print.to_string().chars().take(16).collect::<String>();
        match self {
            Self::Missing(_, file) => write!(f, "{} is missing", file.display()),
            Self::Other { file, known, found, .. } => {
                let (known, found) = (short(known), short(found));
                write!(f, "{} is another key ({found}) than this database was used with ({known})", file.display())
            }
            Self::Unknown(_, file) => write!(f, "{} is a signing key that this database does not know", file.display()),
            Self::Unusable(_, error) => f.write_str(&error.to_string().replace("; ", ", ")),
            Self::Escrow(_, text) => f.write_str(&text.replace("; ", ", ")),
        }
    }
}

/// The problems of the keys of a data directory.
#[derive(Debug)]
pub struct KeyProblems {
    /// The directory of the keys.
    pub directory: PathBuf,
    /// The problems, at least one.
    pub problems: Vec<KeyProblem>,
}

impl fmt::Display for KeyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.problems.iter().map(KeyProblem::to_string).collect();
        let directory = self.directory.display();
        write!(
            f,
            "{}; restore {directory} from the backup of the keys that belongs to this database",
            texts.join(", ")
        )?;
        let names: Vec<_> = self.problems.iter().map(|problem| problem.name().to_string()).collect();
        if self.problems.iter().all(|problem| matches!(problem, KeyProblem::Missing(KeyName::EscrowPrivate(_), _))) {
            f.write_str(
                ", or, if the private key is kept elsewhere on purpose, say so with: chaveiro keys ingest-only on",
            )
        } else {
            write!(
                f,
                ", or, if that is lost permanently, read \"Lost keys\" in docs/operations.md ({})",
                names.join(", ")
            )
        }
    }
}

impl std::error::Error for KeyProblems {}

/// The reason why the keys cannot be compared.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// The fingerprints in the database cannot be read or written.
    #[error("the keys that the database knows cannot be read: {0}")]
    Store(#[from] Fault),
    /// A key could not be made.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// Keys are missing or wrong.
    #[error(transparent)]
    Problems(#[from] KeyProblems),
    /// The directory was never completed.
    #[error("the data directory is incomplete; run once more: chaveiro init")]
    Unfinished,
    /// A missing key cannot be accepted.
    #[error("{} is missing and cannot be accepted; put the key in its place first", .0.display())]
    NothingToAccept(PathBuf),
    /// Another process changes recipients, and does not come to an end.
    #[error("another process is changing the keys in {}; wait until it has ended, or end it", .0.display())]
    Changing(PathBuf),
}

impl From<KeyringError> for InventoryError {
    fn from(error: KeyringError) -> Self {
        Self::Unusable(error.into())
    }
}

impl From<KeyError> for InventoryError {
    fn from(error: KeyError) -> Self {
        Self::Unusable(error.into())
    }
}
