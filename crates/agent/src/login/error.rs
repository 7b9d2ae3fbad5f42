//! The errors of replacing and proving a password.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use chaveiro_lang::{Text, text};

/// Bytes of a password that pam_unix(8) and libxcrypt take (`PAM_MAX_RESP_SIZE`, `CRYPT_MAX_PASSPHRASE_SIZE`, both
/// with the terminating zero).
pub(super) const LONGEST: usize = 511;

/// The reason why a password is not replaced or not proven. No variant holds a hash or a passcode.
#[derive(Debug)]
pub(crate) enum LoginError {
    Unusable { file: PathBuf, error: std::io::Error },
    Outside(PathBuf),
    NoAccount(String),
    Damaged(String),
    Busy,
    ChangedMeanwhile,
    NotAnEntry,
    Unwritten(std::io::Error),
    Unconfirmed(std::io::Error),
    Passcode,
    Scheme,
    Program { program: &'static str, fault: ProgramFault, package: &'static str },
}

/// The fault of a program of the system.
#[derive(Debug)]
pub(crate) enum ProgramFault {
    Missing,
    NotRun(std::io::Error),
    NoAnswer(ExitStatus),
    AttemptsKept(ExitStatus),
}

impl LoginError {
    /// The words of the error.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Unusable { file, error } => text!("login-unusable", file = file, error = error),
            Self::Outside(file) => text!("login-outside", file = file),
            Self::NoAccount(name) => text!("login-no-account", name = name),
            Self::Damaged(name) => text!("login-damaged", name = name),
            Self::Busy => text!("login-busy"),
            Self::ChangedMeanwhile => text!("login-changed-meanwhile"),
            Self::NotAnEntry => text!("login-not-an-entry"),
            Self::Unwritten(error) => text!("login-unwritten", error = error),
            Self::Unconfirmed(error) => text!("login-unconfirmed", error = error),
            Self::Passcode => text!("login-passcode", most = LONGEST),
            Self::Scheme => text!("login-scheme"),
            Self::Program { program, fault, package } => fault.text(program, package),
        }
    }

    /// The code for the server; it never changes.
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

impl ProgramFault {
    fn text(&self, program: &str, package: &str) -> Text {
        match self {
            Self::Missing => text!("login-program-missing", program = program, package = package),
            Self::NotRun(error) => {
                text!("login-program-not-run", program = program, package = package, error = error)
            }
            Self::NoAnswer(status) => {
                text!("login-program-no-answer", program = program, package = package, status = of_status(*status))
            }
            Self::AttemptsKept(status) => {
                text!("login-program-attempts-kept", program = program, package = package, status = of_status(*status))
            }
        }
    }
}

/// The way in which a program ended.
fn of_status(status: ExitStatus) -> Text {
    match status.code() {
        Some(code) => text!("ended-with-code", code = code),
        None => text!("ended-by-signal", signal = status.signal().unwrap_or_default()),
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(out)
    }
}

impl std::error::Error for LoginError {}
