//! Addresses of callers as limits count them, and the proxies whose address says nothing about the caller.
//!
//! One IPv6 subscriber holds at least a /64, so all of its addresses count as one. An IPv4 address counts alone. Does not
//! read forwarding headers: a caller could write them.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Networks that `limits.trusted_proxies` may name.
const PROXIES_MAX: usize = 100;

/// What one caller's addresses have in common: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// The network of an address; an IPv4 address written as IPv6 is that IPv4 address.
    pub(crate) fn of(address: IpAddr) -> Self {
        const UPPER_64: u128 = !(u64::MAX as u128);
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & UPPER_64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The setting `limits.trusted_proxies`: networks (CIDR) of the proxies in front of a service. Their connections and calls
/// are those of many callers, so the bounds per address leave them out.
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
        /// How many are named.
        found: usize,
    },
    /// A network that holds every address.
    #[error(
        "`limits.trusted_proxies` names {network}, which holds every address, so that no bound per address would be left; \
         expected the networks of the proxies alone, such as 10.0.3.0/24"
    )]
    Everything {
        /// The network as it was given.
        network: IpNet,
    },
}

impl TrustedProxies {
    /// Checks the bounds of the setting.
    pub fn check(&self) -> Result<(), TrustedProxiesError> {
        if self.0.len() > PROXIES_MAX {
            return Err(TrustedProxiesError::TooMany { found: self.0.len() });
        }
        match self.0.iter().find(|network| network.prefix_len() == 0) {
            Some(network) => Err(TrustedProxiesError::Everything { network: *network }),
            None => Ok(()),
        }
    }

    /// What bounds per address count this address as; `None` for a proxy, which they leave out.
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
                D::Error::custom(format!("`{text}` is no network: {message}"))
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
    fn a_proxy_is_not_counted_however_its_address_is_written() {
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
    fn what_is_no_network_and_what_holds_every_address_is_refused() {
        let refused = serde_json::from_str::<TrustedProxies>(r#"["gateway"]"#).unwrap_err().to_string();
        assert!(refused.contains("`gateway` is no network") && refused.contains("10.0.3.0/24"), "{refused}");
        for everything in ["0.0.0.0/0", "::/0"] {
            let refused = proxies(&format!("[\"{everything}\"]")).check().unwrap_err().to_string();
            assert!(refused.contains(everything), "{refused}");
        }
        let many = TrustedProxies(std::iter::repeat_n("10.0.0.0/8".parse().unwrap(), 101).collect());
        assert_eq!(many.check(), Err(TrustedProxiesError::TooMany { found: 101 }));
        assert_eq!(proxies("[\"10.0.0.0/8\"]").check(), Ok(()));
    }
}
