//! A stream that goes on: asked again where it broke, until it ends, is refused, or cannot be written.
//!
//! What breaks it and passes is the network, a restart or a busy service; what the service refuses ends it. Knows
//! nothing of what the messages say.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use crate::client::Connection;

/// Between two [`Subscription::settle`] while messages come, and after the last of them.
const SETTLE_INTERVAL: Duration = Duration::from_millis(200);
/// Before the first new try; doubled for each further one.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(200);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// What is done with a stream.
pub(crate) trait Subscription {
    type Message;

    /// Asks for what comes after the last message that was taken.
    async fn open(&mut self, connection: &Connection) -> Result<Streaming<Self::Message>, Status>;

    /// Takes the next message.
    fn take(&mut self, message: Self::Message) -> anyhow::Result<()>;

    /// Called from time to time after messages were taken, and before anything else happens to the stream.
    fn settle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether the end of the stream is the end of what was asked.
    fn ends_with_the_stream(&self) -> bool;

    /// The stream broke and is asked again; once until [`Subscription::found`].
    fn lost(&mut self, problem: &str) -> anyhow::Result<()>;

    /// Messages come again.
    fn found(&mut self);
}

/// Keeps the subscription going. Can be dropped at any time: then call [`Subscription::settle`] once more.
pub(crate) async fn sustain<S: Subscription>(
    connection: &Connection,
    subscription: &mut S,
) -> anyhow::Result<()> {
    let mut delay = RETRY_DELAY_MIN;
    let mut is_lost = false;
    loop {
        let broken = match subscription.open(connection).await {
            Ok(stream) => read(stream, subscription, &mut is_lost, &mut delay).await?,
            Err(status) => Some(status),
        };
        subscription.settle()?;
        let Some(status) = broken else {
            return Ok(());
        };
        let failure = connection.failure(status);
        if !failure.may_pass() {
            return Err(failure.into());
        }
        if !is_lost {
            subscription.lost(&failure.to_string())?;
            is_lost = true;
        }
        sleep(failure.retry_delay().unwrap_or_default().clamp(delay, RETRY_DELAY_MAX)).await;
        delay = (delay * 2).min(RETRY_DELAY_MAX);
    }
}

/// Reads to the end of the stream: the status that broke it, or none where the end was asked for.
async fn read<S: Subscription>(
    mut stream: Streaming<S::Message>,
    subscription: &mut S,
    is_lost: &mut bool,
    delay: &mut Duration,
) -> anyhow::Result<Option<Status>> {
    let mut settled_at = Instant::now();
    loop {
        match timeout(SETTLE_INTERVAL, stream.message()).await {
            Ok(Ok(Some(message))) => {
                if std::mem::take(is_lost) {
                    subscription.found();
                }
                *delay = RETRY_DELAY_MIN;
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
