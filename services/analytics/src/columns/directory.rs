//! Where the facts of a scope are: the groups of a segment, or the facts of a block, that belong to a department, a commune, a
//! structure or an advisor.

use std::borrow::Cow;
use std::ops::Range;

use cra_domain::territory;
use serde::{Deserialize, Serialize};

use super::delta::Key;
use super::words;
use crate::bits::{WORD_BITS, all_places, has_bit, lowest, set_bit};
use crate::scope::Scope;

/// What a directory can list: the groups of a segment, or the facts of a block.
pub(super) const ENTRIES_MAX: usize = 4_096;
/// Number of scopes of a set up to which their entries are looked up one by one: more cost as much as a scan.
const SCOPES_MAX: usize = 512;

/// Entries by scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    departments: Index,
    communes: Index,
    structures: Index,
    advisors: Index,
}

/// The entries of each code. A lookup reads four places of memory, where a search among the codes would read a place per step.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Index {
    /// One bit per code with entries.
    #[serde(with = "words")]
    codes: Vec<u64>,
    /// Number of codes before each word.
    #[serde(with = "words")]
    before: Box<[u32]>,
    /// The first of the entries of each code, and the end of the last.
    #[serde(with = "words")]
    starts: Box<[u32]>,
    #[serde(with = "words")]
    entries: Box<[u16]>,
}

impl Directory {
    /// The directory of facts, each with its entry.
    pub(super) fn of(keys: impl Iterator<Item = (u16, Key)>) -> Self {
        let mut pairs: [Vec<(u32, u16)>; 4] = Default::default();
        for (entry, key) in keys {
            let codes = [key.department(), Some(key.commune.into()), Some(key.structure), Some(key.advisor)];
            for (pairs, code) in pairs.iter_mut().zip(codes) {
                let pair = code.map(|code| (code, entry));
                // The facts of a segment are sorted, so that most repeat the last pair.
                if pair != pairs.last().copied() {
                    pairs.extend(pair);
                }
            }
        }
        let [departments, communes, structures, advisors] = pairs.map(Index::of);
        Self { departments, communes, structures, advisors }
    }

    /// Those among some entries whose facts may belong to one of the scopes of each set; `None` if every fact may.
    pub(super) fn find(&self, sets: &[Vec<Scope>], among: Range<usize>) -> Option<Cow<'_, [u16]>> {
        if among.is_empty() {
            return Some(Cow::default());
        }
        let mut narrow = sets.iter().filter(|set| is_narrow(set));
        let first = narrow.next()?;
        let mut found = self.entries(first, &among);
        for set in narrow {
            let (mut own, mut of_set) = (Marks::default(), Marks::default());
            own.set_all(&found);
            of_set.set_all(&self.entries(set, &among));
            own.keep(&of_set);
            found = Cow::Owned(own.entries());
        }
        Some(found)
    }

    /// Those among some entries that belong to one of the scopes, in their order.
    fn entries(&self, scopes: &[Scope], among: &Range<usize>) -> Cow<'_, [u16]> {
        if let [scope] = scopes
            && let Some((index, code)) = self.index_of(*scope)
        {
            return Cow::Borrowed(index.entries(code, among));
        }
        let mut marks = Marks::default();
        for scope in scopes {
            match (self.index_of(*scope), scope) {
                (Some((index, code)), _) => marks.set_all(index.entries(code, among)),
                (None, Scope::Region(region)) => {
                    let departments = territory::communes().departments().iter();
                    for department in departments.filter(|it| it.region_id() == *region) {
                        marks.set_all(self.departments.entries(department.id().index().into(), among));
                    }
                }
                (None, _) => unreachable!("a set with the country is not narrow"),
            }
        }
        Cow::Owned(marks.entries())
    }

    /// The index that lists a scope, and its code there; `None` for several codes.
    fn index_of(&self, scope: Scope) -> Option<(&Index, u32)> {
        match scope {
            Scope::Country | Scope::Region(_) => None,
            Scope::Department(id) => Some((&self.departments, id.index().into())),
            Scope::Commune(id) => Some((&self.communes, id.index().into())),
            Scope::Structure(code) => Some((&self.structures, code)),
            Scope::Advisor(code) => Some((&self.advisors, code)),
        }
    }
}

