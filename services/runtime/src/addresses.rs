//! Addresses of callers for the limits, and the proxies whose address does not identify the caller.
//!
//! An IPv6 subscriber has at least a /64, so all of its addresses count as one. An IPv4 address counts alone.
//! Forwarding headers are ignored, because callers can forge them.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Maximum number of networks in `limits.trusted_proxies`.
const PROXIES_MAX: usize = 100;

/// The network that counts as one caller: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// The network of an address; an IPv4-mapped IPv6 address is an IPv4 address.
    pub(crate) fn of(address: IpAddr) -> Self {
        const UPPER_64: u128 = !(u64::MAX as u128);
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & UPPER_64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The setting `limits.trusted_proxies`: networks (CIDR) of reverse proxies. Limits per address do not apply to them,
/// because their connections and calls come from many callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Networks that cannot be trusted as proxies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedProxiesError {
    /// Too many networks.
    #[error(
        "`limits.trusted_proxies` names {found} networks; expected at most {PROXIES_MAX}: name larger networks"
    )]
    TooMany {
        /// Number of networks.
        found: usize,
    },
    /// A network that contains every address.
    #[error(
        "`limits.trusted_proxies` names {network}, which holds every address, so that no bound per address would be left; \
         expected the networks of the proxies alone, such as 10.0.3.0/24"
    )]
    Everything {
        /// The network as given.
        network: IpNet,
    },
}

impl TrustedProxies {
    /// Checks the limits of the setting.
    pub fn check(&self) -> Result<(), TrustedProxiesError> {
        if self.0.len() > PROXIES_MAX {
            return Err(TrustedProxiesError::TooMany { found: self.0.len() });
        }
        match self.0.iter().find(|network| network.prefix_len() == 0) {
            Some(network) => Err(TrustedProxiesError::Everything { network: *network }),
            None => Ok(()),
        }
    }

    /// The network that limits count this address as; `None` for a proxy.
    pub(crate) fn counted(&self, address: IpAddr) -> Option<Network> {
        let address = address.to_canonical();
        let is_proxy = self.0.iter().any(|network| network.contains(&address));
        (!is_proxy).then(|| Network::of(address))
    }
}

impl Serialize for TrustedProxies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let networks = texts.iter().map(|text| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).map_err(|_| {
                let message = "expected a network such as 10.0.3.0/24 or fd00:3::/64, or one address";
                D::Error::custom(format!("`{text}` is not a network: {message}"))
            })
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    fn proxies(text: &str) -> TrustedProxies {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_count_as_one_and_each_ipv4_address_alone() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn a_proxy_is_not_counted_in_any_notation_of_its_address() {
        let proxies = proxies(r#"["10.0.3.0/24", "fd00:3::/64", "192.0.2.7"]"#);
        let counted = |text: &str| proxies.counted(text.parse().unwrap());
        for proxy in ["10.0.3.9", "::ffff:10.0.3.9", "fd00:3::9", "192.0.2.7"] {
            assert_eq!(counted(proxy), None, "{proxy}");
        }
        for other in ["10.0.4.9", "fd00:4::9", "192.0.2.8"] {
            assert_eq!(counted(other), Some(network(other)), "{other}");
        }
        let written = serde_json::to_string(&proxies).unwrap();
        assert_eq!(written, r#"["10.0.3.0/24","fd00:3::/64","192.0.2.7/32"]"#);
    }

    #[test]
    fn malformed_networks_and_networks_with_every_address_are_refused() {
        let refused = serde_json::from_str::<TrustedProxies>(r#"["gateway"]"#).unwrap_err().to_string();
        assert!(
            refused.contains("`gateway` is not a network") && refused.contains("10.0.3.0/24"),
            "{refused}"
        );
        for everything in ["0.0.0.0/0", "::/0"] {
            let refused = proxies(&format!("[\"{everything}\"]")).check().unwrap_err().to_string();
            assert!(refused.contains(everything), "{refused}");
        }
        let many = TrustedProxies(std::iter::repeat_n("10.0.0.0/8".parse().unwrap(), 101).collect());
        assert_eq!(many.check(), Err(TrustedProxiesError::TooMany { found: 101 }));
        assert_eq!(proxies("[\"10.0.0.0/8\"]").check(), Ok(()));
    }
}
