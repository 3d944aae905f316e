//! One append, from the first try to its outcome.
//!
//! Retries are safe: the expectation admits at most one try, and the event id distinguishes that try from a conflict.
//! Only the stream's *last* event is compared: if others followed it, the answer is a conflict, and the history gives the
//! truth.

use async_nats::client::Request;
use async_nats::jetstream::stream::RawMessageErrorKind;
use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::ack::{self, Ack};
use super::link::Link;
use super::message::{self, Subjects};
use crate::port::{AppendError, Appended, Expectation, NewEvent, ReadError};
use crate::position::Position;

/// How long one try waits for its answer.
const TRY_WAIT: Duration = Duration::from_millis(1_500);
/// Pause after a try that was not stored.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) event: NewEvent,
    pub(super) expectation: Expectation,
    /// When to give up.
    pub(super) deadline: Instant,
}

/// The cause of a conflicting answer.
enum LastEvent {
    /// An own earlier try is the stream's last event.
    Ours(Position),
    /// Another event is the last, or there is none.
    Other(Option<Position>),
}

/// State of the tries so far.
struct Tries {
    /// Whether an earlier try may be stored, now or later.
    open: bool,
    /// Why the last try failed.
    reason: String,
}

impl Tries {
    fn give_up(self) -> AppendError {
        if self.open {
            AppendError::OutcomeUnknown(self.reason)
        } else {
            AppendError::Unavailable(self.reason)
        }
    }
}

/// Publishes until there is an outcome or the deadline passes. `sent`: the event was already published once.
pub(super) async fn append_one(
    link: &Link,
    subjects: &Subjects,
    append: &Append,
    sent: bool,
) -> Result<Appended, AppendError> {
    let mut tries = Tries { open: sent, reason: "no answer in time".to_owned() };
    loop {
        if !link.is_up() {
            "disconnected".clone_into(&mut tries.reason);
            // If nothing was sent, the caller is answered at once. Otherwise the connection may return in time to find
            // out.
            if !tries.open || !came_up_in_time(link, append.deadline).await {
                return Err(tries.give_up());
            }
        }
        match publish(link, subjects, append).await {
            Ack::Stored(position) => return Ok(Appended::Executed(position)),
            Ack::Refused(reason) => return Err(AppendError::Refused(reason)),
            Ack::NotStored(reason) | Ack::NoStream(reason) => tries.reason = reason,
            // Further tries would fail too.
            Ack::NoRoom(reason) => return Err(Tries { reason, ..tries }.give_up()),
            Ack::Unknown(reason) => tries = Tries { open: true, reason },
            Ack::WrongLastSequence => match last_event(link, subjects, append).await {
                Ok(LastEvent::Ours(position)) => return Ok(Appended::AlreadyApplied(position)),
                Ok(LastEvent::Other(actual))
                    if actual.unwrap_or_default() != append.expectation.position() =>
                {
                    return Err(AppendError::Conflict { expected: append.expectation, actual });
                }
                // A replicated write of the same stream is in progress and will be visible soon.
                Ok(LastEvent::Other(_)) => {
                    "another write of the stream is in flight".clone_into(&mut tries.reason);
                }
                Err(error) => tries = Tries { open: true, reason: error.to_string() },
            },
        }
        if Instant::now() + RETRY_PAUSE >= append.deadline {
            return Err(tries.give_up());
        }
        sleep(RETRY_PAUSE).await;
    }
}

async fn came_up_in_time(link: &Link, deadline: Instant) -> bool {
    timeout_at(deadline, link.came_up()).await.unwrap_or(false)
}

async fn publish(link: &Link, subjects: &Subjects, append: &Append) -> Ack {
    let wait = TRY_WAIT.min(append.deadline.saturating_duration_since(Instant::now()));
    let request = Request::new()
        .headers(message::headers(&append.event, append.expectation))
        .payload(append.event.payload.clone())
        .timeout(Some(wait));
    request_ack(link, subjects.of(append.event.stream), request).await
}

/// Sends a publish and waits for its answer, or for the loss of the connection.
pub(super) async fn request_ack(link: &Link, subject: String, request: Request) -> Ack {
    let ack = tokio::select! {
        biased;
        answer = link.client.send_request(subject, request) => ack::read(answer),
        // The client library would wait for the timeout, but the answer never arrives on a new connection.
        () = link.went_down() => Ack::Unknown("the connection was lost".to_owned()),
    };
    link.condition.observe(&ack);
    ack
}

/// Reads the stream's last event from the leader: a follower may lag.
async fn last_event(link: &Link, subjects: &Subjects, append: &Append) -> Result<LastEvent, ReadError> {
    let last = match link.stream.get_last_raw_message_by_subject(&subjects.of(append.event.stream)).await {
        Ok(message) => subjects.stored(message)?,
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
            return Ok(LastEvent::Other(None));
        }
        Err(error) => return Err(ReadError::Unavailable(error.to_string())),
    };
    Ok(if last.event_id == Some(append.event.event_id) {
        LastEvent::Ours(last.position)
    } else {
        LastEvent::Other(Some(last.position))
    })
}
