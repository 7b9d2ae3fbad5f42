//! `chaveiro-agent`: the device end on Linux. The agent enrols this machine, reports its state, says what stands in the
//! way of a recovery, and carries recoveries out. `recovery` is the story, and `journal` is what survives a power loss.
//! `login` and `luks` are the two locks, and `nodes` is what the server can ask for.

mod agent;
mod args;
mod child;
mod config;
mod doctor;
mod embedded;
mod enrolment;
mod escrowed;
mod help;
mod inventory;
mod journal;
mod key_file;
mod locks;
mod login;
mod luks;
mod nodes;
mod obstacle;
mod packages;
mod passcode;
mod recovery;
mod run;
mod session;
mod state;
mod steps;
#[cfg(test)]
mod testing;
mod text;
mod words;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};
use clap::{CommandFactory, FromArgMatches};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use agent::Agent;
use args::{Cli, Verb};
use chaveiro_lang::{Explain, Lang, Stream, Text, columns, prose, table, text};
use doctor::Finding;
pub use embedded::Embedded;
use enrolment::{Invitation, Trust};
use help::HELP;
pub use key_file::of_key_file;
use state::State;

/// Runs the whole program: command line in, exit code out.
pub fn main() -> ExitCode {
    if let Some(code) = child::launch(std::env::args_os()) {
        return code;
    }
    chaveiro_keyfile::keep_to_oneself();
    let lang = Lang::of_arguments(std::env::args_os());
    let mut command = chaveiro_lang::with_whole_examples(HELP.in_language(Cli::command(), lang));
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let matches = matches.unwrap_or_else(|error| refuse(&mut command, &error, lang));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(&cli, lang) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error, cli.json, lang);
            ExitCode::from(2)
        }
    }
}

/// Prints help or version as asked, or the error of the command line.
fn refuse(command: &mut clap::Command, error: &clap::Error, lang: Lang) -> ! {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let on_terminal =
            if error.use_stderr() { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        chaveiro_lang::print(error, on_terminal && std::env::var_os("NO_COLOR").is_none());
    }
    let help = chaveiro_lang::help_instead(command, error);
    let words = help.unwrap_or_else(|| chaveiro_lang::refusal(error, lang));
    let _ = print_prose(std::io::stderr(), Stream::Errors, &words);
    std::process::exit(error.exit_code());
}

/// Prints an error, and what to do about it.
fn complain(error: &anyhow::Error, json: bool, lang: Lang) {
    let mut out = std::io::stderr();
    if json {
        let _ = writeln!(out, "{}", chaveiro_lang::tell_machines(error, words::of));
        return;
    }
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = if colour { Style::new().fg_color(Some(AnsiColor::Red.into())).bold() } else { Style::new() };
    let told = chaveiro_lang::tell(error, lang, words::of);
    let label = text!("error").say(lang);
    for line in prose(&format!("{label}: {}", told.what), columns(Stream::Errors)) {
        let _ = match line.strip_prefix(&label) {
            Some(rest) => writeln!(out, "{style}{label}{style:#}{rest}"),
            None => writeln!(out, "{line}"),
        };
    }
    for hint in told.hints {
        let _ = print_prose(&out, Stream::Errors, &format!("{}: {hint}", text!("hint").say(lang)));
    }
}

