//! Pages of a listing: number of rows, and the token of the next page. A token contains the position of the first page,
//! so that all pages show one snapshot, in any generation and on any server.
//!
//! A token grants nothing: the request is sent and checked again. The token is signed (HMAC-SHA-256) together with the
//! query and its caller, so that a forged, damaged or foreign token is refused instead of answered with other rows; and
//! it expires.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_domain::cra::{Question, Violation};
use cra_eventlog::Position;
use cra_private::{SecretBytes, SecretFileError};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use ring::hmac;
use ring::rand::SystemRandom;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::QueryError;
use crate::store::Description;

/// Default number of rows of a page.
const ROWS_DEFAULT: u32 = 50;
/// Maximum number of rows of a page.
pub const ROWS_MAX: u32 = 1_000;
/// Maximum size of a page: many clients refuse messages of more than 4 MiB.
pub const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Maximum length of a token; longer ones are refused unparsed.
const TOKEN_CHARS_MAX: usize = 512;
/// Length of an HMAC-SHA-256.
const SIGNATURE_BYTES: usize = 32;

/// The number of rows of a page.
pub fn rows(page_size: u32) -> Result<usize, Violation> {
    let size = if page_size == 0 { ROWS_DEFAULT } else { page_size };
    if size > ROWS_MAX {
        return Err(Violation::new("page_size", Question::PageSizeTooLarge { found: size, max: ROWS_MAX }));
    }
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// Start of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place<C> {
    /// The position that every page of the listing shows.
    pub position: Position,
    /// The first element.
    pub cursor: C,
}

/// Why page tokens cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The file of the secret is unusable.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The system gave no randomness.
    #[error("the system gave no randomness for the secret of page tokens")]
    Randomness,
}

/// Signs and verifies page tokens. Replicas with the same secret continue each other's listings.
#[derive(Clone)]
pub struct Signer {
    key: hmac::Key,
    lifetime: SignedDuration,
}

impl Signer {
    /// Signs with the secret of a file.
    pub fn with_secret_of(path: &Path, lifetime: SignedDuration) -> Result<Self, SignerError> {
        let secret = SecretBytes::read("page_tokens.secret_file", path)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose()), lifetime })
    }

    /// Signs with a secret of this process only.
    pub fn with_random_secret(lifetime: SignedDuration) -> Result<Self, SignerError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self { key: key.map_err(|_| SignerError::Randomness)?, lifetime })
    }

    /// Names the secret and the current half of a token's lifetime: a token of an equal period is valid.
    #[must_use]
    pub fn period(&self, now: Timestamp) -> Vec<u8> {
        let period = now.as_second() / (self.lifetime.as_secs() / 2).max(1);
        let named = [b"period ", &period.to_be_bytes()[..]].concat();
        hmac::sign(&self.key, &named).as_ref().to_vec()
    }
}

/// The signed content of a token.
#[derive(Serialize, Deserialize)]
struct Content<P> {
    place: P,
    /// Expiry, in seconds since 1970.
    ends_at: i64,
}

/// Identity of a listing for its tokens: query, caller, log and definitions.
#[derive(Clone)]
pub struct Listing {
    identity: Vec<u8>,
    signer: Signer,
}

impl Listing {
    /// The listing of a request, whose page size and token must have been removed. `owner` is the caller and its
    /// rights: equal texts mean equal callers.
    #[must_use]
    pub fn of<M: Message + prost::Name>(
        request: &M,
        description: &Description,
        owner: &str,
        signer: &Signer,
    ) -> Self {
        let asked = request.encode_to_vec();
        let parts = [
            M::NAME.as_bytes(),
            description.definitions.as_bytes(),
            description.log.0.as_bytes(),
            owner.as_bytes(),
            asked.as_slice(),
        ];
        let mut identity = Vec::new();
        for part in parts {
            identity.extend((part.len() as u64).to_be_bytes());
            identity.extend(part);
        }
        Self { identity, signer: signer.clone() }
    }

