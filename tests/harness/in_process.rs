//! `StatisticsService` over read models in this process: its methods are called directly, without a network and without
//! a log server. The log can be ahead of the read models.

use std::num::{NonZeroU32, NonZeroU64};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cra_contracts::v1 as pb;
use cra_domain::event;
use cra_eventlog::{Head, LogEntry, LogIdentity, Position, Read, ReadError, StreamId};
use cra_projection::generations::{DataFolder, Generations};
use cra_projection::publications::Publications;
use cra_projection::queries::LogHead;
use cra_projection::queries::page::Signer;
use cra_projection::services;
use cra_runtime::clock::FixedClock;
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::InFlight;
use cra_runtime::shutdown::Shutdown;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use tempfile::TempDir;
use tokio_stream::Stream;

const LOG: &str = "a log in memory";
/// After every event of the tests.
const NOW: &str = "2030-01-01T00:00:00Z";

/// The service, its read models and their log.
pub(crate) struct InProcess {
    pub(crate) service: services::Statistics,
    generations: Arc<Generations>,
    log: Arc<HeldLog>,
    shutdown: Shutdown,
    // Dropped last: the others have files in it.
    _folder: TempDir,
}

impl InProcess {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = LogIdentity(LOG.into());
        let opened =
            Generations::open(DataFolder::open(folder.path()).unwrap(), &identity, Timestamp::UNIX_EPOCH)
                .unwrap();
        let (generations, log, shutdown) = (Arc::new(opened), Arc::default(), Shutdown::new());
        let service = statistics(&generations, &log, &shutdown);
        Self { service, generations, log, shutdown, _folder: folder }
    }

    /// The service over a log of these events, applied in one batch.
    pub(crate) fn of(events: &[pb::CraEvent]) -> Self {
        let process = Self::new();
        process.apply(events, &[events.len().max(1)]);
        process
    }

    /// Appends events to the log and applies them, in batches of these sizes, repeated.
    pub(crate) fn apply(&self, events: &[pb::CraEvent], sizes: &[usize]) {
        self.record(events);
        let mut sizes = sizes.iter().cycle();
        let generation = self.generations.serving();
        loop {
            let after = generation.position();
            let batch = self.log.after(after, *sizes.next().unwrap());
            if batch.is_empty() {
                return;
            }
            generation.apply(&batch, Timestamp::UNIX_EPOCH).unwrap();
        }
    }

    /// Appends events to the log, without applying them.
    pub(crate) fn record(&self, events: &[pb::CraEvent]) {
        let mut entries = self.log.0.lock().unwrap();
        for event in events {
            let position = Position(entries.len() as u64).next();
            entries.push(entry(position, event));
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// The service as the projection builds it, with enough permits for all queries at once.
fn statistics(
    generations: &Arc<Generations>,
    log: &Arc<HeldLog>,
    shutdown: &Shutdown,
) -> services::Statistics {
    let room = || InFlight::new("questions", NonZeroU32::MAX, Duration::from_millis(500));
    services::Statistics {
        admission: services::Admission {
            generations: Arc::clone(generations),
            log_head: LogHead::of(Arc::clone(log) as Arc<dyn Read>),
            clock: Arc::new(FixedClock::at(NOW.parse().unwrap())),
            callers: Callers::Anyone,
            waiting: room(),
            signer: Signer::with_random_secret(SignedDuration::from_hours(1)).unwrap(),
        },
        in_flight: room(),
        exports: room(),
        export_bytes_max: NonZeroU64::MAX,
        streams: room(),
        publications: Publications::not_configured(),
        shutdown: shutdown.clone(),
    }
}

/// The log entry of an event, stored when it was recorded.
fn entry(position: Position, event: &pb::CraEvent) -> LogEntry {
    LogEntry {
        position,
        stream: event.cra_id.parse().ok().map(StreamId),
        event_id: event.event_id.parse().ok(),
        payload: Bytes::from(event.encode_to_vec()),
        appended_at: event::timestamp("recorded_at", event.recorded_at.as_ref()).unwrap(),
        trace: None,
    }
}

/// A log that only the test appends to.
#[derive(Default)]
struct HeldLog(Mutex<Vec<LogEntry>>);

impl HeldLog {
    fn after(&self, after: Position, limit: usize) -> Vec<LogEntry> {
        let entries = self.0.lock().unwrap();
        entries.iter().filter(|entry| entry.position > after).take(limit).cloned().collect()
    }
}

#[tonic::async_trait]
impl Read for HeldLog {
    fn read(
        &self,
        after: Position,
    ) -> Pin<Box<dyn Stream<Item = Result<LogEntry, ReadError>> + Send + 'static>> {
        let entries: Vec<_> = self.after(after, usize::MAX).into_iter().map(Ok).collect();
        Box::pin(tokio_stream::iter(entries))
    }

    async fn head(&self) -> Result<Head, ReadError> {
        let position = Position(self.0.lock().unwrap().len() as u64);
        Ok(Head { identity: LogIdentity(LOG.into()), position, predecessors: Vec::new() })
    }

    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError> {
        Ok(self.0.lock().unwrap().iter().find(|entry| entry.position == position).cloned())
    }

    async fn history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError> {
        let entries = self.after(Position::START, usize::MAX);
        Ok(entries.into_iter().filter(|entry| entry.stream == Some(stream)).collect())
    }

    fn identity(&self) -> LogIdentity {
        LogIdentity(LOG.into())
    }

    fn is_available(&self) -> bool {
        true
    }
}
