//! Which facts a selection counts: the selection bound to the codes of a dictionary.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

#[cfg(test)]
use cra_contracts::v1;
use cra_domain::cra::Id;
use cra_domain::selection::{Bits, Selection};
use cra_domain::territory::Commune;
use cra_domain::vocabulary::{Activity, Channel, DurationBucket, Word as _};

use super::code_set::CodeSet;
use super::commune_set::CommuneSet;
use super::dictionary::{Code, Dictionary, Kind};
use super::fact::{Fact, day_number};
use super::packed_fact::{ActivityKey, FactRef, PackedFact, STATUS_LINES};
use super::scope::{Scope, ScopeSet};
use super::totals::duration_line;

/// A selection that can be tested against facts.
#[derive(Clone, Debug)]
pub struct Filter {
    days: RangeInclusive<i32>,
    pub(crate) communes: Option<CommuneSet>,
    pub(crate) postal_codes: Option<CodeSet>,
    pub(crate) structures: Option<CodeSet>,
    pub(crate) advisors: Option<CodeSet>,
    pub(crate) venues: Option<CodeSet>,
    pub(crate) channels: Bits,
    pub(crate) activities: Bits,
    pub(crate) themes: Bits,
    pub(crate) sub_themes: Bits,
    /// Bit 0: unspecified; then the list in its order. Ages and statuses use the same layout.
    pub(crate) durations: Bits,
    pub(crate) ages: Bits,
    pub(crate) statuses: Bits,
    /// Bit n: the n-th activity key that channels, activities and durations allow.
    activity_keys: u128,
}

impl Filter {
    /// Binds a selection to the codes of a dictionary. Identifiers that no fact has select nothing.
    #[must_use]
    pub fn bind(selection: &Selection, dictionary: &Dictionary) -> Self {
        let codes = |kind: Kind, ids: &Option<BTreeSet<Id>>| {
            let ids = ids.as_ref()?.iter();
            let mut codes = CodeSet::default();
            codes.extend(ids.filter_map(|id| dictionary.find(kind, id.as_str())));
            Some(codes)
        };
        let territories = &selection.territories;
        let filter = Self {
            days: selection.from.map_or(i32::MIN, day_number)..=selection.to.map_or(i32::MAX, day_number),
            communes: territories.are_given().then(|| CommuneSet::of(territories.matching())),
            postal_codes: selection.postal_codes.as_ref().map(|given| {
                let mut codes = CodeSet::default();
                codes.extend(given.iter().copied());
                codes
            }),
            structures: codes(Kind::Structure, &selection.structures),
            advisors: codes(Kind::Advisor, &selection.advisors),
            venues: codes(Kind::Venue, &selection.venues),
            channels: selection.channels,
            activities: selection.activities,
            themes: selection.themes,
            sub_themes: selection.sub_themes,
            durations: selection.durations,
            ages: selection.ages,
            statuses: selection.statuses,
            activity_keys: 0,
        };
        filter.with_activity_keys()
    }

    /// Every fact of these days.
    pub(crate) fn of_days(days: RangeInclusive<i32>) -> Self {
        let all = Self {
            days,
            communes: None,
            postal_codes: None,
            structures: None,
            advisors: None,
            venues: None,
            channels: None,
            activities: None,
            themes: None,
            sub_themes: None,
            durations: None,
            ages: None,
            statuses: None,
            activity_keys: 0,
        };
        all.with_activity_keys()
    }

    fn with_activity_keys(self) -> Self {
        let activity_keys = ActivityKey::all()
            .filter(|activity_key| self.leaves_activity_key(*activity_key))
            .fold(0, |activity_keys, activity_key| activity_keys | 1 << activity_key.index());
        Self { activity_keys, ..self }
    }

    /// The same filter for some days and the facts of some scopes: of communes, departments and regions, of structures, or of
    /// advisors.
    #[must_use]
    pub fn only(&self, days: RangeInclusive<i32>, scopes: &[Scope]) -> Self {
        let mut only = Self { days, ..self.clone() };
        let codes = scopes.iter().filter_map(|scope| match scope {
            Scope::Structure(code) | Scope::Advisor(code) => Some(*code),
            _ => None,
        });
        match scopes.first() {
            None | Some(Scope::Country) => {}
            Some(Scope::Structure(_)) => only.structures.insert(CodeSet::default()).extend(codes),
            Some(Scope::Advisor(_)) => only.advisors.insert(CodeSet::default()).extend(codes),
            Some(Scope::Region(_) | Scope::Department(_) | Scope::Commune(_)) => {
                only.communes = Some(CommuneSet::of_scopes(scopes));
            }
        }
        only
    }

    /// Reads and binds a selection.
    #[cfg(test)]
    pub(crate) fn parse(
        selection: &v1::Selection,
        dictionary: &Dictionary,
    ) -> Result<Self, Vec<cra_domain::cra::Violation>> {
        Selection::parse(selection).map(|selection| Self::bind(&selection, dictionary))
    }

