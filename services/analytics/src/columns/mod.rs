//! The facts of a generation in memory, as columns: every figure is counted from them. They are loaded from the store
//! when a generation is opened; each batch of events updates both.

mod block;
mod by_cell;
mod by_day;
mod by_row;
mod changes;
mod chunks;
mod cra_index;
mod delta;
mod dense;
mod directory;
mod ends;
mod gather;
mod load;
mod months;
mod overflows;
mod packed;
mod rollups;
mod scope_counts;
mod sealed;
mod segment;
mod select;
mod slices;
mod snapshot;
mod stored;
mod words;

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use self::changes::Changes;
use self::cra_index::CraIndex;
use self::delta::Key;
pub use self::delta::{FactDelta, NewFact};
use self::rollups::{ROLLED_UP_FROM, Rollups};
use self::scope_counts::ScopeCounts;
use self::segment::{SEGMENT_POSITIONS, Segment};
pub use self::snapshot::{Candidates, Plan, ScanRequest, Snapshot, Watermark};
pub use self::stored::SegmentStore;
use crate::scope::Scope;

/// Maximum number of positions: as many as 32 bits count. More than four billion events are refused.
pub const POSITIONS_MAX: u64 = u32::MAX as u64;

/// The facts of a generation.
#[derive(Default)]
pub struct Columns {
    facts: RwLock<Facts>,
    /// Locked while events are applied: sealing expects that nothing else changes the blocks.
    applying: Mutex<()>,
    /// Locked while sums are built.
    warming_up: Mutex<()>,
}

#[derive(Default)]
struct Facts {
    snapshot: Snapshot,
    cra_index: CraIndex,
    /// By the events of the positions that no segment has yet.
    unsealed: Changes,
    /// `None` before [`Columns::warm_up`]. While many facts arrive, counts and sums are not built: building them once from
    /// all facts is a fraction of the work of updating them fact by fact.
    counts: Option<ScopeCounts>,
    /// What was applied since the building of sums began, while they are built.
    missed: Option<Vec<FactDelta>>,
}

impl Columns {
    /// Columns of all positions up to a watermark, loaded on all cores. `read` passes on the effect of the event at
    /// every position of a range, in order and without a gap, or fails; it is called for the positions of which no segment is
    /// stored, and those segments are stored. Blocks.
    pub fn load<E: Send>(
        watermark: Option<Watermark>,
        stored: &impl SegmentStore,
        read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
    ) -> Result<Self, E> {
        Ok(Self { facts: RwLock::new(load::facts(watermark, stored, read)?), ..Self::default() })
    }

    /// Applies effects of events, each at the next position or at one whose event had no effect so far; and advances
    /// the watermark. Segments that are completed are stored; the caller has removed those of late facts.
    pub fn apply(&self, deltas: &[FactDelta], watermark: Option<Watermark>, stored: &impl SegmentStore) {
        let _applying = self.applying.lock();
        let mut facts = self.facts.write();
        facts.apply(deltas);
        if let Some(missed) = &mut facts.missed {
            missed.extend_from_slice(deltas);
        }
        // In one loop: each iteration waits for memory, which serves several at a time if there is little work in
        // between.
        for delta in deltas {
            facts.index(delta);
        }
        facts.snapshot.watermark = watermark;
        drop(facts);
        self.seal(stored);
    }

    /// Replaces the oldest blocks by segments, while there are enough of them. Building one takes some milliseconds without a
    /// lock: one thread applies events, so that nothing else changes the blocks.
    fn seal(&self, stored: &impl SegmentStore) {
        let full = || self.facts.read().snapshot.chunks.full().map(<[_]>::to_vec);
        while let Some(blocks) = full() {
            let segment = Segment::of(&blocks);
            drop(blocks);
            let (number, key, changes) = {
                let mut facts = self.facts.write();
                let chunks = Arc::make_mut(&mut facts.snapshot.chunks);
                let number = chunks.seal(segment.clone());
                let last = u32::try_from((number + 1) * SEGMENT_POSITIONS).unwrap_or(u32::MAX);
                (number, facts.cra_index.key(), facts.unsealed.take_until(last))
            };
            stored.write(number, &stored::encode(number, key, &segment, &changes));
        }
    }

    /// Builds the sums, unless they exist. Takes about two seconds per ten million facts on two cores. Queries are answered
    /// without them, and events are applied; blocks.
    pub fn warm_up(&self) {
        let _warming_up = self.warming_up.lock();
        if self.facts.read().counts.is_none() {
            let facts = self.begin_sums();
            self.finish_sums(facts);
        }
    }

