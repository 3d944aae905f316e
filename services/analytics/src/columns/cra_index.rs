//! Index of the latest fact of each CRA, by id. Only a short hash of each id is in memory; the ids are in the store, so
//! the caller must check that a candidate belongs to the CRA.

mod shard;

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashSet;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

use self::shard::Shard;

/// Number of shards: only one is merged at a time, so that no caller waits for the whole index.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;

/// The latest fact of a CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LatestFact {
    /// Hash of the CRA's id. Among ten million CRAs, one of 430 shares its hash with another.
    pub(super) hash: u32,
    /// The fact's position.
    pub(super) from: u32,
}

/// The key of the hashes: random, so that a client cannot choose ids with equal hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HashKey(u64, u64);

impl HashKey {
    pub(super) fn random() -> Self {
        let random = || RandomState::new().hash_one(());
        Self(random(), random())
    }
}

/// Positions by id.
pub(super) struct CraIndex {
    /// By the highest bits of the hash.
    shards: Vec<Shard>,
    key: HashKey,
}

impl Default for CraIndex {
    fn default() -> Self {
        Self::new(HashKey::random())
    }
}

impl CraIndex {
    /// An empty index.
    pub(super) fn new(key: HashKey) -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), key }
    }

    pub(super) fn key(&self) -> HashKey {
        self.key
    }

    /// The index entry of a CRA's latest fact.
    pub(super) fn latest(&self, cra_id: Uuid, from: u32) -> LatestFact {
        LatestFact { hash: self.hash(cra_id), from }
    }

    fn hash(&self, cra_id: Uuid) -> u32 {
        (SipHasher13::new_with_keys(self.key.0, self.key.1).hash(cra_id.as_bytes()) >> u32::BITS) as u32
    }

    /// Fills an empty index on all cores, except with the facts that a later one of their CRA replaced.
    pub(super) fn fill(&mut self, found: &[Vec<LatestFact>], replaced: &HashSet<u64>) {
        let parts = found.par_chunks(found.len().div_ceil(rayon::current_num_threads()).max(1));
        let parts: Vec<_> = parts.map(|found| by_shard(found, replaced)).collect();
        self.shards.par_iter_mut().enumerate().for_each(|(number, shard)| {
            let of_shard = parts.iter().flat_map(|part| &part[number]);
            *shard = Shard::of(of_shard.copied().collect());
        });
    }

    /// Candidate positions of a CRA's latest fact.
    pub(super) fn candidates(&self, cra_id: Uuid) -> impl Iterator<Item = u32> {
        let hash = self.hash(cra_id);
        self.shards[shard_of(hash)].candidates(hash)
    }

    /// Whether a CRA may have a fact: `false` is certain.
    pub(super) fn may_hold(&self, cra_id: Uuid) -> bool {
        self.candidates(cra_id).next().is_some()
    }

    /// Adds the first fact of a CRA.
    pub(super) fn insert(&mut self, latest: LatestFact) {
        self.shards[shard_of(latest.hash)].insert(latest);
    }

    /// Removes a CRA's previous fact.
    pub(super) fn remove(&mut self, former: LatestFact) {
        self.shards[shard_of(former.hash)].remove(former);
    }
}

fn by_shard(found: &[Vec<LatestFact>], replaced: &HashSet<u64>) -> Vec<Vec<LatestFact>> {
    let some_more_than_its_share = found.iter().map(Vec::len).sum::<usize>() / SHARDS * 17 / 16;
    let mut sorted: Vec<_> = (0..SHARDS).map(|_| Vec::with_capacity(some_more_than_its_share)).collect();
    for latest in found.iter().flatten().filter(|latest| !replaced.contains(&u64::from(latest.from))) {
        sorted[shard_of(latest.hash)].push(*latest);
    }
    sorted
}

fn shard_of(hash: u32) -> usize {
    (hash >> (u32::BITS - SHARD_BITS)) as usize
}
