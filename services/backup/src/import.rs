//! Import: restores a backup into a log that is empty or contains the beginning of the same backup.
//!
//! Every event of the backup, whether it existed before or was written now, is read back from the log and compared:
//! either the log equals the backup, or the import fails. A repeated import resumes. Until it has finished, the log
//! accepts no other event (see [`Restore`]); then it lists its predecessors.

use std::path::Path;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use futures::stream::BoxStream;

use super::manifest::Manifest;
use super::{BackupError, Progress, next_entry, read_segment};
use cra_eventlog::{LogEntry, Position, RESTORE_EVENTS_MAX, ReadError, Restore, RestoreError};

/// Size at which a batch of restored events is closed.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Retries while the log is unavailable.
const RETRY: ConstantBuilder =
    ConstantBuilder::new().with_delay(Duration::from_millis(500)).with_max_times(19);

/// Restores the backup in `dir`, and returns its manifest.
pub async fn import(
    log: &dyn Restore,
    dir: &Path,
    reported: impl FnMut(Progress) + Send,
) -> Result<Manifest, BackupError> {
    let manifest = super::manifest(dir)?;
    let reaches = |head: Position| {
        let (log, backup) = (head, manifest.last_position);
        if log > backup { Err(BackupError::LogGoesOn { log, backup }) } else { Ok(()) }
    };
    reaches(log.head().await?.position)?;
    let origin = manifest.origin();
    log.begin(&origin).await.map_err(BackupError::NotClosed)?;
    let mut wrote = false;
    let put = match log.head().await {
        Ok(head) => match reaches(head.position) {
            Ok(()) => restore_events(log, dir, &manifest, head.position, &mut wrote, reported).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error.into()),
    };
    match put {
        Ok(()) => log.finish(&origin).await.map_err(BackupError::NotOpened)?,
        Err(error) => {
            if !wrote && let Err(source) = log.abandon().await {
                tracing::error!(error = %source, "the log stays closed: run the import again");
            }
            return Err(error);
        }
    }
    Ok(manifest)
}

/// Writes the missing events of the backup to the log, and compares all of them.
async fn restore_events(
    log: &dyn Restore,
    dir: &Path,
    manifest: &Manifest,
    head: Position,
    wrote: &mut bool,
    mut reported: impl FnMut(Progress) + Send,
) -> Result<(), BackupError> {
    let mut progress = Progress { position: Position::START, end: manifest.last_position, skipped: head.0 };
    reported(progress);
    let mut found = log.read(Position::START);
    for segment in &manifest.segments {
        let entries = read_segment(dir, segment).await?;
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            // Existing events are compared before any event is appended.
            let there = rest.partition_point(|entry| entry.position <= head);
            let length = if there > 0 { there } else { batch_length(rest) };
            let (batch, further) = rest.split_at(length);
            if there == 0 {
                *wrote = true;
                restore(log, batch).await?;
            }
            read_back(&mut found, batch).await?;
            rest = further;
            if let Some(last) = batch.last() {
                progress.position = last.position;
            }
            reported(progress);
        }
    }
    Ok(())
}

/// Number of entries in the next batch: at least one, if there is one.
#[must_use]
pub fn batch_length(entries: &[LogEntry]) -> usize {
    let mut bytes = 0;
    let fitting = entries.iter().take(RESTORE_EVENTS_MAX).take_while(|entry| {
        let fits = bytes < BATCH_BYTES_MAX;
        bytes += entry.payload.len();
        fits
    });
    fitting.count()
}

/// Writes a batch, retrying while the log is unavailable.
pub async fn restore(log: &dyn Restore, batch: &[LogEntry]) -> Result<(), BackupError> {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
        return Ok(());
    };
    let mut is_first = true;
    let attempt = || {
        let may_be_there = !std::mem::replace(&mut is_first, false);
        async move {
            match log.restore(batch.to_vec()).await {
                // An earlier attempt may have succeeded; reading back shows whether these are its events.
                Err(RestoreError::Misplaced { head, .. }) if may_be_there && head >= last.position => Ok(()),
                restored => restored,
            }
        }
    };
    let restored = attempt
        .retry(RETRY)
        .when(|error| matches!(error, RestoreError::Unavailable(_) | RestoreError::OutcomeUnknown(_)))
        .notify(|error, _| {
            tracing::warn!(%error, first = first.position.0, "the log did not accept the events; retrying");
        })
        .await;
    restored.map_err(|source| BackupError::Restore { first: first.position, last: last.position, source })
}

async fn read_back(
    found: &mut BoxStream<'static, Result<LogEntry, ReadError>>,
    batch: &[LogEntry],
) -> Result<(), BackupError> {
    for expected in batch {
        compare(expected, &next_entry(found, expected.position).await?)?;
    }
    Ok(())
}

/// Compares the log with the backup at one position.
pub(super) fn compare(expected: &LogEntry, found: &LogEntry) -> Result<(), BackupError> {
    let what = if expected.position != found.position {
        "the position"
    } else if expected.stream != found.stream {
        "the stream"
    } else if expected.event_id != found.event_id {
        "the event id"
    } else if expected.payload != found.payload {
        "the payload"
    } else if expected.appended_at != found.appended_at {
        "the time"
    } else {
        return Ok(());
    };
    Err(BackupError::Differs { position: expected.position, what })
}
