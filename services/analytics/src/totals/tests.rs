//! Totals are a commutative monoid: parts may be counted separately and in any order.

use cra_domain::cra::Duration;
use cra_domain::vocabulary::Organisation;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::accumulator::Accumulator;
use crate::fact::Fact;
use crate::packed_fact::{FactRef, PackedFact};
use crate::packed_sums::PackedSums;

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::UpTo30Minutes),
        Just(Duration::From30MinutesTo1Hour),
        Just(Duration::OneHourOrMore),
        Just(Duration::Unspecified),
        (60..1_441_u32).prop_map(|minutes| Duration::Exact { minutes }),
    ]
}

fn any_recipient() -> impl Strategy<Value = RecipientCode> {
    prop_oneof![
        select(Organisation::ALL).prop_map(RecipientCode::Known),
        (0..4_u32).prop_map(RecipientCode::Other),
        Just(RecipientCode::Unnamed),
    ]
}

prop_compose! {
    pub(crate) fn any_fact()(
        channel in select(Channel::ALL),
        activity in select(Activity::ALL),
        counts in ([0..9_u32, 0..9, 0..9, 0..9, 0..9], [0..9_u32, 0..9, 0..9, 0..9, 0..9]),
        unspecified in 0..4_u32,
        sets in (0..1_u32 << 19, 0..1_u16 << 8),
        duration in any_duration(),
        follow_up in (0..9_u32, 0..9_u32, vec((any_recipient(), 1..9_u32), 0..4)),
        other in (0..4_u32, any::<bool>(), 0..9_u32, 0..70_000_u32),
    ) -> Fact {
        let (ages, statuses) = counts;
        Fact {
            cra_id: Uuid::nil(), revision: 1, former: None, day: 0, recorded_at: 0, corrected_at: None,
            created_at: None, form_version: 0, client: other.3, delay_days: other.0, defaulted_participants: other.1, advisor: 0,
            structure: 0, channel, commune: 0, declared_commune: None, postal_code: 0, venue: None, activity,
            participants: ages.iter().sum::<u32>().max(statuses.iter().sum()) + unspecified,
            returning: other.2, ages, statuses, themes: sets.0, sub_themes: sets.1, annotation: "".into(), duration,
            follow_up_individual: follow_up.0, follow_up_workshop: follow_up.1, redirections: follow_up.2,
            forgotten: Vec::new(),
        }
    }
}

/// A plain recount, number by number.
fn recounted<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Totals {
    let mut totals = Totals::default();
    for fact in facts {
        let participants = u64::from(fact.participants);
        totals.cras += 1;
        totals.acts += participants;
        totals.returning += u64::from(fact.returning);
        let defaulted = fact.defaulted_participants && fact.activity == Activity::Workshop;
        totals.defaulted_workshops += u64::from(defaulted);
        totals.follow_up_individual += u64::from(fact.follow_up_individual);
        totals.follow_up_workshop += u64::from(fact.follow_up_workshop);
        let activity = &mut totals.activities[fact.activity.index()];
        activity.cras += 1;
        activity.participants += participants;
        activity.minutes.estimated += u64::from(fact.duration.estimate());
        activity.minutes.minimum += u64::from(fact.duration.bounds().0);
        activity.minutes.maximum += u64::from(fact.duration.bounds().1);
        totals.channels[fact.channel.index()] += 1;
        fact.theme_list().for_each(|theme| totals.themes[theme.index()] += 1);
        fact.sub_theme_list().for_each(|sub_theme| totals.sub_themes[sub_theme.index()] += 1);
        totals.durations[duration_line(fact.duration.bucket())] += 1;
        for (lines, people) in [(&mut totals.ages, fact.ages), (&mut totals.statuses, fact.statuses)] {
            let people = people.map(u64::from);
            lines[0] += participants.saturating_sub(people.iter().sum());
            lines[1..].iter_mut().zip(people).for_each(|(line, people)| *line += people);
        }
        for (i, (to, people)) in fact.redirections.iter().enumerate() {
            let is_first = fact.redirections[..i].iter().all(|(other, _)| other != to);
            totals.redirections.add(*to, u64::from(*people), u64::from(is_first));
        }
        totals.delays.add(fact.delay_days, 1);
    }
    totals
}

