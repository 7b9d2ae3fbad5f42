//! Configuration: file, environment, flags, in that rising order. One table says every key.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaveiro_auth::{IssuerConfig, TokenCeilings, TrustedProxies};
use chaveiro_graph::Ceilings;
use http::HeaderName;
use thiserror::Error;

use crate::room::Times;

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; `--name` as a flag, `CHAVEIRO_NAME` in the environment.
    pub name: &'static str,
    /// What holds without it; empty for nothing.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, default, about }
}

/// Every key.
pub const KEYS: &[Key] = &[
    key("graph-listen", "127.0.0.1:8443", "Address and port for Graph clients; port 0 takes a free one."),
    key("device-listen", "127.0.0.1:8444", "Address and port for devices; port 0 takes a free one."),
    key(
        "graph-url",
        "",
        "The address that Graph clients use, such as https://chaveiro.example; by default https:// and the listening address.",
    ),
    key(
        "device-url",
        "",
        "The address that devices use, such as https://mdm.example; by default https:// and the listening address.",
    ),
    key(
        "tls-certificate",
        "",
        "PEM file with the certificate chain of both listeners; by default one is issued by the embedded authority.",
    ),
    key("tls-key", "", "PEM file with its private key."),
    key("chain-interval-ms", "500", "Milliseconds between two goes of linking the audit chain."),
    key("shutdown-grace-s", "10", "Seconds that open requests have when the server is told to stop."),
    key(
        "expiry-grace-s",
        "86400",
        "Seconds that the server runs with a steady clock before it destroys a passcode, ends an action or forgets a sign-in whose time is over: a wrong clock destroys nothing meanwhile.",
    ),
    key(
        "limit-writes-by-application",
        "200",
        "Writes of one application in one tenant in 20 seconds; 0 for any number. As all limits: counted by this process.",
    ),
    key("limit-writes-by-tenant", "400", "Writes in one tenant in 20 seconds; 0 for any number."),
    key(
        "limit-requests-by-application",
        "2000",
        "Requests of one application in one tenant in 20 seconds; 0 for any number.",
    ),
    key("limit-requests-by-tenant", "4000", "Requests in one tenant in 20 seconds; 0 for any number."),
    key(
        "limit-requests-by-application-everywhere",
        "130000",
        "Requests of one application over all tenants in 10 seconds; 0 for any number.",
    ),
    key("limit-recoveries-by-caller", "30", "Recoveries that one caller asks for in a minute; 0 for any number."),
    key(
        "limit-tokens-by-application",
        "1000",
        "Tokens that one application gets for itself in 20 seconds; 0 for any number.",
    ),
    key(
        "limit-tokens-by-tenant",
        "2000",
        "Tokens that applications of one tenant get in 20 seconds; 0 for any number.",
    ),
    key(
        "limit-device-codes-by-address",
        "100",
        "New device codes for one client address (IPv6: for one /64) in 15 minutes; 0 for any number.",
    ),
    key(
        "limit-failures-by-address",
        "20",
        "Wrong secrets, assertions and device codes of one application from one client address in 5 minutes; 0 for any number.",
    ),
    key(
        "limit-connections",
        "0",
        "Connections of both listeners, a quarter of them for Graph clients; 0 for as many as open files allow.",
    ),
    key(
        "limit-connections-by-address",
        "256",
        "Connections from one address (IPv6: one /64) to each listener that have shown neither a certificate nor a valid token; 0 for any number. The one that is quiet the longest gives way.",
    ),
    key("head-timeout-s", "10", "Seconds that a client has for the head of a request."),
    key("idle-timeout-s", "100", "Seconds after which a connection without a request is closed."),
    key(
        "trusted-proxies",
        "",
        "Addresses or networks of proxies in front of the listeners, such as 10.0.0.7, fd00::/8: their X-Forwarded-For says who the client is.",
    ),
    key(
        "client-certificate-header",
        "",
        "Header in which the trusted-proxies in front of device-listen hand on the certificate of a device, such as Client-Cert; by default none is read.",
    ),
    key(
        "alert-url",
        "",
        "Where alerts are posted as JSON, such as https://hooks.example/chaveiro; https, or http on this host. They are logged in any case.",
    ),
    key(
        "checkpoint-file",
        "",
        "A file to which checkpoints of the audit record are appended as they are made, one line of JSON each.",
    ),
    key("checkpoint-syslog", "", "The socket of the local syslog that gets them, too, such as /dev/log."),
    key(
        "checkpoint-url",
        "",
        "Where they are posted as JSON, such as https://auditor.example/chaveiro; https, or http on this host.",
    ),
    key("log", "info", "What is logged: a tracing filter such as info or chaveiro_mdm=debug,info."),
];

