//! `/etc/chaveiro-agent.toml`, of which everything is optional: `package/chaveiro-agent.toml` explains each key.
//! Unknown keys are refused, because a key that is misspelt would otherwise be ignored without a word.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chaveiro_lang::{Text, nearest, text};
use toml::Value;

/// The path of the file, below the root.
const FILE: &str = "etc/chaveiro-agent.toml";

/// The keys, each with what it takes.
const ACCOUNT: Key = Key { name: "account", expected: text!("agent-config-account") };
const VOLUMES: Key = Key { name: "volumes", expected: text!("agent-config-volumes") };
const POLL: Key = Key { name: "poll_minutes", expected: text!("agent-config-poll-minutes") };
const KDF: Key = Key { name: "kdf", expected: text!("agent-config-kdf") };
const ITERATIONS: Key = Key { name: "pbkdf2_iterations", expected: text!("agent-config-iterations") };
const KEYS: [Key; 5] = [ACCOUNT, VOLUMES, POLL, KDF, ITERATIONS];

/// Minutes between two reports, unless the file says otherwise.
const POLL_MINUTES: u64 = 60;
/// Minutes of a day: a device that reports less often is taken for lost.
const MAX_POLL_MINUTES: u64 = 24 * 60;
/// The fewest iterations that cryptsetup takes.
const MIN_ITERATIONS: u32 = 1000;

struct Key {
    name: &'static str,
    expected: Text,
}

/// The decisions of the administrator of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The account whose password `login` recovers; by default the one that signed in most recently.
    pub(crate) account: Option<String>,
    /// LUKS2 volumes; when there are none, those of `/etc/crypttab`.
    pub(crate) volumes: Vec<PathBuf>,
    /// The time between two reports of an agent that is not woken.
    pub(crate) poll: Duration,
    /// The derivation of recovery key slots.
    pub(crate) kdf: Kdf,
}

/// The way in which a key slot turns a passcode into a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kdf {
    /// The choice of cryptsetup.
    Default,
    /// Argon2id, which takes memory.
    Argon2id,
    /// PBKDF2, for boot loaders that know nothing else.
    Pbkdf2 {
        /// The iterations; `None` for as many as cryptsetup's benchmark finds.
        iterations: Option<u32>,
    },
}

/// The reason why the file cannot be used. Each error names the file, the key, and what to do.
#[derive(Debug)]
pub(crate) enum ConfigError {
    Unreadable { file: PathBuf, error: std::io::Error },
    Toml { file: PathBuf, reason: String },
    Unknown { file: PathBuf, key: String },
    Value { file: PathBuf, key: &'static str, value: String, expected: Text },
}

impl ConfigError {
    /// The words of the error.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Unreadable { file, error } => {
                text!("agent-config-unreadable", file = file, error = error)
            }
            Self::Toml { file, reason } => text!("agent-config-toml", file = file, reason = reason),
            Self::Unknown { file, key } => match nearest(key, KEYS.iter().map(|known| known.name)).as_slice() {
                [] => text!("agent-config-unknown", file = file, key = key, keys = names()),
                near => {
                    let near = near.join(", ");
                    text!("agent-config-unknown-similar", file = file, key = key, names = near, keys = names())
                }
            },
            Self::Value { file, key, value, expected } => {
                text!("agent-config-value", key = *key, file = file, expected = expected.clone(), value = value)
            }
        }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(out)
    }
}

impl std::error::Error for ConfigError {}

