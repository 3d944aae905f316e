//! Reads a listing page by page, to its end or to the requested number of rows. Passes each row on without keeping it.

use std::io;

use cra_contracts::v1;

use crate::client::ClientError;
use crate::render::text::printable;

/// The services' maximum page size.
const PAGE_SIZE_MAX: u64 = 1_000;

pub(super) struct Page<R> {
    pub(super) rows: Vec<R>,
    /// Empty on the last page.
    pub(super) next_page_token: String,
    pub(super) snapshot: Option<v1::Snapshot>,
}

/// Extent of the rows that were read.
#[derive(Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) rows: u64,
    pub(super) more_follow: bool,
    /// The snapshot, which all pages share.
    pub(super) snapshot: Option<v1::Snapshot>,
}

impl Extent {
    /// Summary for the operator, if the rows themselves are for a program.
    pub(super) fn reported(&self, rows_in_all: Option<u64>) -> String {
        let rows = match rows_in_all {
            Some(all) => format!("rows: {} of {all}", self.rows),
            None if self.more_follow => format!("rows: {}, more follow", self.rows),
            None => format!("rows: {}", self.rows),
        };
        let snapshot = self.snapshot.as_ref();
        let snapshot = snapshot.map(|snapshot| {
            let generation = printable(&snapshot.generation);
            format!(", position {}, generation {generation}", snapshot.position)
        });
        rows + &snapshot.unwrap_or_default()
    }
}

/// Why a listing could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    #[error(transparent)]
    Service(#[from] ClientError),
    #[error("a row could not be written")]
    Output(#[from] io::Error),
    #[error("the service returned the same page twice")]
    Endless,
}

/// Reads at most `rows_max` rows, or all. `ask` receives the page size and the page token.
pub(super) async fn read<R>(
    rows_max: Option<u64>,
    mut ask: impl AsyncFnMut(u32, String) -> Result<Page<R>, ClientError>,
    mut each: impl FnMut(R) -> io::Result<()>,
) -> Result<Extent, ListingError> {
    let mut rows = 0;
    let mut token = String::new();
    loop {
        let wanted = rows_max.map_or(PAGE_SIZE_MAX, |max| (max - rows).min(PAGE_SIZE_MAX));
        let page_size = u32::try_from(wanted).unwrap_or(u32::MAX);
        let page = ask(page_size, token.clone()).await?;
        for row in page.rows {
            each(row)?;
            rows += 1;
        }
        let more_follow = !page.next_page_token.is_empty();
        if !more_follow || rows_max.is_some_and(|max| rows >= max) {
            return Ok(Extent { rows, more_follow, snapshot: page.snapshot });
        }
        if page.next_page_token == token {
            return Err(ListingError::Endless);
        }
        token = page.next_page_token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listing of 2,500 numbers with pages of at most 700, whatever size is requested.
    async fn listed(rows_max: Option<u64>) -> (Extent, Vec<u64>, Vec<u32>) {
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        let ask = async |size: u32, token: String| {
            sizes.push(size);
            let start = token.parse().unwrap_or(0);
            let end = (start + u64::from(size.min(700))).min(2_500);
            let next_page_token = if end == 2_500 { String::new() } else { end.to_string() };
            Ok(Page { rows: (start..end).collect(), next_page_token, snapshot: None })
        };
        let each = |row| {
            all.push(row);
            Ok(())
        };
        let extent = read(rows_max, ask, each).await.unwrap();
        (extent, all, sizes)
    }

    #[tokio::test]
    async fn every_page_is_read_without_gaps_or_repetitions() {
        let (extent, all, sizes) = listed(None).await;
        assert_eq!(all, (0..2_500).collect::<Vec<_>>());
        assert_eq!(extent, Extent { rows: 2_500, more_follow: false, snapshot: None });
        assert_eq!(sizes, [1_000; 4]);
    }

    #[tokio::test]
    async fn at_most_the_requested_rows_are_asked_even_with_short_pages() {
        let (extent, all, sizes) = listed(Some(1_500)).await;
        assert_eq!((all.len(), extent.more_follow), (1_500, true));
        assert_eq!(sizes, [1_000, 800, 100]);
        let (extent, all, _) = listed(Some(9_999)).await;
        assert_eq!((all.len(), extent.more_follow), (2_500, false));
    }

    #[test]
    fn programs_get_the_position_of_the_rows_on_standard_error() {
        let snapshot = v1::Snapshot { position: 7, generation: "g1".to_owned(), ..v1::Snapshot::default() };
        let extent = Extent { rows: 25, more_follow: true, snapshot: Some(snapshot) };
        assert_eq!(extent.reported(Some(101)), "rows: 25 of 101, position 7, generation g1");
        assert_eq!(extent.reported(None), "rows: 25, more follow, position 7, generation g1");
    }

    #[tokio::test]
    async fn a_page_that_refers_to_itself_is_an_error() {
        let ask = async |_, _| Ok(Page { rows: vec![1], next_page_token: "same".to_owned(), snapshot: None });
        let listed = read(None, ask, |_: u64| Ok(())).await;
        assert!(matches!(listed, Err(ListingError::Endless)), "{listed:?}");
    }

    #[tokio::test]
    async fn a_failed_write_ends_the_reading() {
        let ask =
            async |_, token: String| Ok(Page { rows: vec![1], next_page_token: token + "x", snapshot: None });
        let closed = |_: u64| Err(io::ErrorKind::BrokenPipe.into());
        assert!(matches!(read(None, ask, closed).await, Err(ListingError::Output(_))));
    }
}
