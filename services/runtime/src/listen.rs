//! Binds the address a service listens on, before anything else is started, and keeps a service that cannot
//! tell who is calling off the network.
//!
//! Identity (TLS, bearer tokens) is not built yet: until then every service passes
//! [`Identity::NotConfigured`] and only loopback addresses are accepted. Does not accept connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Whether the service knows who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Callers are authenticated: any address may be listened on.
    Configured,
    /// Anyone who can connect may do anything: loopback only.
    NotConfigured,
}

/// A bound address, not yet accepting.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// The address really bound: with port 0 in the configuration, the port the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Beyond loopback without identity.
    #[error(
        "refusing to listen on {address}: no identity is configured, so anyone who reaches this address could \
         read and write everything; listen on a loopback address such as 127.0.0.1:{} or [::1]:{}, with a proxy \
         that authenticates callers on the same machine if others must reach it",
        address.port(), address.port()
    )]
    Exposed {
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
    if identity == Identity::NotConfigured && !on_loopback {
        return Err(ListenError::Exposed { address });
    }
    let refused = |source| ListenError::Bind { address, source };
    let socket = TcpListener::bind(address).await.map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    if identity == Identity::NotConfigured {
        tracing::warn!(%address, "no identity is configured: listening on loopback only, every caller may do everything");
    }
    Ok(Listener { socket, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn without_identity_only_loopback_addresses_are_accepted() {
        for exposed in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7070", "[::ffff:192.0.2.1]:7070"] {
            let refused = bind(address(exposed), Identity::NotConfigured).await.unwrap_err();
            assert!(matches!(refused, ListenError::Exposed { .. }), "{exposed}: {refused}");
            assert!(refused.to_string().contains("no identity is configured"));
            assert!(refused.to_string().contains("127.0.0.1:"));
        }
        for loopback in ["127.0.0.1:0", "127.8.9.10:0", "[::ffff:127.0.0.1]:0"] {
            assert!(bind(address(loopback), Identity::NotConfigured).await.is_ok(), "{loopback}");
        }
    }

    #[tokio::test]
    async fn with_identity_any_address_is_accepted() {
        assert!(bind(address("0.0.0.0:0"), Identity::Configured).await.is_ok());
    }

    #[tokio::test]
    async fn port_zero_is_reported_as_the_port_the_system_chose_and_a_taken_port_is_an_error() {
        let listener = bind(address("127.0.0.1:0"), Identity::NotConfigured).await.unwrap();
        assert_ne!(listener.address().port(), 0);
        let taken = bind(listener.address(), Identity::NotConfigured).await.unwrap_err();
        assert!(matches!(taken, ListenError::Bind { .. }));
        assert!(taken.to_string().contains(&listener.address().to_string()));
    }
}
