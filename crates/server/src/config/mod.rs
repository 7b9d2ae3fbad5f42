//! Configuration: file, environment, flags, in that rising order. One table has every key.

mod keys;
mod reference;
mod takes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaveiro_auth::{IssuerConfig, TokenCeilings, TrustedProxies};
use chaveiro_graph::Ceilings;
use chaveiro_lang::{Lang, Text, nearest, text};
use http::HeaderName;
use thiserror::Error;

pub use keys::KEYS;
pub use reference::{config_reference, key_table};
pub use takes::{Bounds, Listen, Takes};

use crate::room::Times;

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The name in the file; `--name` as a flag, `CHAVEIRO_NAME` in the environment.
    pub name: &'static str,
    /// The value that holds without it; empty for none.
    pub default: &'static str,
    /// The kind of its value, and the field of the configuration.
    pub takes: Takes,
}

/// The message of the catalogues that has the sentence of each key, as attributes.
const ABOUT: &str = "help-cli-serve";

impl Key {
    fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The sentence that describes it.
    pub fn about(&self, lang: Lang) -> String {
        lang.attribute(ABOUT, self.name).unwrap_or_default()
    }

    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}

/// The beginning of each environment variable.
const PREFIX: &str = "CHAVEIRO_";

/// Variables of the command line itself, and of the agent.
const OF_COMMAND_LINE: [&str; 4] = ["CHAVEIRO_DATA", "CHAVEIRO_CONFIG", "CHAVEIRO_LANG", "CHAVEIRO_AGENT_STATE"];

/// The place of a value, for error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl Source {
    /// The words for the place.
    fn place(&self) -> Text {
        match self {
            Self::Default => text!("place-default"),
            Self::File(file) => text!("place-file", file = file),
            Self::Environment(name) => text!("place-variable", name = name),
            Self::Flag(name) => text!("place-flag", name = name),
        }
    }

    /// The name that a key has in this place.
    fn name(&self, key: &Key) -> String {
        match self {
            Self::Environment(_) => key.variable(),
            Self::Default | Self::File(_) | Self::Flag(_) => key.name.to_owned(),
        }
    }
}

/// The reason that a configuration cannot be used: the key, its place, and what is expected.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// The place and the reason.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{place} has the unknown key {key}; run `chaveiro config-reference` for those there are")]
    Unknown {
        /// The file or variable.
        place: Box<Text>,
        /// The key, as written.
        key: String,
        /// The names that were perhaps meant.
        near: Vec<String>,
    },
    /// A value that the key does not take.
    #[error("{key} in {place} must be {expected}, but is {value:?}")]
    Value {
        /// The key.
        key: &'static str,
        /// The file, variable or flag.
        place: Box<Text>,
        /// The value, as written.
        value: String,
        /// The values that it takes.
        expected: Text,
    },
    /// One of certificate and key without the other.
    #[error("tls-certificate and tls-key belong together; give both or neither")]
    HalfTls,
    /// A header for certificates, which is read from trusted proxies alone, without such proxies.
    #[error("client-certificate-header is read from trusted-proxies alone; set trusted-proxies too")]
    HeaderWithoutProxies,
}

/// Values of one layer by key.
pub type Layer = Vec<(String, String)>;

/// The values of all layers, the strongest of each key.
type Values = BTreeMap<&'static str, (String, Source)>;

/// The configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// The address for Graph clients.
    pub graph_listen: Listen,
    /// The address for devices.
    pub device_listen: Listen,
    /// Public address of the Graph listener.
    pub graph_url: Option<String>,
    /// Public address of the device listener.
    pub device_url: Option<String>,
    /// Certificate chain of the listeners.
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the listeners.
    pub tls_key: Option<PathBuf>,
    /// Names that a certificate of the embedded authority holds beside those of the addresses.
    pub certificate_names: Vec<String>,
    /// Threads that read the database; 0 for one per processor, and at least two.
    pub store_readers: u32,
    /// The pause between two runs that link the audit chain.
    pub chain_interval: Duration,
    /// The time for open requests at the end.
    pub shutdown_grace: Duration,
    /// The grace before anything that has expired is destroyed.
    pub expiry_grace: Duration,
    /// The ceilings of the Graph API.
    pub ceilings: Ceilings,
    /// The ceilings of the local issuer.
    pub token_ceilings: TokenCeilings,
    /// Connections that both listeners hold; 0 for as many as open files allow.
    pub connections: u32,
    /// Connections of one address that may have proven nothing; 0 for any number.
    pub connections_by_address: u32,
    /// The times that a connection may take.
    pub times: Times,
    /// Proxies whose word about the address of a client is taken.
    pub trusted_proxies: TrustedProxies,
    /// Header in which trusted proxies pass on the certificate of a device.
    pub client_certificate_header: Option<HeaderName>,
    /// Address that gets alerts.
    pub alert_url: Option<String>,
    /// File that gets checkpoints.
    pub checkpoint_file: Option<PathBuf>,
    /// Socket of a syslog that gets checkpoints.
    pub checkpoint_syslog: Option<PathBuf>,
    /// Address that gets checkpoints.
    pub checkpoint_url: Option<String>,
    /// Filter of the log.
    pub log: String,
    /// Trusted issuers beside the local one; only in the file, as `[[issuer]]`.
    pub issuers: Vec<IssuerConfig>,
}

