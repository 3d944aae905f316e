//! Requests that are answered in pages: which page a request asks for, and the token of the one after it.

use cra_contracts::v1;
use cra_eventlog::Position;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::Statistics;
use crate::generations::Generations;
use crate::queries::page::{self, Place};
use crate::queries::{Consistency, QueryError, Snapshot};

/// A request whose answer comes in pages.
pub(super) trait Paged: prost::Message + prost::Name {
    /// Takes out what differs from page to page: the number of rows asked and the token.
    fn take_page(&mut self) -> (u32, String);
}

impl Paged for v1::ListBreakdownRequest {
    fn take_page(&mut self) -> (u32, String) {
        (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
    }
}

impl Paged for v1::ListCrasRequest {
    fn take_page(&mut self) -> (u32, String) {
        (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
    }
}

impl Paged for v1::ListParkedEventsRequest {
    fn take_page(&mut self) -> (u32, String) {
        (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
    }
}

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
}

/// A request, read.
pub(super) struct Listed<R, C> {
    /// Without its page.
    pub(super) request: R,
    pub(super) page: Page<C>,
    pub(super) listing: Listing,
}

/// The listing that a request asks a page of.
pub(super) struct Listing(page::Listing);

impl Listing {
    /// Reads the page of a request; the rest of it is left to the query.
    pub(super) fn read<R: Paged, C: DeserializeOwned>(
        mut request: R,
        generations: &Generations,
    ) -> Result<Listed<R, C>, QueryError> {
        let (page_size, page_token) = request.take_page();
        let listing = page::Listing::of(&request, generations.serving().description());
        match (page::rows(page_size), listing.place(&page_token)) {
            (Ok(rows), Ok(place)) => {
                Ok(Listed { request, page: Page { rows, place }, listing: Self(listing) })
            }
            (rows, place) => Err(QueryError::Invalid(rows.err().into_iter().chain(place.err()).collect())),
        }
    }

    /// The token of the next page; empty after the last.
    pub(super) fn next<C: Serialize>(
        &self,
        position: Position,
        cursor: Option<C>,
    ) -> Result<String, QueryError> {
        cursor.map_or(Ok(String::new()), |cursor| self.0.token(&Place { position, cursor }))
    }
}

impl Statistics {
    /// The snapshot of a page: that of the first page, on the others.
    pub(super) async fn page_snapshot<C: Copy>(
        &self,
        page: &Page<C>,
        consistency: Option<&v1::Consistency>,
        metadata: &MetadataMap,
    ) -> Result<Snapshot, Status> {
        // Read on every page, for its faults.
        let asked = Consistency::parse(consistency, self.clock.now())?;
        let consistency = page.place.as_ref().map_or(asked, |place| Consistency::at(place.position));
        self.reach(consistency, metadata).await
    }
}
