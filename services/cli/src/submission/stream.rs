//! Sends items over an RPC: a bounded window of them without an outcome, each outcome reported in the file's order with
//! the location its item came from.
//!
//! With retries, what failed for a reason that has nothing to do with the item is sent again, over a new stream
//! where the old one broke, as long as patience lasts; the same ids make that safe. Without, the first break ends
//! it, and items without an outcome may be recorded or not. Does not read the file.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::retry_budget::{Next, RetryBudget};
use super::rpc::Rpc;
use super::window::{ITEMS_MAX, Window};
use super::{Item, Outcome, Reported, Tally};
use crate::client::{ClientError, Connection};

/// Silence of the service, with items waiting for their answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// For the service to end a stream whose items it has all answered.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What to do when the service is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Every refusal is reported, and a break ends the sending.
    Never,
    /// Continue for this long without an answer that settles an item; a refusal that is not about the item is never reported.
    For(Duration),
}

/// What is reported while items are sent.
#[derive(Debug)]
pub(crate) enum SendEvent<'a> {
    /// What became of the next item of the file.
    Reported(&'a Reported),
    /// The service is away, for this reason, and is tried again.
    Away(&'a ClientError),
}

/// Why the stream ended before its items did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error(transparent)]
    Service(#[from] ClientError),
    #[error("an outcome could not be written")]
    Output(#[from] io::Error),
}

/// Sends every item and reports each outcome, in the order of the items. `tally` is right in any case.
pub(crate) async fn send<R: Rpc>(
    connection: &Connection,
    rpc: &R,
    items: mpsc::Receiver<Item<R::Content>>,
    retries: Retries,
    tally: &mut Tally,
    notice: impl FnMut(SendEvent<'_>, &Tally) -> io::Result<()>,
) -> Result<(), StreamError> {
    let patience = match retries {
        Retries::Never => None,
        Retries::For(time) => Some(RetryBudget::new(time)),
    };
    let window = Window::new();
    let mut sending = Sending { connection, rpc, items, items_ended: false, window, patience, tally, notice };
    let sent = sending.run().await;
    sending.tally.unanswered = sending.window.len() as u64;
    sent
}

struct Sending<'a, R: Rpc, F> {
    connection: &'a Connection,
    rpc: &'a R,
    items: mpsc::Receiver<Item<R::Content>>,
    items_ended: bool,
    window: Window<R::Content>,
    /// None where nothing is sent again.
    patience: Option<RetryBudget>,
    tally: &'a mut Tally,
    notice: F,
}

impl<R: Rpc, F: FnMut(SendEvent<'_>, &Tally) -> io::Result<()>> Sending<'_, R, F> {
    async fn run(&mut self) -> Result<(), StreamError> {
        while let Some(broken) = self.over_one_stream().await? {
            let failure = self.connection.failure(broken);
            let next = match &mut self.patience {
                Some(patience) => patience.after(&failure),
                None => Next::GiveUp,
            };
            let Next::Again { after, notice } = next else { return Err(failure.into()) };
            if notice {
                (self.notice)(SendEvent::Away(&failure), self.tally)?;
            }
            sleep(after).await;
        }
        Ok(())
    }

    /// Sends what is not settled, then what is read. `None` once everything is reported, or what broke the stream.
    async fn over_one_stream(&mut self) -> Result<Option<Status>, StreamError> {
        let (sender, outgoing) = mpsc::channel(ITEMS_MAX);
        let mut opening = pin!(R::open(self.connection, ReceiverStream::new(outgoing)));
        let mut answers = None;
        self.window.begin_stream();
        loop {
            self.send_ready(&sender);
            if self.items_ended && self.window.len() == 0 {
                drop(sender);
                close(answers).await;
                return Ok(None);
            }
            let has_room = !self.items_ended && self.window.has_room();
            let postponed = self.window.next_postponed();
            let broken = tokio::select! {
                item = self.items.recv(), if has_room => {
                    self.items_ended = item.is_none();
                    if let Some(item) = item {
                        self.window.push(item);
                    }
                    None
                }
                opened = &mut opening, if answers.is_none() => match opened {
                    Ok(stream) => {
                        answers = Some(stream);
                        None
                    }
                    Err(status) => Some(status),
                },
                answer = next(&mut answers), if answers.is_some() => match answer {
                    Ok(answer) => self.settle(answer)?,
                    Err(status) => Some(status),
                },
                () = sleep_until(postponed.unwrap_or_else(Instant::now)), if postponed.is_some() => {
                    self.window.resume_postponed();
                    None
                }
                () = sleep(ANSWER_TIMEOUT), if self.window.awaits_answers() => {
                    let silence = format!("no answer for {} s", ANSWER_TIMEOUT.as_secs());
                    Some(Status::deadline_exceeded(silence))
                }
            };
            while let Some(reported) = self.window.pop_settled() {
                self.tally.count(&reported.outcome);
                (self.notice)(SendEvent::Reported(&reported), self.tally)?;
            }
            if broken.is_some() {
                return Ok(broken);
            }
        }
    }

    fn send_ready(&mut self, sender: &mpsc::Sender<R::Request>) {
        while let Some((number, content)) = self.window.next_ready() {
            // As long as the window, so it has room unless the service closed the stream; the answers then say why.
            let _ = sender.try_send(self.rpc.request(number, content));
        }
    }

    /// Takes an answer in, or says why nothing more is to be expected.
    fn settle(&mut self, answer: R::Answer) -> io::Result<Option<Status>> {
        let Some((number, outcome)) = R::outcome(answer) else { return Ok(None) };
        let Some(ordinal) = self.window.answered(number) else { return Ok(None) };
        let (patience, refusal) = match (&mut self.patience, outcome) {
            (Some(patience), Outcome::Refused(refusal)) if cra_client::is_transient(&refusal) => {
                (patience, refusal)
            }
            (patience, outcome) => {
                patience.iter_mut().for_each(RetryBudget::answered);
                self.window.settle::<R>(ordinal, outcome);
                return Ok(None);
            }
        };
        let status = Status::unavailable(refusal.message);
        let failure = self.connection.failure(status.clone());
        let Next::Again { after, notice } = patience.after(&failure) else { return Ok(Some(status)) };
        self.window.postpone(ordinal, Instant::now() + after);
        if notice {
            (self.notice)(SendEvent::Away(&failure), self.tally)?;
        }
        Ok(None)
    }
}

/// The next answer; the end of the stream is a failure, for it is asked only while items wait.
async fn next<A>(answers: &mut Option<Streaming<A>>) -> Result<A, Status> {
    let Some(answers) = answers else {
        return std::future::pending().await;
    };
    let ended = || Status::unavailable("the service ended the stream before it had answered every item");
    answers.message().await?.ok_or_else(ended)
}

/// Lets the service end a stream that has nothing more to say.
async fn close<A>(answers: Option<Streaming<A>>) {
    if let Some(mut answers) = answers {
        // Everything is answered: how it ends says nothing more.
        let _ = timeout(CLOSE_TIMEOUT, answers.message()).await;
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
