//! The columns count what a plain pass over the facts counts, at every position.

use std::sync::atomic::AtomicBool;

use cra_contracts::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::accumulator::Accumulator;
use crate::dictionary::Dictionary;
use crate::fact::Fact;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::totals::Totals;
use crate::totals::tests::any_fact;

/// Effects of the events of a log: a fact or none, and the end of a previous one.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) began: Option<Fact>,
    pub(super) ended: Option<u64>,
}

pub(super) fn any_history() -> impl Strategy<Value = Vec<Happened>> {
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

pub(super) fn delta(position: u64, happened: &Happened) -> FactDelta {
    let began = happened.began.as_ref().map(NewFact::of);
    FactDelta { position, began, ended: happened.ended }
}

pub(super) fn at(position: u64) -> Option<Watermark> {
    (position > 0).then_some(Watermark { position, recorded_at: 0, retried: 0 })
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

pub(super) fn counted(
    view: &Snapshot,
    position: u64,
    filter: &Filter,
    candidates: Candidates<'_>,
) -> Vec<u64> {
    let (new, add) = (Vec::new, |found: &mut Vec<u64>, from, _: FactRef<'_>| found.push(from));
    let merge = |own: &mut Vec<u64>, other: Vec<u64>| own.extend(other);
    let cancelled = AtomicBool::new(false);
    let request = ScanRequest { position, filter, candidates, cancelled: &cancelled };
    let mut found = view.count(request, new, add, merge).unwrap();
    found.sort_unstable();
    found
}

pub(super) fn everything() -> Filter {
    Filter::parse(&v1::Selection::default(), &Dictionary::default()).unwrap()
}

fn day(number: i32) -> String {
    crate::fact::date_of(number).unwrap().to_string()
}

proptest! {
    #[test]
    fn columns_count_what_a_plain_pass_counts_at_every_position(
        history in any_history(),
        sizes in vec(1..9_usize, 1..4),
        days in [0..40_i32, 0..40],
        position in 0..100_u64,
        days_per_slot in 1..41_i32,
        sums_from in 0..20_usize,
        sums_take in 0..20_usize,
    ) {
        let selection = v1::Selection {
            from: day(days[0].min(days[1])),
            to: day(days[0].max(days[1])),
            channels: vec![v1::Channel::Venue.into(), v1::Channel::Remote.into()],
            ..Default::default()
        };
        let filter = Filter::parse(&selection, &Dictionary::default()).unwrap();
        let table = Columns::default();
        let mut building = None;
        let (mut done, mut rest) = (0, &history[..]);
        for (number, size) in sizes.iter().cycle().enumerate() {
            if number == sums_from {
                building = Some(table.begin_sums());
            }
            if number == sums_from + sums_take {
                table.finish_sums(building.take().unwrap());
            }
            let (batch, later) = rest.split_at((*size).min(rest.len()));
            // A snapshot taken while the columns grow stays unchanged.
            let before = table.snapshot();
            let seen_before = counted(&before, position.min(done), &filter, Candidates::Everything);
            let steps: Vec<_> = (done + 1..).zip(batch).map(|(at, happened)| delta(at, happened)).collect();
            done += batch.len() as u64;
            table.apply(&steps, at(done), &());
            prop_assert_eq!(counted(&before, position.min(done - batch.len() as u64), &filter, Candidates::Everything), seen_before);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        if let Some(building) = building {
            table.finish_sums(building);
        }
        let view = table.snapshot();
        for position in [position.min(done), done] {
            let expected = expected(&history, position, &filter);
            prop_assert_eq!(&counted(&view, position, &filter, Candidates::Everything), &expected);
            let of_advisor = [vec![Scope::Advisor(3)]];
            let filter = filter.only(filter.days(), &of_advisor[0]);
            let is_hers = |from: &u64| view.fact(*from).unwrap().fixed().advisor == 3;
            let expected: Vec<_> = expected.into_iter().filter(is_hers).collect();
            prop_assert_eq!(&counted(&view, position, &filter, Candidates::Within(&of_advisor)), &expected);
        }
        let all = expected(&history, done, &everything());
        prop_assert_eq!(sums(&view, Scope::Country), tallied(&view, &all));
        let first = all.first().and_then(|from| view.fact(*from));
        let of_first = first.map(|fact| Scope::large(fact.fixed())).into_iter().flatten();
        for scope in of_first.flatten().chain([Scope::Advisor(3)]) {
            let days = filter.days();
            let slots = (0..SLOTS).map(|slot| {
                let is_in = |from: &&u64| {
                    let fact = *view.fact(**from).unwrap().fixed();
                    let slot_of = usize::try_from(fact.day / days_per_slot).unwrap();
                    days.contains(&fact.day) && slot_of == slot && Key::of(&fact).is_of(scope)
                };
                tallied(&view, &all.iter().filter(is_in).copied().collect::<Vec<_>>())
            });
            prop_assert_eq!(by_slot(&view, scope, &days, days_per_slot), slots.collect::<Vec<_>>());
        }
    }
}

/// The sums of a scope.
fn sums(view: &Snapshot, scope: Scope) -> Totals {
    by_slot(view, scope, &(i32::MIN..=i32::MAX), i32::MAX).swap_remove(0)
}

const SLOTS: usize = 41;

/// The facts of a scope by slots of some days: from the sums, and from the days that these leave.
fn by_slot(view: &Snapshot, scope: Scope, days: &RangeInclusive<i32>, days_per_slot: i32) -> Vec<Totals> {
    let slot_of = |day: i32| usize::try_from(day / days_per_slot).ok();
    let mut slots = vec![Accumulator::default(); SLOTS];
    for left in view.gather_sums(scope, days, slot_of, &mut slots) {
        let (filter, sets, cancelled) =
            (everything().only(left, &[scope]), [vec![scope]], AtomicBool::new(false));
        let candidates = Candidates::Within(&sets);
        let request =
            ScanRequest { position: view.position(), filter: &filter, candidates, cancelled: &cancelled };
        let counted = view.gather(&view.plan(request), SLOTS, slot_of).unwrap();
        slots.iter_mut().zip(counted).for_each(|(own, counted)| own.merge(counted));
    }
    slots.into_iter().map(Accumulator::totals).collect()
}

/// The sums of the facts at some positions.
pub(super) fn tallied(view: &Snapshot, from: &[u64]) -> Totals {
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
    let table = Columns::default();
    let happened = |from: u64| {
        let day = i32::try_from(from % 400).unwrap();
        let fact = Fact { day, cra_id: Uuid::from_u128(from.into()), ..fact.clone() };
        let ended = (from.is_multiple_of(100) && from > 100).then(|| from - 100);
        delta(from, &Happened { began: Some(fact), ended })
    };
    table.apply(&(1..=facts).map(happened).collect::<Vec<_>>(), at(facts), &());
    let view = table.snapshot();
    let found = counted(&view, facts, &everything(), Candidates::Everything);
    assert_eq!(found.len() as u64, facts - facts / 100 + 1, "the last one has not ended");
    assert!(found.is_sorted_by(|a, b| a < b), "none twice");
    assert_eq!(counted(&view, 5_000, &everything(), Candidates::Everything).len(), 4_951);
    let scopes = [vec![Scope::Structure(fact.structure), Scope::Structure(fact.structure + 1)]];
    assert_eq!(counted(&view, facts, &everything(), Candidates::Within(&scopes)), found);
    for position in [facts, 150_000] {
        let (filter, cancelled) = (everything(), AtomicBool::new(false));
        let candidates = Candidates::Everything;
        let request = ScanRequest { position, filter: &filter, candidates, cancelled: &cancelled };
        let slots = view.gather(&view.plan(request), 1, |_| Some(0)).unwrap();
        let found = counted(&view, position, &filter, candidates);
        assert_eq!(slots[0].clone().totals(), tallied(&view, &found));
    }
}

#[test]
fn a_scope_that_becomes_large_gets_period_sums_that_stay_correct() {
    let fact = one_fact();
    let advisor = Scope::Advisor(fact.advisor);
    let is_summed_up = |view: &Snapshot| {
        let days = i32::MIN..=i32::MAX;
        view.gather_sums(advisor, &days, |_| Some(0), &mut [Accumulator::default()]).is_empty()
    };
    let happened = |position: u64| {
        let day = i32::try_from(position % 30).unwrap();
        let fact = Fact { day, cra_id: Uuid::from_u128(position.into()), ..fact.clone() };
        let ended = (position > 10 && position.is_multiple_of(7)).then(|| position - 10);
        delta(position, &Happened { began: Some(fact), ended })
    };
    let many = u64::from(ROLLED_UP_FROM);
    for (begun, finished) in [(0, 0), (0, many), (1_000, many), (1_000, many + 2)] {
        let (table, mut building) = (Columns::default(), None);
        for last in 0..many + 20 {
            if last > 0 {
                table.apply(&[happened(last)], at(last), &());
            }
            if last == begun {
                building = Some(table.begin_sums());
            }
            if last == finished {
                table.finish_sums(building.take().unwrap());
            }
            let view = table.snapshot();
            assert_eq!(is_summed_up(&view), last >= many.max(finished), "{last} of {begun} to {finished}");
            if last >= many {
                let found = counted(&view, last, &everything(), Candidates::Everything);
                assert_eq!(sums(&view, advisor), tallied(&view, &found));
            }
        }
    }
}

#[test]
fn an_event_without_effect_may_get_one_later() {
    let fact = one_fact();
    let of = |n: u128| Some(Fact { cra_id: Uuid::from_u128(n), ..fact.clone() });
    let table = Columns::default();
    let nothing = Happened { began: None, ended: None };
    let steps = [Happened { began: of(1), ended: None }, nothing, Happened { began: of(3), ended: Some(1) }];
    let steps: Vec<_> = (1..).zip(&steps).map(|(at, happened)| delta(at, happened)).collect();
    table.apply(&steps, at(3), &());
    assert_eq!(counted(&table.snapshot(), 3, &everything(), Candidates::Everything), [3]);
    table.apply(&[delta(2, &Happened { began: of(2), ended: None })], at(3), &());
    let view = table.snapshot();
    assert_eq!(counted(&view, 3, &everything(), Candidates::Everything), [2, 3]);
    assert_eq!(counted(&view, 2, &everything(), Candidates::Everything), [1, 2]);
    assert_eq!(table.candidates(Uuid::from_u128(2)), [2]);
    assert_eq!((table.candidates(Uuid::from_u128(1)), table.ended(1)), (vec![1], Some(3)));
    assert_eq!(sums(&view, Scope::Country), tallied(&view, &[2, 3]));
}

/// Columns loaded from stored events.
pub(super) fn loaded(history: &[Happened]) -> Columns {
    let read = |positions: RangeInclusive<u64>, add: &mut dyn FnMut(&FactDelta)| {
        for position in positions {
            add(&delta(position, &history[usize::try_from(position - 1).unwrap()]));
        }
        Ok::<_, std::convert::Infallible>(())
    };
    Columns::load(at(history.len() as u64), &(), read).unwrap()
}

/// Candidate positions of a CRA's latest fact; for loaded columns, those of that CRA.
fn latest(table: &Columns, history: &[Happened], cra_id: Uuid) -> Vec<u64> {
    let is_its = |from: &u64| match history.get(usize::try_from(from - 1).unwrap()) {
        Some(happened) => happened.began.as_ref().unwrap().cra_id == cra_id,
        None => true,
    };
    table.candidates(cra_id).into_iter().filter(is_its).collect()
}

/// Some blocks of facts of a few days and places, with one advisor and structure of many facts, every third fact
/// replaced by a later one.
pub(super) fn long_history(length: u64) -> Vec<Happened> {
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

/// Fails unless columns that were loaded have the facts and sums of those that grew with the events.
pub(super) fn assert_same(made: &Columns, grown: &Columns, history: &[Happened], position: u64) {
    let everywhere = everything();
    grown.warm_up();
    made.warm_up();
    let (grown_view, made_view) = (grown.snapshot(), made.snapshot());
    let found = |view: &Snapshot| counted(view, position, &everywhere, Candidates::Everything);
    assert_eq!(found(&made_view), found(&grown_view));
    assert_eq!(made_view.position(), grown_view.position());
    let departments = cra_domain::territory::communes().departments().iter();
    let departments = departments.map(|it| Scope::Department(it.id()));
    let long = [Scope::Country, Scope::Advisor(0), Scope::Structure(one_fact().structure)];
    for scope in departments.chain(long) {
        assert_eq!(sums(&made_view, scope), sums(&grown_view, scope), "{scope:?}");
    }
    for scope in [Scope::Advisor(0), Scope::Advisor(1), Scope::Structure(one_fact().structure)] {
        let (filter, sets) = (everything().only(i32::MIN..=i32::MAX, &[scope]), [vec![scope]]);
        let found = |view: &Snapshot, candidates| counted(view, position, &filter, candidates);
        let expected = found(&grown_view, Candidates::Everything);
        assert!(!expected.is_empty());
        assert_eq!(found(&grown_view, Candidates::Within(&sets)), expected, "{scope:?}");
        assert_eq!(found(&made_view, Candidates::Within(&sets)), expected, "{scope:?}");
    }
    for happened in history.iter().step_by(11) {
        if let Some(fact) = &happened.began {
            assert_eq!(latest(made, history, fact.cra_id), latest(grown, history, fact.cra_id));
        }
    }
}

#[test]
fn loaded_columns_equal_those_that_grew_with_the_events() {
    // Two segments and some blocks; later events end facts of both.
    let history = long_history(140_000);
    let steps: Vec<_> = (1..).zip(&history).map(|(at, happened)| delta(at, happened)).collect();
    let (kept, later) = history.split_at(130_000);
    let (grown, made) = (Columns::default(), loaded(kept));
    grown.apply(&steps[..kept.len()], at(kept.len() as u64), &());
    assert_same(&made, &grown, &history, kept.len() as u64);
    for table in [&grown, &made] {
        table.apply(&steps[kept.len()..], at(history.len() as u64), &());
    }
    assert_same(&made, &grown, &history, (kept.len() + later.len()) as u64);
}

#[test]
fn a_failed_read_fails_the_load() {
    let read = |positions: RangeInclusive<u64>, _: &mut dyn FnMut(&FactDelta)| {
        if *positions.start() > 65_536 { Err("damaged") } else { Ok(()) }
    };
    assert_eq!(Columns::load(at(70_000), &(), read).err(), Some("damaged"));
}

#[test]
fn a_cra_may_share_the_hash_of_another_one() {
    let fact = |n: u128| Some(Fact { cra_id: Uuid::from_u128(n), ..one_fact() });
    let table = loaded(&[fact(1), fact(2)].map(|began| Happened { began, ended: None }));
    let [first, third] = [1, 3].map(Uuid::from_u128);
    {
        let cra_index = &mut table.facts.write().cra_index;
        let of_the_same_hash = [cra_index.latest(first, 2), cra_index.latest(third, 1)];
        for latest in of_the_same_hash {
            cra_index.insert(latest);
        }
    }
    let mut candidates = table.candidates(first);
    candidates.sort_unstable();
    assert_eq!(candidates, [1, 2], "the caller compares the id of each");
    assert_eq!(table.candidates(third), [1]);
}
