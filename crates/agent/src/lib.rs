//! `chaveiro-agent`: the device end on Linux. It enrols this machine, reports what it is, and says what stands in the
//! way of a recovery; the recoveries themselves come on top of that.

mod account;
mod doctor;
mod enrolment;
mod inventory;
#[cfg_attr(not(test), expect(dead_code, reason = "wired by the recovery itself"))]
#[expect(unused_imports, reason = "wired by the recovery itself")]
mod luks;
mod session;
mod state;
mod text;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use doctor::Finding;
use enrolment::Invitation;
use state::State;
use text::{Lang, Text};

/// The device end of Chaveiro on Linux.
#[derive(Debug, Parser)]
#[command(name = "chaveiro-agent", version, arg_required_else_help = true)]
struct Cli {
    /// Print JSON for machines.
    #[arg(long, global = true)]
    json: bool,
    /// Language of messages: en or pt. By default that of the system.
    #[arg(long, global = true, env = "CHAVEIRO_LANG", value_name = "LANG")]
    lang: Option<String>,
    /// Where the enrolment is kept.
    #[arg(
        long,
        global = true,
        env = "CHAVEIRO_AGENT_STATE",
        default_value = "/var/lib/chaveiro-agent",
        value_name = "DIR"
    )]
    state: PathBuf,
    /// Look at the system below this directory instead of /.
    #[arg(long, global = true, default_value = "/", value_name = "DIR")]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Enrol this machine, with a key that is made here and never leaves it.
    #[command(
        after_help = "Example:\n  chaveiro-agent enroll https://mdm.example --token TOKEN --user ana@example.org"
    )]
    Enroll {
        /// The address for devices, as the operator of the server gave it.
        server: String,
        /// The one-time token: what `chaveiro device enroll-token` printed.
        #[arg(long)]
        token: String,
        /// Who enrols.
        #[arg(long, default_value = "root@localhost", value_name = "NAME")]
        user: String,
        /// A PEM file with the only root certificate to trust, from now on; by default what the system trusts.
        #[arg(long, value_name = "FILE")]
        root_certificate: Option<PathBuf>,
    },
    /// Report to the server once, and do what it asks.
    #[command(after_help = "Example:\n  chaveiro-agent sync")]
    Sync,
    /// Say whether this machine is enrolled, where, and when it last reported.
    #[command(after_help = "Example:\n  chaveiro-agent status --json")]
    Status,
    /// Tell the server that this machine leaves, and forget the enrolment. No password or key slot is touched.
    #[command(after_help = "Example:\n  chaveiro-agent unenroll")]
    Unenroll {
        /// Forget it even when the server cannot be told.
        #[arg(long)]
        force: bool,
    },
    /// Say for each recovery whether this machine is ready for it; if not, why, and what to do.
    ///
    /// Changes nothing. Ends with 0 when everything is ready, with 1 otherwise. Needs root to read /etc/shadow.
    #[command(after_help = "Example:\n  chaveiro-agent doctor --account ana --volume /dev/nvme0n1p3")]
    Doctor {
        /// The account whose password would be recovered; by default the one that signed in most recently.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// A LUKS2 volume; repeat for more. By default those of /etc/crypttab.
        #[arg(long = "volume", value_name = "PATH")]
        volumes: Vec<PathBuf>,
    },
}

/// The whole program: command line in, exit code out.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "chaveiro-agent: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Says whether everything is as it should be.
fn run(cli: &Cli) -> Result<bool> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (state, lang) = (State::at(&cli.state), Lang::choose(cli.lang.as_deref()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let say = |text: Text, value: &str, facts: Value| {
        let line = if cli.json { facts.to_string() } else { text.say(lang, value) };
        writeln!(std::io::stdout(), "{line}")
    };
    match &cli.verb {
        Verb::Enroll { server, token, user, root_certificate } => {
            let invitation = Invitation { server, user, token, root_certificate: root_certificate.as_deref() };
            let enrolment = runtime.block_on(enrolment::enroll(&state, &cli.root, &invitation))?;
            say(Text::Enrolled, &enrolment.address, json!({"enrolled": true, "address": enrolment.address}))?;
        }
        Verb::Sync => {
            let messages = runtime.block_on(enrolment::sync(&state, &cli.root, now()))?;
            say(Text::Synced, &messages.to_string(), json!({"messages": messages}))?;
        }
        Verb::Status if !state.is_enrolled() => {
            say(Text::NotEnrolled, "", json!({"enrolled": false}))?;
            return Ok(false);
        }
        Verb::Status => {
            let (enrolment, _) = state.load()?;
            let last = enrolment.last_sync.map(|at| at.to_string());
            let facts = json!({"enrolled": true, "address": enrolment.address, "lastSync": last});
            let last = last.unwrap_or_else(|| Text::Never.say(lang, ""));
            match cli.json {
                true => say(Text::Enrolled, "", facts)?,
                false => {
                    say(Text::Enrolled, &enrolment.address, Value::Null)?;
                    say(Text::LastSync, &last, Value::Null)?;
                }
            }
        }
        Verb::Unenroll { force } => {
            runtime.block_on(enrolment::unenroll(&state, &cli.root, *force))?;
            say(Text::Left, "", json!({"enrolled": false}))?;
        }
        Verb::Doctor { account, volumes } => {
            let today = now().as_second().div_euclid(86_400);
            let findings = doctor::examine(&cli.root, &state, account.as_deref(), volumes, today)?;
            print(&findings, cli.json, lang)?;
            return Ok(findings.iter().all(|finding| finding.obstacle.is_none()));
        }
    }
    Ok(true)
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
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(lang.columns());
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    for finding in findings {
        table.add_row(finding.row(lang));
    }
    writeln!(out, "{table}")?;
    Ok(())
}
