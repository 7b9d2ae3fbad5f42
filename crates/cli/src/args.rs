//! The command line as data: verbs, flags, help, examples.

mod identity;

use std::path::PathBuf;

use chaveiro_core::passcode::{Alphabet, PasscodePolicy, WordLanguage};
use chaveiro_core::scope_tag;
use chaveiro_core::tenant::LinuxLocks;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use identity::{App, Login, Registration, SignIn};

/// Self-hosted passcode recovery that speaks Microsoft Graph.
#[derive(Debug, Parser)]
#[command(name = "chaveiro", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Begin with:\n  chaveiro demo\n  chaveiro init --data ./data && chaveiro serve --data ./data")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The data directory; /var/lib/chaveiro by default.
    #[arg(long, global = true, env = "CHAVEIRO_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON for machines.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of messages: en or pt. By default that of the system.
    #[arg(long, global = true, env = "CHAVEIRO_LANG", value_name = "LANG", value_parser = chaveiro_lang::spoken)]
    pub(crate) lang: Option<String>,
    /// The tenant: its id or name. Not needed while there is only one.
    #[arg(long, global = true, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
}

impl Common {
    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("/var/lib/chaveiro"))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a data directory: database, keys, certificate authority, first tenant.
    #[command(after_help = "Example:\n  chaveiro init --data /var/lib/chaveiro --name Contoso")]
    Init {
        /// Name of the first tenant.
        #[arg(long, default_value = "Default")]
        name: String,
        /// The Entra tenant of its Windows users, so that EnablePinRecovery can be set.
        #[arg(long, value_name = "GUID")]
        entra_tenant: Option<uuid::Uuid>,
    },
    /// Run the server.
    #[command(
        after_help = "Example:\n  chaveiro serve --data /var/lib/chaveiro --graph-listen 0.0.0.0:443 --graph-url https://chaveiro.example"
    )]
    Serve(Box<Serve>),
    /// Show the whole product on this machine: a simulated Windows device, and a Linux system below a directory.
    ///
    /// With --data the data is kept in that fresh directory; otherwise it is temporary.
    #[command(after_help = "Example:\n  chaveiro demo --keep")]
    Demo {
        /// Leave the server running and print what to try next.
        #[arg(long)]
        keep: bool,
    },
    /// Tenants: who is served.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Applications that sign in with the local issuer.
    #[command(subcommand)]
    App(App),
    /// Sign in to a server, from anywhere: prints a code for which an operator there vouches.
    #[command(after_help = "Example:\n  chaveiro login --server https://chaveiro.example:8443 --ca root.pem")]
    Login(Login),
    /// Sign out: the stored session ends here and on the server.
    #[command(after_help = "Example:\n  chaveiro logout")]
    Logout,
    /// People who sign in: who waits, who may, who is signed in.
    #[command(subcommand)]
    SignIn(SignIn),
    /// Mint an operator token for the Graph API, for this tenant.
    #[command(
        after_help = "Example:\n  curl -H \"Authorization: Bearer $(chaveiro token)\" https://localhost:8443/beta/deviceManagement/managedDevices"
    )]
    Token {
        /// What the token permits; by default reading, without passcodes. Repeat for more.
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        /// Minutes it lives.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Why. This is recorded.
        #[arg(long, value_parser = one_line)]
        reason: Option<String>,
        /// Mint none: end every operator token of the tenant that is out.
        #[arg(long, conflicts_with_all = ["permissions", "minutes", "reason"])]
        revoke_all: bool,
    },
    /// Keys: signing keys of the local issuer, recipients of the escrow.
    #[command(subcommand)]
    Keys(Keys),
    /// Managed devices.
    #[command(subcommand)]
    Device(Device),
    /// Recover the passcode of a device.
    #[command(after_help = "Example:\n  chaveiro recover ANA-LT1 --wait --show")]
    Recover {
        /// The device: its id or name.
        device: String,
        /// Wait until the device has answered.
        #[arg(long)]
        wait: bool,
        /// Show the passcode when it is there. This is recorded.
        #[arg(long, requires = "wait")]
        show: bool,
        /// Seconds to wait at the most.
        #[arg(long, default_value_t = 600)]
        timeout: u64,
        #[command(flatten)]
        why: Why,
    },
    /// Remote actions of a device.
    #[command(after_help = "Example:\n  chaveiro action ANA-LT1")]
    Action {
        /// The device: its id or name.
        device: String,
        /// Show the passcode, when it may be shown. This is recorded.
        #[arg(long)]
        show: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Roles: who may do what, on which devices.
    #[command(subcommand)]
    Role(Role),
    /// Holds: recoveries and readings that wait until somebody has looked.
    #[command(subcommand)]
    Hold(Hold),
    /// The audit record.
    #[command(subcommand)]
    Audit(Audit),
    /// Back up the database while the server runs: a copy, its mark and checksums. The keys go to another place.
    #[command(after_help = "Example:\n  chaveiro backup /backup/chaveiro-2026-11-27")]
    Backup {
        /// A new directory for the backup.
        directory: PathBuf,
        /// A new directory for a copy of the keys. Keep it where the backup is not: together they open passcodes.
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Check that a backup is whole, and say how old it is; needs no data directory.
    #[command(after_help = "Example:\n  chaveiro check /backup/chaveiro-2026-11-27")]
    Check {
        /// The directory of the backup.
        backup: PathBuf,
    },
    /// Go on after a restore.
    #[command(subcommand)]
    Restore(Restore),
    /// Look for what an operator should know or change. Nothing is changed.
    #[command(subcommand)]
    Doctor(Doctor),
    /// Every route, with the permission it needs.
    #[command(after_help = "Example:\n  chaveiro routes | grep recoverPasscode")]
    Routes,
    /// Every configuration key, as a file to fill in.
    #[command(after_help = "Example:\n  chaveiro config-reference > chaveiro.toml")]
    ConfigReference,
    /// Completions for a shell.
    #[command(after_help = "Example:\n  chaveiro completions bash > /etc/bash_completion.d/chaveiro")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page.
    #[command(after_help = "Example:\n  chaveiro man > chaveiro.1")]
    Man,
    /// Write the generated documents into a directory.
    #[command(hide = true)]
    Generate {
        /// Where.
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    /// List the applications whose tokens count as a person's unless they prove otherwise.
    ///
    /// These are applications of other issuers. The record names them and not the subjects of their tokens, so it cannot
    /// tell which of them prove it. With --token one token is looked at.
    #[command(after_help = "Example:\n  chaveiro doctor tokens --token token.jwt")]
    Tokens {
        /// A token of another issuer, in a file or - for the standard input. Its signature and times are not checked.
        #[arg(long, value_name = "FILE")]
        token: Option<PathBuf>,
        /// Another configuration file than chaveiro.toml of the data directory.
        #[arg(long, env = "CHAVEIRO_CONFIG", value_name = "FILE", requires = "token")]
        config: Option<PathBuf>,
    },
}

/// The reasons that a person gives for a recovery or a disclosure.
#[derive(Debug, Default, Args)]
pub(crate) struct Why {
    /// Why. This is recorded.
    #[arg(long, value_parser = one_line)]
    pub(crate) reason: Option<String>,
    /// Pass a hold for this one device, and say why. This is recorded, and people are alerted.
    #[arg(long, value_name = "REASON", value_parser = one_line)]
    pub(crate) break_glass: Option<String>,
}

/// A reason from the command line: it is recorded and travels in a header.
fn one_line(text: &str) -> Result<String, String> {
    let most = chaveiro_core::hold::MAX_REASON;
    let text = text.trim();
    match !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("a reason is one line of up to {most} characters")),
    }
}

