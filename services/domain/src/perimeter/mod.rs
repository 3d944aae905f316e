//! The part of the CRAs that a caller may read and write: all, or those of some advisors, structures, departments and
//! regions. Pure; the identity layer decides which caller has which perimeter.
//!
//! A CRA is inside if its advisor **or** its structure **or** its commune's department is granted. A selection is
//! inside if every CRA that it could ever count is inside, whatever is recorded: see [`Perimeter::allows`].

use std::collections::BTreeSet;

use cra_contracts::v1;

use crate::cra::{Cra, Id};
use crate::selection::{Selection, Territories};
use crate::territory::{self, Commune, CommuneId, Department, DepartmentId};

#[cfg(test)]
mod tests;

/// The granted part of the CRAs. The default grants nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Perimeter {
    /// Everything.
    National,
    /// The CRAs that match at least one of the lists.
    Within(Lists),
}

/// The advisors, structures and territories of one grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    advisors: BTreeSet<Id>,
    structures: BTreeSet<Id>,
    /// Includes those of the granted regions.
    departments: BTreeSet<DepartmentId>,
}

/// A member that cannot exist: a malformed id or an unknown code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not one of the {kind} that can be granted")]
pub struct UnknownMember {
    /// Name of the list, such as `departments`.
    pub kind: &'static str,
    /// The member as given.
    pub value: String,
}

impl Default for Perimeter {
    fn default() -> Self {
        Self::Within(Lists::default())
    }
}

impl Lists {
    /// Reads the lists. Codes are today's official codes.
    pub fn parse(
        advisors: &[String],
        structures: &[String],
        departments: &[String],
        regions: &[String],
    ) -> Result<Self, UnknownMember> {
        let communes = territory::communes();
        let unknown = |kind, value: &String| UnknownMember { kind, value: value.clone() };
        let mut lists = Self::default();
        for id in advisors {
            lists.advisors.insert(Id::parse(id).ok_or_else(|| unknown("advisors", id))?);
        }
        for id in structures {
            lists.structures.insert(Id::parse(id).ok_or_else(|| unknown("structures", id))?);
        }
        for code in departments {
            let department = communes.department(code).ok_or_else(|| unknown("departments", code))?;
            lists.departments.insert(department.id());
        }
        let mut named = BTreeSet::new();
        for code in regions {
            named.insert(communes.region(code).ok_or_else(|| unknown("regions", code))?.id());
        }
        let of_regions = communes.departments().iter().filter(|it| named.contains(&it.region_id()));
        lists.departments.extend(of_regions.map(Department::id));
        Ok(lists)
    }

    fn canonical(&self) -> String {
        let mut text = String::new();
        let mut line = |kind: &str, member: &str| text.extend([kind, ":", member, "\n"]);
        self.advisors.iter().for_each(|id| line("advisor", id.as_str()));
        self.structures.iter().for_each(|id| line("structure", id.as_str()));
        let granted = |department: &&Department| self.departments.contains(&department.id());
        let departments = territory::communes().departments().iter().filter(granted);
        departments.for_each(|department| line("department", department.code()));
        text
    }

    fn holds(&self, commune: &Commune) -> bool {
        self.departments.contains(&commune.department_id())
    }

    fn covers(&self, advisor_id: &str, structure_id: &str, commune: Option<CommuneId>) -> bool {
        let granted = |ids: &BTreeSet<Id>, id: &str| Id::parse(id).is_some_and(|id| ids.contains(&id));
        granted(&self.advisors, advisor_id)
            || granted(&self.structures, structure_id)
            || commune.is_some_and(|commune| self.holds(territory::communes().get(commune)))
    }

    /// A selection restricts advisors **and** structures **and** communes; each restriction may be absent. A CRA
    /// outside all three lists can exist exactly if none of the three restrictions lies within its list.
    fn allows(&self, selection: &Selection) -> bool {
        all_granted(selection.advisors.as_ref(), &self.advisors)
            || all_granted(selection.structures.as_ref(), &self.structures)
            || self.allows_territories(&selection.territories)
    }

    /// Whether every commune that the territorial fields allow is granted. A postal code proves nothing: departments
    /// may share it, and an older form may give one of another commune.
    fn allows_territories(&self, territories: &Territories) -> bool {
        if !territories.are_given() || territories.name_nothing() {
            return false;
        }
        // The usual query, which needs no look at the communes.
        if territories.name_departments_only(|id| self.departments.contains(&id)) {
            return true;
        }
        let communes = territory::communes();
        territories.matching().all(|id| self.holds(communes.get(id)))
    }
}

impl Perimeter {
    /// Canonical text of a perimeter, for digests: a line per member, regions as their departments.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::National => "national\n".to_owned(),
            Self::Within(lists) => lists.canonical(),
        }
    }

    /// Whether a CRA is inside.
    #[must_use]
    pub fn covers(&self, cra: &Cra) -> bool {
        match self {
            Self::National => true,
            Self::Within(lists) => {
                lists.covers(cra.advisor_id.as_str(), cra.structure_id.as_str(), Some(cra.place.commune))
            }
        }
    }

    /// Whether a CRA in the contract's form, recorded or declared, is inside. An unknown commune is in no territory.
    #[must_use]
    pub fn covers_message(&self, cra: &v1::Cra) -> bool {
        let commune = || {
            let place = cra.place.as_ref()?;
            let communes = territory::communes();
            let declared = || communes.declared(&place.commune_code, &place.postal_code).ok();
            communes.resolve(&place.commune_code).or_else(|| Some(declared()?.commune))
        };
        match self {
            Self::National => true,
            Self::Within(lists) => lists.covers(&cra.advisor_id, &cra.structure_id, commune()),
        }
    }

    /// Whether every CRA that a selection can count is inside, whatever is recorded.
    ///
    /// Exact for advisors, structures and territories: refuses only if a CRA could be recorded that the selection
    /// counts and the perimeter does not cover. Days, themes and the other fields prove nothing, nor does a field that
    /// holds only unknown codes.
    #[must_use]
    pub fn allows(&self, selection: &Selection) -> bool {
        match self {
            Self::National => true,
            Self::Within(lists) => lists.allows(selection),
        }
    }
}

/// Whether a field names at least one id, and only granted ones.
fn all_granted(requested: Option<&BTreeSet<Id>>, granted: &BTreeSet<Id>) -> bool {
    requested
        .is_some_and(|requested| !requested.is_empty() && requested.iter().all(|id| granted.contains(id)))
}
