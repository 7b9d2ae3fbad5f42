//! The reason that a server was not reached: each common one in a sentence of its own, with what to do. The words of the
//! libraries are a detail for machines.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use chaveiro_core::Timestamp;
use chaveiro_lang::{Text, text};
use reqwest::Url;
use rustls::{AlertDescription, CertificateError};
use rustls_pki_types::UnixTime;

/// Seconds until a connection must stand.
pub(crate) const CONNECT_S: u64 = 10;

/// Seconds until an answer must be complete.
pub(crate) const ANSWER_S: u64 = 30;

/// A server that was not reached.
#[derive(Debug)]
pub(crate) struct Unreached {
    pub(crate) text: Text,
    /// The words of the libraries.
    pub(crate) detail: String,
}

impl fmt::Display for Unreached {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

/// It has no source: the words of libraries are for machines.
impl Error for Unreached {}

impl Unreached {
    /// The reason for an error of a request to that server; `has_root` if the person gave a root certificate.
    pub(crate) fn of(server: &str, has_root: bool, error: &reqwest::Error) -> Self {
        let detail = causes(error).map(ToString::to_string).collect::<Vec<_>>();
        let place = Place { server, host: host(server), has_root };
        let through = if has_root { None } else { proxy(server, |name| std::env::var(name).ok()) };
        let text = match through {
            Some(proxy) if error.is_connect() && !causes(error).any(is_tls) => {
                text!("server-behind-proxy", server = server, proxy = proxy)
            }
            Some(_) | None => causes(error).find_map(|cause| place.told(cause)).unwrap_or_else(|| place.other(error)),
        };
        Self { text, detail: detail.join(": ") }
    }
}

/// The server that was asked for.
struct Place<'a> {
    server: &'a str,
    host: String,
    has_root: bool,
}

impl Place<'_> {
    /// The text for a cause that has one.
    fn told(&self, cause: &(dyn Error + 'static)) -> Option<Text> {
        let server = self.server;
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(self.of_tls(error));
        }
        // The resolver's error has a type of no kind.
        if cause.to_string() == "dns error" {
            return Some(text!("server-unknown-host", host = &self.host));
        }
        match cause.downcast_ref::<io::Error>()?.kind() {
            ErrorKind::ConnectionRefused => Some(text!("server-refused", server = server)),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Some(text!("server-unroutable", host = &self.host))
            }
            ErrorKind::TimedOut => Some(text!("server-silent", server = server, seconds = CONNECT_S)),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Some(text!("server-hung-up", server = server))
            }
            _ => None,
        }
    }

    fn of_tls(&self, error: &rustls::Error) -> Text {
        let server = self.server;
        match error {
            rustls::Error::InvalidCertificate(error) => self.of_certificate(error),
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateHandshakeMessage { .. } => {
                text!("server-without-tls", server = server)
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
                text!("server-wants-certificate", server = server)
            }
            other => text!("server-tls-failed", server = server, reason = other.to_string()),
        }
    }

    fn of_certificate(&self, error: &CertificateError) -> Text {
        let (server, host) = (self.server, &self.host);
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature if self.has_root => {
                text!("server-root-other", server = server)
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                text!("server-root-needed", server = server)
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ");
                text!("server-other-name", server = server, host = host, names = names)
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                text!("server-certificate-over", server = server, at = moment(*not_after))
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                text!("server-certificate-early", server = server, at = moment(*not_before))
            }
            other => text!("server-certificate-refused", server = server, reason = other.to_string()),
        }
    }

    /// The text for an error without a cause that is known.
    fn other(&self, error: &reqwest::Error) -> Text {
        let server = self.server;
        match (error.is_timeout(), error.is_connect()) {
            (true, true) => text!("server-silent", server = server, seconds = CONNECT_S),
            (true, false) => text!("server-slow", server = server, seconds = ANSWER_S),
            (false, _) => text!("server-not-reached", server = server),
        }
    }
}

/// An error and its causes. An I/O error hides the error that it carries.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<rustls::Error>()
}

/// The host of an address.
fn host(server: &str) -> String {
    let url = Url::parse(server).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or(server).trim_matches(['[', ']']).to_owned()
}

/// The proxy that the environment names for that server, without the secrets in it.
fn proxy(server: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
    let host = host(server);
    let direct = either("NO_PROXY").unwrap_or_default();
    let is_direct = |name: &str| {
        let name = name.trim().trim_start_matches('.');
        !name.is_empty() && (name == "*" || host == name || host.ends_with(&format!(".{name}")))
    };
    if direct.split(',').any(is_direct) {
        return None;
    }
    let named = either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")).filter(|named| !named.is_empty())?;
    Some(named.rsplit_once('@').map_or(named.as_str(), |(_, place)| place).to_owned())
}

/// A name of a certificate, without the kind that the verifier writes around it.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn moment(at: UnixTime) -> Timestamp {
    i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_a_server_is_named_without_its_password_and_exceptions_are_kept() {
        let with = |named: &'static [(&str, &str)]| {
            move |asked: &str| named.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        };
        let server = "https://chaveiro.example:8443";
        for (named, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", "http://ana:secret@proxy:3128")][..], Some("proxy:3128")),
            (&[("https_proxy", "http://proxy:3128")][..], Some("http://proxy:3128")),
            (&[("ALL_PROXY", "proxy:1"), ("NO_PROXY", "other, .example")][..], None),
            (&[("ALL_PROXY", "proxy:1"), ("no_proxy", "chaveiro.example")][..], None),
            (&[("ALL_PROXY", "proxy:1"), ("NO_PROXY", "veiro.example")][..], Some("proxy:1")),
            (&[("HTTPS_PROXY", "")][..], None),
        ] {
            assert_eq!(proxy(server, with(named)).as_deref(), expected, "{named:?}");
        }
    }

    #[test]
    fn names_of_certificates_and_hosts_are_told_as_people_write_them() {
        for (name, told) in
            [("DnsName(\"a.example\")", "a.example"), ("IpAddress(127.0.0.1)", "127.0.0.1"), ("plain", "plain")]
        {
            assert_eq!(bare(name), told);
        }
        for (server, told) in [("https://a.example:1", "a.example"), ("https://[::1]:8443", "::1"), ("?", "?")] {
            assert_eq!(host(server), told);
        }
    }

    #[test]
    fn an_error_inside_an_io_error_is_among_the_causes() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let outer = io::Error::new(ErrorKind::InvalidData, tls);
        assert!(causes(&outer).any(is_tls));
        let place = Place { server: "https://a:1", host: "a".to_owned(), has_root: true };
        let told = causes(&outer).find_map(|cause| place.told(cause)).expect("a text");
        assert_eq!(told.id(), "server-root-other");
    }
}
