//! The parts of error texts: each has a code and values, so that a program can tell it in another language.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A part of an error text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The code, which keeps its meaning.
    pub code: &'static str,
    /// The values by their names: `name`, `entity`, `expected`, `found`, `most`.
    pub values: Vec<(&'static str, Value)>,
    /// The part in English.
    pub text: String,
}

/// Makes a [`Detail`]: the code, the text, and the values that the text names.
macro_rules! detail {
    ($code:literal, $text:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::query::Detail {
            code: $code,
            values: vec![$((stringify!($name), ::serde_json::json!($value))),*],
            text: format!($text $(, $name = $value)*),
        }
    };
}
pub(crate) use detail;

impl Detail {
    /// The value of that name; null if the text has none.
    pub(crate) fn value(&self, name: &str) -> Value {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// The text at a place; `None` at the end.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Found(pub(super) Option<String>);

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(out, "\"{text}\""),
            None => out.write_str("the end"),
        }
    }
}

/// The text that is expected at a place: its code, and the words for it. A sign is its own code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited(pub(super) &'static str, pub(super) &'static str);

impl Awaited {
    /// A sign, or words of the language itself.
    pub(super) const fn sign(sign: &'static str) -> Self {
        Self(sign, sign)
    }
}
