//! Converts totals to the contract's statistics: lines, labels, shares. Source: the definitions of the domain page;
//! every figure of every answer is made here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use cra_contracts::v1;
use cra_domain::collation;
use cra_domain::cra::Recipient;
use cra_domain::selection::UNSPECIFIED_LABEL;
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBucket, Organisation, Status, SubTheme, Term, Theme, Word,
};

use super::dictionary::{Dictionary, Named};
use super::fact::RecipientCode;
use super::shares::{per_mille, rate_per_mille};
use super::totals::{Minutes, RecipientTotals, Totals};

/// Name of the line of an organisation that an older form did not name.
pub const UNNAMED_ORGANISATION: &str = "ORGANISATION_UNSPECIFIED";
/// Label of an organisation that an older form did not name.
pub const UNNAMED_ORGANISATION_LABEL: &str = "Non précisé";

/// Every figure of the totals. The dictionary has the free names of organisations.
#[must_use]
pub fn statistics(totals: &Totals, dictionary: &Dictionary) -> v1::Statistics {
    let workshops = totals.activities[Activity::Workshop.index()];
    v1::Statistics {
        cras: totals.cras,
        acts: totals.acts,
        people: totals.acts.saturating_sub(totals.returning),
        returning_people: totals.returning,
        workshops: workshops.cras,
        workshop_participants: workshops.participants,
        individual_supports: totals.activities[Activity::Individual.index()].cras,
        one_off_requests: totals.activities[Activity::OneOff.index()].cras,
        workshops_with_defaulted_participants: totals.defaulted_workshops,
        follow_up: Some(follow_up(totals)),
        channels: breakdown::<Channel>(&totals.channels, None),
        activities: breakdown::<Activity>(&totals.activities.map(|activity| activity.cras), None),
        themes: breakdown::<Theme>(&totals.themes, None),
        sub_themes: breakdown::<SubTheme>(&totals.sub_themes, None),
        durations: durations(&totals.durations),
        ages: ages(&totals.ages),
        statuses: statuses(&totals.statuses),
        redirections: redirections(totals.redirections.all(), dictionary),
        time_spent: time_spent(totals),
        entry_delay: Some(entry_delay(&totals.delays.all().collect::<Vec<_>>())),
        ..v1::Statistics::default()
    }
}

fn follow_up(totals: &Totals) -> v1::FollowUpStatistics {
    let (individual, workshop, redirected) =
        (totals.follow_up_individual, totals.follow_up_workshop, totals.redirected());
    let total = totals.followed_up();
    let rate_per_mille = rate_per_mille(total, totals.acts);
    v1::FollowUpStatistics { individual, workshop, redirected, total, rate_per_mille }
}

/// CRAs per duration bucket; the first count is for what older forms left open.
pub(super) fn durations(counts: &[u64]) -> Vec<v1::Count> {
    with_unspecified::<DurationBucket>(counts, "DURATION_BUCKET_UNSPECIFIED")
}

/// People per age band; the first count is for what older forms left open.
pub(super) fn ages(counts: &[u64]) -> Vec<v1::Count> {
    with_unspecified::<AgeBand>(counts, "AGE_BAND_UNSPECIFIED")
}

/// People per status; the first count is for what older forms left open.
pub(super) fn statuses(counts: &[u64]) -> Vec<v1::Count> {
    with_unspecified::<Status>(counts, "STATUS_UNSPECIFIED")
}

/// One line per value of a list: open ones always, closed ones if their count is not 0.
pub(super) fn breakdown<W: Word>(counts: &[u64], unspecified: Option<v1::Count>) -> Vec<v1::Count> {
    let lines = W::ALL.iter().zip(counts).map(|(word, count)| (word.term(), *count));
    let mut lines: Vec<v1::Count> = lines
        .filter(|(term, count)| term.open || *count > 0)
        .map(|(term, count)| line(term, count))
        .collect();
    lines.extend(unspecified);
    share(lines)
}