/// Reads the file below `root`; without a file, every key has its default.
pub(crate) fn load(root: &Path) -> Result<Config, ConfigError> {
    let file = root.join(FILE);
    let text = match std::fs::read_to_string(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ConfigError::Unreadable { file, error }),
        Ok(text) => text,
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let reason = toml::de::Error::to_string(&error).trim_end().to_owned();
            return Err(ConfigError::Toml { file, reason });
        }
    };
    if let Some(key) = table.keys().find(|key| KEYS.iter().all(|known| known.name != *key)) {
        return Err(ConfigError::Unknown { key: key.clone(), file });
    }
    let table = Table { table, file };
    let iterations = table.take(&ITERATIONS, iterations)?;
    Ok(Config {
        account: table.take(&ACCOUNT, account)?,
        volumes: table.take(&VOLUMES, volumes)?.unwrap_or_default(),
        poll: Duration::from_secs(60 * table.take(&POLL, poll_minutes)?.unwrap_or(POLL_MINUTES)),
        kdf: table.take(&KDF, |value| kdf(value, iterations))?.unwrap_or(Kdf::Default),
    })
}

/// The values of a file.
struct Table {
    table: toml::Table,
    file: PathBuf,
}

impl Table {
    /// The value of an optional key; `read` returns `None` for a value of an unexpected form.
    fn take<T>(&self, key: &Key, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.table.get(key.name) else { return Ok(None) };
        let wrong = || ConfigError::Value {
            file: self.file.clone(),
            key: key.name,
            value: value.to_string(),
            expected: key.expected.clone(),
        };
        read(value).map(Some).ok_or_else(wrong)
    }
}

/// Reads the name of an account. It becomes an argument of programs and part of paths, so it must not look like an
/// option or lead elsewhere.
fn account(value: &Value) -> Option<String> {
    let name = value.as_str().filter(|name| !name.is_empty() && !name.starts_with(['-', '.']))?;
    let forbidden = |char: char| char.is_control() || char.is_whitespace() || ":/".contains(char);
    (!name.contains(forbidden)).then(|| name.to_owned())
}

fn volumes(value: &Value) -> Option<Vec<PathBuf>> {
    let path = |value: &Value| value.as_str().map(PathBuf::from).filter(|path| path.is_absolute());
    value.as_array()?.iter().map(path).collect()
}

fn poll_minutes(value: &Value) -> Option<u64> {
    let minutes = u64::try_from(value.as_integer()?).ok()?;
    (1..=MAX_POLL_MINUTES).contains(&minutes).then_some(minutes)
}

fn kdf(value: &Value, iterations: Option<u32>) -> Option<Kdf> {
    match value.as_str()? {
        "default" => Some(Kdf::Default),
        "argon2id" => Some(Kdf::Argon2id),
        "pbkdf2" => Some(Kdf::Pbkdf2 { iterations }),
        _ => None,
    }
}

fn iterations(value: &Value) -> Option<u32> {
    u32::try_from(value.as_integer()?).ok().filter(|iterations| *iterations >= MIN_ITERATIONS)
}

