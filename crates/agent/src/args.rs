//! The command line as data: verbs, flags, help, examples.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The device end of Chaveiro on Linux.
#[derive(Debug, Parser)]
#[command(name = "chaveiro-agent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Print JSON for machines.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of messages: en or pt. By default that of the system.
    #[arg(long, global = true, env = "CHAVEIRO_LANG", value_name = "LANG")]
    pub(crate) lang: Option<String>,
    /// Where the enrolment is kept.
    #[arg(
        long,
        global = true,
        env = "CHAVEIRO_AGENT_STATE",
        default_value = "/var/lib/chaveiro-agent",
        value_name = "DIR"
    )]
    pub(crate) state: PathBuf,
    /// Look at the system below this directory instead of /.
    #[arg(long, global = true, default_value = "/", value_name = "DIR")]
    pub(crate) root: PathBuf,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Enrol this machine, with a key that is made here and never leaves it.
    #[command(
        after_help = "Example:\n  chaveiro-agent enroll https://mdm.example --token-file - --user ana@example.org"
    )]
    Enroll {
        /// The address for devices, as the operator of the server gave it.
        server: String,
        /// The one-time token: what `chaveiro device enroll-token` printed. Others on this machine can see arguments.
        #[arg(long, conflicts_with = "token_file")]
        token: Option<String>,
        /// A file that begins with the token; - for standard input.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Who enrols.
        #[arg(long, default_value = "root@localhost", value_name = "NAME")]
        user: String,
        /// A PEM file with the only root certificate to trust, from now on; by default what the system trusts.
        #[arg(long, value_name = "FILE")]
        root_certificate: Option<PathBuf>,
        /// Enrol once more as the same device, proven by the certificate that this machine has; stop the service before.
        #[arg(long)]
        again: bool,
    },
    /// Run as the service: report, then wait to be woken by the server.
    #[command(after_help = "Example:\n  chaveiro-agent run")]
    Run,
    /// Report to the server once, and do what it asks. The service does it by itself.
    #[command(after_help = "Example:\n  chaveiro-agent sync")]
    Sync,
    /// Say whether this machine is enrolled, where, and when it last reported.
    #[command(after_help = "Example:\n  chaveiro-agent status --json")]
    Status,
    /// Give the agent a key slot of an encrypted volume, once; later recoveries need nobody to type anything.
    ///
    /// Needs something that opens the volume now: the passphrase that the installer left in a file, one that is typed,
    /// or an existing recovery key. The header is backed up first; no slot of a person is touched.
    #[command(
        after_help = "Example:\n  chaveiro-agent escrow /dev/nvme0n1p3\n  chaveiro-agent escrow --passphrase-file /root/installer.key"
    )]
    Escrow {
        /// The volumes; by default those of the configuration, or of /etc/crypttab.
        volumes: Vec<PathBuf>,
        /// A file whose content, to the last byte, opens the volumes; without it the passphrase is asked for.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Accept that the agent's key lies on a disk that is not encrypted, or that cannot be told.
        #[arg(long)]
        accept_open_disk: bool,
    },
    /// Say for each recovery whether this machine is ready for it; if not, why, and what to do.
    ///
    /// Changes nothing. Ends with 0 when everything is ready, with 1 otherwise. Needs root to read /etc/shadow.
    #[command(after_help = "Example:\n  chaveiro-agent doctor --account ana --volume /dev/nvme0n1p3")]
    Doctor {
        /// The account whose password would be recovered; by default that of the configuration, or the one that signed
        /// in most recently.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// A LUKS2 volume; repeat for more. By default those of the configuration, or of /etc/crypttab.
        #[arg(long = "volume", value_name = "PATH")]
        volumes: Vec<PathBuf>,
    },
    /// Remove key slots that an interrupted recovery left, without the server. The service does it before each session.
    ///
    /// Only slots that the agent added itself go; what the escrow holds still opens the volume. Needs root, and the
    /// service stopped.
    #[command(after_help = "Example:\n  chaveiro-agent clear-slots")]
    ClearSlots,
    /// Tell the server that this machine leaves, and forget the enrolment. Nobody's own password or key slot is touched.
    #[command(after_help = "Example:\n  chaveiro-agent unenroll --release-slots")]
    Unenroll {
        /// Forget it even when the server cannot be told.
        #[arg(long)]
        force: bool,
        /// Remove the key slots of the agent and of the escrow; without it an escrowed passcode still opens the disk.
        #[arg(long)]
        release_slots: bool,
    },
    /// Print the description of the nodes of this machine (DDF).
    #[command(after_help = "Example:\n  chaveiro-agent ddf > chaveiro-ddf.xml")]
    Ddf,
    /// Completions for a shell.
    #[command(after_help = "Example:\n  chaveiro-agent completions bash > /etc/bash_completion.d/chaveiro-agent")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page.
    #[command(after_help = "Example:\n  chaveiro-agent man > chaveiro-agent.1")]
    Man,
}
