//! The table counts what a plain pass over the facts counts, at every position.

use std::sync::atomic::AtomicBool;

use cra_contracts::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::store::{Appending, Batch};
use crate::views::accumulator::Accumulator;
use crate::views::dictionary::Dictionary;
use crate::views::filter::Filter;
use crate::views::packed_fact::FactRef;
use crate::views::totals::Totals;
use crate::views::totals::tests::any_fact;

/// What the events of a log did: a fact or none, and the end of one before.
#[derive(Clone, Debug)]
struct Happened {
    began: Option<Fact>,
    ended: Option<u64>,
}

fn any_history() -> impl Strategy<Value = Vec<Happened>> {
    let fact = (any_fact(), 0..40_i32, 0..9_u32).prop_map(|(fact, day, large)| {
        let participants = if large == 0 { fact.participants + 70_000 } else { fact.participants };
        Fact { day, participants, advisor: large, ..fact }
    });
    vec((proptest::option::weighted(0.8, fact), any::<prop::sample::Index>(), 0..4_u8), 0..80).prop_map(
        |drawn| {
            let mut in_force = Vec::new();
            let happen = |(from, (began, which, ends)): (u64, (Option<Fact>, prop::sample::Index, u8))| {
                let ended = (ends == 0 && !in_force.is_empty())
                    .then(|| in_force.swap_remove(which.index(in_force.len())));
                let began = began.map(|fact| Fact { cra_id: Uuid::from_u128(from.into()), ..fact });
                in_force.extend(began.is_some().then_some(from));
                Happened { began, ended }
            };
            (1..).zip(drawn).map(happen).collect()
        },
    )
}

fn delta(position: u64, happened: &Happened) -> FactDelta {
    let began = happened.began.as_ref().map(NewFact::of);
    FactDelta { position: Position(position), began, ended: happened.ended }
}

fn applied(position: u64) -> Option<Applied> {
    (position > 0).then_some(Applied {
        position: Position(position),
        event_id: None,
        recorded_at: 0,
        last_recorded_at: 0,
        applied_at: 0,
        parked: 0,
        retried: 0,
    })
}

/// Positions of the facts that a plain pass counts.
fn expected(history: &[Happened], position: u64, filter: &Filter) -> Vec<u64> {
    let known = &history[..usize::try_from(position).unwrap().min(history.len())];
    let has_ended = |from: u64| known.iter().any(|happened| happened.ended == Some(from));
    let counts = |from: u64, fact: &Fact| !has_ended(from) && filter.matches_fact(fact);
    (1..)
        .zip(known)
        .filter(|(from, happened)| happened.began.as_ref().is_some_and(|fact| counts(*from, fact)))
        .map(|(from, _)| from)
        .collect()
}

