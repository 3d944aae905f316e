//! The arguments of `cra`: one line of help per command, endpoints shared by all. Groups of commands that share flags
//! have their own files.
//!
//! The services validate codes and ids; they are sent as given.

mod change;
mod consistency;
mod cras;
mod credentials;
mod forget;
mod import;
mod log;
mod nats_log;
mod operations;
mod statistics;
mod token;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use change::{CorrectArgs, WithdrawArgs};
pub(crate) use consistency::ConsistencyArgs;
pub(crate) use cras::{ExportArgs, Exported, FollowArgs, ListArgs, ShowArgs};
pub(crate) use credentials::CredentialArgs;
pub(crate) use forget::{DestroyArgs, ForgetArgs, Place};
pub(crate) use import::ImportArgs;
pub(crate) use log::{LogActivateArgs, LogArgs, LogCommand, LogMirrorArgs};
pub(crate) use operations::{
    ParkedArgs, PauseArgs, PromoteArgs, ReplayArgs, ResumeArgs, StatusArgs, VerifyArgs,
};
pub(crate) use statistics::{
    BreakdownArgs, CrossArgs, ExtentArgs, QueryArgs, SeriesArgs, StatsArgs, WatchArgs,
};
pub(crate) use token::{TokenCommand, TokenIssueArgs, TokenKeysArgs};

use crate::period::unit_of;
use crate::selection::SelectionArgs;
use crate::service::Service;

const DEFAULT_INGESTION_URL: &str = "http://127.0.0.1:50051";
/// Default address of the projection service.
pub(crate) const DEFAULT_PROJECTION_URL: &str = "http://127.0.0.1:50052";

/// Record and count the comptes-rendus d'activité (CRA) of France's conseillers numériques
#[derive(Debug, Parser)]
#[command(
    name = "cra",
    version = cra_runtime::version::FULL,
    color = cra_runtime::terminal::colours_of_help(),
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) endpoints: EndpointArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses a command line, including the name of the program.
    pub(crate) fn of_command_line(
        line: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, clap::Error> {
        Self::try_parse_from(with_last_in_one(line.into_iter().map(Into::into).collect()))
    }
}

/// Joins `--last 30 days` into `--last "30 days"`. A flag with one or two words would consume the next argument of
/// `--last month cras`.
fn with_last_in_one(line: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(line.len());
    for word in line {
        let is_unit = word.to_str().is_some_and(|word| unit_of(word).is_some());
        match joined.as_mut_slice() {
            [.., flag, number] if is_unit && *flag == "--last" && is_number(number) => {
                number.push(" ");
                number.push(word);
            }
            [.., number] if is_unit && is_number_of_last(number) => {
                number.push(" ");
                number.push(word);
            }
            _ => joined.push(word),
        }
    }
    joined
}

fn is_number(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit()))
}

fn is_number_of_last(word: &OsStr) -> bool {
    word.to_str()
        .and_then(|word| word.strip_prefix("--last="))
        .is_some_and(|word| is_number(OsStr::new(word)))
}

