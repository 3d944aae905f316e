//! The arguments of `cra import`.

use std::path::PathBuf;

use clap::Args;

/// What a document is, how an import goes on after an interruption, and what is told of it.
const DETAILS: &str = "\
FILE holds the documents as the older system stored them, such as `mongoexport` writes them, in any of its JSON formats \
(--jsonFormat=relaxed or canonical, --jsonArray, --pretty): one JSON object per line, an array, or objects laid out over \
lines; plain, gzip or zstd, told apart by the first bytes. A document's id is its `_id`, a text, {\"$oid\": text} or a \
reference. Each field is read by the shape it has, whatever form the document is of.

A document is recorded byte for byte as it stands. Importing the same document again changes nothing, also in another \
layout or format. A document whose updatedAt, else its createdAt, is later than the recorded one's is recorded as the \
next revision of its CRA, as long as the CRA was neither corrected nor withdrawn here: a base that is still in use can be \
imported every night. Another document is refused with ALREADY_EXISTS, and with the fields that differ.

An import that is interrupted goes on from where it was when the same command is run again: how far it came is kept in \
FILE.progress, at most a second old, and removed at the end. Without it everything is sent again, which is safe.

Exit code: 0 when every document is in the log, 1 when some were refused or unreadable, 2 when the import could not be \
brought to its end.";

#[derive(Debug, Args)]
#[command(after_long_help = DETAILS)]
pub(crate) struct ImportArgs {
    /// File to import, plain, gzip or zstd; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Form the documents were written with, a label for statistics: 1 until March 2022, 2 until November 2022, 3 since
    /// [default: told by each document's createdAt]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub(crate) form_version: Option<u32>,
    /// Write every document that was refused, unreadable or repaired to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where to keep how far the import is [default: FILE.progress]
    #[arg(long, value_name = "FILE")]
    pub(crate) progress: Option<PathBuf>,
    /// Begin at the start of the file, however far an earlier run came
    #[arg(long)]
    pub(crate) restart: bool,
    /// How long to wait for a service that is away before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) retry_for: u64,
    /// Write one JSON object per outcome, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl ImportArgs {
    /// The form in the contract's number: 0 where none is declared.
    pub(crate) fn declared_form(&self) -> u32 {
        self.form_version.unwrap_or_default()
    }
}
