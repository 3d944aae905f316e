//! Who calls and what is granted: one type, made once per request from a verified token and found in the request's
//! extensions by every handler.
//!
//! Does not verify anything, and does not know which call needs what: see [`super::access`].

use std::sync::Arc;

use cra_domain::perimeter::Perimeter;
use jiff::Timestamp;
use tonic::{Request, Status};

use crate::rejection::{INTERNAL, Rejection};

/// A right that a token grants; the words of its `scope` claim.
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
    /// `statistics:public`: the figures that anybody may see, of the whole country.
    PublicStatistics,
    /// `operations`: run the projection.
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

    /// The scope of a word; none of a word that means nothing here.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every right there is.
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

/// Who calls, and what is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The platform that calls; empty where no identity is configured.
    pub client_id: String,
    /// The person or service account it calls for; empty where the token names none.
    pub subject: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Which CRAs it may do it with.
    pub perimeter: Perimeter,
    /// Id of the token, as far as it has one; clipped.
    pub token_id: String,
    /// SHA-256 of the certificate that the caller must show with the token, where it is bound to one.
    pub certificate: Option<[u8; 32]>,
    /// When the grant ends, by this process's clock; never where no identity is configured.
    pub expires_at: Option<Timestamp>,
}

impl Caller {
    /// Whoever calls a service without identity, which listens on loopback only: everything is granted.
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

    /// Whoever calls what needs no token of a service with identity: nothing is granted.
    #[must_use]
    pub fn nobody() -> Self {
        Self { scopes: Scopes::default(), perimeter: Perimeter::default(), ..Self::anyone() }
    }

    /// Whether the scope is granted.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// Whether figures are granted as `statistics:public` only: those that may be published, and no others. Small
    /// counts are hidden from such a caller.
    #[must_use]
    pub fn sees_public_statistics_only(&self) -> bool {
        !self.may(Scope::Statistics) && self.may(Scope::PublicStatistics)
    }
}

/// Where a service finds its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// No identity is configured: a request that says nothing comes from [`Caller::anyone`].
    Anyone,
    /// The shell puts a caller into each request; one without is a fault, and refused.
    Identified,
}

impl Callers {
    /// Who sent a request.
    pub fn of<T>(self, request: &Request<T>) -> Result<Arc<Caller>, Status> {
        match (self, request.extensions().get::<Arc<Caller>>()) {
            (_, Some(caller)) => Ok(Arc::clone(caller)),
            (Self::Anyone, None) => Ok(Arc::new(Caller::anyone())),
            (Self::Identified, None) => {
                tracing::error!("a request reached its handler without a caller");
                Err(Rejection::new(INTERNAL, "a fault of the service; its log says more").into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_held_only_if_it_is_named() {
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
    fn a_request_without_a_caller_is_anybodys_only_where_no_identity_is_configured() {
        let bare = Request::new(());
        assert_eq!(*Callers::Anyone.of(&bare).unwrap(), Caller::anyone());
        assert!(Callers::Identified.of(&bare).is_err());
    }

    #[test]
    fn public_statistics_are_all_one_sees_only_without_the_others() {
        let caller =
            |scopes: &[Scope]| Caller { scopes: scopes.iter().copied().collect(), ..Caller::anyone() };
        assert!(caller(&[Scope::PublicStatistics]).sees_public_statistics_only());
        assert!(caller(&[Scope::PublicStatistics, Scope::Read]).sees_public_statistics_only());
        assert!(!caller(&[Scope::PublicStatistics, Scope::Statistics]).sees_public_statistics_only());
        assert!(!Caller::anyone().sees_public_statistics_only());
    }
}