    /// The facts to build sums of. What is applied from now on is kept for [`Self::finish_sums`].
    fn begin_sums(&self) -> Snapshot {
        let mut facts = self.facts.write();
        facts.missed = Some(Vec::new());
        facts.snapshot.clone()
    }

    /// Builds the sums of a copy of the facts, and applies to it what it has missed.
    fn finish_sums(&self, snapshot: Snapshot) {
        let counts = ScopeCounts::of(&snapshot.chunks);
        let rollups = Some(Rollups::of(&snapshot.chunks, &counts));
        let snapshot = Snapshot { rollups, ..snapshot };
        let mut copy = Facts { snapshot, counts: Some(counts), ..Facts::default() };
        // Most of it without the lock, which events wait for.
        let missed = self.facts.write().missed.replace(Vec::new());
        copy.apply(&missed.unwrap_or_default());
        let mut facts = self.facts.write();
        copy.apply(&facts.missed.take().unwrap_or_default());
        (facts.snapshot.rollups, facts.counts) = (copy.snapshot.rollups, copy.counts);
    }

    /// A snapshot of the facts, with the sums if they exist.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.facts.read().snapshot.clone()
    }

    /// Candidate positions of a CRA's latest fact, rarely more than one: another CRA's id may have the same hash, so
    /// compare the id of the stored fact.
    #[must_use]
    pub fn candidates(&self, cra_id: Uuid) -> Vec<u64> {
        self.facts.read().cra_index.candidates(cra_id).map(u64::from).collect()
    }

    /// Whether each of some CRAs may have a fact: `false` is certain. One call for all of them is much faster than
    /// single calls, because memory accesses overlap.
    #[must_use]
    pub fn may_hold(&self, cra_ids: impl Iterator<Item = Uuid>) -> Vec<bool> {
        let facts = self.facts.read();
        cra_ids.map(|cra_id| facts.cra_index.may_hold(cra_id)).collect()
    }

    /// Number of the segment of a position, whether complete or not.
    #[must_use]
    pub fn segment_of(position: u64) -> usize {
        usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX) / SEGMENT_POSITIONS
    }

    /// Position of the event that ended the fact of a position, if any.
    #[must_use]
    pub fn ended(&self, from: u64) -> Option<u64> {
        self.facts.read().snapshot.ended(from)
    }
}

impl Facts {
    fn apply(&mut self, deltas: &[FactDelta]) {
        Arc::make_mut(&mut self.snapshot.chunks).set_late(deltas);
        for delta in deltas {
            if let Some((ended, _)) = delta.end() {
                self.end(ended);
            }
            Arc::make_mut(&mut self.snapshot.chunks).apply(delta);
            // The store refuses positions of more than 32 bits.
            if u32::try_from(delta.position).is_ok()
                && let Some(new) = &delta.began
            {
                self.begin(new);
            }
        }
    }

    fn index(&mut self, delta: &FactDelta) {
        if let Some(former) = delta.replaced(&self.cra_index) {
            self.cra_index.remove(former);
        }
        let latest = delta.latest(&self.cra_index);
        if let Some(latest) = latest {
            self.cra_index.insert(latest);
        }
        if !self.snapshot.chunks.is_sealed(delta.position) {
            self.unsealed.add(latest, delta.end());
        }
    }

    fn end(&mut self, ended: u64) {
        let Snapshot { chunks, rollups, .. } = &mut self.snapshot;
        if let Some(rollups) = rollups
            && let Some(fact) = chunks.fact(ended)
        {
            let scopes = Scope::small(fact.fixed()).into_iter().chain(Scope::large(fact.fixed()));
            rollups.remove(&fact, scopes.flatten());
        }
    }

    fn begin(&mut self, new: &NewFact) {
        let Snapshot { chunks, rollups, .. } = &mut self.snapshot;
        let (Some(counts), Some(rollups)) = (&mut self.counts, rollups) else {
            return;
        };
        let mut rolled_up = [None; 3];
        let small = counts.add(Key::of(&new.fixed));
        for ((scope, facts), rolled_up) in small.into_iter().flatten().zip(&mut rolled_up) {
            match facts.cmp(&ROLLED_UP_FROM) {
                Ordering::Less => {}
                Ordering::Equal => rollups.roll_up(chunks, scope),
                Ordering::Greater => *rolled_up = Some(scope),
            }
        }
        let scopes = Scope::large(&new.fixed).into_iter().chain(rolled_up);
        rollups.add(&new.fact(), scopes.flatten());
    }
}

#[cfg(test)]
mod tests;
