//! Texts of callers inside errors.

/// Most characters of a caller's text that an error repeats.
const MOST: usize = 64;

/// Returns the beginning of a caller's text, for an error that names what was sent.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(MOST).collect()
}
