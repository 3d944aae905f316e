//! Settings of connections before a token is verified: the table `[server.connections]`.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Limits of each connection, and of the connections of one address. None may be zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionLimits {
    /// Maximum concurrent connections of one IPv4 address or one IPv6 /64, if identity is configured; further ones are
    /// closed. Does not apply to proxies of `limits.trusted_proxies`. At most `server.concurrent_connections`.
    pub per_address: NonZeroU32,
    /// From the accept to the end of the TLS handshake and the first 24 bytes above it; 100 to 60,000.
    pub handshake_ms: NonZeroU32,
    /// From the accept to the first request; from `handshake_ms` to 600,000. Then the connection is asked to close (GOAWAY).
    pub first_request_ms: NonZeroU32,
    /// Time without an open call after which the connection is asked to close (GOAWAY); 1 to 86,400.
    pub idle_s: NonZeroU32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            per_address: const { NonZeroU32::new(128).unwrap() },
            handshake_ms: const { NonZeroU32::new(10_000).unwrap() },
            first_request_ms: const { NonZeroU32::new(30_000).unwrap() },
            idle_s: const { NonZeroU32::new(300).unwrap() },
        }
    }
}
