//! Identity of callers: TLS, client certificates, bearer tokens, scopes and perimeters.
//!
//! A service opens its [`Identity`] from its settings before it listens. The shell admits a call only with what its row
//! in the service's table requires ([`access`]), and adds a [`Caller`] to the request; the handler checks the caller's
//! perimeter.

pub mod access;
mod caller;
mod certificates;
mod claim_names;
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
use tokio_util::sync::CancellationToken;
use tonic::Status;

pub use caller::{Caller, Callers, Scope, Scopes};
pub use claim_names::ClaimNames;
pub use claims::{Claims, Confirmation, OneOrMany, PerimeterClaim};
pub use keys::{Keys, KeysError};
pub use settings::{IdentitySettings, SettingsError, TlsSettings, TokenSettings};
pub use signing::{SigningError, SigningKey, key_set};
pub use tls::TlsError;
pub use tokens::TokensError;
pub use verification::{TokenRefused, verify};

use certificates::Verifiers;
pub(crate) use certificates::{ShownCertificate, hexadecimal};
use tokens::Tokens;
pub(crate) use tokens::Verified;

/// Why identity cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The settings are inconsistent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// Shared by all calls of a service without identity.
static ANYONE: LazyLock<Arc<Caller>> = LazyLock::new(|| Arc::new(Caller::anyone()));

/// The authentication of a service's callers; clones share it.
#[derive(Clone, Default)]
pub struct Identity {
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    /// Verifier of client certificates, if they are required.
    pub(crate) verifiers: Option<Verifiers>,
    tokens: Option<Arc<Tokens>>,
    tls_by_proxy: bool,
}

impl Identity {
    /// No authentication: anyone who can connect may do everything, so the service listens on loopback only.
    #[must_use]
    pub fn not_configured() -> Self {
        Self::default()
    }

    /// Reads certificates and keys as configured, and keeps them up to date while the result exists.
    pub async fn open(settings: &IdentitySettings) -> Result<Self, IdentityError> {
        settings.check()?;
        let (tls, verifiers) = match &settings.tls {
            Some(settings) => {
                let served = tls::open(settings.clone()).await?;
                (Some(served.config), served.verifiers)
            }
            None => (None, None),
        };
        let tokens = match &settings.tokens {
            Some(settings) => Some(Tokens::open(settings.clone()).await?),
            None => None,
        };
        Ok(Self { tls, verifiers, tokens, tls_by_proxy: settings.tls_by_proxy })
    }

    /// Whether tokens can currently be verified; `None` if no tokens are configured.
    pub(crate) fn keys_usable(&self) -> Option<watch::Receiver<bool>> {
        self.tokens.as_ref().map(|tokens| tokens.usable())
    }

    /// How handlers find their callers.
    #[must_use]
    pub fn callers(&self) -> Callers {
        if self.tokens.is_some() { Callers::Identified } else { Callers::Anyone }
    }

    /// What prevents listening beyond loopback.
    pub(crate) fn exposure(&self) -> Exposure {
        match (&self.tokens, self.tls.is_some() || self.tls_by_proxy) {
            (Some(_), true) => Exposure::None,
            (Some(_), false) => Exposure::TokensInClear,
            (None, _) => Exposure::AnyoneMayCall,
        }
    }

    /// The caller of a token; [`Caller::anyone`] if no tokens are configured.
    pub async fn caller(&self, token: Option<&str>) -> Result<Arc<Caller>, TokenRefused> {
        Ok(self.verified(token).await?.caller)
    }

    /// The same, with what ends the grant early.
    pub(crate) async fn verified(&self, token: Option<&str>) -> Result<Verified, TokenRefused> {
        match (&self.tokens, token) {
            (None, _) => Ok(Verified { caller: Arc::clone(&ANYONE), key_removed: CancellationToken::new() }),
            (Some(_), None) => Err(TokenRefused::Missing),
            (Some(tokens), Some(token)) => tokens.verified(token).await,
        }
    }

    /// Whether a token was verified before and has not expired, so that nothing needs to be computed.
    pub(crate) fn has_verified(&self, token: Option<&str>) -> bool {
        let known = self.tokens.as_ref().zip(token).map(|(tokens, token)| tokens.known(token));
        known.is_none_or(|known| matches!(known, Ok(Some(Ok(_)))))
    }

    /// Whether a call may still use a connection with this certificate.
    pub(crate) fn check_certificate(&self, shown: Option<&ShownCertificate>) -> Result<(), Status> {
        match (&self.verifiers, shown) {
            (Some(verifiers), Some(shown)) => shown.check(verifiers),
            _ => Ok(()),
        }
    }
}

/// What a service would expose beyond this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Nothing.
    None,
    /// Tokens could be read on the network.
    TokensInClear,
    /// Anyone who can connect could do everything.
    AnyoneMayCall,
}
