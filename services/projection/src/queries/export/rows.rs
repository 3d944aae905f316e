//! The CRAs of a file, in its order: by day of activity, then by position. The store's chunks are read in their order, each
//! once; rows that wait for an earlier day are sorted in bounded memory.

use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::{Fact, FactKey};
use cra_domain::cra::DecodeError;
use cra_domain::selection::Selection;
use parking_lot::RwLock;

use super::damaged;
use super::sorter::Sorter;
use crate::queries::QueryError;
use crate::queries::scan::Scan;
use crate::store::StoredFact;

/// Bytes of the stored CRAs of a batch, but for the last one: those of older forms may be long.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Number of keys between two notes of the earliest day to come.
const KEYS_PER_NOTE: usize = 4_096;
/// Number of facts per lock of the dictionary: new facts wait for it.
const FACTS_PER_LOCK: usize = 64;

/// Consecutive CRAs of a file, as they are stored.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// End of each CRA.
    ends: Vec<usize>,
}

impl Batch {
    /// Number of CRAs.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, stored: &[u8]) {
        self.bytes.extend_from_slice(stored);
        self.ends.push(self.bytes.len());
    }

    /// Calls a function for what is made of each fact and the dictionary. The dictionary is not locked in the meantime: new
    /// facts need it, and the function may take long.
    pub(super) fn try_each<T>(
        &self,
        dictionary: &RwLock<Dictionary>,
        make: impl Fn(Fact, &Dictionary) -> Result<T, DecodeError>,
        mut take: impl FnMut(T) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut start = 0;
        let mut rows = Vec::with_capacity(FACTS_PER_LOCK);
        for ends in self.ends.chunks(FACTS_PER_LOCK) {
            let words = dictionary.read();
            for end in ends {
                let fact = StoredFact::of(&self.bytes[start..*end]).fact()?;
                rows.push(make(fact, &words).map_err(damaged)?);
                start = *end;
            }
            drop(words);
            rows.drain(..).try_for_each(&mut take)?;
        }
        Ok(())
    }
}

/// The CRAs that a file shows, by their keys.
pub(super) struct Keys {
    /// By position.
    by_position: Vec<PackedKey>,
    /// For every [`KEYS_PER_NOTE`] keys the earliest day from the first of them on.
    earliest: Vec<i32>,
}

/// A key in eight bytes: position, then day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PackedKey {
    /// The columns hold no larger one.
    from: u32,
    day: i32,
}

impl Keys {
    /// The keys of a selection.
    pub(super) fn of(scan: &Scan, selection: &Selection) -> Result<Self, QueryError> {
        let add = |keys: &mut Vec<PackedKey>, FactKey { day, from }| {
            keys.push(PackedKey { from: u32::try_from(from).unwrap_or(u32::MAX), day });
        };
        let mut by_position = scan.keys(selection, Vec::new, add, Vec::extend)?;
        by_position.sort_unstable();
        let mut earliest: Vec<i32> = by_position
            .chunks(KEYS_PER_NOTE)
            .map(|keys| keys.iter().map(|key| key.day).min().unwrap_or(i32::MAX))
            .collect();
        for at in (1..earliest.len()).rev() {
            earliest[at - 1] = earliest[at - 1].min(earliest[at]);
        }
        Ok(Self { by_position, earliest })
    }

    /// Number of CRAs.
    pub(super) fn len(&self) -> usize {
        self.by_position.len()
    }

    /// A day such that no key from an index on has an earlier one.
    fn earliest_from(&self, index: usize) -> i32 {
        if index == self.len() { i32::MAX } else { self.earliest[index / KEYS_PER_NOTE] }
    }

    /// Passes on the CRAs in batches of `rows`, the last one shorter; `sorter` has no rows yet.
    pub(super) fn each_batch(
        &self,
        scan: &Scan,
        rows: usize,
        mut sorter: Sorter,
        mut take: impl FnMut(Batch) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut batch = Batch::default();
        let mut each = |stored: &[u8]| {
            batch.push(stored);
            if batch.len() == rows || batch.bytes.len() >= BATCH_BYTES_MAX {
                take(std::mem::take(&mut batch))?;
            }
            Ok(())
        };
        let mut read = 0;
        let positions = self.by_position.iter().map(|key| u64::from(key.from));
        scan.session()?.each_stored_fact(positions, |from, stored| {
            scan.check(read)?;
            sorter.push(FactKey { day: self.by_position[read].day, from }, stored.bytes());
            read += 1;
            if sorter.is_full() { sorter.take_until(self.earliest_from(read), &mut each) } else { Ok(()) }
        })?;
        sorter.take_until(i32::MAX, &mut each)?;
        if batch.len() > 0 { take(batch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ReadModels, corrected, cra, cra_id, submitted, withdrawn};
    use crate::queries::Snapshot;

    const CRAS: u8 = 250;

    fn day(n: u8) -> String {
        format!("2024-02-{:02}", 1 + u32::from(n) * 17 % 28)
    }

    fn event(n: u8) -> cra_contracts::v1::CraEvent {
        submitted(n, cra_contracts::v1::Cra { date: day(n), ..cra() })
    }

    /// The CRAs of a file, and the number of its batches.
    fn read(models: &ReadModels, position: u64, rows: usize, memory: usize) -> (Vec<Fact>, usize) {
        let now = Snapshot::now(models.serving()).unwrap();
        let (scan, _cancel_on_drop) =
            Scan::streamed(Snapshot { position: cra_eventlog::Position(position), ..now });
        let folder = tempfile::tempdir().unwrap();
        let (mut facts, mut batches) = (Vec::new(), 0);
        let keys = Keys::of(&scan, &Selection::default()).unwrap();
        let take = |batch: Batch| {
            batches += 1;
            assert!(batch.len() <= rows);
            let dictionary = scan.snapshot.generation.dictionary();
            batch.try_each(
                dictionary,
                |fact, _| Ok(fact),
                |fact| {
                    facts.push(fact);
                    Ok(())
                },
            )
        };
        keys.each_batch(&scan, rows, Sorter::new(folder.path(), memory), take).unwrap();
        assert_eq!(facts.len(), keys.len());
        (facts, batches)
    }

    #[test]
    fn facts_come_by_day_then_by_position_whatever_the_memory_and_the_batches() {
        let mut events: Vec<_> = (0..CRAS).map(event).collect();
        events.push(corrected(3, 2, cra_contracts::v1::Cra { date: day(4), ..cra() }));
        events.push(withdrawn(5, 2));
        let models = ReadModels::of(&events);
        models.serving().columns().unwrap();
        for (position, cras) in [(u64::from(CRAS), CRAS), (u64::from(CRAS) + 2, CRAS - 1)] {
            let (expected, _) = read(&models, position, usize::from(CRAS), 1 << 20);
            assert_eq!(expected.len(), usize::from(cras));
            assert!(expected.is_sorted_by_key(|fact| fact.day));
            let of_third = expected.iter().find(|fact| fact.cra_id == cra_id(3)).unwrap();
            assert_eq!(of_third.revision, if position == u64::from(CRAS) { 1 } else { 2 });
            for (rows, memory) in [(1, 1), (7, 2_000), (64, 1 << 20), (1_000, 5_000)] {
                let (facts, batches) = read(&models, position, rows, memory);
                assert!(facts == expected, "{rows} rows, {memory} bytes");
                assert_eq!(batches, expected.len().div_ceil(rows));
            }
        }
    }
}
