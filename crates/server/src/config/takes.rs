//! The kinds of values that keys take: what is expected, and the field that a value is put into.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use chaveiro_auth::TrustedProxies;
use chaveiro_lang::{Text, text};
use http::HeaderName;
use rustls_pki_types::ServerName;
use tracing_subscriber::EnvFilter;

use super::Config;

/// The kind of value that a key takes, with the function that puts it into the configuration.
#[derive(Debug)]
pub enum Takes {
    /// An address and port.
    Address(fn(&mut Config, Listen)),
    /// The address of one of the listeners, as others reach it.
    PublicUrl(fn(&mut Config, String)),
    /// An address to which nothing is sent in the clear.
    PrivateUrl(fn(&mut Config, String)),
    /// Names and addresses of this server, for its certificate.
    Names(fn(&mut Config, Vec<String>)),
    /// The path of a file or socket.
    Path(fn(&mut Config, PathBuf)),
    /// A whole number of things, within bounds.
    Count(Bounds, fn(&mut Config, u32)),
    /// A time in seconds, within bounds.
    Seconds(Bounds, fn(&mut Config, Duration)),
    /// A time in milliseconds, within bounds.
    Milliseconds(Bounds, fn(&mut Config, Duration)),
    /// Addresses and networks of proxies.
    Proxies(fn(&mut Config, TrustedProxies)),
    /// The name of a header.
    Header(fn(&mut Config, HeaderName)),
    /// A filter of the log.
    Filter(fn(&mut Config, String)),
}

/// The least and the most that a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds(pub u32, pub u32);

/// The address of a listener. Unless one is set, a free port of this host alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address and port.
    pub address: SocketAddr,
    /// The name that was given instead of an address.
    pub name: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), name: None }
    }
}

impl Listen {
    /// Reads an address and port, or a name of this machine and port. A name is looked up; IPv4 comes first.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self { address, name: None });
        }
        let (name, _) = text.rsplit_once(':')?;
        let found: Vec<SocketAddr> = text.to_socket_addrs().ok()?.collect();
        let address = *found.iter().find(|address| address.is_ipv4()).or_else(|| found.first())?;
        Some(Self { address, name: Some(name.to_ascii_lowercase()) })
    }

    /// The public address of a listener that took that port. The loopback addresses are called `localhost`, because
    /// browsers allow passkeys for names alone. `None` if every address of the machine is listened on.
    pub(crate) fn url(&self, port: u16) -> Option<String> {
        let host = match (&self.name, self.address) {
            (Some(name), _) => name.clone(),
            (None, address) if address.ip().is_unspecified() => return None,
            (None, address) if [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].contains(&address.ip()) => {
                "localhost".to_owned()
            }
            (None, SocketAddr::V4(address)) => address.ip().to_string(),
            (None, SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        };
        Some(if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") })
    }
}

impl Takes {
    /// The least and the most, for a number.
    pub fn bounds(&self) -> Option<Bounds> {
        match self {
            Self::Count(bounds, _) | Self::Seconds(bounds, _) | Self::Milliseconds(bounds, _) => Some(*bounds),
            Self::Address(_)
            | Self::PublicUrl(_)
            | Self::PrivateUrl(_)
            | Self::Names(_)
            | Self::Path(_)
            | Self::Proxies(_)
            | Self::Header(_)
            | Self::Filter(_) => None,
        }
    }

    /// The placeholder of the value in a usage line.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Self::Address(_) => "ADDRESS",
            Self::PublicUrl(_) | Self::PrivateUrl(_) => "URL",
            Self::Names(_) => "NAMES",
            Self::Path(_) => "FILE",
            Self::Count(..) => "N",
            Self::Seconds(..) => "SECONDS",
            Self::Milliseconds(..) => "MILLISECONDS",
            Self::Proxies(_) => "ADDRESSES",
            Self::Header(_) => "NAME",
            Self::Filter(_) => "FILTER",
        }
    }

    /// The values that are accepted, for error messages and the reference.
    pub fn expected(&self) -> Text {
        match self {
            Self::Count(Bounds(least, most), _)
            | Self::Seconds(Bounds(least, most), _)
            | Self::Milliseconds(Bounds(least, most), _) => {
                text!("takes-number", least = least.to_string(), most = most.to_string())
            }
            Self::Address(_) => text!("takes-address"),
            Self::PublicUrl(_) => text!("takes-public-url"),
            Self::PrivateUrl(_) => text!("takes-private-url"),
            Self::Names(_) => text!("takes-names"),
            Self::Path(_) => text!("takes-path"),
            Self::Proxies(_) => text!("takes-networks"),
            Self::Header(_) => text!("takes-header"),
            Self::Filter(_) => text!("takes-filter"),
        }
    }

    /// Puts a value into the configuration; `None` if it is not of this kind.
    pub(super) fn put(&self, config: &mut Config, text: &str) -> Option<()> {
        let number = |Bounds(least, most)| text.parse().ok().filter(|number| (least..=most).contains(number));
        match self {
            Self::Address(set) => set(config, Listen::parse(text)?),
            Self::PublicUrl(set) => set(config, public(text)?.to_owned()),
            Self::PrivateUrl(set) => set(config, is_private(text).then(|| text.to_owned())?),
            Self::Names(set) => set(config, server_names(text)?),
            Self::Path(set) => set(config, text.into()),
            Self::Count(bounds, set) => set(config, number(*bounds)?),
            Self::Seconds(bounds, set) => set(config, Duration::from_secs(number(*bounds)?.into())),
            Self::Milliseconds(bounds, set) => set(config, Duration::from_millis(number(*bounds)?.into())),
            Self::Proxies(set) => set(config, TrustedProxies::parse(text)?),
            Self::Header(set) => set(config, text.parse().ok()?),
            Self::Filter(set) => set(config, EnvFilter::try_new(text).is_ok().then(|| text.to_owned())?),
        }
        Some(())
    }
}

