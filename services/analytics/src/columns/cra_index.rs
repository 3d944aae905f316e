//! Where the latest fact of each CRA may stand, found by its id. The ids themselves stay in the store: kept here is a
//! short hash of each, so that whoever asks looks whether the fact is of that CRA.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;
use uuid::Uuid;

/// Parts of the index: one grows at a time, so that nobody waits while all of it is laid out anew.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;

/// The latest fact of a CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LatestFact {
    /// Of the CRA's id. Among ten million CRAs, one of 430 has that of another one.
    hash: u32,
    /// The fact's position.
    from: u32,
}

/// Positions by id.
pub(super) struct CraIndex {
    /// By the highest bits of the hash.
    shards: Vec<HashTable<LatestFact>>,
    hasher: DefaultHashBuilder,
}

impl Default for CraIndex {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| HashTable::new()).collect();
        Self { shards, hasher: DefaultHashBuilder::default() }
    }
}

impl CraIndex {
    /// A CRA's latest fact, as the index keeps it.
    pub(super) fn latest(&self, cra_id: Uuid, from: u32) -> LatestFact {
        LatestFact { hash: self.hash(cra_id), from }
    }

    fn hash(&self, cra_id: Uuid) -> u32 {
        (self.hasher.hash_one(cra_id) >> u32::BITS) as u32
    }

    /// Fills an empty index on all cores, with facts in some parts.
    pub(super) fn fill(&mut self, found: &[Vec<LatestFact>]) {
        // By shard first: each is small enough for the processor's cache while it is made.
        let parts = found.par_chunks(found.len().div_ceil(rayon::current_num_threads()).max(1));
        let parts: Vec<_> = parts.map(by_shard).collect();
        self.shards.par_iter_mut().enumerate().for_each(|(number, shard)| {
            let of_shard = || parts.iter().map(|part| &part[number]);
            shard.reserve(of_shard().map(Vec::len).sum(), |it| spread(it.hash));
            for latest in of_shard().flatten() {
                shard.insert_unique(spread(latest.hash), *latest, |it| spread(it.hash));
            }
        });
    }

    /// Where the latest fact of a CRA may stand.
    pub(super) fn candidates(&self, cra_id: Uuid) -> impl Iterator<Item = u32> {
        let hash = self.hash(cra_id);
        let same = self.shards[shard_of(hash)].iter_hash(spread(hash));
        same.filter(move |latest| latest.hash == hash).map(|latest| latest.from)
    }

    /// Whether a CRA may have a fact: `false` is certain.
    pub(super) fn may_hold(&self, cra_id: Uuid) -> bool {
        self.candidates(cra_id).next().is_some()
    }

    /// The latest fact of a CRA that had none.
    pub(super) fn insert(&mut self, latest: LatestFact) {
        self.shards[shard_of(latest.hash)].insert_unique(spread(latest.hash), latest, |it| spread(it.hash));
    }

    /// A CRA's former fact is not its latest one any more.
    pub(super) fn remove(&mut self, former: LatestFact) {
        let found = self.shards[shard_of(former.hash)].find_entry(spread(former.hash), |it| *it == former);
        if let Ok(entry) = found {
            entry.remove();
        }
    }
}

fn by_shard(found: &[Vec<LatestFact>]) -> Vec<Vec<LatestFact>> {
    let some_more_than_its_share = found.iter().map(Vec::len).sum::<usize>() / SHARDS * 17 / 16;
    let mut sorted: Vec<_> = (0..SHARDS).map(|_| Vec::with_capacity(some_more_than_its_share)).collect();
    for latest in found.iter().flatten() {
        sorted[shard_of(latest.hash)].push(*latest);
    }
    sorted
}

fn shard_of(hash: u32) -> usize {
    (hash >> (u32::BITS - SHARD_BITS)) as usize
}

/// A hash as the tables take it, which look at its lowest bits and at its highest ones.
fn spread(hash: u32) -> u64 {
    // Odd, so that no two come to the same.
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
