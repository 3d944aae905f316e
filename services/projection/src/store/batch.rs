//! Writes that become visible together.

use cra_eventlog::Position;

use super::records::{Checkpoint, Description, Parked};
use super::{StoreError, encode, keys};
use cra_analytics::dictionary::{Code, Kind};

/// Writes of one batch.
#[derive(Default)]
pub(crate) struct Batch {
    writes: sled::Batch,
    full_chunks_bytes: usize,
}

impl Batch {
    /// Sets the description of the generation.
    pub(crate) fn put_description(&mut self, description: &Description) -> Result<(), StoreError> {
        self.writes.insert(keys::DESCRIPTION, encode(description)?);
        Ok(())
    }

    /// Sets the state of the generation.
    pub(crate) fn put_checkpoint(&mut self, applied: &Checkpoint) -> Result<(), StoreError> {
        self.writes.insert(keys::CHECKPOINT, encode(applied)?);
        Ok(())
    }

    /// Writes the steps of an incomplete chunk.
    pub(super) fn put_chunk(&mut self, number: u64, bytes: &[u8]) {
        self.writes.insert(keys::chunk(number), bytes);
    }

    /// Writes the steps of a chunk that is now complete.
    pub(super) fn put_full_chunk(&mut self, number: u64, bytes: &[u8]) {
        self.full_chunks_bytes += bytes.len();
        self.put_chunk(number, bytes);
    }

    /// Size of the chunks that it completes.
    pub(super) fn full_chunks_bytes(&self) -> usize {
        self.full_chunks_bytes
    }

    /// Writes a word with its code.
    pub(crate) fn put_word(&mut self, kind: Kind, code: Code, text: &str) {
        self.writes.insert(keys::word(kind, code), text.as_bytes());
    }

    /// Parks an event.
    pub(crate) fn park(&mut self, position: Position, parked: &Parked) -> Result<(), StoreError> {
        self.writes.insert(keys::parked(position), encode(parked)?);
        Ok(())
    }

    /// Removes a parked event.
    pub(crate) fn unpark(&mut self, position: Position) {
        self.writes.remove(keys::parked(position));
    }

    pub(super) fn into_writes(self) -> sled::Batch {
        self.writes
    }
}
