//! Verbs about users, those that list devices, and `login`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    #[command(after_help = "Example:\n  chaveiro user add ana@contoso.example --name \"Ana Souza\"")]
    Add {
        #[arg(value_parser = NonEmptyStringValueParser::new())]
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
