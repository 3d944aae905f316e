//! Single CRAs, newest activity first; those of one day, latest recorded first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::selection::Selection;
use prost::Message as _;

use super::page::PAGE_BYTES_MAX;
use super::scan::Scan;
use super::{QueryError, Snapshot};
use cra_analytics::fact::FactKey;

/// A page of CRAs.
#[derive(Clone, Debug, PartialEq)]
pub struct CraPage {
    /// The CRAs.
    pub cras: Vec<v1::CraRecord>,
    /// Key of the first CRA of the next page, if there is one.
    pub next: Option<FactKey>,
}

/// The CRAs of a selection at a snapshot, from a key, at most `cras_max`.
pub async fn list(
    selection: Arc<Selection>,
    first: Option<FactKey>,
    cras_max: usize,
    snapshot: Snapshot,
) -> Result<CraPage, QueryError> {
    Scan::run(snapshot, move |scan| {
        let first = first.unwrap_or(FactKey::LAST);
        // One more than the page, to know where the next one starts.
        let new = || Newest { keys: BinaryHeap::new(), keys_max: cras_max.saturating_add(1) };
        let add = |newest: &mut Newest, key| {
            if key <= first {
                newest.take(key);
            }
        };
        let newest = scan.keys(&selection, new, add, |own, other| {
            other.keys.into_iter().for_each(|Reverse(key)| own.take(key));
        })?;
        page(scan, newest, cras_max)
    })
    .await
}

/// The newest keys so far, the oldest of them on top.
struct Newest {
    keys: BinaryHeap<Reverse<FactKey>>,
    keys_max: usize,
}

impl Newest {
    fn take(&mut self, key: FactKey) {
        if self.keys.len() < self.keys_max {
            self.keys.push(Reverse(key));
        } else if let Some(mut oldest) = self.keys.peek_mut()
            && oldest.0 < key
        {
            *oldest = Reverse(key);
        }
    }
}

fn page(scan: &Scan, newest: Newest, cras_max: usize) -> Result<CraPage, QueryError> {
    let session = scan.session()?;
    let mut page = CraPage { cras: Vec::new(), next: None };
    let mut bytes = 0;
    for Reverse(key) in newest.keys.into_sorted_vec() {
        let record = scan.record(&session.fact(key.from)?)?;
        bytes += record.encoded_len();
        if page.cras.len() == cras_max || (bytes > PAGE_BYTES_MAX && !page.cras.is_empty()) {
            page.next = Some(key);
            break;
        }
        page.cras.push(record);
    }
    Ok(page)
}
