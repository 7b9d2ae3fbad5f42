//! The command line as data: verbs, flags, examples. Its help is in the catalogues, `help-cli.ftl`.

#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod identity;
#[cfg(feature = "host")]
mod keys;
mod people;

use std::path::PathBuf;
use std::str::FromStr;

use chaveiro_core::id::{AssignmentId, HoldId};
use chaveiro_core::scope_tag;
use chaveiro_lang::{Text, text};
use clap::{Args, Parser, Subcommand};

#[cfg(feature = "host")]
pub(crate) use host::{
    Audit, DATA, Doctor, EntraTenant, HostDevice, HostVerb, Keys, NONE, Open, PasscodeForm, Restore, Serve, Since,
    Switch, Tenant, TenantChange, written,
};
#[cfg(feature = "host")]
pub(crate) use identity::{App, Registration, SignIn};
#[cfg(feature = "host")]
pub(crate) use keys::{KeyFlags, key_facts};
pub(crate) use people::{DeviceList, Extent, Find, Login, User, name_to_add};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "chaveiro", version, propagate_version = true, arg_required_else_help = true)]
#[cfg_attr(
    not(feature = "host"),
    command(after_help = "Begin with:\n  chaveiro login --server https://chaveiro.example:8443")
)]
#[cfg_attr(
    feature = "host",
    command(
        after_help = "Begin with:\n  chaveiro login --server https://chaveiro.example:8443\n  chaveiro demo\n  chaveiro init --data ./data && chaveiro serve --data ./data"
    )
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[cfg(feature = "host")]
    #[arg(long, global = true, env = "CHAVEIRO_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, env = "CHAVEIRO_LANG", value_name = "LANG", value_parser = chaveiro_lang::spoken)]
    pub(crate) lang: Option<String>,
    #[arg(long, global = true, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
}

/// The verbs. Those that work from any machine come first.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(after_help = "Example:\n  chaveiro login --server https://chaveiro.example:8443 --ca root.pem")]
    Login(Login),
    #[command(after_help = "Example:\n  chaveiro logout")]
    Logout,
    #[command(after_help = "Example:\n  chaveiro whoami")]
    Whoami,
    #[command(subcommand)]
    User(User),
    #[command(after_help = "Example:\n  chaveiro find ana souza")]
    Find(Find),
    #[command(subcommand)]
    Device(Device),
    #[command(after_help = "Example:\n  chaveiro recover ANA-LT1 --show")]
    Recover(Recover),
    #[command(after_help = "Example:\n  chaveiro action ANA-LT1")]
    Action {
        device: String,
        #[arg(long)]
        show: bool,
        #[command(flatten)]
        why: Why,
    },
    #[command(subcommand)]
    Role(Role),
    #[command(subcommand)]
    Hold(Hold),
    #[command(after_help = "Example:\n  chaveiro completions bash > /etc/bash_completion.d/chaveiro")]
    Completions { shell: clap_complete::Shell },
    #[command(after_help = "Example:\n  chaveiro man --directory /usr/local/share/man/man1")]
    Man {
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    #[cfg(feature = "host")]
    #[command(flatten)]
    OfHost(HostVerb),
}

/// Flags of `recover`.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    pub(crate) device: String,
    #[arg(long)]
    pub(crate) wait: bool,
    #[arg(long)]
    pub(crate) show: bool,
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) timeout: u64,
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

/// The reasons that a person gives for a recovery or a disclosure.
#[derive(Debug, Default, Args)]
pub(crate) struct Why {
    #[arg(long, value_parser = one_line)]
    pub(crate) reason: Option<String>,
    #[arg(long, value_name = "REASON", value_parser = one_line)]
    pub(crate) break_glass: Option<String>,
}

/// A reason from the command line: it is recorded and travels in a header.
fn one_line(text: &str) -> Result<String, Text> {
    let most = chaveiro_core::hold::MAX_REASON;
    let text = text.trim();
    match !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(text!("reason-length", most = most)),
    }
}

/// An id from the command line.
fn id<T: FromStr>(text: &str) -> Result<T, Text> {
    text.parse().map_err(|_| text!("id-malformed"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    #[command(after_help = "Example:\n  chaveiro device list --json")]
    List(DeviceList),
    #[command(after_help = "Example:\n  chaveiro device show ANA-LT1")]
    Show { device: String },
    #[command(after_help = "Example:\n  chaveiro device recoverability ana-laptop")]
    Recoverability { device: String },
    #[command(after_help = "Example:\n  chaveiro device retire ANA-LT1")]
    Retire { device: String },
    #[cfg(feature = "host")]
    #[command(flatten)]
    OfHost(HostDevice),
}

/// A scope tag from the command line.
fn scope_tag(text: &str) -> Result<String, Text> {
    match scope_tag::is_tag(text) {
        true => Ok(text.to_owned()),
        false => Err(text!("scope-tag-malformed", most = scope_tag::MAX_TAG)),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    #[command(after_help = "Example:\n  chaveiro role list")]
    List,
    #[command(after_help = "Example:\n  chaveiro role show \"Help Desk Operator\"")]
    Show { role: String },
    #[command(
        after_help = "Example:\n  chaveiro role assign help-desk-operator --user ana@example.org --tag lisbon --tag porto"
    )]
    Assign(Assign),
    #[command(after_help = "Example:\n  chaveiro role unassign 5f0c6a1e-…")]
    Unassign {
        #[arg(value_parser = id::<AssignmentId>)]
        id: AssignmentId,
    },
    #[command(after_help = "Example:\n  chaveiro role assignments")]
    Assignments,
}

/// Flags of `role assign`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("principal").required(true).args(["user", "group", "app"])))]
pub(crate) struct Assign {
    pub(crate) role: String,
    #[arg(long)]
    pub(crate) user: Option<String>,
    #[arg(long)]
    pub(crate) group: Option<String>,
    #[arg(long)]
    pub(crate) app: Option<String>,
    #[arg(long = "tag", value_name = "TAG", value_parser = scope_tag)]
    pub(crate) tags: Vec<String>,
    #[arg(long)]
    pub(crate) unknown_ok: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hold {
    #[command(after_help = "Example:\n  chaveiro hold list")]
    List,
    #[command(after_help = "Example:\n  chaveiro hold release --reason \"exchange of all laptops\" --for 120")]
    Release {
        #[arg(value_parser = id::<HoldId>)]
        id: Option<HoldId>,
        #[arg(long = "for", value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=43_200))]
        minutes: Option<u64>,
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
}

#[cfg(all(test, feature = "host"))]
mod tests;
