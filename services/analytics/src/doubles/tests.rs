use hashbrown::DefaultHashBuilder;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::*;
use crate::dictionary::Kind;
use crate::fact::{Fact, RecipientCode};
use crate::packed_fact::PackedFact;
use crate::totals::tests::any_fact;

const MINUTE: i64 = 60_000_000_000;

/// CRAs at given minutes, each by a client, at positions from 1.
fn recorded(activity: Activity, minutes: &[(i64, Code)]) -> Vec<(u64, u64)> {
    let equal = |(position, (minute, client)): (u64, &(i64, Code))| Equal {
        recorded_at: minute * MINUTE,
        position,
        client: *client,
    };
    let found = pairs((1..).zip(minutes).map(equal).collect(), activity);
    found.into_iter().map(|pair| (pair.earlier, pair.later)).collect()
}

#[test]
fn one_session_sent_again_within_ten_minutes_or_by_another_client_is_a_pair() {
    for activity in [Activity::Workshop, Activity::Individual, Activity::OneOff] {
        assert_eq!(recorded(activity, &[(0, 1), (0, 1)]), [(1, 2)]);
        assert_eq!(recorded(activity, &[(0, 1), (10, 1)]), [(1, 2)], "ten minutes are within");
        assert!(recorded(activity, &[(0, 1), (11, 1)]).is_empty());
        assert_eq!(recorded(activity, &[(0, 1), (60 * 24 * 40, 2)]), [(1, 2)]);
    }
}

#[test]
fn eight_one_off_requests_of_a_morning_are_not_pairs_however_they_are_entered() {
    let over_the_morning: Vec<_> = (0..8).map(|number| (number * 30, 1)).collect();
    let one_after_the_other: Vec<_> = (0..8).map(|number| (number, 1)).collect();
    for activity in [Activity::OneOff, Activity::Individual] {
        assert!(recorded(activity, &over_the_morning).is_empty());
        assert!(recorded(activity, &one_after_the_other).is_empty());
        assert!(
            recorded(activity, &[(0, 1), (9, 1), (18, 1)]).is_empty(),
            "each within ten minutes of the last"
        );
    }
    // One group of people does not come three times.
    assert_eq!(recorded(Activity::Workshop, &[(0, 1), (1, 1), (2, 1)]), [(1, 2), (2, 3)]);
}

#[test]
fn a_pair_apart_from_a_series_is_a_pair() {
    let morning_and_evening = [(0, 1), (1, 1), (2, 1), (600, 1), (601, 1)];
    assert_eq!(recorded(Activity::OneOff, &morning_and_evening), [(4, 5)]);
}

#[test]
fn each_cra_is_doubled_at_most_once() {
    // One platform recorded one of the eight, the other one all of them.
    let mut one_and_eight = vec![(0, 1)];
    one_and_eight.extend((1..9).map(|minute| (minute, 2)));
    assert_eq!(recorded(Activity::OneOff, &one_and_eight), [(1, 2)]);
    // Both recorded all: four pairs, each of one client's last with the other's first.
    let both = [(0, 1), (1, 1), (2, 1), (3, 1), (60, 2), (61, 2), (62, 2), (63, 2)];
    assert_eq!(recorded(Activity::OneOff, &both), [(4, 5), (3, 6), (2, 7), (1, 8)]);
    assert_eq!(recorded(Activity::Workshop, &[(0, 1), (100, 2), (200, 3)]), [(1, 2), (2, 3)]);
}

#[test]
fn pairs_are_ordered_by_record_whatever_the_order_of_the_log() {
    let equals = vec![
        Equal { recorded_at: 5 * MINUTE, position: 1, client: 1 },
        Equal { recorded_at: 0, position: 2, client: 1 },
    ];
    assert_eq!(pairs(equals, Activity::OneOff), [Pair { earlier: 2, later: 1 }]);
    assert!(pairs(vec![], Activity::OneOff).is_empty());
    let extremes = [i64::MIN, i64::MAX].map(|recorded_at| Equal { recorded_at, position: 1, client: 1 });
    assert!(pairs(extremes.to_vec(), Activity::OneOff).is_empty());
}

fn content(fact: &Fact, dictionary: &Dictionary) -> Content {
    let (fixed, overflow) = PackedFact::of(fact);
    Content::of(&FactRef::of(&fixed, &overflow), dictionary)
}

#[test]
fn organisations_are_equal_in_any_spelling_and_order() {
    let mut dictionary = Dictionary::default();
    let mut other = |name: &str| RecipientCode::Other(dictionary.code_of(Kind::Organisation, name));
    let spelt = [
        vec![(other("Asso Locale"), 1), (other("CAF"), 2)],
        vec![(other("caf"), 2), (other("asso  locale"), 1)],
        vec![(other("asso locale"), 2), (other("caf"), 1)],
    ];
    let any = any_fact().new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let fact =
        |redirections: &[(RecipientCode, u32)]| Fact { redirections: redirections.to_vec(), ..any.clone() };
    let [one, same, different] = spelt.each_ref().map(|it| content(&fact(it), &dictionary));
    assert_eq!(one, same);
    assert_ne!(one, different);
}

proptest::proptest! {
    #[test]
    fn equal_contents_have_one_digest_and_record_fields_are_not_content(
        fact in any_fact(),
        other in any_fact(),
        recorded_at: i64,
        client: u32,
    ) {
        let dictionary = Dictionary::default();
        let hasher = DefaultHashBuilder::default();
        let digest = |fact: &Fact| {
            let (fixed, overflow) = PackedFact::of(fact);
            digest(&FactRef::of(&fixed, &overflow), &hasher)
        };
        let again = Fact {
            recorded_at,
            client,
            annotation: "une autre".into(),
            defaulted_participants: !fact.defaulted_participants,
            cra_id: uuid::Uuid::from_u128(7),
            ..fact.clone()
        };
        proptest::prop_assert_eq!(content(&fact, &dictionary), content(&again, &dictionary));
        proptest::prop_assert_eq!(digest(&fact), digest(&again));
        if content(&fact, &dictionary) == content(&other, &dictionary) {
            proptest::prop_assert_eq!(digest(&fact), digest(&other));
        }
        let longer = Fact { participants: fact.participants + 1, ..fact.clone() };
        proptest::prop_assert_ne!(content(&fact, &dictionary), content(&longer, &dictionary));
    }
}
