//! Help: the texts of the catalogues, laid over the command of [`crate::args`].

use chaveiro_lang::{Help, Lang};
use clap::{Command, CommandFactory};

use crate::args::Cli;
use crate::on_host;

/// Every help text of the command.
const HELP: Help = Help("help-cli");

/// The command line in that language. The help of a configuration key also tells its bounds and its default.
pub(crate) fn command(lang: Lang) -> Command {
    HELP.with_facts(Cli::command(), lang, on_host::facts)
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use chaveiro_server::KEYS;

    use super::*;
    use crate::args::key_facts;

    #[test]
    fn every_verb_and_argument_has_a_text_and_no_text_is_left_over() {
        assert_eq!(HELP.unmatched(&Cli::command()), Vec::<String>::new());
    }

    /// The help of a verb and of those below it, at 80 columns.
    fn helps(command: &mut Command, found: &mut Vec<String>) {
        found.push(command.render_long_help().to_string());
        let verbs = command.get_subcommands_mut().filter(|verb| verb.get_name() != "help");
        verbs.for_each(|verb| helps(verb, found));
    }

    #[test]
    fn no_help_is_wider_than_80_columns_but_for_examples_that_stay_whole() {
        for lang in Lang::all() {
            let mut command = chaveiro_lang::with_whole_examples(command(lang)).term_width(80);
            command.build();
            let (mut found, mut examples) = (Vec::new(), 0);
            helps(&mut command, &mut found);
            assert!(found.len() > 70, "{}", found.len());
            for help in &found {
                for line in help.lines().filter(|line| line.chars().count() > 80) {
                    assert!(
                        line.trim().contains("chaveiro\u{A0}") || line.contains("curl"),
                        "{lang:?}: {line}\n{help}"
                    );
                    examples += 1;
                }
            }
            assert!(examples > 5, "{examples}");
        }
    }

    #[test]
    fn the_help_of_every_key_has_its_bounds_and_default() {
        for lang in Lang::all() {
            let refused = command(lang).try_get_matches_from(["chaveiro", "serve", "--help"]).expect_err("help");
            let help = refused.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            for key in KEYS {
                let facts = key_facts(key, lang).map(|facts| format!(" [{facts}]")).unwrap_or_default();
                assert!(help.contains(&format!("{}{facts}", key.about(lang))), "{} in {help}", key.name);
            }
            assert!(help.contains("500]"), "{help}");
        }
    }

    #[test]
    fn an_argument_with_a_default_of_its_own_tells_that_one_alone() {
        for lang in Lang::all() {
            let refused = command(lang).try_get_matches_from(["chaveiro", "demo", "--help"]).expect_err("help");
            let help = refused.to_string();
            assert!(help.contains("error]") && !help.contains("info]"), "{help}");
        }
    }

    #[test]
    fn a_token_that_would_end_at_once_is_refused() {
        for line in [&["token", "--minutes", "0"][..], &["device", "enroll-token", "--hours", "0"]] {
            let line = std::iter::once("chaveiro").chain(line.iter().copied());
            assert!(command(Lang::english()).try_get_matches_from(line).is_err());
        }
    }

    #[test]
    fn the_command_is_the_same_in_every_language() {
        for lang in Lang::all() {
            command(lang).debug_assert();
            let line = ["chaveiro", "recover", "ANA-LT1", "--wait", "--show", "--lang", lang.tag()];
            assert!(command(lang).try_get_matches_from(line).is_ok());
        }
    }
}
