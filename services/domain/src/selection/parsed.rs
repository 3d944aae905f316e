//! Parses a selection of the contract once: every code is looked up in an index, every value is kept once. The work is
//! linear in the bytes of the message.

use std::collections::BTreeSet;

use cra_contracts::v1;
use jiff::civil::Date;

use super::canonical;
use crate::cra::{Fault, Id, Question, Violation, parse_day};
use crate::steps;
use crate::territory::{
    self, Commune, CommuneId, Communes, Department, DepartmentId, Epci, EpciId, Region, RegionId,
    TerritoryKind,
};
use crate::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

/// A set of small numbers, one bit each; `None` is no restriction.
pub type Bits = Option<u32>;

/// Maximum number of faults reported for one selection.
pub const VIOLATIONS_MAX: usize = 100;

/// The CRAs that count. Fields combine with AND, the values of one field with OR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    message: v1::Selection,
    /// First day of activity, included; `None` if unbounded.
    pub from: Option<Date>,
    /// Last day of activity, included; `None` if unbounded.
    pub to: Option<Date>,
    /// Regions, departments, EPCI and communes.
    pub territories: Territories,
    /// Postal codes as numbers.
    pub postal_codes: Option<BTreeSet<u32>>,
    /// Structures.
    pub structures: Option<BTreeSet<Id>>,
    /// Advisors.
    pub advisors: Option<BTreeSet<Id>>,
    /// Venues.
    pub venues: Option<BTreeSet<Id>>,
    /// Bit n: the n-th channel.
    pub channels: Bits,
    /// Bit n: the n-th activity.
    pub activities: Bits,
    /// Bit n: the n-th theme.
    pub themes: Bits,
    /// Bit n: the n-th sub-theme.
    pub sub_themes: Bits,
    /// Bit 0: unspecified; then the list in its order. Ages and statuses use the same layout.
    pub durations: Bits,
    /// Age bands.
    pub ages: Bits,
    /// Statuses.
    pub statuses: Bits,
}

/// The territories that a selection names, by kind. A commune matches if every named kind contains it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Territories {
    regions: Members<RegionId>,
    departments: Members<DepartmentId>,
    epcis: Members<EpciId>,
    communes: Members<CommuneId>,
}

/// The members of one field. `None` if the field is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Members<T>(Option<Named<T>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named<T> {
    /// Each once.
    ids: Vec<T>,
    /// A flag per territory of the kind, by index.
    flags: Vec<bool>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// An id with an index.
trait Indexed: Copy {
    fn position(self) -> usize;
}

macro_rules! indexed {
    ($($id:ident),+) => { $(impl Indexed for $id { fn position(self) -> usize { self.index().into() } })+ };
}

indexed!(RegionId, DepartmentId, EpciId, CommuneId);

impl<T: Indexed> Members<T> {
    fn among(count: usize) -> Self {
        Self(Some(Named { ids: Vec::new(), flags: vec![false; count] }))
    }

    fn insert(&mut self, id: T) {
        if let Some(Named { ids, flags }) = &mut self.0
            && let Some(flag) = flags.get_mut(id.position())
            && !std::mem::replace(flag, true)
        {
            ids.push(id);
        }
    }

    fn has(&self, id: Option<T>) -> bool {
        let is_named = |named: &Named<T>| id.is_some_and(|id| named.flags.get(id.position()) == Some(&true));
        self.0.as_ref().is_none_or(is_named)
    }

    /// The members; `None` if the field is empty.
    fn ids(&self) -> Option<&[T]> {
        self.0.as_ref().map(|named| &named.ids[..])
    }

    fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the field was given but has no known value.
    fn names_nothing(&self) -> bool {
        self.ids().is_some_and(<[T]>::is_empty)
    }
}

impl Territories {
    /// Whether any field is given.
    #[must_use]
    pub fn are_given(&self) -> bool {
        self.fields_given() > 0
    }

    fn fields_given(&self) -> usize {
        let Self { regions, departments, epcis, communes } = self;
        let given = [regions.is_given(), departments.is_given(), epcis.is_given(), communes.is_given()];
        given.into_iter().filter(|is_given| *is_given).count()
    }

    /// Whether a field is given that has only unknown codes.
    #[must_use]
    pub(crate) fn name_nothing(&self) -> bool {
        let Self { regions, departments, epcis, communes } = self;
        regions.names_nothing()
            || departments.names_nothing()
            || epcis.names_nothing()
            || communes.names_nothing()
    }

