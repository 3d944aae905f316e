//! Position of the latest fact of each CRA, found by its id.

use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;
use uuid::Uuid;

use super::block::{BLOCK_POSITIONS, Block};
use super::view;

/// Parts of the index: one grows at a time, so that nobody waits while all of it is laid out anew.
const SHARDS: usize = 256;

/// Positions by id. The ids stay where the facts are: whoever asks says how to find the one of a position.
pub(super) struct Ids {
    /// By some bits of the hash that the tables do not use.
    shards: Vec<HashTable<u32>>,
    hasher: DefaultHashBuilder,
}

impl Default for Ids {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| HashTable::new()).collect();
        Self { shards, hasher: DefaultHashBuilder::default() }
    }
}

impl Ids {
    /// The index of all facts, made on all cores.
    pub(super) fn of(blocks: &[Block]) -> Self {
        let Self { mut shards, hasher } = Self::default();
        // By shard first: each is small enough for the processor's cache while it is made.
        let blocks_each = blocks.len().div_ceil(rayon::current_num_threads()).max(1);
        let parts = blocks.par_chunks(blocks_each).enumerate();
        let parts: Vec<_> =
            parts.map(|(part, some)| by_shard(some, part * blocks_each * BLOCK_POSITIONS, &hasher)).collect();
        let id_of = |from| view::cra_id(blocks, from);
        shards.par_iter_mut().enumerate().for_each(|(number, shard)| {
            shard.reserve(parts.iter().map(|part| part[number].len()).sum(), |_| 0);
            for (hash, from) in parts.iter().flat_map(|part| &part[number]) {
                point_to(shard, *from, *hash, &hasher, id_of);
            }
        });
        Self { shards, hasher }
    }

    /// Position of the latest fact of a CRA.
    pub(super) fn latest(&self, cra_id: Uuid, id_of: impl Fn(u32) -> Uuid) -> Option<u32> {
        let hash = self.hasher.hash_one(cra_id);
        self.shards[shard_of(hash)].find(hash, |from| id_of(*from) == cra_id).copied()
    }

    /// The latest fact of its CRA is this one.
    pub(super) fn point_to(&mut self, from: u32, id_of: impl Fn(u32) -> Uuid) {
        let hash = self.hasher.hash_one(id_of(from));
        point_to(&mut self.shards[shard_of(hash)], from, hash, &self.hasher, id_of);
    }
}

/// Hash and position of the facts of blocks before which there are some positions, by the shard they belong to.
fn by_shard(blocks: &[Block], before: usize, hasher: &DefaultHashBuilder) -> Vec<Vec<(u64, u32)>> {
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    let some_more_than_its_share = blocks.len() * BLOCK_POSITIONS / SHARDS * 17 / 16;
    let mut sorted: Vec<_> = (0..SHARDS).map(|_| Vec::with_capacity(some_more_than_its_share)).collect();
    for (place, cra_id) in view::cra_ids(blocks) {
        let hash = hasher.hash_one(cra_id);
        sorted[shard_of(hash)].push((hash, before + place));
    }
    sorted
}

fn point_to(
    shard: &mut HashTable<u32>,
    from: u32,
    hash: u64,
    hasher: &DefaultHashBuilder,
    id_of: impl Fn(u32) -> Uuid,
) {
    let is_it = |other: &u32| id_of(*other) == id_of(from);
    match shard.entry(hash, is_it, |other| hasher.hash_one(id_of(*other))) {
        Entry::Occupied(mut entry) => *entry.get_mut() = from,
        Entry::Vacant(entry) => {
            entry.insert(from);
        }
    }
}

/// Tables take the lowest bits of a hash and the seven highest ones.
fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}
