//! Whether the stream can accept appends, beyond the connection: it exists, it is as designed, it has every event, and
//! the servers have room.
//!
//! The stream's state is requested every [`CHECK_EVERY`] and when a publish finds no stream. A lack of room is learned
//! from refused publishes, because the servers report it nowhere else.

use std::error::Error as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info, InfoError};
use async_nats::jetstream::{self, ErrorCode};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::ack::Ack;
use super::link::{Link, StreamHead};
use super::{metadata, start};
use crate::port::LogIdentity;

/// Interval of the requests for the stream's state.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long appends are refused after a publish that found no room; then the next one tries again.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(5);
/// Minimum interval of checks caused by a missing stream.
const CHECK_PAUSE: Duration = Duration::from_millis(250);

/// Why the stream accepts no appends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// It is missing, or not as designed.
    Stream(String),
    /// The servers had no room for an event.
    NoRoom {
        /// Time of the next try.
        until: Instant,
    },
}

/// The stream's condition, shared by all users of the connection.
pub(super) struct Condition {
    fault: watch::Sender<Option<Fault>>,
    /// Identity of the stream's log: a stream that is created again is another log.
    identity: watch::Sender<LogIdentity>,
    check: Notify,
}

impl Condition {
    /// For a stream that was found as designed.
    pub(super) fn sound_of(identity: LogIdentity) -> Arc<Self> {
        let (fault, identity) = (watch::Sender::new(None), watch::Sender::new(identity));
        Arc::new(Self { fault, identity, check: Notify::new() })
    }

    /// Identity of the stream's log at the last check.
    pub(super) fn identity(&self) -> LogIdentity {
        self.identity.borrow().clone()
    }

    /// Why an append would currently be refused; `None` if it may succeed.
    pub(super) fn fault(&self) -> Option<String> {
        match &*self.fault.borrow() {
            None => None,
            Some(Fault::Stream(reason)) => Some(reason.clone()),
            Some(Fault::NoRoom { until }) => {
                (*until > Instant::now()).then(|| "the log's servers have no room for events".to_owned())
            }
        }
    }

    /// Updates the condition from the answer to a publish.
    pub(super) fn observe(&self, ack: &Ack) {
        match ack {
            Ack::Stored(_) => self.ended(|fault| matches!(fault, Fault::NoRoom { .. })),
            Ack::NoRoom(reason) => {
                let is_known = matches!(&*self.fault.borrow(), Some(Fault::NoRoom { .. }));
                if !is_known {
                    tracing::error!(reason, "the log's servers have no room for events: make room");
                }
                let until = Instant::now() + NO_ROOM_PAUSE;
                self.fault.send_replace(Some(Fault::NoRoom { until }));
            }
            Ack::NoStream(_) => self.check.notify_one(),
            Ack::WrongLastSequence | Ack::Refused(_) | Ack::NotStored(_) | Ack::Unknown(_) => {}
        }
    }

    /// Records that the stream is not as designed; logged once per reason.
    fn is_not_as_designed(&self, reason: String) {
        self.fault.send_if_modified(|fault| {
            let is_known = matches!(fault, Some(Fault::Stream(known)) if *known == reason);
            if !is_known {
                tracing::error!(reason, "the log accepts no events");
                *fault = Some(Fault::Stream(reason));
            }
            !is_known
        });
    }

    /// Records that a fault of a kind has ended.
    fn ended(&self, kind: impl Fn(&Fault) -> bool) {
        self.fault.send_if_modified(|fault| {
            let ends = fault.as_ref().is_some_and(kind);
            if ends {
                tracing::info!("the log accepts events again");
                *fault = None;
            }
            ends
        });
    }

    fn found(&self, found: Result<Info, InfoError>, designed: &Config) {
        let stream = &designed.name;
        let fault = match found {
            Ok(info) => {
                self.identity.send_replace(StreamHead::from(&info).identity);
                let restored = metadata::restored(&info.config);
                let mut differences = match &restored {
                    Some(of) => vec![start::being_restored(of)],
                    None => start::differences(&info.config, designed),
                };
                let first = info.state.first_sequence.max(1);
                if first > 1 {
                    differences.push(format!("the events before position {first} are gone: restore the log"));
                }
                (!differences.is_empty()).then(|| format!("stream {stream}: {}", differences.join("; ")))
            }
            Err(error) if is_of_no_stream(&error) => Some(format!("stream {stream} is not there any more")),
            // The servers may be electing a leader: the last known state remains.
            Err(_) => return,
        };
        match fault {
            Some(reason) => self.is_not_as_designed(reason),
            None => self.ended(|fault| matches!(fault, Fault::Stream(_))),
        }
    }

    async fn next_check(&self) {
        sleep(CHECK_PAUSE).await;
        // Either the interval or a requested check ends the wait.
        let _ = timeout(CHECK_EVERY.saturating_sub(CHECK_PAUSE), self.check.notified()).await;
    }
}

/// Whether the servers have no stream of that name.
fn is_of_no_stream(error: &InfoError) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|cause| cause.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Checks the stream's state until the log is dropped.
pub(super) async fn watch(link: Link, designed: Config, log: Weak<()>) {
    let condition = Arc::clone(&link.condition);
    while log.strong_count() > 0 {
        condition.next_check().await;
        if link.is_up() {
            condition.found(link.stream.get_info().await, &designed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_no_append_is_tried_until_one_is_stored() {
        let condition = Condition::sound_of(LogIdentity("log".to_owned()));
        assert_eq!(condition.fault(), None);
        condition.observe(&Ack::NoRoom("full".to_owned()));
        assert!(condition.fault().is_some());
        condition.observe(&Ack::Stored(crate::Position(1)));
        assert_eq!(condition.fault(), None);
    }

    #[test]
    fn a_stored_event_does_not_clear_a_stream_that_differs() {
        let condition = Condition::sound_of(LogIdentity("log".to_owned()));
        condition.is_not_as_designed("max_msgs is 5".to_owned());
        condition.observe(&Ack::Stored(crate::Position(1)));
        assert_eq!(condition.fault().as_deref(), Some("max_msgs is 5"));
    }
}
