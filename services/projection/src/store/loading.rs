//! Loads stored facts into memory.

use std::ops::RangeInclusive;

use cra_analytics::columns::{Columns, FactDelta};
use cra_analytics::fact::Fact;
use cra_eventlog::Position;
use uuid::Uuid;

use super::{Checkpoint, Session, Store, StoreError};

impl Store {
    /// Loads the columns of all stored facts. Blocks.
    pub(crate) fn columns(&self) -> Result<Columns, StoreError> {
        let watermark = self.session()?.checkpoint()?.as_ref().map(Checkpoint::watermark);
        let next = watermark.map_or(1, |watermark| watermark.position + 1);
        self.segments().remove_from(Columns::segment_of(next))?;
        Columns::load(watermark, self.segments(), |positions, add| self.session()?.each_delta(positions, add))
    }
}

impl Session {
    fn each_delta(
        &self,
        positions: RangeInclusive<u64>,
        add: &mut dyn FnMut(&FactDelta),
    ) -> Result<(), StoreError> {
        let (mut expected, last) = (*positions.start(), *positions.end());
        for entry in self.effects(Position(expected)..=Position(last)) {
            let (position, effect) = entry?;
            if position.0 != expected {
                break;
            }
            add(&FactDelta::of(expected, effect.began.as_ref(), effect.ended));
            expected += 1;
        }
        if expected == last + 1 {
            Ok(())
        } else {
            Err(StoreError::Damaged(format!("what happened at position {expected}")))
        }
    }

    /// The latest fact of a CRA, in force or not, and its position; `None` if the CRA has none.
    pub fn latest(&self, columns: &Columns, cra_id: Uuid) -> Result<Option<(u64, Fact)>, StoreError> {
        for from in columns.candidates(cra_id) {
            let fact = self.fact(from)?;
            if fact.cra_id == cra_id {
                return Ok(Some((from, fact)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, ChunkWriter, EventEffect};
    use super::*;

    #[test]
    fn a_store_without_an_event_loads_no_columns() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let applied = |position| Checkpoint {
            position: Position(position),
            event_id: None,
            recorded_at: 0,
            last_recorded_at: 0,
            applied_at: 0,
            parked: 0,
            retried: 0,
        };
        for (after, events, end) in [(0, 5_000, 5_000), (5_000, 0, 5_001)] {
            let mut chunks = ChunkWriter::after(Position(after), &store.session().unwrap()).unwrap();
            let mut batch = Batch::default();
            for _ in 0..events {
                let effect = EventEffect { recorded_at: 0, ended: None, began: None };
                chunks.push(&effect, &mut batch).unwrap();
            }
            chunks.finish(&mut batch);
            batch.put_checkpoint(&applied(end)).unwrap();
            store.write(batch).unwrap();
            assert_eq!(store.columns().is_ok(), after == 0);
        }
        assert!(matches!(store.columns(), Err(StoreError::Damaged(_))));
    }
}
