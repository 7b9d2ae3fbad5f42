//! The catalogues: every file of every folder, compiled in.

use std::ffi::OsString;
use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_langneg::{NegotiationStrategy, negotiate_languages, parse_accepted_languages};
use fluent_syntax::ast::Entry;
use unic_langid::LanguageIdentifier;

/// Says the language of messages, for all of our programs.
const VARIABLE: &str = "CHAVEIRO_LANG";

/// The variables in which the system names its language, the stronger first (POSIX.1-2017, 8.2).
const SYSTEM_VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The language that every message has.
const ENGLISH: &str = "en";

/// Language and content of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

static COMPILED: LazyLock<Languages> = LazyLock::new(|| Languages::of(FILES));

/// One language and its messages.
struct Language {
    name: String,
    id: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
}

impl Language {
    fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let id: LanguageIdentifier = name.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id.clone()]);
        // The marks that keep directions apart would be copied with commands and passcodes.
        bundle.set_use_isolating(false);
        for (_, text) in files.iter().filter(|(of, _)| *of == name) {
            // A test of the catalogues finds what is malformed; the rest of the file is good.
            let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(rest, _)| rest);
            bundle.add_resource_overriding(resource);
        }
        Self { name: name.to_owned(), id, bundle }
    }

    fn say(&self, id: &str, attribute: Option<&str>, arguments: &FluentArgs<'_>) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        let pattern = match attribute {
            None => message.value()?,
            Some(name) => message.get_attribute(name)?.value(),
        };
        Some(self.bundle.format_pattern(pattern, Some(arguments), &mut Vec::new()).into_owned())
    }
}

/// Every language that there is.
pub struct Languages {
    english: Language,
    others: Vec<Language>,
}

impl Languages {
    /// The languages of those files, each given with the name of its folder.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut names: Vec<&str> = files.iter().map(|(name, _)| *name).filter(|name| *name != ENGLISH).collect();
        names.sort_unstable();
        names.dedup();
        let others = names.into_iter().map(|name| Language::of(name, files)).collect();
        Self { english: Language::of(ENGLISH, files), others }
    }

    /// Every language, English first.
    pub fn all(&'static self) -> impl Iterator<Item = Lang> {
        let all = std::iter::once(&self.english).chain(&self.others);
        all.map(move |language| Lang { language, of: self })
    }

    /// The first of those asked for that is spoken here, or a near one: `pt-BR` for `pt`.
    fn negotiate(&'static self, asked: &[LanguageIdentifier]) -> Option<Lang> {
        let known: Vec<_> = self.all().map(|lang| &lang.language.id).collect();
        let found = negotiate_languages(asked, &known, None, NegotiationStrategy::Lookup);
        let found = **found.first()?;
        self.all().find(|lang| lang.language.id == *found)
    }

    /// The language that a system calls so, such as `pt_BR.UTF-8`.
    pub fn named(&'static self, name: &str) -> Option<Lang> {
        let name = name.split(['.', '@']).next().unwrap_or(name);
        self.negotiate(&[name.parse().ok()?])
    }
}

/// A language.
#[derive(Clone, Copy)]
pub struct Lang {
    language: &'static Language,
    of: &'static Languages,
}

impl Lang {
    /// English: what logs, machines and other programs read.
    pub fn english() -> Self {
        Self { language: &COMPILED.english, of: &COMPILED }
    }

    /// Every language that is compiled in, English first.
    pub fn all() -> impl Iterator<Item = Self> {
        COMPILED.all()
    }

    /// The name of its folder, a language tag.
    pub fn tag(self) -> &'static str {
        &self.language.name
    }

    /// The language of that name, such as `pt_BR.UTF-8`, or else of the system; an empty name is none.
    pub fn choose(asked: Option<&str>) -> Self {
        let system = || SYSTEM_VARIABLES.into_iter().find_map(variable);
        let name = asked.filter(|name| !name.is_empty()).map(str::to_owned).or_else(system);
        name.and_then(|name| COMPILED.named(&name)).unwrap_or_else(Self::english)
    }

    /// The language that these arguments or the environment ask for, before they are parsed: help needs it.
    pub fn of_arguments(arguments: impl IntoIterator<Item = OsString>) -> Self {
        // A path need not be text; a language is.
        let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
        let mut given = None;
        while let (None, Some(argument)) = (&given, arguments.next()) {
            given = match argument.strip_prefix("--lang") {
                Some("") => arguments.next(),
                Some(value) => value.strip_prefix('=').map(str::to_owned),
                None => None,
            };
        }
        Self::choose(given.or_else(|| variable(VARIABLE)).as_deref())
    }

    /// The language that a browser asks for first, by its `Accept-Language`.
    pub fn of_browser(accepted: &str) -> Self {
        COMPILED.negotiate(&parse_accepted_languages(accepted)).unwrap_or_else(Self::english)
    }

    /// The message, or one of its attributes; in English where the language lacks it.
    pub(crate) fn find(self, id: &str, attribute: Option<&str>, arguments: &FluentArgs<'_>) -> Option<String> {
        let own = self.language.say(id, attribute, arguments);
        own.or_else(|| self.of.english.say(id, attribute, arguments))
    }

    /// The attribute of a message that has no arguments.
    pub fn attribute(self, id: &str, name: &str) -> Option<String> {
        self.find(id, Some(name), &FluentArgs::new())
    }

    /// The ids of the messages in its files, each with the names of its attributes.
    pub fn messages(self) -> Vec<(String, Vec<String>)> {
        let of = |entry: &Entry<&str>| match entry {
            Entry::Message(message) => {
                let attributes = message.attributes.iter().map(|attribute| attribute.id.name.to_owned());
                Some((message.id.name.to_owned(), attributes.collect()))
            }
            _ => None,
        };
        let files = FILES.iter().filter(|(name, _)| *name == self.language.name);
        let files = files.filter_map(|(_, text)| FluentResource::try_new((*text).to_owned()).ok());
        files.flat_map(|file| file.entries().filter_map(of).collect::<Vec<_>>()).collect()
    }
}

