//! Writes that become visible together.

use cra_eventlog::Position;
use uuid::Uuid;

use super::records::{Applied, Change, Current, Description, Parked};
use super::{StoreError, encode, keys};
use crate::views::dictionary::{Code, Kind};
use crate::views::fact::{Fact, FactKey};

/// Writes of one batch.
#[derive(Default)]
pub struct Batch {
    writes: sled::Batch,
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

    /// Says where a CRA stands.
    pub fn put_current(&mut self, cra_id: Uuid, current: &Current) -> Result<(), StoreError> {
        self.writes.insert(keys::current(cra_id), encode(current)?);
        Ok(())
    }

    /// Writes a fact, anew or over its former state.
    pub fn put_fact(&mut self, key: FactKey, fact: &Fact) -> Result<(), StoreError> {
        self.writes.insert(keys::fact(key), encode(fact)?);
        Ok(())
    }

    /// Takes a fact away: for tests of what notices it.
    #[cfg(test)]
    pub(crate) fn remove_fact(&mut self, key: FactKey) {
        self.writes.remove(keys::fact(key));
    }

    /// Keeps a word with its code.
    pub fn put_word(&mut self, kind: Kind, code: Code, text: &str) {
        self.writes.insert(keys::word(kind, code), text.as_bytes());
    }

    /// Keeps what the event at a position did.
    pub fn put_change(&mut self, position: Position, change: &Change) -> Result<(), StoreError> {
        self.writes.insert(keys::change(position), encode(change)?);
        Ok(())
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
