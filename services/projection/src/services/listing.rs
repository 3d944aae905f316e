//! Requests with pages: which page a request asks for, and the token of the next one.

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
    /// Removes what differs between pages: the number of rows and the token.
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

pub(super) struct Page<C> {
    rows: usize,
    place: Option<Place<C>>,
}

impl<C: Copy> Page<C> {
    /// Maximum number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether another row fits into this page, which would then have this size.
    pub(super) fn has_room(&self, rows: usize, bytes: usize) -> bool {
        rows < self.rows && (rows == 0 || bytes <= page::PAGE_BYTES_MAX)
    }

    /// The first element; `None` on the first page.
    pub(super) fn cursor(&self) -> Option<C> {
        self.place.as_ref().map(|place| place.cursor)
    }

    /// The required position: that of the first page on later pages, otherwise as requested.
    pub(super) fn consistency(&self, asked: Consistency) -> Consistency {
        self.place.as_ref().map_or(asked, |place| Consistency::at(place.position))
    }
}

/// The caller of a page, the time, and the signer of tokens.
pub(super) struct Asker<'a> {
    pub(super) grant: &'a Grant,
    pub(super) signer: &'a Signer,
    pub(super) now: Timestamp,
}

/// The listing that a request belongs to.
pub(super) struct Listing {
    listing: page::Listing,
    now: Timestamp,
}

impl Listing {
    /// Removes the page from a request; the rest identifies the listing.
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
