//! Which facts a selection counts. A selection becomes a [`Filter`], or every one of its faults is told: a field that
//! cannot be understood never widens the answer. Fields combine with AND, the values of one field with OR.

use std::ops::RangeInclusive;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Id, Question, Violation, parse_day};
use cra_domain::territory::{self, Commune, CommuneId};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::code_set::CodeSet;
use super::countable::{Countable, Manner, STATUS_LINES, Seen};
use super::dictionary::{Code, Dictionary, Kind};
use super::fact::{Fact, day_number};
use super::scope::{self, Narrowing, Scope};
use super::tally::duration_line;

/// A set of small numbers, one bit each; `None` restricts nothing.
type Bits = Option<u32>;

/// A selection, ready to be asked of each fact.
#[derive(Clone, Debug)]
pub struct Filter {
    days: RangeInclusive<i32>,
    /// One flag per commune, by its index.
    communes: Option<Vec<bool>>,
    postal_codes: Option<CodeSet>,
    structures: Option<CodeSet>,
    advisors: Option<CodeSet>,
    venues: Option<CodeSet>,
    channels: Bits,
    activities: Bits,
    themes: Bits,
    sub_themes: Bits,
    /// Bit 0: unspecified, then the list in its order; likewise for ages and statuses.
    durations: Bits,
    ages: Bits,
    statuses: Bits,
    /// Bit n: the n-th manner, as channels, activities and durations leave it.
    manners: u128,
}

impl Filter {
    /// Reads a selection. Identifiers that no fact has are no fault: they select nothing.
    pub fn parse(selection: &v1::Selection, dictionary: &Dictionary) -> Result<Self, Vec<Violation>> {
        let mut reading = Reading { violations: Vec::new(), dictionary };
        let mut filter = Self {
            days: reading.days(&selection.from, &selection.to),
            communes: reading.territories(selection),
            postal_codes: reading.postal_codes(&selection.postal_codes),
            structures: reading.ids("selection.structure_ids", Kind::Structure, &selection.structure_ids),
            advisors: reading.ids("selection.advisor_ids", Kind::Advisor, &selection.advisor_ids),
            venues: reading.ids("selection.venue_ids", Kind::Venue, &selection.venue_ids),
            channels: reading.words::<Channel>("selection.channels", &selection.channels),
            activities: reading.words::<Activity>("selection.activities", &selection.activities),
            themes: reading.words::<Theme>("selection.themes", &selection.themes),
            sub_themes: reading.words::<SubTheme>("selection.sub_themes", &selection.sub_themes),
            durations: reading.lines::<DurationBucket>("selection.durations", &selection.durations),
            ages: reading.lines::<AgeBand>("selection.ages", &selection.ages),
            statuses: reading.lines::<Status>("selection.statuses", &selection.statuses),
            manners: 0,
        };
        filter.manners = Manner::all()
            .filter(|manner| filter.leaves_manner(*manner))
            .fold(0, |manners, manner| manners | 1 << manner.index());
        if reading.violations.is_empty() { Ok(filter) } else { Err(reading.violations) }
    }

    /// Days of activity that it can count.
    #[must_use]
    pub fn days(&self) -> RangeInclusive<i32> {
        self.days.clone()
    }

    /// First and last day that it can count; `None` where it is not bounded.
    #[must_use]
    pub fn bounds(&self) -> (Option<i32>, Option<i32>) {
        let (first, last) = (*self.days.start(), *self.days.end());
        ((first != i32::MIN).then_some(first), (last != i32::MAX).then_some(last))
    }

    /// Whether its territories leave a commune.
    #[must_use]
    pub fn leaves_commune(&self, commune: &Commune) -> bool {
        self.communes.as_ref().is_none_or(|flags| flags[usize::from(commune.id().index())])
            && self.postal_codes.as_ref().is_none_or(|_| {
                commune
                    .postal_codes()
                    .iter()
                    .any(|code| code.parse().is_ok_and(|n| self.leaves_postal_code(n)))
            })
    }

    /// Whether its postal codes leave one.
    #[must_use]
    pub fn leaves_postal_code(&self, postal_code: u32) -> bool {
        self.postal_codes.as_ref().is_none_or(|codes| codes.contains(postal_code))
    }

