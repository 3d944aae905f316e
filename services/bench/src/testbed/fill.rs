//! Fills a log with the data: atomic batches, each made on another core while the one before is written.

use std::sync::Arc;

use anyhow::Context as _;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::{LogEntry, Position, RESTORE_EVENTS_MAX, Restore as _, StreamId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;

use super::retained::Manifest;
use crate::generator::{Generator, Invalid, Step};

/// Batches made ahead.
const BATCHES_AHEAD: usize = 4;

/// Writes every event of the data, and says what the log holds then.
pub(super) async fn fill(
    settings: NatsSettings,
    generator: &Arc<Generator>,
    bar: &ProgressBar,
) -> anyhow::Result<Manifest> {
    let log = NatsLog::connect(settings).await.context("the log to fill cannot be opened")?;
    let mut steps = generator.steps();
    let mut next = Position::START.next();
    let batches = std::iter::from_fn(|| {
        let batch: Vec<_> = steps.by_ref().take(RESTORE_EVENTS_MAX).collect();
        let first = next;
        next = Position(next.0 + batch.len() as u64);
        (!batch.is_empty()).then_some((first, batch))
    });
    let made = batches.map(|(first, batch)| {
        let generator = Arc::clone(generator);
        tokio::task::spawn_blocking(move || entries(&generator, first, &batch))
    });
    let mut made = stream::iter(made).buffered(BATCHES_AHEAD);
    let mut manifest = Manifest { events: 0, payload_bytes: 0 };
    bar.set_length(generator.cras());
    while let Some(entries) = made.try_next().await? {
        let entries = entries?;
        manifest.events += entries.len() as u64;
        manifest.payload_bytes += entries.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
        log.restore(entries).await.context("the log cannot be filled")?;
        bar.set_position(manifest.events);
    }
    Ok(manifest)
}

fn entries(generator: &Generator, first: Position, steps: &[Step]) -> Result<Vec<LogEntry>, Invalid> {
    let entries = (first.0..).zip(steps).map(|(position, step)| {
        let stored = generator.event(*step)?;
        Ok(LogEntry {
            position: Position(position),
            stream: Some(StreamId(stored.cra_id)),
            event_id: Some(stored.event_id),
            payload: stored.payload,
            appended_at: stored.recorded_at,
            trace: None,
        })
    });
    entries.collect()
}