/// Prints sentences, which wrap where the terminal ends.
fn print_prose(mut out: impl Write, stream: Stream, text: &str) -> std::io::Result<()> {
    prose(text, columns(stream)).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Runs the verb; returns true if everything is as it should be.
fn run(cli: &Cli, lang: Lang) -> Result<bool> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let state = State::at(&cli.state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let say = |text: Text, facts: Value| match cli.json {
        true => writeln!(std::io::stdout(), "{facts}"),
        false => print_prose(std::io::stdout(), Stream::Output, &text.say(lang)),
    };
    match &cli.verb {
        Verb::Enroll { server, token, token_file, user, root_certificate, root_fingerprint, again } => {
            let token = match (token, token_file) {
                (Some(token), _) => Zeroizing::new(token.clone()),
                (None, Some(file)) => token_of(file)?,
                (None, None) if std::io::stdin().is_terminal() => typed_token(lang)?,
                (None, None) => bail!(text!("agent-token-needed")),
            };
            if token.is_empty() {
                bail!(text!("agent-token-needed"));
            }
            let trust = match (root_certificate, root_fingerprint) {
                (Some(file), _) => Trust::Certificate(file),
                (None, Some(fingerprint)) => Trust::Fingerprint(*fingerprint),
                (None, None) => Trust::Known,
            };
            let invitation = Invitation { server, user, token: &token, trust, again: *again };
            let enrolment = runtime.block_on(enrolment::enroll(&state, &cli.root, &invitation))?;
            let facts = json!({"enrolled": true, "address": enrolment.address});
            say(text!("agent-enrolled", address = &enrolment.address), facts)?;
        }
        Verb::Run => {
            let mut agent = Agent::open(&cli.root, state)?;
            runtime.block_on(async {
                let tell = |line: &str| drop(writeln!(std::io::stderr(), "{line}"));
                run::run(&mut agent, stop_signal()?, tell, now).await
            })?;
        }
        Verb::Sync => {
            let synced = runtime.block_on(async { Agent::open(&cli.root, state)?.sync(now()).await })?;
            let facts = json!({"messages": synced.messages, "commands": synced.commands});
            say(text!("agent-synced", messages = synced.messages), facts)?;
        }
        Verb::Status if !state.is_enrolled() => {
            say(text!("agent-not-enrolled-yet"), json!({"enrolled": false}))?;
            return Ok(false);
        }
        Verb::Status => {
            let (enrolment, identity) = state.load()?;
            let last = enrolment.last_sync;
            let expires =
                chaveiro_device::enroll::expires(&identity).and_then(|end| jiff::Timestamp::from_second(end).ok());
            let enrolled = text!("agent-enrolled", address = &enrolment.address);
            let facts = json!({
                "enrolled": true,
                "address": enrolment.address,
                "lastSync": last.map(|at| at.to_string()),
                "certificateExpires": expires.map(|end| end.to_string()).unwrap_or_default(),
            });
            say(enrolled, facts)?;
            if !cli.json {
                say(last.map_or(text!("agent-never-reported"), |at| text!("agent-last-report", at = at)), Value::Null)?;
                if let Some(end) = expires {
                    say(text!("agent-certificate-ends", at = end), Value::Null)?;
                }
            }
        }
        Verb::Escrow { volumes, passphrase_file, accept_open_disk } => {
            for volume in volumes_or_configured(&cli.root, volumes)? {
                let unlock = unlock_secret(passphrase_file.as_deref(), &volume, lang)?;
                agent::escrow(&cli.root, &state, &volume, &unlock, *accept_open_disk)?;
                let shown = volume.display().to_string();
                say(text!("agent-escrowed", volume = &shown), json!({"volume": shown, "escrowed": true}))?;
            }
        }
        Verb::Unenroll { force, release_slots } => {
            match Agent::open(&cli.root, State::at(&cli.state)) {
                Ok(agent) => runtime.block_on(agent.unenroll(*force, *release_slots, now()))?,
                Err(_) if *force && state.is_enrolled() => {
                    agent::forget_unreadable(&cli.root, &state, *release_slots)?;
                }
                Err(error) => return Err(error),
            }
            let text = if *release_slots { text!("agent-left-released") } else { text!("agent-left") };
            say(text, json!({"enrolled": false, "slotsReleased": release_slots}))?;
        }
        Verb::ClearSlots => {
            for cleared in agent::clear_slots(&cli.root, &state)? {
                let (volume, slots) = (cleared.volume.display().to_string(), cleared.slots);
                let text = match slots.is_empty() {
                    true => text!("agent-no-slots-left", volume = &volume),
                    false => text!("agent-slots-cleared", volume = &volume),
                };
                say(text, json!({"volume": volume, "removed": slots}))?;
            }
        }
        Verb::Doctor { account, volumes } => {
            let (today, config) = (now().as_second().div_euclid(86_400), config::load(&cli.root)?);
            let findings = doctor::examine(&cli.root, &state, &config, account.as_deref(), volumes, today)?;
            print(&findings, cli.json, lang)?;
            return Ok(findings.iter().all(Finding::is_good));
        }
        Verb::Ddf => write!(std::io::stdout(), "{}", chaveiro_csp::ddf())?,
        Verb::Completions { shell } => {
            let mut command = HELP.in_language(Cli::command(), lang);
            clap_complete::generate(*shell, &mut command, "chaveiro-agent", &mut std::io::stdout());
        }
        Verb::Man { directory: None } => {
            clap_mangen::Man::new(HELP.in_language(Cli::command(), lang)).render(&mut std::io::stdout())?;
        }
        Verb::Man { directory: Some(directory) } => {
            std::fs::create_dir_all(directory).explain(|| text!("directory-not-made", directory = directory))?;
            clap_mangen::generate_to(HELP.in_language(Cli::command(), lang), directory)
                .explain(|| text!("file-unwritable", file = directory))?;
        }
    }
    Ok(true)
}

/// Returns a future that ends with SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns the first line of that file, or of standard input. A token is never an argument: every user of the machine
/// can read arguments.
fn token_of(file: &Path) -> Result<Zeroizing<String>> {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    let text = Zeroizing::new(text.explain(|| text!("agent-token-file", file = file))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().trim().to_owned()))
}

