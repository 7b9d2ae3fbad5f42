//! Verbs about users, those that list devices, and `login`.

use std::path::PathBuf;

use chaveiro_lang::{Text, text};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    #[command(after_help = "Example:\n  chaveiro user add ana@contoso.example --name \"Ana Souza\"")]
    Add {
        #[arg(value_parser = principal_name)]
        user: String,
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        name: Option<String>,
        #[arg(long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new())]
        mail: Option<String>,
    },
    #[command(after_help = "Example:\n  chaveiro user list --search souza")]
    List {
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        search: Option<String>,
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        extent: Extent,
    },
    #[command(after_help = "Example:\n  chaveiro user show ana@contoso.example")]
    Show { user: String },
    #[command(after_help = "Example:\n  chaveiro user disable ana@contoso.example")]
    Disable { user: String },
    #[command(after_help = "Example:\n  chaveiro user enable ana@contoso.example")]
    Enable { user: String },
    #[command(after_help = "Example:\n  chaveiro user delete ana@contoso.example")]
    Delete { user: String },
}

/// A new principal name, such as `ana@contoso.example`. Without a domain it would match no token of an issuer, and look like a
/// typing error to all.
fn principal_name(name: &str) -> Result<String, Text> {
    let is_bad = |part: &str| part.is_empty() || part.contains(|c: char| c.is_whitespace() || c.is_control());
    match name.rsplit_once('@') {
        Some((local, domain)) if !is_bad(local) && !is_bad(domain) => Ok(name.to_owned()),
        Some(_) | None => Err(text!("user-name-malformed")),
    }
}

/// The name in a hint to make a user: what was asked for, if a user can have that name.
pub(crate) fn name_to_add(asked: &str) -> &str {
    if principal_name(asked).is_ok() { asked } else { "NAME@DOMAIN" }
}

/// The extent of a list.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// Flags of `device list`.
#[derive(Debug, Args)]
pub(crate) struct DeviceList {
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) search: Option<String>,
    #[arg(long)]
    pub(crate) user: Option<String>,
    #[arg(long, value_name = "FILTER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) filter: Option<String>,
    #[arg(long)]
    pub(crate) retired: bool,
    #[command(flatten)]
    pub(crate) extent: Extent,
    #[cfg(feature = "host")]
    #[arg(long, conflicts_with_all = ["search", "user", "filter", "retired", "limit", "all"])]
    pub(crate) without_certificate: bool,
}

/// Flags of `find`.
#[derive(Debug, Args)]
pub(crate) struct Find {
    #[arg(required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) text: Vec<String>,
    #[command(flatten)]
    pub(crate) extent: Extent,
}

/// Flags of `login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}
