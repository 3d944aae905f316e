//! What an event changes of the columns.

use cra_domain::territory;
use uuid::Uuid;

use super::cra_index::{CraIndex, LatestFact};
use crate::dictionary::Code;
use crate::fact::Fact;
use crate::packed_fact::{FactRef, Overflow, PackedFact};
use crate::scope::Scope;

/// A fact to add to the columns.
#[derive(Clone, Debug)]
pub struct NewFact {
    pub(super) cra_id: Uuid,
    pub(super) fixed: PackedFact,
    /// Rarely anything.
    pub(super) overflow: Option<Box<Overflow>>,
}

impl NewFact {
    /// Packs a fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        let (fixed, overflow) = PackedFact::of(fact);
        let overflow = fixed.has_overflow.then(|| Box::new(overflow));
        Self { cra_id: fact.cra_id, fixed, overflow }
    }

    /// The complete fact.
    pub(super) fn fact(&self) -> FactRef<'_> {
        let fixed_only = || FactRef::new(self.fixed, &[], None);
        self.overflow.as_ref().map_or_else(fixed_only, |overflow| FactRef::of(&self.fixed, overflow))
    }
}

/// Keys of a fact: what it is listed by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) commune: u16,
    pub(super) structure: Code,
    pub(super) advisor: Code,
}

impl Key {
    /// The keys of a fact.
    #[inline]
    pub(super) fn of(fact: &PackedFact) -> Self {
        Self { commune: fact.commune, structure: fact.structure, advisor: fact.advisor }
    }

    /// Whether a fact with these keys belongs to a scope.
    #[inline]
    pub(super) fn is_of(self, scope: Scope) -> bool {
        scope.has(self.commune, self.structure, self.advisor)
    }

    /// Index of the department of the commune.
    #[inline]
    pub(super) fn department(self) -> Option<u32> {
        let communes = territory::communes();
        communes.at(self.commune).map(|id| communes.department_of(id).index().into())
    }
}

/// What the event at one position changed.
#[derive(Clone, Debug)]
pub struct FactDelta {
    /// The event's position in the log, from 1.
    pub position: u64,
    /// The fact that the event began.
    pub began: Option<NewFact>,
    /// Position of the fact that the event ended.
    pub ended: Option<u64>,
}

impl FactDelta {
    /// Packs the fact that an event began.
    #[must_use]
    pub fn of(position: u64, began: Option<&Fact>, ended: Option<u64>) -> Self {
        Self { position, began: began.map(NewFact::of), ended }
    }

    /// The position of the fact that it ended, and its own. The store refuses positions of more than 32 bits.
    pub(super) fn end(&self) -> Option<(u64, u32)> {
        self.ended.zip(u32::try_from(self.position).ok())
    }

    /// The fact that it began, as the latest of its CRA.
    pub(super) fn latest(&self, cra_index: &CraIndex) -> Option<LatestFact> {
        let from = u32::try_from(self.position).ok()?;
        self.began.as_ref().map(|new| cra_index.latest(new.cra_id, from))
    }

    /// The fact that it ended, where it began the next one of the same CRA: it is the latest one no more.
    pub(super) fn replaced(&self, cra_index: &CraIndex) -> Option<LatestFact> {
        let former = u32::try_from(self.ended?).ok()?;
        self.began.as_ref().map(|new| cra_index.latest(new.cra_id, former))
    }
}
