//! Who calls: TLS, certificates of callers, bearer tokens, scopes and perimeters.
//!
//! A service opens its [`Identity`] from its settings before it listens. The shell then admits a call only with what
//! its row of the service's table needs ([`access`]), and puts a [`Caller`] into the request; the handler asks the
//! caller's perimeter. Nothing here knows what a call does.

pub mod access;
mod caller;
mod claims;
mod crypto;
mod key_source;
mod keys;
mod settings;
mod signing;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod verification;

use std::sync::{Arc, LazyLock};

use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

pub use caller::{Caller, Callers, Scope, Scopes};
pub use claims::{Claims, OneOrMany, PerimeterClaim};
pub use keys::{Keys, KeysError};
pub use settings::{IdentitySettings, SettingsError, TlsSettings, TokenSettings};
pub use signing::{SigningError, SigningKey, key_set};
pub use tls::TlsError;
pub use tokens::TokensError;
pub use verification::{TokenRefused, verify};

use tokens::Tokens;

/// Why identity cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// One for all the calls of a service without identity.
static ANYONE: LazyLock<Arc<Caller>> = LazyLock::new(|| Arc::new(Caller::anyone()));

/// Whether and how a service knows who is calling; clones share it.
#[derive(Clone, Default)]
pub struct Identity {
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    tokens: Option<Arc<Tokens>>,
    tls_by_proxy: bool,
}

impl Identity {
    /// Nobody is known: anyone who can connect may do anything, so a service listens on loopback only.
    #[must_use]
    pub fn not_configured() -> Self {
        Self::default()
    }

    /// Reads certificates and keys as configured, and keeps them fresh while the result is held.
    pub async fn open(settings: &IdentitySettings) -> Result<Self, IdentityError> {
        settings.check()?;
        let tls = match &settings.tls {
            Some(settings) => Some(tls::open(settings.clone()).await?),
            None => None,
        };
        let tokens = match &settings.tokens {
            Some(settings) => Some(Tokens::open(settings.clone()).await?),
            None => None,
        };
        Ok(Self { tls, tokens, tls_by_proxy: settings.tls_by_proxy })
    }

    /// Where handlers find their callers.
    #[must_use]
    pub fn callers(&self) -> Callers {
        if self.tokens.is_some() { Callers::Identified } else { Callers::Anyone }
    }

    /// What keeps it from listening beyond loopback.
    pub(crate) fn exposure(&self) -> Exposure {
        match (&self.tokens, self.tls.is_some() || self.tls_by_proxy) {
            (Some(_), true) => Exposure::None,
            (Some(_), false) => Exposure::TokensInClear,
            (None, _) => Exposure::AnyoneMayCall,
        }
    }

    /// The caller of a token; [`Caller::anyone`] where no tokens are configured.
    pub async fn caller(&self, token: Option<&str>) -> Result<Arc<Caller>, TokenRefused> {
        match (&self.tokens, token) {
            (None, _) => Ok(Arc::clone(&ANYONE)),
            (Some(_), None) => Err(TokenRefused::Missing),
            (Some(tokens), Some(token)) => tokens.caller(token).await,
        }
    }
}

/// What a service would expose beyond this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Nothing.
    None,
    /// Whoever listens on the way could take the tokens.
    TokensInClear,
    /// Whoever connects could do everything.
    AnyoneMayCall,
}
