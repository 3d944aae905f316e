//! Limits of each client, so that none exhausts a service. A client is identified by its token; without a token, by its
//! certificate or address. The limits of the whole process apply in addition.
//!
//! Without identity all callers are on this machine and cannot be distinguished; then only the limits of the process
//! apply.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::addresses::Network;
use crate::counts::PARTS;
use crate::in_flight::{InFlight, Permit};
use crate::messages::Budget;
use crate::rejection::{RATE_LIMITED, Rejection};

/// Maximum number of remembered clients; above it, clients without calls in flight are forgotten.
const CLIENTS_MAX: usize = 10_000;
/// Retry delay for a client with too many calls in flight.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Limits of each client. None may be zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// Maximum concurrent single calls; further ones are refused with a retry delay. At most a quarter of the process's
    /// limit.
    pub calls_in_flight: NonZeroU32,
    /// Maximum concurrent streams; further ones are refused with a retry delay. At most a quarter of the process's
    /// limit.
    pub streams_in_flight: NonZeroU32,
    /// Average number of calls started per second; a stream counts once.
    pub calls_per_second: NonZeroU32,
    /// Number of calls that may start at once after a pause.
    pub burst_calls: NonZeroU32,
    /// Maximum lifetime of a stream; the client then opens another one.
    pub stream_lifetime_s: NonZeroU32,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            calls_in_flight: const { NonZeroU32::new(64).unwrap() },
            streams_in_flight: const { NonZeroU32::new(8).unwrap() },
            calls_per_second: const { NonZeroU32::new(2_000).unwrap() },
            burst_calls: const { NonZeroU32::new(4_000).unwrap() },
            stream_lifetime_s: const { NonZeroU32::new(3_600).unwrap() },
        }
    }
}

impl ClientLimits {
    /// Maximum lifetime of a stream.
    #[must_use]
    pub(crate) fn stream_lifetime(&self) -> Duration {
        Duration::from_secs(self.stream_lifetime_s.get().into())
    }

    /// Checks that one client leaves three quarters of each limit of the process to others.
    pub(crate) fn check_shares(&self, bounds: &[Bound]) -> Result<(), ShareTooLarge> {
        for Bound { name, limit, kind } in bounds {
            let (own, of_client) = match kind {
                BoundKind::Calls => ("calls_in_flight", self.calls_in_flight.get()),
                BoundKind::Streams => ("streams_in_flight", self.streams_in_flight.get()),
                BoundKind::OwnShare => ("", 1),
            };
            let quarter = limit.get() / PARTS;
            if of_client > quarter {
                let (name, limit, least) = (*name, limit.get(), of_client.saturating_mul(PARTS));
                return Err(ShareTooLarge { own, of_client, name, limit, quarter, least });
            }
        }
        Ok(())
    }
}

/// A limit of the process that clients share.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Name of the setting, such as `limits.queries_in_flight`.
    pub name: &'static str,
    /// The limit.
    pub limit: NonZeroU32,
    /// What a client uses of it.
    pub kind: BoundKind,
}

/// What a client uses of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    /// Single calls.
    Calls,
    /// Streams.
    Streams,
    /// A quarter, independently of its other limits: see [`crate::in_flight::Share`].
    OwnShare,
}

/// One client could use more than a quarter of a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ShareTooLarge {
    own: &'static str,
    of_client: u32,
    name: &'static str,
    limit: u32,
    quarter: u32,
    least: u32,
}

impl fmt::Display for ShareTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own, of_client, name, limit, quarter, least } = self;
        match *own {
            "" => write!(
                f,
                "`{name}` is {limit}, and one client may take a quarter of it: set it to at least {least}"
            ),
            own => write!(
                f,
                "`server.per_client.{own}` is {of_client}, more than a quarter of `{name}`, {limit}: set it to at most {}, and \
                 `{name}` to at least {least}",
                quarter.max(&1)
            ),
        }
    }
}

/// The client that limits apply to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    /// The client of a verified token.
    Named(String),
    /// The SHA-256 of the caller's certificate, in hexadecimal.
    Certificate(Arc<str>),
    /// The caller's network.
    Address(Option<Network>),
}

struct Client {
    calls: InFlight,
    streams: InFlight,
    rate: DefaultDirectRateLimiter,
    /// Its share of the budget for incomplete messages.
    undecoded: Arc<Budget>,
}

/// Permits of an admitted call.
pub(crate) struct Entered {
    _permit: Permit,
    /// The client's share of the budget for incomplete messages.
    pub(crate) undecoded: Arc<Budget>,
}

/// Kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Stream,
}

/// The recent clients.
pub(crate) struct Clients {
    limits: ClientLimits,
    /// Maximum bytes of incomplete messages per client.
    undecoded_bytes: u64,
    seen: Mutex<HashMap<ClientKey, Arc<Client>>>,
    clock: DefaultClock,
}

impl Clients {
    pub(crate) fn new(limits: ClientLimits, undecoded_bytes: u64) -> Self {
        Self { limits, undecoded_bytes, seen: Mutex::default(), clock: DefaultClock::default() }
    }

    pub(crate) fn limits(&self) -> &ClientLimits {
        &self.limits
    }