impl PartialEq for Lang {
    fn eq(&self, other: &Self) -> bool {
        self.language.id == other.language.id
    }
}

impl Eq for Lang {}

impl fmt::Debug for Lang {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.language.name)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked(files: &[(&str, &str)]) -> &'static Languages {
        Box::leak(Box::new(Languages::of(files)))
    }

    fn number(count: u64) -> FluentArgs<'static> {
        FluentArgs::from_iter([("count", count)])
    }

    #[test]
    fn the_language_is_known_before_the_arguments_are_parsed() {
        let of = |words: &[&str]| Lang::of_arguments(words.iter().map(OsString::from));
        assert_eq!(of(&["chaveiro", "--lang", "pt", "--help"]).tag(), "pt-BR");
        assert_eq!(of(&["chaveiro", "status", "--lang=pt-BR"]).tag(), "pt-BR");
        assert_eq!(of(&["chaveiro", "--lang", "en"]).tag(), "en");
    }

    #[test]
    fn a_language_is_known_by_the_names_that_systems_use() {
        for (name, tag) in [
            ("pt", "pt-BR"),
            ("pt_BR.UTF-8", "pt-BR"),
            ("pt_PT@euro", "pt-BR"),
            ("PT", "pt-BR"),
            ("en_US", "en"),
            ("en-GB", "en"),
            ("C.UTF-8", "en"),
            ("POSIX", "en"),
            ("fr_FR.UTF-8", "en"),
        ] {
            assert_eq!(Lang::choose(Some(name)).tag(), tag, "{name}");
        }
    }

    #[test]
    fn a_browser_gets_the_first_of_its_languages_that_there_is() {
        for (accepted, tag) in [
            ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
            ("PT", "pt-BR"),
            ("fr-FR, pt;q=0.5", "pt-BR"),
            ("en-US,en;q=0.9,pt;q=0.8", "en"),
            ("fr", "en"),
            ("*", "en"),
            ("", "en"),
            ("\u{0};;;,,", "en"),
        ] {
            assert_eq!(Lang::of_browser(accepted).tag(), tag, "{accepted}");
        }
    }

    #[test]
    fn a_message_that_a_language_lacks_is_english_there() {
        let languages =
            leaked(&[("en", "a = one\nb = two\n    .hint = do\n"), ("pt-BR", "a = um\n"), ("en", "c = three")]);
        let lang = languages.named("pt").expect("spoken");
        let said = |id, attribute| lang.find(id, attribute, &FluentArgs::new());
        assert_eq!(said("a", None).as_deref(), Some("um"));
        assert_eq!(said("b", None).as_deref(), Some("two"));
        assert_eq!(said("b", Some("hint")).as_deref(), Some("do"));
        assert_eq!(said("c", None).as_deref(), Some("three"));
        assert_eq!((said("d", None), said("a", Some("hint"))), (None, None));
    }

    #[test]
    fn each_language_has_plurals_of_its_own() {
        let files = [
            ("en", "days = { $count ->\n    [one] one day\n   *[other] { $count } days\n}\n"),
            ("pt-BR", "days = { $count ->\n    [one] { $count } dia\n   *[other] { $count } dias\n}\n"),
            ("pl", "days = { $count ->\n    [one] dzień\n    [few] { $count } dni\n   *[many] { $count } dni!\n}\n"),
        ];
        let languages = leaked(&files);
        for (name, count, said) in [
            ("en", 0, "0 days"),
            ("en", 1, "one day"),
            ("en", 2, "2 days"),
            ("pt", 0, "0 dia"),
            ("pt", 1, "1 dia"),
            ("pt", 21, "21 dias"),
            ("pl", 1, "dzień"),
            ("pl", 3, "3 dni"),
            ("pl", 5, "5 dni!"),
        ] {
            let lang = languages.named(name).expect("spoken");
            assert_eq!(lang.find("days", None, &number(count)).as_deref(), Some(said), "{name} {count}");
        }
    }
}
