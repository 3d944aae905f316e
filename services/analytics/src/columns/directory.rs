//! Where the facts of a scope are: the groups of a segment, or the facts of a block, that belong to a department, a commune, a
//! structure or an advisor.

use cra_domain::territory;

use super::bits::{WORD_BITS, places};
use super::delta::Key;
use crate::scope::Scope;

/// What a directory can list: the groups of a segment, or the facts of a block.
pub(super) const ENTRIES_MAX: usize = 4_096;
/// Number of scopes of a set up to which their entries are looked up one by one: more cost as much as a scan.
const SCOPES_MAX: usize = 512;

/// Entries by scope.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    departments: Index,
    communes: Index,
    structures: Index,
    advisors: Index,
}

/// Pairs of a code and an entry, sorted.
#[derive(Clone, Debug)]
struct Index {
    codes: Box<[u32]>,
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

    /// The entries of facts that may belong to one of the scopes of each set; `None` if every fact may.
    pub(super) fn find(&self, sets: &[Vec<Scope>]) -> Option<Vec<u16>> {
        let mut found: Option<Marks> = None;
        for set in sets.iter().filter(|set| is_narrow(set)) {
            let mut of_set = Marks::default();
            for scope in set {
                self.mark(*scope, &mut of_set);
            }
            match &mut found {
                Some(found) => found.keep(&of_set),
                None => found = Some(of_set),
            }
        }
        found.map(|marks| marks.entries())
    }

    fn mark(&self, scope: Scope, marks: &mut Marks) {
        match scope {
            Scope::Country => unreachable!("a set with the country is not narrow"),
            Scope::Region(region) => {
                let departments = territory::communes().departments().iter();
                for department in departments.filter(|it| it.region_id() == region) {
                    self.departments.mark(department.id().index().into(), marks);
                }
            }
            Scope::Department(id) => self.departments.mark(id.index().into(), marks),
            Scope::Commune(id) => self.communes.mark(id.index().into(), marks),
            Scope::Structure(code) => self.structures.mark(code, marks),
            Scope::Advisor(code) => self.advisors.mark(code, marks),
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
        let (codes, entries): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        Self { codes: codes.into(), entries: entries.into() }
    }

    fn mark(&self, code: u32, marks: &mut Marks) {
        let first = self.codes.partition_point(|other| *other < code);
        let of_code = self.codes[first..].iter().take_while(|other| **other == code);
        for (_, entry) in of_code.zip(&self.entries[first..]) {
            marks.set((*entry).into());
        }
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
    fn set(&mut self, entry: usize) {
        self.0[entry / WORD_BITS] |= 1 << (entry % WORD_BITS);
    }

    fn keep(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(own, other)| *own &= other);
    }

    fn entries(&self) -> Vec<u16> {
        let bits = (0..).step_by(WORD_BITS).zip(self.0);
        let entries = bits.flat_map(|(first, bits)| places(bits).map(move |bit| first + bit));
        entries.filter_map(|entry: usize| u16::try_from(entry).ok()).collect()
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
        ) {
            let key = |(commune, structure, advisor, _)| Key { commune, structure, advisor };
            let directory = Directory::of(keys.iter().map(|it| (it.3, key(*it))));
            let id = territory::communes().at(commune).unwrap();
            let department = territory::communes().department_of(id);
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
                prop_assert_eq!(directory.find(sets), Some(expected.collect::<Vec<_>>()));
            }
            prop_assert_eq!(directory.find(&[vec![Scope::Country]]), None);
            prop_assert_eq!(directory.find(&[]), None);
        }
    }
}
