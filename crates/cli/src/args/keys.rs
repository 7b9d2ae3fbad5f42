//! Flags of `serve` for the configuration: one for each row of [`KEYS`].

use chaveiro_lang::{Lang, text};
use chaveiro_server::{Bounds, KEYS, Key, Layer};
use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The keys that were given as flags.
#[derive(Debug)]
pub(crate) struct KeyFlags(pub(crate) Layer);

impl FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |key: &Key| Some((key.name.to_owned(), matches.get_one::<String>(key.name)?.clone()));
        Ok(Self(KEYS.iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        let flag = |key: &Key| {
            let flag = Arg::new(key.name).long(key.name).value_name(key.takes.placeholder());
            flag.help_heading("Configuration")
        };
        command.args(KEYS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The bounds and the default of a key, if it has a default.
pub(crate) fn key_facts(key: &Key, lang: Lang) -> Option<String> {
    let default = Some(key.default).filter(|default| !default.is_empty())?;
    // Numbers are told as they are typed, without marks between thousands.
    let facts = match key.takes.bounds() {
        Some(Bounds(least, most)) => {
            text!("key-range", least = least.to_string(), most = most.to_string(), default = default)
        }
        None => text!("key-default", default = default),
    };
    Some(facts.say(lang))
}
