//! A consumer's messages, asked for in portions: the next one is on its way before the last one is used up.
//!
//! How many to ask for is asked anew before each portion, so that a reader can step back and hurry again while it reads.
//! What fails here is made good by the reader, with a new consumer.

use std::sync::Arc;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::{HeaderMap, StatusCode, Subject, Subscriber};
use futures::StreamExt as _;
use tokio::time::Duration;

use super::link::Link;

/// Most events asked for at a time: asking takes less than reading a hundred of them.
pub const READ_AHEAD_MAX: usize = 10_000;
/// Bytes asked for at a time: what a reader may hold, about twice over.
const PORTION_BYTES_MAX: usize = 32 * 1024 * 1024;
const PORTION_EXPIRES: Duration = Duration::from_secs(10);
/// Sign of life of a server that has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Says how many of the events that were asked for will not come.
const PENDING_MESSAGES: &str = "Nats-Pending-Messages";

/// Says how many events to ask the log for at a time: from 1 to [`READ_AHEAD_MAX`], or as near as may be. Asked when the
/// next portion may be due, not for every event.
pub type Pace = Arc<dyn Fn() -> usize + Send + Sync>;

/// What came from the server.
pub(super) enum Delivered<'a> {
    /// An event.
    Event(&'a mut jetstream::Message),
    /// It is there, and has nothing to send for now.
    SignOfLife,
}

/// The messages of one consumer.
pub(super) struct Portions {
    consumer: Consumer<pull::Config>,
    inbox: Subject,
    messages: Subscriber,
    pace: Pace,
    /// Events of a portion, when the pace was last asked for.
    portion: usize,
    /// Asked for, and neither here nor given up by the server.
    pending: usize,
    /// The last event, with what makes it a message of a stream: given to each anew, that would cost a good part of what
    /// reading an event takes.
    last: Option<jetstream::Message>,
    context: jetstream::Context,
}

impl Portions {
    /// Listens where the messages of a consumer will come.
    pub(super) async fn of(
        consumer: Consumer<pull::Config>,
        link: &Link,
        pace: Pace,
    ) -> Result<Self, async_nats::Error> {
        let inbox = Subject::from(link.client.new_inbox());
        let messages = link.client.subscribe(inbox.clone()).await?;
        let context = jetstream::new(link.client.clone());
        Ok(Self { consumer, inbox, messages, pace, portion: 0, pending: 0, last: None, context })
    }

    /// Waits for what comes next, or says why nothing will. Nothing is lost when the wait is given up.
    pub(super) async fn next(&mut self) -> Result<Delivered<'_>, String> {
        if self.is_due() {
            self.portion = (self.pace)().clamp(1, READ_AHEAD_MAX);
            // Not yet, where portions have become smaller.
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
                // A portion that ended before it was full says by how much. Where it does not, more is wrong.
                let missing = message.headers.as_ref().and_then(missing);
                let missing = missing.ok_or_else(|| told(status, message.description.as_deref()))?;
                self.pending = self.pending.saturating_sub(missing);
                Ok(Delivered::SignOfLife)
            }
            Some(status) => Err(told(status, message.description.as_deref())),
        }
    }

    /// Whether the next portion has to be on its way.
    fn is_due(&self) -> bool {
        self.pending <= self.portion / 2
    }

    async fn ask(&mut self) -> Result<(), String> {
        let request = pull::BatchConfig {
            batch: self.portion,
            max_bytes: PORTION_BYTES_MAX,
            expires: Some(PORTION_EXPIRES),
            idle_heartbeat: HEARTBEAT,
            ..pull::BatchConfig::default()
        };
        let asked = self.consumer.request_batch(request, self.inbox.clone()).await;
        asked.map_err(|error| error.to_string())?;
        self.pending += self.portion;
        Ok(())
    }
}

fn missing(headers: &HeaderMap) -> Option<usize> {
    headers.get(PENDING_MESSAGES)?.as_str().parse().ok()
}

fn told(status: StatusCode, description: Option<&str>) -> String {
    format!("the server says {status} {}", description.unwrap_or_default())
}
