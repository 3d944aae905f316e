//! Binds the service's address before anything else is started, and keeps a service without authentication off the
//! network.
//!
//! Until [`Listener::open`] the system refuses connections, so that no caller waits for a service that is still
//! starting.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};

use crate::addresses::TrustedProxies;
use crate::clients::Bound;
use crate::connections::Source;
use crate::descriptors;
use crate::identity::{Callers, Exposure, Identity, IdentitySettings};
use crate::settings::ServerSettings;

/// Maximum number of connections that the system queues.
const BACKLOG: u32 = 1_024;

/// A bound address, not accepting yet.
pub struct Listener {
    socket: Socket,
    identity: Identity,
    address: SocketAddr,
    trusted_proxies: TrustedProxies,
}

enum Socket {
    /// Connections are refused.
    Bound(TcpSocket),
    /// Connections are queued until they are accepted.
    Open(TcpListener),
}

impl Socket {
    fn open(self, address: SocketAddr) -> Result<TcpListener, ListenError> {
        match self {
            Self::Bound(socket) => {
                socket.listen(BACKLOG).map_err(|source| ListenError::Bind { address, source })
            }
            Self::Open(listener) => Ok(listener),
        }
    }
}

impl Listener {
    /// The actual address: with port 0, the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How handlers find the callers of this listener.
    #[must_use]
    pub fn callers(&self) -> Callers {
        self.identity.callers()
    }

    /// Opens the port: new connections are queued until the service accepts them. Fails if another process has opened
    /// it since it was bound.
    pub fn open(self) -> Result<Self, ListenError> {
        Ok(Self { socket: Socket::Open(self.socket.open(self.address)?), ..self })
    }

    /// The source of connections and the identity of their callers; opens the port if necessary.
    pub(crate) fn into_source(self) -> Result<(Source, Identity), ListenError> {
        let Self { socket, identity, trusted_proxies, address } = self;
        let listener = socket.open(address)?;
        let tls = identity.tls.clone();
        let source = Source { listener, tls, callers: identity.callers(), trusted_proxies };
        Ok((source, identity))
    }
}

/// Settings of how callers reach a service.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// The address of the service.
    pub address: SocketAddr,
    /// How callers are known.
    pub identity: &'a IdentitySettings,
    /// Limits of connections and calls.
    pub server: &'a ServerSettings,
    /// Reverse proxies, whose addresses hide those of many callers.
    pub trusted_proxies: &'a TrustedProxies,
    /// Limits of the process that its clients share.
    pub shared: &'a [Bound],
}

impl Reach<'_> {
    /// Checks what can be checked before anything is opened; `descriptors` are the files of the process without those of
    /// callers.
    pub fn check(&self, descriptors: u64) -> anyhow::Result<()> {
        self.server.check()?;
        self.trusted_proxies.check()?;
        descriptors::check(descriptors, self.server)?;
        Ok(())
    }

    /// Reads the identity and binds the address. Where clients are known, the limits of one must leave room to others.
    pub async fn bind(&self) -> anyhow::Result<Listener> {
        let identity = Identity::open(self.identity).await.context("identity cannot be set up")?;
        let listener = bind(self.address, identity)?;
        if listener.callers() == Callers::Identified {
            self.server.per_client.check_shares(self.shared)?;
        }
        Ok(Listener { trusted_proxies: self.trusted_proxies.clone(), ..listener })
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address beyond loopback without identity.
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
    /// An address beyond loopback with tokens but without TLS.
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
        /// The system's error.
        source: io::Error,
    },
}

/// Binds `address`. Connections are refused until the listener is opened, or the service serves.
pub fn bind(address: SocketAddr, identity: Identity) -> Result<Listener, ListenError> {
    let on_loopback = address.ip().to_canonical().is_loopback();
    match identity.exposure() {
        Exposure::AnyoneMayCall if !on_loopback => return Err(ListenError::Exposed { address }),
        Exposure::TokensInClear if !on_loopback => return Err(ListenError::InClear { address }),
        Exposure::AnyoneMayCall | Exposure::TokensInClear | Exposure::None => {}
    }
    let refused = |source| ListenError::Bind { address, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(refused)?;
    // As tokio's own listener: allows a port whose last connections are still closing.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true).map_err(refused)?;
    socket.bind(address).map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    match identity.callers() {
        Callers::Anyone => {
            tracing::warn!(%address, "no identity is configured: listening on loopback only, every caller may do everything");
        }
        Callers::Identified => tracing::info!(%address, "listening for callers with tokens"),
    }
    Ok(Listener {
        socket: Socket::Bound(socket),
        identity,
        address,
        trusted_proxies: TrustedProxies::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{SigningKey, key_set};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn refused(text: &str, identity: Identity) -> ListenError {
        bind(address(text), identity).err().unwrap()
    }

    #[tokio::test]
    async fn without_identity_only_loopback_addresses_are_accepted() {
        for exposed in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7070", "[::ffff:192.0.2.1]:7070"] {
            let refused = refused(exposed, Identity::not_configured());
            assert!(matches!(refused, ListenError::Exposed { .. }), "{exposed}: {refused}");
            assert!(refused.to_string().contains("no identity is configured"));
            assert!(refused.to_string().contains("127.0.0.1:"));
        }
        for loopback in ["127.0.0.1:0", "127.8.9.10:0", "[::ffff:127.0.0.1]:0"] {
            assert!(bind(address(loopback), Identity::not_configured()).is_ok(), "{loopback}");
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
        assert!(bind(address("0.0.0.0:0"), open("tls_by_proxy = true").await).is_ok());
        assert!(bind(address("127.0.0.1:0"), open("").await).is_ok());
        let in_clear = refused("0.0.0.0:0", open("").await);
        assert!(matches!(in_clear, ListenError::InClear { .. }), "{in_clear}");
    }

    #[tokio::test]
    async fn port_zero_is_reported_as_the_port_the_system_chose_and_a_taken_port_is_an_error() {
        let listener = bind(address("127.0.0.1:0"), Identity::not_configured()).unwrap();
        assert_ne!(listener.address().port(), 0);
        assert!(std::net::TcpStream::connect(listener.address()).is_err(), "it is not open yet");
        let listener = listener.open().unwrap();
        assert!(std::net::TcpStream::connect(listener.address()).is_ok());
        let taken = refused(&listener.address().to_string(), Identity::not_configured());
        assert!(matches!(taken, ListenError::Bind { .. }));
        assert!(taken.to_string().contains(&listener.address().to_string()));
    }
}
