//! What part of the CRAs a caller may read and write: everything, or those of some advisors, structures,
//! departments and regions. Pure; who holds which perimeter is said elsewhere, by whoever knows the caller.
//!
//! A CRA lies within when its advisor **or** its structure **or** its commune's department is granted. A selection
//! lies within when every CRA that it could ever count does, whatever is recorded: see [`Perimeter::allows`].

use std::collections::BTreeSet;

use cra_contracts::v1;

use crate::cra::{Cra, Id};
use crate::selection::{Selection, Territories};
use crate::territory::{self, Commune, CommuneId, Department, DepartmentId};

#[cfg(test)]
mod tests;

/// What part of the CRAs is granted. The default grants nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Perimeter {
    /// Everything.
    National,
    /// What lies within at least one of the lists.
    Within(Lists),
}

/// Advisors, structures and territories, as they are granted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    advisors: BTreeSet<Id>,
    structures: BTreeSet<Id>,
    /// Those of the granted regions too.
    departments: BTreeSet<DepartmentId>,
}

/// A list that names what cannot exist: an id out of form, an unknown code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {kind} that can be granted")]
pub struct UnknownMember {
    /// Name of the list, such as `departments`.
    pub kind: &'static str,
    /// What it holds.
    pub value: String,
}

impl Default for Perimeter {
    fn default() -> Self {
        Self::Within(Lists::default())
    }
}

impl Lists {
    /// Reads the lists. Codes are the official ones, of today.
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

    /// A selection counts the CRAs of some advisors **and** some structures **and** some communes, each possibly all.
    /// One that lies outside all three lists exists exactly when none of the three lies within its list.
    fn allows(&self, selection: &Selection) -> bool {
        all_granted(selection.advisors.as_ref(), &self.advisors)
            || all_granted(selection.structures.as_ref(), &self.structures)
            || self.allows_territories(&selection.territories)
    }

    /// Whether every commune that the territorial fields leave is granted. A postal code proves nothing: it may be
    /// shared across departments, and an older form may give another than its commune's.
    fn allows_territories(&self, territories: &Territories) -> bool {
        if !territories.are_given() || territories.name_nothing() {
            return false;
        }
        // The usual question, and the one that needs no look at the communes.
        let communes = territory::communes();
        let is_granted = |(department, is_named): (&Department, &bool)| {
            !is_named || self.departments.contains(&department.id())
        };
        if territories
            .departments()
            .is_some_and(|named| communes.departments().iter().zip(named).all(is_granted))
        {
            return true;
        }
        communes.all().iter().filter(|commune| territories.have(commune)).all(|commune| self.holds(commune))
    }
}

impl Perimeter {
    /// One text per perimeter, to make digests of: a line per member, regions as their departments.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::National => "national\n".to_owned(),
            Self::Within(lists) => lists.canonical(),
        }
    }

    /// Whether a CRA lies within.
    #[must_use]
    pub fn covers(&self, cra: &Cra) -> bool {
        match self {
            Self::National => true,
            Self::Within(lists) => {
                lists.covers(cra.advisor_id.as_str(), cra.structure_id.as_str(), Some(cra.place.commune))
            }
        }
    }

    /// Whether a CRA in the contract's form lies within. A commune that nobody knows lies in no territory.
    #[must_use]
    pub fn covers_message(&self, cra: &v1::Cra) -> bool {
        let commune = || {
            let place = cra.place.as_ref()?;
            territory::communes().resolve(place.commune_code.trim())
        };
        match self {
            Self::National => true,
            Self::Within(lists) => lists.covers(&cra.advisor_id, &cra.structure_id, commune()),
        }
    }

    /// Whether every CRA that a selection can count lies within, whatever is recorded.
    ///
    /// Exact for advisors, structures and territories: it refuses only where a CRA could be recorded that the
    /// selection counts and the perimeter does not cover. Days, themes and the other fields do not help, nor does a
    /// field of unknown codes only.
    #[must_use]
    pub fn allows(&self, selection: &Selection) -> bool {
        match self {
            Self::National => true,
            Self::Within(lists) => lists.allows(selection),
        }
    }
}

/// Whether a field names some ids, and only granted ones.
fn all_granted(asked: Option<&BTreeSet<Id>>, granted: &BTreeSet<Id>) -> bool {
    asked.is_some_and(|asked| !asked.is_empty() && asked.iter().all(|id| granted.contains(id)))
}