/// Names and addresses that a certificate can hold.
fn server_names(text: &str) -> Option<Vec<String>> {
    let name = |name: &str| ServerName::try_from(name.trim()).is_ok().then(|| name.trim().to_owned());
    text.split(',').map(name).collect()
}

/// The address of a listener without the slash at its end.
fn public(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://")?;
    (!host.is_empty()).then(|| url.trim_end_matches('/'))
}

/// Says whether what is sent there cannot be read on the way: TLS, or this host.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_called_by_the_name_that_was_given_and_localhost_by_its_name() {
        for (text, port, url) in [
            ("127.0.0.1:0", 8443, Some("https://localhost:8443")),
            ("[::1]:8443", 8443, Some("https://localhost:8443")),
            ("localhost:8443", 8443, Some("https://localhost:8443")),
            ("LOCALHOST:443", 443, Some("https://localhost")),
            ("127.0.0.2:8443", 8443, Some("https://127.0.0.2:8443")),
            ("192.0.2.7:443", 443, Some("https://192.0.2.7")),
            ("[2001:db8::7]:8443", 8443, Some("https://[2001:db8::7]:8443")),
            ("0.0.0.0:8443", 8443, None),
            ("[::]:8443", 8443, None),
        ] {
            let listen = Listen::parse(text).expect(text);
            assert_eq!(listen.url(port).as_deref(), url, "{text}");
        }
        assert!(Listen::parse("localhost:8443").expect("it is known").address.ip().is_loopback());
        for text in ["localhost", "localhost:", "localhost:x", ":8443", "nobody.invalid:8443", "127.0.0.1", ""] {
            assert_eq!(Listen::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_a_certificate_are_names_and_addresses() {
        let two = vec!["mdm.example".to_owned(), "192.0.2.7".to_owned()];
        assert_eq!(server_names("mdm.example, 192.0.2.7"), Some(two));
        for text in ["https://mdm.example", "mdm.example,", "a b", "mdm.example:8443"] {
            assert_eq!(server_names(text), None, "{text}");
        }
    }
}
