//! Index of the latest fact of each CRA, by id. Only a short hash of each id is in memory; the ids are in the store, so
//! the caller must check that a candidate belongs to the CRA.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;
use uuid::Uuid;

/// Number of shards: only one grows at a time, so that no caller waits for the rehashing of the whole index.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;

/// The latest fact of a CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LatestFact {
    /// Hash of the CRA's id. Among ten million CRAs, one of 430 shares its hash with another.
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
    /// The index entry of a CRA's latest fact.
    pub(super) fn latest(&self, cra_id: Uuid, from: u32) -> LatestFact {
        LatestFact { hash: self.hash(cra_id), from }
    }

    fn hash(&self, cra_id: Uuid) -> u32 {
        (self.hasher.hash_one(cra_id) >> u32::BITS) as u32
    }

    /// Fills an empty index on all cores.
    pub(super) fn fill(&mut self, found: &[Vec<LatestFact>]) {
        // By shard: each one fits into the processor's cache while it is built.
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

    /// Candidate positions of a CRA's latest fact.
    pub(super) fn candidates(&self, cra_id: Uuid) -> impl Iterator<Item = u32> {
        let hash = self.hash(cra_id);
        let same = self.shards[shard_of(hash)].iter_hash(spread(hash));
        same.filter(move |latest| latest.hash == hash).map(|latest| latest.from)
    }

    /// Whether a CRA may have a fact: `false` is certain.
    pub(super) fn may_hold(&self, cra_id: Uuid) -> bool {
        self.candidates(cra_id).next().is_some()
    }

    /// Adds the first fact of a CRA.
    pub(super) fn insert(&mut self, latest: LatestFact) {
        self.shards[shard_of(latest.hash)].insert_unique(spread(latest.hash), latest, |it| spread(it.hash));
    }

    /// Removes a CRA's previous fact.
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

/// A 64-bit hash for the tables, which use its lowest and highest bits.
fn spread(hash: u32) -> u64 {
    // Odd, so that the mapping is injective.
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
