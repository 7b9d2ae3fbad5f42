//! Help, manual pages, completions and refusals of a `clap` command in a language.
//!
//! A command is defined once, without texts. Its texts are laid over it from the catalogues: a verb is a message, and its
//! arguments are the attributes of that message. What several verbs share stands at the verb above them.
//!
//! ```text
//! help-cli-device = Managed devices
//!     .device = The device: its id or name
//! help-cli-device-show = Show one device
//! help-cli-demo = Show the whole product on this machine
//!     .more = With --data the data is kept in that fresh directory.
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::wrap::wrapped;
use crate::{Lang, Text, text};

/// The attribute with the paragraphs that only the long help has.
const MORE: &str = "more";

/// The help of a program, by the id of its message in the catalogues.
#[derive(Clone, Copy, Debug)]
pub struct Help(pub &'static str);

/// The ids of a verb and of those above it, the nearest first.
#[derive(Clone)]
struct Place(Vec<String>);

impl Place {
    fn of(&self, verb: &Command) -> Self {
        let above = self.0.first().map_or("", String::as_str);
        Self(std::iter::once(format!("{above}-{}", verb.get_name())).chain(self.0.iter().cloned()).collect())
    }

    fn about(&self, lang: Lang) -> Option<String> {
        find(lang, self.0.first()?, None)
    }

    fn long_about(&self, lang: Lang) -> Option<String> {
        Some(format!("{}.\n\n{}", self.about(lang)?, find(lang, self.0.first()?, Some(MORE))?))
    }

    /// The message that has the text of an argument.
    fn owner(&self, argument: &Arg) -> Option<(&str, String)> {
        let name = attribute(argument);
        self.0.iter().find(|id| find(Lang::english(), id, Some(&name)).is_some()).map(|id| (id.as_str(), name))
    }
}

fn find(lang: Lang, id: &str, attribute: Option<&str>) -> Option<String> {
    lang.find(id, attribute, &fluent_bundle::FluentArgs::new())
}

fn attribute(argument: &Arg) -> String {
    argument.get_id().as_str().replace('_', "-")
}

/// The facts that stand behind the text of an argument, such as its bounds.
pub type Facts = fn(&Arg, Lang) -> Option<String>;

impl Help {
    /// The command in that language. In English the headings are those of `clap`.
    pub fn in_language(self, command: Command, lang: Lang) -> Command {
        self.with_facts(command, lang, |_, _| None)
    }

    /// The command in that language, with facts behind the texts of its arguments.
    pub fn with_facts(self, command: Command, lang: Lang, facts: Facts) -> Command {
        let command = self.say(command, &Place(vec![self.0.to_owned()]), (lang, facts), false);
        let mut built = command.clone();
        built.build();
        with_usage(command, &mut built, &text!("help-any-options").say(lang))
    }

    /// The mismatches: visible verbs and arguments without a text, texts of verbs and arguments that are missing, and
    /// placeholders that a language leaves in English.
    pub fn unmatched(self, command: &Command) -> Vec<String> {
        let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
        self.note(command, &Place(vec![self.0.to_owned()]), &mut used, &mut faults);
        let of_this = |id: &str| id.strip_prefix(self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        for (id, attributes) in Lang::english().messages().into_iter().filter(|(id, _)| of_this(id)) {
            let attributes = attributes.into_iter().map(|name| format!("{id}.{name}"));
            let unused = attributes.chain([id.clone()]).filter(|name| !used.contains(name));
            faults.extend(unused.map(|name| format!("not in the command: {name}")));
        }
        let mut names = BTreeSet::new();
        placeholders(command, &mut names);
        for lang in Lang::all().filter(|lang| *lang != Lang::english()) {
            let english = names.iter().filter(|name| text!("help-value", name = *name).say(lang) == **name);
            faults.extend(english.map(|name| format!("not in {}: {name}", lang.tag())));
        }
        faults
    }

    fn note(self, command: &Command, place: &Place, used: &mut BTreeSet<String>, faults: &mut Vec<String>) {
        let id = place.0.first().cloned().unwrap_or_default();
        if place.about(Lang::english()).is_none() {
            faults.push(format!("no text: {id}"));
        }
        used.insert(format!("{id}.{MORE}"));
        used.insert(id.clone());
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            match place.owner(argument) {
                Some((owner, name)) => drop(used.insert(format!("{owner}.{name}"))),
                None => faults.push(format!("no text: {id}.{}", attribute(argument))),
            }
        }
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            self.note(verb, &place.of(verb), used, faults);
        }
    }

    /// `versioned`: the command above gives its version to its verbs.
    fn say(self, command: Command, place: &Place, (lang, facts): (Lang, Facts), versioned: bool) -> Command {
        let (about, long_about) = (place.about(lang), place.long_about(lang));
        let versioned_verbs = versioned || command.is_propagate_version_set();
        let mut command = command.mut_args(|argument| with_help(argument, place, lang, facts));
        if lang != Lang::english() {
            command = in_frame(command, lang, versioned);
        }
        command = command.mut_subcommands(|verb| {
            let place = place.of(&verb);
            self.say(verb, &place, (lang, facts), versioned_verbs)
        });
        if let Some(about) = about {
            command = command.about(about);
        }
        match long_about {
            Some(about) => command.long_about(about),
            None => command,
        }
    }
}