/// Flags of `serve`, one for each configuration key.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Another configuration file than chaveiro.toml of the data directory.
    #[arg(long, env = "CHAVEIRO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address and port for Graph clients.
    #[arg(long)]
    pub(crate) graph_listen: Option<String>,
    /// Address and port for devices.
    #[arg(long)]
    pub(crate) device_listen: Option<String>,
    /// The address that Graph clients use.
    #[arg(long)]
    pub(crate) graph_url: Option<String>,
    /// The address that devices use.
    #[arg(long)]
    pub(crate) device_url: Option<String>,
    /// PEM file with the certificate chain of both listeners.
    #[arg(long)]
    pub(crate) tls_certificate: Option<String>,
    /// PEM file with its private key.
    #[arg(long)]
    pub(crate) tls_key: Option<String>,
    /// Milliseconds between two goes of linking the audit chain.
    #[arg(long)]
    pub(crate) chain_interval_ms: Option<String>,
    /// Seconds that open requests have at the end.
    #[arg(long)]
    pub(crate) shutdown_grace_s: Option<String>,
    /// Seconds of steady running before what is over is destroyed.
    #[arg(long, value_name = "N")]
    pub(crate) expiry_grace_s: Option<String>,
    /// Writes of one application in one tenant in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_writes_by_application: Option<String>,
    /// Writes in one tenant in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_writes_by_tenant: Option<String>,
    /// Requests of one application in one tenant in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_requests_by_application: Option<String>,
    /// Requests in one tenant in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_requests_by_tenant: Option<String>,
    /// Requests of one application over all tenants in 10 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_requests_by_application_everywhere: Option<String>,
    /// Recoveries that one caller asks for in a minute.
    #[arg(long, value_name = "N")]
    pub(crate) limit_recoveries_by_caller: Option<String>,
    /// Tokens that one application gets for itself in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_tokens_by_application: Option<String>,
    /// Tokens that applications of one tenant get in 20 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) limit_tokens_by_tenant: Option<String>,
    /// New device codes for one client address in 15 minutes.
    #[arg(long, value_name = "N")]
    pub(crate) limit_device_codes_by_address: Option<String>,
    /// Wrong secrets, assertions and device codes of one application from one client address in 5 minutes.
    #[arg(long, value_name = "N")]
    pub(crate) limit_failures_by_address: Option<String>,
    /// Connections of both listeners, a quarter of them for Graph clients.
    #[arg(long, value_name = "N")]
    pub(crate) limit_connections: Option<String>,
    /// Connections from one address that have shown neither a certificate nor a valid token.
    #[arg(long, value_name = "N")]
    pub(crate) limit_connections_by_address: Option<String>,
    /// Seconds that a client has for the head of a request.
    #[arg(long, value_name = "N")]
    pub(crate) head_timeout_s: Option<String>,
    /// Seconds after which a connection without a request is closed.
    #[arg(long, value_name = "N")]
    pub(crate) idle_timeout_s: Option<String>,
    /// Proxies in front of the listeners whose headers say who the client is.
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) trusted_proxies: Option<String>,
    /// Header in which those proxies hand on the certificate of a device.
    #[arg(long, value_name = "NAME")]
    pub(crate) client_certificate_header: Option<String>,
    /// Where alerts are posted as JSON.
    #[arg(long, value_name = "URL")]
    pub(crate) alert_url: Option<String>,
    /// A file to which checkpoints of the audit record are appended.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint_file: Option<String>,
    /// The socket of the local syslog that gets checkpoints.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) checkpoint_syslog: Option<String>,
    /// Where checkpoints are posted as JSON.
    #[arg(long, value_name = "URL")]
    pub(crate) checkpoint_url: Option<String>,
    /// What is logged.
    #[arg(long)]
    pub(crate) log: Option<String>,
}

