//! Communes of a selection, and how much of each department they are.

use cra_domain::territory::{self, Commune, DepartmentId, RegionId};

use super::scope::Scope;

/// A set of communes of today, by their index.
#[derive(Clone, Debug)]
pub(super) struct CommuneSet {
    communes: Vec<bool>,
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
    /// The communes for which a condition holds.
    pub(super) fn of(is_selected: impl Fn(&Commune) -> bool) -> Self {
        let all = territory::communes();
        let communes: Vec<bool> = all.all().iter().map(is_selected).collect();
        let mut departments: Vec<Option<Coverage>> = vec![None; all.departments().len()];
        for (commune, is_selected) in all.all().iter().zip(&communes) {
            let of_commune = if *is_selected { Coverage::All } else { Coverage::None };
            let department = &mut departments[usize::from(commune.department_id().index())];
            *department = match department {
                Some(coverage) if *coverage != of_commune => Some(Coverage::Some),
                _ => Some(of_commune),
            };
        }
        let departments = departments.into_iter().map(|coverage| coverage.unwrap_or(Coverage::None));
        Self { communes, departments: departments.collect() }
    }

    /// The communes of some scopes.
    pub(super) fn of_scopes(scopes: &[Scope]) -> Self {
        let mut regions = vec![false; 1 + usize::from(RegionId::MAX)];
        let mut departments = vec![false; 1 + usize::from(DepartmentId::MAX)];
        let mut communes = vec![false; territory::communes().all().len()];
        for scope in scopes {
            match scope {
                Scope::Region(id) => regions[usize::from(id.index())] = true,
                Scope::Department(id) => departments[usize::from(id.index())] = true,
                Scope::Commune(id) => communes[usize::from(id.index())] = true,
                Scope::Country | Scope::Structure(_) | Scope::Advisor(_) => {}
            }
        }
        Self::of(|commune| {
            communes[usize::from(commune.id().index())]
                || departments[usize::from(commune.department_id().index())]
                || regions[usize::from(commune.region_id().index())]
        })
    }

    /// A flag for every commune.
    pub(super) fn flags(&self) -> &[bool] {
        &self.communes
    }

    /// Whether a commune is in it.
    #[inline]
    pub(crate) fn contains(&self, commune: i64) -> bool {
        usize::try_from(commune).is_ok_and(|at| self.communes.get(at) == Some(&true))
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
    use super::*;

    #[test]
    fn a_department_is_covered_by_all_some_or_none_of_its_communes() {
        let communes = territory::communes();
        let commune = |code| communes.get(communes.resolve(code).unwrap());
        let (rennes, brest) = (commune("35238"), commune("29019"));
        let index = |commune: &Commune| i64::from(commune.id().index());
        let set = CommuneSet::of(|it| it.department_id() == rennes.department_id() || it.id() == brest.id());
        assert!(set.contains(index(rennes)) && set.contains(index(brest)));
        assert_eq!(set.department_of(index(rennes)), Coverage::All);
        assert_eq!(set.department_of(index(brest)), Coverage::Some);
        assert_eq!(set.department_of(index(commune("75056"))), Coverage::None);
        assert_eq!(set.department_of(-1), Coverage::None);
    }
}