/// Whether looking up each scope costs less than a scan.
fn is_narrow(set: &[Scope]) -> bool {
    set.len() <= SCOPES_MAX && !set.contains(&Scope::Country)
}

impl Index {
    fn of(mut pairs: Vec<(u32, u16)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let (mut codes, mut starts) = (Vec::new(), Vec::new());
        for (start, of_code) in (0..).zip(&pairs) {
            let code = of_code.0 as usize;
            if !has_bit(&codes, code) {
                set_bit(&mut codes, code);
                starts.push(start);
            }
        }
        starts.push(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
        let before =
            codes.iter().scan(0, |before, word| Some(std::mem::replace(before, *before + word.count_ones())));
        let before = before.collect();
        Self {
            codes,
            before,
            starts: starts.into(),
            entries: pairs.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    /// Those among some entries that have a code, in their order.
    fn entries(&self, code: u32, among: &Range<usize>) -> &[u16] {
        let (word, bit) = (code as usize / WORD_BITS, code as usize % WORD_BITS);
        if !has_bit(&self.codes, code as usize) {
            return &[];
        }
        let rank = (self.before[word] + (self.codes[word] & lowest(bit)).count_ones()) as usize;
        let entries = &self.entries[self.starts[rank] as usize..self.starts[rank + 1] as usize];
        let first = entries.partition_point(|entry| usize::from(*entry) < among.start);
        let number = entries[first..].partition_point(|entry| usize::from(*entry) < among.end);
        &entries[first..][..number]
    }
}

/// One bit per entry.
struct Marks([u64; ENTRIES_MAX / WORD_BITS]);

impl Default for Marks {
    fn default() -> Self {
        Self([0; ENTRIES_MAX / WORD_BITS])
    }
}

impl Marks {
    fn set_all(&mut self, entries: &[u16]) {
        for entry in entries.iter().map(|entry| usize::from(*entry)) {
            self.0[entry / WORD_BITS] |= 1 << (entry % WORD_BITS);
        }
    }

    fn keep(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(own, other)| *own &= other);
    }

    fn entries(&self) -> Vec<u16> {
        all_places(&self.0).filter_map(|entry| u16::try_from(entry).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_directory_finds_exactly_the_entries_of_the_scopes(
            keys in vec((0..300_u16, 0..4_u32, 0..9_u32, 0..70_u16), 0..200),
            structures in vec(0..5_u32, 0..3),
            advisors in vec(0..10_u32, 0..3),
            commune in 0..300_u16,
            among in [0..80_usize, 0..80],
        ) {
            let key = |(commune, structure, advisor, _)| Key { commune, structure, advisor };
            let directory = Directory::of(keys.iter().map(|it| (it.3, key(*it))));
            let id = territory::communes().at(commune).unwrap();
            let department = territory::communes().department_of(id);
            let among = among[0].min(among[1])..among[0].max(among[1]);
            let sets = [
                vec![Scope::Department(department), Scope::Commune(id)],
                structures.iter().copied().map(Scope::Structure).collect(),
                advisors.iter().copied().map(Scope::Advisor).collect(),
            ];
            for sets in [&sets[..1], &sets[1..2], &sets[..]] {
                let is_in = |key: Key, scope: &Scope| match scope {
                    Scope::Department(id) => key.department() == Some(id.index().into()),
                    Scope::Commune(id) => key.commune == id.index(),
                    Scope::Structure(code) => key.structure == *code,
                    Scope::Advisor(code) => key.advisor == *code,
                    Scope::Country | Scope::Region(_) => false,
                };
                let of_set = |set: &Vec<Scope>, entry: u16| {
                    keys.iter().any(|it| it.3 == entry && set.iter().any(|scope| is_in(key(*it), scope)))
                };
                let expected = (0..70).filter(|entry| sets.iter().all(|set| of_set(set, *entry)));
                let expected: Vec<_> = expected.filter(|entry| among.contains(&usize::from(*entry))).collect();
                prop_assert_eq!(directory.find(sets, among.clone()).unwrap().to_vec(), expected);
            }
            for sets in [&[vec![Scope::Country]][..], &[]] {
                prop_assert_eq!(directory.find(sets, 0..80), None);
            }
        }
    }
}
