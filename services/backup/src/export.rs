//! Export: copies a log into a folder, from the end of the existing backup to the end of the log at the start.
//!
//! If it is killed, the backup stays as it was after its last complete segment, and the next run resumes there. The
//! existing backup is verified first, and never rewritten.

use std::path::Path;
use std::sync::Arc;

use super::folder::{self, Folder};
use super::manifest::Manifest;
use super::segment::{self, Draft};
use super::{BackupError, Progress, at, blocking, next_entry, read_segment};
use cra_eventlog::{Position, Read};

/// Exports what the backup in `dir` lacks, and returns its manifest.
pub async fn export(
    log: &dyn Read,
    dir: &Path,
    mut reported: impl FnMut(Progress) + Send,
) -> Result<Manifest, BackupError> {
    let (folder, mut manifest) = open(log, dir).await?;
    let skipped = manifest.last_position.0;
    let end = log.head().await?.position;
    let mut progress = Progress { position: manifest.last_position, end, skipped };
    reported(progress);
    let mut entries = log.read(manifest.last_position);
    while manifest.last_position < end {
        let mut draft = Draft::new(manifest.last_position.next());
        while progress.position < end && !draft.is_full() {
            let entry = next_entry(&mut entries, progress.position.next()).await?;
            draft.push(&entry).map_err(|reason| at(dir)(std::io::Error::other(reason)))?;
            progress.position = entry.position;
        }
        let (folder, mut updated) = (Arc::clone(&folder), manifest);
        manifest = blocking(move || folder.add(&mut updated, &draft).map(|_| updated)).await?;
        reported(progress);
    }
    Ok(manifest)
}

/// Opens the folder for this log, or starts a backup in it.
async fn open(log: &dyn Read, dir: &Path) -> Result<(Arc<Folder>, Manifest), BackupError> {
    let head = log.head().await?;
    let folder = Arc::new(Folder::open(dir)?);
    let Some(manifest) = folder::manifest(dir)? else {
        let manifest = Manifest::new(head.identity, head.predecessors);
        // Before any segment, so that the folder is always known to belong to this log.
        folder.save(&manifest)?;
        return Ok((folder, manifest));
    };
    if manifest.log != head.identity {
        return Err(BackupError::OtherLog { backup: manifest.log, log: head.identity });
    }
    if manifest.last_position > head.position {
        return Err(BackupError::LogLostItsEnd { log: head.position, backup: manifest.last_position });
    }
    check(log, dir, &manifest).await?;
    Ok((folder, manifest))
}

/// Verifies the bytes of every segment, and that the log contains the backup's last event.
async fn check(log: &dyn Read, dir: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let Some((last, former)) = manifest.segments.split_last() else {
        return Ok(());
    };
    for segment in former {
        let (path, segment) = (dir.join(segment.file_name()), segment.clone());
        blocking(move || segment::read_packed(&path, &segment).map(drop)).await?;
    }
    let entries = read_segment(dir, last).await?;
    let position: Position = manifest.last_position;
    let (Some(expected), Some(found)) = (entries.last(), log.entry(position).await?) else {
        return Err(BackupError::Differs { position, what: "the content" });
    };
    super::import::compare(expected, &found)
}
