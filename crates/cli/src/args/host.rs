//! Verbs of a server's host: those that work on its data directory, run the server, or print its tables.

use std::path::PathBuf;

use chaveiro_core::passcode::{Alphabet, PasscodePolicy, WordLanguage};
use chaveiro_core::tenant::{self, Bounded, Licence, LinuxLocks};
use chaveiro_lang::{Text, text};
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{App, Common, KeyFlags, SignIn, id, one_line, scope_tag};

/// The data directory of a service.
pub(crate) const DATA: &str = "/var/lib/chaveiro";

impl Common {
    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from(DATA))
    }
}

/// The verbs of the host.
#[derive(Debug, Subcommand)]
pub(crate) enum HostVerb {
    #[command(after_help = "Example:\n  chaveiro init --data /var/lib/chaveiro --name Contoso")]
    Init {
        #[arg(long, default_value = "Default")]
        name: String,
        #[arg(long, value_name = "GUID", value_parser = id::<uuid::Uuid>)]
        entra_tenant: Option<uuid::Uuid>,
    },
    #[command(
        after_help = "Example:\n  chaveiro serve --data /var/lib/chaveiro --graph-listen 0.0.0.0:443 --graph-url https://chaveiro.example"
    )]
    Serve(Box<Serve>),
    #[command(after_help = "Example:\n  chaveiro demo --keep")]
    Demo {
        #[arg(long)]
        keep: bool,
        #[arg(long, value_name = "FILTER", default_value = "error")]
        log: String,
    },
    #[command(subcommand)]
    Tenant(Tenant),
    #[command(subcommand)]
    App(App),
    #[command(subcommand)]
    SignIn(SignIn),
    #[command(
        after_help = "Example:\n  curl -H \"Authorization: Bearer $(chaveiro token)\" https://localhost:8443/beta/deviceManagement/managedDevices"
    )]
    Token {
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=525_600))]
        minutes: u64,
        #[arg(long, value_parser = one_line)]
        reason: Option<String>,
        #[arg(long, conflicts_with_all = ["permissions", "minutes", "reason"])]
        revoke_all: bool,
    },
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Audit(Audit),
    #[command(after_help = "Example:\n  chaveiro backup /backup/chaveiro-2026-11-27")]
    Backup {
        directory: PathBuf,
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    #[command(after_help = "Example:\n  chaveiro check /backup/chaveiro-2026-11-27")]
    Check { backup: PathBuf },
    #[command(subcommand)]
    Restore(Restore),
    #[command(subcommand)]
    Doctor(Doctor),
    #[command(after_help = "Example:\n  chaveiro routes | grep recoverPasscode")]
    Routes,
    #[command(after_help = "Example:\n  chaveiro config-reference > chaveiro.toml")]
    ConfigReference,
    #[command(hide = true)]
    Generate { directory: PathBuf },
}

/// The verbs about devices that change the data directory itself.
#[derive(Debug, Subcommand)]
pub(crate) enum HostDevice {
    #[command(after_help = "Example:\n  chaveiro device enroll-token --user ana@example.org")]
    EnrollToken {
        #[arg(long)]
        user: Option<String>,
        #[arg(long, value_name = "DEVICE")]
        replace: Option<String>,
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760))]
        hours: u64,
    },
    #[command(after_help = "Example:\n  chaveiro device comanage ANA-LT1")]
    Comanage {
        device: String,
        #[arg(long)]
        off: bool,
    },
    #[command(after_help = "Example:\n  chaveiro device tag ANA-LT1 lisbon sales")]
    Tag {
        device: String,
        #[arg(required = true, value_name = "TAG", value_parser = scope_tag)]
        tags: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    #[command(after_help = "Example:\n  chaveiro doctor tokens --token token.jwt")]
    Tokens {
        #[arg(long, value_name = "FILE")]
        token: Option<PathBuf>,
        #[arg(long, env = "CHAVEIRO_CONFIG", value_name = "FILE", requires = "token")]
        config: Option<PathBuf>,
    },
}

