//! Reading: every event after a position, in order, then those to come.
//!
//! A plain ephemeral pull consumer without acknowledgements carries the events. It is made anew at the last
//! given position after each reconnection, error, hole or silence while the head moves: what was on its way
//! on a lost connection counts as delivered for the server. A hole that a new consumer shows too is real.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::InfoError;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{Duration, sleep, timeout};
use uuid::Uuid;

use super::link::{Link, StreamHead};
use super::message::Subjects;
use crate::port::{LogEntry, LogIdentity, Position, ReadError};

/// Most events asked for at a time; with the next request under way at half of it.
pub(super) const READ_AHEAD_MAX: usize = 10_000;
/// Bytes asked for at a time: what a reader may hold, about twice over.
const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
const BATCH_EXPIRES: Duration = Duration::from_secs(10);
/// A server silent for two of these has lost the consumer.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// When the server drops a consumer nobody asks any more.
const CONSUMER_IDLE: Duration = Duration::from_secs(30);
/// After this silence, the reader compares its position with the head.
const WATCHDOG: Duration = Duration::from_secs(2);
const REOPEN_FIRST_MS: u64 = 100;
const REOPEN_MAX_MS: u64 = 5_000;
/// A server that starts may not know its streams yet: only this many misses in a row mean that it is gone.
const STREAM_MISSES_MAX: u32 = 8;

/// One reader.
pub(super) struct Reader {
    link: Link,
    subjects: Subjects,
    read_ahead: usize,
    /// The last event given.
    position: Position,
    /// The id of an event given here, where it has one: the log may come back with another event in its place.
    last: Option<Uuid>,
    /// The log it reads, known from the first opening on.
    identity: Option<LogIdentity>,
    open: Option<Open>,
    failures: u32,
    misses: u32,
    ended: bool,
}

/// A consumer, and the connection it was made on.
struct Open {
    messages: pull::Stream,
    generation: u64,
    /// Nothing came yet: a hole would be a real one.
    fresh: bool,
}

/// Why the reader is not open.
enum NotOpen {
    /// Another try may do.
    Away(String),
    /// It is not the log the reader knew.
    Lost(ReadError),
}

/// What came, or did not.
enum Event {
    Entry(Result<LogEntry, ReadError>),
    Failed(String),
    Silence,
    Reconnected,
}

impl Reader {
    pub(super) fn new(link: Link, subjects: Subjects, after: Position, read_ahead: usize) -> Self {
        Self {
            link,
            subjects,
            read_ahead,
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
                Event::Silence => self.check().await?,
                Event::Reconnected => self.open = None,
                Event::Failed(reason) => {
                    self.open = None;
                    self.back_off(&reason).await;
                }
            }
        }
    }

    /// Gives the entry that follows; leaves out what was given before; looks again at a hole.
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
                "a hole in what the log sent: reading anew"
            );
            self.open = None;
        }
        Ok(None)
    }

    /// After a silence: all is well when the log is the same and has nothing more.
    async fn check(&mut self) -> Result<(), ReadError> {
        match self.compare().await {
            Ok(head) if head.last > self.position => {
                tracing::warn!(
                    position = self.position.0,
                    head = head.last.0,
                    "the log moves and the reader does not: reading anew"
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

    /// Makes a consumer at the position, on the log the reader knows.
    async fn reopen(&mut self) -> Result<Open, NotOpen> {
        // Before the first request: a connection lost from here on is noticed.
        let generation = self.link.state.borrow().generation;
        self.compare().await?;
        self.compare_last().await?;
        let config = pull::Config {
            name: Some(format!("reader-{}", Uuid::new_v4().simple())),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.position.next().0 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: CONSUMER_IDLE,
            // Losing it costs nothing, and keeping it would cost the server writes.
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.link.stream.create_consumer(config).await.map_err(away)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.read_ahead)
            .max_bytes_per_batch(BATCH_BYTES_MAX)
            .expires(BATCH_EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(away)?;
        tracing::debug!(position = self.position.0, "reading the log");
        Ok(Open { messages, generation, fresh: true })
    }

    /// Checks that the stream is the one the reader knows, and reaches as far as it has read.
    async fn compare(&mut self) -> Result<StreamHead, NotOpen> {
        let head = match self.link.stream.get_info().await {
            Ok(info) => StreamHead::from(&info),
            Err(error) => return Err(self.missing(&error)),
        };
        self.misses = 0;
        let expected = self.position.next();
        let gap = |found| NotOpen::Lost(ReadError::Gap { expected, found });
        if *self.identity.get_or_insert_with(|| head.identity.clone()) != head.identity {
            tracing::error!(found = head.identity.0, "the log was created anew");
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

    /// Checks that the last event given stands where it stood: a log restored from an older copy may have grown past
    /// it again before the reader came back.
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
        let pause_ms = (REOPEN_FIRST_MS << self.failures.min(10)).min(REOPEN_MAX_MS);
        tracing::warn!(position = self.position.0, reason, pause_ms, "the log cannot be read for now");
        self.failures = self.failures.saturating_add(1);
        sleep(Duration::from_millis(pause_ms)).await;
        // A client that is closed comes up no more: the next request says so.
        self.link.came_up().await;
    }
}

/// Waits for the next message, a new connection, or the watchdog.
async fn event(link: &Link, subjects: &Subjects, open: &mut Open) -> Event {
    // Most messages are there already: no timer for those.
    if let Some(next) = open.messages.next().now_or_never() {
        return delivered(subjects, next);
    }
    let generation = open.generation;
    let mut state = link.state.clone();
    tokio::select! {
        next = timeout(WATCHDOG, open.messages.next()) => {
            next.map_or(Event::Silence, |next| delivered(subjects, next))
        },
        changed = state.wait_for(|state| state.up && state.generation != generation) => match changed {
            Ok(_) => Event::Reconnected,
            Err(_) => Event::Failed("the client is closed".to_owned()),
        },
    }
}

fn delivered(
    subjects: &Subjects,
    next: Option<Result<async_nats::jetstream::Message, pull::MessagesError>>,
) -> Event {
    match next {
        Some(Ok(message)) => Event::Entry(subjects.delivered(message)),
        Some(Err(error)) => Event::Failed(error.to_string()),
        None => Event::Failed("the consumer ended".to_owned()),
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
