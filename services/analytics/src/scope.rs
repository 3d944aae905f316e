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
    /// Whether a fact of these keys belongs to it.
    #[must_use]
    #[inline]
    pub(crate) fn has(self, commune: u16, structure: Code, advisor: Code) -> bool {
        let communes = territory::communes();
        let department = || communes.at(commune).map(|id| communes.department_of(id));
        match self {
            Self::Country => true,
            Self::Region(region) => department()
                .and_then(|id| communes.departments().get(usize::from(id.index())))
                .is_some_and(|department| department.region_id() == region),
            Self::Department(id) => department() == Some(id),
            Self::Commune(id) => commune == id.index(),
            Self::Structure(code) => structure == code,
            Self::Advisor(code) => advisor == code,
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