fn counted(view: &View, position: u64, filter: &Filter, candidates: Candidates<'_>) -> Vec<u64> {
    let (new, add) = (Vec::new, |found: &mut Vec<u64>, from, _: FactRef<'_>| found.push(from));
    let merge = |own: &mut Vec<u64>, other: Vec<u64>| own.extend(other);
    let left = AtomicBool::new(false);
    let question = ScanRequest { position: Position(position), filter, candidates, left: &left };
    let mut found = view.count(question, new, add, merge).unwrap();
    found.sort_unstable();
    found
}

fn everything() -> Filter {
    Filter::parse(&v1::Selection::default(), &Dictionary::default()).unwrap()
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
        position in 0..100_u64,
    ) {
        let selection = v1::Selection {
            from: day(days[0].min(days[1])),
            to: day(days[0].max(days[1])),
            channels: vec![v1::Channel::Venue.into(), v1::Channel::Remote.into()],
            ..Default::default()
        };
        let filter = Filter::parse(&selection, &Dictionary::default()).unwrap();
        let table = Table::default();
        let (mut done, mut rest) = (0, &history[..]);
        for size in sizes.iter().cycle() {
            let (batch, later) = rest.split_at((*size).min(rest.len()));
            // Looked at while it grows: what was seen stays as it was.
            let before = table.view();
            let seen_before = counted(&before, position.min(done), &filter, Candidates::Everything);
            let steps: Vec<_> = (done + 1..).zip(batch).map(|(at, happened)| delta(at, happened)).collect();
            done += batch.len() as u64;
            table.apply(&steps, applied(done));
            prop_assert_eq!(counted(&before, position.min(done - batch.len() as u64), &filter, Candidates::Everything), seen_before);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let view = table.view();
        for position in [position.min(done), done] {
            let expected = expected(&history, position, &filter);
            prop_assert_eq!(&counted(&view, position, &filter, Candidates::Everything), &expected);
            let all: Vec<u32> = (1..=u32::try_from(done).unwrap()).rev().collect();
            prop_assert_eq!(&counted(&view, position, &filter, Candidates::Positions(&all)), &expected);
        }
        prop_assert_eq!(sums(&view, Scope::Country), tallied(&view, &expected(&history, done, &everything())));
        let mut listed = table.listed(&[Scope::Advisor(3)], Position(position), usize::MAX).unwrap();
        listed.sort_unstable();
        let of_advisor = |(from, happened): (u32, &Happened)| {
            let is_hers = happened.began.as_ref().is_some_and(|fact| fact.advisor == 3);
            (is_hers && u64::from(from) <= position).then_some(from)
        };
        prop_assert_eq!(listed, (1..).zip(&history).filter_map(of_advisor).collect::<Vec<_>>());
    }
}

/// What the sums per day of a scope come to.
fn sums(view: &View, scope: Scope) -> Totals {
    let mut gathered = Accumulator::default();
    view.gather_days(scope, &(i32::MIN..=i32::MAX), |_| Some(0), std::slice::from_mut(&mut gathered));
    gathered.totals()
}

/// What the facts from some positions come to.
fn tallied(view: &View, from: &[u64]) -> Totals {
    let mut gathered = Accumulator::default();
    for from in from {
        gathered.add(&view.fact(*from).unwrap());
    }
    gathered.totals()
}

fn one_fact() -> Fact {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    any_fact().new_tree(&mut runner).unwrap().current()
}

#[test]
fn many_blocks_are_counted_on_all_cores_as_on_one() {
    let (fact, facts) = (one_fact(), 200_000_u64);
    let table = Table::default();
    let happened = |from: u64| {
        let day = i32::try_from(from % 400).unwrap();
        let fact = Fact { day, cra_id: Uuid::from_u128(from.into()), ..fact.clone() };
        let ended = (from.is_multiple_of(100) && from > 100).then(|| from - 100);
        delta(from, &Happened { began: Some(fact), ended })
    };
    table.apply(&(1..=facts).map(happened).collect::<Vec<_>>(), applied(facts));
    let view = table.view();
    let found = counted(&view, facts, &everything(), Candidates::Everything);
    assert_eq!(found.len() as u64, facts - facts / 100 + 1, "the last one has not ended");
    assert!(found.is_sorted_by(|a, b| a < b), "none twice");
    assert_eq!(counted(&view, 5_000, &everything(), Candidates::Everything).len(), 4_951);
    let all: Vec<u32> = (1..=200_000).collect();
    assert_eq!(counted(&view, facts, &everything(), Candidates::Positions(&all)), found);
}

#[test]
fn a_scope_that_becomes_large_is_summed_up_and_stays_true() {
    let fact = one_fact();
    let table = Table::default();
    table.get_ready();
    let advisor = Scope::Advisor(fact.advisor);
    let mut position = 0;
    let mut next = |ended: Option<u64>| {
        position += 1;
        let fact = Fact {
            day: i32::try_from(position % 30).unwrap(),
            cra_id: Uuid::from_u128(position.into()),
            ..fact.clone()
        };
        delta(position, &Happened { began: Some(fact), ended })
    };
    let many = ROLLED_UP_FROM as u64;
    let steps: Vec<_> =
        (1..many).map(|at| next((at > 10 && at.is_multiple_of(7)).then(|| at - 10))).collect();
    table.apply(&steps, applied(many - 1));
    let is_summed_up = |view: &View| view.gather_days(advisor, &(0..=0), |_| None, &mut []);
    assert!(!is_summed_up(&table.view()));
    for last in [many, many + 1, many + 2] {
        table.apply(&[next(Some(last - 2))], applied(last));
        let view = table.view();
        assert!(is_summed_up(&view));
        assert_eq!(
            sums(&view, advisor),
            tallied(&view, &counted(&view, last, &everything(), Candidates::Everything))
        );
    }
}

#[test]
fn an_event_that_did_nothing_at_first_takes_its_place_later() {
    let fact = one_fact();
    let of = |n: u128| Some(Fact { cra_id: Uuid::from_u128(n), ..fact.clone() });
    let table = Table::default();
    let nothing = Happened { began: None, ended: None };
    let steps = [Happened { began: of(1), ended: None }, nothing, Happened { began: of(3), ended: Some(1) }];
    let steps: Vec<_> = (1..).zip(&steps).map(|(at, happened)| delta(at, happened)).collect();
    table.apply(&steps, applied(3));
    assert_eq!(counted(&table.view(), 3, &everything(), Candidates::Everything), [3]);
    table.apply(&[delta(2, &Happened { began: of(2), ended: None })], applied(3));
    let view = table.view();
    assert_eq!(counted(&view, 3, &everything(), Candidates::Everything), [2, 3]);
    assert_eq!(counted(&view, 2, &everything(), Candidates::Everything), [1, 2]);
    assert_eq!(table.candidates(Uuid::from_u128(2)), [2]);
    assert_eq!((table.candidates(Uuid::from_u128(1)), table.ended(1)), (vec![1], Some(3)));
    assert_eq!(sums(&view, Scope::Country), tallied(&view, &[2, 3]));
}

/// A store that holds what the events of a log did.
fn stored(history: &[Happened]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut appending = Appending::after(Position::START, &store.session().unwrap()).unwrap();
    let mut batch = Batch::default();
    for Happened { began, ended } in history {
        let step = Step { recorded_at: 0, ended: *ended, began: began.clone() };
        appending.push(&step, &mut batch).unwrap();
    }
    appending.finish(&mut batch);
    batch.put_applied(&applied(history.len() as u64).unwrap()).unwrap();
    store.write(batch).unwrap();
    (folder, store)
}

/// The position of the latest fact of a CRA, found by the store up to where that reaches.
fn latest(table: &Table, store: &Store, cra_id: Uuid) -> Vec<u64> {
    let session = store.session().unwrap();
    let is_its = |from: &u64| {
        session.step(Position(*from)).unwrap().is_none_or(|it| it.began.unwrap().cra_id == cra_id)
    };
    table.candidates(cra_id).into_iter().filter(is_its).collect()
}

/// Some blocks of facts of a few days and places, one advisor and structure of many facts, every third fact replaced by
/// a later one.
fn long_history(length: u64) -> Vec<Happened> {
    let fact = one_fact();
    let communes = u16::try_from(cra_domain::territory::communes().all().len()).unwrap();
    let mut history: Vec<Happened> = Vec::new();
    for from in 1..=length {
        let former = from.checked_sub(9_001).filter(|_| from.is_multiple_of(3));
        let former = former.and_then(|index| history[usize::try_from(index).unwrap()].began.as_ref());
        let short = u16::try_from(from % 977).unwrap();
        let fact = Fact {
            day: i32::from(short % 30),
            commune: short.wrapping_mul(641) % communes,
            advisor: u32::from(short % 7 == 0),
            cra_id: former.map_or(Uuid::from_u128(from.into()), |former| former.cra_id),
            ..fact.clone()
        };
        let ended = former.map(|_| from - 9_000);
        history.push(Happened { began: (!from.is_multiple_of(101)).then_some(fact), ended });
    }
    history
}

#[test]
fn a_table_made_of_a_store_is_the_one_that_grew_with_it() {
    let history = long_history(30_000);
    let steps: Vec<_> = (1..).zip(&history).map(|(at, happened)| delta(at, happened)).collect();
    let (kept, later) = history.split_at(29_000);
    let (_folder, store) = stored(kept);
    let (grown, made) = (Table::default(), Table::load(&store).unwrap());
    grown.get_ready();
    grown.apply(&steps[..kept.len()], applied(kept.len() as u64));
    let everywhere = everything();
    for more in [0, later.len()] {
        let position = (kept.len() + more) as u64;
        if more > 0 {
            for table in [&grown, &made] {
                table.apply(&steps[kept.len()..], applied(position));
            }
        }
        let (grown_view, made_view) = (grown.view(), made.view());
        let found = |view: &View| counted(view, position, &everywhere, Candidates::Everything);
        assert_eq!(found(&made_view), found(&grown_view));
        assert_eq!(made_view.position(), grown_view.position());
        let communes = cra_domain::territory::communes();
        let communes = communes.all().iter().map(|it| Scope::Department(it.department_id()));
        let long = [Scope::Country, Scope::Advisor(0), Scope::Structure(one_fact().structure)];
        for scope in communes.chain(long) {
            assert_eq!(sums(&made_view, scope), sums(&grown_view, scope), "{scope:?}");
        }
        for scope in [Scope::Advisor(0), Scope::Advisor(1), Scope::Structure(one_fact().structure)] {
            let listed = |table: &Table| table.listed(&[scope], Position(position), usize::MAX);
            assert_eq!(listed(&made), listed(&grown), "{scope:?}");
        }
        for happened in history.iter().step_by(11) {
            if let Some(fact) = &happened.began {
                assert_eq!(latest(&made, &store, fact.cra_id), latest(&grown, &store, fact.cra_id));
            }
        }
    }
}

#[test]
fn a_store_that_lacks_what_an_event_did_makes_no_table() {
    let (_folder, store) = stored(&long_history(5_000));
    let mut batch = Batch::default();
    batch.put_applied(&applied(5_001).unwrap()).unwrap();
    store.write(batch).unwrap();
    assert!(matches!(Table::load(&store), Err(StoreError::Damaged(_))));
}

#[test]
fn a_cra_is_told_from_another_one_of_the_same_hash() {
    let fact = |n: u128| Some(Fact { cra_id: Uuid::from_u128(n), ..one_fact() });
    let history = [fact(1), fact(2)].map(|began| Happened { began, ended: None });
    let (_folder, store) = stored(&history);
    let (table, session) = (Table::load(&store).unwrap(), store.session().unwrap());
    let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
    {
        let cra_index = &mut table.0.write().cra_index;
        let of_the_same_hash = [cra_index.latest(first, 2), cra_index.latest(third, 1)];
        for latest in of_the_same_hash {
            cra_index.insert(latest);
        }
    }
    assert_eq!(table.candidates(first).len(), 2);
    let latest = |cra_id| table.latest(cra_id, &session).unwrap().map(|(from, fact)| (from, fact.cra_id));
    assert_eq!(latest(first), Some((1, first)));
    assert_eq!(latest(second), Some((2, second)));
    assert_eq!(latest(third), None);
}
