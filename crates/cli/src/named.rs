//! Every command that a text of ours names exists, with the flags that it names.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// Files of the repository whose texts people read.
fn texts(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.')
                && !["target", "tests", "benches", "fuzz", "node_modules", "snapshots"].contains(&name)
            {
                texts(&path, found);
            }
        } else if [Some("rs"), Some("md"), Some("toml"), Some("ftl")]
            .contains(&path.extension().and_then(|end| end.to_str()))
            && !["tests.rs", "named.rs", "CHANGELOG.md", "Cargo.toml"].contains(&name)
        {
            found.push(path);
        }
    }
}

/// The text after `chaveiro ` wherever a person would type it, up to the end of the command.
fn commands(text: &str) -> Vec<&str> {
    const BEFORE: [&str; 7] = ["`", ": ", "$(", "&& ", "\\n  ", "-u chaveiro ", "sudo "];
    let mut found = Vec::new();
    for (at, name) in text.match_indices("chaveiro ") {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let is_line = before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
        if !(is_line || BEFORE.iter().any(|end| before.ends_with(end))) {
            continue;
        }
        let end = after.find(['`', '"', '\n', ';', ',', ')', '(', '|', '>', '…']).unwrap_or(after.len());
        let command = &after[..end];
        found.push(command.split("\\n").next().unwrap_or(command).split(" && ").next().unwrap_or(command).trim());
    }
    found
}

/// Returns the fault of a command, if it has one.
fn wrong(cli: &Command, line: &str) -> Option<String> {
    let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    let mut command = cli;
    let mut words = line.split_whitespace().peekable();
    while command.has_subcommands() {
        let Some(word) = words.next_if(is_word) else { break };
        let word = word.trim_end_matches(['.', ':', '?']);
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => return Some(format!("{} has no {word}", command.get_name())),
        }
    }
    for word in words.filter(|word| word.starts_with("--") && word.len() > 2) {
        let flag = word.trim_start_matches('-').split(['=', '.', ':', '\\', ']']).next().unwrap_or_default();
        let known = |of: &Command| of.get_arguments().any(|argument| argument.get_long() == Some(flag));
        if !known(command) && !known(cli) && !["help", "version"].contains(&flag) {
            return Some(format!("{} has no --{flag}", command.get_name()));
        }
    }
    None
}

#[test]
fn every_command_that_a_text_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (cli, mut files) = (Cli::command(), vec![root.join("README.md"), root.join("ARCHITECTURE.md")]);
    for directory in ["crates", "docs", "generated"] {
        texts(&root.join(directory), &mut files);
    }
    let (mut seen, mut faults) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        for line in commands(&text) {
            seen += 1;
            faults.extend(wrong(&cli, line).map(|what| format!("{}: chaveiro {line}: {what}", file.display())));
        }
    }
    assert!(seen > 100, "only {seen} commands were found");
    assert_eq!(faults, Vec::<String>::new());
}

/// A value for a word that stands for one.
fn filled(word: &str) -> &str {
    match word.trim_end_matches('.') {
        "ID" | "APP" => ANY,
        other => other,
    }
}

/// A value that every argument takes.
const ANY: &str = "5f0c6a1e-0000-4000-8000-000000000000";

#[test]
fn every_command_of_a_message_works_when_it_is_copied_and_its_capital_words_are_filled_in() {
    use chaveiro_lang::{Lang, Text, Value};
    let mut checked = 0;
    // Help tells of verbs in general; its examples have a test of their own.
    let messages = Lang::english().messages().into_iter().filter(|(id, _)| !id.starts_with("help-"));
    for (lang, (id, _)) in messages.flat_map(|message| Lang::all().map(move |lang| (lang, message.clone()))) {
        let values = ARGUMENTS.iter().map(|name| ((*name).to_owned(), Value::from(ANY)));
        let values = values.chain([("name".to_owned(), Value::from("ana@contoso.example"))]);
        let text = Text::known(id.clone(), values).expect("a message");
        let hint = text.hint(lang, &jiff::tz::TimeZone::UTC).unwrap_or_default();
        for line in [text.say(lang), hint].iter().flat_map(|said| commands(said)) {
            if line.is_empty() || line.starts_with(['-', '–']) {
                continue;
            }
            let words = line.split_once(". ").map_or(line, |(command, _)| command).split_whitespace().map(filled);
            let words: Vec<_> = std::iter::once("chaveiro").chain(words).collect();
            let refused = Cli::command().try_get_matches_from(&words).err();
            let fault = refused.filter(clap::Error::use_stderr).map(|error| error.to_string());
            assert_eq!(fault, None, "{id} in {lang:?}: {line}");
            checked += 1;
        }
    }
    assert!(checked > 80, "only {checked} commands were found");
}

/// The arguments of messages that stand in commands.
const ARGUMENTS: [&str; 9] = ["id", "user", "asked", "directory", "data", "code", "app", "device", "line"];

#[test]
fn a_command_that_does_not_exist_is_found_wherever_it_stands() {
    let cli = Cli::command();
    for (text, is_wrong) in [
        ("it is missing; make one with: chaveiro keys escrow create", true),
        ("run `chaveiro keys list --jsonn`", true),
        ("  chaveiro serv --data X\n", true),
        ("see: chaveiro hold list", false),
        ("sudo -u chaveiro chaveiro init --name Contoso", false),
        ("the `chaveiro` command, and chaveiro of old", false),
    ] {
        let found: Vec<_> = commands(text).into_iter().filter_map(|line| wrong(&cli, line)).collect();
        assert_eq!(!found.is_empty(), is_wrong, "{text}: {found:?}");
    }
}
