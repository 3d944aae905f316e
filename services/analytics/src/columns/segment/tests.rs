//! A segment counts what the blocks count that it was made of: for any selection, at any position, fact by fact and together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cra_contracts::v1;
use cra_domain::territory::{self, Commune};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::super::chunks::Chunks;
use super::super::tests::{Happened, any_history, at, counted, delta, everything, tallied};
use super::super::{Candidates, Columns, FactDelta, ScanRequest, Snapshot};
use crate::cells::Axes;
use crate::code_set::CodeSet;
use crate::commune_set::CommuneSet;
use crate::dimension::{Dimension, Row};
use crate::fact::{Fact, FactKey};
use crate::filter::Filter;
use crate::totals::Totals;

/// Facts in several departments and months, of several advisors and structures.
fn any_spread_history() -> impl Strategy<Value = Vec<Happened>> {
    let communes = territory::communes().all().len();
    (any_history(), vec((any::<Index>(), 0..4_u32, 0..4_u32, 0..3_u32), 80)).prop_map(
        move |(history, spread)| {
            let moved =
                |(happened, (commune, structure, venue, postal)): (Happened, (Index, u32, u32, u32))| {
                    let began = happened.began.map(|fact| Fact {
                        day: fact.day * 5,
                        commune: u16::try_from(commune.index(communes)).unwrap(),
                        structure,
                        venue: venue.checked_sub(1),
                        postal_code: 1_000 * postal,
                        ..fact
                    });
                    Happened { began, ..happened }
                };
            history.into_iter().zip(spread).map(moved).collect()
        },
    )
}

fn some(bits: u32) -> impl Strategy<Value = Option<u32>> {
    proptest::option::weighted(0.2, (0..1_u32 << bits).prop_map(|set| set | 1))
}

fn codes(most: u32) -> impl Strategy<Value = Option<CodeSet>> {
    let all: Vec<u32> = (0..most).collect();
    let given = subsequence(all, 0..=most as usize).prop_map(|given| {
        let mut codes = CodeSet::default();
        codes.extend(given);
        codes
    });
    proptest::option::weighted(0.2, given)
}

/// Any selection that the codes of a history may meet.
fn any_filter() -> impl Strategy<Value = Filter> {
    let lists = (some(5), some(3), some(6), some(20), some(8), some(6), some(6));
    let of_codes = (codes(9), codes(4), codes(3), proptest::option::weighted(0.2, 0..3_u32));
    // Every so many communes; all communes of every third department.
    let communes = proptest::option::weighted(0.2, 1..4_usize);
    let department = proptest::option::weighted(0.2, 0..3_u8);
    (lists, of_codes, (communes, department), [0..200_i32, 0..200]).prop_map(
        |((channels, activities, durations, themes, sub_themes, ages, statuses), codes, territory, days)| {
            let (communes, department) = territory;
            let mut filter = everything();
            (filter.channels, filter.activities, filter.durations) = (channels, activities, durations);
            (filter.themes, filter.sub_themes) = (themes, sub_themes);
            (filter.ages, filter.statuses) = (ages, statuses);
            (filter.advisors, filter.structures, filter.venues) = (codes.0, codes.1, codes.2);
            filter.postal_codes = codes.3.map(|code| {
                let mut codes = CodeSet::default();
                codes.extend([1_000 * code]);
                codes
            });
            let all = || territory::communes().all().iter();
            let number = |commune: &Commune| usize::from(commune.id().index());
            filter.communes = communes.map(|every| {
                CommuneSet::of(all().filter(|it| number(it).is_multiple_of(every)).map(Commune::id))
            });
            if let Some(department) = department {
                let selected = all().filter(|it| it.department_id().index() % 3 == department);
                filter.communes = Some(CommuneSet::of(selected.map(Commune::id)));
            }
            filter.bound(days[0].min(days[1])..=days[0].max(days[1]))
        },
    )
}

fn gathered(snapshot: &Snapshot, position: u64, filter: &Filter, days_per_slot: i32) -> Vec<Totals> {
    let cancelled = AtomicBool::new(false);
    let candidates = Candidates::Everything;
    let request = ScanRequest { position, filter, candidates, cancelled: &cancelled };
    // One slot for each span of days, but for the second one.
    let slot_of = |day: i32| usize::try_from(day / days_per_slot).ok().filter(|slot| *slot != 1);
    let slots = snapshot.gather(&snapshot.plan(request), 200, slot_of).unwrap();
    slots.into_iter().map(crate::accumulator::Accumulator::totals).collect()
}

/// What is known of each row, in the order of the rows.
fn broken_down(
    snapshot: &Snapshot,
    position: u64,
    filter: &Filter,
    dimension: Dimension,
) -> Vec<(Row, Totals, i32, i64)> {
    let cancelled = AtomicBool::new(false);
    let candidates = Candidates::Everything;
    let request = ScanRequest { position, filter, candidates, cancelled: &cancelled };
    let rows = snapshot.rows(request, dimension).unwrap().into_totals().into_iter();
    rows.map(|(row, it)| (row, it.totals.totals(), it.last_day, it.last_recorded_at)).collect()
}

