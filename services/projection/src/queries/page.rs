//! Pages of a listing: how many rows, and the token that leads to the next ones. A token says at which position the
//! first page stood, so that all pages show one snapshot, in whichever generation and on whichever server.
//!
//! A token grants nothing: the request comes with it and is checked again. Its digest is there so that a token that
//! was damaged, or that another listing gave, is told instead of answered with other rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_domain::cra::{Question, Violation};
use cra_eventlog::Position;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::QueryError;
use crate::store::Description;

/// Rows of a page that asks for no number.
const ROWS_DEFAULT: u32 = 50;
/// Most rows of a page.
const ROWS_MAX: u32 = 1_000;
/// A page ends before it grows past this: many clients refuse messages of more than 4 MiB.
pub const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Longer than any token; nothing longer is looked at.
const TOKEN_CHARS_MAX: usize = 512;
/// Namespace of the digests.
const DIGESTS: Uuid = Uuid::from_u128(0x6f2d_8c1e_93b4_4a57_b0d8_5e7a_1c46_29f3);
const DIGEST_BYTES: usize = 16;

/// The number of rows of a page.
pub fn rows(page_size: u32) -> Result<usize, Violation> {
    let size = if page_size == 0 { ROWS_DEFAULT } else { page_size };
    if size > ROWS_MAX {
        return Err(Violation::new("page_size", Question::PageSizeTooLarge { max: ROWS_MAX }));
    }
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place<C> {
    /// The position that every page of the listing shows.
    pub position: Position,
    /// What comes first.
    pub cursor: C,
}

/// A listing, as its tokens know it: what was asked, of which log, by which definitions.
#[derive(Clone, Debug)]
pub struct Listing(Vec<u8>);

impl Listing {
    /// The listing of a request, which must come without its page size and token.
    #[must_use]
    pub fn of<M: Message + prost::Name>(request: &M, description: &Description) -> Self {
        let asked = request.encode_to_vec();
        let parts = [
            M::NAME.as_bytes(),
            description.definitions.as_bytes(),
            description.log.0.as_bytes(),
            asked.as_slice(),
        ];
        let mut identity = Vec::new();
        for part in parts {
            identity.extend((part.len() as u64).to_be_bytes());
            identity.extend(part);
        }
        Self(identity)
    }

    /// The token of a page.
    pub fn token<C: Serialize>(&self, place: &Place<C>) -> Result<String, QueryError> {
        let mut bytes = postcard::to_stdvec(place).map_err(|_| QueryError::Ended)?;
        let digest = self.digest(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Where the page of a token begins; `None` of the first page.
    pub fn place<C: DeserializeOwned>(&self, token: &str) -> Result<Option<Place<C>>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        self.read(token).map(Some).ok_or_else(|| Violation::new("page_token", Question::PageTokenInvalid))
    }

    fn read<C: DeserializeOwned>(&self, token: &str) -> Option<Place<C>> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (place, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
        if self.digest(place).as_bytes() != digest {
            return None;
        }
        postcard::from_bytes(place).ok()
    }

    fn digest(&self, place: &[u8]) -> Uuid {
        Uuid::new_v5(&DIGESTS, &[&self.0[..], place].concat())
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;
    use cra_eventlog::LogIdentity;

    use super::*;

    fn listing(request: &v1::ListCrasRequest) -> Listing {
        let log = LogIdentity("log".into());
        Listing::of(request, &Description { definitions: "1".into(), log, created_at: 0 })
    }

    fn of_advisor(id: &str) -> v1::ListCrasRequest {
        let selection = v1::Selection { advisor_ids: vec![id.to_owned()], ..Default::default() };
        v1::ListCrasRequest { selection: Some(selection), ..Default::default() }
    }

    #[test]
    fn a_token_leads_to_its_place_and_only_in_its_listing() {
        let (own, other) = (listing(&of_advisor("a")), listing(&of_advisor("b")));
        let place = Place { position: Position(7), cursor: 40_u64 };
        let token = own.token(&place).unwrap();
        assert_eq!(own.place(&token).unwrap(), Some(place));
        assert_eq!(own.place::<u64>("").unwrap(), None);
        assert!(other.place::<u64>(&token).is_err());
    }

    #[test]
    fn a_token_with_any_character_changed_or_missing_is_refused() {
        let own = listing(&of_advisor("a"));
        let token = own.token(&Place { position: Position(300), cursor: 40_u64 }).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(own.place::<u64>(&changed).is_err(), "{changed}");
            assert!(own.place::<u64>(&token[..at]).is_ok_and(|place| place.is_none()) == (at == 0));
        }
        for garbage in ["é", "====", " ", &"A".repeat(10_000), &format!("{token}A"), &format!("{token}=")] {
            assert!(own.place::<u64>(garbage).is_err(), "{garbage}");
        }
    }

    #[test]
    fn a_page_has_fifty_rows_unless_asked_and_never_more_than_a_thousand() {
        assert_eq!(rows(0).unwrap(), 50);
        assert_eq!(rows(1_000).unwrap(), 1_000);
        assert_eq!(rows(1_001).unwrap_err().fault.reason(), "PAGE_SIZE_TOO_LARGE");
    }
}