/// Addresses of the two services, and the caller's credentials.
#[derive(Clone, Debug, Args)]
pub(crate) struct EndpointArgs {
    /// Address of the ingestion service
    #[arg(
        long,
        global = true,
        env = "CRA_INGESTION_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_INGESTION_URL
    )]
    pub(crate) ingestion_url: String,
    /// Address of the projection service
    #[arg(
        long,
        global = true,
        env = "CRA_PROJECTION_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_PROJECTION_URL
    )]
    pub(crate) projection_url: String,
    #[command(flatten)]
    pub(crate) credentials: CredentialArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run both services and the web pages in this process, with the log in a directory
    Standalone(StandaloneArgs),
    /// Send CRAs from a file: JSON, a table as CSV or workbook, or the output of `export cras`
    Submit(SubmitArgs),
    /// Write an empty table to fill in, for submit
    Template(TemplateArgs),
    /// Record CRAs of older forms from documents of the older system
    Import(ImportArgs),
    /// Correct a CRA, in an editor or field by field, or many from a file
    Correct(CorrectArgs),
    /// Withdraw a CRA from the statistics, or many from a file
    Withdraw(WithdrawArgs),
    /// Show the statistics of the CRAs that match a selection
    Stats(Box<StatsArgs>),
    /// Show the figures per day, week, month, quarter or year
    Series(Box<SeriesArgs>),
    /// Show the figures per territory, structure, advisor, theme, …
    Breakdown(Box<BreakdownArgs>),
    /// Show one dimension crossed with another, such as themes with ages
    Cross(Box<CrossArgs>),
    /// Show the statistics live while CRAs are recorded
    Watch(Box<WatchArgs>),
    /// List the CRAs that match a selection, newest first
    List(Box<ListArgs>),
    /// List pairs of CRAs that are probably one session recorded twice
    #[command(after_long_help = cras::DOUBLES_HELP)]
    Doubles(Box<ListArgs>),
    /// Show one CRA, as it is now or as it was
    Show(ShowArgs),
    /// Write every change of the CRAs as JSON lines, to keep a copy up to date
    Follow(Box<FollowArgs>),
    /// Export statistics, a breakdown or CRAs to a file: CSV, XLSX, NDJSON, Parquet
    Export(Box<ExportArgs>),
    /// Write the public figures as open data: CSV, Parquet, with description and licence
    Publish(PublishArgs),
    /// Show the history of one CRA: submission, corrections, withdrawal
    History(HistoryArgs),
    /// Find communes by the beginning of their name or postal code
    Communes(CommunesArgs),
    /// Show the projection's position in the log
    Status(StatusArgs),
    /// Replay the log into new read models while the current ones keep serving
    Replay(ReplayArgs),
    /// Serve other read models: newly built or previous ones
    Promote(PromoteArgs),
    /// Compare the serving read models with a replay of the log
    Verify(VerifyArgs),
    /// List the events that could not be applied, or retry them
    Parked(ParkedArgs),
    /// Pause the application of events; the projection keeps answering, at its current position
    Pause(PauseArgs),
    /// Resume a paused projection
    Resume(ResumeArgs),
    /// Back up the event log, restore or verify a backup
    #[command(subcommand)]
    Log(LogCommand),
    /// Create keys and tokens, to try out identity without an issuer
    #[command(subcommand)]
    Token(TokenCommand),
    /// Report whether the services are ready, also as the exit code
    Health(HealthArgs),
    /// Write the completion script of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}

impl Command {
    /// The selection of a query whose output is for a program and therefore has no heading with the days.
    pub(crate) fn selection_of_program(&self) -> Option<&SelectionArgs> {
        let (json, selection) = match self {
            Self::Stats(args) => (args.query.json, &args.query.selection),
            Self::Series(args) => (args.query.json, &args.query.selection),
            Self::Breakdown(args) => (args.query.json, &args.query.selection),
            Self::Cross(args) => (args.query.json || args.csv, &args.query.selection),
            Self::List(args) | Self::Doubles(args) => (args.query.json, &args.query.selection),
            Self::Watch(args) => (args.json, &args.selection),
            Self::Export(args) => (args.json, &args.selection),
            Self::Follow(args) => (true, &args.selection),
            _ => return None,
        };
        json.then_some(selection)
    }
}

#[derive(Debug, Args)]
pub(crate) struct StandaloneArgs {
    /// Directory of the log and the read models [default: the platform's data directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address of the ingestion service; with port 0 the system chooses a port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50051")]
    pub(crate) ingestion: SocketAddr,
    /// Address of the projection service; with port 0 the system chooses a port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50052")]
    pub(crate) projection: SocketAddr,
    /// Address of the web pages; with port 0 the system chooses a port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50080")]
    pub(crate) web: SocketAddr,
    /// Do not serve the web pages
    #[arg(long, conflicts_with = "web")]
    pub(crate) no_web: bool,
    /// Load a fictitious month of some 2,000 CRAs first, if the log is empty
    #[arg(long)]
    pub(crate) sample: bool,
}

const SUBMIT_DETAILS: &str = "\
FILE is JSON (one object per line, an array, or one object), CSV or a workbook (XLSX, XLS, ODS), in UTF-8, UTF-16 or \
Windows-1252, plain, gzip or zstd; the format is detected from the content, not from the name. The output of `cra \
export cras` as CSV, XLSX or NDJSON is accepted too: CRAs that are in the log are reported as already there, and \
CRAs of older forms are only looked up.

A table has one CRA per row. Its columns are identified by their headings, in any order, case and accents: those of \
the export (date, conseiller_id, commune_code, activite, age_plus60ans, …) or of `cra template FILE.xlsx`. Words may \
be labels, slugs of the older form or names of the contract; several are separated by |. A leading zero that a \
spreadsheet removed from a code is restored, a commune is found by its name and postal code, and days are written \
29/02/2024 or 2024-02-29.

A row without an id gets one derived from its content and its number among the equal rows of the file (UUID version \
5). Sending the same file again therefore records nothing twice, eight equal rows are eight CRAs, and an edited row \
is a new CRA: use `cra correct` to correct a recorded one.

Exit code: 0 if every CRA is in the log, 1 if some were refused, 2 if the file contains none or the stream broke.";

