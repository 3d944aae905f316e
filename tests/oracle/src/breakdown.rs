//! One row per territory, structure, advisor, theme, …: the CRAs of each row are counted separately.

use std::collections::BTreeMap;

use cra_contracts::v1::{self, Dimension};

use super::dimension::{Row, rows_of};
use super::figures::figures;
use super::fixed_lists::fixed_list;
use super::log::{Log, Standing};
use super::{order, selected};

/// All rows of all pages, in the requested order.
pub fn breakdown(
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    dimension: Dimension,
    order_by: &str,
    include_empty: bool,
) -> Vec<v1::BreakdownRow> {
    let log = Log::of(events);
    let mut rows: BTreeMap<Row, Vec<&Standing>> = BTreeMap::new();
    for standing in selected(&log, selection) {
        for (row, _) in rows_of(dimension, &standing.cra) {
            rows.entry(row).or_default().push(standing);
        }
    }
    if include_empty {
        for row in fixed_list(dimension, selection) {
            rows.entry(row).or_default();
        }
    }
    let nothing = figures(&[]);
    let mut listed: Vec<_> = rows
        .into_iter()
        .map(|(row, cras)| {
            let statistics = if cras.is_empty() { nothing.clone() } else { figures(&cras) };
            let latest = cras.iter().max_by_key(|standing| standing.record_time());
            v1::BreakdownRow {
                code: row.code,
                label: row.label,
                statistics: Some(statistics),
                last_date: cras.iter().map(|standing| standing.cra.date.clone()).max().unwrap_or_default(),
                last_recorded_at: latest.and_then(|standing| standing.record.recorded_at),
            }
        })
        .collect();
    order::sort(&mut listed, order_by);
    listed
}
