//! Reads all events after a position, in order, then new ones.
//!
//! Uses an ephemeral pull consumer without acknowledgements. It is recreated at the last delivered position after each
//! reconnection, error, gap, or silence while the head advances: the server counts messages lost with a connection as
//! delivered. A gap that a new consumer delivers too is real.

use std::sync::Arc;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::InfoError;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::FutureExt as _;
use tokio::time::{Duration, sleep, timeout};
use uuid::Uuid;

use super::link::Link;
use super::message::Subjects;
use super::metadata::StreamHead;
use super::pull_batches::{BatchSize, Delivered, PullBatches};
use crate::lineage::LogIdentity;
use crate::port::{LogEntry, ReadError};
use crate::position::Position;

/// When the server drops an unused consumer.
const CONSUMER_IDLE: Duration = Duration::from_secs(30);
/// Silence after which the reader compares its position with the head. Also the server's heartbeat interval.
const WATCHDOG: Duration = Duration::from_secs(2);
/// Number of consecutive missed heartbeats after which the consumer is considered lost.
const SILENCES_MAX: u32 = 2;
const REOPEN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();
/// A starting server may not know its streams yet: only this many consecutive misses mean that the stream is gone.
const STREAM_MISSES_MAX: u32 = 8;

pub(super) struct Reader {
    link: Link,
    subjects: Subjects,
    batch_size: BatchSize,
    /// Position of the last delivered event.
    position: Position,
    /// Id of the last delivered event, if it has one: a restored log may have another event at its position.
    last: Option<Uuid>,
    /// The log that it reads, known after the first opening.
    identity: Option<LogIdentity>,
    open: Option<Open>,
    failures: usize,
    misses: u32,
    ended: bool,
}

/// A consumer, and the connection it was created on.
struct Open {
    batches: PullBatches,
    /// Number of consecutive missed heartbeats.
    silences: u32,
    generation: u64,
    /// Whether it has delivered nothing yet: a gap would be real.
    fresh: bool,
}

/// Why the reader could not be opened.
enum NotOpen {
    /// A retry may succeed.
    Away(String),
    /// It is not the log that the reader knows.
    Lost(ReadError),
}

/// A delivery or its absence.
enum Event {
    Entry(Result<LogEntry, ReadError>),
    SignOfLife,
    Failed(String),
    Silence,
    Reconnected,
}

impl Reader {
    pub(super) fn new(link: Link, subjects: Subjects, after: Position, batch_size: BatchSize) -> Self {
        Self {
            link,
            subjects,
            batch_size,
            position: after,
            last: None,
            identity: None,
            open: None,
            failures: 0,
            misses: 0,
            ended: false,
        }
    }

    /// The next event; `None` after an error.
    pub(super) async fn next(&mut self) -> Option<Result<LogEntry, ReadError>> {
        if self.ended {
            return None;
        }
        let next = self.advance().await;
        self.ended = next.is_err();
        Some(next)
    }

    async fn advance(&mut self) -> Result<LogEntry, ReadError> {
        loop {
            let Some(open) = self.open.as_mut() else {
                match self.reopen().await {
                    Ok(open) => self.open = Some(open),
                    Err(NotOpen::Lost(error)) => return Err(error),
                    Err(NotOpen::Away(reason)) => self.back_off(&reason).await,
                }
                continue;
            };
            match event(&self.link, &self.subjects, open).await {
                Event::Entry(entry) => {
                    if let Some(entry) = self.place(entry?)? {
                        return Ok(entry);
                    }
                }
                Event::SignOfLife => {}
                Event::Silence => self.check().await?,
                Event::Reconnected => self.open = None,
                Event::Failed(reason) => {
                    self.open = None;
                    self.back_off(&reason).await;
                }
            }
        }
    }

    /// Returns the next entry; skips repeated ones; checks gaps again.
    fn place(&mut self, entry: LogEntry) -> Result<Option<LogEntry>, ReadError> {
        let expected = self.position.next();
        let fresh = self.open.as_mut().is_some_and(|open| std::mem::take(&mut open.fresh));
        if entry.position == expected {
            self.position = expected;
            self.last = entry.event_id;
            self.failures = 0;
            return Ok(Some(entry));
        }
        if entry.position > expected {
            if fresh {
                return Err(ReadError::Gap { expected, found: entry.position });
            }
            tracing::warn!(
                expected = expected.0,
                found = entry.position.0,
                "the log sent events with a gap: reopening the reader"
            );
            self.open = None;
        }
        Ok(None)
    }

    /// After a silence: checks that the log is the same and has no further events.
    async fn check(&mut self) -> Result<(), ReadError> {
        match self.compare().await {
            Ok(head) if head.last > self.position => {
                tracing::warn!(
                    position = self.position.0,
                    head = head.last.0,
                    "the log has advanced without the reader: reopening it"
                );
                self.open = None;
            }
            Ok(_) => self.failures = 0,
            Err(NotOpen::Lost(error)) => return Err(error),
            Err(NotOpen::Away(reason)) => {
                self.open = None;
                self.back_off(&reason).await;
            }
        }
        Ok(())
    }

