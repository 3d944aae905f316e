//! Limits of a gRPC server: the table `[server]`.

mod browsers;
mod connections;
mod without_token;

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clients::ClientLimits;
use crate::counts::PARTS;

pub use browsers::{BrowserSettings, Origin, OriginError};
pub use connections::ConnectionLimits;
pub use without_token::WithoutTokenLimits;

const TIMEOUTS_MS: RangeInclusive<u64> = 100..=60_000;
const FIRST_REQUEST_MS_MAX: u64 = 600_000;
const IDLE_S_MAX: u64 = 86_400;
const AGE_GRACE_S_MAX: u64 = 86_400;
const UNDECODED_BYTES_MAX: u64 = 64 << 30;

/// Limits of a gRPC server. Only the drain's delay may be zero: zero would be ambiguous, "nothing" or "unlimited".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Maximum concurrent connections; if all are in use, an idle one without a token is closed for a new one.
    pub concurrent_connections: NonZeroU32,
    /// Maximum concurrent calls per connection; further ones wait at the client.
    pub concurrent_streams: NonZeroU32,
    /// Maximum size of a message of a method that needs a token, for requests and answers.
    pub max_message_bytes: NonZeroUsize,
    /// Maximum bytes of all incomplete messages; at least four times `max_message_bytes`, because one client may use a
    /// quarter.
    pub undecoded_bytes: NonZeroU64,
    /// Maximum size of request headers.
    pub max_header_bytes: NonZeroU32,
    /// From a request's first byte to its answer's first: a unary call, or the start of a stream. The caller's deadline
    /// applies if it is shorter.
    pub request_timeout_ms: NonZeroU64,
    /// Silence after which a connection is pinged.
    pub keepalive_interval_s: NonZeroU64,
    /// How long the ping's answer may take before the connection is closed.
    pub keepalive_timeout_s: NonZeroU64,
    /// Age at which a connection is asked to close (GOAWAY), so that callers spread over new instances.
    pub max_connection_age_s: NonZeroU64,
    /// Time for its calls to finish before it is closed; at least `request_timeout_ms`. Streams are ended with a status
    /// after half of it.
    pub max_connection_age_grace_s: NonZeroU64,
    /// How long one side of a stream may be inactive before it is ended: a client whose next message is awaited, a
    /// reader with waiting answers.
    pub stalled_after_s: NonZeroU64,
    /// Minimum bytes per second that a reader of a stream must accept while answers wait; averaged over
    /// `stalled_after_s`.
    pub least_bytes_per_second: NonZeroU64,
    /// Maximum refused tokens per minute of one IPv4 address or one IPv6 /64; above it, only tokens known to be valid
    /// are accepted. Does not apply to proxies of `limits.trusted_proxies`.
    pub failed_authentications_per_minute: NonZeroU32,
    /// Maximum duration of a drain, including its delay.
    pub drain_deadline_ms: NonZeroU64,
    /// How long calls are accepted after health became `NOT_SERVING` and before the port closes, for balancers to
    /// notice; at most half of `drain_deadline_ms`. 0 without a balancer.
    pub drain_delay_ms: u64,
    /// Whether `grpc.reflection` is served, in both versions.
    pub reflection: bool,
    /// Pages of browsers that may call.
    pub browsers: BrowserSettings,
    /// Limits of connections before a token is verified.
    pub connections: ConnectionLimits,
    /// Limits of calls that need no token.
    pub without_token: WithoutTokenLimits,
    /// Limits of each client; counted where identity is configured.
    pub per_client: ClientLimits,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            concurrent_connections: const { NonZeroU32::new(1_024).unwrap() },
            concurrent_streams: const { NonZeroU32::new(256).unwrap() },
            max_message_bytes: const { NonZeroUsize::new(4 * 1_024 * 1_024).unwrap() },
            undecoded_bytes: const { NonZeroU64::new(64 * 1_024 * 1_024).unwrap() },
            max_header_bytes: const { NonZeroU32::new(16 * 1_024).unwrap() },
            request_timeout_ms: const { NonZeroU64::new(30_000).unwrap() },
            keepalive_interval_s: const { NonZeroU64::new(30).unwrap() },
            keepalive_timeout_s: const { NonZeroU64::new(20).unwrap() },
            max_connection_age_s: const { NonZeroU64::new(3_600).unwrap() },
            max_connection_age_grace_s: const { NonZeroU64::new(600).unwrap() },
            stalled_after_s: const { NonZeroU64::new(120).unwrap() },
            least_bytes_per_second: const { NonZeroU64::new(1_024).unwrap() },
            failed_authentications_per_minute: const { NonZeroU32::new(120).unwrap() },
            drain_deadline_ms: const { NonZeroU64::new(10_000).unwrap() },
            drain_delay_ms: 0,
            reflection: true,
            browsers: BrowserSettings::default(),
            connections: ConnectionLimits::default(),
            without_token: WithoutTokenLimits::default(),
            per_client: ClientLimits::default(),
        }
    }
}

/// A limit outside its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`server.{key}` is {found}; expected {min} to {max}{reason}")]
pub struct ServerSettingsError {
    key: &'static str,
    found: u64,
    min: u64,
    max: u64,
    /// Empty, or the reason for the range.
    reason: &'static str,
}