fn names() -> String {
    KEYS.map(|key| key.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGED: &str = include_str!("../package/chaveiro-agent.toml");
    const DEFAULTS: Config =
        Config { account: None, volumes: Vec::new(), poll: Duration::from_secs(3600), kdf: Kdf::Default };

    fn loaded(text: &str) -> Result<Config, String> {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("made");
        std::fs::write(root.path().join(FILE), text).expect("written");
        load(root.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_file_everything_is_as_by_default() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(load(root.path()).expect("defaults"), DEFAULTS);
        assert_eq!(loaded(""), Ok(DEFAULTS));
    }

    #[test]
    fn each_key_is_taken_as_the_administrator_wrote_it() {
        let volumes = vec![PathBuf::from("/dev/sda3"), PathBuf::from("/srv/disk.img")];
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let pbkdf2 = |iterations| Config { kdf: Kdf::Pbkdf2 { iterations }, ..DEFAULTS };
        for (text, config) in [
            ("account = \"ana\"", Config { account: Some("ana".to_owned()), ..DEFAULTS }),
            ("volumes = [\"/dev/sda3\", \"/srv/disk.img\"]", Config { volumes, ..DEFAULTS }),
            ("volumes = []", DEFAULTS),
            ("poll_minutes = 1", Config { poll: minutes(1), ..DEFAULTS }),
            ("poll_minutes = 1440", Config { poll: minutes(1440), ..DEFAULTS }),
            ("kdf = \"default\"", DEFAULTS),
            ("kdf = \"argon2id\"", Config { kdf: Kdf::Argon2id, ..DEFAULTS }),
            ("kdf = \"pbkdf2\"", pbkdf2(None)),
            ("kdf = \"pbkdf2\"\npbkdf2_iterations = 1000", pbkdf2(Some(1000))),
            ("pbkdf2_iterations = 1000", DEFAULTS),
        ] {
            assert_eq!(loaded(text), Ok(config), "{text}");
        }
    }

    #[test]
    fn every_error_names_the_file_the_key_and_what_is_expected() {
        for (text, words) in [
            ("acount = \"ana\"", ["did you mean account?", "account, volumes, poll_minutes, kdf, pbkdf2_iterations"]),
            ("poll-minutes = 7", ["did you mean poll_minutes?", "poll-minutes"]),
            ("moon = 7", ["the unknown key moon; correct", "account, volumes"]),
            ("[kdf]\nname = \"argon2id\"", ["kdf", "\"default\", \"argon2id\" or \"pbkdf2\""]),
            ("account = 3", ["account", "such as \"ana\", but is 3"]),
            ("account = \"\"", ["account", "local account"]),
            ("account = \"-ana\"", ["account", "\"-ana\""]),
            ("account = \"../ana\"", ["account", "\"../ana\""]),
            ("account = \"ana:x\"", ["account", "\"ana:x\""]),
            ("volumes = \"/dev/sda3\"", ["volumes", "[\"/dev/nvme0n1p3\"]"]),
            ("volumes = [\"sda3\"]", ["volumes", "absolute"]),
            ("volumes = [\"/dev/sda3\", 3]", ["volumes", "absolute"]),
            ("poll_minutes = 0", ["poll_minutes", "1 to 1440"]),
            ("poll_minutes = 1441", ["poll_minutes", "1 to 1440"]),
            ("poll_minutes = -60", ["poll_minutes", "1 to 1440"]),
            ("poll_minutes = \"60\"", ["poll_minutes", "but is \"60\""]),
            ("kdf = \"scrypt\"", ["kdf", "but is \"scrypt\""]),
            ("pbkdf2_iterations = 999", ["pbkdf2_iterations", "1000"]),
            ("pbkdf2_iterations = 4294967296", ["pbkdf2_iterations", "4294967295"]),
            ("account = ana", ["line 1", "TOML"]),
            ("account = \"ana\"\naccount = \"bob\"", ["line 2", "TOML"]),
        ] {
            let error = loaded(text).expect_err(text);
            for word in words.into_iter().chain([FILE, "correct"]) {
                assert!(error.contains(word), "{word} in {error}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_not_taken_for_none() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join(FILE)).expect("made");
        let error = load(root.path()).expect_err("a directory").to_string();
        assert!(error.contains(FILE) && error.contains("readable"), "{error}");
    }

    #[test]
    fn the_packaged_file_loads_as_it_is_and_uncommented_and_shows_every_key() {
        assert_eq!(loaded(PACKAGED), Ok(DEFAULTS));
        let assignment = |line: &'static str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        let lines: Vec<&str> = PACKAGED.lines().filter_map(assignment).collect();
        assert_eq!(
            lines.iter().filter_map(|line| line.split_once(" =")).map(|(name, _)| name).collect::<Vec<_>>(),
            KEYS.map(|key| key.name)
        );
        let volumes = vec![PathBuf::from("/dev/nvme0n1p3")];
        assert_eq!(loaded(&lines.join("\n")), Ok(Config { account: Some("ana".to_owned()), volumes, ..DEFAULTS }));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error(text in ".{0,200}") {
            let _ = loaded(&text);
        }
    }
}