/// Rows, columns and measure of a cross table, if they can be crossed.
fn any_axes() -> impl Strategy<Value = Axes> {
    (1..=17, 1..=17, 1..=4).prop_filter_map(
        "dimensions and a measure that are crossed",
        |(rows, columns, measure)| {
            Axes::parse(&v1::GetCrossTableRequest { rows, columns, measure, ..Default::default() }).ok()
        },
    )
}

fn crossed(snapshot: &Snapshot, position: u64, filter: &Filter, axes: Axes) -> BTreeMap<(Row, Row), u64> {
    let cancelled = AtomicBool::new(false);
    let request = ScanRequest { position, filter, candidates: Candidates::Everything, cancelled: &cancelled };
    snapshot.cells(request, axes).unwrap().sums().into_iter().collect()
}

fn keys(snapshot: &Snapshot, position: u64, filter: &Filter, candidates: Candidates<'_>) -> Vec<FactKey> {
    let cancelled = AtomicBool::new(false);
    let request = ScanRequest { position, filter, candidates, cancelled: &cancelled };
    let mut keys = snapshot.keys(request, Vec::new, Vec::push, Vec::extend).unwrap();
    keys.sort_unstable();
    keys
}

proptest! {
    #[test]
    fn a_segment_counts_what_its_blocks_count(
        history in any_spread_history(),
        filter in any_filter(),
        position in 0..100_u64,
        all_axes in vec(any_axes(), 6),
        days_per_slot in prop_oneof![Just(1), Just(7), Just(31), Just(1_000)],
    ) {
        let done = history.len() as u64;
        let deltas: Vec<_> = (1..).zip(&history).map(|(position, happened)| delta(position, happened)).collect();
        let columns = Columns::default();
        columns.apply(&deltas, at(done), &());
        let open = columns.snapshot();
        let sealed = Snapshot { chunks: Arc::new(open.chunks.sealed()), ..open.clone() };
        for from in 1..=done {
            prop_assert_eq!(sealed.ended(from), open.ended(from));
            match (sealed.fact(from), open.fact(from)) {
                (Some(sealed), Some(open)) => prop_assert!(sealed.is_same(&open)),
                (sealed, open) => prop_assert!(sealed.is_none() && open.is_none()),
            }
        }
        for position in [position.min(done), done] {
            let expected = counted(&open, position, &filter, Candidates::Everything);
            let sets = filter.scope_set().into_sets();
            for candidates in [Candidates::Everything, Candidates::Within(&sets)] {
                prop_assert_eq!(&counted(&sealed, position, &filter, candidates), &expected);
                let of_open = keys(&open, position, &filter, Candidates::Everything);
                prop_assert_eq!(&keys(&sealed, position, &filter, candidates), &of_open);
            }
            for axes in all_axes.iter().copied() {
                prop_assert_eq!(crossed(&sealed, position, &filter, axes), crossed(&open, position, &filter, axes));
            }
            let together = gathered(&sealed, position, &filter, days_per_slot);
            prop_assert_eq!(&together, &gathered(&open, position, &filter, days_per_slot));
            for dimension in 1..=17 {
                let dimension = Dimension::parse("dimension", dimension).unwrap();
                prop_assert_eq!(broken_down(&sealed, position, &filter, dimension), broken_down(&open, position, &filter, dimension));
            }
            if days_per_slot > 200 {
                prop_assert_eq!(&together[0], &tallied(&open, &expected));
            }
        }
    }

    #[test]
    fn a_segment_takes_ends_and_late_facts_as_blocks_do(
        history in any_spread_history(),
        late in any::<Index>(),
    ) {
        let deltas: Vec<_> = (1..).zip(&history).map(|(position, happened)| delta(position, happened)).collect();
        let late = late.index(history.len().max(1)) + 1;
        let never_ended = deltas.iter().all(|delta| delta.ended != Some(late as u64));
        prop_assume!(never_ended && late < history.len());
        let is_late = |delta: &&FactDelta| delta.position == late as u64;
        let (mut early, later) = deltas.split_at(late + 1);
        let mut open = Chunks::default();
        for delta in early {
            let began = if is_late(&delta) { None } else { delta.began.clone() };
            open.apply(&FactDelta { began, ..delta.clone() });
        }
        let mut sealed = open.sealed();
        early = &early[late - 1..late];
        for delta in early.iter().filter(|delta| delta.began.is_some()) {
            let late = [FactDelta { ended: None, ..delta.clone() }];
            open.apply(&late[0]);
            sealed.set_late(&late);
        }
        for delta in later {
            if let Some((ended, position)) = delta.end().filter(|(from, _)| *from <= late as u64 + 1) {
                open.end(ended, position);
                sealed.end(ended, position);
            }
        }
        for from in 1..=late as u64 + 1 {
            prop_assert_eq!(sealed.ended(from), open.ended(from));
            prop_assert_eq!(sealed.fact(from).is_some(), open.fact(from).is_some());
            if let (Some(sealed), Some(open)) = (sealed.fact(from), open.fact(from)) {
                prop_assert!(sealed.is_same(&open));
            }
        }
    }
}
