//! Keys and stored forms of the embedded log: one tree, a prefix byte, big-endian numbers.
//!
//! A stored event contains the position of the previous event of its stream, so that the history of a stream is a linked list
//! that needs no index. Pure: no I/O.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::port::{LogEntry, ReadError, StreamId};
use crate::position::Position;
use crate::trace::TraceParent;

/// First byte of every key.
#[repr(u8)]
#[derive(Clone, Copy)]
enum Prefix {
    /// Identity of the log, written once at its creation.
    Identity = 0,
    /// Position of the last event.
    Head = 1,
    /// Event by position.
    Entry = 2,
    /// Last event by stream.
    Last = 3,
    /// The logs whose positions it continues.
    Predecessors = 4,
    /// The log being restored; present until the restore is finished.
    Restored = 5,
}

const POSITION_BYTES: usize = 8;
const UUID_BYTES: usize = 16;
const LAST_BYTES: usize = POSITION_BYTES + UUID_BYTES;

/// Stored forms of an event, by the ids that it has: every appended event has both.
const FORM_BOTH_IDS: u8 = 1;
/// Restored: written by another program under a stream's subject.
const FORM_STREAM: u8 = 2;
/// Restored: under a foreign subject, but with an event id.
const FORM_EVENT_ID: u8 = 3;
/// Restored: written by another program.
const FORM_NO_ID: u8 = 4;
/// Flag: the trace precedes the payload.
const FORM_TRACED: u8 = 0x10;
/// Form, time, previous position, stream, event id; the payload follows.
const ENTRY_HEADER_BYTES: usize = 1 + 8 + POSITION_BYTES + UUID_BYTES + UUID_BYTES;
const _: () = assert!(ENTRY_HEADER_BYTES == 49);

pub(super) const IDENTITY_KEY: [u8; 1] = [Prefix::Identity as u8];
pub(super) const HEAD_KEY: [u8; 1] = [Prefix::Head as u8];
pub(super) const PREDECESSORS_KEY: [u8; 1] = [Prefix::Predecessors as u8];
pub(super) const RESTORED_KEY: [u8; 1] = [Prefix::Restored as u8];

/// Key of the event at a position.
pub(super) fn entry_key(position: Position) -> [u8; 1 + POSITION_BYTES] {
    let mut key = [Prefix::Entry as u8; 1 + POSITION_BYTES];
    key[1..].copy_from_slice(&position.0.to_be_bytes());
    key
}

/// Key of a stream's last event.
pub(super) fn last_key(stream: StreamId) -> [u8; 1 + UUID_BYTES] {
    let mut key = [Prefix::Last as u8; 1 + UUID_BYTES];
    key[1..].copy_from_slice(stream.0.as_bytes());
    key
}

/// The last event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) position: Position,
    /// `None` if it was restored without one: no append can be the same event.
    pub(super) event_id: Option<Uuid>,
}

impl Last {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut value = Vec::with_capacity(LAST_BYTES);
        value.extend_from_slice(&self.position.0.to_be_bytes());
        if let Some(event_id) = self.event_id {
            value.extend_from_slice(event_id.as_bytes());
        }
        value
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, ReadError> {
        let mut fields = Fields(value);
        let position = Position(fields.number()?);
        let event_id = if fields.0.is_empty() { None } else { Some(fields.uuid()?) };
        if fields.0.is_empty() {
            Ok(Self { position, event_id })
        } else {
            Err(damaged("the last event of a stream has trailing bytes"))
        }
    }
}

