//! The cross table of two dimensions, with cells shaded by their numbers, and the form that chooses the dimensions.

use cra_contracts::v1::{self, Dimension};
use cra_domain::definitions::heading;
use cra_domain::french;

use super::ask::can_be_crossed;
use super::filters::Choice;
use crate::address::{Address, CROSSED, MEASURES, View, word};

/// Number of shades of the cells.
const SHADES: u64 = 5;

/// The table and its form.
pub(super) struct Cross {
    pub(super) rows: Vec<Choice>,
    pub(super) columns: Vec<Choice>,
    pub(super) measures: Vec<Choice>,
    pub(super) heading: &'static str,
    pub(super) columns_heading: String,
    pub(super) measure: &'static str,
    pub(super) labels: Vec<String>,
    pub(super) lines: Vec<Line>,
    /// Why there is no table; empty if there is one.
    pub(super) reason: &'static str,
}

/// One row.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) cells: Vec<Cell>,
}

/// One number, and the shade of its cell.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) shade: u64,
}

/// Makes the table; `answer` is `None` if the dimensions cannot be crossed.
pub(super) fn cross(address: &Address, answer: Option<&v1::GetCrossTableResponse>) -> Cross {
    let View { cross_rows, cross_columns, measure, .. } = address.view;
    let max = answer.and_then(|it| it.rows.iter().flat_map(|row| &row.values).max()).copied();
    let max = max.unwrap_or_default();
    let cell = |value: &u64| Cell {
        text: if *value == 0 { "–".to_owned() } else { french::thousands(*value) },
        shade: if *value == 0 { 0 } else { (*value * SHADES).div_ceil(max.max(1)) },
    };
    let line = |row: &v1::CrossTableRow| Line {
        label: label_or_name(&row.label, &row.name),
        cells: row.values.iter().map(cell).collect(),
    };
    let labels = answer.map(|it| {
        let labels = it.columns.iter().zip(it.column_labels.iter().map(Some).chain(std::iter::repeat(None)));
        labels.map(|(name, label)| label_or_name(label.map_or("", |it| it), name)).collect()
    });
    let measure = MEASURES.iter().find(|(it, ..)| *it == measure);
    Cross {
        rows: choices(cross_rows),
        columns: choices(cross_columns),
        measures: MEASURES
            .iter()
            .map(|(it, word, label)| Choice {
                value: (*word).to_owned(),
                label: (*label).to_owned(),
                is_chosen: *it == address.view.measure,
            })
            .collect(),
        heading: heading(cross_rows),
        columns_heading: heading(cross_columns).to_lowercase(),
        measure: measure.map_or("", |(_, _, label)| label),
        labels: labels.unwrap_or_default(),
        lines: answer.map(|it| it.rows.iter().map(line).collect()).unwrap_or_default(),
        reason: match () {
            () if cross_rows == cross_columns => "Choisissez deux dimensions différentes.",
            () if !can_be_crossed(cross_rows, cross_columns) => {
                "Un compte-rendu ne dit pas comment les âges et les statuts se croisent : choisissez une autre dimension."
            }
            () => "",
        },
    }
}

fn label_or_name(label: &str, name: &str) -> String {
    if label.is_empty() { name.to_owned() } else { label.to_owned() }
}

fn choices(chosen: Dimension) -> Vec<Choice> {
    let choice = |(dimension, _): &(Dimension, &str)| Choice {
        value: word(&CROSSED, *dimension).to_owned(),
        label: heading(*dimension).to_owned(),
        is_chosen: *dimension == chosen,
    };
    CROSSED.iter().map(choice).collect()
}
