//! The language that people read: which one, and the help of a finished command in it.
//!
//! Commands are written in English with `clap`. A table from their help texts to another language is laid over the
//! finished command, so that help, manual page and completions are printed from the same definition.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

/// Says the language of messages, for all of our programs.
const VARIABLE: &str = "CHAVEIRO_LANG";

/// What the system calls its language, the stronger first (POSIX.1-2017, 8.2).
const SYSTEM_VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English, as it is written in the source.
    English,
    /// Portuguese, as people in Brazil write it.
    Portuguese,
}

impl Lang {
    /// The language of that name, such as `pt_BR.UTF-8`, or else of the system.
    pub fn choose(asked: Option<&str>) -> Self {
        let system = || SYSTEM_VARIABLES.into_iter().find_map(variable);
        match asked.map(str::to_owned).or_else(system) {
            Some(name) if name.to_ascii_lowercase().starts_with("pt") => Self::Portuguese,
            Some(_) | None => Self::English,
        }
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

    /// The one of the two that is in this language.
    pub fn pick<T>(self, english: T, portuguese: T) -> T {
        match self {
            Self::English => english,
            Self::Portuguese => portuguese,
        }
    }
}

/// Parses the name of a language that we speak. The neutral names of systems mean English.
pub fn spoken(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    let known = ["en", "pt"].iter().any(|known| {
        lower.strip_prefix(known).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    });
    match known || lower.split('.').next().is_some_and(|name| ["c", "posix"].contains(&name)) {
        true => Ok(name.to_owned()),
        false => Err("choose en or pt".to_owned()),
    }
}

/// What frames the refusals of `clap`, English and Portuguese; the longer first.
const FRAME: &[(&str, &str)] = &[
    ("the following required arguments were not provided:", "faltam estes argumentos obrigatórios:"),
    ("requires a subcommand but one was not provided", "pede um comando, e nenhum foi dado"),
    ("a value is required for '", "falta um valor para '"),
    ("' but none was supplied", "'"),
    ("unrecognized subcommand '", "comando desconhecido '"),
    ("unexpected argument '", "argumento inesperado '"),
    ("' found", "'"),
    ("invalid value '", "valor inválido '"),
    ("' for '", "' para '"),
    ("the argument '", "o argumento '"),
    ("' cannot be used with one or more of the other specified arguments", "' não combina com outro dos argumentos"),
    ("' cannot be used multiple times", "' só pode ser dado uma vez"),
    ("' cannot be used with '", "' não combina com '"),
    ("' cannot be used with:", "' não combina com:"),
    ("some similar subcommands exist:", "há comandos parecidos:"),
    ("a similar subcommand exists:", "há um comando parecido:"),
    ("a similar argument exists:", "há um argumento parecido:"),
    ("a similar value exists:", "há um valor parecido:"),
    ("to pass '", "para passar '"),
    ("' as a value, use '", "' como valor, use '"),
    ("possible values:", "valores possíveis:"),
    ("subcommands:", "comandos:"),
    ("For more information, try '--help'.", "Para mais informações, use '--help'."),
    ("Usage:", "Uso:"),
    ("  tip: ", "  dica: "),
    ("error: ", "erro: "),
];

/// A refusal of a command line, as `clap` words it, in that language.
pub fn refusal(text: &str, lang: Lang) -> String {
    match lang {
        Lang::English => text.to_owned(),
        Lang::Portuguese => {
            FRAME.iter().fold(text.to_owned(), |text, (english, portuguese)| text.replace(english, portuguese))
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Help texts in English, as the command has them, and in Portuguese.
#[derive(Clone, Copy, Debug)]
pub struct HelpTexts(pub &'static [(&'static str, &'static str)]);

/// What stands before the examples below a help text.
const HEADINGS: [(&str, &str); 2] = [("Example:", "Exemplo:"), ("Begin with:", "Comece com:")];

impl HelpTexts {
    /// The command in that language.
    pub fn in_language(self, command: Command, lang: Lang) -> Command {
        match lang {
            Lang::English => command,
            Lang::Portuguese => self.in_portuguese(command, false),
        }
    }

    /// What does not fit: help texts of visible verbs that have no Portuguese, and Portuguese of texts that are not there.
    pub fn unmatched(self, command: &Command) -> Vec<String> {
        let found = help_texts(command);
        let missing = found.iter().filter(|english| self.find(english).is_none());
        let left_over = self.0.iter().filter(|(english, _)| !found.iter().any(|text| text == english));
        let missing = missing.map(|text| format!("no Portuguese: {text}"));
        missing.chain(left_over.map(|(text, _)| format!("not in the command: {text}"))).collect()
    }

    /// `versioned`: whether the command above gives its version to its verbs.
    fn in_portuguese(self, command: Command, versioned: bool) -> Command {
        let (about, long_about) = (self.say(command.get_about()), self.say(command.get_long_about()));
        let after_help = command.get_after_help().map(|help| {
            HEADINGS.iter().fold(help.to_string(), |help, (english, portuguese)| help.replacen(english, portuguese, 1))
        });
        let versioned_verbs = versioned || command.is_propagate_version_set();
        let mut command = command
            .help_template("{about-with-newline}\nUso: {usage}\n\n{all-args}{after-help}")
            .subcommand_help_heading("Comandos")
            .disable_help_subcommand(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .mut_args(|arg| self.argument(arg))
            .mut_subcommands(|verb| self.in_portuguese(verb, versioned_verbs))
            .arg(help_flag());
        if versioned || command.get_version().is_some() {
            command = command.arg(version_flag());
        }
        if let Some(about) = about {
            command = command.about(about);
        }
        if let Some(about) = long_about {
            command = command.long_about(about);
        }
        match after_help {
            Some(help) => command.after_help(help),
            None => command,
        }
    }

    fn argument(self, argument: Arg) -> Arg {
        let heading = if argument.is_positional() { "Argumentos" } else { "Opções" };
        let (help, long_help) = (self.say(argument.get_help()), self.say(argument.get_long_help()));
        let mut argument = argument.help_heading(heading);
        if let Some(help) = help {
            argument = argument.help(help);
        }
        match long_help {
            Some(help) => argument.long_help(help),
            None => argument,
        }
    }

    /// The Portuguese of an English text; the English where there is none, which a test of each command rules out.
    fn say(self, english: Option<&StyledStr>) -> Option<String> {
        let english = english?.to_string();
        Some(self.find(&english).map_or(english, str::to_owned))
    }

    fn find(self, english: &str) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| *known == english).map(|(_, portuguese)| *portuguese)
    }
}

fn help_flag() -> Arg {
    Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Mostra esta ajuda").help_heading("Opções")
}

fn version_flag() -> Arg {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    version.help("Mostra a versão").help_heading("Opções")
}

/// Every help text that a person can see.
fn help_texts(command: &Command) -> Vec<String> {
    let of_command = [command.get_about(), command.get_long_about()].into_iter().flatten();
    let of_arguments = command.get_arguments().flat_map(|argument| [argument.get_help(), argument.get_long_help()]);
    let mut found: Vec<String> = of_command.chain(of_arguments.flatten()).map(ToString::to_string).collect();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        found.extend(help_texts(verb));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: HelpTexts = HelpTexts(&[("Opens locks", "Abre fechaduras"), ("Which one", "Qual")]);

    fn command() -> Command {
        let verb = Command::new("open").about("Which one").arg(Arg::new("lock").help("Which one"));
        let hidden = Command::new("pick").about("Nobody reads this").hide(true);
        let command = Command::new("chaveiro").version("1.2.3").propagate_version(true).about("Opens locks");
        command.after_help("Example: chaveiro open").subcommands([verb, hidden])
    }

    fn printed(lang: Lang, line: &[&str]) -> String {
        let refused = TEXTS.in_language(command(), lang).try_get_matches_from(line);
        refused.expect_err("help or version").to_string()
    }

    #[test]
    fn help_is_in_the_language_with_its_headings_and_its_example() {
        insta::assert_snapshot!(printed(Lang::Portuguese, &["chaveiro", "--help"]));
        assert!(printed(Lang::English, &["chaveiro", "--help"]).contains("Example: chaveiro open"));
    }

    #[test]
    fn the_version_is_said_wherever_the_english_command_says_it() {
        for lang in [Lang::English, Lang::Portuguese] {
            for line in [["chaveiro", "--version"].as_slice(), &["chaveiro", "open", "--version"]] {
                assert!(printed(lang, line).contains("1.2.3"), "{lang:?} {line:?}");
            }
        }
    }

    #[test]
    fn what_has_no_portuguese_and_what_is_left_over_is_told() {
        assert_eq!(TEXTS.unmatched(&command()), Vec::<String>::new());
        let unmatched = HelpTexts(&[("Opens locks", "Abre fechaduras"), ("Old", "Velho")]).unmatched(&command());
        assert_eq!(unmatched, ["no Portuguese: Which one", "no Portuguese: Which one", "not in the command: Old"]);
        let translated = TEXTS.in_language(command(), Lang::Portuguese);
        assert!(TEXTS.unmatched(&translated).len() > 2, "no English is left");
    }

    #[test]
    fn the_language_is_known_before_the_arguments_are_parsed() {
        let of = |words: &[&str]| Lang::of_arguments(words.iter().map(OsString::from));
        assert_eq!(of(&["chaveiro", "--lang", "pt", "--help"]), Lang::Portuguese);
        assert_eq!(of(&["chaveiro", "status", "--lang=pt-BR"]), Lang::Portuguese);
        assert_eq!(of(&["chaveiro", "--lang", "en"]), Lang::English);
    }

    #[test]
    fn only_languages_that_we_speak_are_accepted() {
        for name in ["en", "pt", "PT", "pt_BR.UTF-8", "en-GB", "C", "C.UTF-8", "POSIX"] {
            assert_eq!(spoken(name).as_deref(), Ok(name));
        }
        for name in ["fr", "", "ptolemaic", "english"] {
            assert!(spoken(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_refused_command_line_is_told_in_portuguese() {
        let number = Arg::new("number").long("number").value_parser(clap::value_parser!(u8).range(1..3));
        let form = Arg::new("form").long("form").value_parser(["round", "square"]).conflicts_with("number");
        let open = Command::new("open").arg(Arg::new("lock").required(true)).arg(number).arg(form);
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
        ]
        .map(|line| command.clone().try_get_matches_from(line).expect_err("refused").to_string())
        .map(|error| refusal(&error, Lang::Portuguese));
        insta::assert_snapshot!(told.join("----\n"));
    }

    #[test]
    fn a_language_is_known_by_the_names_that_systems_use() {
        for (name, lang) in [
            ("pt", Lang::Portuguese),
            ("pt_BR.UTF-8", Lang::Portuguese),
            ("PT", Lang::Portuguese),
            ("en_US", Lang::English),
        ] {
            assert_eq!(Lang::choose(Some(name)), lang, "{name}");
        }
    }
}
