//! A tally is a commutative monoid: parts may be counted apart and in any order.

use cra_domain::cra::Duration;
use cra_domain::vocabulary::Organisation;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::views::countable::Countable;
use crate::views::fact::{Fact, FactKey, IN_FORCE};

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
        other in (0..4_u32, any::<bool>(), 0..9_u32),
    ) -> Fact {
        let (ages, statuses) = counts;
        Fact {
            cra_id: Uuid::nil(), revision: 1, until: IN_FORCE, former: None, recorded_at: 0, corrected_at: None,
            created_at: None, form_version: 0, delay_days: other.0, defaulted_participants: other.1, advisor: 0,
            structure: 0, channel, commune: 0, declared_commune: None, postal_code: 0, venue: None, activity,
            participants: ages.iter().sum::<u32>().max(statuses.iter().sum()) + unspecified,
            returning: other.2, ages, statuses, themes: sets.0, sub_themes: sets.1, annotation: "".into(), duration,
            follow_up_individual: follow_up.0, follow_up_workshop: follow_up.1, redirections: follow_up.2,
        }
    }
}

fn tally<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Tally {
    let mut tally = Tally::default();
    for fact in facts {
        let (fixed, beside) = Countable::of(FactKey { day: 0, from: 1 }, fact);
        tally.add(&Seen::of(&fixed, &beside));
    }
    tally
}

fn merged(left: &Tally, right: &Tally) -> Tally {
    let mut merged = left.clone();
    merged.merge(right);
    merged
}

proptest! {
    #[test]
    fn merging_parts_is_counting_everything(facts in vec(any_fact(), 0..30), cuts: [prop::sample::Index; 2]) {
        let mut cuts = cuts.map(|cut| cut.index(facts.len() + 1));
        cuts.sort_unstable();
        let parts = [&facts[..cuts[0]], &facts[cuts[0]..cuts[1]], &facts[cuts[1]..]].map(tally);
        let all = tally(&facts);
        prop_assert_eq!(&merged(&merged(&parts[0], &parts[1]), &parts[2]), &all);
        prop_assert_eq!(&merged(&parts[2], &merged(&parts[1], &parts[0])), &all, "in any order");
        prop_assert_eq!(&merged(&all, &Tally::default()), &all, "nothing adds nothing");
        prop_assert_eq!(&tally(facts.iter().rev()), &all);
    }

    #[test]
    fn people_of_every_line_are_the_people_present(facts in vec(any_fact(), 0..20)) {
        let tally = tally(&facts);
        prop_assert_eq!(tally.ages.iter().sum::<u64>(), tally.acts);
        prop_assert_eq!(tally.statuses.iter().sum::<u64>(), tally.acts);
        for counts in [&tally.channels[..], &tally.durations[..]] {
            prop_assert_eq!(counts.iter().sum::<u64>(), tally.cras);
        }
        prop_assert_eq!(tally.delays.all().map(|(_, cras)| cras).sum::<u64>(), tally.cras);
        prop_assert_eq!(tally.activities.iter().map(|activity| activity.cras).sum::<u64>(), tally.cras);
    }
}
