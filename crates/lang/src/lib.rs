//! The languages that people read. Messages live in `catalogue`, one folder for each language, in the format of Fluent.
//!
//! ```text
//! catalogue/en/cli.ftl      no-device = there is no device { $device }
//!                               .hint = see: chaveiro device list
//! source                    bail!(text!("no-device", device = asked))
//! ```
//!
//! [`text!`] makes a [`Text`]: an id of the catalogues with its arguments, in no language yet. It is put into words for a
//! reader by [`Text::say`]; as an error, in logs and for machines it is English. A message that a language lacks is English
//! there. The tests compare all folders with one another and with the sources, so that none is missing, unused or called
//! with other arguments.

mod catalogue;
#[cfg(feature = "command")]
mod command;
mod error;
mod moment;
mod plain;
mod text;

pub use catalogue::{Lang, Languages};
#[cfg(feature = "command")]
pub use command::{Facts, Help, help_instead, refusal, spoken};
pub use error::{Explain, Told, Translate, tell, tell_machines};
pub use plain::plain;
pub use text::{Text, Value, day};