/// The token that a person types or pastes; the terminal does not show it, and no history of a shell keeps it.
fn typed_token(lang: Lang) -> Result<Zeroizing<String>> {
    let prompt = format!("{} ", text!("agent-ask-token").say(lang));
    let typed = Zeroizing::new(rpassword::prompt_password(prompt).map_err(|_| text!("agent-token-needed"))?);
    Ok(Zeroizing::new(typed.trim().to_owned()))
}

fn volumes_or_configured(root: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let config = config::load(root)?;
    let volumes =
        locks::Locks { root, config: &config, keys: Path::new(""), proven: &locks::Proven::default() }.volumes();
    if volumes.is_empty() {
        bail!(text!("agent-no-volume"));
    }
    Ok(volumes)
}

fn unlock_secret(file: Option<&Path>, volume: &Path, lang: Lang) -> Result<Zeroizing<Vec<u8>>> {
    if let Some(file) = file {
        let bytes = std::fs::read(file).explain(|| text!("agent-passphrase-file", file = file))?;
        return Ok(Zeroizing::new(bytes));
    }
    let prompt = format!("{} ", text!("agent-ask-passphrase", volume = volume).say(lang));
    let typed = rpassword::prompt_password(prompt).explain(|| text!("agent-no-terminal"))?;
    Ok(Zeroizing::new(typed.into_bytes()))
}

#[expect(clippy::disallowed_methods, reason = "the shell of the program is where the clock is read")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn print(findings: &[Finding], json: bool, lang: Lang) -> Result<()> {
    let mut out = std::io::stdout();
    if json {
        let rows: Vec<_> = findings.iter().map(|finding| finding.to_json(lang)).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(());
    }
    let rows: Vec<_> = findings.iter().flat_map(|finding| finding.rows(lang)).map(Vec::from).collect();
    for line in table::lines(&text::columns(lang), &rows, columns(Stream::Output)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_an_example_that_the_command_accepts() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples =
                help.strip_prefix("Example:\n").unwrap_or_else(|| panic!("{} has no example", verb.get_name()));
            for line in examples.lines() {
                let words = line.split(" > ").next().unwrap_or_default().split_whitespace();
                assert!(Cli::command().try_get_matches_from(words).is_ok(), "{line}");
            }
        }
    }
}
