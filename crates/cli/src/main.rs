//! The `chaveiro` command: the server, its administration, a Graph client for the help desk, and the
//! demonstration. Without the feature `host` it is the client alone, which also runs on Windows.

#[cfg(all(feature = "host", not(unix)))]
compile_error!("a server runs on Linux alone; build the client with --no-default-features");

mod args;
#[cfg(feature = "host")]
mod beginnings;
mod client;
mod clock;
mod complete;
mod confirm;
#[cfg(feature = "host")]
mod demo;
mod help;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod identity;
mod lookup;
#[cfg(all(test, feature = "host"))]
mod named;
mod obstacle;
#[cfg_attr(not(feature = "host"), path = "elsewhere.rs")]
mod on_host;
mod out;
mod passcode;
#[cfg(feature = "host")]
mod person;
mod question;
mod reach;
mod result;
mod session;
mod spelling;
#[cfg_attr(unix, path = "system/unix.rs")]
#[cfg_attr(windows, path = "system/windows.rs")]
mod system;
mod verbs;
mod waiting;
#[cfg(feature = "host")]
mod words;

use std::alloc::System;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anstyle::AnsiColor;
use anyhow::Result;
use clap::FromArgMatches;

use args::{Cli, Verb};
use chaveiro_lang::{Lang, Stream, columns, prose, text};
use help::command;
use out::Out;
use zeroizing_alloc::ZeroAlloc;

/// Wipes each block that is freed: libraries keep copies of passcodes and tokens in buffers that they do not wipe.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let lang = Lang::of_arguments(std::env::args_os());
    if complete::is_asked() {
        system::keep_to_oneself();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        complete::answer(lang);
    }
    let mut command = chaveiro_lang::with_whole_examples(command(lang));
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let matches = matches.unwrap_or_else(|error| refuse(&mut command, &error, lang));
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    on_host::adapt(&mut cli, &matches);
    let out = Out::new(cli.common.json, lang);
    // Every user may read the documents; all else is for the user of the data directory.
    if !on_host::writes_documents(&cli.verb) {
        system::keep_to_oneself();
    }
    // Every TLS connection of the process uses the one provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(&cli, out)));
    match done {
        Ok(code) => code,
        Err(error) => {
            complain(out, &error);
            ExitCode::FAILURE
        }
    }
}

/// Prints help as asked, or tells what is wrong with the command line: for machines a JSON object, as for every other error.
fn refuse(command: &mut clap::Command, error: &clap::Error, lang: Lang) -> ! {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let on_terminal =
            if error.use_stderr() { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        chaveiro_lang::print(error, on_terminal && std::env::var_os("NO_COLOR").is_none() && system::shows_colour());
    }
    if !std::env::args_os().any(|argument| argument == "--json") {
        let help = chaveiro_lang::help_instead(command, error);
        let words = help.unwrap_or_else(|| chaveiro_lang::refusal(error, lang));
        for line in prose(&words, columns(Stream::Errors)) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        std::process::exit(error.exit_code());
    }
    let text = chaveiro_lang::refusal(error, Lang::english());
    let (what, _) = text.split_once("\n\n").unwrap_or((&text, ""));
    let what = what.trim_start_matches("error: ");
    let _ = writeln!(std::io::stderr(), "{}", serde_json::json!({"error": what}));
    std::process::exit(error.exit_code());
}

async fn run(cli: &Cli, out: Out) -> Result<ExitCode> {
    let common = &cli.common;
    match &cli.verb {
        Verb::Login(login) => verbs::login::login(common, out, login).await?,
        Verb::Logout => verbs::login::logout(out).await?,
        Verb::Whoami => verbs::whoami::whoami(common, out).await?,
        Verb::User(user) => verbs::user::user(common, out, user).await?,
        Verb::Find(find) => verbs::device_list::find(common, out, find).await?,
        Verb::Device(device) => verbs::device::device(common, out, device).await?,
        Verb::Recover(recover) => return verbs::recover::recover(common, out, recover).await,
        Verb::Action { device, show, why } => verbs::recover::action(common, out, device, *show, why).await?,
        Verb::Role(role) => verbs::role::role(common, out, role).await?,
        Verb::Hold(hold) => verbs::hold::hold(common, out, hold).await?,
        Verb::Completions { shell } => verbs::docs::completions(*shell)?,
        Verb::Man { directory } => verbs::docs::man(out, directory.as_deref())?,
        #[cfg(feature = "host")]
        Verb::OfHost(verb) => return on_host::run(common, out, verb).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what went wrong, and what to do.
fn complain(out: Out, error: &anyhow::Error) {
    if out.json {
        let mut told = chaveiro_lang::tell_machines(error, on_host::words);
        if let Some(unreached) = error.chain().find_map(|cause| cause.downcast_ref::<reach::Unreached>()) {
            told["detail"] = unreached.detail.as_str().into();
        }
        let _ = writeln!(std::io::stderr(), "{told}");
        return;
    }
    let told = chaveiro_lang::tell(error, out.lang, on_host::words);
    let label = text!("error").say(out.lang);
    for line in prose(&format!("{label}: {}", told.what), columns(Stream::Errors)) {
        let line =
            line.replacen(&label, &out.paint(AnsiColor::Red, true, &label), usize::from(line.starts_with(&label)));
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    for hint in told.hints {
        out.beside(&format!("{}: {hint}", text!("hint").say(out.lang)));
    }
}