impl Serve {
    /// The flags that were given, by configuration key.
    pub(crate) fn layer(&self) -> chaveiro_server::Layer {
        let given = [
            ("graph-listen", &self.graph_listen),
            ("device-listen", &self.device_listen),
            ("graph-url", &self.graph_url),
            ("device-url", &self.device_url),
            ("tls-certificate", &self.tls_certificate),
            ("tls-key", &self.tls_key),
            ("chain-interval-ms", &self.chain_interval_ms),
            ("shutdown-grace-s", &self.shutdown_grace_s),
            ("expiry-grace-s", &self.expiry_grace_s),
            ("limit-writes-by-application", &self.limit_writes_by_application),
            ("limit-writes-by-tenant", &self.limit_writes_by_tenant),
            ("limit-requests-by-application", &self.limit_requests_by_application),
            ("limit-requests-by-tenant", &self.limit_requests_by_tenant),
            ("limit-requests-by-application-everywhere", &self.limit_requests_by_application_everywhere),
            ("limit-recoveries-by-caller", &self.limit_recoveries_by_caller),
            ("limit-tokens-by-application", &self.limit_tokens_by_application),
            ("limit-tokens-by-tenant", &self.limit_tokens_by_tenant),
            ("limit-device-codes-by-address", &self.limit_device_codes_by_address),
            ("limit-failures-by-address", &self.limit_failures_by_address),
            ("limit-connections", &self.limit_connections),
            ("limit-connections-by-address", &self.limit_connections_by_address),
            ("head-timeout-s", &self.head_timeout_s),
            ("idle-timeout-s", &self.idle_timeout_s),
            ("trusted-proxies", &self.trusted_proxies),
            ("client-certificate-header", &self.client_certificate_header),
            ("alert-url", &self.alert_url),
            ("checkpoint-file", &self.checkpoint_file),
            ("checkpoint-syslog", &self.checkpoint_syslog),
            ("checkpoint-url", &self.checkpoint_url),
            ("log", &self.log),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// List them.
    #[command(after_help = "Example:\n  chaveiro tenant list --json")]
    List,
    /// Make one, with its escrow key.
    #[command(after_help = "Example:\n  chaveiro tenant create Contoso")]
    Create {
        /// Its name.
        name: String,
        /// The Entra tenant of its Windows users.
        #[arg(long, value_name = "GUID")]
        entra_tenant: Option<uuid::Uuid>,
    },
    /// Change its licence or settings; without an option, show them.
    #[command(after_help = "Example:\n  chaveiro tenant set --passcode-form words-pt --linux-locks both")]
    Set(TenantChange),
}

/// Flags of `tenant set`; what is not given stays as it is. Without any, the settings are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct TenantChange {
    /// active or inactive.
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// The Entra tenant of its Windows users.
    #[arg(long, value_name = "GUID")]
    pub(crate) entra_tenant: Option<uuid::Uuid>,
    /// Minutes in which the first reader may read a passcode again.
    #[arg(long)]
    pub(crate) disclosure_window: Option<u64>,
    /// Days that an unread passcode is kept.
    #[arg(long)]
    pub(crate) unread_retention: Option<u64>,
    /// Days that an action waits for its device.
    #[arg(long)]
    pub(crate) action_expiry: Option<u64>,
    /// Hours that a person stays signed in without using it.
    #[arg(long, value_name = "HOURS")]
    pub(crate) sign_in_life: Option<u64>,
    /// What a recovery recovers on Linux.
    #[arg(long, value_name = "LOCKS")]
    pub(crate) linux_locks: Option<Locks>,
    /// What passcodes are made of that Linux devices make.
    #[arg(long, value_name = "FORM")]
    pub(crate) passcode_form: Option<PasscodeForm>,
    /// Their length in characters or words; by default what suits the form.
    #[arg(long, value_name = "N")]
    pub(crate) passcode_length: Option<u8>,
    /// Whether a recovered login password must be changed at the next sign-in.
    #[arg(long, value_name = "BOOL")]
    pub(crate) must_change: Option<bool>,
    /// Whether open sessions of the account are locked when its password was recovered.
    #[arg(long, value_name = "BOOL")]
    pub(crate) lock_sessions: Option<bool>,
    /// Recoveries within the window before further ones are put on hold; 0 for no hold.
    #[arg(long, value_name = "N")]
    pub(crate) hold_recoveries: Option<u32>,
    /// The same in percent of the managed devices, beyond the first ten; 0 for any.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) hold_percent: Option<u8>,
    /// Minutes of that window.
    #[arg(long, value_name = "MIN", value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub(crate) hold_window: Option<u64>,
    /// Passcodes read in the tenant within the window before further reading is put on hold; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub(crate) reading_limit: Option<u32>,
    /// The same for one person or application; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub(crate) reading_caller_limit: Option<u32>,
    /// The limit of the tenant in percent of the managed devices, beyond the first twenty; 0 for any.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) reading_percent: Option<u8>,
    /// Minutes of the window of both limits.
    #[arg(long, value_name = "MIN", value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub(crate) reading_window: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Locks {
    Both,
    Login,
    Luks2,
}

impl Locks {
    pub(crate) fn setting(self) -> LinuxLocks {
        match self {
            Self::Both => LinuxLocks::Both,
            Self::Login => LinuxLocks::Login,
            Self::Luks2 => LinuxLocks::Luks2,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PasscodeForm {
    Digits,
    Letters,
    LettersAndDigits,
    WordsEn,
    WordsPt,
}

impl PasscodeForm {
    /// The form of a policy, and the length.
    pub(crate) fn of(policy: PasscodePolicy) -> (Self, u8) {
        match policy {
            PasscodePolicy::Characters { alphabet: Alphabet::Digits, length } => (Self::Digits, length),
            PasscodePolicy::Characters { alphabet: Alphabet::Letters, length } => (Self::Letters, length),
            PasscodePolicy::Characters { alphabet: Alphabet::LettersAndDigits, length } => {
                (Self::LettersAndDigits, length)
            }
            PasscodePolicy::Words { language: WordLanguage::English, count } => (Self::WordsEn, count),
            PasscodePolicy::Words { language: WordLanguage::Portuguese, count } => (Self::WordsPt, count),
        }
    }

    /// The policy of that form and length.
    pub(crate) fn policy(self, length: u8) -> PasscodePolicy {
        let characters = |alphabet| PasscodePolicy::Characters { alphabet, length };
        let words = |language| PasscodePolicy::Words { language, count: length };
        match self {
            Self::Digits => characters(Alphabet::Digits),
            Self::Letters => characters(Alphabet::Letters),
            Self::LettersAndDigits => characters(Alphabet::LettersAndDigits),
            Self::WordsEn => words(WordLanguage::English),
            Self::WordsPt => words(WordLanguage::Portuguese),
        }
    }

    /// The length when none is asked for.
    pub(crate) fn usual_length(self) -> u8 {
        match self {
            Self::Digits => 13,
            Self::Letters => 14,
            Self::LettersAndDigits => 16,
            Self::WordsEn | Self::WordsPt => 6,
        }
    }

    /// As it is written on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the keys of the server: where each lies, and whether it is the one that the database knows.
    #[command(after_help = "Example:\n  chaveiro keys list")]
    List,
    /// Accept the key file that is in place now, where another was lost for ever.
    #[command(
        after_help = "Example:\n  chaveiro keys accept audit --new --reason \"disk lost, no backup of the keys\""
    )]
    Accept {
        /// The name, as listed.
        name: String,
        /// Why. This is recorded.
        #[arg(long)]
        reason: String,
        /// Make the key anew first, where none is.
        #[arg(long)]
        new: bool,
    },
    /// Declare that the tenant's private escrow key is kept elsewhere: passcodes are taken in, and cannot be read here.
    #[command(after_help = "Example:\n  chaveiro keys ingest-only on")]
    IngestOnly {
        /// on, or off when the key is here again.
        state: Switch,
    },
    /// Make a new signing key for the local issuer; old tokens stay valid until they end.
    #[command(after_help = "Example:\n  chaveiro keys rotate-issuer")]
    RotateIssuer,
    /// Give the audit key a successor, which the older key signs. Stop the server first.
    #[command(after_help = "Example:\n  chaveiro keys rotate-audit")]
    RotateAudit,
    /// List who can open the tenant's passcodes.
    #[command(after_help = "Example:\n  chaveiro keys recipients")]
    Recipients,
    /// Add a recipient, for instance an offline recovery key.
    #[command(after_help = "Example:\n  chaveiro keys add-recipient \"p256 BASE64 safe\"")]
    AddRecipient {
        /// `p256 BASE64 name`.
        line: String,
    },
}

/// A declaration, made or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// List them.
    #[command(after_help = "Example:\n  chaveiro device list --json")]
    List {
        /// Only Linux machines that have not shown their certificate yet: a digest alone speaks for them.
        #[arg(long)]
        without_certificate: bool,
    },
    /// Show one.
    #[command(after_help = "Example:\n  chaveiro device show ANA-LT1")]
    Show {
        /// Its id or name.
        device: String,
    },
    /// Say which of its locks could be recovered today, and what stands in the way of the others.
    #[command(after_help = "Example:\n  chaveiro device recoverability ana-laptop")]
    Recoverability {
        /// Its id or name.
        device: String,
    },
    /// Make a one-time token with which a device enrols.
    #[command(after_help = "Example:\n  chaveiro device enroll-token --user ana@example.org")]
    EnrollToken {
        /// The user who will own it: principal name or id, known to the server.
        #[arg(long)]
        user: Option<String>,
        /// The device whose place it takes: its id or name. Without, it is a new device.
        #[arg(long, value_name = "DEVICE")]
        replace: Option<String>,
        /// Hours it is valid.
        #[arg(long, default_value_t = 24)]
        hours: u64,
    },
    /// Say whether another agent manages it too: then it is also among comanagedDevices.
    #[command(after_help = "Example:\n  chaveiro device comanage ANA-LT1")]
    Comanage {
        /// Its id or name.
        device: String,
        /// Take it back.
        #[arg(long)]
        off: bool,
    },
    /// Give it scope tags, by which role assignments find it, in place of those it has.
    #[command(after_help = "Example:\n  chaveiro device tag ANA-LT1 lisbon sales")]
    Tag {
        /// Its id or name.
        device: String,
        /// The tags; 0 is that of devices that nobody has tagged.
        #[arg(required = true, value_name = "TAG", value_parser = scope_tag)]
        tags: Vec<String>,
    },
    /// Retire it: its record and escrow are kept, it must enrol again.
    #[command(after_help = "Example:\n  chaveiro device retire ANA-LT1")]
    Retire {
        /// Its id or name.
        device: String,
    },
}

/// A scope tag from the command line.
fn scope_tag(text: &str) -> Result<String, String> {
    match scope_tag::is_tag(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("a scope tag has 1 to {} letters, digits, '-', '_' or '.'", scope_tag::MAX_TAG)),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// List the roles.
    #[command(after_help = "Example:\n  chaveiro role list")]
    List,
    /// Show what a role allows.
    #[command(after_help = "Example:\n  chaveiro role show \"Help Desk Operator\"")]
    Show {
        /// Its key or name.
        role: String,
    },
    /// Assign a role.
    #[command(
        after_help = "Example:\n  chaveiro role assign help-desk-operator --user ana@example.org --tag lisbon --tag porto"
    )]
    Assign(Assign),
    /// Take an assignment back.
    #[command(after_help = "Example:\n  chaveiro role unassign 5f0c6a1e-…")]
    Unassign {
        /// Its id.
        id: chaveiro_core::id::AssignmentId,
    },
    /// List the assignments.
    #[command(after_help = "Example:\n  chaveiro role assignments")]
    Assignments,
}

