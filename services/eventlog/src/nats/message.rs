//! Conversion between events and messages: subject and headers for appends, log entries for reads.
//!
//! A message of another program becomes an entry too, without the missing ids.

use async_nats::datetime::DateTime;
use async_nats::header::{HeaderName, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use async_nats::jetstream;
use async_nats::jetstream::message::StreamMessage;
use async_nats::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use uuid::Uuid;

use crate::port::{Expectation, LogEntry, NewEvent, ReadError, StreamId};
use crate::position::Position;
use crate::trace::TraceParent;

/// The event's id, which distinguishes an own earlier try from a conflict.
static EVENT_ID: HeaderName = HeaderName::from_static("Cra-Event-Id");
/// The original time of a restored entry, in nanoseconds since 1970: the server only has its own.
static APPENDED_AT: HeaderName = HeaderName::from_static("Cra-Appended-At");
/// The trace that the event was appended in.
static TRACE: HeaderName = HeaderName::from_static("traceparent");
/// Last part of the subject of a restored entry without a stream; not a UUID.
const FOREIGN: &str = "foreign";
/// Maximum size of headers and framing.
pub(super) const HEADERS_BYTES_MAX: usize = 1_024;

/// The subjects of the log.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    /// Ends with a dot.
    prefix: String,
}

impl Subjects {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}.") }
    }

    pub(super) fn of(&self, stream: StreamId) -> String {
        format!("{}{}", self.prefix, stream)
    }

    /// The subject of a restored entry. An entry does not contain the name of a foreign subject.
    pub(super) fn of_restored(&self, entry: &LogEntry) -> String {
        entry.stream.map_or_else(|| format!("{}{FOREIGN}", self.prefix), |stream| self.of(stream))
    }

    fn stream(&self, subject: &str) -> Option<StreamId> {
        let id = subject.strip_prefix(&self.prefix)?;
        Uuid::try_parse(id).ok().map(StreamId)
    }

    /// An entry from a message delivered to a reader; takes its payload.
    pub(super) fn delivered(&self, message: &mut jetstream::Message) -> Result<LogEntry, ReadError> {
        let info = message.info().map_err(|error| damaged(&error))?;
        let position = Position(info.stream_sequence);
        let Header { event_id, trace, restored_at } =
            message.headers.as_ref().map(Header::of).unwrap_or_default();
        let appended_at = restored_at.map_or_else(|| timestamp(info.published), Ok)?;
        let stream = self.stream(&message.subject);
        let payload = std::mem::take(&mut message.message.payload);
        Ok(LogEntry { position, stream, event_id, payload, appended_at, trace })
    }

    /// An entry from a message read by position or subject.
    pub(super) fn stored(&self, message: StreamMessage) -> Result<LogEntry, ReadError> {
        let Header { event_id, trace, restored_at } = Header::of(&message.headers);
        Ok(LogEntry {
            position: Position(message.sequence),
            stream: self.stream(&message.subject),
            event_id,
            trace,
            payload: message.payload,
            appended_at: restored_at.map_or_else(|| timestamp(message.time), Ok)?,
        })
    }
}

/// The headers of an entry. Unreadable ones count as absent.
#[derive(Default)]
struct Header {
    event_id: Option<Uuid>,
    trace: Option<TraceParent>,
    /// The time it was restored with.
    restored_at: Option<Timestamp>,
}

impl Header {
    /// Iterates once over the headers, which are few: looking up each name would cost more, for every event of a
    /// replay.
    fn of(headers: &HeaderMap) -> Self {
        let mut reported = Self::default();
        for (name, values) in headers.iter() {
            let Some(text) = values.first().map(HeaderValue::as_str) else {
                continue;
            };
            if *name == EVENT_ID {
                reported.event_id = Uuid::try_parse(text).ok();
            } else if *name == TRACE {
                reported.trace = text.parse().ok();
            } else if *name == APPENDED_AT {
                reported.restored_at = text.parse().ok().and_then(instant);
            }
        }
        reported
    }
}

/// Headers of an event to append.
pub(super) fn headers(event: &NewEvent, expectation: Expectation) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expectation.position().0));
    headers.insert(EVENT_ID.clone(), event.event_id.as_hyphenated().to_string().as_str());
    insert_trace(&mut headers, event.trace);
    headers
}

/// Headers of a restored entry; the first one of a batch states the expected end of the whole log.
pub(super) fn restored_headers(entry: &LogEntry, is_first: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if is_first {
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(entry.position.previous().0));
    }
    headers.insert(APPENDED_AT.clone(), entry.appended_at.as_nanosecond().to_string().as_str());
    if let Some(event_id) = entry.event_id {
        headers.insert(EVENT_ID.clone(), event_id.as_hyphenated().to_string().as_str());
    }
    insert_trace(&mut headers, entry.trace);
    headers
}

fn insert_trace(headers: &mut HeaderMap, trace: Option<TraceParent>) {
    if let Some(trace) = trace {
        headers.insert(TRACE.clone(), trace.to_string().as_str());
    }
}

/// An instant from nanoseconds since 1970. 64 bits reach to 2262, and are much faster to convert than 128.
fn instant(nanoseconds: i64) -> Option<Timestamp> {
    const SECOND: i64 = 1_000_000_000;
    let rest = i32::try_from(nanoseconds % SECOND).ok()?;
    Timestamp::new(nanoseconds / SECOND, rest).ok()
}

/// An instant of the client library.
fn timestamp(time: DateTime) -> Result<Timestamp, ReadError> {
    let rest = i32::try_from(time.nanosecond()).unwrap_or_default();
    Timestamp::new(time.unix_timestamp(), rest).map_err(|error| damaged(&error))
}

fn damaged(error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_subject_contains_its_stream_and_a_foreign_one_contains_none() {
        let subjects = Subjects::new("cra.event");
        let id = StreamId(Uuid::from_u128(0x1234));
        assert_eq!(subjects.stream(&subjects.of(id)), Some(id));
        let foreign = LogEntry {
            position: Position(1),
            stream: None,
            event_id: None,
            payload: Bytes::new(),
            appended_at: Timestamp::UNIX_EPOCH,
            trace: None,
        };
        assert_eq!(subjects.stream(&subjects.of_restored(&foreign)), None);
        for foreign in ["cra.event.x", "cra.event", "other.event.00000000-0000-0000-0000-000000001234"] {
            assert_eq!(subjects.stream(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_headers_carry_the_expectation_and_the_event_id() {
        let event = NewEvent {
            stream: StreamId(Uuid::nil()),
            event_id: Uuid::from_u128(7),
            payload: Bytes::new(),
            trace: None,
        };
        let sequence =
            |expectation| headers(&event, expectation).get(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE).cloned();
        assert_eq!(sequence(Expectation::NoEvent).unwrap().as_str(), "0");
        assert_eq!(sequence(Expectation::LastAt(Position(5))).unwrap().as_str(), "5");
        assert_eq!(Header::of(&headers(&event, Expectation::NoEvent)).event_id, Some(Uuid::from_u128(7)));
    }
}