    /// The same filter for these days, after its lists were changed.
    #[cfg(test)]
    pub(crate) fn bound(self, days: RangeInclusive<i32>) -> Self {
        Self { days, ..self }.with_activity_keys()
    }

    /// Days of activity that it may match.
    #[must_use]
    pub fn days(&self) -> RangeInclusive<i32> {
        self.days.clone()
    }

    /// First and last day that it may match; `None` if unbounded.
    #[must_use]
    pub fn bounds(&self) -> (Option<i32>, Option<i32>) {
        let (first, last) = (*self.days.start(), *self.days.end());
        ((first != i32::MIN).then_some(first), (last != i32::MAX).then_some(last))
    }

    /// Whether its territories allow a commune.
    #[must_use]
    pub fn allows_commune(&self, commune: &Commune) -> bool {
        self.communes.as_ref().is_none_or(|communes| communes.contains(commune.id().index().into()))
            && self.postal_codes.as_ref().is_none_or(|_| {
                commune
                    .postal_codes()
                    .iter()
                    .any(|code| code.parse().is_ok_and(|n| self.leaves_postal_code(n)))
            })
    }

    /// Whether its postal codes allow a postal code.
    #[must_use]
    pub fn leaves_postal_code(&self, postal_code: u32) -> bool {
        self.postal_codes.as_ref().is_none_or(|codes| codes.contains(postal_code))
    }

    /// Whether it allows a channel.
    #[must_use]
    pub fn leaves_channel(&self, channel: Channel) -> bool {
        bit(self.channels, channel.index())
    }

    /// Whether it allows an activity.
    #[must_use]
    pub fn leaves_activity(&self, activity: Activity) -> bool {
        bit(self.activities, activity.index())
    }

    /// Whether it allows a duration.
    #[must_use]
    pub fn leaves_duration(&self, bucket: DurationBucket) -> bool {
        bit(self.durations, duration_line(Some(bucket)))
    }

    fn leaves_activity_key(&self, activity_key: ActivityKey) -> bool {
        self.leaves_channel(activity_key.channel())
            && self.leaves_activity(activity_key.activity())
            && bit(self.durations, duration_line(activity_key.bucket()))
    }

    /// The scopes that restrict it.
    #[must_use]
    pub fn scope_set(&self) -> ScopeSet {
        let codes = |codes: &Option<CodeSet>, scope: fn(Code) -> Scope| {
            codes.as_ref().map(|codes| codes.codes().map(scope).collect::<Vec<_>>())
        };
        let given = [
            self.communes.as_ref().map(CommuneSet::scopes),
            codes(&self.structures, Scope::Structure),
            codes(&self.advisors, Scope::Advisor),
        ];
        let mut given: Vec<_> = given.into_iter().flatten().collect();
        match given.len() {
            0 | 1 if self.asks_for_scopes_only() => {
                ScopeSet::Exactly(given.pop().unwrap_or_else(|| vec![Scope::Country]))
            }
            _ => ScopeSet::Within(given),
        }
    }

    /// Whether only days, communes, structures and advisors are restricted.
    fn asks_for_scopes_only(&self) -> bool {
        let Self { postal_codes, venues, channels, activities, themes, sub_themes, durations, .. } = self;
        postal_codes.is_none()
            && venues.is_none()
            && [channels, activities, themes, sub_themes, durations, &self.ages, &self.statuses]
                .iter()
                .all(|bits| bits.is_none())
    }

    /// Whether it matches a fact.
    #[must_use]
    #[inline]
    pub fn matches(&self, fact: &FactRef<'_>) -> bool {
        let fixed = fact.fixed();
        self.days.contains(&fixed.day)
            && self.advisors.as_ref().is_none_or(|codes| codes.contains(fixed.advisor))
            && self.structures.as_ref().is_none_or(|codes| codes.contains(fixed.structure))
            && self.communes.as_ref().is_none_or(|communes| communes.contains(fixed.commune.into()))
            && self.postal_codes.as_ref().is_none_or(|codes| codes.contains(fixed.postal_code))
            && self
                .venues
                .as_ref()
                .is_none_or(|codes| fact.venue().is_some_and(|venue| codes.contains(venue)))
            && self.activity_keys & (1 << fact.activity_key().index()) != 0
            && self.themes.is_none_or(|themes| themes & fact.theme_set() != 0)
            && self.sub_themes.is_none_or(|sub_themes| sub_themes & fact.sub_theme_set() != 0)
            && self.ages.is_none_or(|ages| ages & fact.peopled() != 0)
            && self.statuses.is_none_or(|statuses| (statuses << STATUS_LINES) & fact.peopled() != 0)
    }

    /// Like [`Filter::matches`], for a single fact.
    #[must_use]
    pub fn matches_fact(&self, fact: &Fact) -> bool {
        let (fixed, overflow) = PackedFact::of(fact);
        self.matches(&FactRef::of(&fixed, &overflow))
    }
}

fn bit(bits: Bits, index: usize) -> bool {
    bits.is_none_or(|bits| bits & (1 << index) != 0)
}

#[cfg(test)]
mod tests;
