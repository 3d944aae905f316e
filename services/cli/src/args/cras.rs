//! Arguments of the commands on single CRAs: `list`, `doubles`, `show`, `follow`, `export`.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, Error};
use cra_contracts::v1::{ExportContent, ExportFormat};

use super::{ConsistencyArgs, ExtentArgs, QueryArgs};
use crate::choice::one_of;
use crate::selection::SelectionArgs;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

pub(super) const DOUBLES_HELP: &str = "\
Two CRAs with different ids are a pair if they are equal in every field that a figure or a selection reads (all but \
the annotation) and were recorded by different clients, or by the same one within ten minutes.

Three or more equal CRAs of one person each, recorded by one client within ten minutes of each other, are not pairs: \
eight one-off requests in a morning are ordinary work. For CRAs of older forms, the time of recording is that of the \
older system.

If a pair is one session, withdraw one of the two: cra withdraw ID --reason doublon";

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The CRA's id, a UUID
    #[arg(value_name = "ID")]
    pub(crate) cra_id: String,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// Only the changes after this position of the log; with --checkpoint, only until that file exists
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) after: u64,
    /// End at the head of the log instead of waiting for further changes
    #[arg(long)]
    pub(crate) stop_at_head: bool,
    /// File with the position to resume from; updated after lines are written, so that no change is missed
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Accepted for uniformity: the changes are always JSON
    #[arg(long, hide = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

/// What an export is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exported {
    /// A file that the service makes.
    Content(ExportContent),
    /// What is recorded about one advisor.
    Person,
}

const PERSON: &str = "person";

#[derive(Clone)]
struct ExportedParser;

impl TypedValueParser for ExportedParser {
    type Value = Exported;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Exported, Error> {
        if value == PERSON || value == "personne" {
            return Ok(Exported::Person);
        }
        one_of::<ExportContent>().parse_ref(command, arg, value).map(Exported::Content)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let contents: Vec<_> = one_of::<ExportContent>().possible_values().into_iter().flatten().collect();
        Some(Box::new(contents.into_iter().chain([PossibleValue::new(PERSON)])))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Content to export: statistics, series, breakdown, cras; themes, ages, statuses, organisations (a row per CRA and value);
    /// person (each event about one advisor, and who read it)
    #[arg(value_name = "CONTENT", value_parser = ExportedParser, hide_possible_values = true)]
    pub(crate) content: Exported,
    /// Format of the file: csv, xlsx; for CRAs and their long tables also parquet, for CRAs also ndjson
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "csv",
        value_parser = one_of::<ExportFormat>(),
        hide_possible_values = true
    )]
    pub(crate) format: ExportFormat,
    /// Rows of a breakdown, such as department; periods of a series, such as month (the default)
    #[arg(long, value_name = "DIMENSION|PERIOD")]
    pub(crate) by: Option<String>,
    /// File or directory to write to, or - for standard output [default: the file name that the service suggests]
    #[arg(long, short, value_name = "FILE|DIR|-")]
    pub(crate) output: Option<PathBuf>,
    /// Of a person: file that a service wrote its audit to, for who read or changed what; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Vec<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Report what was written as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}
