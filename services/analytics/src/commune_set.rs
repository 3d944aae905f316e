//! Communes of a selection, and how much of each department they are.

use cra_domain::territory::{self, CommuneId, Department, RegionId};

use super::code_set::CodeSet;
use super::scope::Scope;

/// A set of communes of today, by their index.
#[derive(Clone, Debug)]
pub(super) struct CommuneSet {
    communes: CodeSet,
    /// By index of the department.
    departments: Vec<Coverage>,
}

/// How many of the communes of a department are in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    None,
    Some,
    All,
}

impl CommuneSet {
    /// These communes, each once.
    pub(super) fn of(ids: impl IntoIterator<Item = CommuneId>) -> Self {
        let all = territory::communes();
        let mut communes = CodeSet::default();
        let mut selected = vec![0; all.departments().len()];
        for id in ids {
            communes.insert(id.index().into());
            selected[usize::from(all.department_of(id).index())] += 1;
        }
        let coverage = |(department, selected): (&Department, usize)| match selected {
            0 => Coverage::None,
            selected if selected < all.of_department(department.id()).len() => Coverage::Some,
            _ => Coverage::All,
        };
        let departments = all.departments().iter().zip(selected).map(coverage).collect();
        Self { communes, departments }
    }

    /// The communes of some scopes, which are disjoint.
    pub(super) fn of_scopes(scopes: &[Scope]) -> Self {
        let all = territory::communes();
        let mut ids = Vec::new();
        for scope in scopes {
            match *scope {
                Scope::Region(region) => {
                    let departments = all.departments().iter().filter(|it| it.region_id() == region);
                    ids.extend(departments.flat_map(|it| all.of_department(it.id())));
                }
                Scope::Department(id) => ids.extend(all.of_department(id)),
                Scope::Commune(id) => ids.push(id),
                Scope::Country | Scope::Structure(_) | Scope::Advisor(_) => {}
            }
        }
        Self::of(ids)
    }

    /// The smallest set of scopes with exactly these communes: whole regions and departments if all of their communes are
    /// selected.
    pub(super) fn scopes(&self) -> Vec<Scope> {
        let all = territory::communes();
        let by_department = || all.departments().iter().zip(&self.departments);
        let mut is_whole = vec![true; 1 + usize::from(RegionId::MAX)];
        for (department, coverage) in by_department() {
            is_whole[usize::from(department.region_id().index())] &= *coverage == Coverage::All;
        }
        let mut scopes = Vec::new();
        for (department, coverage) in by_department() {
            match coverage {
                Coverage::None => {}
                Coverage::All if is_whole[usize::from(department.region_id().index())] => {
                    scopes.push(Scope::Region(department.region_id()));
                }
                Coverage::All => scopes.push(Scope::Department(department.id())),
                Coverage::Some => {
                    let communes = all.of_department(department.id()).iter();
                    let selected = communes.filter(|id| self.contains(id.index().into()));
                    scopes.extend(selected.map(|id| Scope::Commune(*id)));
                }
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Whether a commune is in it.
    #[inline]
    pub(crate) fn contains(&self, commune: i64) -> bool {
        u32::try_from(commune).is_ok_and(|index| self.communes.contains(index))
    }

    /// How many communes of the department of a commune are in it.
    #[inline]
    pub(crate) fn department_of(&self, commune: i64) -> Coverage {
        let communes = territory::communes();
        let id = u16::try_from(commune).ok().and_then(|index| communes.at(index));
        id.map_or(Coverage::None, |id| self.departments[usize::from(communes.department_of(id).index())])
    }
}

#[cfg(test)]
mod tests {
    use cra_domain::territory::Commune;

    use super::*;

    fn commune(code: &str) -> &'static Commune {
        let communes = territory::communes();
        communes.get(communes.resolve(code).unwrap())
    }

    fn selected(is_selected: impl Fn(&Commune) -> bool) -> CommuneSet {
        CommuneSet::of(territory::communes().all().iter().filter(|it| is_selected(it)).map(Commune::id))
    }

    #[test]
    fn a_department_is_covered_by_all_some_or_none_of_its_communes() {
        let (rennes, brest) = (commune("35238"), commune("29019"));
        let index = |commune: &Commune| i64::from(commune.id().index());
        let set = selected(|it| it.department_id() == rennes.department_id() || it.id() == brest.id());
        assert!(set.contains(index(rennes)) && set.contains(index(brest)));
        assert_eq!(set.department_of(index(rennes)), Coverage::All);
        assert_eq!(set.department_of(index(brest)), Coverage::Some);
        assert_eq!(set.department_of(index(commune("75056"))), Coverage::None);
        assert_eq!(set.department_of(-1), Coverage::None);
    }

    #[test]
    fn communes_are_named_by_the_fewest_territories() {
        let commune = commune("35238");
        let (region, department) = (commune.region_id(), commune.department_id());
        let scopes = |is_selected: &dyn Fn(&Commune) -> bool| selected(is_selected).scopes();
        assert_eq!(scopes(&|_| false), []);
        assert_eq!(scopes(&|it| it.id() == commune.id()), [Scope::Commune(commune.id())]);
        assert_eq!(scopes(&|it| it.department_id() == department), [Scope::Department(department)]);
        assert_eq!(scopes(&|it| it.region_id() == region), [Scope::Region(region)]);
        let all_but_it = scopes(&|it| it.region_id() == region && it.id() != commune.id());
        let others = territory::communes().of_department(department).len() - 1;
        assert_eq!(all_but_it.iter().filter(|it| matches!(it, Scope::Commune(_))).count(), others);
        assert_eq!(all_but_it.iter().filter(|it| matches!(it, Scope::Department(_))).count(), 3);
    }

    #[test]
    fn all_communes_are_all_regions_and_scopes_give_their_communes() {
        let all = selected(|_| true).scopes();
        assert!(all.iter().all(|scope| matches!(scope, Scope::Region(_))));
        let rennes = commune("35238");
        let of_scopes = [Scope::Region(rennes.region_id()), Scope::Commune(commune("75056").id())];
        assert_eq!(CommuneSet::of_scopes(&of_scopes).scopes(), of_scopes);
    }
}
