//! The caller and its rights: built once per request from a verified token, and found in the request's extensions by
//! every handler.
//!
//! Verification is in [`super::verification`]; what a call needs, in [`super::access`].

use std::sync::Arc;

use cra_domain::perimeter::Perimeter;
use jiff::Timestamp;
use tonic::{Request, Status};

use crate::rejection::{INTERNAL, Rejection};

/// A right that a token grants; a word of its `scope` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `cra:submit`: record new CRAs.
    Submit,
    /// `cra:correct`: correct and withdraw CRAs.
    Correct,
    /// `cra:import`: record CRAs of older forms.
    Import,
    /// `cra:read`: read the CRAs themselves.
    Read,
    /// `statistics:read`: every figure of the perimeter.
    Statistics,
    /// `statistics:public`: the figures of the whole country that are public.
    PublicStatistics,
    /// `operations`: operate the projection.
    Operations,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 7] = [
        Self::Submit,
        Self::Correct,
        Self::Import,
        Self::Read,
        Self::Statistics,
        Self::PublicStatistics,
        Self::Operations,
    ];

    /// The word of the claim.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submit => "cra:submit",
            Self::Correct => "cra:correct",
            Self::Import => "cra:import",
            Self::Read => "cra:read",
            Self::Statistics => "statistics:read",
            Self::PublicStatistics => "statistics:public",
            Self::Operations => "operations",
        }
    }

    /// The scope with this word; `None` for an unknown word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All rights.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether the scope is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u8))
    }
}

/// The caller and its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The calling platform; empty if no identity is configured.
    pub client_id: String,
    /// The person or service account it acts for; empty if the token names none.
    pub subject: String,
    /// The granted scopes.
    pub scopes: Scopes,
    /// The CRAs that they apply to.
    pub perimeter: Perimeter,
    /// Id of the token, if it has one; truncated.
    pub token_id: String,
    /// SHA-256 of the certificate that the token is bound to, if any.
    pub certificate: Option<[u8; 32]>,
    /// When the grant expires, by this process's clock; `None` if no identity is configured.
    pub expires_at: Option<Timestamp>,
}

impl Caller {
    /// The caller of a service without identity, which listens on loopback only: everything is granted.
    #[must_use]
    pub fn anyone() -> Self {
        Self {
            client_id: String::new(),
            subject: String::new(),
            scopes: Scopes::ALL,
            perimeter: Perimeter::National,
            token_id: String::new(),
            certificate: None,
            expires_at: None,
        }
    }

    /// The caller of a method without a token, on a service with identity: nothing is granted.
    #[must_use]
    pub fn unknown() -> Self {
        Self { scopes: Scopes::default(), perimeter: Perimeter::default(), ..Self::anyone() }
    }

    /// Whether the scope is granted.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// Whether only public figures are granted (`statistics:public`). Small counts are hidden from such a caller.
    #[must_use]
    pub fn sees_public_statistics_only(&self) -> bool {
        !self.may(Scope::Statistics) && self.may(Scope::PublicStatistics)
    }
}

/// How a service finds its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// No identity is configured: a request without a caller is from [`Caller::anyone`].
    Anyone,
    /// The shell adds the caller to each request; a request without one is a bug, and refused.
    Identified,
}

impl Callers {
    /// The caller of a request.
    pub fn of<T>(self, request: &Request<T>) -> Result<Arc<Caller>, Status> {
        match (self, request.extensions().get::<Arc<Caller>>()) {
            (_, Some(caller)) => Ok(Arc::clone(caller)),
            (Self::Anyone, None) => Ok(Arc::new(Caller::anyone())),
            (Self::Identified, None) => {
                tracing::error!("a request reached its handler without a caller");
                Err(Rejection::new(INTERNAL, "internal error; see the service log").into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_granted_only_if_it_is_named() {
        for one in Scope::ALL {
            let scopes: Scopes = [one].into_iter().collect();
            for other in Scope::ALL {
                assert_eq!(scopes.has(other), one == other, "{one:?}, {other:?}");
                assert!(Scopes::ALL.has(other));
            }
            assert_eq!(Scope::from_name(one.name()), Some(one));
        }
        assert_eq!(Scope::from_name("cra:everything"), None);
    }

    #[test]
    fn a_request_without_a_caller_is_accepted_only_without_identity() {
        let bare = Request::new(());
        assert_eq!(*Callers::Anyone.of(&bare).unwrap(), Caller::anyone());
        assert!(Callers::Identified.of(&bare).is_err());
    }

    #[test]
    fn statistics_public_applies_only_without_other_scopes() {
        let caller =
            |scopes: &[Scope]| Caller { scopes: scopes.iter().copied().collect(), ..Caller::anyone() };
        assert!(caller(&[Scope::PublicStatistics]).sees_public_statistics_only());
        assert!(caller(&[Scope::PublicStatistics, Scope::Read]).sees_public_statistics_only());
        assert!(!caller(&[Scope::PublicStatistics, Scope::Statistics]).sees_public_statistics_only());
        assert!(!Caller::anyone().sees_public_statistics_only());
    }
}
