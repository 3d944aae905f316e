//! Requests that are answered in pages: which page a request asks for, and the token of the one after it.

use cra_contracts::v1;
use cra_eventlog::Position;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::faults::Faults;
use super::grant::Grant;
use crate::generations::Generations;
use crate::queries::page::{self, Place, Signer};
use crate::queries::{Consistency, QueryError};

/// A request whose answer comes in pages.
pub(super) trait Paged: prost::Message + prost::Name {
    /// Takes out what differs from page to page: the number of rows asked and the token.
    fn take_page(&mut self) -> (u32, String);
}

macro_rules! paged {
    ($($request:ident),+) => {
        $(impl Paged for v1::$request {
            fn take_page(&mut self) -> (u32, String) {
                (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
            }
        })+
    };
}

paged!(ListBreakdownRequest, ListCrasRequest, ListLikelyDoublesRequest, ListParkedEventsRequest);

/// The page that a request asks for.
pub(super) struct Page<C> {
    rows: usize,
    place: Option<Place<C>>,
}

impl<C: Copy> Page<C> {
    /// Most rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether one more row is of this page, which would then have so many bytes.
    pub(super) fn has_room(&self, rows: usize, bytes: usize) -> bool {
        rows < self.rows && (rows == 0 || bytes <= page::PAGE_BYTES_MAX)
    }

    /// What comes first; `None` on the first page.
    pub(super) fn cursor(&self) -> Option<C> {
        self.place.as_ref().map(|place| place.cursor)
    }

    /// The position that the page shows: that of the first page on the others, else as asked.
    pub(super) fn consistency(&self, asked: Consistency) -> Consistency {
        self.place.as_ref().map_or(asked, |place| Consistency::at(place.position))
    }
}

/// Who asks for a page, when, and what signs its token.
pub(super) struct Asker<'a> {
    pub(super) grant: &'a Grant,
    pub(super) signer: &'a Signer,
    pub(super) now: Timestamp,
}

/// The listing that a request asks a page of.
pub(super) struct Listing {
    listing: page::Listing,
    now: Timestamp,
}

impl Listing {
    /// Takes the page out of a request; the rest of it is what the listing is.
    pub(super) fn read<C: DeserializeOwned>(
        request: &mut impl Paged,
        generations: &Generations,
        asker: &Asker<'_>,
        faults: &mut Faults,
    ) -> (Self, Option<Page<C>>) {
        let Asker { grant, signer, now } = *asker;
        let (page_size, page_token) = request.take_page();
        let serving = generations.serving();
        let listing = page::Listing::of(request, serving.description(), &grant.owner(), signer);
        let rows = faults.one(page::rows(page_size));
        let place = faults.one(listing.place(&page_token, now));
        let page = rows.zip(place).map(|(rows, place)| Page { rows, place });
        (Self { listing, now }, page)
    }

    /// The token of the next page; empty after the last.
    pub(super) fn next<C: Serialize>(
        &self,
        position: Position,
        cursor: Option<C>,
    ) -> Result<String, QueryError> {
        let token = |cursor| self.listing.token(&Place { position, cursor }, self.now);
        cursor.map_or(Ok(String::new()), token)
    }
}
