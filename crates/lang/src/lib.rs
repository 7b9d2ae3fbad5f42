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
mod others;
mod plain;
mod similar;
pub mod table;
mod text;
mod wrap;

pub use catalogue::{Lang, Languages};
#[cfg(feature = "command")]
pub use command::{Facts, Help, help_instead, print, refusal, spoken, with_whole_examples};
pub use error::{Explain, Told, Translate, tell, tell_machines};
pub use plain::plain;
pub use similar::{beginning, nearest};
pub use text::{Text, Value, day};
pub use wrap::{Stream, columns, prose};
