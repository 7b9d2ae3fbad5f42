//! Messages: an id of the catalogues and its arguments, in no language yet.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use fluent_bundle::{FluentArgs, FluentValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, json};

use crate::Lang;
use crate::moment;
use crate::plain::plain;

/// A message of the catalogues with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    id: Cow<'static, str>,
    arguments: Vec<(Cow<'static, str>, Value)>,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words that are the same in every language: a name, a path, what another program said.
    Words(String),
    /// A number, which chooses the plural.
    Number(i64),
    /// A moment, told with its time.
    Moment(Timestamp),
    /// A moment, of which the day matters.
    Day(Timestamp),
    /// Another message.
    Text(Box<Text>),
    /// Other messages, one after another.
    Texts(Vec<Text>),
}

/// Makes a [`Text`]: the id of a message, and its arguments by name.
#[macro_export]
macro_rules! text {
    ($id:literal $(,)?) => {
        $crate::Text::plain($id)
    };
    ($id:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::Text::new($id, ::std::vec![$((stringify!($name), $crate::Value::from($value))),+])
    };
}

impl Text {
    /// A message without arguments.
    pub const fn plain(id: &'static str) -> Self {
        Self { id: Cow::Borrowed(id), arguments: Vec::new() }
    }

    /// A message with arguments.
    pub fn new(id: &'static str, arguments: Vec<(&'static str, Value)>) -> Self {
        let arguments = arguments.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        Self { id: Cow::Borrowed(id), arguments: arguments.collect() }
    }

    /// A message that a server named, if the catalogues have it.
    pub fn known(id: String, arguments: impl IntoIterator<Item = (String, Value)>) -> Option<Self> {
        let arguments = arguments.into_iter().map(|(name, value)| (Cow::Owned(name), value));
        let text = Self { id: Cow::Owned(id), arguments: arguments.collect() };
        Lang::english().find(&text.id, None, &FluentArgs::new()).map(|_| text)
    }

    /// The id of the message.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The arguments as machines read them.
    pub fn facts(&self) -> Map<String, serde_json::Value> {
        let fact = |value: &Value| match value {
            Value::Number(number) => json!(number),
            Value::Words(words) => json!(words),
            Value::Moment(at) | Value::Day(at) => json!(at.to_string()),
            Value::Text(text) => json!(text.say_in(Lang::english(), &TimeZone::UTC)),
            Value::Texts(texts) => texts.iter().map(|text| text.say_in(Lang::english(), &TimeZone::UTC)).collect(),
        };
        self.arguments.iter().map(|(name, value)| (name.clone().into_owned(), fact(value))).collect()
    }

    /// The message in that language, with the times of this place.
    pub fn say(&self, lang: Lang) -> String {
        self.say_in(lang, &TimeZone::system())
    }

    /// The message in that language, with the times of that zone.
    pub fn say_in(&self, lang: Lang, zone: &TimeZone) -> String {
        let said = lang.find(&self.id, None, &self.arguments(lang, zone));
        said.unwrap_or_else(|| self.id.clone().into_owned())
    }

    /// The imperative that belongs to an error, if there is one.
    pub fn hint(&self, lang: Lang, zone: &TimeZone) -> Option<String> {
        lang.find(&self.id, Some("hint"), &self.arguments(lang, zone))
    }

    fn arguments(&self, lang: Lang, zone: &TimeZone) -> FluentArgs<'static> {
        self.arguments.iter().map(|(name, value)| (name.clone(), value.fluent(lang, zone))).collect()
    }
}

/// English, as logs and machines read it: the problem, and after a semicolon the imperative.
impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (english, utc) = (Lang::english(), TimeZone::UTC);
        out.write_str(&self.say_in(english, &utc))?;
        match self.hint(english, &utc) {
            Some(hint) => write!(out, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Text {}

/// A moment of which the day matters.
pub fn day(at: Timestamp) -> Value {
    Value::Day(at)
}

impl Value {
    fn fluent(&self, lang: Lang, zone: &TimeZone) -> FluentValue<'static> {
        match self {
            Self::Words(words) => plain(words).into_owned().into(),
            Self::Number(number) => (*number).into(),
            Self::Moment(at) => moment::moment(*at, lang, zone).into(),
            Self::Day(at) => moment::day(*at, lang, zone).into(),
            Self::Text(text) => text.say_in(lang, zone).into(),
            Self::Texts(texts) => {
                texts.iter().map(|text| text.say_in(lang, zone)).collect::<Vec<_>>().join(", ").into()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<String> for Value {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<&String> for Value {
    fn from(words: &String) -> Self {
        Self::Words(words.clone())
    }
}

impl From<&Path> for Value {
    fn from(path: &Path) -> Self {
        Self::Words(path.display().to_string())
    }
}

impl From<&PathBuf> for Value {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<PathBuf> for Value {
    fn from(path: PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Moment(at)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(Box::new(text))
    }
}

impl From<&Text> for Value {
    fn from(text: &Text) -> Self {
        text.clone().into()
    }
}

impl From<Vec<Text>> for Value {
    fn from(texts: Vec<Text>) -> Self {
        Self::Texts(texts)
    }
}

/// Takes whole numbers.
macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        })+
    };
}

numbers!(u8, u16, u32, u64, usize, i32, i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_problem_and_an_imperative_in_each_language() {
        let error = text!("not-enrolled");
        assert_eq!(
            error.to_string(),
            "this machine is not enrolled; run the line that `chaveiro device enroll-token` prints on the server, or: chaveiro-agent enroll https://SERVER"
        );
        let portuguese = Lang::choose(Some("pt"));
        assert_eq!(error.say(portuguese), "esta máquina não está inscrita");
        assert!(error.hint(portuguese, &TimeZone::UTC).is_some_and(|hint| hint.starts_with("execute a linha")));
    }

    #[test]
    fn people_read_their_own_time_with_its_zone_and_machines_utc() {
        let at: Timestamp = "2026-11-27T02:05:09Z".parse().expect("a moment");
        let sao_paulo = TimeZone::fixed(jiff::tz::offset(-3));
        let ended = text!("agent-last-report", at = at);
        assert_eq!(ended.say_in(Lang::english(), &TimeZone::UTC), "last report: 2026-11-27 02:05 UTC");
        assert_eq!(ended.say_in(Lang::english(), &sao_paulo), "last report: 2026-11-26 23:05 -03");
        assert_eq!(ended.say_in(Lang::choose(Some("pt")), &sao_paulo), "último contato: 26/11/2026 23:05 -03");
        assert_eq!(ended.to_string(), "last report: 2026-11-27 02:05 UTC");
        assert_eq!(ended.facts()["at"], "2026-11-27T02:05:09Z");
    }
}