/// A number within the bounds of a setting.
fn within(bounds: &Bounded) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(bounds.range())
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[arg(long, env = "CHAVEIRO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    #[command(after_help = "Example:\n  chaveiro tenant list --json")]
    List,
    #[command(after_help = "Example:\n  chaveiro tenant create Contoso")]
    Create {
        name: String,
        #[arg(long, value_name = "GUID", value_parser = id::<uuid::Uuid>)]
        entra_tenant: Option<uuid::Uuid>,
    },
    #[command(after_help = "Example:\n  chaveiro tenant set --passcode-form words-pt --linux-locks both")]
    Set(TenantChange),
}

/// Flags of `tenant set`; what is not given stays as it is. Without any, the settings are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct TenantChange {
    #[arg(long, value_parser = licence)]
    pub(crate) licence: Option<Licence>,
    #[arg(long, value_name = "GUID", value_parser = entra_tenant)]
    pub(crate) entra_tenant: Option<EntraTenant>,
    #[arg(long, value_name = "MINUTES", value_parser = within(&tenant::DISCLOSURE_WINDOW))]
    pub(crate) disclosure_window: Option<u64>,
    #[arg(long, value_name = "DAYS", value_parser = within(&tenant::UNREAD_RETENTION))]
    pub(crate) unread_retention: Option<u64>,
    #[arg(long, value_name = "DAYS", value_parser = within(&tenant::ACTION_EXPIRY))]
    pub(crate) action_expiry: Option<u64>,
    #[arg(long, value_name = "HOURS", value_parser = within(&tenant::SIGN_IN_LIFE))]
    pub(crate) sign_in_life: Option<u64>,
    #[arg(long, value_name = "LOCKS")]
    pub(crate) linux_locks: Option<Locks>,
    #[arg(long, value_name = "FORM")]
    pub(crate) passcode_form: Option<PasscodeForm>,
    #[arg(long, value_name = "N")]
    pub(crate) passcode_length: Option<u8>,
    #[arg(long, value_name = "BOOL")]
    pub(crate) must_change: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    pub(crate) lock_sessions: Option<bool>,
    #[arg(long, value_name = "N")]
    pub(crate) hold_recoveries: Option<u32>,
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) hold_percent: Option<u8>,
    #[arg(long, value_name = "MINUTES", value_parser = within(&tenant::HOLD_WINDOW))]
    pub(crate) hold_window: Option<u64>,
    #[arg(long, value_name = "N")]
    pub(crate) reading_limit: Option<u32>,
    #[arg(long, value_name = "N")]
    pub(crate) reading_caller_limit: Option<u32>,
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) reading_percent: Option<u8>,
    #[arg(long, value_name = "MINUTES", value_parser = within(&tenant::READING_WINDOW))]
    pub(crate) reading_window: Option<u64>,
}

/// The Entra tenant of the Windows users of a tenant, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntraTenant(pub(crate) Option<uuid::Uuid>);

/// The word for a setting that has no value.
pub(crate) const NONE: &str = "none";

fn entra_tenant(text: &str) -> Result<EntraTenant, Text> {
    if text == NONE { Ok(EntraTenant(None)) } else { id(text).map(|id| EntraTenant(Some(id))) }
}

/// The beginning of a licence that ends.
const UNTIL: &str = "active until ";

/// A licence as it is typed, and as machines read it.
pub(crate) fn written(licence: Licence) -> String {
    match licence {
        Licence::Active => "active".to_owned(),
        Licence::ActiveUntil(end) => format!("{UNTIL}{end}"),
        Licence::Inactive => "inactive".to_owned(),
    }
}

