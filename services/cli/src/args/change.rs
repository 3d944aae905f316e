//! The arguments of `cra correct` and `cra withdraw`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

const CORRECT_DETAILS: &str = "\
Without --set or --cra, the CRA opens in the editor of VISUAL or EDITOR (otherwise vi) as one line per field, `path \
= value`. The changes are shown before they are sent. If the text has a fault, the editor opens again on the same \
text; without a terminal, the command ends with exit code 1 and names the file with the text, for --cra FILE.

PATH is a field's path in the contract, in snake case or camel case (place.commune_code, place.communeCode): \
advisor_id, structure_id, date, place.*, activity, participants, returning_participants, ages.*, statuses.*, themes, \
sub_themes, annotation, duration.band, duration.minutes, follow_up.individual, follow_up.workshop, \
follow_up.redirections. An empty value clears the field. Words may be names of the contract, slugs of the older form \
or labels; lists are separated by commas: --set themes=courriel,sante. Redirections are written as --set \
'follow_up.redirections=CAF: 2 | Mairie: 1'.

--file takes one JSON object per line: {\"craId\": …, \"set\": {\"date\": \"2026-10-01\"}, \"reason\": …}, or \
\"cra\" with the whole content instead of \"set\". \"expectedRevision\" restricts a change to that revision. Objects \
in \"set\" are merged (RFC 7386). An edited export of `cra export cras` is accepted too, as NDJSON, CSV or XLSX: \
each row corrects the revision that it shows, and an unedited row changes nothing.

A correction that is already recorded is not recorded again. Required scopes: cra:read and cra:correct.

Exit code: 0 if everything is recorded, 1 if something was refused or another client changed the CRA first, 2 if the \
service could not be asked.";

const WITHDRAW_DETAILS: &str = "\
A withdrawn CRA leaves the statistics and keeps its history; it cannot be corrected or recorded again.

--file takes one JSON object per line, {\"craId\": …, \"reason\": …}, with \"expectedRevision\" to withdraw only \
that revision; or a table with the columns id and reason.

A withdrawal that is already recorded is not recorded again. Required scopes: cra:read and cra:correct.

Exit code: 0 if everything is recorded, 1 if something was refused or another client changed the CRA first, 2 if the \
service could not be asked.";

/// The CRAs to change, the reason, and how the command proceeds.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The CRA's id, a UUID
    #[arg(value_name = "ID", required_unless_present = "file", conflicts_with = "file")]
    pub(crate) cra_id: Option<String>,
    /// Change many CRAs, from this file; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expected_revision")]
    pub(crate) file: Option<PathBuf>,
    /// Reason, 3 to 500 characters; with --file, for the lines that have none
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Change only this revision [default: the current one]
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u64>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait for an unavailable service before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_for: u64,
    /// Write one JSON object per outcome, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl ChangeArgs {
    /// How long to wait for an unavailable service.
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
    /// Read the content from this file, as saved by the editor or as JSON; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) cra: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = WITHDRAW_DETAILS)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