/// A breakdown whose first count is for what older forms left open: shown last, if it is not 0.
fn with_unspecified<W: Word>(counts: &[u64], name: &str) -> Vec<v1::Count> {
    let unspecified = (counts[0] > 0).then(|| named(name, UNSPECIFIED_LABEL, counts[0]));
    breakdown::<W>(&counts[1..], unspecified)
}

fn line(term: &Term, count: u64) -> v1::Count {
    named(term.name, term.label, count)
}

fn named(name: &str, label: &str, count: u64) -> v1::Count {
    v1::Count { name: name.to_owned(), label: label.to_owned(), count, share_per_mille: 0 }
}

fn share(mut lines: Vec<v1::Count>) -> Vec<v1::Count> {
    let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
    for (line, share) in lines.iter_mut().zip(per_mille(&counts)) {
        line.share_per_mille = share;
    }
    lines
}

/// The line of an organisation, by one of its spellings.
pub(super) struct OrganisationLine<'a> {
    /// Equal for all spellings.
    pub(super) key: &'a str,
    name: &'a str,
    label: &'a str,
    /// Whether the form has it.
    is_fixed: bool,
}

/// One organisation, with all its spellings.
struct OrganisationTally<'a> {
    people: u64,
    /// In its most frequent spelling.
    line: OrganisationLine<'a>,
    mentions: u64,
}

fn redirections(
    totals: impl Iterator<Item = (RecipientCode, RecipientTotals)>,
    dictionary: &Dictionary,
) -> Vec<v1::Count> {
    let mut organisations: BTreeMap<&str, OrganisationTally<'_>> = BTreeMap::new();
    for (recipient, RecipientTotals { people, mentions }) in totals {
        let line = organisation(recipient, dictionary);
        // The most frequent spelling is shown; among equals the first in code points, so that replays agree.
        let mentions = if line.is_fixed { u64::MAX } else { mentions };
        match organisations.entry(line.key) {
            Entry::Vacant(entry) => {
                entry.insert(OrganisationTally { people, line, mentions });
            }
            Entry::Occupied(mut entry) => {
                let tally = entry.get_mut();
                tally.people += people;
                if mentions > tally.mentions || (mentions == tally.mentions && line.label < tally.line.label)
                {
                    (tally.line, tally.mentions) = (line, mentions);
                }
            }
        }
    }
    let tallies = organisations.into_values();
    let mut lines: Vec<v1::Count> =
        tallies.map(|tally| named(tally.line.name, tally.line.label, tally.people)).collect();
    lines.sort_by(most_first);
    share(lines)
}

/// Most people first, then by label in French order, then by name.
fn most_first(a: &v1::Count, b: &v1::Count) -> Ordering {
    b.count
        .cmp(&a.count)
        .then_with(|| collation::compare(&a.label, &b.label))
        .then_with(|| a.name.cmp(&b.name))
}

/// The line of a recipient.
pub(super) fn organisation(recipient: RecipientCode, dictionary: &Dictionary) -> OrganisationLine<'_> {
    let fixed = |name, label| OrganisationLine { key: name, name, label, is_fixed: true };
    let known = |organisation: Organisation| fixed(organisation.term().name, organisation.term().label);
    let unnamed = || fixed(UNNAMED_ORGANISATION, UNNAMED_ORGANISATION_LABEL);
    match recipient {
        RecipientCode::Known(organisation) => known(organisation),
        RecipientCode::Unnamed => unnamed(),
        RecipientCode::Other(code) => match dictionary.organisation(code) {
            Some(Named { recipient: Recipient::Known(organisation), .. }) => known(*organisation),
            Some(Named { recipient: Recipient::Other(label), key, name }) => {
                OrganisationLine { key, name, label, is_fixed: false }
            }
            Some(Named { recipient: Recipient::Unnamed, .. }) | None => unnamed(),
        },
    }
}

