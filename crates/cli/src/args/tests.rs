//! That every verb can be understood, in help and in the documents.

use std::path::Path;

use clap::{Command, CommandFactory, ValueEnum};

use super::{Cli, PasscodeForm};

/// The words of a shell line, up to where another command, a file or a comment begins.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut previous) = (false, ' ');
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted && previous == ' ' => break,
            '|' | '>' | '&' | ';' if !quoted => break,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("never empty").push(character),
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A value of the kind that a word in an example stands for.
fn filled(word: &str) -> String {
    let id = "5f0c6a1e-0000-4000-8000-000000000000";
    match word {
        "GUID" | "ID" | "APP" | "5f0c6a1e-…" | "9b2e41d7-…" => id.to_owned(),
        "MINUTES" | "HOURS" | "DAYS" | "N" | "P" | "MIN" => "7".to_owned(),
        key if key.starts_with("ed25519:") || key.starts_with("$(") => {
            format!("ed25519:{}=", "A".repeat(43))
        }
        other => other.to_owned(),
    }
}

#[test]
fn every_configuration_key_is_a_flag_of_serve_and_reaches_its_layer() {
    use clap::Parser;
    for key in chaveiro_server::KEYS {
        let parsed = Cli::try_parse_from(["chaveiro", "serve", &format!("--{}=x", key.name)]);
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", key.name));
        let super::Verb::OfHost(super::HostVerb::Serve(serve)) = parsed.verb else { panic!("another verb") };
        assert_eq!(serve.keys.0, [(key.name.to_owned(), "x".to_owned())]);
    }
}

#[test]
fn every_form_of_passcodes_is_strong_enough_at_its_usual_length_and_comes_back_from_its_policy() {
    for form in PasscodeForm::value_variants() {
        let policy = form.policy(form.usual_length());
        assert!(policy.is_acceptable(), "{form:?}");
        assert_eq!(PasscodeForm::of(policy), (*form, form.usual_length()));
    }
}

/// Says whether it names a verb and says no more, as sentences do.
fn is_verb(line: &str) -> bool {
    let mut command = Cli::command();
    line.split(' ').skip(1).all(|word| {
        let found = command.find_subcommand(word).cloned();
        let known = found.is_some();
        command = found.unwrap_or_default();
        known
    })
}

fn check(line: &str, place: &str) {
    let words: Vec<String> = words(line).iter().map(|word| filled(word)).collect();
    if let Err(error) = Cli::command().try_get_matches_from(&words) {
        assert!(!error.use_stderr(), "{place}: {line}\n{error}");
    }
}

fn verbs(command: &Command, path: &str, found: &mut Vec<(String, Option<String>)>) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let path = format!("{path} {}", verb.get_name());
        if verb.has_subcommands() {
            verbs(verb, &path, found);
        } else {
            found.push((path, verb.get_after_help().map(ToString::to_string)));
        }
    }
}

#[test]
fn every_verb_has_an_example_that_the_command_accepts() {
    let mut found = Vec::new();
    verbs(&Cli::command(), "chaveiro", &mut found);
    assert!(found.len() > 20);
    for (path, help) in found {
        let example = help.as_deref().and_then(|help| help.strip_prefix("Example:\n  "));
        let example = example.unwrap_or_else(|| panic!("{path} has no example"));
        match example.split_once("$(chaveiro ") {
            Some((_, inner)) => check(&format!("chaveiro {}", inner.split_once(')').expect("closed").0), &path),
            None => check(example, &path),
        }
    }
}

#[test]
fn every_command_in_the_documents_is_one_that_the_command_accepts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut checked = 0;
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/quickstart.md",
        "docs/operations.md",
        "docs/linux.md",
        "docs/roles.md",
        "docs/identity.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).expect("the document");
        let lines = text.lines().filter(|line| line.starts_with("chaveiro "));
        let inline = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("chaveiro "));
        for line in lines.chain(inline.filter(|code| !is_verb(code))) {
            check(line, document);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