/// The placeholders that every language writes alike.
const INTERNATIONAL: [&str; 7] = ["BACKUP", "GUID", "ID", "N", "SHELL", "TOKEN", "URL"];

/// The placeholders of the values of visible verbs.
fn placeholders(command: &Command, found: &mut BTreeSet<String>) {
    let arguments = command.get_arguments().filter(|one| !one.is_hide_set() && one.get_action().takes_values());
    let names = arguments.flat_map(|argument| argument.get_value_names().unwrap_or_default());
    found.extend(names.map(ToString::to_string).filter(|name| !INTERNATIONAL.contains(&name.as_str())));
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).for_each(|verb| placeholders(verb, found));
}

/// Gives an argument its text. What `clap` adds in English is added here in the other languages.
fn with_help(argument: Arg, place: &Place, lang: Lang, facts: Facts) -> Arg {
    let Some((id, name)) = place.owner(&argument) else { return argument };
    let text = find(lang, id, Some(&name)).unwrap_or_default();
    let help = match facts(&argument, lang) {
        Some(facts) => format!("{text} [{facts}]"),
        None => text,
    };
    if lang == Lang::english() {
        return argument.help(help);
    }
    let heading = match argument.get_help_heading() {
        Some(own) => text!("help-heading", name = own),
        None if argument.is_positional() => text!("help-arguments"),
        None => text!("help-options"),
    };
    let takes_values = argument.get_action().takes_values();
    let joined = |values: Vec<String>| values.join(", ");
    let default = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let possible = argument.get_possible_values();
    let possible =
        possible.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name().to_owned()).collect();
    let (default, possible): (Vec<String>, Vec<String>) = (default, possible);
    let mut parts = vec![help];
    if takes_values && !default.is_empty() {
        parts.push(text!("help-default", values = joined(default)).say(lang));
    }
    if takes_values && !possible.is_empty() {
        parts.push(text!("help-possible", values = joined(possible)).say(lang));
    }
    let names = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
    let names: Vec<_> = names.map(|name| text!("help-value", name = name).say(lang)).collect();
    let argument = argument.help(parts.join(" ")).help_heading(heading.say(lang));
    if !takes_values {
        return argument;
    }
    let argument = argument.hide_default_value(true).hide_possible_values(true);
    if names.is_empty() { argument } else { argument.value_names(names) }
}

