//! Binds the address a service listens on, before anything else is started, and keeps a service that cannot
//! tell who is calling off the network.
//!
//! Does not accept connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::addresses::TrustedProxies;
use crate::connections::Source;
use crate::identity::{Callers, Exposure, Identity};

/// A bound address, not yet accepting.
pub struct Listener {
    socket: TcpListener,
    identity: Identity,
    address: SocketAddr,
    trusted_proxies: TrustedProxies,
}

impl Listener {
    /// The address really bound: with port 0 in the configuration, the port the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where handlers find the callers of what comes in here.
    #[must_use]
    pub fn callers(&self) -> Callers {
        self.identity.callers()
    }

    /// Behind proxies, whose addresses are those of many callers.
    #[must_use]
    pub fn behind(self, trusted_proxies: TrustedProxies) -> Self {
        Self { trusted_proxies, ..self }
    }

    /// What accepts connections, and who their callers are.
    pub(crate) fn into_source(self) -> (Source, Identity) {
        let Self { socket, identity, trusted_proxies, .. } = self;
        let source = Source {
            listener: socket,
            tls: identity.tls.clone(),
            callers: identity.callers(),
            trusted_proxies,
        };
        (source, identity)
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Beyond loopback without identity.
    #[error(
        "refusing to listen on {address}: no identity is configured; without `identity.tokens`, anyone who reaches \
         this address could read and write everything; listen on a loopback address such as 127.0.0.1:{} or [::1]:{}, with a proxy \
         that authenticates callers on the same machine if others must reach it",
        address.port(), address.port()
    )]
    Exposed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Beyond loopback with tokens but without TLS.
    #[error(
        "refusing to listen on {address}: tokens would cross the network in clear; configure `identity.tls`, or, where \
         TLS ends at a proxy in front that alone can reach this address, `identity.tls_by_proxy`"
    )]
    InClear {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system refused the address.
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen, CRA_LISTEN or `listen` in \
         the configuration file"
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Binds `address`, or says why not. Connections made from now on wait until the service accepts them.
pub async fn bind(address: SocketAddr, identity: Identity) -> Result<Listener, ListenError> {
    let on_loopback = address.ip().to_canonical().is_loopback();
    match identity.exposure() {
        Exposure::AnyoneMayCall if !on_loopback => return Err(ListenError::Exposed { address }),
        Exposure::TokensInClear if !on_loopback => return Err(ListenError::InClear { address }),
        Exposure::AnyoneMayCall | Exposure::TokensInClear | Exposure::None => {}
    }
    let refused = |source| ListenError::Bind { address, source };
    let socket = TcpListener::bind(address).await.map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    match identity.callers() {
        Callers::Anyone => {
            tracing::warn!(%address, "no identity is configured: listening on loopback only, every caller may do everything");
        }
        Callers::Identified => tracing::info!(%address, "listening for callers with tokens"),
    }
    Ok(Listener { socket, identity, address, trusted_proxies: TrustedProxies::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{SigningKey, key_set};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    async fn refused(text: &str, identity: Identity) -> ListenError {
        bind(address(text), identity).await.err().unwrap()
    }

    #[tokio::test]
    async fn without_identity_only_loopback_addresses_are_accepted() {
        for exposed in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7070", "[::ffff:192.0.2.1]:7070"] {
            let refused = refused(exposed, Identity::not_configured()).await;
            assert!(matches!(refused, ListenError::Exposed { .. }), "{exposed}: {refused}");
            assert!(refused.to_string().contains("no identity is configured"));
            assert!(refused.to_string().contains("127.0.0.1:"));
        }
        for loopback in ["127.0.0.1:0", "127.8.9.10:0", "[::ffff:127.0.0.1]:0"] {
            assert!(bind(address(loopback), Identity::not_configured()).await.is_ok(), "{loopback}");
        }
    }

    #[tokio::test]
    async fn with_tokens_and_tls_any_address_is_accepted_and_with_tokens_in_clear_loopback_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        std::fs::write(&file, key_set(&[&SigningKey::generate_ed25519().unwrap()]).to_string()).unwrap();
        let open = async |rest: &str| {
            let tokens = format!("[tokens]\nissuer = \"i\"\naudience = \"a\"\njwks_file = {file:?}");
            Identity::open(&toml::from_str(&format!("{rest}\n{tokens}")).unwrap()).await.unwrap()
        };
        assert!(bind(address("0.0.0.0:0"), open("tls_by_proxy = true").await).await.is_ok());
        assert!(bind(address("127.0.0.1:0"), open("").await).await.is_ok());
        let in_clear = refused("0.0.0.0:0", open("").await).await;
        assert!(matches!(in_clear, ListenError::InClear { .. }), "{in_clear}");
    }

    #[tokio::test]
    async fn port_zero_is_reported_as_the_port_the_system_chose_and_a_taken_port_is_an_error() {
        let listener = bind(address("127.0.0.1:0"), Identity::not_configured()).await.unwrap();
        assert_ne!(listener.address().port(), 0);
        let taken = refused(&listener.address().to_string(), Identity::not_configured()).await;
        assert!(matches!(taken, ListenError::Bind { .. }));
        assert!(taken.to_string().contains(&listener.address().to_string()));
    }
}
