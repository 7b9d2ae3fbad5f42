//! A text that is wiped when it is dropped.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A text that is wiped when it is dropped: a passcode, a password, or a message that may hold one.
///
/// It reads as a `str`. It has neither `Debug` nor `Display`, so that it gets into no log by accident.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over. No copy is made.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// An empty text that grows to that many bytes without leaving a copy behind.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self::new(String::with_capacity(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text up. From here on the caller wipes it.
    pub fn into_string(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    /// Appends a text. One that needs more room moves to it and is wiped where it was; a `String` would leave its beginning there.
    pub(crate) fn push_str(&mut self, text: &str) {
        let (needed, room) = (self.0.len() + text.len(), self.0.capacity());
        if needed > room {
            let mut larger = Zeroizing::new(String::with_capacity(needed.max(2 * room)));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }

    /// Shortens the text to that many bytes. The rest stays in memory until the text is wiped.
    pub(crate) fn truncate(&mut self, bytes: usize) {
        self.0.truncate(bytes);
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}
