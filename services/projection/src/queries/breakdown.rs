//! One row per territory, structure, advisor, weekday, …: from one scan, in the requested order, in pages.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::cra::Violation;
use cra_domain::selection::Selection;
use prost::Message as _;

use super::page::PAGE_BYTES_MAX;
use super::scan::Scan;
use super::{QueryError, Snapshot};
use cra_analytics::dimension::Dimension;
use cra_analytics::line::Line;
use cra_analytics::order::Order;

/// Dimension and order of a breakdown.
#[derive(Clone, Copy, Debug)]
pub struct Breakdown {
    dimension: Dimension,
    order: Order,
    include_empty: bool,
}

impl Breakdown {
    /// Parses a dimension and an order.
    pub fn parse(dimension: i32, order_by: &str, include_empty: bool) -> Result<Self, Vec<Violation>> {
        match (Dimension::parse("dimension", dimension), Order::parse(order_by)) {
            (Ok(dimension), Ok(order)) => Ok(Self { dimension, order, include_empty }),
            (dimension, order) => Err(dimension.err().into_iter().chain(order.err()).collect()),
        }
    }

    /// Every row, in order.
    pub(crate) fn lines(&self, scan: &Scan, selection: &Selection) -> Result<Vec<Line>, QueryError> {
        let rows = scan.rows(selection, self.dimension)?;
        let filter = scan.filter(selection);
        let dictionary = scan.snapshot.generation.dictionary().read();
        Ok(if self.include_empty {
            rows.with_empty(&filter).in_order(self.order, &dictionary)
        } else {
            rows.in_order(self.order, &dictionary)
        })
    }
}

/// A page of a breakdown.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakdownPage {
    /// The rows.
    pub rows: Vec<v1::BreakdownRow>,
    /// Number of rows of all pages.
    pub total_rows: usize,
    /// Index of the first row of the next page, from 0, if there is one.
    pub next: Option<usize>,
}

/// The rows of a breakdown at a snapshot, from index `first`, at most `rows_max`.
pub async fn breakdown(
    selection: Arc<Selection>,
    breakdown: Breakdown,
    first: usize,
    rows_max: usize,
    snapshot: Snapshot,
) -> Result<BreakdownPage, QueryError> {
    Scan::run(snapshot, move |scan| {
        let lines = breakdown.lines(scan, &selection)?;
        let dictionary = scan.snapshot.generation.dictionary().read();
        let mut rows = Vec::new();
        let mut bytes = 0;
        for line in lines.iter().skip(first).take(rows_max) {
            let row = line.to_message(&dictionary);
            bytes += row.encoded_len();
            if bytes > PAGE_BYTES_MAX && !rows.is_empty() {
                break;
            }
            rows.push(row);
        }
        let next = first.saturating_add(rows.len());
        let next = (next < lines.len()).then_some(next);
        Ok(BreakdownPage { rows, total_rows: lines.len(), next })
    })
    .await
}
