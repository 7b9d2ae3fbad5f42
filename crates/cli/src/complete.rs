//! Completions: the shell asks the program, which knows the names of devices, users, applications, tenants and roles.
//!
//! A person waits at a prompt. So nothing is renewed, minted or recorded for it, a slow server is not waited for, and every
//! failure is silence. On the host names come straight from the data directory, elsewhere from the server of the session.

use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use chaveiro_core::role::ROLES;
use chaveiro_lang::{Explain, Lang, plain, text};
use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use crate::args::Common;
use crate::client::GraphClient;
use crate::help::command;
use crate::lookup::{DEVICES, USERS};
use crate::on_host;
use crate::question::{Question, begins};
use crate::session::Session;

/// The variable by which a shell asks; its value is the name of the shell.
const VARIABLE: &str = "CHAVEIRO_COMPLETE";

/// The time after which the person goes on without names.
const PATIENCE: Duration = Duration::from_secs(1);

/// Most names that are read.
pub(crate) const MOST: usize = 50;

/// The kind of thing that an argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Application,
    Device,
    Role,
    Tenant,
    User,
}

/// The kinds by the verb and the name of the argument; no verb stands for any.
const NAMED: [(&str, &str, Kind); 7] = [
    ("", "device", Kind::Device),
    ("", "replace", Kind::Device),
    ("", "role", Kind::Role),
    ("", "tenant", Kind::Tenant),
    ("", "user", Kind::User),
    ("", "app", Kind::Application),
    ("app", "id", Kind::Application),
];

/// Returns true if a shell asks for completions.
pub(crate) fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty())
}

/// Answers the shell and ends the process.
pub(crate) fn answer(lang: Lang) {
    CompleteEnv::with_factory(|| with_names(command(lang), "")).var(VARIABLE).complete();
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: Shell) -> Result<Vec<u8>> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells.completer(&name).explain(|| text!("shell-unknown", shell = &name))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "chaveiro", "chaveiro", "chaveiro", &mut script)?;
    Ok(script)
}

/// The command, with the names that its arguments can have.
fn with_names(command: Command, above: &str) -> Command {
    let verb = command.get_name().to_owned();
    // A user who is made has a name that no user has.
    let makes = (above, verb.as_str()) == ("user", "add");
    let command = command.mut_args(|argument| match kind(above, argument.get_id().as_str()).filter(|_| !makes) {
        Some(kind) => argument.add(ArgValueCompleter::new(move |begin: &OsStr| candidates(kind, begin))),
        None => argument,
    });
    command.mut_subcommands(|below| with_names(below, &verb))
}

fn kind(above: &str, argument: &str) -> Option<Kind> {
    let found = NAMED.iter().find(|(verb, name, _)| *name == argument && (verb.is_empty() || *verb == above));
    found.map(|(.., kind)| *kind)
}

/// The names that begin so, if they come in time.
fn candidates(kind: Kind, begin: &OsStr) -> Vec<CompletionCandidate> {
    let begin = begin.to_string_lossy().into_owned();
    let lower = begin.to_lowercase();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let found = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(names(kind, &begin)));
        // The prompt may have gone on already.
        let _ = sender.send(found.unwrap_or_default());
    });
    let found = receiver.recv_timeout(PATIENCE).unwrap_or_default();
    let candidate = |(name, about): (String, String)| {
        let about = (!about.is_empty()).then(|| plain(&about).into_owned().into());
        CompletionCandidate::new(name).help(about)
    };
    let is_meant = |name: &str| name.to_lowercase().starts_with(&lower) && is_harmless(name);
    found.into_iter().filter(|(name, _)| is_meant(name)).map(candidate).collect()
}

/// Returns true if a shell takes the name as one plain word. Devices name themselves: a name must not run as a command.
fn is_harmless(name: &str) -> bool {
    !name.starts_with('-') && name.chars().all(|c| c.is_alphanumeric() || "-_.@+:/".contains(c))
}

/// Names with a word about each.
async fn names(kind: Kind, begin: &str) -> Result<Vec<(String, String)>> {
    if kind == Kind::Role {
        return Ok(ROLES.iter().map(|role| (role.key.to_owned(), role.name.to_owned())).collect());
    }
    let common = of_line(std::env::args());
    match elsewhere(&common)? {
        Some(session) => of_server(kind, begin, session).await,
        None => on_host::names(kind, begin, &common).await,
    }
}

/// The session, on a machine that is no server.
fn elsewhere(common: &Common) -> Result<Option<Session>> {
    match on_host::is_here(common) {
        true => Ok(None),
        false => Session::load(),
    }
}

async fn of_server(kind: Kind, begin: &str, session: Session) -> Result<Vec<(String, String)>> {
    if kind == Kind::Tenant {
        return Ok(vec![(session.issuer.tenant, String::new())]);
    }
    // A token is not renewed here: the shell may end this process before the next one is stored.
    let Some((issuer, token)) = session.token_now() else { return Ok(Vec::new()) };
    let client = GraphClient::with_token(issuer, token)?;
    let (path, name, about) = match kind {
        Kind::Device => (DEVICES, "deviceName", "userPrincipalName"),
        Kind::User => (USERS, "userPrincipalName", "displayName"),
        Kind::Application | Kind::Role | Kind::Tenant => ("/beta/applications", "appId", "displayName"),
    };
    let question = Question::of(path).select(&[name, about]).top(MOST);
    let question =
        if begin.is_empty() || kind == Kind::Application { question } else { question.filter(begins(name, begin)) };
    let found = client.some(&question).await?;
    let pair = |one: &serde_json::Value| {
        Some((one[name].as_str()?.to_owned(), one[about].as_str().unwrap_or_default().to_owned()))
    };
    Ok(found.iter().filter_map(pair).collect())
}

/// The flags that say where names are, as the line that is being completed has them.
fn of_line(words: impl Iterator<Item = String>) -> Common {
    let words: Vec<_> = words.skip_while(|word| word != "--").collect();
    let value = |flag: &str| {
        let apart = words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
        let joined = words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
        apart.map(String::as_str).or(joined).map(str::to_owned)
    };
    Common {
        #[cfg(feature = "host")]
        data: value("--data").or_else(|| std::env::var("CHAVEIRO_DATA").ok()).map(Into::into),
        json: false,
        lang: None,
        tenant: value("--tenant"),
    }
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_not_take_as_a_word_is_not_offered() {
        for (name, is) in [
            ("ANA-LT1", true),
            ("ana@contoso.example", true),
            ("portátil", true),
            ("$(reboot)", false),
            ("a b", false),
            ("a;b", false),
            ("-rf", false),
            ("a'b", false),
        ] {
            assert_eq!(is_harmless(name), is, "{name}");
        }
    }

    #[test]
    fn the_line_says_where_names_are() {
        let of = |line: &str| of_line(line.split(' ').map(str::to_owned));
        let common = of("chaveiro -- chaveiro --data /d device show --tenant=T A");
        assert_eq!((common.data, common.tenant.as_deref()), (Some("/d".into()), Some("T")));
        assert_eq!(of("chaveiro --tenant X -- chaveiro device show").tenant, None);
    }

    #[test]
    fn arguments_that_name_something_are_completed() {
        for (above, argument, expected) in [
            ("device", "device", Some(Kind::Device)),
            ("role", "role", Some(Kind::Role)),
            ("app", "id", Some(Kind::Application)),
            ("hold", "id", None),
        ] {
            assert_eq!(kind(above, argument), expected, "{above} {argument}");
        }
    }
}
