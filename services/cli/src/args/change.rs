//! The arguments of `cra correct` and `cra withdraw`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// How a correction is written, and how many are sent at once.
const CORRECT_DETAILS: &str = "\
Without --set or --cra, the CRA opens in the editor of VISUAL or EDITOR (else vi) as one line per field, `path = value`. \
What changes is shown before it is sent. Where something is wrong, the editor opens again on the same text; where no one \
can be asked, the command ends with exit code 1 and names the file that keeps the text, for --cra FILE.

PATH is a field's path in the contract in either spelling (place.commune_code, place.communeCode): advisor_id, \
structure_id, date, place.*, activity, participants, returning_participants, ages.*, statuses.*, themes, sub_themes, \
annotation, duration.band, duration.minutes, follow_up.individual, follow_up.workshop, follow_up.redirections. An empty \
value takes the field away. Words are said as the contract, the older form or a label has them, lists with commas: \
--set themes=courriel,sante; redirections as --set 'follow_up.redirections=CAF: 2 | Mairie: 1'.

--file takes one JSON object per line: {\"craId\": …, \"set\": {\"date\": \"2026-10-01\"}, \"reason\": …}, or \"cra\" with the \
whole content in place of \"set\", and \"expectedRevision\" for a change of that revision only. Objects in \"set\" are \
merged (RFC 7386). What `cra export cras` wrote and was edited is taken too, as NDJSON, CSV or XLSX: each row corrects the \
revision that it shows, and a row that says what it said changes nothing.

A correction that was recorded before is not recorded again. Needs the scopes cra:read and cra:correct.

Exit code: 0 when everything is recorded, 1 when something was refused or overtaken by another change, 2 when it could \
not be asked.";

/// How withdrawals are sent.
const WITHDRAW_DETAILS: &str = "\
A CRA that is withdrawn leaves the statistics and keeps its history; it cannot be corrected or recorded again.

--file takes one JSON object per line, {\"craId\": …, \"reason\": …}, with \"expectedRevision\" for a withdrawal of that \
revision only; or a table with the columns id and reason.

A withdrawal that was recorded before is not recorded again. Needs the scopes cra:read and cra:correct.

Exit code: 0 when everything is recorded, 1 when something was refused or overtaken by another change, 2 when it could \
not be asked.";

/// Which CRAs, why, and how the command goes about it.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The CRA's id, a UUID
    #[arg(value_name = "ID", required_unless_present = "file", conflicts_with = "file")]
    pub(crate) cra_id: Option<String>,
    /// Change many, from this file; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expected_revision")]
    pub(crate) file: Option<PathBuf>,
    /// Why, 3 to 500 characters; with --file, of the lines that say none
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Change this revision or nothing [default: the current one]
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u64>,
    /// Do not ask before it is sent
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait for a service that is away before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_for: u64,
    /// Write one JSON object per outcome, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl ChangeArgs {
    /// How long to wait for a service that is away.
    pub(crate) fn retry_for(&self) -> Duration {
        Duration::from_secs(self.retry_for)
    }
}

#[derive(Debug, Args)]
#[command(after_long_help = CORRECT_DETAILS)]
pub(crate) struct CorrectArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Set a field, such as date=2026-10-01; may be repeated
    #[arg(long, value_name = "PATH=VALUE", conflicts_with_all = ["file", "cra"])]
    pub(crate) set: Vec<String>,
    /// Take the content from this file, as the editor keeps it or as JSON; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) cra: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = WITHDRAW_DETAILS)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
