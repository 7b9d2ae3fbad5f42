//! The errors of replacing and proving a password.

use std::path::PathBuf;

use thiserror::Error;

/// Bytes of a password that pam_unix(8) and libxcrypt take (`PAM_MAX_RESP_SIZE`, `CRYPT_MAX_PASSPHRASE_SIZE`, both
/// with the terminating zero).
pub(super) const LONGEST: usize = 511;

/// Why a password is not replaced or not proven, and what to do. No variant holds a hash or a passcode.
#[derive(Debug, Error)]
pub(crate) enum LoginError {
    #[error("{} cannot be used: {error}; run it as root", file.display())]
    Unusable { file: PathBuf, error: std::io::Error },
    #[error("{} is a link out of the system that was named; name the one that the link leads to", .0.display())]
    Outside(PathBuf),
    #[error("{0} has no password on this machine; name an account that has one")]
    NoAccount(String),
    #[error("the line of {0} in shadow is damaged; look at it with pwck -r")]
    Damaged(String),
    #[error("another program has been changing passwords all the while; try again when it is done")]
    Busy,
    #[error("the password was changed meanwhile and stays as it is; begin again")]
    ChangedMeanwhile,
    #[error("what should be put into shadow does not belong there, and shadow is as it was; begin again")]
    NotAnEntry,
    #[error("shadow cannot be written and is as it was: {0}; make room on the disk, then try again")]
    Unwritten(std::io::Error),
    #[error("shadow was replaced, but the disk did not confirm it: {0}; see which password opens the account")]
    Unconfirmed(std::io::Error),
    #[error("this passcode cannot be typed at a login: {} bytes at most, no line breaks; make another", LONGEST)]
    Passcode,
    #[error("the hash of this account is of a kind that only its own system can check; check it there")]
    Scheme,
    #[error("{program} {what}; apt-get install --reinstall {package}")]
    Program { program: &'static str, what: String, package: &'static str },
}

impl LoginError {
    /// What the server is told; it stays the same for ever.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "notRoot",
            Self::Outside(_) => "shadowOutside",
            Self::NoAccount(_) => "noAccount",
            Self::Damaged(_) => "shadowDamaged",
            Self::Busy => "shadowBusy",
            Self::ChangedMeanwhile => "changedMeanwhile",
            Self::NotAnEntry | Self::Passcode => "passcodeUnusable",
            Self::Unwritten(_) | Self::Unconfirmed(_) => "shadowUnwritable",
            Self::Scheme => "hashUnknown",
            Self::Program { .. } => "missingProgram",
        }
    }
}