/// Where a value came from, for error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag --{name}"),
        }
    }
}

/// Why a configuration cannot be used. Each names the key, where it stands, and what is expected.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {error}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", file.display())]
    Toml {
        /// Which file.
        file: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{place} has the unknown key {key}; run `chaveiro config-reference` for those there are")]
    Unknown {
        /// The file or variable.
        place: String,
        /// As written.
        key: String,
    },
    /// A value that is none.
    #[error("{key} in {place} must be {expected}, but is {value:?}")]
    Value {
        /// Which key.
        key: &'static str,
        /// Where it stands.
        place: String,
        /// As written.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// One of certificate and key without the other.
    #[error("tls-certificate and tls-key belong together; give both or neither")]
    HalfTls,
}

/// Values of one layer by key.
pub type Layer = Vec<(String, String)>;

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// For Graph clients.
    pub graph_listen: SocketAddr,
    /// For devices.
    pub device_listen: SocketAddr,
    /// Public address of the Graph listener.
    pub graph_url: Option<String>,
    /// Public address of the device listener.
    pub device_url: Option<String>,
    /// Certificate chain and key of the listeners.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Between two goes of linking the audit chain.
    pub chain_interval: Duration,
    /// For open requests at the end.
    pub shutdown_grace: Duration,
    /// The grace before anything that is over is destroyed.
    pub expiry_grace: Duration,
    /// How much callers may ask for.
    pub ceilings: Ceilings,
    /// How many tokens applications may ask for.
    pub token_ceilings: TokenCeilings,
    /// How many connections both listeners hold; 0 for as many as open files allow.
    pub connections: u32,
    /// How many connections of one address may have proven nothing; 0 for any number.
    pub connections_by_address: u32,
    /// How long a connection may take.
    pub times: Times,
    /// Whose word about the address of a client is taken.
    pub trusted_proxies: TrustedProxies,
    /// Where trusted proxies hand on the certificate of a device.
    pub client_certificate_header: Option<HeaderName>,
    /// Where alerts are posted.
    pub alert_url: Option<String>,
    /// A file that gets checkpoints.
    pub checkpoint_file: Option<PathBuf>,
    /// The socket of a syslog that gets checkpoints.
    pub checkpoint_syslog: Option<PathBuf>,
    /// An address that gets checkpoints.
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
        let mut values: BTreeMap<&'static str, (String, Source)> =
            KEYS.iter().map(|key| (key.name, (key.default.to_owned(), Source::Default))).collect();
        let (from_file, issuers) = match file {
            Some(file) => read_file(file)?,
            None => {
                let own = data.join("chaveiro.toml");
                if own.exists() { read_file(&own)? } else { (Vec::new(), Vec::new()) }
            }
        };
        for (key, value, source) in from_file {
            values.insert(key, (value, source));
        }
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix("CHAVEIRO_") else { continue };
            let wanted = rest.to_ascii_lowercase().replace('_', "-");
            // The command line has variables of its own.
            if ["data", "config", "lang"].contains(&wanted.as_str()) {
                continue;
            }
            let known = KEYS.iter().find(|key| key.name == wanted);
            let place = format!("the environment variable {name}");
            let key = known.ok_or_else(|| ConfigError::Unknown { place, key: wanted.clone() })?;
            values.insert(key.name, (value, Source::Environment(name)));
        }
        for (name, value) in flags {
            let known = KEYS.iter().find(|key| key.name == name);
            let place = "the command line".to_owned();
            let key = known.ok_or_else(|| ConfigError::Unknown { place, key: name.clone() })?;
            values.insert(key.name, (value.clone(), Source::Flag(name.clone())));
        }
        Self::from_values(data, &values, issuers)
    }

    fn from_values(
        data: &Path,
        values: &BTreeMap<&'static str, (String, Source)>,
        issuers: Vec<IssuerConfig>,
    ) -> Result<Self, ConfigError> {
        const ADDRESS: &str = "an address and port such as 127.0.0.1:8443";
        const URL: &str = "an address such as https://chaveiro.example";
        const ALERT_URL: &str = "an address such as https://hooks.example/chaveiro, or http on a loopback address";
        const PROXIES: &str = "addresses or networks such as 10.0.0.7, fd00::/8";
        const NUMBER: &str = "a whole number";
        const HEADER: &str = "the name of a header such as Client-Cert, with trusted-proxies set";
        let text = |key: &'static str| values.get(key).map(|(value, _)| value.as_str()).unwrap_or_default();
        let wrong = |key: &'static str, expected: &'static str| {
            let (value, source) = values.get(key).cloned().unwrap_or((String::new(), Source::Default));
            ConfigError::Value { key, place: source.to_string(), value, expected }
        };
        let address = |key| text(key).parse().map_err(|_| wrong(key, ADDRESS));
        let number = |key| text(key).parse::<u64>().map_err(|_| wrong(key, NUMBER));
        let url = |key| match text(key) {
            "" => Ok(None),
            url if url.starts_with("https://") && url.len() > 8 => Ok(Some(url.trim_end_matches('/').to_owned())),
            _ => Err(wrong(key, URL)),
        };
        let ceiling = |key| text(key).parse::<u32>().map_err(|_| wrong(key, NUMBER));
        let private_url = |key| match text(key) {
            "" => Ok(None),
            url if is_private(url) => Ok(Some(url.to_owned())),
            _ => Err(wrong(key, ALERT_URL)),
        };
        let trusted_proxies =
            TrustedProxies::parse(text("trusted-proxies")).ok_or_else(|| wrong("trusted-proxies", PROXIES))?;
        let client_certificate_header = match text("client-certificate-header") {
            "" => None,
            // Without proxies whose word counts, the header would be read from nobody: that is a mistake.
            _ if text("trusted-proxies").trim().is_empty() => return Err(wrong("client-certificate-header", HEADER)),
            name => Some(name.parse().map_err(|_| wrong("client-certificate-header", HEADER))?),
        };
        let path = |key| Some(text(key)).filter(|path| !path.is_empty()).map(PathBuf::from);
        let tls = match (path("tls-certificate"), path("tls-key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(ConfigError::HalfTls),
        };
        Ok(Self {
            data: data.to_owned(),
            graph_listen: address("graph-listen")?,
            device_listen: address("device-listen")?,
            graph_url: url("graph-url")?,
            device_url: url("device-url")?,
            tls,
            chain_interval: Duration::from_millis(number("chain-interval-ms")?.max(1)),
            shutdown_grace: Duration::from_secs(number("shutdown-grace-s")?),
            expiry_grace: Duration::from_secs(number("expiry-grace-s")?),
            ceilings: Ceilings {
                writes_by_application: ceiling("limit-writes-by-application")?,
                writes_by_tenant: ceiling("limit-writes-by-tenant")?,
                requests_by_application: ceiling("limit-requests-by-application")?,
                requests_by_tenant: ceiling("limit-requests-by-tenant")?,
                requests_by_application_everywhere: ceiling("limit-requests-by-application-everywhere")?,
                recoveries_by_caller: ceiling("limit-recoveries-by-caller")?,
            },
            token_ceilings: TokenCeilings {
                by_application: ceiling("limit-tokens-by-application")?,
                by_tenant: ceiling("limit-tokens-by-tenant")?,
                device_codes_by_address: ceiling("limit-device-codes-by-address")?,
                failures_by_address: ceiling("limit-failures-by-address")?,
            },
            connections: ceiling("limit-connections")?,
            connections_by_address: ceiling("limit-connections-by-address")?,
            times: Times {
                head: Duration::from_secs(number("head-timeout-s")?.max(1)),
                idle: Duration::from_secs(number("idle-timeout-s")?.max(1)),
            },
            trusted_proxies,
            client_certificate_header,
            alert_url: private_url("alert-url")?,
            checkpoint_file: path("checkpoint-file"),
            checkpoint_syslog: path("checkpoint-syslog"),
            checkpoint_url: private_url("checkpoint-url")?,
            log: text("log").to_owned(),
            issuers,
        })
    }
}