/// The headings and the flags that `clap` has in English alone.
fn in_frame(command: Command, lang: Lang, versioned: bool) -> Command {
    let say = |text: Text| text.say(lang);
    let options = say(text!("help-options"));
    let flag = |id: &'static str, short, action, help| {
        Arg::new(id).short(short).long(id).action(action).help(help).help_heading(options.clone())
    };
    let after_help = command.get_after_help().map(|help| {
        let headings = [("Example:", text!("help-example")), ("Begin with:", text!("help-begin"))];
        headings.into_iter().fold(help.to_string(), |help, (english, own)| help.replacen(english, &say(own), 1))
    });
    let has_version = versioned || command.get_version().is_some();
    let usage = say(text!("help-usage"));
    let command = command
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}{{after-help}}"))
        .subcommand_help_heading(say(text!("help-verbs")))
        .subcommand_value_name(say(text!("help-verb")))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(flag("help", 'h', ArgAction::Help, say(text!("help-help"))));
    let command = match has_version {
        true => command.arg(flag("version", 'V', ArgAction::Version, say(text!("help-version")))),
        false => command,
    };
    match after_help {
        Some(help) => command.after_help(help),
        None => command,
    }
}

/// The command with usage lines that say `options` for `[OPTIONS]`. They are the same in a refusal, where `clap` else tells
/// each flag that was given as a necessary one.
fn with_usage(command: Command, built: &mut Command, options: &str) -> Command {
    let usage = built.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("[OPTIONS]", options);
    // Help does not wrap it.
    let usage = wrapped(&usage, 72).join("\n       ");
    let command = command.mut_subcommands(|verb| match built.find_subcommand_mut(verb.get_name()) {
        Some(built) => with_usage(verb, built, options),
        None => verb,
    });
    command.override_usage(usage)
}

/// A space at which help does not wrap.
const HELD: &str = "\u{A0}";

/// The command with examples that stay whole where help wraps: they are copied. Only [`print`] and [`help_instead`] show
/// them right.
pub fn with_whole_examples(command: Command) -> Command {
    let held = |line: &str| match line.strip_prefix("  ") {
        Some(example) => format!("  {}", example.replace(' ', HELD)),
        None => line.to_owned(),
    };
    let after =
        command.get_after_help().map(|after| after.to_string().lines().map(held).collect::<Vec<_>>().join("\n"));
    let command = command.mut_subcommands(with_whole_examples);
    match after {
        Some(after) => command.after_help(after),
        None => command,
    }
}

/// Prints the help or the version that is asked for, and ends the process.
pub fn print(error: &clap::Error, colour: bool) -> ! {
    let styled = error.render();
    let text = if colour { styled.ansi().to_string() } else { styled.to_string() };
    let text = text.replace(HELD, " ");
    // Writing fails if the reader of the pipe has ended. Then the rest has no reader.
    let _ = match error.use_stderr() {
        true => write!(std::io::stderr(), "{text}"),
        false => write!(std::io::stdout(), "{text}"),
    };
    std::process::exit(error.exit_code())
}

