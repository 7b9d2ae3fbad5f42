//! The part of the command that works in a data directory. A program without the feature `host` has `elsewhere.rs` instead.

mod device;
mod hold;
mod names;
mod role;
mod whoami;

use std::process::ExitCode;

use anyhow::Result;
use chaveiro_core::permission::Permission;
use chaveiro_lang::Lang;
use chaveiro_server::{DataDir, KEYS};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use crate::args::{Cli, Common, HostVerb, Verb, key_facts};
use crate::client::GraphClient;
use crate::host::Host;
use crate::out::Out;
use crate::{demo, verbs};

pub(crate) use crate::words::of as words;
pub(crate) use device::{device, without_certificate};
pub(crate) use hold::hold;
pub(crate) use names::names;
pub(crate) use role::role;
pub(crate) use whoami::whoami;

/// Returns true if a data directory is named, or this machine has one.
pub(crate) fn is_here(common: &Common) -> bool {
    common.data.is_some() || DataDir::open(&common.data()).is_ok()
}

/// A client of the server that runs on this host.
pub(crate) async fn client(common: &Common, permissions: &[Permission]) -> Result<GraphClient> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?;
    GraphClient::operator(&host, tenant.id, permissions).await
}

/// The bounds and the default of a configuration key that is a flag.
pub(crate) fn facts(argument: &Arg, lang: Lang) -> Option<String> {
    // An argument of that name which has a default of its own tells that one.
    let is_key = |name| argument.get_id() == name && argument.get_default_values().is_empty();
    let key = KEYS.iter().find(|key| is_key(key.name))?;
    key_facts(key, lang)
}

/// Drops the data directory of the environment for the demonstration, which makes one of its own.
pub(crate) fn adapt(cli: &mut Cli, matches: &ArgMatches) {
    // The demonstration makes a directory of its own, whatever directory the variable names.
    let is_demo = matches!(cli.verb, Verb::OfHost(HostVerb::Demo { .. }));
    if is_demo && matches.value_source("data") != Some(ValueSource::CommandLine) {
        cli.common.data = None;
    }
}

/// Returns true if the verb writes documents, which every user may read.
pub(crate) fn writes_documents(verb: &Verb) -> bool {
    matches!(verb, Verb::OfHost(HostVerb::Generate { .. }) | Verb::Man { .. })
}

/// Runs a verb of the host.
pub(crate) async fn run(common: &Common, out: Out, verb: &HostVerb) -> Result<ExitCode> {
    match verb {
        HostVerb::Init { name, entra_tenant } => verbs::admin::init(common, out, name, *entra_tenant).await?,
        HostVerb::Serve(serve) => verbs::serve::serve(common, out, serve).await?,
        HostVerb::Demo { keep, log } => return demo::run(common, out, *keep, log).await,
        HostVerb::Tenant(tenant) => verbs::admin::tenant(common, out, tenant).await?,
        HostVerb::App(app) => verbs::app::app(common, out, app).await?,
        HostVerb::SignIn(verb) => verbs::sign_in::sign_in(common, out, verb).await?,
        HostVerb::Token { revoke_all: true, .. } => verbs::admin::revoke_tokens(common, out).await?,
        HostVerb::Token { permissions, minutes, reason, revoke_all: false } => {
            verbs::admin::token(common, out, permissions, *minutes, reason.as_deref()).await?
        }
        HostVerb::Keys(keys) => verbs::keys::keys(common, out, keys).await?,
        HostVerb::Audit(audit) => verbs::audit::audit(common, out, audit).await?,
        HostVerb::Backup { directory, keys } => verbs::backup::backup(common, out, directory, keys.as_ref()).await?,
        HostVerb::Check { backup } => verbs::backup::check(out, backup).await?,
        HostVerb::Restore(restore) => verbs::restore::restore(common, out, restore).await?,
        HostVerb::Doctor(doctor) => verbs::doctor::doctor(common, out, doctor).await?,
        HostVerb::Routes => verbs::tables::routes(out),
        HostVerb::ConfigReference => out.line(chaveiro_server::config_reference().trim_end()),
        HostVerb::Generate { directory } => verbs::tables::generate(directory)?,
    }
    Ok(ExitCode::SUCCESS)
}