impl Config {
    /// Reads `chaveiro.toml` of the data directory (or that file), then `CHAVEIRO_*` of `environment`, then flags.
    pub fn load(
        data: &Path,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Layer,
    ) -> Result<Self, ConfigError> {
        let mut values: Values = KEYS.iter().map(|key| (key.name, (key.default.to_owned(), Source::Default))).collect();
        let own = Some(data.join("chaveiro.toml")).filter(|own| own.exists());
        let issuers = match file.map(Path::to_owned).or(own) {
            Some(file) => read_file(&file, &mut values)?,
            None => Vec::new(),
        };
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            if OF_COMMAND_LINE.contains(&name.as_str()) {
                continue;
            }
            let key = rest.to_ascii_lowercase().replace('_', "-");
            insert(&mut values, &key, value, Source::Environment(name))?;
        }
        for (name, value) in flags {
            insert(&mut values, name, value.clone(), Source::Flag(name.clone()))?;
        }
        Self { data: data.to_owned(), issuers, ..Self::default() }.filled(values)
    }

    /// Certificate chain and private key of the listeners, if they are the operator's own.
    pub(crate) fn tls(&self) -> Option<(&Path, &Path)> {
        self.tls_certificate.as_deref().zip(self.tls_key.as_deref())
    }

    /// Returns true if the embedded authority issues the certificate of the listeners.
    pub fn issues_certificate(&self) -> bool {
        self.tls().is_none()
    }

    /// The address that devices use; `None` if it is not known before the server listens.
    pub fn public_device_url(&self) -> Option<String> {
        let port = self.device_listen.address.port();
        self.device_url.clone().or_else(|| self.device_listen.url(port).filter(|_| port != 0))
    }

    fn filled(mut self, values: Values) -> Result<Self, ConfigError> {
        for key in KEYS {
            let Some((value, source)) = values.get(key.name) else { continue };
            let unset = value.trim().is_empty() && key.default.is_empty();
            if !unset && key.takes.put(&mut self, value).is_none() {
                let (value, place, expected) = (value.clone(), Box::new(source.place()), key.takes.expected());
                return Err(ConfigError::Value { key: key.name, place, value, expected });
            }
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::HalfTls);
        }
        if self.client_certificate_header.is_some() && self.trusted_proxies == TrustedProxies::default() {
            return Err(ConfigError::HeaderWithoutProxies);
        }
        Ok(self)
    }
}

fn insert(values: &mut Values, name: &str, value: String, source: Source) -> Result<(), ConfigError> {
    let unknown = || {
        let near = nearest(name, KEYS.iter().map(|key| key.name)).into_iter();
        let near = near.filter_map(Key::named).map(|key| source.name(key)).collect();
        ConfigError::Unknown { place: Box::new(source.place()), key: name.to_owned(), near }
    };
    let key = Key::named(name).ok_or_else(unknown)?;
    values.insert(key.name, (value, source));
    Ok(())
}

