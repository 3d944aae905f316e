//! Facts as they are stored: a file reads each chunk once and decodes facts later, on another thread.

use cra_analytics::fact::Fact;

use super::chunks::Place;
use super::{EventEffect, Session, StoreError, decode};
use cra_eventlog::Position;

/// The stored effect of an event that began a fact.
#[derive(Clone, Copy, Debug)]
pub struct StoredFact<'a>(&'a [u8]);

impl<'a> StoredFact<'a> {
    /// What [`StoredFact::bytes`] gave.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The fact.
    pub fn fact(self) -> Result<Fact, StoreError> {
        let effect: EventEffect = decode(self.0)?;
        effect.began.ok_or_else(|| StoreError::Damaged("a fact is not there".into()))
    }
}

impl Session {
    /// Calls a function for the facts that the events at some positions began, which must ascend. Every chunk is read at most
    /// once.
    pub fn each_stored_fact<E: From<StoreError>>(
        &self,
        positions: impl IntoIterator<Item = u64>,
        mut take: impl FnMut(u64, StoredFact<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let missing = |from| StoreError::Damaged(format!("the fact from position {from} is not there"));
        let mut open: Option<Chunk> = None;
        for from in positions {
            let place = Place::of(Position(from)).ok_or_else(|| missing(from))?;
            let chunk = match &mut open {
                Some(chunk) if chunk.number == place.chunk => chunk,
                other => {
                    let bytes = self.chunk(place.chunk)?.ok_or_else(|| missing(from))?;
                    other.insert(Chunk { number: place.chunk, bytes, index: 0, read: 0 })
                }
            };
            let stored = chunk.effect(place.index)?.ok_or_else(|| missing(from))?;
            take(from, StoredFact(stored))?;
        }
        Ok(())
    }
}

/// A chunk being read.
struct Chunk {
    number: u64,
    bytes: sled::InlineArray,
    /// Index of the next effect, and where it begins.
    index: usize,
    read: usize,
}

impl Chunk {
    /// The effect at an index, which must ascend; `None` past the end.
    fn effect(&mut self, index: usize) -> Result<Option<&[u8]>, StoreError> {
        loop {
            let rest = &self.bytes[self.read..];
            if rest.is_empty() {
                return Ok(None);
            }
            let (_, after) = postcard::take_from_bytes::<EventEffect>(rest)
                .map_err(|error| StoreError::Damaged(error.to_string()))?;
            let (start, found) = (self.read, self.index == index);
            self.read = self.bytes.len() - after.len();
            self.index += 1;
            if found {
                return Ok(Some(&self.bytes[start..self.read]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, ChunkWriter, Store};
    use super::*;

    #[test]
    fn a_position_without_a_fact_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let session = store.session().unwrap();
        let mut chunks = ChunkWriter::after(Position(0), &session).unwrap();
        let mut batch = Batch::default();
        chunks.push(&EventEffect { recorded_at: 1, ended: None, began: None }, &mut batch).unwrap();
        chunks.finish(&mut batch);
        store.write(batch).unwrap();
        let read = |from| session.each_stored_fact([from], |_, stored| stored.fact().map(drop));
        for from in [0, 1, 2, 65] {
            assert!(matches!(read(from), Err(StoreError::Damaged(_))), "{from}");
        }
    }
}
