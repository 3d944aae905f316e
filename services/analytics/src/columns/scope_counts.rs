//! The number of facts of each commune, structure and advisor, ended ones included: those with many facts have sums.

use cra_domain::territory;
use rayon::prelude::*;

use super::chunks::Chunks;
use super::delta::Key;
use crate::dictionary::Code;
use crate::scope::Scope;

/// Facts by commune, structure and advisor.
#[derive(Default)]
pub(super) struct ScopeCounts {
    communes: Vec<u32>,
    structures: Vec<u32>,
    advisors: Vec<u32>,
}

impl ScopeCounts {
    /// The counts of all facts, on all cores.
    pub(super) fn of(chunks: &Chunks) -> Self {
        let parts = (0..chunks.len()).into_par_iter().fold(Self::default, |mut counts, number| {
            chunks.each_key(number, |key| {
                counts.add(key);
            });
            counts
        });
        parts.reduce(Self::default, Self::merge)
    }

    /// Counts a fact; returns its small scopes with their numbers of facts.
    pub(super) fn add(&mut self, key: Key) -> [Option<(Scope, u32)>; 3] {
        let commune = territory::communes().at(key.commune);
        [
            commune.map(|id| (Scope::Commune(id), increment(&mut self.communes, id.index().into()))),
            Some((Scope::Structure(key.structure), increment(&mut self.structures, key.structure))),
            Some((Scope::Advisor(key.advisor), increment(&mut self.advisors, key.advisor))),
        ]
    }

    fn merge(mut self, other: Self) -> Self {
        let lists = [
            (&mut self.communes, other.communes),
            (&mut self.structures, other.structures),
            (&mut self.advisors, other.advisors),
        ];
        for (own, other) in lists {
            own.resize(own.len().max(other.len()), 0);
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
        self
    }

    /// The scopes with at least so many facts.
    pub(super) fn with_at_least(&self, facts: u32) -> Vec<Scope> {
        let communes = territory::communes().all().iter().map(|commune| Scope::Commune(commune.id()));
        let structures = (0..).map(Scope::Structure);
        let advisors = (0..).map(Scope::Advisor);
        let communes = communes.zip(&self.communes);
        let all = communes.chain(structures.zip(&self.structures)).chain(advisors.zip(&self.advisors));
        all.filter(|(_, of_scope)| **of_scope >= facts).map(|(scope, _)| scope).collect()
    }
}

fn increment(counts: &mut Vec<u32>, code: Code) -> u32 {
    let place = code as usize;
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    counts[place] += 1;
    counts[place]
}
