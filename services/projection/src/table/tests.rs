//! The table counts what a plain pass over the facts counts, at every position.

use std::sync::atomic::AtomicBool;

use cra_contracts::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::views::dictionary::Dictionary;
use crate::views::tally::tests::any_fact;

/// Facts in the order of their positions, some of which ended later.
fn any_history() -> impl Strategy<Value = Vec<(FactKey, Fact)>> {
    vec((any_fact(), 0..40_i32, 1..5_u64, proptest::option::weighted(0.2, 1..60_u64)), 0..60).prop_map(
        |drawn| {
            let mut from = 0;
            let fact = |(mut fact, day, step, lasts): (Fact, i32, u64, Option<u64>)| {
                from += step;
                fact.until = lasts.map_or(IN_FORCE, |lasts| from + lasts);
                (FactKey { day, from }, fact)
            };
            drawn.into_iter().map(fact).collect()
        },
    )
}

fn counted(view: &View, position: u64, filter: &Filter) -> Vec<u64> {
    let (new, add) = (Vec::new, |found: &mut Vec<u64>, from, _: Seen<'_>| found.push(from));
    let merge = |own: &mut Vec<u64>, other: Vec<u64>| own.extend(other);
    let mut found = view.count(Position(position), filter, &AtomicBool::new(false), new, add, merge).unwrap();
    found.sort_unstable();
    found
}

fn day(number: i32) -> String {
    crate::views::fact::date_of(number).unwrap().to_string()
}

proptest! {
    #[test]
    fn a_table_counts_what_a_plain_pass_counts_at_every_position(
        history in any_history(),
        sizes in vec(1..9_usize, 1..4),
        days in [0..40_i32, 0..40],
        position in 0..260_u64,
    ) {
        let selection = v1::Selection {
            from: day(days[0].min(days[1])),
            to: day(days[0].max(days[1])),
            channels: vec![v1::Channel::Venue.into(), v1::Channel::Remote.into()],
            ..Default::default()
        };
        let filter = Filter::parse(&selection, &Dictionary::default()).unwrap();
        let table = Table::default();
        let mut rest = &history[..];
        for size in sizes.iter().cycle() {
            let (batch, later) = rest.split_at((*size).min(rest.len()));
            // Looked at while it grows: what was seen stays as it was.
            let before = table.view();
            let seen_before = counted(&before, position, &filter);
            table.apply(batch.iter().map(|(key, fact)| Brought::of(*key, fact)).collect());
            prop_assert_eq!(counted(&before, position, &filter), seen_before);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let expected: Vec<u64> = history
            .iter()
            .filter(|(key, fact)| fact.counts_at(key.from, position) && filter.matches_fact(*key, fact))
            .map(|(key, _)| key.from)
            .collect();
        prop_assert_eq!(counted(&table.view(), position, &filter), expected);
    }
}

#[test]
fn many_blocks_are_counted_on_all_cores_as_on_one() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let fact = any_fact().new_tree(&mut runner).unwrap().current();
    let facts = 200_000_u64;
    let table = Table::default();
    let brought = |from: u64| {
        let until = if from.is_multiple_of(100) { from + 1 } else { IN_FORCE };
        let fact = Fact { until, ..fact.clone() };
        Brought::of(FactKey { day: i32::try_from(from % 400).unwrap(), from }, &fact)
    };
    table.apply((1..=facts).map(brought).collect());
    let filter = Filter::parse(&v1::Selection::default(), &Dictionary::default()).unwrap();
    let found = counted(&table.view(), facts, &filter);
    // The last one ends after that position.
    assert_eq!(found.len() as u64, facts - facts / 100 + 1);
    assert!(found.is_sorted_by(|a, b| a < b), "none twice");
    assert_eq!(counted(&table.view(), 5_000, &filter).len(), 4_951);
}
