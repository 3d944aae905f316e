//! The arguments of `cra import`.

use std::path::PathBuf;

use clap::Args;

const DETAILS: &str = "\
FILE contains the documents as the older system stored them, for example from `mongoexport` in any of its JSON \
formats (--jsonFormat=relaxed or canonical, --jsonArray, --pretty): one JSON object per line, an array, or indented \
objects; plain, gzip or zstd, detected by the first bytes. A document's id is its `_id`, a text, {\"$oid\": text} or \
a reference. Each field is read by its shape, whatever form the document has.

A document is recorded byte for byte. Importing the same document again changes nothing, even in another layout or \
format. If a document's updatedAt, or else its createdAt, is later than that of the recorded one, it becomes the \
next revision of its CRA, unless the CRA was corrected or withdrawn here. A database that is still in use can \
therefore be imported every night. Any other document with the same id is refused with ALREADY_EXISTS and the fields \
that differ.

An interrupted import resumes when the same command is run again: its progress is stored in FILE.progress, at most a \
second old, and removed at the end. Without that file everything is sent again, which is safe.

Exit code: 0 if every document is in the log, 1 if some were refused or unreadable, 2 if the import could not \
finish.";

#[derive(Debug, Args)]
#[command(after_long_help = DETAILS)]
pub(crate) struct ImportArgs {
    /// File to import, plain, gzip or zstd; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Form of the documents, a label for statistics: 1 until March 2022, 2 until November 2022, 3 since [default:
    /// derived from each document's createdAt]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub(crate) form_version: Option<u32>,
    /// Write every refused, unreadable or repaired document to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where to store the progress of the import [default: FILE.progress]
    #[arg(long, value_name = "FILE")]
    pub(crate) progress: Option<PathBuf>,
    /// Start from the beginning of the file, whatever an earlier run reached
    #[arg(long)]
    pub(crate) restart: bool,
    /// How long to wait for an unavailable service before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) retry_for: u64,
    /// Write one JSON object per outcome, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl ImportArgs {
    /// The form as the contract's number; 0 if none is declared.
    pub(crate) fn declared_form(&self) -> u32 {
        self.form_version.unwrap_or_default()
    }
}