#[derive(Debug, Args)]
pub(crate) struct TemplateArgs {
    /// File to write: .csv has headings only, .xlsx also lists to choose from
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = SUBMIT_DETAILS)]
pub(crate) struct SubmitArgs {
    /// File to send: JSON, CSV or a workbook, plain, gzip or zstd; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only validate; record nothing
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Write one JSON object per outcome, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The CRA's id, a UUID
    #[arg(value_name = "ID")]
    pub(crate) cra_id: String,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CommunesArgs {
    /// Beginning of a name or postal code; accents, case and hyphens are ignored
    #[arg(value_name = "TEXT", required = true)]
    pub(crate) text: Vec<String>,
    /// Maximum number of communes
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) limit: u32,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Name of the shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Service to check [default: both]
    #[arg(value_enum, value_name = "SERVICE")]
    pub(crate) service: Option<Service>,
    /// Check the readiness probe of one process instead, on its metrics port, such as `http://127.0.0.1:9051`
    ///
    /// Callers of the service cannot exhaust the connections of that port.
    #[arg(long, value_name = "URL", conflicts_with = "service")]
    pub(crate) probe: Option<String>,
    /// Write one JSON object per service
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The figures are asked for with a token of statistics:public alone. They are those of one publication, which the files name: \
the same publication gives the same bytes. Files that are there are replaced one by one, each whole.")]
pub(crate) struct PublishArgs {
    /// Folder of the files; created if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for a page per command; without it, the main page is written to standard output
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_describes_every_command_in_one_line() {
        let command = Arguments::command().term_width(100);
        let help = command.clone().render_help().to_string();
        for subcommand in command.get_subcommands() {
            let start = format!("  {} ", subcommand.get_name());
            let lines: Vec<_> = help.lines().filter_map(|line| line.strip_prefix(&start)).collect();
            assert!(matches!(lines[..], [reported] if reported.trim().len() > 10), "{start} in:\n{help}");
        }
    }

    #[test]
    fn every_query_can_answer_in_json() {
        let all = Arguments::command();
        for name in [
            "submit",
            "import",
            "correct",
            "withdraw",
            "stats",
            "series",
            "breakdown",
            "cross",
            "watch",
            "list",
            "doubles",
            "show",
            "follow",
            "export",
            "history",
            "communes",
            "status",
            "replay",
            "promote",
            "verify",
            "parked",
            "health",
        ] {
            let mut arguments = all.find_subcommand(name).unwrap().get_arguments();
            let json = arguments.find(|argument| argument.get_id() == "json").unwrap();
            assert_eq!(json.get_help_heading(), None, "{name}: it is no part of the selection");
        }
    }

    #[test]
    fn a_number_of_units_is_one_period_with_and_without_quotes_and_consumes_no_other_argument() {
        let content = |flags: &[&str]| {
            let line = ["cra", "export"].iter().chain(flags);
            Arguments::of_command_line(line).map(|arguments| match arguments.command {
                Command::Export(args) => {
                    (args.content, args.selection.to_message_on(jiff::civil::date(2026, 11, 26)))
                }
                other => panic!("{other:?}"),
            })
        };
        let thirty_days = content(&["cras", "--last", "30 days"]).unwrap();
        assert_eq!((thirty_days.1.from.as_str(), thirty_days.1.to.as_str()), ("2026-10-28", "2026-11-26"));
        for flags in [
            &["cras", "--last", "30", "days"][..],
            &["cras", "--last=30", "jours"],
            &["--last", "30", "days", "cras"],
            &["cras", "--last", "30-days", "--json"],
        ] {
            assert_eq!(content(flags).unwrap(), thirty_days, "{flags:?}");
        }
        assert_eq!(content(&["--last", "month", "cras"]).unwrap().1.to, "2026-10-31");
        let error = content(&["cras", "--last", "30", "decades"]).unwrap_err().to_string();
        assert!(error.contains("decades"), "{error}");
    }

    #[test]
    fn events_are_retried_by_position_or_all_of_them() {
        let retry =
            |flags: &[&str]| match Arguments::parse_from(["cra", "parked"].iter().chain(flags)).command {
                Command::Parked(args) => args.retry,
                other => panic!("{other:?}"),
            };
        assert_eq!(retry(&[]), None);
        assert_eq!(retry(&["--retry"]), Some(vec![]));
        assert_eq!(retry(&["--retry", "7", "12", "--json"]), Some(vec![7, 12]));
    }

    #[test]
    fn endpoints_may_follow_the_command() {
        let arguments =
            Arguments::parse_from(["cra", "communes", "saint", "denis", "--projection-url", "http://h:1"]);
        assert_eq!(arguments.endpoints.projection_url, "http://h:1");
        assert!(matches!(arguments.command, Command::Communes(args) if args.text == ["saint", "denis"]));
    }
}