fn licence(text: &str) -> Result<Licence, Text> {
    let until = |end: &str| end.parse().ok().map(Licence::ActiveUntil);
    match text {
        "active" => Ok(Licence::Active),
        "inactive" => Ok(Licence::Inactive),
        other => other.strip_prefix(UNTIL).and_then(until).ok_or_else(|| text!("licence-unknown", licence = other)),
    }
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

    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    #[command(after_help = "Example:\n  chaveiro keys list")]
    List,
    #[command(
        after_help = "Example:\n  chaveiro keys accept audit --new --reason \"disk lost, no backup of the keys\""
    )]
    Accept {
        name: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        new: bool,
    },
    #[command(after_help = "Example:\n  chaveiro keys ingest-only on")]
    IngestOnly { state: Switch },
    #[command(after_help = "Example:\n  chaveiro keys rotate-issuer")]
    RotateIssuer,
    #[command(after_help = "Example:\n  chaveiro keys rotate-audit")]
    RotateAudit,
    #[command(after_help = "Example:\n  chaveiro keys recipients")]
    Recipients,
    #[command(after_help = "Example:\n  chaveiro keys make-recipient safe.key")]
    MakeRecipient {
        file: PathBuf,
        #[arg(long)]
        name: Option<String>,
    },
    #[command(after_help = "Example:\n  chaveiro keys add-recipient \"p256 BASE64 safe\"")]
    AddRecipient { line: String },
    #[command(after_help = "Example:\n  chaveiro keys remove-recipient safe")]
    RemoveRecipient { recipient: String },
    #[command(
        after_help = "Example:\n  chaveiro keys open ANA-LT1 --key safe.key --reason \"the key of the server is lost\""
    )]
    Open(Open),
}

/// Flags of `keys open`. A reason is recorded in the data directory, and a backup has no record to write it in.
#[derive(Debug, Args)]
pub(crate) struct Open {
    pub(crate) device: String,
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[arg(long, value_name = "DIR", conflicts_with = "reason")]
    pub(crate) backup: Option<PathBuf>,
    #[arg(long, required_unless_present = "backup", value_parser = one_line)]
    pub(crate) reason: Option<String>,
}

/// A declaration, made or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Restore {
    #[command(after_help = "Example:\n  chaveiro restore accept --reason \"disk failed, backup of 27 November\"")]
    Accept {
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        #[arg(long)]
        moved: bool,
        #[arg(long, conflicts_with = "moved")]
        snapshot: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    #[command(after_help = "Example:\n  chaveiro audit export --output audit.jsonl")]
    Export {
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    #[command(
        after_help = "Example:\n  chaveiro audit verify audit.jsonl --key ed25519:… --since audit-of-last-month.jsonl"
    )]
    Verify {
        file: PathBuf,
        #[arg(long, value_parser = audit_key)]
        key: Option<chaveiro_audit::PublicKey>,
        #[arg(long, value_name = "RECORD", value_parser = since)]
        since: Option<Since>,
        #[arg(long)]
        allow_unsigned_tail: bool,
    },
    #[command(after_help = "Example:\n  chaveiro audit rows")]
    Rows {
        #[arg(long, requires = "reason")]
        remove: bool,
        #[arg(long, requires = "reason", conflicts_with = "remove")]
        accept: bool,
        #[arg(long)]
        reason: Option<String>,
    },
    #[command(after_help = "Example:\n  chaveiro audit key")]
    Key,
}

/// The record that an export is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Since {
    Point(chaveiro_audit::Point),
    File(PathBuf),
}

/// The key of a record.
fn audit_key(text: &str) -> Result<chaveiro_audit::PublicKey, Text> {
    text.parse().map_err(|_| text!("audit-key-malformed"))
}

/// A number and a colon begin a checkpoint; anything else is a file.
fn since(text: &str) -> Result<Since, Text> {
    let number = text.split_once(':').map(|(number, _)| number);
    match number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
        true => text.parse().map(Since::Point).map_err(|_| text!("checkpoint-malformed")),
        false => Ok(Since::File(text.into())),
    }
}
