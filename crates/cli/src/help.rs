//! Help: the texts of the catalogues, laid over the command of [`crate::args`].

use chaveiro_lang::Help;

/// Every help text of the command.
pub(crate) const HELP: Help = Help("help-cli");

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_verb_and_argument_has_a_text_and_no_text_is_left_over() {
        assert_eq!(HELP.unmatched(&Cli::command()), Vec::<String>::new());
    }

    #[test]
    fn the_command_is_the_same_in_every_language() {
        for lang in Lang::all() {
            HELP.in_language(Cli::command(), lang).debug_assert();
            let line = ["chaveiro", "recover", "ANA-LT1", "--wait", "--show", "--lang", lang.tag()];
            assert!(HELP.in_language(Cli::command(), lang).try_get_matches_from(line).is_ok());
        }
    }
}
