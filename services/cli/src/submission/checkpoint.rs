//! Progress of an import of a file, stored next to the file so that a later run resumes: how many items from the start
//! are reported, their outcomes, and the file, form and service. Replaced atomically, so that it is one state or the
//! next whenever the process ends.
//!
//! It saves time and decides nothing: an import can always be run again from the start, and a checkpoint that is lost,
//! or of another file, form or service, is not used. The command checks that the log still holds the recorded items.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cra_private::AtomicFile;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Tally;

/// Added to the file's name for the checkpoint's.
const SUFFIX: &str = ".progress";
/// What a file is known by, from its start.
const START_BYTES: u64 = 64 * 1_024;
/// Largest checkpoint that is read; those written are far below.
const CHECKPOINT_BYTES_MAX: u64 = 64 * 1_024;

/// What is imported, and where to. Another one begins at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    /// Of the file, packed as it is.
    bytes: u64,
    /// When the file was last written, in milliseconds from 1970 on; 0 where that is not known.
    modified_ms: u64,
    /// Digest of the file's first 64 KiB.
    start: Uuid,
    form_version: u32,
    ingestion_url: String,
}

impl Subject {
    /// Reads what the file is known by.
    pub(crate) fn of(
        path: &Path,
        metadata: &Metadata,
        form_version: u32,
        ingestion_url: &str,
    ) -> io::Result<Self> {
        let mut start = Vec::new();
        File::open(path)?.take(START_BYTES).read_to_end(&mut start)?;
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Ok(Self {
            bytes: metadata.len(),
            modified_ms: since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0),
            start: Uuid::new_v5(&Uuid::nil(), &start),
            form_version,
            ingestion_url: ingestion_url.to_owned(),
        })
    }
}

/// Progress of an import: the tally counts the items from the file's start that are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reached {
    pub(crate) tally: Tally,
    /// The last CRA that a receipt named: a log that does not hold it is another one. Empty before the first.
    pub(crate) last_cra_id: String,
    /// The report as it was, where one is written.
    pub(crate) report: Option<ReportReached>,
}

/// How long a report is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportReached {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    subject: Subject,
    reached: Reached,
}

/// What was kept of an earlier run.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is none.
    Nothing,
    /// It is of another import, for this reason.
    Unfit(&'static str),
    Reached(Reached),
}

/// The file that keeps how far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// In the folder of the file that is imported.
    pub(crate) fn next_to(file: &Path) -> Self {
        Self::at(with_suffix(file, SUFFIX))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What was kept, if it is of this subject. An error when a file of another kind is there, which is not to be
    /// written over.
    pub(crate) fn find(&self, subject: &Subject) -> io::Result<Found> {
        let mut text = Vec::new();
        let read =
            File::open(&self.path).and_then(|file| file.take(CHECKPOINT_BYTES_MAX).read_to_end(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
            // What a power cut leaves.
            Ok(0) => return Ok(Found::Nothing),
            Ok(_) => {}
        }
        let written: Written = serde_json::from_slice(&text)?;
        Ok(if written.subject == *subject {
            Found::Reached(written.reached)
        } else {
            Found::Unfit(difference(&written.subject, subject))
        })
    }

    /// Replaces the file.
    pub(crate) fn save(&self, subject: &Subject, reached: &Reached) -> io::Result<()> {
        let written = Written { subject: subject.clone(), reached: reached.clone() };
        AtomicFile::replace(&self.path, &serde_json::to_vec(&written)?)
    }

    /// Deletes the file: the import is complete.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn difference(kept: &Subject, asked: &Subject) -> &'static str {
    if kept.form_version != asked.form_version {
        "it is of another form version"
    } else if kept.ingestion_url != asked.ingestion_url {
        "it is of another ingestion service"
    } else {
        "the file has changed since"
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
