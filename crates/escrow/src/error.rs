//! The reasons why keys cannot be used.

use std::path::PathBuf;

use chaveiro_core::id::TenantId;
use chaveiro_keyfile::KeyFileError;
use thiserror::Error;

use crate::recipient::{KeyId, MAX_NAME_CHARS, MAX_RECIPIENTS};

/// The reason why keys cannot be read or made.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A recipients file cannot be used.
    #[error("the recipients file {} cannot be used: {error}", file.display())]
    Recipients {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A line of a recipients file is invalid.
    #[error("line {line} of {} is not a recipient; it must be: p256 BASE64 name", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
    /// The tenant has no keys.
    #[error("the recipients file {} of tenant {tenant} is missing; restore it from the backup of the keys", file.display())]
    NoTenant {
        /// The tenant.
        tenant: TenantId,
        /// The path where its recipients belong.
        file: PathBuf,
    },
    /// The tenant has no recipient to seal to.
    #[error("the recipients file {} names no recipient; restore it from the backup of the keys", .0.display())]
    NoRecipient(PathBuf),
    /// The recipient is already in the list.
    #[error("key {0} is a recipient already")]
    Known(KeyId),
    /// No recipient has that id or name.
    #[error("no recipient is called {0}")]
    Unknown(String),
    /// Several recipients have that name.
    #[error("several recipients are called {0}; name one by its id")]
    Several(String),
    /// The recipient is the server's own key, by which it proves that the escrow is whole.
    #[error("key {0} is the server's own and stays a recipient")]
    Own(KeyId),
    /// A line or a command could not hold the name.
    #[error(
        "{0:?} is not the name of a recipient; it has at most {MAX_NAME_CHARS} characters, and no quotes, backslashes, backticks or control characters"
    )]
    Name(String),
    /// The list of recipients is full.
    #[error("a tenant has at most {MAX_RECIPIENTS} recipients")]
    TooMany,
    /// A key could not be generated.
    #[error("no key could be generated")]
    Generation,
}
