//! The entries of one range of hashes. Most are sorted by hash: six bytes each, of which the highest bits of the hash are the
//! number of a bucket. The newest are in a hash table, until there are enough of them to sort all entries again.

use std::ops::Range;

use hashbrown::HashTable;

use super::{LatestFact, SHARD_BITS};

/// One new entry per so many sorted ones makes a merge worthwhile: it costs some operations per new entry.
const SORTED_PER_NEW: usize = 8;
/// New entries that are always allowed.
const NEW_MIN: usize = 64;
/// Bits of the hash within a shard.
const HASH_BITS: u32 = u32::BITS - SHARD_BITS;
/// Bits of the hash within a bucket, at most.
const REST_BITS_MAX: u32 = u16::BITS;
/// Entries that a bucket has about: they are compared one by one.
const PER_BUCKET: usize = 16;
/// Position of a removed entry: positions begin at 1.
const REMOVED: u32 = 0;

/// The entries of a shard.
#[derive(Default)]
pub(super) struct Shard {
    sorted: Sorted,
    new: HashTable<LatestFact>,
}

/// Entries sorted by hash.
#[derive(Default)]
struct Sorted {
    /// Index of the first entry of each bucket, and the number of entries; empty without any.
    starts: Box<[u32]>,
    /// Bits of the hash within a bucket.
    rest_bits: u32,
    /// Those bits of each entry.
    rests: Box<[u16]>,
    /// Position of each entry, or [`REMOVED`].
    from: Box<[u32]>,
}

impl Shard {
    /// A shard of entries in any order.
    pub(super) fn of(entries: Vec<LatestFact>) -> Self {
        Self { sorted: Sorted::of(entries), new: HashTable::new() }
    }

    /// The positions of a hash.
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = u32> {
        let new = self.new.iter_hash(spread(hash)).filter(move |latest| latest.hash == hash);
        let sorted = self.sorted.indexes(hash).map(|at| self.sorted.from[at]);
        new.map(|latest| latest.from).chain(sorted.filter(|from| *from != REMOVED))
    }

    pub(super) fn insert(&mut self, latest: LatestFact) {
        self.new.insert_unique(spread(latest.hash), latest, |it| spread(it.hash));
        if self.new.len() > NEW_MIN.max(self.sorted.from.len() / SORTED_PER_NEW) {
            self.merge(latest.hash);
        }
    }

    pub(super) fn remove(&mut self, former: LatestFact) {
        if let Ok(entry) = self.new.find_entry(spread(former.hash), |it| *it == former) {
            entry.remove();
            return;
        }
        let is_former = |at: &usize| self.sorted.from[*at] == former.from;
        let found = self.sorted.indexes(former.hash).find(is_former);
        if let Some(at) = found {
            self.sorted.from[at] = REMOVED;
        }
    }

    /// Moves all new entries to the sorted ones. The hash is one of the shard's.
    fn merge(&mut self, hash: u32) {
        let mut new: Vec<_> = self.new.drain().collect();
        new.sort_unstable_by_key(|latest| latest.hash);
        let mut entries: Vec<_> = self.sorted.entries(hash >> HASH_BITS).collect();
        entries.extend(new);
        self.sorted = Sorted::of(entries);
    }
}

