//! Errors as people and machines are told them.

use std::error::Error;
use std::fmt;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::{Lang, Text, others, text};

/// A text that explains the error of something else.
#[derive(Debug)]
struct Because {
    text: Text,
    cause: anyhow::Error,
}

impl fmt::Display for Because {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Says in words of the catalogues why something failed.
pub trait Explain<T> {
    /// The value, or an error with that text.
    fn explain(self, text: impl FnOnce() -> Text) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Explain<T> for Result<T, E> {
    fn explain(self, text: impl FnOnce() -> Text) -> anyhow::Result<T> {
        self.map_err(|cause| Because { text: text(), cause: cause.into() }.into())
    }
}

impl<T> Explain<T> for Option<T> {
    fn explain(self, text: impl FnOnce() -> Text) -> anyhow::Result<T> {
        self.ok_or_else(|| text().into())
    }
}

/// The text of an error that another crate defines, if the program has one.
pub type Translate = fn(&(dyn Error + 'static)) -> Option<Text>;

/// An error as a person reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// The problem and its causes.
    pub what: String,
    /// The imperatives that help, the nearest first.
    pub hints: Vec<String>,
}

/// Tells an error: in that language where the catalogues have it, and the causes that others word as they are.
pub fn tell(error: &anyhow::Error, lang: Lang, translate: Translate) -> Told {
    tell_in(error, lang, &TimeZone::system(), translate)
}

/// An error as machines read it: English, with the id and the arguments of the outermost text.
pub fn tell_machines(error: &anyhow::Error, translate: Translate) -> Value {
    let Told { what, hints } = tell_in(error, Lang::english(), &TimeZone::UTC, translate);
    let words = hints.first().map_or_else(|| what.clone(), |hint| format!("{what}; {hint}"));
    match error.chain().find_map(|cause| text_of(cause, translate)) {
        Some(text) => json!({"error": words, "code": text.id(), "arguments": text.facts()}),
        None => json!({"error": words}),
    }
}

fn tell_in(error: &anyhow::Error, lang: Lang, zone: &TimeZone, translate: Translate) -> Told {
    let (mut whats, mut hints) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        let (what, hint) = match text_of(cause, translate) {
            Some(text) => (text.say_in(lang, zone), text.hint(lang, zone)),
            None => of_others(&cause.to_string(), lang, zone),
        };
        // Some texts end with their cause, which follows as one of its own.
        if whats.last().is_none_or(|last: &String| !last.ends_with(&what)) {
            whats.push(what);
        }
        hints.extend(hint.filter(|hint| !hints.contains(hint)));
    }
    Told { what: whats.join(": "), hints }
}

/// The problem and the imperative of an error that others word, which ours part with a semicolon, too. A reader of another
/// language is told whose words they are.
fn of_others(words: &str, lang: Lang, zone: &TimeZone) -> (String, Option<String>) {
    let (what, hint) = words.split_once("; ").map_or((words, None), |(what, hint)| (what, Some(hint.to_owned())));
    (text!("words-of-others", words = what).say_in(lang, zone), hint)
}

fn text_of(cause: &(dyn Error + 'static), translate: Translate) -> Option<Text> {
    let own = cause.downcast_ref::<Text>();
    let explained = || cause.downcast_ref::<Because>().map(|because| &because.text);
    let of_libraries = || {
        let of_json = || cause.downcast_ref().map(others::of_json);
        cause.downcast_ref().map(others::of_system).or_else(of_json)
    };
    own.or_else(explained).cloned().or_else(|| translate(cause)).or_else(of_libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_else(_: &(dyn Error + 'static)) -> Option<Text> {
        None
    }

    fn full() -> anyhow::Error {
        let failed: Result<(), _> = Err(anyhow::anyhow!("no route"));
        let inner = failed.explain(|| text!("agent-not-reached"));
        inner.explain(|| text!("agent-not-told")).expect_err("an error")
    }

    #[test]
    fn each_depth_is_in_the_language_and_the_words_of_others_are_marked() {
        let told = tell(&full(), Lang::choose(Some("pt")), nothing_else);
        let what = "o servidor não foi avisado, e nada foi removido: não foi possível alcançar o servidor: texto original: no route";
        assert_eq!(told.what, what);
        assert_eq!(told.hints, ["para remover a inscrição só aqui, use --force", "tente mais tarde"]);
        assert!(tell(&full(), Lang::english(), nothing_else).what.ends_with("the server was not reached: no route"));
    }

    #[test]
    fn a_cause_that_the_text_before_it_tells_is_told_once() {
        let full = || std::io::Error::from_raw_os_error(28);
        let failed: Result<(), _> = Err(full());
        let error = failed.explain(|| text!("agent-config-unreadable", file = "/x", error = &full()));
        let told = tell(&error.expect_err("an error"), Lang::choose(Some("pt")), nothing_else);
        assert_eq!(told.what.matches("o disco está cheio").count(), 1, "{}", told.what);
    }

    #[test]
    fn an_error_of_others_is_told_as_it_is_unless_the_program_has_words_for_it() {
        let error = anyhow::anyhow!("no space left");
        let told = tell(&error, Lang::choose(Some("pt")), nothing_else);
        assert_eq!(told, Told { what: "texto original: no space left".to_owned(), hints: Vec::new() });
        let full = anyhow::Error::from(std::io::Error::from_raw_os_error(28));
        let told = tell(&full, Lang::choose(Some("pt")), nothing_else);
        assert_eq!(told.what, "o disco está cheio (No space left on device, os error 28)");
        assert_eq!(tell(&full, Lang::english(), nothing_else).what, "No space left on device (os error 28)");
        let told = tell(&anyhow::anyhow!("no space; make some"), Lang::english(), nothing_else);
        assert_eq!(told, Told { what: "no space".to_owned(), hints: vec!["make some".to_owned()] });
        let told = tell(&error, Lang::choose(Some("pt")), |_| Some(text!("agent-token-needed")));
        assert_eq!(told.what, "falta um token");
    }

    #[test]
    fn machines_read_english_with_a_code_and_arguments() {
        assert_eq!(
            tell_machines(&full(), nothing_else),
            json!({
                "error": "the server was not told, and nothing was removed: the server was not reached: no route; to remove the enrolment here alone, use --force",
                "code": "agent-not-told",
                "arguments": {},
            })
        );
        let error = text!("agent-status", status = 503).into();
        assert_eq!(tell_machines(&error, nothing_else)["arguments"], json!({"status": 503}));
        assert_eq!(tell_machines(&anyhow::anyhow!("x"), nothing_else), json!({"error": "x"}));
    }
}
