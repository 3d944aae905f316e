//! A segment as bytes: what a start reads instead of the facts. They are a copy of what the facts of its positions give, so
//! that bytes of another form, or damaged ones, cost the time of sealing the facts again and nothing else.

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::cra_index::{HashKey, LatestFact};
use super::sealed::Sealed;
use super::segment::{SEGMENT_POSITIONS, Segment};
use super::words;

/// Version of the bytes. Changing any type of a segment changes it.
const VERSION: u32 = 2;
/// Bytes of the checksum, at the beginning.
const CHECKSUM_BYTES: usize = 4;

/// Where the segments of a generation are stored.
pub trait SegmentStore: Sync {
    /// The bytes of a segment by its number, from 0; `None` if there are none.
    fn read(&self, number: usize) -> Option<Vec<u8>>;

    /// Stores the bytes of a segment. Without them, a later load seals its facts again.
    fn write(&self, number: usize, bytes: &[u8]);
}

/// Stores no segments.
impl SegmentStore for () {
    fn read(&self, _: usize) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: usize, _: &[u8]) {}
}

/// What the bytes are of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    form: String,
    number: usize,
    key: HashKey,
}

#[derive(Serialize, Deserialize)]
struct Body<F> {
    facts: F,
    /// Hash of the CRA of each fact, by position.
    #[serde(with = "words")]
    hashes: Vec<u32>,
    ended: Vec<(u64, u32)>,
}

impl Header {
    fn of(number: usize, key: HashKey) -> Self {
        // Words are stored in the order of the processor's bytes.
        let order = if cfg!(target_endian = "little") { "little" } else { "big" };
        Self { form: format!("{VERSION} {order} {}", crate::definitions()), number, key }
    }
}

/// The bytes of a segment, of the changes by the events of its positions.
pub(super) fn encode(number: usize, key: HashKey, segment: &Segment, changes: &Changes) -> Vec<u8> {
    let hashes = changes.began.iter().map(|latest| latest.hash).collect();
    let body = Body { facts: segment.facts(), hashes, ended: changes.ended.clone() };
    let bytes = postcard::to_extend(&(Header::of(number, key), body), vec![0; CHECKSUM_BYTES]);
    let mut bytes = bytes.unwrap_or_else(|error| unreachable!("every field has a form: {error}"));
    let checksum = crc32fast::hash(&bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The key of the hashes in a segment's bytes; `None` if they are of another form, or damaged.
pub(super) fn key_of(number: usize, bytes: &[u8]) -> Option<HashKey> {
    header(number, bytes).map(|(key, _)| key)
}

/// The segment of these bytes; `None` if they are of another form or key, or damaged.
pub(super) fn decode(number: usize, key: HashKey, bytes: &[u8]) -> Option<(Segment, Changes)> {
    let (of, body) = header(number, bytes)?;
    let Body::<Sealed> { facts, hashes, ended } = postcard::from_bytes(body).ok().filter(|_| of == key)?;
    let froms = facts.present().map(|offset| u32::try_from(number * SEGMENT_POSITIONS + offset + 1).ok());
    let began = hashes.into_iter().zip(froms).map(|(hash, from)| Some(LatestFact { hash, from: from? }));
    let began = began.collect::<Option<Vec<_>>>().filter(|began| began.len() == facts.length)?;
    Some((Segment::of_facts(facts), Changes { began, ended }))
}

fn header(number: usize, bytes: &[u8]) -> Option<(HashKey, &[u8])> {
    let (checksum, bytes) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
    let is_whole = crc32fast::hash(bytes) == u32::from_le_bytes(*checksum);
    let (header, body) = postcard::take_from_bytes::<Header>(bytes).ok().filter(|_| is_whole)?;
    (header == Header::of(number, header.key)).then_some((header.key, body))
}

#[cfg(test)]
mod tests;