    /// Creates a consumer at the position, on the log that the reader knows.
    async fn reopen(&mut self) -> Result<Open, NotOpen> {
        // Taken before the first request, so that a later connection loss is noticed.
        let generation = self.link.state.borrow().generation;
        self.compare().await?;
        self.compare_last().await?;
        let config = pull::Config {
            name: Some(format!("reader-{}", Uuid::new_v4().simple())),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.position.next().0 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: CONSUMER_IDLE,
            // A loss is harmless, and persistence would cost the server writes.
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.link.stream.create_consumer(config).await.map_err(away)?;
        let batches =
            PullBatches::of(consumer, &self.link, Arc::clone(&self.batch_size)).await.map_err(away)?;
        tracing::debug!(position = self.position.0, "reading the log");
        Ok(Open { batches, silences: 0, generation, fresh: true })
    }

    /// Checks that the stream is the known log, and reaches the reader's position.
    async fn compare(&mut self) -> Result<StreamHead, NotOpen> {
        let head = match self.link.stream.get_info().await {
            Ok(info) => StreamHead::from(&info),
            Err(error) => return Err(self.missing(&error)),
        };
        self.misses = 0;
        let expected = self.position.next();
        let gap = |found| NotOpen::Lost(ReadError::Gap { expected, found });
        if *self.identity.get_or_insert_with(|| head.identity.clone()) != head.identity {
            tracing::error!(found = head.identity.0, "the log was created again");
            return Err(gap(Position::START));
        }
        if head.last < self.position {
            return Err(gap(head.last));
        }
        if head.last > self.position && head.first > expected {
            return Err(gap(head.first));
        }
        Ok(head)
    }

    /// Checks that the last delivered event is still at its position: a log restored from an older copy may have grown
    /// past it before the reader returned.
    async fn compare_last(&self) -> Result<(), NotOpen> {
        let Some(last) = self.last else {
            return Ok(());
        };
        let found = match self.link.stream.get_raw_message(self.position.0).await {
            Ok(message) => self.subjects.stored(message).map_err(NotOpen::Lost)?.event_id,
            Err(error) => return Err(away(error)),
        };
        if found == Some(last) {
            return Ok(());
        }
        tracing::error!(position = self.position.0, "the log holds another event where one was read");
        Err(NotOpen::Lost(ReadError::Gap { expected: self.position.next(), found: self.position }))
    }

    fn missing(&mut self, error: &InfoError) -> NotOpen {
        if stream_is_missing(error) {
            self.misses += 1;
            if self.misses > STREAM_MISSES_MAX {
                tracing::error!("the log is gone");
                return NotOpen::Lost(ReadError::Gap {
                    expected: self.position.next(),
                    found: Position::START,
                });
            }
        }
        away(error)
    }

    async fn back_off(&mut self, reason: &str) {
        let pause = REOPEN.build().nth(self.failures.min(10)).unwrap_or_default();
        tracing::warn!(
            position = self.position.0,
            reason,
            pause_ms = pause.as_millis(),
            "the log cannot be read for now"
        );
        self.failures = self.failures.saturating_add(1);
        sleep(pause).await;
        // After the client has closed, the next request reports it.
        self.link.came_up().await;
    }
}

/// Waits for the next message, a new connection, or the watchdog.
async fn event(link: &Link, subjects: &Subjects, open: &mut Open) -> Event {
    let Open { batches, silences, generation, .. } = open;
    // Fast path: most messages have already arrived, so no timer is needed.
    if let Some(next) = batches.next().now_or_never() {
        *silences = 0;
        return delivered(subjects, next);
    }
    let mut state = link.state.clone();
    let next = tokio::select! {
        next = timeout(WATCHDOG, batches.next()) => next,
        changed = state.wait_for(|state| state.up && state.generation != *generation) => {
            return match changed {
                Ok(_) => Event::Reconnected,
                Err(_) => Event::Failed("the client is closed".to_owned()),
            };
        }
    };
    match next {
        Ok(next) => {
            *silences = 0;
            delivered(subjects, next)
        }
        Err(_) if *silences == SILENCES_MAX => Event::Failed("the server is silent".to_owned()),
        Err(_) => {
            *silences += 1;
            Event::Silence
        }
    }
}

fn delivered(subjects: &Subjects, next: Result<Delivered<'_>, String>) -> Event {
    match next {
        Ok(Delivered::Event(message)) => Event::Entry(subjects.delivered(message)),
        Ok(Delivered::SignOfLife) => Event::SignOfLife,
        Err(reason) => Event::Failed(reason),
    }
}

fn away(error: impl std::fmt::Display) -> NotOpen {
    NotOpen::Away(error.to_string())
}

fn stream_is_missing(error: &InfoError) -> bool {
    let source = std::error::Error::source(error);
    source
        .and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>())
        .is_some_and(|error| error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
