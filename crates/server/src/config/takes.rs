//! The kinds of values that keys take: what is expected, and the field that a value is put into.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chaveiro_auth::TrustedProxies;
use chaveiro_lang::{Text, text};
use http::HeaderName;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Default for Listen {
    fn default() -> Self {
        Self(SocketAddr::from(([127, 0, 0, 1], 0)))
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
            Self::Address(set) => set(config, Listen(text.parse().ok()?)),
            Self::PublicUrl(set) => set(config, public(text)?.to_owned()),
            Self::PrivateUrl(set) => set(config, is_private(text).then(|| text.to_owned())?),
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
