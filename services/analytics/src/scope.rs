//! Scopes: territories, structures and advisors, which most queries select. Each has precomputed sums or a list of
//! its facts. A selection is reduced to its scopes if possible.

use cra_domain::territory::{self, CommuneId, DepartmentId, RegionId};

use super::dictionary::Code;
use super::packed_fact::PackedFact;

/// A scope of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every fact.
    Country,
    /// Region of the activity.
    Region(RegionId),
    /// Department of the activity.
    Department(DepartmentId),
    /// Commune of the activity, of today.
    Commune(CommuneId),
    /// The structure of the advisor.
    Structure(Code),
    /// The advisor.
    Advisor(Code),
}

impl Scope {
    /// The small scopes of a fact: many, each with few facts.
    #[must_use]
    pub fn small(fact: &PackedFact) -> [Option<Self>; 3] {
        let commune = territory::communes().at(fact.commune).map(Self::Commune);
        [commune, Some(Self::Structure(fact.structure)), Some(Self::Advisor(fact.advisor))]
    }

    /// The large scopes of a fact: few, each with many facts.
    #[must_use]
    pub fn large(fact: &PackedFact) -> [Option<Self>; 3] {
        let communes = territory::communes();
        let department = communes.at(fact.commune).map(|id| communes.department_of(id));
        let region = department.and_then(|id| communes.departments().get(usize::from(id.index())));
        [
            Some(Self::Country),
            region.map(|department| Self::Region(department.region_id())),
            department.map(Self::Department),
        ]
    }
}

impl Scope {
    /// Whether a fact belongs to it.
    #[must_use]
    pub fn has(self, fact: &PackedFact) -> bool {
        let communes = territory::communes();
        let department = || communes.at(fact.commune).map(|id| communes.department_of(id));
        match self {
            Self::Country => true,
            Self::Region(_) => Self::large(fact).contains(&Some(self)),
            Self::Department(id) => department() == Some(id),
            Self::Commune(id) => fact.commune == id.index(),
            Self::Structure(code) => fact.structure == code,
            Self::Advisor(code) => fact.advisor == code,
        }
    }
}

/// The scopes that restrict a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeSet {
    /// It counts every fact of these scopes, except for bounds on days; the scopes are disjoint.
    Exactly(Vec<Scope>),
    /// It counts only facts that belong to one of the scopes of each of these sets.
    Within(Vec<Vec<Scope>>),
}

impl ScopeSet {
    /// Sets of scopes to which every counted fact belongs.
    #[must_use]
    pub fn into_sets(self) -> Vec<Vec<Scope>> {
        match self {
            Self::Exactly(scopes) => vec![scopes],
            Self::Within(sets) => sets,
        }
    }
}

/// The smallest set of scopes with exactly these communes: whole regions and departments if all of their communes are
/// selected.
#[must_use]
pub fn of_communes(selected: &[bool]) -> Vec<Scope> {
    let communes = territory::communes();
    let is_selected = |id: CommuneId| selected.get(usize::from(id.index())) == Some(&true);
    let mut regions = vec![true; 1 + usize::from(RegionId::MAX)];
    let mut departments = vec![true; 1 + usize::from(DepartmentId::MAX)];
    for commune in communes.all().iter().filter(|commune| !is_selected(commune.id())) {
        regions[usize::from(commune.region_id().index())] = false;
        departments[usize::from(commune.department_id().index())] = false;
    }
    let mut scopes = Vec::new();
    for commune in communes.all().iter().filter(|commune| is_selected(commune.id())) {
        scopes.push(if regions[usize::from(commune.region_id().index())] {
            Scope::Region(commune.region_id())
        } else if departments[usize::from(commune.department_id().index())] {
            Scope::Department(commune.department_id())
        } else {
            Scope::Commune(commune.id())
        });
    }
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(belongs: impl Fn(&territory::Commune) -> bool) -> Vec<Scope> {
        let flags: Vec<bool> = territory::communes().all().iter().map(belongs).collect();
        of_communes(&flags)
    }

    #[test]
    fn communes_are_named_by_the_fewest_territories() {
        let communes = territory::communes();
        let commune = communes.get(communes.resolve("35238").unwrap());
        let (region, department) = (commune.region_id(), commune.department_id());
        assert_eq!(selected(|_| false), []);
        assert_eq!(selected(|it| it.id() == commune.id()), [Scope::Commune(commune.id())]);
        assert_eq!(selected(|it| it.department_id() == department), [Scope::Department(department)]);
        assert_eq!(selected(|it| it.region_id() == region), [Scope::Region(region)]);
        let all_but_it = selected(|it| it.region_id() == region && it.id() != commune.id());
        let others = communes.all().iter().filter(|it| it.department_id() == department).count() - 1;
        assert_eq!(all_but_it.iter().filter(|it| matches!(it, Scope::Commune(_))).count(), others);
        assert_eq!(all_but_it.iter().filter(|it| matches!(it, Scope::Department(_))).count(), 3);
    }

    #[test]
    fn all_communes_are_all_regions() {
        assert!(selected(|_| true).iter().all(|scope| matches!(scope, Scope::Region(_))));
    }
}
