//! Stored segments give what their facts give, or are not used.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use parking_lot::Mutex;

use super::super::tests::{Happened, assert_same, at, delta, loaded, long_history};
use super::super::{Columns, FactDelta};
use super::*;

/// Segments in memory, and how many of them were stored.
#[derive(Default)]
struct Stored(Mutex<(BTreeMap<usize, Vec<u8>>, usize)>);

impl SegmentStore for Stored {
    fn read(&self, number: usize) -> Option<Vec<u8>> {
        self.0.lock().0.get(&number).cloned()
    }

    fn write(&self, number: usize, bytes: &[u8]) {
        let mut stored = self.0.lock();
        stored.0.insert(number, bytes.to_vec());
        stored.1 += 1;
    }
}

/// Columns loaded from stored segments and events: those of the first positions must not be read.
fn loaded_with(stored: &Stored, history: &[Happened], not_read: u64) -> Columns {
    let read = |positions: RangeInclusive<u64>, add: &mut dyn FnMut(&FactDelta)| {
        assert!(*positions.start() > not_read, "{positions:?} are read");
        for position in positions {
            add(&delta(position, &history[usize::try_from(position - 1).unwrap()]));
        }
        Ok::<_, std::convert::Infallible>(())
    };
    Columns::load(at(history.len() as u64), stored, read).unwrap()
}

#[test]
fn stored_segments_replace_the_reading_of_their_facts() {
    const SEALED: u64 = SEGMENT_POSITIONS as u64;
    // Segments are completed while columns grow, when they are loaded, and while loaded ones grow.
    let history = long_history(4 * SEALED + 20_000);
    let steps: Vec<_> = (1..).zip(&history).map(|(at, happened)| delta(at, happened)).collect();
    let (grown, stored) = (Columns::default(), Stored::default());
    let until = |end: u64| &history[..usize::try_from(end).unwrap()];
    let apply = |table: &Columns, stored: &Stored, from: u64, to: u64| {
        let steps = &steps[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
        for (number, some) in (0..).zip(steps.chunks(7_001)) {
            table.apply(some, at(from + number * 7_001 + some.len() as u64), stored);
        }
    };
    apply(&grown, &Stored::default(), 0, SEALED + 1_000);
    let none = Stored::default();
    assert_same(&loaded_with(&none, until(SEALED + 1_000), 0), &grown, &history, SEALED + 1_000);
    let first = Columns::default();
    apply(&first, &stored, 0, SEALED + 1_000);
    let made = loaded_with(&stored, until(SEALED + 1_000), SEALED);
    assert_same(&made, &grown, &history, SEALED + 1_000);
    apply(&made, &stored, SEALED + 1_000, 3 * SEALED + 50);
    apply(&grown, &none, SEALED + 1_000, 3 * SEALED + 50);
    assert_same(&loaded_with(&stored, until(3 * SEALED + 50), 3 * SEALED), &grown, &history, 3 * SEALED + 50);
    let end = history.len() as u64;
    apply(&grown, &none, 3 * SEALED + 50, end);
    let made = loaded_with(&stored, &history, 3 * SEALED);
    assert_same(&made, &grown, &history, end);
    assert_eq!(stored.0.lock().1, 4, "each segment is stored once");
    assert_same(&loaded_with(&stored, &history, 4 * SEALED), &grown, &history, end);
}

/// What happens to the bytes of a segment.
type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

#[test]
fn stored_segments_that_are_damaged_or_of_others_are_made_again() {
    let history = long_history(2 * SEGMENT_POSITIONS as u64 + 100);
    let end = history.len() as u64;
    let (grown, made) = (loaded(&history), Stored::default());
    loaded_with(&made, &history, 0);
    let whole = made.0.lock().0.clone();
    let others = Stored::default();
    loaded_with(&others, &history, 0);
    let damages: [Damage<'_>; 5] = [
        &|bytes| bytes.truncate(bytes.len() / 2),
        &|bytes| bytes.clear(),
        &|bytes| bytes[2] ^= 1,
        &|bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        },
        // Hashed with another key.
        &|bytes| *bytes = others.0.lock().0[&1].clone(),
    ];
    for damage in damages {
        let stored = Stored(Mutex::new((whole.clone(), 0)));
        damage(stored.0.lock().0.get_mut(&1).unwrap());
        assert_same(&loaded_with(&stored, &history, SEGMENT_POSITIONS as u64), &grown, &history, end);
        assert_eq!(stored.0.lock().1, 1);
        assert!(stored.0.lock().0 == whole, "the same facts give the same bytes");
    }
    let swapped = [(0, whole[&1].clone()), (1, whole[&0].clone())];
    let stored = Stored(Mutex::new((BTreeMap::from(swapped), 0)));
    assert_same(&loaded_with(&stored, &history, 0), &grown, &history, end);
}