/// Flags of `role assign`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("principal").required(true).args(["user", "group", "app"])))]
pub(crate) struct Assign {
    /// Its key or name.
    pub(crate) role: String,
    /// A person: object id or principal name.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// A group, as the groups claim of tokens names it.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// An application that acts by itself: its client id.
    #[arg(long)]
    pub(crate) app: Option<String>,
    /// Devices with this scope tag alone; repeat for more. Without, all devices.
    #[arg(long = "tag", value_name = "TAG", value_parser = scope_tag)]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hold {
    /// List them, the newest first.
    #[command(after_help = "Example:\n  chaveiro hold list")]
    List,
    /// Release the one that stands; as many as before are possible again.
    #[command(after_help = "Example:\n  chaveiro hold release --reason \"exchange of all laptops\" --for 120")]
    Release {
        /// Which, by its id; needed when several stand.
        id: Option<chaveiro_core::id::HoldId>,
        /// Minutes in which no other hold is placed.
        #[arg(long = "for", value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=43_200))]
        minutes: Option<u64>,
        /// Why. This is recorded.
        #[arg(long, value_parser = one_line)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Restore {
    /// Accept a database that may not be the newest state. Results are marked as uncertain; tokens and sign-ins end.
    #[command(after_help = "Example:\n  chaveiro restore accept --reason \"disk failed, backup of 27 November\"")]
    Accept {
        /// Why. This is recorded, and people are alerted.
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        /// The data directory was moved as a whole while no server ran: nothing is missing, and nothing is marked.
        #[arg(long)]
        moved: bool,
        /// The whole machine or its disk was set back, which the server cannot notice.
        #[arg(long, conflicts_with = "moved")]
        snapshot: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Write the tenant's whole chain as JSON lines.
    #[command(after_help = "Example:\n  chaveiro audit export --output audit.jsonl")]
    Export {
        /// Where; standard output otherwise.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Verify an export offline; needs no data directory.
    #[command(
        after_help = "Example:\n  chaveiro audit verify audit.jsonl --key ed25519:… --since audit-of-last-month.jsonl"
    )]
    Verify {
        /// The export.
        file: PathBuf,
        /// The key that must have signed it.
        #[arg(long)]
        key: Option<chaveiro_audit::PublicKey>,
        /// What it must continue: an earlier export, a file of checkpoints, or POSITION:HASH as this verb printed it.
        #[arg(long, value_name = "FILE|POSITION:HASH", value_parser = since)]
        since: Option<Since>,
        /// Accept events after the last checkpoint, which nothing proves.
        #[arg(long)]
        allow_unsigned_tail: bool,
    },
    /// Verify the rows that grant rights: applications, roles, tenants, holds, and what else decides.
    #[command(after_help = "Example:\n  chaveiro audit rows")]
    Rows {
        /// Remove those that do not verify, as far as nothing is lost but what they would grant.
        #[arg(long, requires = "reason")]
        remove: bool,
        /// Accept those that do not verify as they stand: look at them first.
        #[arg(long, requires = "reason", conflicts_with = "remove")]
        accept: bool,
        /// Why. This is recorded.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Print the key that signs, to pin it elsewhere.
    #[command(after_help = "Example:\n  chaveiro audit key")]
    Key,
}

/// What an export is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Since {
    Point(chaveiro_audit::Point),
    File(PathBuf),
}

/// A number and a colon begin a checkpoint; anything else is a file.
fn since(text: &str) -> Result<Since, &'static str> {
    let number = text.split_once(':').map(|(number, _)| number);
    match number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
        true => text.parse().map(Since::Point),
        false => Ok(Since::File(text.into())),
    }
}

#[cfg(test)]
mod tests;
