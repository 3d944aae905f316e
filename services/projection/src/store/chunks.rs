//! Effects of consecutive events, grouped into one value: far fewer entries than events, each small enough to read one
//! event quickly. The location of an event follows from its position, so that read models do not depend on batches.

use cra_eventlog::Position;

use super::{Batch, Session, StoreError, encode};
use crate::store::EventEffect;

/// Number of events per chunk.
pub(super) const CHUNK_POSITIONS: u64 = 64;

/// Location of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the chunk, from 0.
    pub(super) chunk: u64,
    /// Index in the chunk.
    pub(super) index: usize,
}

impl Place {
    /// The location of a position; `None` before the first event.
    pub(super) fn of(position: Position) -> Option<Self> {
        let before = position.0.checked_sub(1)?;
        let index = usize::try_from(before % CHUNK_POSITIONS).ok()?;
        Some(Self { chunk: before / CHUNK_POSITIONS, index })
    }

    /// Position of a chunk's first event.
    pub(super) fn first_of(chunk: u64) -> Position {
        Position(chunk * CHUNK_POSITIONS + 1)
    }
}

/// The effects of a chunk, in the order of their positions.
pub(super) struct Effects<B> {
    bytes: B,
    /// Number of bytes read.
    read: usize,
}

impl<B: AsRef<[u8]>> Effects<B> {
    pub(super) fn of(bytes: B) -> Self {
        Self { bytes, read: 0 }
    }
}

impl<B: AsRef<[u8]>> Iterator for Effects<B> {
    type Item = Result<EventEffect, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.bytes.as_ref();
        let rest = bytes.get(self.read..).filter(|rest| !rest.is_empty())?;
        match postcard::take_from_bytes(rest) {
            Ok((effect, rest)) => {
                self.read = bytes.len() - rest.len();
                Some(Ok(effect))
            }
            Err(error) => {
                self.read = bytes.len();
                Some(Err(StoreError::Damaged(error.to_string())))
            }
        }
    }
}

/// Appends effects to a store.
pub(crate) struct ChunkWriter {
    chunk: u64,
    /// Number of effects in the chunk.
    length: u64,
    bytes: Vec<u8>,
    /// Whether the chunk has effects that the store does not.
    has_more: bool,
}

impl ChunkWriter {
    /// Continues after a position.
    pub(crate) fn after(position: Position, store: &Session) -> Result<Self, StoreError> {
        let (chunk, length) = (position.0 / CHUNK_POSITIONS, position.0 % CHUNK_POSITIONS);
        let bytes = if length == 0 { None } else { store.chunk(chunk)? };
        if length > 0 && bytes.is_none() {
            return Err(StoreError::Damaged(format!("what happened up to position {position}")));
        }
        let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Ok(Self { chunk, length, bytes, has_more: false })
    }

    /// Appends the effect of the next position.
    pub(crate) fn push(&mut self, effect: &EventEffect, batch: &mut Batch) -> Result<(), StoreError> {
        self.bytes = postcard::to_extend(effect, std::mem::take(&mut self.bytes))
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.length += 1;
        self.has_more = true;
        if self.length == CHUNK_POSITIONS {
            batch.put_full_chunk(self.chunk, &self.bytes);
            (self.chunk, self.length, self.has_more) = (self.chunk + 1, 0, false);
            self.bytes.clear();
        }
        Ok(())
    }

    /// Writes the incomplete chunk.
    pub(crate) fn finish(self, batch: &mut Batch) {
        if self.has_more {
            batch.put_chunk(self.chunk, &self.bytes);
        }
    }
}

/// Replaces the effects of positions, which must be in order.
pub(crate) fn rewrite(
    effects: impl IntoIterator<Item = (Position, EventEffect)>,
    store: &Session,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let missing = |position| StoreError::Damaged(format!("what happened at position {position}"));
    let mut open: Option<(u64, Vec<EventEffect>)> = None;
    for (position, effect) in effects {
        let place = Place::of(position).ok_or_else(|| missing(position))?;
        if open.as_ref().is_none_or(|(chunk, _)| *chunk != place.chunk) {
            if let Some((chunk, effects)) = open.take() {
                put(chunk, &effects, batch)?;
            }
            let bytes = store.chunk(place.chunk)?.ok_or_else(|| missing(position))?;
            open = Some((place.chunk, Effects::of(&bytes).collect::<Result<_, _>>()?));
        }
        if let Some((_, effects)) = &mut open {
            *effects.get_mut(place.index).ok_or_else(|| missing(position))? = effect;
        }
    }
    if let Some((chunk, effects)) = open {
        put(chunk, &effects, batch)?;
    }
    Ok(())
}

fn put(chunk: u64, effects: &[EventEffect], batch: &mut Batch) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for effect in effects {
        bytes.extend(encode(effect)?);
    }
    batch.put_chunk(chunk, &bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_a_location_in_a_chunk() {
        let place = |position| Place::of(Position(position));
        assert_eq!(place(0), None);
        assert_eq!(place(1), Some(Place { chunk: 0, index: 0 }));
        assert_eq!(place(64), Some(Place { chunk: 0, index: 63 }));
        assert_eq!(place(65), Some(Place { chunk: 1, index: 0 }));
        assert_eq!(Place::first_of(1), Position(65));
    }

    #[test]
    fn a_truncated_step_is_detected() {
        let effect = EventEffect { recorded_at: 7, ended: Some(3), began: None };
        let bytes = encode(&effect).unwrap();
        let read = |bytes: &[u8]| Effects::of(bytes).collect::<Result<Vec<_>, _>>();
        assert_eq!(read(&bytes).unwrap(), [effect]);
        assert!(matches!(read(&bytes[..bytes.len() - 1]), Err(StoreError::Damaged(_))));
    }
}
