//! Arguments of the queries for figures: `stats`, `series`, `breakdown`, `cross`, `watch`.

use clap::Args;
use cra_contracts::v1::{Dimension, Granularity, Measure};

use super::ConsistencyArgs;
use crate::choice::{Choice as _, SortKey, choice, one_of};
use crate::comparison::Comparand;
use crate::selection::SelectionArgs;

/// Default number of rows or CRAs.
const ROWS_DEFAULT: u32 = 25;

/// Flags of every query for figures or CRAs.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// Write the answer as JSON; a list as one object per row, with the snapshot on standard error
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Compare each figure with the previous period, or with the same period a year earlier: previous, last-year. An
    /// unfinished period is compared with as many days of the other period
    #[arg(long, value_name = "PERIOD", value_parser = one_of::<Comparand>(), hide_possible_values = true)]
    pub(crate) compare: Option<Comparand>,
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    /// Length of a period: day, week, month, quarter, year
    #[arg(
        long,
        value_name = "PERIOD",
        default_value = "month",
        value_parser = one_of::<Granularity>(),
        hide_possible_values = true
    )]
    pub(crate) by: Granularity,
    /// Compare each figure with the previous period, or with the same period a year earlier: previous, last-year. An
    /// unfinished period is compared with as many days of the other period
    #[arg(long, value_name = "PERIOD", value_parser = one_of::<Comparand>(), hide_possible_values = true)]
    pub(crate) compare: Option<Comparand>,
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BreakdownArgs {
    /// Rows, such as department, theme or conseiller
    #[arg(long, value_name = "DIMENSION", value_parser = one_of::<Dimension>(), hide_possible_values = true)]
    pub(crate) by: Dimension,
    /// Sort by this figure, name or code; a leading hyphen, as in --sort=-acts, sorts in descending order
    #[arg(long, value_name = "KEY", default_value = "-cras", value_parser = sort, allow_hyphen_values = true)]
    pub(crate) sort: Sort,
    /// Include rows without CRAs, if the dimension is a fixed list
    #[arg(long)]
    pub(crate) empty: bool,
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CrossArgs {
    /// Rows, such as theme
    #[arg(long, value_name = "DIMENSION", value_parser = one_of::<Dimension>(), hide_possible_values = true)]
    pub(crate) rows: Dimension,
    /// Columns, such as age
    #[arg(long, value_name = "DIMENSION", value_parser = one_of::<Dimension>(), hide_possible_values = true)]
    pub(crate) columns: Dimension,
    /// Figure in the cells: cras, acts, people, estimated-minutes
    #[arg(
        long,
        value_name = "MEASURE",
        default_value = "cras",
        value_parser = one_of::<Measure>(),
        hide_possible_values = true
    )]
    pub(crate) measure: Measure,
    /// Write a CSV for spreadsheets: UTF-8 with byte order mark, separated by semicolons
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Minimum number of milliseconds between two answers
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(100..)
    )]
    pub(crate) interval_ms: u32,
    /// Write one JSON object per change
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ExtentArgs {
    /// Maximum number of rows to show
    #[arg(
        long,
        value_name = "N",
        default_value_t = ROWS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    limit: u32,
    /// Show everything
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl ExtentArgs {
    /// Maximum number of rows; `None` for all.
    pub(crate) fn rows_max(self) -> Option<u64> {
        (!self.all).then(|| self.limit.into())
    }
}

/// Sort key and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    key: SortKey,
    descending: bool,
}

impl Sort {
    /// The sort order in the contract's notation.
    pub(crate) fn order_by(self) -> String {
        let direction = if self.descending { "-" } else { "" };
        format!("{direction}{}", self.key.name())
    }
}

fn sort(text: &str) -> Result<Sort, String> {
    let (key, descending) = text.strip_prefix('-').map_or((text, false), |key| (key, true));
    Ok(Sort { key: choice(key)?, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_a_figure_in_either_direction_and_either_language() {
        for (text, order_by) in [
            ("-acts", "-acts"),
            ("accompagnements", "acts"),
            ("-estimated-minutes", "-estimated_minutes"),
            ("-last_date", "-last_date"),
            ("nom", "name"),
        ] {
            assert_eq!(sort(text).unwrap().order_by(), order_by);
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_choices() {
        for text in ["size", "-size", "-"] {
            let error = sort(text).unwrap_err();
            assert!(error.contains("acts (accompagnements), people (personnes)"), "{error}");
        }
    }
}
