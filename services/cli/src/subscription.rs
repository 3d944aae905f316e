//! A stream that goes on: asked again where it broke, until it ends, is refused, or cannot be written.
//!
//! What breaks it and passes is the network, a restart or a busy service; what the service refuses ends it. Knows
//! nothing of what the messages say.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status, Streaming};

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
        if !passes(&status) {
            return Err(connection.failure(status).into());
        }
        if !is_lost {
            subscription.lost(&connection.failure(status).to_string())?;
            is_lost = true;
        }
        sleep(delay).await;
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

/// Whether asking again can help.
fn passes(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted => true,
        // With a source they are the transport's own; without, an answer.
        Code::Unknown | Code::Internal => status.source().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_refuses_is_not_asked_again() {
        for status in [
            Status::invalid_argument(""),
            Status::out_of_range(""),
            Status::unimplemented(""),
            Status::permission_denied(""),
            Status::internal("a fault of the service"),
        ] {
            assert!(!passes(&status), "{status}");
        }
        for status in [Status::unavailable(""), Status::resource_exhausted(""), Status::cancelled("")] {
            assert!(passes(&status), "{status}");
        }
    }
}
