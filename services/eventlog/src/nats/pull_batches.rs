//! A consumer's messages, requested in batches: the next batch is requested before the current one is used up.
//!
//! The batch size is determined before each request, so that a reader can slow down and speed up. The reader recovers
//! from failures with a new consumer.

use std::sync::Arc;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::{HeaderMap, StatusCode, Subject, Subscriber};
use futures::StreamExt as _;
use tokio::time::Duration;

use super::link::Link;

/// Maximum batch size: a request takes less time than reading a hundred events.
pub const READ_AHEAD_MAX: usize = 10_000;
/// Maximum size of a batch in bytes; a reader may hold about twice as much.
const PORTION_BYTES_MAX: usize = 32 * 1024 * 1024;
const PORTION_EXPIRES: Duration = Duration::from_secs(10);
/// Interval of heartbeats of a server that has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Header with the number of requested events that will not be delivered.
const PENDING_MESSAGES: &str = "Nats-Pending-Messages";

/// Returns the number of events to request at a time, from 1 to [`READ_AHEAD_MAX`]; other values are clamped. Called
/// before each request, not for every event.
pub type BatchSize = Arc<dyn Fn() -> usize + Send + Sync>;

/// A delivery of the server.
pub(super) enum Delivered<'a> {
    /// An event.
    Event(&'a mut jetstream::Message),
    /// A heartbeat: the server is alive, but has nothing to send.
    SignOfLife,
}

/// The messages of one consumer.
pub(super) struct PullBatches {
    consumer: Consumer<pull::Config>,
    inbox: Subject,
    messages: Subscriber,
    batch_size: BatchSize,
    /// Size of the latest batch.
    batch: usize,
    /// Number of requested events that were neither delivered nor cancelled.
    pending: usize,
    /// The last event, kept for its context: attaching a context to each message would cost a substantial part of
    /// reading an event.
    last: Option<jetstream::Message>,
    context: jetstream::Context,
}

impl PullBatches {
    /// Subscribes to the messages of a consumer.
    pub(super) async fn of(
        consumer: Consumer<pull::Config>,
        link: &Link,
        batch_size: BatchSize,
    ) -> Result<Self, async_nats::Error> {
        let inbox = Subject::from(link.client.new_inbox());
        let messages = link.client.subscribe(inbox.clone()).await?;
        let context = jetstream::new(link.client.clone());
        Ok(Self { consumer, inbox, messages, batch_size, batch: 0, pending: 0, last: None, context })
    }

    /// Waits for the next delivery, or returns why there will be none. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Delivered<'_>, String> {
        if self.is_due() {
            self.batch = (self.batch_size)().clamp(1, READ_AHEAD_MAX);
            // Not yet, if the batch size was reduced.
            if self.is_due() {
                self.ask().await?;
            }
        }
        let message = self.messages.next().await.ok_or("the subscription ended")?;
        match message.status {
            None | Some(StatusCode::OK) => {
                self.pending = self.pending.saturating_sub(1);
                Ok(Delivered::Event(match &mut self.last {
                    Some(last) => {
                        last.message = message;
                        last
                    }
                    none => none.insert(jetstream::Message { message, context: self.context.clone() }),
                }))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(Delivered::SignOfLife),
            Some(status @ (StatusCode::TIMEOUT | StatusCode::REQUEST_TERMINATED)) => {
                // A batch that ended early reports the missing number. Otherwise it is an error.
                let missing = message.headers.as_ref().and_then(missing);
                let missing = missing.ok_or_else(|| reported(status, message.description.as_deref()))?;
                self.pending = self.pending.saturating_sub(missing);
                Ok(Delivered::SignOfLife)
            }
            Some(status) => Err(reported(status, message.description.as_deref())),
        }
    }

    /// Whether the next batch must be requested.
    fn is_due(&self) -> bool {
        self.pending <= self.batch / 2
    }

    async fn ask(&mut self) -> Result<(), String> {
        let request = pull::BatchConfig {
            batch: self.batch,
            max_bytes: PORTION_BYTES_MAX,
            expires: Some(PORTION_EXPIRES),
            idle_heartbeat: HEARTBEAT,
            ..pull::BatchConfig::default()
        };
        let asked = self.consumer.request_batch(request, self.inbox.clone()).await;
        asked.map_err(|error| error.to_string())?;
        self.pending += self.batch;
        Ok(())
    }
}

fn missing(headers: &HeaderMap) -> Option<usize> {
    headers.get(PENDING_MESSAGES)?.as_str().parse().ok()
}

fn reported(status: StatusCode, description: Option<&str>) -> String {
    format!("the server says {status} {}", description.unwrap_or_default())
}