    /// Acquires a permit for a call of a client, or refuses it with a retry delay.
    pub(crate) fn enter(&self, key: ClientKey, kind: Kind) -> Result<Entered, tonic::Status> {
        let client = self.client(key);
        if let Err(early) = client.rate.check() {
            let wait = early.wait_time_from(self.clock.now());
            let per_second = self.limits.calls_per_second;
            let message = format!("this client may start {per_second} calls per second; retry later");
            return Err(Rejection::new(RATE_LIMITED, message)
                .retry_after(wait)
                .with("calls_per_second", per_second.to_string())
                .into());
        }
        let permit = match kind {
            Kind::Call => client.calls.try_acquire_unshared(),
            Kind::Stream => client.streams.try_acquire_unshared(),
        };
        Ok(Entered { _permit: permit?, undecoded: Arc::clone(&client.undecoded) })
    }

    fn client(&self, key: ClientKey) -> Arc<Client> {
        let mut seen = self.seen.lock();
        if seen.len() >= CLIENTS_MAX && !seen.contains_key(&key) {
            seen.retain(|_, client| !client.is_idle());
        }
        let new = || Arc::new(Client::new(&self.limits, self.undecoded_bytes));
        Arc::clone(seen.entry(key).or_insert_with(new))
    }
}

impl Client {
    fn new(limits: &ClientLimits, undecoded_bytes: u64) -> Self {
        let quota = Quota::per_second(limits.calls_per_second).allow_burst(limits.burst_calls);
        Self {
            calls: InFlight::new("calls of this client", limits.calls_in_flight, RETRY_AFTER),
            streams: InFlight::new("streams of this client", limits.streams_in_flight, RETRY_AFTER),
            rate: RateLimiter::direct(quota),
            undecoded: Budget::new(undecoded_bytes),
        }
    }

    fn is_idle(&self) -> bool {
        self.calls.is_idle() && self.streams.is_idle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::{reason_of, retry_delay_of};

    fn key(name: &str) -> ClientKey {
        ClientKey::Named(name.to_owned())
    }

    fn limits(calls_in_flight: u32, burst_calls: u32) -> ClientLimits {
        let limit = |count| NonZeroU32::new(count).unwrap();
        ClientLimits {
            calls_in_flight: limit(calls_in_flight),
            calls_per_second: NonZeroU32::MIN,
            burst_calls: limit(burst_calls),
            ..ClientLimits::default()
        }
    }

    #[test]
    fn one_client_may_use_at_most_a_quarter_of_each_limit() {
        let bound = |limit, kind| Bound { name: "limits.x", limit: NonZeroU32::new(limit).unwrap(), kind };
        let limits = limits(64, 1);
        assert!(limits.check_shares(&[bound(256, BoundKind::Calls), bound(4, BoundKind::OwnShare)]).is_ok());
        let refused = limits.check_shares(&[bound(255, BoundKind::Calls)]).unwrap_err().to_string();
        assert!(refused.contains("calls_in_flight` is 64") && refused.contains("255"), "{refused}");
        assert!(limits.check_shares(&[bound(3, BoundKind::OwnShare)]).is_err());
        assert!(limits.check_shares(&[bound(31, BoundKind::Streams)]).is_err(), "8 is more than a quarter");
    }

    #[test]
    fn a_client_above_its_rate_gets_a_retry_delay_and_others_are_not_affected() {
        let clients = Clients::new(limits(100, 3), 1_000);
        for _ in 0..3 {
            assert!(clients.enter(key("a"), Kind::Call).is_ok());
        }
        let refused = clients.enter(key("a"), Kind::Call).err().unwrap();
        assert_eq!(reason_of(&refused).as_deref(), Some("RATE_LIMITED"));
        let wait = retry_delay_of(&refused).unwrap();
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(clients.enter(key("b"), Kind::Call).is_ok());
        assert!(clients.enter(ClientKey::Address(None), Kind::Call).is_ok());
    }

    #[test]
    fn calls_and_streams_of_a_client_have_separate_limits() {
        let clients = Clients::new(limits(2, 100), 1_000);
        let held: Vec<_> = (0..2).map(|_| clients.enter(key("a"), Kind::Call).ok().unwrap()).collect();
        let refused = clients.enter(key("a"), Kind::Call).err().unwrap();
        assert_eq!(reason_of(&refused).as_deref(), Some("BUSY"));
        assert_eq!(retry_delay_of(&refused), Some(RETRY_AFTER));
        assert!(clients.enter(key("a"), Kind::Stream).is_ok());
        drop(held);
        assert!(clients.enter(key("a"), Kind::Call).is_ok());
    }

    #[test]
    fn the_table_of_clients_is_bounded_and_keeps_those_with_calls_in_flight() {
        let clients = Clients::new(limits(1, 100), 1_000);
        let _held = clients.enter(key("a"), Kind::Call).ok().unwrap();
        for number in 0..2 * CLIENTS_MAX {
            assert!(clients.enter(key(&number.to_string()), Kind::Call).is_ok());
        }
        assert!(clients.seen.lock().len() <= CLIENTS_MAX);
        assert!(clients.enter(key("a"), Kind::Call).is_err());
    }
}
