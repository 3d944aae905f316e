//! The stored form of a segment: a header, then length-prefixed entries, all in one zstd frame.
//!
//! Numbers are big-endian. An entry consists of position, flags for its ids, time, ids, payload. The bytes are checked
//! against the manifest's digest before they are decoded, and the entries against the manifest's positions.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use cra_private::AtomicFile;
use jiff::Timestamp;
use uuid::Uuid;

use super::manifest::{Segment, file_name, sha256};
use super::{BackupError, at};
use cra_eventlog::{LogEntry, Position, StreamId};

/// Number of events at which a segment is closed.
pub(super) const SEGMENT_EVENTS_MAX: u64 = 50_000;
/// Uncompressed size at which a segment is closed; its last event may exceed it.
pub(super) const SEGMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Maximum size of an event, far above what a server accepts. Larger lengths are treated as damage.
const ENTRY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Higher levels take several times as long for a few percent.
const COMPRESSION_LEVEL: i32 = 3;

const MAGIC: &[u8; 8] = b"CRALOG01";
const LENGTH_BYTES: usize = 4;
const HAS_STREAM: u8 = 1;
const HAS_EVENT_ID: u8 = 2;

/// A segment under construction.
pub(super) struct Draft {
    first: Position,
    last: Position,
    raw: Vec<u8>,
}

impl Draft {
    /// An empty segment that starts at a position.
    pub(super) fn new(first: Position) -> Self {
        Self { first, last: first.previous(), raw: MAGIC.to_vec() }
    }

    /// Adds the next event.
    pub(super) fn push(&mut self, entry: &LogEntry) -> Result<(), String> {
        if entry.position != self.last.next() {
            return Err(format!("position {}, expected {}", entry.position, self.last.next()));
        }
        let start = self.raw.len();
        self.raw.extend_from_slice(&[0; LENGTH_BYTES]);
        self.raw.extend_from_slice(&entry.position.0.to_be_bytes());
        let ids = [entry.stream.map(|stream| stream.0), entry.event_id];
        let [has_stream, has_event_id] = ids.map(|id| u8::from(id.is_some()));
        self.raw.push((has_stream * HAS_STREAM) | (has_event_id * HAS_EVENT_ID));
        self.raw.extend_from_slice(&entry.appended_at.as_nanosecond().to_be_bytes());
        for id in ids.into_iter().flatten() {
            self.raw.extend_from_slice(id.as_bytes());
        }
        self.raw.extend_from_slice(&entry.payload);
        let length = self.raw.len() - start - LENGTH_BYTES;
        let stored = u32::try_from(length).ok().filter(|_| length <= ENTRY_BYTES_MAX);
        let Some(stored) = stored else {
            self.raw.truncate(start);
            return Err(format!(
                "the event at {} has {length} bytes, at most {ENTRY_BYTES_MAX}",
                entry.position
            ));
        };
        self.raw[start..start + LENGTH_BYTES].copy_from_slice(&stored.to_be_bytes());
        self.last = entry.position;
        Ok(())
    }

    pub(super) fn file_name(&self) -> String {
        file_name(self.first)
    }

    pub(super) fn is_full(&self) -> bool {
        self.last.0 + 1 - self.first.0 >= SEGMENT_EVENTS_MAX || self.raw.len() >= SEGMENT_BYTES_MAX
    }

    /// Writes the file durably, and returns its manifest entry. Blocks.
    pub(super) fn write(&self, path: &Path) -> Result<Segment, BackupError> {
        let packed = zstd::encode_all(self.raw.as_slice(), COMPRESSION_LEVEL).map_err(at(path))?;
        AtomicFile::replace(path, &packed).map_err(at(path))?;
        Ok(Segment {
            first: self.first,
            last: self.last,
            events: self.last.0 + 1 - self.first.0,
            bytes: self.raw.len() as u64,
            file_bytes: packed.len() as u64,
            sha256: sha256(&packed),
            link: String::new(),
        })
    }
}