    /// Whether it leaves a channel.
    #[must_use]
    pub fn leaves_channel(&self, channel: Channel) -> bool {
        bit(self.channels, channel.index())
    }

    /// Whether it leaves an activity.
    #[must_use]
    pub fn leaves_activity(&self, activity: Activity) -> bool {
        bit(self.activities, activity.index())
    }

    /// Whether it leaves a duration.
    #[must_use]
    pub fn leaves_duration(&self, bucket: DurationBucket) -> bool {
        bit(self.durations, duration_line(Some(bucket)))
    }

    fn leaves_manner(&self, manner: Manner) -> bool {
        self.leaves_channel(manner.channel())
            && self.leaves_activity(manner.activity())
            && bit(self.durations, duration_line(manner.bucket()))
    }

    /// How far scopes narrow what it counts.
    #[must_use]
    pub fn narrowing(&self) -> Narrowing {
        let codes = |codes: &Option<CodeSet>, scope: fn(Code) -> Scope| {
            codes.as_ref().map(|codes| codes.codes().map(scope).collect::<Vec<_>>())
        };
        let given = [
            self.communes.as_ref().map(|communes| scope::of_communes(communes)),
            codes(&self.structures, Scope::Structure),
            codes(&self.advisors, Scope::Advisor),
        ];
        let mut given: Vec<_> = given.into_iter().flatten().collect();
        match given.len() {
            0 | 1 if self.asks_for_scopes_only() => {
                Narrowing::Exactly(given.pop().unwrap_or_else(|| vec![Scope::Country]))
            }
            _ => Narrowing::Within(given),
        }
    }

    /// Whether nothing but days, communes, structures and advisors is restricted.
    fn asks_for_scopes_only(&self) -> bool {
        let Self { postal_codes, venues, channels, activities, themes, sub_themes, durations, .. } = self;
        postal_codes.is_none()
            && venues.is_none()
            && [channels, activities, themes, sub_themes, durations, &self.ages, &self.statuses]
                .iter()
                .all(|bits| bits.is_none())
    }

    /// Whether it counts a fact.
    #[must_use]
    #[inline]
    pub fn matches(&self, seen: &Seen<'_>) -> bool {
        let fixed = seen.fixed();
        self.days.contains(&fixed.day)
            && self.advisors.as_ref().is_none_or(|codes| codes.contains(fixed.advisor))
            && self.structures.as_ref().is_none_or(|codes| codes.contains(fixed.structure))
            && self.communes.as_ref().is_none_or(|flags| flags.get(usize::from(fixed.commune)) == Some(&true))
            && self.postal_codes.as_ref().is_none_or(|codes| codes.contains(fixed.postal_code))
            && self
                .venues
                .as_ref()
                .is_none_or(|codes| seen.venue().is_some_and(|venue| codes.contains(venue)))
            && self.manners & (1 << seen.manner().index()) != 0
            && self.themes.is_none_or(|themes| themes & seen.theme_set() != 0)
            && self.sub_themes.is_none_or(|sub_themes| sub_themes & seen.sub_theme_set() != 0)
            && self.ages.is_none_or(|ages| ages & seen.peopled() != 0)
            && self.statuses.is_none_or(|statuses| (statuses << STATUS_LINES) & seen.peopled() != 0)
    }

    /// As [`Filter::matches`], for a fact that is looked at alone.
    #[must_use]
    pub fn matches_fact(&self, fact: &Fact) -> bool {
        let (fixed, beside) = Countable::of(fact);
        self.matches(&Seen::of(&fixed, &beside))
    }
}

fn bit(bits: Bits, index: usize) -> bool {
    bits.is_none_or(|bits| bits & (1 << index) != 0)
}

/// The communes of a territory's code; `None` of an unknown one.
type Members<'a> = &'a dyn Fn(&str) -> Option<Vec<CommuneId>>;

/// One reading of a selection: the faults found so far.
struct Reading<'a> {
    violations: Vec<Violation>,
    dictionary: &'a Dictionary,
}

/// Faults told at once.
const VIOLATIONS_MAX: usize = 100;

