//! `chaveiro-agent`: the device end on Linux. It can say what stands in the way of a recovery; enrolment and the
//! recoveries themselves come on top of what is read here.

mod account;
mod doctor;
mod text;
mod volume;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use doctor::Finding;
use text::Lang;

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
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
        /// Look at the system below this directory instead of /.
        #[arg(long, default_value = "/", value_name = "DIR")]
        root: PathBuf,
    },
}

fn main() -> ExitCode {
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
    let Verb::Doctor { account, volumes, root } = &cli.verb;
    let findings = doctor::examine(root, account.as_deref(), volumes, today())?;
    print(&findings, cli.json, Lang::choose(cli.lang.as_deref()))?;
    Ok(findings.iter().all(|finding| finding.obstacle.is_none()))
}

/// The day, counted from 1970, as shadow(5) counts.
#[expect(clippy::disallowed_methods, reason = "the shell of the program is where the clock is read")]
fn today() -> i64 {
    jiff::Timestamp::now().as_second().div_euclid(86_400)
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