    /// Whether a commune matches every given field.
    #[must_use]
    pub fn have(&self, commune: &Commune) -> bool {
        self.departments.has(Some(commune.department_id()))
            && self.regions.has(Some(commune.region_id()))
            && self.communes.has(Some(commune.id()))
            && self.epcis.has(commune.epci_id())
    }

    /// The communes that match every given field, each once. Only those of the field with the smallest territories are
    /// examined.
    pub fn matching(&self) -> impl Iterator<Item = CommuneId> {
        let table = territory::communes();
        // At most, whatever the fields are.
        steps::take(CommuneId::MAX.into());
        let Self { regions, departments, epcis, communes } = self;
        let of_departments = |departments: Vec<DepartmentId>| {
            departments.into_iter().flat_map(|id| table.of_department(id)).copied().collect::<Vec<_>>()
        };
        let candidates = if let Some(communes) = communes.ids() {
            communes.to_vec()
        } else if let Some(epcis) = epcis.ids() {
            epcis.iter().flat_map(|id| table.of_epci(*id)).copied().collect()
        } else if let Some(departments) = departments.ids() {
            of_departments(departments.to_vec())
        } else {
            let of_regions = table.departments().iter().filter(|it| regions.has(Some(it.region_id())));
            of_departments(of_regions.map(Department::id).collect())
        };
        let is_exact = self.fields_given() <= 1;
        candidates.into_iter().filter(move |id| is_exact || self.have(table.get(*id)))
    }

    /// Whether every department of the selection is one for which a condition holds; `false` if it names none.
    pub(crate) fn name_departments_only(&self, is_granted: impl Fn(DepartmentId) -> bool) -> bool {
        self.departments.ids().is_some_and(|named| named.iter().copied().all(is_granted))
    }
}

/// A selection and its faults. If there are faults, the selection lacks the faulty values: it may be compared with a
/// perimeter to refuse it, but must not be evaluated.
#[derive(Debug)]
pub struct Reading {
    /// The valid part.
    pub selection: Selection,
    /// Every fault, up to [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
}

impl Reading {
    /// The selection, or its faults.
    pub fn into_result(self) -> Result<Selection, Vec<Violation>> {
        if self.violations.is_empty() { Ok(self.selection) } else { Err(self.violations) }
    }
}

impl Selection {
    /// Reads a selection and its faults. Paths begin with `selection`.
    #[must_use]
    pub fn read(message: &v1::Selection) -> Reading {
        let mut faults = Faults::default();
        let (from, to) = faults.days(&message.from, &message.to);
        let selection = Self {
            from,
            to,
            territories: faults.territories(message),
            postal_codes: faults.postal_codes(&message.postal_codes),
            structures: faults.ids("selection.structure_ids", &message.structure_ids),
            advisors: faults.ids("selection.advisor_ids", &message.advisor_ids),
            venues: faults.ids("selection.venue_ids", &message.venue_ids),
            channels: faults.words::<Channel>("selection.channels", &message.channels),
            activities: faults.words::<Activity>("selection.activities", &message.activities),
            themes: faults.words::<Theme>("selection.themes", &message.themes),
            sub_themes: faults.words::<SubTheme>("selection.sub_themes", &message.sub_themes),
            durations: faults.lines::<DurationBucket>("selection.durations", &message.durations),
            ages: faults.lines::<AgeBand>("selection.ages", &message.ages),
            statuses: faults.lines::<Status>("selection.statuses", &message.statuses),
            message: canonical(message.clone()),
        };
        Reading { selection, violations: faults.0 }
    }

    /// Reads a selection, or reports every fault.
    pub fn parse(message: &v1::Selection) -> Result<Self, Vec<Violation>> {
        Self::read(message).into_result()
    }

    /// The selection in the contract's form, with the values of each field sorted and without repetition.
    #[must_use]
    pub fn message(&self) -> &v1::Selection {
        &self.message
    }
}

#[derive(Default)]
struct Faults(Vec<Violation>);

