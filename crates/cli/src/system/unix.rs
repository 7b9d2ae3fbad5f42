//! What Unix does in a way of its own: files of one user, the place for them, terminals.

use std::path::PathBuf;

pub(crate) use chaveiro_keyfile::{create_directory, keep_to_oneself, read, replace};

/// The directory for the settings of programs, by these variables.
pub(crate) fn settings(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))
}

/// Returns true if a terminal takes colours.
pub(crate) fn shows_colour() -> bool {
    true
}
