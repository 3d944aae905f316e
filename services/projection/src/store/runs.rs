//! Effects of consecutive events, grouped into one value: far fewer entries than events, each small enough to read one
//! event quickly. The location of an event follows from its position, so that read models do not depend on batches.

use cra_eventlog::Position;

use super::{Batch, Session, StoreError, encode};
use crate::store::Step;

/// Number of events per chunk.
pub(super) const RUN_POSITIONS: u64 = 64;

/// Location of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the chunk, from 0.
    pub(super) run: u64,
    /// Index in the chunk.
    pub(super) index: usize,
}

impl Place {
    /// The location of a position; `None` before the first event.
    pub(super) fn of(position: Position) -> Option<Self> {
        let before = position.0.checked_sub(1)?;
        let index = usize::try_from(before % RUN_POSITIONS).ok()?;
        Some(Self { run: before / RUN_POSITIONS, index })
    }

    /// Position of a chunk's first event.
    pub(super) fn first_of(run: u64) -> Position {
        Position(run * RUN_POSITIONS + 1)
    }
}

/// The steps of a chunk, in the order of their positions.
pub(super) struct Steps<B> {
    bytes: B,
    /// Number of bytes read.
    read: usize,
}

impl<B: AsRef<[u8]>> Steps<B> {
    pub(super) fn of(bytes: B) -> Self {
        Self { bytes, read: 0 }
    }
}

impl<B: AsRef<[u8]>> Iterator for Steps<B> {
    type Item = Result<Step, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.bytes.as_ref();
        let rest = bytes.get(self.read..).filter(|rest| !rest.is_empty())?;
        match postcard::take_from_bytes(rest) {
            Ok((step, rest)) => {
                self.read = bytes.len() - rest.len();
                Some(Ok(step))
            }
            Err(error) => {
                self.read = bytes.len();
                Some(Err(StoreError::Damaged(error.to_string())))
            }
        }
    }
}

/// Appends steps to a store.
pub struct Appending {
    run: u64,
    /// Number of steps in the chunk.
    length: u64,
    bytes: Vec<u8>,
    /// Whether the chunk has steps that the store does not.
    has_more: bool,
}

impl Appending {
    /// Continues after a position.
    pub fn after(position: Position, store: &Session) -> Result<Self, StoreError> {
        let (run, length) = (position.0 / RUN_POSITIONS, position.0 % RUN_POSITIONS);
        let bytes = if length == 0 { None } else { store.run(run)? };
        if length > 0 && bytes.is_none() {
            return Err(StoreError::Damaged(format!("what happened up to position {position}")));
        }
        let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Ok(Self { run, length, bytes, has_more: false })
    }

    /// Appends the step of the next position.
    pub fn push(&mut self, step: &Step, batch: &mut Batch) -> Result<(), StoreError> {
        self.bytes = postcard::to_extend(step, std::mem::take(&mut self.bytes))
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.length += 1;
        self.has_more = true;
        if self.length == RUN_POSITIONS {
            batch.put_full_run(self.run, &self.bytes);
            (self.run, self.length, self.has_more) = (self.run + 1, 0, false);
            self.bytes.clear();
        }
        Ok(())
    }

    /// Writes the incomplete chunk.
    pub fn finish(self, batch: &mut Batch) {
        if self.has_more {
            batch.put_run(self.run, &self.bytes);
        }
    }
}

/// Replaces the steps of positions, which must be in order.
pub fn rewrite(
    steps: impl IntoIterator<Item = (Position, Step)>,
    store: &Session,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let missing = |position| StoreError::Damaged(format!("what happened at position {position}"));
    let mut open: Option<(u64, Vec<Step>)> = None;
    for (position, step) in steps {
        let place = Place::of(position).ok_or_else(|| missing(position))?;
        if open.as_ref().is_none_or(|(run, _)| *run != place.run) {
            if let Some((run, steps)) = open.take() {
                put(run, &steps, batch)?;
            }
            let bytes = store.run(place.run)?.ok_or_else(|| missing(position))?;
            open = Some((place.run, Steps::of(&bytes).collect::<Result<_, _>>()?));
        }
        if let Some((_, steps)) = &mut open {
            *steps.get_mut(place.index).ok_or_else(|| missing(position))? = step;
        }
    }
    if let Some((run, steps)) = open {
        put(run, &steps, batch)?;
    }
    Ok(())
}

fn put(run: u64, steps: &[Step], batch: &mut Batch) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for step in steps {
        bytes.extend(encode(step)?);
    }
    batch.put_run(run, &bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_a_location_in_a_chunk() {
        let place = |position| Place::of(Position(position));
        assert_eq!(place(0), None);
        assert_eq!(place(1), Some(Place { run: 0, index: 0 }));
        assert_eq!(place(64), Some(Place { run: 0, index: 63 }));
        assert_eq!(place(65), Some(Place { run: 1, index: 0 }));
        assert_eq!(Place::first_of(1), Position(65));
    }

    #[test]
    fn a_truncated_step_is_detected() {
        let step = Step { recorded_at: 7, ended: Some(3), began: None };
        let bytes = encode(&step).unwrap();
        let read = |bytes: &[u8]| Steps::of(bytes).collect::<Result<Vec<_>, _>>();
        assert_eq!(read(&bytes).unwrap(), [step]);
        assert!(matches!(read(&bytes[..bytes.len() - 1]), Err(StoreError::Damaged(_))));
    }
}
