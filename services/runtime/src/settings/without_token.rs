//! Settings of calls that need no token: the table `[server.without_token]`.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of calls that need no token: the table `[server.without_token]`. None may be zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WithoutTokenLimits {
    /// Maximum concurrent calls and streams of all callers; at most `server.concurrent_connections`, so that some
    /// connections are always left for others.
    pub calls_in_flight: NonZeroU32,
    /// Maximum concurrent calls of one IPv4 address or one IPv6 /64, if identity is configured; at most a quarter of
    /// `calls_in_flight`.
    pub calls_per_address: NonZeroU32,
    /// Maximum size of a message; at most `server.max_message_bytes`.
    pub message_bytes: NonZeroU32,
    /// Maximum duration of receiving one message; 100 to 60,000.
    pub message_timeout_ms: NonZeroU32,
}

impl Default for WithoutTokenLimits {
    fn default() -> Self {
        Self {
            calls_in_flight: const { NonZeroU32::new(256).unwrap() },
            calls_per_address: const { NonZeroU32::new(32).unwrap() },
            message_bytes: const { NonZeroU32::new(4 * 1_024).unwrap() },
            message_timeout_ms: const { NonZeroU32::new(10_000).unwrap() },
        }
    }
}

impl WithoutTokenLimits {
    /// Maximum duration of receiving one message.
    pub(crate) fn message_timeout(&self) -> Duration {
        Duration::from_millis(self.message_timeout_ms.get().into())
    }
}
