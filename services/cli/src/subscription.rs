//! Keeps a stream open: reconnects after a failure until the stream ends, is refused, or its output cannot be written.
//!
//! A network failure, a restart or a busy service is retried; a refusal ends the subscription. Does not look into the
//! messages.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use crate::client::Connection;

/// Interval of [`Subscription::settle`] while messages arrive, and its delay after the last one.
const SETTLE_INTERVAL: Duration = Duration::from_millis(200);
/// The longest pause before a retry, whatever the service asks for.
const PAUSE_MAX: Duration = Duration::from_secs(5);
const RETRY: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(PAUSE_MAX)
    .without_max_times();

/// The handler of a stream.
pub(crate) trait Subscription {
    type Message;

    /// Opens the stream after the last message that was taken.
    async fn open(&mut self, connection: &Connection) -> Result<Streaming<Self::Message>, Status>;

    /// Processes the next message.
    fn take(&mut self, message: Self::Message) -> anyhow::Result<()>;

    /// Called at intervals after messages were taken, and before the stream is reopened or ends.
    fn settle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// The position is of a log that was replaced in order to forget. Returns whether the subscription was reset and is
    /// opened again; otherwise the refusal ends it.
    fn reset(&mut self) -> anyhow::Result<bool> {
        Ok(false)
    }

    /// Whether the end of the stream completes the subscription.
    fn ends_with_the_stream(&self) -> bool;

    /// The stream failed and is reopened; called once until [`Subscription::reconnected`].
    fn disconnected(&mut self, problem: &str) -> anyhow::Result<()>;

    /// Messages arrive again.
    fn reconnected(&mut self);
}

/// Runs the subscription. May be dropped at any time; then call [`Subscription::settle`] once more.
pub(crate) async fn run_with_reconnect<S: Subscription>(
    connection: &Connection,
    subscription: &mut S,
) -> anyhow::Result<()> {
    let mut pauses = RETRY.build();
    let mut is_disconnected = false;
    loop {
        let broken = match subscription.open(connection).await {
            Ok(stream) => read(stream, subscription, &mut is_disconnected, &mut pauses).await?,
            Err(status) => Some(status),
        };
        subscription.settle()?;
        let Some(status) = broken else {
            return Ok(());
        };
        let failure = connection.failure(status);
        if failure.was_forgotten() && subscription.reset()? {
            continue;
        }
        if !failure.may_pass() {
            return Err(failure.into());
        }
        if !is_disconnected {
            subscription.disconnected(&failure.to_string())?;
            is_disconnected = true;
        }
        let pause = pauses.next().unwrap_or(PAUSE_MAX);
        sleep(failure.retry_delay().unwrap_or_default().clamp(pause, PAUSE_MAX)).await;
    }
}

/// Reads the stream: returns the status of its failure, or `None` if its end was expected.
async fn read<S: Subscription>(
    mut stream: Streaming<S::Message>,
    subscription: &mut S,
    is_disconnected: &mut bool,
    pauses: &mut ExponentialBackoff,
) -> anyhow::Result<Option<Status>> {
    let mut settled_at = Instant::now();
    loop {
        match timeout(SETTLE_INTERVAL, stream.message()).await {
            Ok(Ok(Some(message))) => {
                if std::mem::take(is_disconnected) {
                    subscription.reconnected();
                }
                *pauses = RETRY.build();
                subscription.take(message)?;
            }
            Ok(Ok(None)) if subscription.ends_with_the_stream() => return Ok(None),
            Ok(Ok(None)) => return Ok(Some(Status::unavailable("the service ended the stream"))),
            Ok(Err(status)) => return Ok(Some(status)),
            Err(_nothing_came) => {}
        }
        if settled_at.elapsed() >= SETTLE_INTERVAL {
            subscription.settle()?;
            settled_at = Instant::now();
        }
    }
}
