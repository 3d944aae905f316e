//! The table of communes and what follows from a code.
//!
//! All texts borrow from the compiled-in file. Lookup by name and search are in `names` and `search`.

use std::sync::OnceLock;

use super::buckets::Buckets;
use super::ids::{CommuneId, DepartmentId, EpciId, RegionId};
use super::index::NameIndex;
use crate::{french, steps};

macro_rules! named_territory {
    (
        $(#[$about:meta])* $name:ident, $id:ident
        $(, $(#[$more_about:meta])* $more:ident: $more_type:ty)*
        $(; $($inner:ident: $inner_type:ty),+)?
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            pub(super) id: $id,
            pub(super) code: &'static str,
            pub(super) name: &'static str,
            $(pub(super) $more: $more_type,)*
            $($(pub(super) $inner: $inner_type,)+)?
        }

        impl $name {
            /// The index in the table.
            #[must_use]
            pub fn id(&self) -> $id {
                self.id
            }

            /// The official code.
            #[must_use]
            pub fn code(&self) -> &'static str {
                self.code
            }

            /// The official name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                self.name
            }

            $($(#[$more_about])*
            #[must_use]
            pub fn $more(&self) -> $more_type {
                self.$more
            })*
        }
    };
}

named_territory!(
    /// A region: a code of 2 digits, or of 3 for an overseas collectivity ("84", "987").
    Region,
    RegionId
);
named_territory!(
    /// A department: a code of 2 or 3 characters ("01", "2A", "974"); an overseas collectivity is one too.
    Department,
    DepartmentId,
    /// The code of its region.
    region: &'static str,
    /// Its region.
    region_id: RegionId
);
named_territory!(
    /// An EPCI: a code of 9 digits (SIREN). Its name starts with its kind ("CC", "CA", …).
    Epci,
    EpciId
);
named_territory!(
    /// A commune of today or a municipal arrondissement: a code of 5 characters ("01015", "2A004").
    Commune,
    CommuneId,
    /// The code of its department; not derived from the postal code.
    department: &'static str,
    /// Its department.
    department_id: DepartmentId,
    /// The code of its region: the region of its department.
    region: &'static str,
    /// Its region.
    region_id: RegionId,
    /// The code of its EPCI; an arrondissement has that of its commune. 99 communes have none.
    epci: Option<&'static str>,
    /// Its EPCI.
    epci_id: Option<EpciId>,
    /// Legal population; `None` for territories without inhabitants.
    population: Option<u32>,
    /// For a municipal arrondissement, its commune.
    parent: Option<CommuneId>;
    postal_codes: Box<[&'static str]>,
    aspirated_h: bool
);

impl Commune {
    /// The postal codes, sorted. The territories of 984 have none.
    #[must_use]
    pub fn postal_codes(&self) -> &[&'static str] {
        &self.postal_codes
    }

    /// Whether the commune has this postal code.
    #[must_use]
    pub(crate) fn has_postal_code(&self, postal_code: &str) -> bool {
        self.postal_codes.contains(&postal_code)
    }

    /// The name after the French preposition "de": "du Havre", "d'Alfortville", "de La Rochelle".
    #[must_use]
    pub fn de_name(&self) -> String {
        french::de(self.name, self.aspirated_h)
    }

    /// The postal code, if there is only one.
    #[must_use]
    pub(crate) fn single_postal_code(&self) -> Option<&'static str> {
        match *self.postal_codes {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// A delegated or associated commune: merged into another, with its name kept.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) today: CommuneId,
}

/// A code that a commune had formerly.
#[derive(Clone, Debug)]
pub(super) struct Former {
    pub(super) code: &'static str,
    pub(super) today: CommuneId,
}

/// A name that leads to a commune of today: from before a merger or a renaming, or a spelling of a postal list.
#[derive(Clone, Debug)]
pub(super) struct FormerName {
    pub(super) name: &'static str,
    pub(super) today: CommuneId,
    /// The postal codes that the name is used with, sorted; empty if today's commune has all of them.
    pub(super) postal_codes: Box<[&'static str]>,
}

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    today: CommuneId,
    kind: CodeKind,
}

/// How a code relates to today's commune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeKind {
    /// The commune's own code.
    Current,
    /// The code of a delegated or associated commune.
    Merged,
    /// The code of a commune that this one replaced.
    Former,
}

/// All communes of today and municipal arrondissements, and the names and codes that lead to them.
#[derive(Debug)]
pub struct Communes {
    pub(super) text: &'static str,
    pub(super) regions: Vec<Region>,
    pub(super) departments: Vec<Department>,
    pub(super) epcis: Vec<Epci>,
    /// Sorted by code, as the other lists are.
    pub(super) rows: Vec<Commune>,
    pub(super) arrondissements: Vec<CommuneId>,
    pub(super) merged: Vec<Merged>,
    pub(super) former: Vec<Former>,
    pub(super) former_names: Vec<FormerName>,
    /// Positions in `former_names`, by postal code.
    pub(super) former_at: Vec<(&'static str, usize)>,
    /// Names of merged communes and former names, by the commune of today.
    pub(super) other_names: Vec<(CommuneId, &'static str)>,
    /// The bucket number is the postal code.
    pub(super) by_postal_code: Buckets<CommuneId>,
    /// Built at the first lookup of a name: a process that only resolves codes does not need it.
    pub(super) names: OnceLock<NameIndex>,
    pub(super) fingerprint: OnceLock<u64>,
    pub(super) by_code: OnceLock<Vec<Option<Meaning>>>,
    pub(super) departments_of: OnceLock<Vec<DepartmentId>>,
    /// The bucket number is the position of the department.
    pub(super) of_department: OnceLock<Buckets<CommuneId>>,
    /// The bucket number is the position of the EPCI.
    pub(super) of_epci: OnceLock<Buckets<CommuneId>>,
}

/// Every postal code has 5 digits.
pub(super) const POSTAL_CODES: usize = 100_000;

impl Communes {
    /// The commune of today for an official code, written as Insee does (no trimming, upper case).
    ///
    /// A code of today means its commune or arrondissement, and this meaning wins over others. The code of a delegated
    /// or associated commune means the commune it belongs to. A former code means the commune that replaced it. `None`:
    /// an unknown code.
    #[must_use]
    pub fn resolve(&self, code: &str) -> Option<CommuneId> {
        Some(self.meaning(code)?.today)
    }

    /// The commune that a code without a postal code means: like [`Communes::resolve`], except for a former code that
    /// is a postal code of today. 75010 was Bondy's, but alone it means the tenth arrondissement of Paris.
    #[must_use]
    pub fn resolve_alone(&self, code: &str) -> Option<CommuneId> {
        let Meaning { today, kind } = self.meaning(code)?;
        (kind != CodeKind::Former || !self.is_postal_code(code)).then_some(today)
    }

    /// Whether a commune of today or a municipal arrondissement has this code.
    #[must_use]
    pub fn is_current(&self, code: &str) -> bool {
        self.code_kind(code) == Some(CodeKind::Current)
    }

    /// How a code, written as Insee does, relates to its commune.
    pub(super) fn code_kind(&self, code: &str) -> Option<CodeKind> {
        self.meaning(code).map(|meaning| meaning.kind)
    }

    /// The name of a delegated or associated commune, by its code.
    pub(super) fn merged_name(&self, code: &str) -> Option<&'static str> {
        find(&self.merged, code, |merged| merged.code).map(|merged| merged.name)
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        steps::take(1);
        *self.by_code().get(code_number(code)?)?
    }

    /// The meaning of each code, by [`code_number`]: an array, because every event read resolves a code.
    fn by_code(&self) -> &[Option<Meaning>] {
        self.by_code.get_or_init(|| {
            let former = self.former.iter().map(|former| (former.code, former.today, CodeKind::Former));
            let merged = self.merged.iter().map(|merged| (merged.code, merged.today, CodeKind::Merged));
            let of_today = self.rows.iter().map(|commune| (commune.code, commune.id, CodeKind::Current));
            let mut by_code = vec![None; CODE_NUMBERS];
            // Later entries win.
            for (code, today, kind) in former.chain(merged).chain(of_today) {
                if let Some(slot) = code_number(code).and_then(|number| by_code.get_mut(number)) {
                    *slot = Some(Meaning { today, kind });
                }
            }
            by_code
        })
    }

    /// The municipal arrondissements of a commune, by code; only Paris, Lyon and Marseille have any.
    pub fn arrondissements(&self, commune: CommuneId) -> impl Iterator<Item = CommuneId> + '_ {
        steps::take(self.arrondissements.len());
        self.arrondissements.iter().copied().filter(move |id| self.get(*id).parent == Some(commune))
    }

    /// Paris, Lyon and Marseille: the communes that have municipal arrondissements.
    pub(crate) fn with_arrondissements(&self) -> impl Iterator<Item = CommuneId> + '_ {
        let parents = self.arrondissements.iter().filter_map(|id| self.get(*id).parent);
        parents.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// The commune of this id.
    #[must_use]
    pub fn get(&self, id: CommuneId) -> &Commune {
        &self.rows[id.position()]
    }

    /// The department of a commune: [`Commune::department_id`], from a table small enough to stay in the processor's
    /// cache, because every event read asks for it.
    #[must_use]
    pub fn department_of(&self, id: CommuneId) -> DepartmentId {
        let departments = || self.rows.iter().map(Commune::department_id).collect();
        self.departments_of.get_or_init(departments)[id.position()]
    }

    /// The communes and arrondissements of a department, by code.
    #[must_use]
    pub fn of_department(&self, id: DepartmentId) -> &[CommuneId] {
        let grouped = || {
            let by_department = self.rows.iter().map(|it| (usize::from(it.department_id.index()), it.id));
            Buckets::new(self.departments.len(), &by_department.collect::<Vec<_>>())
        };
        self.of_department.get_or_init(grouped).get(id.index().into())
    }

    /// The communes and arrondissements of an EPCI, by code.
    #[must_use]
    pub fn of_epci(&self, id: EpciId) -> &[CommuneId] {
        let grouped = || {
            let by_epci = self.rows.iter().filter_map(|it| Some((usize::from(it.epci_id?.index()), it.id)));
            Buckets::new(self.epcis.len(), &by_epci.collect::<Vec<_>>())
        };
        self.of_epci.get_or_init(grouped).get(id.index().into())
    }

    /// The id at this position of the table (see [`CommuneId::index`]); `None` beyond its end.
    #[must_use]
    pub fn at(&self, index: u16) -> Option<CommuneId> {
        // The length suffices; the row itself would have to be fetched from memory.
        (usize::from(index) < self.rows.len()).then_some(CommuneId(index))
    }

    /// All communes of today and municipal arrondissements, by code; an id's index is its position.
    #[must_use]
    pub fn all(&self) -> &[Commune] {
        steps::take(self.rows.len());
        &self.rows
    }

    /// The communes and arrondissements that have this postal code, by code.
    #[must_use]
    pub fn by_postal_code(&self, postal_code: &str) -> &[CommuneId] {
        steps::take(1);
        postal_number(postal_code).map_or(&[], |number| self.by_postal_code.get(number))
    }

    /// Whether at least one commune has this postal code.
    #[must_use]
    pub fn is_postal_code(&self, text: &str) -> bool {
        !self.by_postal_code(text).is_empty()
    }

    /// The department of this code.
    #[must_use]
    pub fn department(&self, code: &str) -> Option<&Department> {
        find(&self.departments, code, |department| department.code)
    }

    /// All departments and overseas collectivities, by code; an id's index is its position.
    #[must_use]
    pub fn departments(&self) -> &[Department] {
        &self.departments
    }

    /// The region of this code.
    #[must_use]
    pub fn region(&self, code: &str) -> Option<&Region> {
        find(&self.regions, code, |region| region.code)
    }

    /// All regions and overseas collectivities, by code; an id's index is its position.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The EPCI of this code.
    #[must_use]
    pub fn epci(&self, code: &str) -> Option<&Epci> {
        find(&self.epcis, code, |epci| epci.code)
    }

    /// All EPCI, by code; an id's index is its position.
    #[must_use]
    pub fn epcis(&self) -> &[Epci] {
        &self.epcis
    }

    /// Digest of the data file (FNV-1a, 64 bits): figures by territory change only if it changes.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fnv_1a(self.text.as_bytes()))
    }
}

/// The number of a text of 5 ASCII digits.
pub(super) fn postal_number(text: &str) -> Option<usize> {
    let digits = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Number of possible commune codes: 5 digits, or those of Corsica.
const CODE_NUMBERS: usize = POSTAL_CODES + 2 * 1_000;

/// A distinct number for each possible commune code: 5 digits, or "2A" or "2B" and 3 digits.
fn code_number(code: &str) -> Option<usize> {
    let of_corsica = |department: usize, digits: &str| {
        let is_number = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Some(POSTAL_CODES + department * 1_000 + digits.parse::<usize>().ok()?) } else { None }
    };
    match (code.strip_prefix("2A"), code.strip_prefix("2B")) {
        (Some(digits), _) => of_corsica(0, digits),
        (_, Some(digits)) => of_corsica(1, digits),
        _ => postal_number(code),
    }
}

/// Finds the element with this code in a list sorted by code.
pub(super) fn find<'a, T>(list: &'a [T], code: &str, code_of: impl Fn(&T) -> &'static str) -> Option<&'a T> {
    steps::take(1);
    let position = list.binary_search_by(|element| code_of(element).cmp(code)).ok()?;
    list.get(position)
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_published_fnv_1a() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