impl Reading<'_> {
    fn refuse(&mut self, field: String, fault: impl Into<Fault>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation::new(field, fault));
        }
    }

    fn day(&mut self, field: &str, text: &str) -> Option<i32> {
        if text.is_empty() {
            return None;
        }
        let day = parse_day(text).map(day_number);
        if day.is_none() {
            self.refuse(field.to_owned(), Fault::DateInvalid(text.to_owned()));
        }
        day
    }

    fn days(&mut self, from: &str, to: &str) -> RangeInclusive<i32> {
        let from_day = self.day("selection.from", from).unwrap_or(i32::MIN);
        let to_day = self.day("selection.to", to).unwrap_or(i32::MAX);
        if from_day > to_day {
            self.refuse("selection.to".to_owned(), Question::PeriodInverted { from: from.to_owned() });
        }
        from_day..=to_day
    }

    /// The communes of every territorial field: those that all the fields given hold.
    fn territories(&mut self, selection: &v1::Selection) -> Option<Vec<bool>> {
        let communes = territory::communes();
        let within = |belongs: &dyn Fn(CommuneId) -> bool| {
            communes.all().iter().map(Commune::id).filter(|id| belongs(*id)).collect()
        };
        let fields: [(&str, &[String], Members<'_>); 4] = [
            ("selection.region_codes", &selection.region_codes, &|code| {
                communes.region(code)?;
                Some(within(&|id| communes.get(id).region() == code))
            }),
            ("selection.department_codes", &selection.department_codes, &|code| {
                communes.department(code)?;
                Some(within(&|id| communes.get(id).department() == code))
            }),
            ("selection.epci_codes", &selection.epci_codes, &|code| {
                communes.epci(code)?;
                Some(within(&|id| communes.get(id).epci() == Some(code)))
            }),
            ("selection.commune_codes", &selection.commune_codes, &|code| communes.expand(code)),
        ];
        let mut selected: Option<Vec<bool>> = None;
        for (field, codes, members) in fields {
            if codes.is_empty() {
                continue;
            }
            let mut of_field = vec![false; communes.all().len()];
            for (i, code) in codes.iter().enumerate() {
                match members(code) {
                    Some(ids) => ids.into_iter().for_each(|id| of_field[usize::from(id.index())] = true),
                    None => self.refuse(format!("{field}[{i}]"), Question::TerritoryUnknown(code.clone())),
                }
            }
            selected = Some(match selected {
                None => of_field,
                Some(former) => former.iter().zip(&of_field).map(|(a, b)| *a && *b).collect(),
            });
        }
        selected
    }

    fn postal_codes(&mut self, given: &[String]) -> Option<CodeSet> {
        if given.is_empty() {
            return None;
        }
        let mut codes = CodeSet::default();
        for (i, code) in given.iter().enumerate() {
            match code.parse() {
                Ok(number) if territory::communes().is_postal_code(code) => {
                    codes.insert(number);
                }
                _ => {
                    let field = format!("selection.postal_codes[{i}]");
                    self.refuse(field, Question::TerritoryUnknown(code.clone()));
                }
            }
        }
        Some(codes)
    }

    fn ids(&mut self, field: &str, kind: Kind, given: &[String]) -> Option<CodeSet> {
        if given.is_empty() {
            return None;
        }
        let mut codes = CodeSet::default();
        for (i, id) in given.iter().enumerate() {
            if Id::parse(id).is_none() {
                self.refuse(format!("{field}[{i}]"), Fault::IdInvalid(id.clone()));
            }
            codes.extend(self.dictionary.find(kind, id));
        }
        Some(codes)
    }

    fn words<W: Word>(&mut self, field: &str, given: &[i32]) -> Bits {
        self.bits(field, given, |number| W::from_number(number).map(Word::index))
    }

    /// Like [`Reading::words`], with the line "unspecified" of the statistics as 0.
    fn lines<W: Word>(&mut self, field: &str, given: &[i32]) -> Bits {
        self.bits(field, given, |number| {
            if number == 0 { Some(0) } else { W::from_number(number).map(|word| word.index() + 1) }
        })
    }

    fn bits(&mut self, field: &str, given: &[i32], index_of: impl Fn(i32) -> Option<usize>) -> Bits {
        if given.is_empty() {
            return None;
        }
        let mut bits = 0;
        for (i, number) in given.iter().enumerate() {
            match index_of(*number) {
                Some(index) => bits |= 1 << index,
                None => self.refuse(format!("{field}[{i}]"), Fault::UnknownValue(*number)),
            }
        }
        Some(bits)
    }
}

#[cfg(test)]
mod tests;
