//! The command line as data: verbs, flags, examples. Its help is in the catalogues, `help-agent.ftl`.

use std::path::PathBuf;

use chaveiro_device::root::RootFingerprint;
use chaveiro_lang::{Text, text};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "chaveiro-agent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, env = "CHAVEIRO_LANG", value_name = "LANG", value_parser = chaveiro_lang::spoken)]
    pub(crate) lang: Option<String>,
    #[arg(
        long,
        global = true,
        env = "CHAVEIRO_AGENT_STATE",
        default_value = "/var/lib/chaveiro-agent",
        value_name = "DIR"
    )]
    pub(crate) state: PathBuf,
    #[arg(long, global = true, default_value = "/", value_name = "DIR")]
    pub(crate) root: PathBuf,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(
        after_help = "Example:\n  chaveiro-agent enroll https://mdm.example --token-file - --user ana@example.org"
    )]
    Enroll {
        server: String,
        #[arg(long, conflicts_with = "token_file")]
        token: Option<String>,
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        #[arg(long, default_value = "root@localhost", value_name = "NAME")]
        user: String,
        #[arg(long, value_name = "FILE")]
        root_certificate: Option<PathBuf>,
        #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint, conflicts_with = "root_certificate")]
        root_fingerprint: Option<RootFingerprint>,
        #[arg(long)]
        again: bool,
    },
    #[command(after_help = "Example:\n  chaveiro-agent run")]
    Run,
    #[command(after_help = "Example:\n  chaveiro-agent sync")]
    Sync,
    #[command(after_help = "Example:\n  chaveiro-agent status --json")]
    Status,
    #[command(
        after_help = "Example:\n  chaveiro-agent escrow /dev/nvme0n1p3\n  chaveiro-agent escrow --passphrase-file /root/installer.key"
    )]
    Escrow {
        #[arg(value_name = "PATH")]
        volumes: Vec<PathBuf>,
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[arg(long)]
        accept_open_disk: bool,
    },
    #[command(after_help = "Example:\n  chaveiro-agent doctor --account ana --volume /dev/nvme0n1p3")]
    Doctor {
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[arg(long = "volume", value_name = "PATH")]
        volumes: Vec<PathBuf>,
    },
    #[command(after_help = "Example:\n  chaveiro-agent clear-slots")]
    ClearSlots,
    #[command(after_help = "Example:\n  chaveiro-agent unenroll --release-slots")]
    Unenroll {
        #[arg(long)]
        force: bool,
        #[arg(long)]
        release_slots: bool,
    },
    #[command(after_help = "Example:\n  chaveiro-agent ddf > chaveiro-ddf.xml")]
    Ddf,
    #[command(after_help = "Example:\n  chaveiro-agent completions bash > /etc/bash_completion.d/chaveiro-agent")]
    Completions { shell: clap_complete::Shell },
    #[command(after_help = "Example:\n  chaveiro-agent man > chaveiro-agent.1")]
    Man {
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// A fingerprint from the command line.
fn fingerprint(text: &str) -> Result<RootFingerprint, Text> {
    text.trim().parse().map_err(|_| text!("agent-fingerprint-malformed"))
}
