//! The positions of the facts of each commune, structure and advisor, ended ones included.

use cra_domain::territory;

use super::chunks::Chunks;
use super::segment::Key;
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
    pub(super) fn of(chunks: &Chunks) -> Self {
        let commune = |key: Key| territory::communes().at(key.commune).map(|_| key.commune.into());
        let structure = |key: Key| usize::try_from(key.structure).ok();
        let advisor = |key: Key| usize::try_from(key.advisor).ok();
        let (communes, (structures, advisors)) = rayon::join(
            || by_place(chunks, commune),
            || rayon::join(|| by_place(chunks, structure), || by_place(chunks, advisor)),
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
pub(super) fn by_place(chunks: &Chunks, place_of: impl Fn(Key) -> Option<usize>) -> Vec<Vec<u32>> {
    let mut lengths = Vec::new();
    for place in chunks.keys().filter_map(|(_, key)| place_of(key)) {
        if lengths.len() <= place {
            lengths.resize(place + 1, 0_usize);
        }
        lengths[place] += 1;
    }
    let mut posting_lists: Vec<Vec<u32>> = lengths.into_iter().map(Vec::with_capacity).collect();
    for (from, key) in chunks.keys() {
        if let Some(place) = place_of(key) {
            posting_lists[place].push(from);
        }
    }
    posting_lists
}
