//! One stream of submissions: at most [`IN_FLIGHT_MAX`] items without an answer, each answer told with the place
//! its item came from.
//!
//! Does not try again: when the stream breaks, the items without an answer may be recorded or not, and sending
//! them again with the same ids is safe.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use cra_contracts::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Item, Outcome, Place, Tally, Told};
use crate::client::{ClientError, Connection};

/// Enough for the service to record in groups; small next to its limits.
const IN_FLIGHT_MAX: usize = 512;
/// Silence of the service, with items waiting for their answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Whether the service records what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Record,
    ValidateOnly,
}

/// Why the stream ended before its items did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error(transparent)]
    Service(#[from] ClientError),
    #[error("an outcome could not be written")]
    Output(#[from] std::io::Error),
}

/// Sends every item and tells each outcome, in the order of the answers. `tally` is right in any case.
pub(crate) async fn submit(
    connection: &Connection,
    mode: Mode,
    mut items: mpsc::Receiver<Item>,
    tally: &mut Tally,
    mut tell: impl FnMut(&Told, &Tally) -> std::io::Result<()>,
) -> Result<(), StreamError> {
    let (sender, outgoing) = mpsc::channel(IN_FLIGHT_MAX);
    let mut sender = Some(sender);
    let mut client = connection.ingestion();
    let mut opening = pin!(client.submit_cras(ReceiverStream::new(outgoing)));
    let mut answers = None;
    let mut in_flight = InFlight { waiting: HashMap::new() };

    let broken = loop {
        if sender.is_none() && in_flight.waiting.is_empty() {
            break None;
        }
        let has_room = sender.is_some() && in_flight.waiting.len() < IN_FLIGHT_MAX;
        let told = tokio::select! {
            item = items.recv(), if has_room => in_flight.send(item, mode, &mut sender),
            opened = &mut opening, if answers.is_none() => match opened {
                Ok(stream) => {
                    answers = Some(stream.into_inner());
                    None
                }
                Err(status) => break Some(status),
            },
            answer = next(&mut answers), if answers.is_some() => match answer {
                Ok(answer) => in_flight.settle(answer),
                Err(status) => break Some(status),
            },
            () = tokio::time::sleep(ANSWER_TIMEOUT), if !in_flight.waiting.is_empty() => {
                let silence = format!("no answer for {} s", ANSWER_TIMEOUT.as_secs());
                break Some(Status::deadline_exceeded(silence));
            }
        };
        let Some(told) = told else { continue };
        tally.count(&told.outcome);
        tell(&told, tally)?;
    };
    tally.unanswered = in_flight.waiting.len() as u64;
    broken.map_or(Ok(()), |status| Err(connection.failure(status).into()))
}

/// The next answer; the end of the stream is a failure, for it is asked only while items wait.
async fn next(
    answers: &mut Option<Streaming<v1::SubmitCrasResponse>>,
) -> Result<v1::SubmitCrasResponse, Status> {
    let Some(answers) = answers else {
        return std::future::pending().await;
    };
    let ended = || Status::unavailable("the service ended the stream before it had answered every item");
    answers.message().await?.ok_or_else(ended)
}

struct Waiting {
    place: Place,
    cra_id: String,
    bytes_read: u64,
}

struct InFlight {
    /// By the item's number in the stream, which is its place's.
    waiting: HashMap<u64, Waiting>,
}

impl InFlight {
    /// Sends an item, or ends the sending after the last; one that cannot be read is told at once.
    fn send(
        &mut self,
        item: Option<Item>,
        mode: Mode,
        sender: &mut Option<mpsc::Sender<v1::SubmitCrasRequest>>,
    ) -> Option<Told> {
        let Some(Item { place, bytes_read, content }) = item else {
            *sender = None;
            return None;
        };
        let mut submission = match content {
            Ok(submission) => submission,
            Err(problem) => {
                let outcome = Outcome::Unreadable(problem);
                return Some(Told { place, cra_id: String::new(), bytes_read, outcome });
            }
        };
        submission.validate_only |= mode == Mode::ValidateOnly;
        let number = place.number();
        self.waiting.insert(number, Waiting { place, cra_id: submission.cra_id.clone(), bytes_read });
        let request = v1::SubmitCrasRequest { item: number, submission: Some(submission) };
        // As long as the bound on what is in flight, so it has room unless the service closed the stream; the
        // answers then say why, and nothing more can be sent.
        if sender.as_ref().is_none_or(|open| open.try_send(request).is_err()) {
            *sender = None;
        }
        None
    }

    /// What an answer says; none when it answers nothing that was asked.
    fn settle(&mut self, answer: v1::SubmitCrasResponse) -> Option<Told> {
        use v1::submit_cras_response::Outcome as Answer;
        let outcome = match answer.outcome? {
            Answer::Receipt(receipt) => Outcome::Received(receipt),
            Answer::Refusal(refusal) => Outcome::Refused(refusal),
        };
        let Waiting { place, cra_id, bytes_read } = self.waiting.remove(&answer.item)?;
        Some(Told { place, cra_id, bytes_read, outcome })
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
