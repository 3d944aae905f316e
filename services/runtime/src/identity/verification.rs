//! Verifies one token with one set of keys: signature, issuer, audience, times, claims. Stateless; keys are refreshed
//! and results cached in [`super::tokens`].

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use tonic::{Code, Status};

use super::caller::Caller;
use super::claim_names::Unambiguous;
use super::keys::{Key, Keys};
use super::settings::TokenSettings;
use crate::rejection::{Rejection, Retry, Row};

/// Maximum length of a token, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The call has no token.
    #[error("missing bearer token (`authorization: Bearer …`)")]
    Missing,
    /// It was not issued in this form, or not for this service.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// It has expired.
    #[error("the token has expired; get a new one")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet; check the clocks")]
    NotYet,
    /// The issuer's key set no longer contains its key.
    #[error("the issuer has withdrawn the key that signed the token; get a new one")]
    KeyRemoved,
    /// It is bound to a certificate that the connection does not have.
    #[error("the token is not valid: it is bound to a client certificate that this connection does not use")]
    OtherCertificate,
    /// The issuer's keys are unavailable.
    #[error("the keys of the token's issuer are unavailable; retry later")]
    KeysUnavailable,
}

impl TokenRefused {
    /// Whether an invalid token was presented.
    pub(crate) fn is_a_failure(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Expired | Self::NotYet | Self::KeyRemoved | Self::OtherCertificate => {
                true
            }
            Self::Missing | Self::KeysUnavailable => false,
        }
    }

    fn row(&self) -> Row {
        let row = |reason| Row { code: Code::Unauthenticated, reason, retry: Retry::Never };
        match self {
            Self::Missing => row("TOKEN_REQUIRED"),
            Self::Invalid(_) | Self::KeyRemoved | Self::OtherCertificate => row("TOKEN_INVALID"),
            Self::Expired => row("TOKEN_EXPIRED"),
            Self::NotYet => row("TOKEN_NOT_YET_VALID"),
            Self::KeysUnavailable => {
                Row { code: Code::Unavailable, reason: "KEYS_UNAVAILABLE", retry: Retry::AfterMs(1_000) }
            }
        }
    }
}

impl From<TokenRefused> for Status {
    fn from(refused: TokenRefused) -> Self {
        Rejection::new(refused.row(), refused.to_string()).into()
    }
}

/// The caller of a token, by these keys only.
pub fn verify(token: &str, keys: &Keys, settings: &TokenSettings) -> Result<Caller, TokenRefused> {
    let id = key_id(token, settings)?;
    verify_with(key_of(keys, id.as_deref())?, token, settings)
}

/// The key id that a token claims, if any; not verified yet. The header must be acceptable.
pub(super) fn key_id(token: &str, settings: &TokenSettings) -> Result<Option<String>, TokenRefused> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenRefused::Invalid(format!("it is longer than {TOKEN_BYTES_MAX} bytes")));
    }
    let header = decode_header(token).map_err(|error| refused(error.kind()))?;
    if header.crit.is_some() {
        return Err(TokenRefused::Invalid("its header requires an unknown extension".to_owned()));
    }
    let kind = header.typ.as_deref().unwrap_or("JWT");
    if !settings.token_types.iter().any(|known| is_same_type(known, kind)) {
        let known = settings.token_types.join(", ");
        return Err(TokenRefused::Invalid(format!("its `typ` is none of {known}")));
    }
    Ok(header.kid)
}

/// Media types are compared case-insensitively, and `application/` may be omitted (RFC 7515, 4.1.9).
fn is_same_type(one: &str, other: &str) -> bool {
    fn short(kind: &str) -> &str {
        const LEFT_OUT: &str = "application/";
        match kind.split_at_checked(LEFT_OUT.len()) {
            Some((front, rest)) if front.eq_ignore_ascii_case(LEFT_OUT) => rest,
            _ => kind,
        }
    }
    short(one).eq_ignore_ascii_case(short(other))
}

pub(super) fn key_of<'a>(keys: &'a Keys, id: Option<&str>) -> Result<&'a Key, TokenRefused> {
    keys.find(id).ok_or_else(|| TokenRefused::Invalid("no key of the issuer has its `kid`".to_owned()))
}

/// The caller of a token that this key signed.
pub(super) fn verify_with(key: &Key, token: &str, settings: &TokenSettings) -> Result<Caller, TokenRefused> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "exp"]);
    validation.leeway = settings.clock_skew_s.into();
    validation.validate_nbf = true;
    let token =
        decode::<Unambiguous>(token, &key.decoding, &validation).map_err(|error| refused(error.kind()))?;
    let unreadable =
        |_| TokenRefused::Invalid("a claim about the caller or its rights has an unexpected form".to_owned());
    let claims = settings.claims.read(token.claims).map_err(unreadable)?;
    let lifetime_max = SignedDuration::from_secs(settings.lifetime_max_s.get().into());
    if claims.outlives(lifetime_max, Timestamp::now()) {
        let max = lifetime_max.as_secs();
        return Err(TokenRefused::Invalid(format!(
            "its lifetime exceeds {max} s; get one with a shorter lifetime"
        )));
    }
    let clock_skew = SignedDuration::from_secs(settings.clock_skew_s.into());
    claims.caller(clock_skew).map_err(TokenRefused::Invalid)
}

/// The fault, without the library's text, which may quote the token.
fn refused(kind: &ErrorKind) -> TokenRefused {
    let invalid = |what: &str| TokenRefused::Invalid(what.to_owned());
    match kind {
        ErrorKind::ExpiredSignature => TokenRefused::Expired,
        ErrorKind::ImmatureSignature => TokenRefused::NotYet,
        ErrorKind::InvalidAudience => invalid("it is for another audience"),
        ErrorKind::InvalidIssuer => invalid("it is from another issuer"),
        ErrorKind::InvalidSignature => invalid("its signature is invalid"),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            invalid("its algorithm is not that of the key")
        }
        ErrorKind::MissingRequiredClaim(claim) => TokenRefused::Invalid(format!("it has no `{claim}`")),
        _ => invalid("it cannot be read"),
    }
}