/// Whether what is sent there cannot be read on the way: TLS, or this host.
fn is_private(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let loopback = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.map_or(host == "localhost", |address| address.is_loopback())
    });
    match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback,
        _ => false,
    }
}

type FromFile = (Vec<(&'static str, String, Source)>, Vec<IssuerConfig>);

fn read_file(file: &Path) -> Result<FromFile, ConfigError> {
    let unreadable = |error| ConfigError::File { file: file.to_owned(), error };
    let not_toml = |reason: String| ConfigError::Toml { file: file.to_owned(), reason };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| not_toml(error.to_string()))?;
    let mut values = Vec::new();
    let mut issuers = Vec::new();
    for (name, value) in table {
        if name == "issuer" {
            issuers = value.try_into().map_err(|error: toml::de::Error| not_toml(format!("issuer: {error}")))?;
            continue;
        }
        let unknown = || ConfigError::Unknown { place: file.display().to_string(), key: name.clone() };
        let key = KEYS.iter().find(|key| key.name == name).ok_or_else(unknown)?;
        let value = match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        values.push((key.name, value, Source::File(file.to_owned())));
    }
    Ok((values, issuers))
}

/// Every key with its default, as a configuration file in which everything is commented out.
pub fn config_reference() -> String {
    let mut text = String::from(
        "# Chaveiro: configuration.\n# Rising order: this file, CHAVEIRO_* of the environment, flags of `chaveiro serve`.\n",
    );
    for key in KEYS {
        // Writing into a string does not fail.
        let _ = write!(text, "\n# {}\n#{} = \"{}\"\n", key.about, key.name, key.default);
    }
    text.push_str(
        "\n# Trusted issuers beside the local one: docs/identity.md.\n#[[issuer]]\n\
         # The exact iss of its tokens, and the tenant it speaks for (chaveiro tenant list).\n\
         #issuer = \"https://login.example/realm\"\n#tenant = \"11111111-2222-4333-8444-555555555555\"\n\
         # Optional: its own name of the tenant (the tid of its tokens), when it differs: an Entra directory id.\n\
         #directory = \"66666666-7777-4888-9999-000000000000\"\n\
         # Optional: where its keys are; by default found through ISSUER/.well-known/openid-configuration.\n\
         #jwks-url = \"https://login.example/realm/keys\"\n\
         # Optional: audiences accepted from it beside the server's own.\n#audiences = [\"api://chaveiro\"]\n\
         # Optional: algorithms it may use; by default every asymmetric one.\n#algorithms = [\"RS256\", \"ES256\"]\n\
         # Optional: subjects (sub, else oid) that are applications; others are people, unless idtyp or the subject proves it.\n\
         #application-subjects = [\"5e41ce00-0000-4000-8000-000000000001\"]\n\
         # Optional: whether wids names roles of the directory; by default of Entra ID alone.\n#directory-roles = false\n\
         # Optional: hours that its keys serve while it cannot be reached.\n#stale-keys-hours = 24\n\
         \n# An issuer that speaks for several tenants: instead of tenant, the claim that tells them apart, and its values.\n\
         #[[issuer]]\n#issuer = \"https://login.example/several\"\n#tenant-claim = \"organization\"\n\
         #[issuer.tenants]\n#contoso = \"11111111-2222-4333-8444-555555555555\"\n",
    );
    text
}

#[cfg(test)]
mod tests {
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
        assert_eq!(config.graph_listen.port(), 6);
        assert_eq!(config.device_listen.port(), 5);
        assert_eq!(config.shutdown_grace, Duration::from_secs(3));
    }

    #[test]
    fn every_error_names_the_key_and_its_place() {
        type Pairs = &'static [(&'static str, &'static str)];
        let table: [(&str, Pairs, Pairs, &[&str]); 14] = [
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
            ("limit-writes-by-tenant = -1", &[], &[], &["limit-writes-by-tenant", "whole number"]),
        ];
        for (file, environment, flags, words) in table {
            let error = load(file, environment, flags).expect_err("wrong").to_string();
            for word in words {
                assert!(error.contains(word), "{word} in {error}");
            }
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
