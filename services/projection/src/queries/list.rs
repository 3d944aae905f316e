//! The CRAs themselves, newest activity first; those of one day, latest recorded first.

use cra_contracts::v1;
use prost::Message as _;

use super::page::PAGE_BYTES_MAX;
use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::views::fact::FactKey;

/// Some CRAs of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct CraPage {
    /// The CRAs.
    pub cras: Vec<v1::CraRecord>,
    /// The first of the next page, if there is one.
    pub next: Option<FactKey>,
}

/// The CRAs of a selection at a snapshot, from one on, at most `cras_max`.
pub async fn list(
    selection: v1::Selection,
    first: Option<FactKey>,
    cras_max: usize,
    snapshot: Snapshot,
) -> Result<CraPage, QueryError> {
    Scan::run(snapshot, move |scan| {
        let filter = scan.filter(&selection)?;
        let (oldest, newest) = filter.keys().into_inner();
        let newest = first.map_or(newest, |first| first.min(newest));
        let mut page = CraPage { cras: Vec::new(), next: None };
        let mut bytes = 0;
        if newest < oldest {
            return Ok(page);
        }
        for (number, entry) in scan.session().facts_backwards(oldest..=newest).enumerate() {
            scan.check(number)?;
            let (key, fact) = entry?;
            if !scan.counts(&filter, key, &fact) {
                continue;
            }
            let record = scan.record(key, &fact)?;
            bytes += record.encoded_len();
            if page.cras.len() == cras_max || (bytes > PAGE_BYTES_MAX && !page.cras.is_empty()) {
                page.next = Some(key);
                break;
            }
            page.cras.push(record);
        }
        Ok(page)
    })
    .await
}