fn gathered<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Accumulator {
    let mut accumulator = Accumulator::default();
    for fact in facts {
        let (fixed, overflow) = PackedFact::of(fact);
        accumulator.add(&FactRef::of(&fixed, &overflow));
    }
    accumulator
}

fn totals<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Totals {
    gathered(facts).totals()
}

fn merged(left: &Accumulator, right: &Accumulator) -> Accumulator {
    let mut merged = left.clone();
    merged.merge(right.clone());
    merged
}

/// Facts with numbers of every size.
fn any_facts() -> impl Strategy<Value = Vec<Fact>> {
    let large =
        (any_fact(), proptest::option::weighted(0.2, 200..70_000_u32)).prop_map(|(mut fact, large)| {
            if let Some(large) = large {
                fact.participants = fact.participants.max(large);
                fact.ages[2] = large;
                fact.delay_days = large;
            }
            fact
        });
    vec(large, 0..30)
}

proptest! {
    #[test]
    fn an_accumulator_counts_what_a_plain_recount_counts(facts in any_facts(), times in 1..40_usize) {
        let many: Vec<&Fact> = facts.iter().cycle().take(facts.len() * times).collect();
        prop_assert_eq!(totals(many.iter().copied()), recounted(many));
    }

    #[test]
    fn packed_sums_count_what_a_plain_recount_counts_even_after_removals(facts in any_facts(), ended: Vec<bool>) {
        let mut packed = PackedSums::default();
        let parts: Vec<_> = facts.iter().map(PackedFact::of).collect();
        for (fixed, overflow) in &parts {
            packed.update(|sums| sums.add(&FactRef::of(fixed, overflow)));
        }
        let has_ended = |i: usize| ended.get(i).copied().unwrap_or(false);
        for (_, (fixed, overflow)) in parts.iter().enumerate().filter(|(i, _)| has_ended(*i)) {
            packed.update(|sums| sums.remove(&FactRef::of(fixed, overflow)));
        }
        let left = facts.iter().enumerate().filter(|(i, _)| !has_ended(*i)).map(|(_, fact)| fact);
        let left: Vec<_> = left.collect();
        let mut accumulator = Accumulator::default();
        packed.update(|_| ());
        packed.add_to(&mut accumulator);
        prop_assert_eq!(accumulator.clone().totals(), recounted(left.iter().copied()));
        packed.add_to(&mut accumulator);
        prop_assert_eq!(accumulator.totals(), recounted(left.iter().chain(&left).copied()));
    }

    #[test]
    fn merging_parts_equals_counting_everything(facts in vec(any_fact(), 0..30), cuts: [prop::sample::Index; 2]) {
        let mut cuts = cuts.map(|cut| cut.index(facts.len() + 1));
        cuts.sort_unstable();
        let parts = [&facts[..cuts[0]], &facts[cuts[0]..cuts[1]], &facts[cuts[1]..]].map(gathered);
        let all = totals(&facts);
        prop_assert_eq!(&merged(&merged(&parts[0], &parts[1]), &parts[2]).totals(), &all);
        prop_assert_eq!(&merged(&parts[2], &merged(&parts[1], &parts[0])).totals(), &all, "in any order");
        prop_assert_eq!(&merged(&gathered(&facts), &Accumulator::default()).totals(), &all, "nothing adds nothing");
        prop_assert_eq!(&totals(facts.iter().rev()), &all);
    }

    #[test]
    fn the_people_of_all_lines_are_the_participants(facts in vec(any_fact(), 0..20)) {
        let totals = totals(&facts);
        prop_assert_eq!(totals.ages.iter().sum::<u64>(), totals.acts);
        prop_assert_eq!(totals.statuses.iter().sum::<u64>(), totals.acts);
        for counts in [&totals.channels[..], &totals.durations[..]] {
            prop_assert_eq!(counts.iter().sum::<u64>(), totals.cras);
        }
        prop_assert_eq!(totals.delays.all().map(|(_, cras)| cras).sum::<u64>(), totals.cras);
        prop_assert_eq!(totals.activities.iter().map(|activity| activity.cras).sum::<u64>(), totals.cras);
    }
}
