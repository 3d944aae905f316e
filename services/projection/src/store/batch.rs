//! Writes that become visible together.

use cra_eventlog::Position;

use super::records::{Applied, Description, Parked};
use super::{StoreError, encode, keys};
use cra_analytics::dictionary::{Code, Kind};

/// Writes of one batch.
#[derive(Default)]
pub struct Batch {
    writes: sled::Batch,
    full_runs_bytes: usize,
}

impl Batch {
    /// Says what the generation is.
    pub fn put_description(&mut self, description: &Description) -> Result<(), StoreError> {
        self.writes.insert(keys::DESCRIPTION, encode(description)?);
        Ok(())
    }

    /// Says where the generation stands.
    pub fn put_applied(&mut self, applied: &Applied) -> Result<(), StoreError> {
        self.writes.insert(keys::APPLIED, encode(applied)?);
        Ok(())
    }

    /// Keeps what the events of a run did, as far as they are there.
    pub(super) fn put_run(&mut self, number: u64, bytes: &[u8]) {
        self.writes.insert(keys::run(number), bytes);
    }

    /// Keeps what the events of a run did, which is whole now.
    pub(super) fn put_full_run(&mut self, number: u64, bytes: &[u8]) {
        self.full_runs_bytes += bytes.len();
        self.put_run(number, bytes);
    }

    /// Bytes of the runs that it makes whole.
    pub(super) fn full_runs_bytes(&self) -> usize {
        self.full_runs_bytes
    }

    /// Keeps a word with its code.
    pub fn put_word(&mut self, kind: Kind, code: Code, text: &str) {
        self.writes.insert(keys::word(kind, code), text.as_bytes());
    }

    /// Sets an event aside.
    pub fn park(&mut self, position: Position, parked: &Parked) -> Result<(), StoreError> {
        self.writes.insert(keys::parked(position), encode(parked)?);
        Ok(())
    }

    /// Takes an event back that was set aside.
    pub fn unpark(&mut self, position: Position) {
        self.writes.remove(keys::parked(position));
    }

    pub(super) fn into_writes(self) -> sled::Batch {
        self.writes
    }
}