    /// A new page token.
    pub fn token<C: Serialize>(&self, place: &Place<C>, now: Timestamp) -> Result<String, QueryError> {
        let ends_at =
            now.saturating_add(self.signer.lifetime).map_err(|_| QueryError::Cancelled)?.as_second();
        let mut bytes =
            postcard::to_stdvec(&Content { place, ends_at }).map_err(|_| QueryError::Cancelled)?;
        let signature = hmac::sign(&self.signer.key, &self.signed(&bytes));
        bytes.extend_from_slice(signature.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Start of the page of a token; `None` for the first page.
    pub fn place<C: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Place<C>>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        let refused = |why: Question| Violation::new("page_token", why);
        let Content { place, ends_at } =
            self.read(token).ok_or_else(|| refused(Question::PageTokenInvalid))?;
        if ends_at <= now.as_second() {
            return Err(refused(Question::PageTokenExpired));
        }
        Ok(Some(place))
    }

    fn read<C: DeserializeOwned>(&self, token: &str) -> Option<Content<Place<C>>> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (content, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE_BYTES)?)?;
        // Constant time.
        hmac::verify(&self.signer.key, &self.signed(content), signature).ok()?;
        postcard::from_bytes(content).ok()
    }

    fn signed(&self, content: &[u8]) -> Vec<u8> {
        [&self.identity[..], content].concat()
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;
    use cra_eventlog::LogIdentity;

    use super::*;

    const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

    fn now() -> Timestamp {
        Timestamp::from_second(1_709_636_400).unwrap()
    }

    fn signer() -> Signer {
        Signer { key: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), lifetime: LIFETIME }
    }

    fn listing_of(request: &v1::ListCrasRequest, owner: &str, signer: &Signer) -> Listing {
        let log = LogIdentity("log".into());
        Listing::of(request, &Description { definitions: "1".into(), log, created_at: 0 }, owner, signer)
    }

    fn listing(request: &v1::ListCrasRequest) -> Listing {
        listing_of(request, "marie", &signer())
    }

    fn of_advisor(id: &str) -> v1::ListCrasRequest {
        let selection = v1::Selection { advisor_ids: vec![id.to_owned()], ..Default::default() };
        v1::ListCrasRequest { selection: Some(selection), ..Default::default() }
    }

    #[test]
    fn a_token_leads_to_its_page_only_in_its_listing() {
        let (own, other) = (listing(&of_advisor("a")), listing(&of_advisor("b")));
        let place = Place { position: Position(7), cursor: 40_u64 };
        let token = own.token(&place, now()).unwrap();
        assert_eq!(own.place(&token, now()).unwrap(), Some(place));
        assert_eq!(own.place::<u64>("", now()).unwrap(), None);
        assert!(other.place::<u64>(&token, now()).is_err());
    }

    #[test]
    fn a_token_is_valid_for_its_caller_wherever_the_secret_is_the_same() {
        let (request, place) = (of_advisor("a"), Place { position: Position(7), cursor: 40_u64 });
        let token = listing(&request).token(&place, now()).unwrap();
        let replica = listing_of(&request, "marie", &signer());
        assert_eq!(replica.place(&token, now()).unwrap(), Some(place));
        let another = Signer::with_random_secret(LIFETIME).unwrap();
        for stranger in [listing_of(&request, "paul", &signer()), listing_of(&request, "marie", &another)] {
            let refused = stranger.place::<u64>(&token, now()).unwrap_err();
            assert_eq!(refused.fault.reason(), "PAGE_TOKEN_INVALID");
        }
    }

    #[test]
    fn a_token_of_an_equal_period_is_valid() {
        let own = listing(&of_advisor("a"));
        let token = own.token(&Place { position: Position(7), cursor: 40_u64 }, now()).unwrap();
        let later = |seconds| now() + SignedDuration::from_secs(seconds);
        let equal = (0..7_200).filter(|seconds| signer().period(later(*seconds)) == signer().period(now()));
        let last = equal.max().unwrap();
        assert!(own.place::<u64>(&token, later(last)).is_ok(), "{last} s");
        let another = Signer::with_random_secret(LIFETIME).unwrap();
        assert_ne!(another.period(now()), signer().period(now()), "of another secret");
    }

    #[test]
    fn a_token_ends() {
        let own = listing(&of_advisor("a"));
        let token = own.token(&Place { position: Position(7), cursor: 40_u64 }, now()).unwrap();
        let at = |seconds| own.place::<u64>(&token, now() + SignedDuration::from_secs(seconds));
        assert!(at(3_599).is_ok());
        assert_eq!(at(3_600).unwrap_err().fault.reason(), "PAGE_TOKEN_EXPIRED");
    }

    #[test]
    fn a_token_with_any_changed_or_missing_character_is_refused() {
        let own = listing(&of_advisor("a"));
        let token = own.token(&Place { position: Position(300), cursor: 40_u64 }, now()).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(own.place::<u64>(&changed, now()).is_err(), "{changed}");
            assert!(own.place::<u64>(&token[..at], now()).is_ok_and(|place| place.is_none()) == (at == 0));
        }
        for garbage in ["é", "====", " ", &"A".repeat(10_000), &format!("{token}A"), &format!("{token}=")] {
            assert!(own.place::<u64>(garbage, now()).is_err(), "{garbage}");
        }
    }

    #[test]
    fn a_page_has_fifty_rows_by_default_and_at_most_a_thousand() {
        assert_eq!(rows(0).unwrap(), 50);
        assert_eq!(rows(1_000).unwrap(), 1_000);
        assert_eq!(rows(1_001).unwrap_err().fault.reason(), "PAGE_SIZE_TOO_LARGE");
    }
}
