//! The origin of a request, by which limits count and which the audit record shows.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that may state the address of a client. None by default, because anyone can write a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and networks, separated by commas; `None` if an entry is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        let named = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        named.map(network).collect::<Option<_>>().map(Self)
    }

    /// Returns whether that address belongs to one of the proxies.
    pub fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client of a request whose connection has that peer. A proxy appends the address it
    /// speaks for to `X-Forwarded-For`. The header is therefore read from its end, and only while the writer of an
    /// entry is trusted. The client may have invented earlier entries.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut nearest = peer.to_canonical();
        for entry in entries {
            let Some(before) = Some(nearest).filter(|known| self.has(*known)).and(address(entry)) else { break };
            nearest = before;
        }
        nearest
    }
}

/// Parses an entry. Some proxies write the port too, with or without brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    entry.parse().ok().or_else(in_brackets).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// The unit by which clients are counted: an IPv4 address, or an IPv6 network of 64 bits, the smallest that a provider
/// assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(IpAddr);

impl Origin {
    /// The origin of a request from that peer. Requests without a peer, which a listener never has, all count as one.
    pub(super) fn of(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        Self(match peer.map_or(unknown, |peer| proxies.client(peer, headers)) {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().expect("a value"));
        }
        let proxies = TrustedProxies::parse(proxies).expect("proxies");
        Origin::of(Some(peer.parse().expect("an address")), &headers, &proxies).to_string()
    }

    #[test]
    fn only_the_word_of_a_trusted_proxy_counts_and_it_is_its_last_one() {
        for (proxies, peer, lines, expected) in [
            ("", "192.0.2.1", &[][..], "192.0.2.1"),
            ("", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1", &["203.0.113.9"], "203.0.113.9"),
            ("192.0.2.1", "192.0.2.2", &["203.0.113.9"], "192.0.2.2"),
            // The client wrote the first entry itself.
            ("192.0.2.0/24", "192.0.2.1", &["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
            ("192.0.2.0/24", "192.0.2.1", &["10.0.0.1", "203.0.113.9"], "203.0.113.9"),
            // Two proxies in a row.
            ("192.0.2.0/24, 10.0.0.7", "192.0.2.1", &["203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            // An entry that is not an address ends the search at the last known one.
            ("192.0.2.1", "192.0.2.1", &["203.0.113.9, unknown"], "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1", &["203.0.113.9,"], "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("fd00::/8", "fd00::1", &["[2001:db8:1:2:3::4]:80"], "2001:db8:1:2::"),
            ("fd00::/8", "fd00::1", &["[2001:db8:1:2:3::4]"], "2001:db8:1:2::"),
            ("fd00::/8", "fd00::1", &["[::ffff:203.0.113.9]"], "203.0.113.9"),
            ("fd00::/8", "fd00::1", &["[203.0.113.9]"], "fd00::"),
            ("fd00::/8", "fd00::1", &["[2001:db8::1"], "fd00::"),
        ] {
            assert_eq!(seen(proxies, peer, lines), expected, "{peer} {lines:?} behind {proxies}");
        }
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_client_and_a_mapped_address_is_ipv4() {
        assert_eq!(seen("", "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(seen("", "2001:db8:1:2:ffff::1", &[]), "2001:db8:1:2::");
        assert_eq!(seen("", "2001:db8:1:3::1", &[]), "2001:db8:1:3::");
        assert_eq!(seen("", "::ffff:192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", "::ffff:192.0.2.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn proxies_are_addresses_and_networks_and_nothing_else() {
        for (text, is_one) in
            [("", true), ("10.0.0.7, fd00::/8", true), ("10.0.0.0/8", true), ("proxy.example", false), ("10/8", false)]
        {
            assert_eq!(TrustedProxies::parse(text).is_some(), is_one, "{text}");
        }
    }
}
