//! Restores entries of a backup as one atomic batch at their original positions.
//!
//! The batch expects the stream's last sequence, so that it is stored there or not at all: any concurrent write makes
//! it fail. The caller retries: after an unknown outcome the head shows the result.

use tokio::time::Duration;

use super::ack::Ack;
use super::batch::{self, BATCH_EVENTS_MAX, Message};
use super::link::Link;
use super::message::{self, HEADERS_BYTES_MAX, Subjects};
use super::metadata::StreamHead;
use crate::port::{LogEntry, RESTORE_EVENTS_MAX, RestoreError, restored_range};

const _: () = assert!(RESTORE_EVENTS_MAX <= BATCH_EVENTS_MAX);

pub(super) async fn restore(
    link: &Link,
    subjects: &Subjects,
    entries: Vec<LogEntry>,
    wait: Duration,
) -> Result<(), RestoreError> {
    let (first, last) = restored_range(&entries)?;
    if !link.is_up() {
        return Err(RestoreError::Unavailable("disconnected".to_owned()));
    }
    let taken_bytes = link.client.max_payload().saturating_sub(HEADERS_BYTES_MAX);
    if let Some(large) = entries.iter().find(|entry| entry.payload.len() > taken_bytes) {
        let (position, size_bytes) = (large.position, large.payload.len());
        return Err(RestoreError::Refused(format!(
            "that of position {position} has {size_bytes} bytes, expected at most {taken_bytes}; raise max_payload"
        )));
    }
    let messages = entries.iter().map(|entry| Message {
        subject: subjects.of_restored(entry),
        headers: message::restored_headers(entry, entry.position == first),
        payload: entry.payload.clone(),
    });
    match batch::publish(link, messages, wait).await {
        Ack::Stored(stored) if stored == last => Ok(()),
        // The expectation makes this impossible on a correct server.
        Ack::Stored(stored) => Err(RestoreError::Misplaced { first: last, head: stored }),
        Ack::WrongLastSequence => match link.stream.get_info().await {
            Ok(info) => Err(RestoreError::Misplaced { first, head: StreamHead::from(&info).last }),
            Err(error) => Err(RestoreError::Unavailable(error.to_string())),
        },
        Ack::Refused(reason) => Err(RestoreError::Refused(reason)),
        Ack::NotStored(reason) | Ack::NoRoom(reason) | Ack::NoStream(reason) => {
            Err(RestoreError::Unavailable(reason))
        }
        Ack::Unknown(reason) => Err(RestoreError::OutcomeUnknown(reason)),
    }
}