impl Faults {
    fn refuse(&mut self, field: impl FnOnce() -> String, fault: impl FnOnce() -> Fault) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation::new(field(), fault()));
        }
    }

    /// Keeps the values that `find` knows, and reports the others.
    fn each<V, T>(
        &mut self,
        field: &str,
        values: &[V],
        find: impl Fn(&V) -> Option<T>,
        fault: impl Fn(&V) -> Fault,
        mut keep: impl FnMut(T),
    ) {
        for (i, value) in values.iter().enumerate() {
            match find(value) {
                Some(found) => keep(found),
                None => self.refuse(|| format!("{field}[{i}]"), || fault(value)),
            }
        }
    }

    fn day(&mut self, field: &str, text: &str) -> Option<Date> {
        if text.is_empty() {
            return None;
        }
        let day = parse_day(text);
        if day.is_none() {
            self.refuse(|| field.to_owned(), || Fault::DateInvalid(text.to_owned()));
        }
        day
    }

    fn days(&mut self, from: &str, to: &str) -> (Option<Date>, Option<Date>) {
        let days = (self.day("selection.from", from), self.day("selection.to", to));
        if let (Some(first), Some(last)) = days
            && first > last
        {
            let fault = || Question::PeriodInverted { from: first, to: last }.into();
            self.refuse(|| "selection.to".to_owned(), fault);
        }
        days
    }

    fn territories(&mut self, message: &v1::Selection) -> Territories {
        let communes: &Communes = territory::communes();
        Territories {
            regions: self.members(
                ("selection.region_codes", TerritoryKind::Region),
                &message.region_codes,
                communes.regions().len(),
                |code| communes.region(code).map(Region::id),
            ),
            departments: self.members(
                ("selection.department_codes", TerritoryKind::Department),
                &message.department_codes,
                communes.departments().len(),
                |code| communes.department(code).map(Department::id),
            ),
            epcis: self.members(
                ("selection.epci_codes", TerritoryKind::Epci),
                &message.epci_codes,
                communes.epcis().len(),
                |code| communes.epci(code).map(Epci::id),
            ),
            communes: self.communes(&message.commune_codes, communes),
        }
    }

    fn members<T: Indexed>(
        &mut self,
        (field, kind): (&str, TerritoryKind),
        codes: &[String],
        count: usize,
        find: impl Fn(&str) -> Option<T>,
    ) -> Members<T> {
        if codes.is_empty() {
            return Members::default();
        }
        let mut members = Members::among(count);
        self.each(field, codes, |code| find(code), |code| unknown(kind, code), |id| members.insert(id));
        members
    }

    /// Paris, Lyon and Marseille include their arrondissements.
    fn communes(&mut self, codes: &[String], communes: &Communes) -> Members<CommuneId> {
        let count = communes.all().len();
        let field = ("selection.commune_codes", TerritoryKind::Commune);
        let mut members = self.members(field, codes, count, |code| communes.resolve_alone(code));
        for id in communes.with_arrondissements() {
            if members.is_given() && members.has(Some(id)) {
                communes.arrondissements(id).for_each(|id| members.insert(id));
            }
        }
        members
    }

    fn postal_codes(&mut self, codes: &[String]) -> Option<BTreeSet<u32>> {
        let mut known = BTreeSet::new();
        let find = |code: &String| code.parse().ok().filter(|_| territory::communes().is_postal_code(code));
        self.each(
            "selection.postal_codes",
            codes,
            find,
            |code| unknown(TerritoryKind::PostalCode, code),
            |number| {
                known.insert(number);
            },
        );
        (!codes.is_empty()).then_some(known)
    }

    fn ids(&mut self, field: &str, values: &[String]) -> Option<BTreeSet<Id>> {
        let mut ids = BTreeSet::new();
        let fault = |id: &String| Fault::IdInvalid(id.clone());
        self.each(
            field,
            values,
            |id| Id::parse(id),
            fault,
            |id| {
                ids.insert(id);
            },
        );
        (!values.is_empty()).then_some(ids)
    }

    fn words<W: Word>(&mut self, field: &str, values: &[i32]) -> Bits {
        self.bits::<W>(field, values, |number| W::from_number(number).map(Word::index))
    }

    /// Like [`Faults::words`], with the statistics' line "unspecified" as 0.
    fn lines<W: Word>(&mut self, field: &str, values: &[i32]) -> Bits {
        self.bits::<W>(field, values, |number| {
            if number == 0 { Some(0) } else { W::from_number(number).map(|word| word.index() + 1) }
        })
    }

    fn bits<W: Word>(
        &mut self,
        field: &str,
        values: &[i32],
        index_of: impl Fn(i32) -> Option<usize>,
    ) -> Bits {
        let mut bits = 0;
        let find = |number: &i32| index_of(*number);
        let fault = |number: &i32| Fault::unknown_word::<W>(*number, |_| true);
        self.each(field, values, find, fault, |index| bits |= 1 << index);
        (!values.is_empty()).then_some(bits)
    }
}

fn unknown(kind: TerritoryKind, code: &str) -> Fault {
    Question::TerritoryUnknown { kind, found: code.to_owned() }.into()
}