/// Reads a segment's file and verifies its digest, without decoding it. Blocks.
pub(super) fn read_packed(path: &Path, segment: &Segment) -> Result<Vec<u8>, BackupError> {
    let unsound = |reason| unsound(path, segment, reason);
    let opened = File::open(path);
    let mut file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(unsound("it is missing".to_owned()));
        }
        opened => opened.map_err(at(path))?,
    };
    let file_bytes = file.metadata().map_err(at(path))?.len();
    if file_bytes != segment.file_bytes {
        return Err(unsound(format!("it has {file_bytes} bytes, the manifest says {}", segment.file_bytes)));
    }
    let mut packed = Vec::new();
    file.read_to_end(&mut packed).map_err(at(path))?;
    let found = sha256(&packed);
    if found != segment.sha256 {
        return Err(unsound(format!("its SHA-256 is {found}, the manifest says {}", segment.sha256)));
    }
    Ok(packed)
}

/// Reads a segment's events, after verifying its digest. Blocks.
pub(super) fn read(path: &Path, segment: &Segment) -> Result<Vec<LogEntry>, BackupError> {
    let packed = read_packed(path, segment)?;
    decode(&packed, segment).map_err(|reason| unsound(path, segment, reason))
}

fn unsound(path: &Path, segment: &Segment, reason: String) -> BackupError {
    BackupError::Segment { path: path.to_owned(), first: segment.first, last: segment.last, reason }
}

/// Decodes a segment, which may contain anything.
fn decode(packed: &[u8], segment: &Segment) -> Result<Vec<LogEntry>, String> {
    let mut raw = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(|error| error.to_string())?;
    // One byte more than expected detects an excess and limits the memory.
    let unpacked = decoder.take(segment.bytes.saturating_add(1)).read_to_end(&mut raw);
    unpacked.map_err(|error| format!("it cannot be unpacked: {error}"))?;
    if raw.len() as u64 != segment.bytes {
        return Err(format!("it does not unpack to the {} bytes of the manifest", segment.bytes));
    }
    let mut rest = Bytes::from(raw);
    if rest.len() < MAGIC.len() || rest.split_to(MAGIC.len()) != MAGIC.as_slice() {
        return Err("it has no segment header".to_owned());
    }
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut expected = segment.first;
    while !rest.is_empty() {
        let entry = take_entry(&mut rest).map_err(|reason| format!("at position {expected}: {reason}"))?;
        if entry.position != expected || expected > segment.last {
            return Err(format!("it has position {}, expected {expected}", entry.position));
        }
        expected = expected.next();
        entries.push(entry);
    }
    if expected != segment.last.next() {
        return Err(format!("it ends before position {expected}"));
    }
    Ok(entries)
}

fn take_entry(rest: &mut Bytes) -> Result<LogEntry, &'static str> {
    let length = usize::try_from(u32::from_be_bytes(take(rest)?)).unwrap_or(usize::MAX);
    if length > ENTRY_BYTES_MAX {
        return Err("an event is too large");
    }
    if length > rest.len() {
        return Err("an event is cut short");
    }
    let mut body = rest.split_to(length);
    let position = Position(u64::from_be_bytes(take(&mut body)?));
    let [flags] = take(&mut body)?;
    if flags & !(HAS_STREAM | HAS_EVENT_ID) != 0 {
        return Err("an event has unknown flags");
    }
    let nanoseconds = i128::from_be_bytes(take(&mut body)?);
    let appended_at = Timestamp::from_nanosecond(nanoseconds).map_err(|_| "an event has no time")?;
    let mut id = |flag| match flags & flag {
        0 => Ok(None),
        _ => take(&mut body).map(|bytes| Some(Uuid::from_bytes(bytes))),
    };
    let (stream, event_id) = (id(HAS_STREAM)?.map(StreamId), id(HAS_EVENT_ID)?);
    Ok(LogEntry { position, stream, event_id, payload: body, appended_at, trace: None })
}

fn take<const N: usize>(rest: &mut Bytes) -> Result<[u8; N], &'static str> {
    let bytes = *rest.first_chunk::<N>().ok_or("an event is cut short")?;
    // `split_to` shares the bytes: payloads are never copied.
    drop(rest.split_to(N));
    Ok(bytes)
}

#[cfg(test)]
mod tests;
