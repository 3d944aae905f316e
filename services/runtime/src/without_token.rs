//! What callers without a token may have open: calls of health, reflection, and the methods that need no scope. They are
//! bounded for the process and per address, apart from those with a token, whose calls they never displace.

use std::net::IpAddr;
use std::time::Duration;

use tonic::Status;

use crate::addresses::{Network, TrustedProxies};
use crate::counts::{Counted, Counts};
use crate::identity::Callers;
use crate::in_flight::{InFlight, Permit};
use crate::rejection::{BUSY, Rejection};
use crate::settings::WithoutTokenLimits;

/// When a caller that found the bound reached should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The calls without a token that are open.
pub(crate) struct WithoutToken {
    in_flight: InFlight,
    per_network: u32,
    networks: Counts<Network>,
    callers: Callers,
    trusted_proxies: TrustedProxies,
}

/// One of them; dropping it gives its room back.
pub(crate) struct OpenPermit {
    _of_all: Permit,
    _of_network: Option<Counted<Network>>,
}

impl WithoutToken {
    pub(crate) fn new(
        limits: &WithoutTokenLimits,
        callers: Callers,
        trusted_proxies: TrustedProxies,
    ) -> Self {
        Self {
            in_flight: InFlight::new("calls without a token", limits.calls_in_flight, RETRY_AFTER),
            per_network: limits.calls_per_address.get(),
            networks: Counts::default(),
            callers,
            trusted_proxies,
        }
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Takes room for a call from an address, or says when to come back.
    pub(crate) fn enter(&self, address: Option<IpAddr>) -> Result<OpenPermit, Status> {
        let counted = match self.callers {
            Callers::Identified => address.and_then(|address| self.trusted_proxies.counted(address)),
            // Every caller is on this machine, and callers cannot be distinguished.
            Callers::Anyone => None,
        };
        let of_network = counted.map(|network| {
            let limit = self.per_network;
            self.networks.try_acquire(network, limit).ok_or_else(|| {
                let message = format!(
                    "{limit} calls without a token of this address are in flight, the limit; try again later"
                );
                Status::from(
                    Rejection::new(BUSY, message).retry_after(RETRY_AFTER).with("limit", limit.to_string()),
                )
            })
        });
        Ok(OpenPermit {
            _of_network: of_network.transpose()?,
            _of_all: self.in_flight.try_acquire_unshared()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const LIMITS: WithoutTokenLimits = WithoutTokenLimits {
        calls_in_flight: NonZeroU32::new(3).unwrap(),
        calls_per_address: NonZeroU32::new(2).unwrap(),
        message_bytes: NonZeroU32::MIN,
        message_timeout_ms: NonZeroU32::MIN,
    };

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn one_address_takes_its_share_and_all_together_the_bound() {
        let calls = WithoutToken::new(&LIMITS, Callers::Identified, TrustedProxies::default());
        let _first = calls.enter(Some(address(1))).ok().unwrap();
        let second = calls.enter(Some(address(1))).ok().unwrap();
        let refused = calls.enter(Some(address(1))).err().unwrap();
        assert!(refused.message().contains("of this address"), "{refused}");
        let _third = calls.enter(Some(address(2))).ok().unwrap();
        let refused = calls.enter(Some(address(3))).err().unwrap();
        assert!(refused.message().starts_with("3 calls without a token are in flight"), "{refused}");
        drop(second);
        assert!(calls.enter(Some(address(3))).is_ok());
    }

    #[test]
    fn a_trusted_proxy_and_callers_without_identity_are_bounded_together_alone() {
        let proxies: TrustedProxies = serde_json::from_str(r#"["192.0.2.1"]"#).unwrap();
        for (callers, proxies) in
            [(Callers::Identified, proxies), (Callers::Anyone, TrustedProxies::default())]
        {
            let calls = WithoutToken::new(&LIMITS, callers, proxies);
            let held: Vec<_> = (0..3).map(|_| calls.enter(Some(address(1))).ok().unwrap()).collect();
            assert!(calls.enter(Some(address(1))).is_err());
            drop(held);
        }
    }
}
