//! The stand-in for the host of a server in a program without the feature `host`. Such a program is a client alone, and tells a
//! user who is not signed in how to sign in.

use std::error::Error;

use anyhow::Result;
use chaveiro_core::permission::Permission;
use chaveiro_lang::{Lang, Text, text};
use clap::{Arg, ArgMatches};

use crate::args::{Cli, Common, Hold, Role, Verb};
use crate::client::GraphClient;
use crate::complete::Kind;
use crate::out::Out;
use crate::reach::Unreached;
use crate::session::Remembered;

/// No data directory is here.
pub(crate) fn is_here(_: &Common) -> bool {
    false
}

/// The text for a person who is not signed in.
fn not_signed_in<T>() -> Result<T> {
    Err(if Remembered::is_there() { text!("not-signed-in") } else { text!("login-where") }.into())
}

/// No server runs here.
pub(crate) async fn client(_: &Common, _: &[Permission]) -> Result<GraphClient> {
    not_signed_in()
}

/// No operator is here.
pub(crate) async fn whoami(_: &Common, _: Out) -> Result<()> {
    not_signed_in()
}

/// No holds are here.
pub(crate) async fn hold(_: &Common, _: Out, _: &Hold) -> Result<()> {
    not_signed_in()
}

/// No assignments are here.
pub(crate) async fn role(_: &Common, _: Out, _: &Role) -> Result<()> {
    not_signed_in()
}

/// No names are here.
pub(crate) async fn names(_: Kind, _: &str, _: &Common) -> Result<Vec<(String, String)>> {
    Ok(Vec::new())
}

/// No flag is a configuration key.
pub(crate) fn facts(_: &Arg, _: Lang) -> Option<String> {
    None
}

/// Nothing is to be adapted.
pub(crate) fn adapt(_: &mut Cli, _: &ArgMatches) {}

/// Returns true if the verb writes documents, which every user may read.
pub(crate) fn writes_documents(verb: &Verb) -> bool {
    matches!(verb, Verb::Man { .. })
}

/// The text of an error of another crate, if there is one.
pub(crate) fn words(error: &(dyn Error + 'static)) -> Option<Text> {
    error.downcast_ref().map(|unreached: &Unreached| unreached.text.clone())
}