/// The help of the command that lacks a verb, if that is the error.
pub fn help_instead(command: &mut Command, error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::MissingSubcommand {
        return None;
    }
    let Some(ContextValue::String(path)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let mut at = command;
    for verb in path.split(' ').skip(1) {
        at = at.find_subcommand_mut(verb)?;
    }
    Some(at.render_help().to_string().replace(HELD, " "))
}

/// Parses the name of a language that is spoken here. The neutral names of systems mean English; an empty name means
/// the language of the system, as in the variables of POSIX.
pub fn spoken(name: &str) -> Result<String, Text> {
    let lower = name.to_ascii_lowercase();
    let is_neutral = lower.split('.').next().is_some_and(|name| ["c", "posix"].contains(&name));
    let known = Lang::all().any(|lang| {
        let primary = lang.tag().split('-').next().unwrap_or_default();
        lower.strip_prefix(primary).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    });
    match known || is_neutral || name.is_empty() {
        true => Ok(name.to_owned()),
        false => {
            let languages: Vec<_> = Lang::all().map(Lang::tag).collect();
            Err(text!("not-spoken", languages = languages.join(", ")))
        }
    }
}

/// The phrases that frame the refusals of `clap`: in English its own words, the longer first.
const FRAME: [Text; 26] = [
    text!("clap-required"),
    text!("clap-verb-required"),
    text!("clap-conflicts-some"),
    text!("clap-value-required"),
    text!("clap-none-given"),
    text!("clap-unknown-verb"),
    text!("clap-unknown-argument"),
    text!("clap-found"),
    text!("clap-invalid"),
    text!("clap-invalid-for"),
    text!("clap-conflict"),
    text!("clap-twice"),
    text!("clap-conflicts-with-several"),
    text!("clap-conflicts-with"),
    text!("clap-similar-verbs"),
    text!("clap-similar-verb"),
    text!("clap-similar-argument"),
    text!("clap-similar-value"),
    text!("clap-pass"),
    text!("clap-pass-as"),
    text!("clap-possible"),
    text!("clap-verbs"),
    text!("clap-more"),
    text!("clap-usage"),
    text!("clap-tip"),
    text!("clap-error"),
];

/// A refusal of a command line, as `clap` words it, in that language.
pub fn refusal(error: &clap::Error, lang: Lang) -> String {
    let english = Lang::english();
    let mut told = error.to_string();
    if lang != english {
        told = FRAME.iter().fold(told, |text, part| text.replace(&part.say(english), &part.say(lang)));
    }
    let Some(reason) = error.source() else { return told };
    let plain = reason.to_string();
    match reason.downcast_ref::<Text>().cloned().or_else(|| plainly(&plain)) {
        Some(words) => told.replace(&plain, &words.say(lang)),
        None => told,
    }
}

/// Plain words for a reason that speaks of Rust: `0 is not in 1..=8760`, `invalid digit found in string`.
fn plainly(reason: &str) -> Option<Text> {
    if reason == "invalid digit found in string" {
        return Some(text!("clap-number"));
    }
    let (_, range) = reason.split_once(" is not in ")?;
    let (least, most) = range.split_once("..=")?;
    Some(text!("clap-bounds", least = least.to_owned(), most = most.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: Help = Help("help-agent");

    fn portuguese() -> Lang {
        Lang::choose(Some("pt"))
    }

    /// A part of the agent's command, so that it has texts.
    fn command() -> Command {
        let volumes = Arg::new("volumes").long("volume").value_name("PATH").default_value("/a");
        let verb = Command::new("doctor").arg(volumes).arg(Arg::new("account").value_parser(["ana", "bob"]));
        let hidden = Command::new("pick").hide(true);
        let command = Command::new("chaveiro-agent").version("1.2.3").propagate_version(true);
        command.after_help("Example: chaveiro-agent doctor").subcommands([verb, hidden])
    }

    fn printed(lang: Lang, line: &[&str]) -> String {
        let refused = HELP.in_language(command(), lang).try_get_matches_from(line);
        refused.expect_err("help or version").to_string()
    }

    #[test]
    fn help_is_in_the_language_with_its_headings_and_its_example() {
        let both = ["--help", "doctor"].map(|word| printed(portuguese(), &["chaveiro-agent", word, "--help"]));
        insta::assert_snapshot!(both.join("----\n"));
        assert!(printed(Lang::english(), &["chaveiro-agent", "--help"]).contains("Example: chaveiro-agent doctor"));
    }

    #[test]
    fn a_refusal_tells_no_flag_that_was_given_as_a_necessary_one() {
        let verb = Command::new("show").arg(Arg::new("device").required(true)).arg(Arg::new("data").long("data"));
        let command = Command::new("tool").subcommand(verb);
        for (lang, usage) in [(Lang::english(), "Usage: tool show [OPTIONS] <device>"), (portuguese(), "Uso: ")] {
            let command = HELP.in_language(command.clone(), lang);
            let error = command.try_get_matches_from(["tool", "show", "--data", "x"]).expect_err("no device");
            let told = refusal(&error, lang);
            assert!(told.contains(usage) && !told.contains("--data"), "{told}");
        }
    }

    #[test]
    fn the_version_is_said_wherever_the_english_command_says_it() {
        for lang in Lang::all() {
            for line in [["chaveiro-agent", "--version"].as_slice(), &["chaveiro-agent", "doctor", "--version"]] {
                assert!(printed(lang, line).contains("1.2.3"), "{lang:?} {line:?}");
            }
        }
    }

    #[test]
    fn what_has_no_text_and_what_is_left_over_is_told() {
        let more = command().subcommand(Command::new("fly").arg(Arg::new("height")));
        let unmatched = HELP.unmatched(&more);
        for fault in ["no text: help-agent-fly", "no text: help-agent-fly.height", "not in the command: help-agent-run"]
        {
            assert!(unmatched.iter().any(|told| told == fault), "{fault} in {unmatched:?}");
        }
        assert!(unmatched.iter().all(|told| !told.contains("doctor")), "{unmatched:?}");
    }

    #[test]
    fn a_command_without_a_verb_gets_its_help_and_no_list_of_hidden_verbs() {
        let mut command = HELP.in_language(command().subcommand_required(true), portuguese());
        let error = command.try_get_matches_from_mut(["chaveiro-agent"]).expect_err("no verb");
        let help = help_instead(&mut command, &error).expect("help");
        assert!(help.contains("Comandos:") && help.contains("doctor") && !help.contains("pick"), "{help}");
        let error = command.try_get_matches_from_mut(["chaveiro-agent", "fly"]).expect_err("no such verb");
        assert_eq!(help_instead(&mut command, &error), None);
    }

    #[test]
    fn an_example_stays_whole_where_help_wraps() {
        let example = "chaveiro-agent enroll https://mdm.example --user ana@example.org";
        let command = Command::new("chaveiro-agent")
            .about("one two three four five six")
            .after_help(format!("Example:\n  {example}"));
        let mut command = with_whole_examples(command.term_width(24));
        let help = command.render_help().to_string().replace(HELD, " ");
        assert!(help.lines().any(|line| line.trim() == example), "{help}");
        assert!(help.lines().filter(|line| !line.contains(example)).all(|line| line.len() <= 24), "{help}");
    }

    #[test]
    fn only_languages_that_we_speak_are_accepted() {
        for name in ["en", "pt", "PT", "pt_BR.UTF-8", "en-GB", "C", "C.UTF-8", "POSIX", ""] {
            assert_eq!(spoken(name).as_deref(), Ok(name));
        }
        for name in ["fr", " ", "ptolemaic", "english"] {
            assert!(spoken(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_refused_command_line_is_told_in_the_language() {
        let number = Arg::new("number").long("number").value_parser(clap::value_parser!(u8).range(1..=3));
        let form = Arg::new("form").long("form").value_parser(["round", "square"]).conflicts_with("number");
        let lang = Arg::new("lang").long("lang").value_parser(spoken);
        let open = Command::new("open").arg(Arg::new("lock").required(true)).arg(number).arg(form).arg(lang);
        let command = Command::new("chaveiro").subcommand_required(true).subcommand(open);
        let told = [
            &["chaveiro"][..],
            &["chaveiro", "opne"],
            &["chaveiro", "open"],
            &["chaveiro", "open", "a", "b"],
            &["chaveiro", "open", "a", "--numbr", "1"],
            &["chaveiro", "open", "a", "--number"],
            &["chaveiro", "open", "a", "--form", "roun"],
            &["chaveiro", "open", "a", "--form", "round", "--number", "1"],
            &["chaveiro", "open", "a", "--number", "1", "--number", "2"],
            &["chaveiro", "open", "a", "--lang", "fr"],
            &["chaveiro", "open", "a", "--number", "4"],
            &["chaveiro", "open", "a", "--number", "one"],
        ]
        .map(|line| command.clone().try_get_matches_from(line).expect_err("refused"))
        .map(|error| refusal(&error, portuguese()));
        insta::assert_snapshot!(told.join("----\n"));
    }
}
