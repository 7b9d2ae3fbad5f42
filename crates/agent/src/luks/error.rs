//! The errors of encrypted volumes. No variant holds a secret.

use std::fmt;
use std::path::PathBuf;

use chaveiro_keyfile::KeyFileError;
use chaveiro_lang::{Text, text};

use super::header::HeaderError;
use crate::key_file::of_key_file;

#[derive(Debug)]
pub(crate) enum LuksError {
    Header { volume: PathBuf, why: HeaderError },
    NoCryptsetup,
    WrongPassphrase(PathBuf),
    TooLong(usize),
    NotEscrowed(PathBuf),
    NoFreeSlot(PathBuf),
    SlotTaken(u8),
    NoSuchSlot(u8),
    NotOurs(u8),
    LastSlot(u8),
    Failed { verb: &'static str, code: i32, words: String },
    Stuck(&'static str),
    KeyFile(KeyFileError),
    Io { file: PathBuf, error: std::io::Error },
}

impl LuksError {
    /// The words of the error; the output of other programs stays as it is.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Header { volume, why } => text!("luks-header", volume = volume, why = why.text()),
            Self::NoCryptsetup => text!("luks-no-cryptsetup"),
            Self::WrongPassphrase(volume) => text!("luks-wrong-passphrase", volume = volume),
            Self::TooLong(most) => text!("luks-too-long", most = *most),
            Self::NotEscrowed(volume) => text!("luks-not-escrowed", volume = volume),
            Self::NoFreeSlot(volume) => text!("luks-no-free-slot", volume = volume),
            Self::SlotTaken(slot) => text!("luks-slot-taken", slot = *slot),
            Self::NoSuchSlot(slot) => text!("luks-no-such-slot", slot = *slot),
            Self::NotOurs(slot) => text!("luks-not-ours", slot = *slot),
            Self::LastSlot(slot) => text!("luks-last-slot", slot = *slot),
            Self::Failed { verb, code, words } => text!("luks-failed", verb = *verb, code = *code, words = words),
            Self::Stuck(verb) => text!("luks-stuck", verb = *verb),
            Self::KeyFile(error) => of_key_file(error),
            Self::Io { file, error } => text!("luks-io", file = file, error = error),
        }
    }
}

impl From<KeyFileError> for LuksError {
    fn from(error: KeyFileError) -> Self {
        Self::KeyFile(error)
    }
}

impl fmt::Display for LuksError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(out)
    }
}

impl std::error::Error for LuksError {}
