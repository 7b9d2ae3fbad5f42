//! The texts of errors of key files, which the agent and the command line share.

use chaveiro_keyfile::KeyFileError;
use chaveiro_lang::{Text, text};

/// The text of an error of a key file.
pub fn of_key_file(error: &KeyFileError) -> Text {
    match error {
        KeyFileError::Missing(file) => text!("key-file-missing", file = file),
        KeyFileError::Exists(file) => text!("key-file-exists", file = file),
        KeyFileError::TooOpen { file, mode } => {
            text!("key-file-too-open", file = file, mode = format!("{mode:o}"))
        }
        KeyFileError::Damaged { file, what } => text!("key-file-damaged", file = file, what = *what),
        KeyFileError::Directory { directory, error } => {
            text!("directory-not-made-because", directory = directory, error = error)
        }
        KeyFileError::Io { file, error } => text!("key-file-unusable", file = file, error = error),
    }
}
