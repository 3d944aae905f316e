//! The positions of the facts of each commune, structure and advisor, ended ones included.

use cra_domain::territory;

use super::block::{self, Block};
use crate::dictionary::Code;
use crate::packed_fact::PackedFact;
use crate::scope::Scope;

/// Positions by commune, structure and advisor.
#[derive(Default)]
pub(super) struct PostingLists {
    communes: Vec<Vec<u32>>,
    structures: Vec<Vec<u32>>,
    advisors: Vec<Vec<u32>>,
}

impl PostingLists {
    /// The lists of all facts, built on all cores.
    pub(super) fn of(blocks: &[Block]) -> Self {
        let commune = |fact: &PackedFact| territory::communes().at(fact.commune).map(|_| fact.commune.into());
        let structure = |fact: &PackedFact| usize::try_from(fact.structure).ok();
        let advisor = |fact: &PackedFact| usize::try_from(fact.advisor).ok();
        let (communes, (structures, advisors)) = rayon::join(
            || by_place(blocks, commune),
            || rayon::join(|| by_place(blocks, structure), || by_place(blocks, advisor)),
        );
        Self { communes, structures, advisors }
    }

    /// Adds a fact to the lists of its small scopes; returns the scopes with the new lengths of their lists.
    pub(super) fn add(&mut self, from: u32, fact: &PackedFact) -> [Option<(Scope, usize)>; 3] {
        Scope::small(fact).map(|scope| {
            let (list, place) = self.place(scope?)?;
            if list.len() <= place {
                list.resize_with(place + 1, Vec::new);
            }
            let list = &mut list[place];
            if list.len() == list.capacity() {
                // Grown in small steps, because there are many lists.
                list.reserve_exact(list.len() / 8 + 4);
            }
            list.push(from);
            Some((scope?, list.len()))
        })
    }

    /// The positions of a scope; `None` if it is large and has no list.
    pub(super) fn of_scope(&self, scope: Scope) -> Option<&[u32]> {
        let (list, place) = match scope {
            Scope::Country | Scope::Region(_) | Scope::Department(_) => return None,
            Scope::Commune(id) => (&self.communes, usize::from(id.index())),
            Scope::Structure(code) => (&self.structures, usize::try_from(code).ok()?),
            Scope::Advisor(code) => (&self.advisors, usize::try_from(code).ok()?),
        };
        Some(list.get(place).map_or(&[], Vec::as_slice))
    }

    /// The scopes with more than `facts` facts.
    pub(super) fn longer_than(&self, facts: usize) -> Vec<Scope> {
        let codes = |posting_lists: &[Vec<u32>], scope: fn(Code) -> Scope| -> Vec<Scope> {
            let long = (0..).zip(posting_lists).filter(|(_, list)| list.len() > facts);
            long.map(|(code, _)| scope(code)).collect()
        };
        let communes = territory::communes().all().iter().zip(&self.communes);
        let communes = communes.filter(|(_, list)| list.len() > facts);
        let mut scopes: Vec<_> = communes.map(|(commune, _)| Scope::Commune(commune.id())).collect();
        scopes.extend(codes(&self.structures, Scope::Structure));
        scopes.extend(codes(&self.advisors, Scope::Advisor));
        scopes
    }

    fn place(&mut self, scope: Scope) -> Option<(&mut Vec<Vec<u32>>, usize)> {
        match scope {
            Scope::Country | Scope::Region(_) | Scope::Department(_) => None,
            Scope::Commune(id) => Some((&mut self.communes, usize::from(id.index()))),
            Scope::Structure(code) => Some((&mut self.structures, usize::try_from(code).ok()?)),
            Scope::Advisor(code) => Some((&mut self.advisors, usize::try_from(code).ok()?)),
        }
    }
}

/// The positions of all facts by scope. They are counted first, because growing lists would be copied dozens of times.
pub(super) fn by_place(blocks: &[Block], place_of: impl Fn(&PackedFact) -> Option<usize>) -> Vec<Vec<u32>> {
    let mut lengths = Vec::new();
    for place in block::facts(blocks).filter_map(|(_, fact)| place_of(fact)) {
        if lengths.len() <= place {
            lengths.resize(place + 1, 0_usize);
        }
        lengths[place] += 1;
    }
    let mut posting_lists: Vec<Vec<u32>> = lengths.into_iter().map(Vec::with_capacity).collect();
    for (from, fact) in block::facts(blocks) {
        if let Some(place) = place_of(fact) {
            posting_lists[place].push(from);
        }
    }
    posting_lists
}