/// One event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) appended_at: Timestamp,
    /// Position of the previous event of the stream; [`Position::START`] for its first.
    pub(super) previous: Position,
    pub(super) stream: Option<StreamId>,
    pub(super) event_id: Option<Uuid>,
    pub(super) payload: Bytes,
    pub(super) trace: Option<TraceParent>,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let nanoseconds = i64::try_from(self.appended_at.as_nanosecond()).unwrap_or(i64::MAX);
        let mut value = Vec::with_capacity(ENTRY_HEADER_BYTES + TraceParent::BYTES + self.payload.len());
        let ids = match (self.stream, self.event_id) {
            (Some(_), Some(_)) => FORM_BOTH_IDS,
            (Some(_), None) => FORM_STREAM,
            (None, Some(_)) => FORM_EVENT_ID,
            (None, None) => FORM_NO_ID,
        };
        value.push(if self.trace.is_some() { ids | FORM_TRACED } else { ids });
        value.extend_from_slice(&nanoseconds.to_be_bytes());
        value.extend_from_slice(&self.previous.0.to_be_bytes());
        for id in [self.stream.map(|stream| stream.0), self.event_id].into_iter().flatten() {
            value.extend_from_slice(id.as_bytes());
        }
        if let Some(trace) = self.trace {
            value.extend_from_slice(&trace.to_bytes());
        }
        value.extend_from_slice(&self.payload);
        value
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, ReadError> {
        let mut fields = Fields(value);
        let [form] = fields.take::<1>()?;
        let (has_stream, has_event_id) = match form & !FORM_TRACED {
            FORM_BOTH_IDS => (true, true),
            FORM_STREAM => (true, false),
            FORM_EVENT_ID => (false, true),
            FORM_NO_ID => (false, false),
            _ => return Err(damaged(&format!("an event has form {form}, which this program does not know"))),
        };
        let nanoseconds = i64::from_be_bytes(fields.take()?);
        Ok(Self {
            appended_at: Timestamp::from_nanosecond(i128::from(nanoseconds))
                .map_err(|error| damaged(&error.to_string()))?,
            previous: Position(fields.number()?),
            stream: has_stream.then(|| fields.uuid().map(StreamId)).transpose()?,
            event_id: has_event_id.then(|| fields.uuid()).transpose()?,
            // An unreadable trace is dropped: it is not part of the fact.
            trace: if form & FORM_TRACED == 0 { None } else { TraceParent::from_bytes(fields.take()?) },
            payload: Bytes::copy_from_slice(fields.0),
        })
    }

    pub(super) fn into_entry(self, position: Position) -> LogEntry {
        LogEntry {
            position,
            stream: self.stream,
            event_id: self.event_id,
            payload: self.payload,
            appended_at: self.appended_at,
            trace: self.trace,
        }
    }
}

pub(super) fn decode_position(value: &[u8]) -> Result<Position, ReadError> {
    Fields(value).number().map(Position)
}

/// Remaining bytes to decode.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, rest) =
            self.0.split_first_chunk::<N>().ok_or_else(|| damaged("a stored value is cut short"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<u64, ReadError> {
        self.take().map(u64::from_be_bytes)
    }

    fn uuid(&mut self) -> Result<Uuid, ReadError> {
        self.take().map(Uuid::from_bytes)
    }
}

fn damaged(reason: &str) -> ReadError {
    ReadError::Damaged(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            appended_at: Timestamp::from_nanosecond(1_790_230_470_084_404_001).unwrap(),
            previous: Position(41),
            stream: Some(StreamId(Uuid::from_u128(1))),
            event_id: Some(Uuid::from_u128(2)),
            payload: Bytes::from_static(b"payload"),
            trace: None,
        }
    }

    #[test]
    fn a_record_is_decoded_as_it_was_stored() {
        let (stream, event_id) = (record().stream, record().event_id);
        for (stream, event_id) in [(stream, event_id), (stream, None), (None, event_id), (None, None)] {
            for trace in [None, TraceParent::new([3; 16], [4; 8], true)] {
                let record = Record { stream, event_id, trace, ..record() };
                assert_eq!(Record::decode(&record.encode()).unwrap(), record);
            }
        }
    }

    #[test]
    fn a_truncated_record_or_one_of_another_form_is_reported_as_damage() {
        let mut stored = record().encode();
        assert!(Record::decode(&stored[..ENTRY_HEADER_BYTES - 1]).is_err());
        stored[0] = 5;
        assert!(Record::decode(&stored).is_err());
        stored[0] = 0x20 | FORM_BOTH_IDS;
        assert!(Record::decode(&stored).is_err());
    }

    #[test]
    fn a_record_without_a_trace_keeps_the_original_form() {
        let stored = record().encode();
        assert_eq!(stored[0], FORM_BOTH_IDS);
        assert_eq!(stored.len(), ENTRY_HEADER_BYTES + record().payload.len());
    }

    #[test]
    fn keys_sort_by_position() {
        assert!(entry_key(Position(255)) < entry_key(Position(256)));
        assert!(entry_key(Position(u64::MAX)).as_slice() < last_key(StreamId(Uuid::nil())).as_slice());
    }

    #[test]
    fn the_last_event_of_a_stream_is_decoded_as_it_was_stored() {
        let last = Last { position: Position(7), event_id: Some(Uuid::from_u128(9)) };
        assert_eq!(Last::decode(&last.encode()).unwrap(), last);
        let without_id = Last { event_id: None, ..last };
        assert_eq!(Last::decode(&without_id.encode()).unwrap(), without_id);
        assert!(Last::decode(&last.encode()[1..]).is_err());
    }
}