impl Sorted {
    fn of(mut entries: Vec<LatestFact>) -> Self {
        // Two sorted runs are merged by this sort; nothing is compared twice.
        entries.sort_by_key(|latest| latest.hash);
        let bucket_bits = (entries.len() / PER_BUCKET).max(1).ilog2();
        let rest_bits = HASH_BITS.saturating_sub(bucket_bits).min(REST_BITS_MAX);
        let mut sorted = Self { rest_bits, ..Self::default() };
        let mut starts = vec![0; (1 << (HASH_BITS - rest_bits)) + 1];
        for latest in &entries {
            starts[sorted.bucket(latest.hash) + 1] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        sorted.rests = entries.iter().map(|latest| sorted.rest(latest.hash)).collect();
        sorted.from = entries.iter().map(|latest| latest.from).collect();
        sorted.starts = starts.into();
        sorted
    }

    fn bucket(&self, hash: u32) -> usize {
        (in_shard(hash) >> self.rest_bits) as usize
    }

    #[allow(clippy::cast_possible_truncation)] // 16 bits at most are left
    fn rest(&self, hash: u32) -> u16 {
        (in_shard(hash) & ((1 << self.rest_bits) - 1)) as u16
    }

    fn range(&self, bucket: usize) -> Range<usize> {
        match self.starts.get(bucket..bucket + 2) {
            Some(&[first, end]) => first as usize..end as usize,
            _ => 0..0,
        }
    }

    /// Indexes of the entries of a hash, removed ones included.
    fn indexes(&self, hash: u32) -> impl Iterator<Item = usize> {
        let (range, rest) = (self.range(self.bucket(hash)), self.rest(hash));
        range.filter(move |at| self.rests[*at] == rest)
    }

    /// Every entry of a shard by its number, sorted by hash.
    fn entries(&self, shard: u32) -> impl Iterator<Item = LatestFact> {
        let buckets = (0_u32..).take(self.starts.len().saturating_sub(1));
        let entries = buckets.flat_map(move |bucket| {
            let first = shard << HASH_BITS | bucket << self.rest_bits;
            self.range(bucket as usize).map(move |at| (first | u32::from(self.rests[at]), self.from[at]))
        });
        entries.filter(|(_, from)| *from != REMOVED).map(|(hash, from)| LatestFact { hash, from })
    }
}

/// The part of a hash that is not the number of the shard.
fn in_shard(hash: u32) -> u32 {
    hash & (u32::MAX >> SHARD_BITS)
}

/// A 64-bit hash for the table, which uses its lowest and highest bits.
fn spread(hash: u32) -> u64 {
    // Odd, so that the mapping is injective.
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The shard of all hashes of the tests.
    const NUMBER: u32 = 7;

    proptest! {
        #[test]
        fn a_shard_has_what_was_inserted_and_not_removed(
            loaded in vec(0..1_u32 << HASH_BITS, 0..2_000),
            inserted in vec(prop_oneof![0..60_u32, 0..1_u32 << HASH_BITS], 0..2_000),
            removed_of in 1..7_usize,
        ) {
            let hashes = loaded.iter().chain(&inserted).map(|hash| NUMBER << HASH_BITS | hash);
            let entries: Vec<_> = (1..).zip(hashes).map(|(from, hash)| LatestFact { hash, from }).collect();
            let (loaded, inserted) = entries.split_at(loaded.len());
            let mut shard = Shard::of(loaded.to_vec());
            let mut expected: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for it in loaded {
                expected.entry(it.hash).or_default().push(it.from);
            }
            for (number, latest) in inserted.iter().enumerate() {
                shard.insert(*latest);
                expected.entry(latest.hash).or_default().push(latest.from);
                if number % removed_of == 0 {
                    let former = entries[number * 7 % (loaded.len() + number + 1)];
                    shard.remove(former);
                    expected.entry(former.hash).or_default().retain(|from| *from != former.from);
                }
            }
            for hash in entries.iter().map(|it| it.hash).chain([NUMBER << HASH_BITS | 0x3039]) {
                let mut found: Vec<_> = shard.candidates(hash).collect();
                found.sort_unstable();
                let mut expected = expected.get(&hash).cloned().unwrap_or_default();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_smallest_and_the_largest_hash_are_found() {
        let first = LatestFact { hash: NUMBER << HASH_BITS, from: 1 };
        let last = LatestFact { hash: (NUMBER + 1) * (1 << HASH_BITS) - 1, from: 2 };
        let many = (3..70_000).map(|from| LatestFact { hash: first.hash | (from * 239), from });
        for shard in [Shard::of(vec![last, first]), Shard::of(many.chain([last, first]).collect())] {
            assert_eq!(shard.candidates(first.hash).collect::<Vec<_>>(), [1]);
            assert_eq!(shard.candidates(last.hash).collect::<Vec<_>>(), [2]);
        }
        assert_eq!(Shard::default().candidates(first.hash).count(), 0);
    }
}