/// Puts the values of a file over those there are, and returns its issuers.
fn read_file(file: &Path, values: &mut Values) -> Result<Vec<IssuerConfig>, ConfigError> {
    let unreadable = |error| ConfigError::File { file: file.to_owned(), error };
    let not_toml = |reason: String| ConfigError::Toml { file: file.to_owned(), reason };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| not_toml(error.to_string()))?;
    let issuers = table.remove("issuer").map(toml::Value::try_into).transpose();
    let issuers = issuers.map_err(|error: toml::de::Error| not_toml(format!("issuer: {error}")))?;
    for (name, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        insert(values, &name, value, Source::File(file.to_owned()))?;
    }
    Ok(issuers.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("chaveiro.toml"), file).expect("written");
        let own = |pairs: &[(&str, &str)]| -> Layer {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Config::load(directory.path(), None, own(environment), &own(flags))
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = "graph-listen = \"127.0.0.1:1\"\ndevice-listen = \"127.0.0.1:2\"\nshutdown-grace-s = 3\n";
        let environment = [("CHAVEIRO_GRAPH_LISTEN", "127.0.0.1:4"), ("CHAVEIRO_DEVICE_LISTEN", "127.0.0.1:5")];
        let config = load(file, &environment, &[("graph-listen", "127.0.0.1:6")]).expect("fine");
        assert_eq!(config.graph_listen.address.port(), 6);
        assert_eq!(config.device_listen.address.port(), 5);
        assert_eq!(config.shutdown_grace, Duration::from_secs(3));
    }

    #[test]
    fn a_mistyped_key_is_told_with_the_ones_that_were_perhaps_meant_as_they_are_written_there() {
        for (file, environment, expected) in [
            ("grph-listen = \"x\"", &[][..], &["graph-listen"][..]),
            ("graph_listen = \"x\"", &[], &["graph-listen"]),
            ("", &[("CHAVEIRO_GRAPH_LISTN", "x")], &["CHAVEIRO_GRAPH_LISTEN"]),
            ("moon = 1", &[], &[]),
        ] {
            match load(file, environment, &[]).expect_err("unknown") {
                ConfigError::Unknown { near, .. } => assert_eq!(near, expected, "{file}{environment:?}"),
                other => panic!("{other}"),
            }
        }
        load("", &[("CHAVEIRO_AGENT_STATE", "/var/lib/chaveiro-agent")], &[]).expect("a variable of the agent");
    }

    #[test]
    fn every_error_names_the_key_and_its_place() {
        type Pairs = &'static [(&'static str, &'static str)];
        let table: [(&str, Pairs, Pairs, &[&str]); 18] = [
            ("grph-listen = \"x\"", &[], &[], &["grph-listen", "chaveiro.toml", "config-reference"]),
            ("graph-listen = \"here\"", &[], &[], &["graph-listen", "chaveiro.toml", "127.0.0.1:8443"]),
            ("graph-listen = [", &[], &[], &["chaveiro.toml", "TOML"]),
            ("", &[("CHAVEIRO_GRAPH_URL", "http://x")], &[], &["graph-url", "CHAVEIRO_GRAPH_URL", "https://"]),
            ("", &[("CHAVEIRO_NOPE", "1")], &[], &["nope", "CHAVEIRO_NOPE"]),
            ("", &[], &[("shutdown-grace-s", "soon")], &["shutdown-grace-s", "--shutdown-grace-s", "whole number"]),
            ("tls-key = \"/k\"", &[], &[], &["tls-certificate", "tls-key"]),
            ("alert-url = \"http://hooks.example\"", &[], &[], &["alert-url", "https://"]),
            ("alert-url = \"file:///etc/passwd\"", &[], &[], &["alert-url", "https://"]),
            ("checkpoint-url = \"http://auditor.example\"", &[], &[], &["checkpoint-url", "https://"]),
            ("trusted-proxies = \"proxy.example\"", &[], &[], &["trusted-proxies", "chaveiro.toml", "10.0.0.7"]),
            (
                "client-certificate-header = \"Client-Cert\"",
                &[],
                &[],
                &["client-certificate-header", "trusted-proxies"],
            ),
            ("client-certificate-header = \"Client Cert\"\ntrusted-proxies = \"::1\"", &[], &[], &["name of a header"]),
            ("limit-writes-by-tenant = -1", &[], &[], &["limit-writes-by-tenant", "from 0 to 1000000000"]),
            ("head-timeout-s = 0", &[], &[], &["head-timeout-s", "from 1 to 3600", "\"0\""]),
            ("", &[("CHAVEIRO_CHAIN_INTERVAL_MS", "60001")], &[], &["chain-interval-ms", "from 1 to 60000"]),
            ("shutdown-grace-s = \"\"", &[], &[], &["shutdown-grace-s", "whole number"]),
            ("log = \"chaveiro=loud\"", &[], &[], &["log", "filter"]),
        ];
        for (file, environment, flags, words) in table {
            let error = load(file, environment, flags).expect_err("wrong").to_string();
            for word in words {
                assert!(error.contains(word), "{word} in {error}");
            }
        }
    }

    #[test]
    fn an_empty_value_takes_back_what_a_weaker_layer_set() {
        let url = "alert-url = \"https://hooks.example/x\"";
        assert_eq!(load(url, &[("CHAVEIRO_ALERT_URL", "")], &[]).expect("fine").alert_url, None);
    }

    #[test]
    fn every_default_is_a_value_of_its_key_and_every_bound_is_accepted() {
        for key in KEYS {
            let put = |text: &str| key.takes.put(&mut Config::default(), text);
            assert!(key.default.is_empty() || put(key.default).is_some(), "{}", key.name);
            let Some(Bounds(least, most)) = key.takes.bounds() else { continue };
            assert!(put(&least.to_string()).is_some() && put(&most.to_string()).is_some(), "{}", key.name);
            assert!(put(&(u64::from(most) + 1).to_string()).is_none(), "{}", key.name);
        }
    }

    #[test]
    fn every_key_has_a_name_of_its_own_and_a_sentence_in_every_language() {
        for key in KEYS {
            assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1, "{}", key.name);
            let told: BTreeSet<String> = Lang::all().map(|lang| key.about(lang)).collect();
            assert_eq!(told.len(), Lang::all().count(), "{told:?}");
            for text in told {
                assert!(text.ends_with('.') && !text.contains("  "), "{text}");
            }
        }
    }

    #[test]
    fn every_key_reaches_a_field_of_its_own() {
        let value = |key: &Key| match key.takes {
            Takes::Address(_) => "127.0.0.1:77",
            Takes::PublicUrl(_) | Takes::PrivateUrl(_) => "https://one.example",
            Takes::Names(_) => "one.example",
            Takes::Path(_) => "/a/path",
            Takes::Count(..) | Takes::Seconds(..) | Takes::Milliseconds(..) => "77",
            Takes::Proxies(_) => "192.0.2.77",
            Takes::Header(_) => "x-seventy-seven",
            Takes::Filter(_) => "seventy=debug",
        };
        let mut seen = vec![format!("{:?}", Config::default())];
        for key in KEYS {
            let mut config = Config::default();
            key.takes.put(&mut config, value(key)).expect(key.name);
            let config = format!("{config:?}");
            assert!(!seen.contains(&config), "{} is put where another key is", key.name);
            seen.push(config);
        }
    }

    #[test]
    fn the_ceilings_are_the_published_ones_unless_they_are_set() {
        assert_eq!(load("", &[], &[]).expect("fine").ceilings, Ceilings::default());
        assert_eq!(load("", &[], &[]).expect("fine").token_ceilings, TokenCeilings::default());
        let changed = load("limit-recoveries-by-caller = 5", &[("CHAVEIRO_LIMIT_WRITES_BY_TENANT", "0")], &[]);
        let ceilings = Ceilings { recoveries_by_caller: 5, writes_by_tenant: 0, ..Ceilings::default() };
        assert_eq!(changed.expect("fine").ceilings, ceilings);
    }

    #[test]
    fn alerts_leave_this_host_over_tls_alone() {
        for url in ["https://hooks.example/x", "http://127.0.0.1:9/x", "http://[::1]:9", "http://localhost/x"] {
            assert_eq!(load(&format!("alert-url = \"{url}\""), &[], &[]).expect(url).alert_url.as_deref(), Some(url));
        }
    }

    #[test]
    fn the_reference_is_a_file_that_loads() {
        let uncommented: String = config_reference()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(""))
            .fold(String::new(), |text, line| text + line + "\n");
        let issuers = load(&uncommented, &[], &[]).expect("loads").issuers;
        let [issuer, several] = issuers.as_slice() else { panic!("{issuers:?}") };
        // Every key of an issuer is shown.
        assert!(issuer.tenant.is_some() && issuer.directory.is_some() && issuer.jwks_url.is_some());
        assert!(
            !issuer.audiences.is_empty() && !issuer.algorithms.is_empty() && !issuer.application_subjects.is_empty()
        );
        assert!(issuer.directory_roles.is_some() && issuer.stale_keys_hours.is_some());
        assert!(several.tenant_claim.is_some() && several.tenants.len() == 1);
        assert!(load(&config_reference(), &[], &[]).is_ok());
    }
}
