//! Verification of a backup by itself: its manifest, its digests, its positions, and each event as its reader sees it.

use std::path::Path;

use super::manifest::Manifest;
use super::{BackupError, Progress, read_segment};
use cra_eventlog::{LogEntry, Position};

/// Checks the backup in `dir` and gives its manifest. `read` gets every event, in order: what an event means is not
/// known here, and what the log took faithfully is no damage of its backup.
pub async fn verify(
    dir: &Path,
    mut read: impl FnMut(&LogEntry) + Send,
    mut told: impl FnMut(Progress) + Send,
) -> Result<Manifest, BackupError> {
    let manifest = super::manifest(dir)?;
    let mut progress = Progress { position: Position::START, end: manifest.last_position, skipped: 0 };
    told(progress);
    for segment in &manifest.segments {
        for entry in &read_segment(dir, segment).await? {
            read(entry);
        }
        progress.position = segment.last;
        told(progress);
    }
    Ok(manifest)
}
