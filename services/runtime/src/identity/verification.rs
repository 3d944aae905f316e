//! One token against one set of keys: signature, issuer, audience, times, claims. Decides and keeps nothing; who asks
//! for keys, and remembers what was verified, is [`super::tokens`].

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use tonic::{Code, Status};

use super::caller::Caller;
use super::claim_names::Unambiguous;
use super::keys::{Key, Keys};
use super::settings::TokenSettings;
use crate::rejection::{Rejection, Retry, Row};

/// Longer ones are not looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The call carries none.
    #[error("this call needs a token, as `authorization: Bearer …`")]
    Missing,
    /// It was not issued so, or not for this service.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// It has ended.
    #[error("the token has expired; get a new one")]
    Expired,
    /// It has not begun.
    #[error("the token is not valid yet; check the clocks")]
    NotYet,
    /// The key that signed it is no key of the issuer's any more.
    #[error("the issuer has withdrawn the key that signed the token; get a new one")]
    KeyRemoved,
    /// It is of use with one certificate, and the connection shows another or none.
    #[error("the token is not valid: it is bound to a client certificate that this connection does not show")]
    OtherCertificate,
    /// The issuer's keys are not known.
    #[error("the keys of the token's issuer cannot be had; try again")]
    KeysUnavailable,
}

impl TokenRefused {
    /// Whether somebody showed a token that does not hold.
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

/// The caller that a token stands for, by these keys alone.
pub fn verify(token: &str, keys: &Keys, settings: &TokenSettings) -> Result<Caller, TokenRefused> {
    let id = key_id(token, settings)?;
    verify_with(key_of(keys, id.as_deref())?, token, settings)
}

/// The key that a token names, if it names one; whether that is true is not known yet. The header must be one that is
/// taken here.
pub(super) fn key_id(token: &str, settings: &TokenSettings) -> Result<Option<String>, TokenRefused> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenRefused::Invalid(format!("it is longer than {TOKEN_BYTES_MAX} bytes")));
    }
    let header = decode_header(token).map_err(|error| refused(error.kind()))?;
    if header.crit.is_some() {
        return Err(TokenRefused::Invalid("its header asks for what is not known here".to_owned()));
    }
    let kind = header.typ.as_deref().unwrap_or("JWT");
    if !settings.token_types.iter().any(|known| is_same_type(known, kind)) {
        let known = settings.token_types.join(", ");
        return Err(TokenRefused::Invalid(format!("its `typ` is none of {known}")));
    }
    Ok(header.kid)
}

/// Media types are compared without regard to case, and `application/` may be left out (RFC 7515, 4.1.9).
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

/// The key of a token that names it so.
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
    let unreadable = |_| TokenRefused::Invalid("a claim that grants or names has another form".to_owned());
    let claims = settings.claims.read(token.claims).map_err(unreadable)?;
    let lifetime_max = SignedDuration::from_secs(settings.lifetime_max_s.get().into());
    if claims.outlives(lifetime_max, Timestamp::now()) {
        let max = lifetime_max.as_secs();
        return Err(TokenRefused::Invalid(format!("it is granted for more than {max} s; get one for less")));
    }
    let clock_skew = SignedDuration::from_secs(settings.clock_skew_s.into());
    claims.caller(clock_skew).map_err(TokenRefused::Invalid)
}

/// What is wrong, without the library's own text, which may quote the token.
fn refused(kind: &ErrorKind) -> TokenRefused {
    let invalid = |what: &str| TokenRefused::Invalid(what.to_owned());
    match kind {
        ErrorKind::ExpiredSignature => TokenRefused::Expired,
        ErrorKind::ImmatureSignature => TokenRefused::NotYet,
        ErrorKind::InvalidAudience => invalid("it is for another audience"),
        ErrorKind::InvalidIssuer => invalid("another issuer made it"),
        ErrorKind::InvalidSignature => invalid("its signature does not fit"),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            invalid("its algorithm is not the one of the key")
        }
        ErrorKind::MissingRequiredClaim(claim) => TokenRefused::Invalid(format!("it has no `{claim}`")),
        _ => invalid("it cannot be read"),
    }
}