impl ServerSettings {
    /// Checks the ranges of the limits.
    pub fn check(&self) -> Result<(), ServerSettingsError> {
        let Self { connections, without_token, .. } = self;
        let all = u64::from(self.concurrent_connections.get());
        let message_bytes = self.message_bytes();
        let handshake_ms = u64::from(connections.handshake_ms.get());
        let open_calls = u64::from(without_token.calls_in_flight.get());
        let bounds: [(&str, u64, RangeInclusive<u64>, &str); 10] = [
            (
                "undecoded_bytes",
                self.undecoded_bytes.get(),
                message_bytes.saturating_mul(PARTS.into())..=UNDECODED_BYTES_MAX,
                ": at least four times `server.max_message_bytes`, because one client may use a quarter",
            ),
            (
                "max_connection_age_grace_s",
                self.max_connection_age_grace_s.get(),
                self.request_timeout_ms.get().div_ceil(1_000)..=AGE_GRACE_S_MAX,
                ": at least `server.request_timeout_ms`, so that a call ends before its connection is closed",
            ),
            (
                "drain_delay_ms",
                self.drain_delay_ms,
                0..=self.drain_deadline_ms.get() / 2,
                ": at most half of `server.drain_deadline_ms`, because calls in flight need the rest",
            ),
            ("connections.handshake_ms", handshake_ms, TIMEOUTS_MS, ""),
            (
                "connections.first_request_ms",
                connections.first_request_ms.get().into(),
                handshake_ms..=FIRST_REQUEST_MS_MAX,
                ": at least `server.connections.handshake_ms`",
            ),
            ("connections.idle_s", connections.idle_s.get().into(), 1..=IDLE_S_MAX, ""),
            (
                "without_token.calls_in_flight",
                open_calls,
                1..=all,
                ": at most `server.concurrent_connections`",
            ),
            (
                "without_token.calls_per_address",
                without_token.calls_per_address.get().into(),
                1..=(open_calls / u64::from(PARTS)).max(1),
                ": at most a quarter of `server.without_token.calls_in_flight`",
            ),
            (
                "without_token.message_bytes",
                without_token.message_bytes.get().into(),
                1..=message_bytes,
                ": at most `server.max_message_bytes`",
            ),
            (
                "without_token.message_timeout_ms",
                without_token.message_timeout_ms.get().into(),
                TIMEOUTS_MS,
                "",
            ),
        ];
        match bounds.into_iter().find(|(_, found, within, _)| !within.contains(found)) {
            None => Ok(()),
            Some((key, found, within, reason)) => {
                Err(ServerSettingsError { key, found, min: *within.start(), max: *within.end(), reason })
            }
        }
    }

    /// Maximum size of a message of a method that needs a token.
    pub(crate) fn message_bytes(&self) -> u64 {
        u64::try_from(self.max_message_bytes.get()).unwrap_or(u64::MAX)
    }

    /// How long calls are accepted after health became `NOT_SERVING`.
    #[must_use]
    pub fn drain_delay(&self) -> Duration {
        Duration::from_millis(self.drain_delay_ms)
    }

    /// Maximum duration of a drain after its delay.
    #[must_use]
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_millis(self.drain_deadline_ms.get()).saturating_sub(self.drain_delay())
    }

    /// How long one side of a stream may be inactive.
    #[must_use]
    pub(crate) fn stalled_after(&self) -> Duration {
        Duration::from_secs(self.stalled_after_s.get())
    }

    /// Maximum duration of an answer.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        toml::from_str::<ServerSettings>(text).unwrap().check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_within_their_ranges() {
        assert_eq!(ServerSettings::default().check(), Ok(()));
    }

    #[test]
    fn a_limit_outside_its_range_is_named_with_what_was_found_and_expected() {
        for (text, said) in [
            ("undecoded_bytes = 16777215", "`server.undecoded_bytes` is 16777215; expected 16777216 to"),
            (
                "[connections]\nhandshake_ms = 99",
                "`server.connections.handshake_ms` is 99; expected 100 to 60000",
            ),
            ("[connections]\nfirst_request_ms = 9999", "is 9999; expected 10000 to 600000: at least"),
            ("max_connection_age_grace_s = 29", "`server.max_connection_age_grace_s` is 29; expected 30 to"),
            ("drain_delay_ms = 5001", "`server.drain_delay_ms` is 5001; expected 0 to 5000: at most half"),
            ("[connections]\nidle_s = 86401", "`server.connections.idle_s` is 86401; expected 1 to 86400"),
            ("[without_token]\ncalls_in_flight = 1025", "is 1025; expected 1 to 1024: at most"),
            ("[without_token]\ncalls_per_address = 65", "is 65; expected 1 to 64: at most a quarter"),
            ("[without_token]\nmessage_bytes = 4194305", "is 4194305; expected 1 to 4194304"),
            ("[without_token]\nmessage_timeout_ms = 60001", "is 60001; expected 100 to 60000"),
        ] {
            let message = refused(text);
            assert!(message.contains(said), "{text}: {message}");
        }
        for zero in
            ["connections = { idle_s = 0 }", "without_token = { message_bytes = 0 }", "undecoded_bytes = 0"]
        {
            assert!(toml::from_str::<ServerSettings>(zero).is_err(), "{zero}");
        }
    }
}
