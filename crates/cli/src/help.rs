//! Help: the texts of the catalogues, laid over the command of [`crate::args`].

use chaveiro_lang::{Help, Lang};
use chaveiro_server::KEYS;
use clap::{Command, CommandFactory};

use crate::args::{Cli, key_facts};

/// Every help text of the command.
const HELP: Help = Help("help-cli");

/// The command line in that language. The help of a configuration key also tells its bounds and its default.
pub(crate) fn command(lang: Lang) -> Command {
    HELP.with_facts(Cli::command(), lang, |argument, lang| {
        let key = KEYS.iter().find(|key| argument.get_id() == key.name)?;
        key_facts(key, lang)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_argument_has_a_text_and_no_text_is_left_over() {
        assert_eq!(HELP.unmatched(&Cli::command()), Vec::<String>::new());
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
    fn the_command_is_the_same_in_every_language() {
        for lang in Lang::all() {
            command(lang).debug_assert();
            let line = ["chaveiro", "recover", "ANA-LT1", "--wait", "--show", "--lang", lang.tag()];
            assert!(command(lang).try_get_matches_from(line).is_ok());
        }
    }
}
