//! Files of figures and records: what they hold, column by column, and how each format writes it. Pure over
//! [`std::io::Write`]: no storage, network or clock.
//!
//! A table is a list of [`Column`]s. Every format of a table is written from that one list, so that all formats hold the
//! same values.

mod about;
mod breakdown;
mod cell;
mod content;
mod cras;
mod definitions_sheet;
mod figures;
mod file_name;
mod long;
mod periods;
mod statistics;
mod summary;

mod csv;
mod ndjson;
mod parquet;
mod xlsx;

pub use about::About;
pub use breakdown::{BreakdownLine, BreakdownWorkbook};
pub use cell::{Cell, Column, Kind};
pub use content::{Content, Format, List};
pub use cras::{CraRow, CrasWorkbook};
pub use csv::Csv;
pub use file_name::file_name;
pub use long::{LongRow, LongWorkbook};
pub use ndjson::ndjson;
pub use parquet::{EncodedGroup, GROUP_ROWS_MAX, GroupEncoder, Groups, Parquet};
pub use periods::{PeriodFigures, series_csv, series_workbook};
pub use statistics::{statistics_csv, statistics_workbook};

pub use breakdown::columns as breakdown_columns;
pub use cras::columns as cra_columns;
pub use long::columns as long_columns;