fn time_spent(totals: &Totals) -> Vec<v1::TimeSpent> {
    let estimates = totals.activities.map(|activity| activity.minutes.estimated);
    let shares = per_mille(&estimates);
    let mut total = Minutes::default();
    let mut lines = Vec::with_capacity(Activity::ALL.len() + 1);
    for ((activity, share), totals) in Activity::ALL.iter().zip(shares).zip(&totals.activities) {
        let term = activity.term();
        lines.push(time_line(term.name, term.label, totals.minutes, share));
        total.estimated += totals.minutes.estimated;
        total.minimum += totals.minutes.minimum;
        total.maximum += totals.minutes.maximum;
    }
    let share = if total.estimated > 0 { 1000 } else { 0 };
    lines.push(time_line("total", "Total", total, share));
    lines
}

fn time_line(name: &str, label: &str, minutes: Minutes, share_per_mille: u32) -> v1::TimeSpent {
    v1::TimeSpent {
        name: name.to_owned(),
        label: label.to_owned(),
        estimated_minutes: minutes.estimated,
        minimum_minutes: minutes.minimum,
        maximum_minutes: minutes.maximum,
        share_per_mille,
    }
}

/// From CRAs per delay, sorted by delay.
fn entry_delay(delays: &[(u32, u64)]) -> v1::EntryDelay {
    v1::EntryDelay {
        median_days: nearest_rank(delays, 50),
        p90_days: nearest_rank(delays, 90),
        same_day: delays.first().map_or(0, |(days, cras)| if *days == 0 { *cras } else { 0 }),
    }
}

/// Percentile of a histogram by nearest rank: the smallest value that at least `percent` % of all do not exceed; 0 for
/// an empty histogram.
fn nearest_rank(histogram: &[(u32, u64)], percent: u128) -> u32 {
    let total: u128 = histogram.iter().map(|(_, count)| u128::from(*count)).sum();
    let rank = (total * percent).div_ceil(100);
    let mut seen = 0_u128;
    for (value, count) in histogram {
        seen += u128::from(*count);
        if seen >= rank {
            return *value;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::Kind;
    use super::*;

    #[test]
    fn percentiles_use_nearest_rank() {
        let histogram = [(0, 6), (1, 1), (3, 1), (43, 1)];
        assert_eq!(nearest_rank(&histogram, 50), 0);
        assert_eq!(nearest_rank(&histogram, 90), 43);
        assert_eq!(nearest_rank(&[(2, 1), (4, 1)], 50), 2);
        assert_eq!(nearest_rank(&[], 50), 0);
    }

    #[test]
    fn empty_totals_list_exactly_the_open_values() {
        let statistics = statistics(&Totals::default(), &Dictionary::default());
        assert_eq!(statistics.themes.len(), 17);
        assert_eq!(statistics.ages.len(), 5);
        assert_eq!(statistics.durations.len(), 5);
        assert!(statistics.redirections.is_empty());
        assert_eq!(statistics.time_spent.len(), 4);
        assert!(statistics.themes.iter().all(|line| line.count == 0 && line.share_per_mille == 0));
    }

    #[test]
    fn free_names_share_one_line_in_their_most_frequent_spelling() {
        let mut dictionary = Dictionary::default();
        let mut other = |name: &str| RecipientCode::Other(dictionary.code_of(Kind::Organisation, name));
        let totals = BTreeMap::from([
            (other("Asso  Locale"), RecipientTotals { people: 9, mentions: 1 }),
            (other("asso locale"), RecipientTotals { people: 2, mentions: 2 }),
            (other("caf"), RecipientTotals { people: 1, mentions: 1 }),
            (RecipientCode::Known(Organisation::Caf), RecipientTotals { people: 1, mentions: 1 }),
            (RecipientCode::Unnamed, RecipientTotals { people: 2, mentions: 1 }),
        ]);
        let lines = redirections(totals.into_iter(), &dictionary);
        let lines: Vec<_> = lines.iter().map(|l| (l.name.as_str(), l.label.as_str(), l.count)).collect();
        assert_eq!(
            lines,
            [
                ("asso locale", "asso locale", 11),
                ("ORGANISATION_CAF", "CAF", 2),
                ("ORGANISATION_UNSPECIFIED", "Non précisé", 2),
            ]
        );
    }
}
