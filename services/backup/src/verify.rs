//! Verification of a backup without its log: manifest, digests, positions, and each event as its reader sees it.

use std::path::Path;

use super::manifest::Manifest;
use super::{BackupError, Progress, read_segment};
use cra_eventlog::{LogEntry, Position};

/// Verifies the backup in `dir` and returns its manifest. `read` receives every event, in order: the meaning of events
/// is unknown here, and an unreadable event that the log holds is not damage of its backup.
pub async fn verify(
    dir: &Path,
    mut read: impl FnMut(&LogEntry) + Send,
    mut reported: impl FnMut(Progress) + Send,
) -> Result<Manifest, BackupError> {
    let manifest = super::manifest(dir)?;
    let mut progress = Progress { position: Position::START, end: manifest.last_position, skipped: 0 };
    reported(progress);
    for segment in &manifest.segments {
        for entry in &read_segment(dir, segment).await? {
            read(entry);
        }
        progress.position = segment.last;
        reported(progress);
    }
    Ok(manifest)
}
