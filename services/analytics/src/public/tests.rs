//! Rounding is unbiased, determined by the set of CRAs and the secret, and leaves every count of any cell enough
//! possible values.

use cra_domain::cra::Duration;
use cra_domain::vocabulary::{Activity, Theme, Word as _};
use proptest::collection::vec;
use proptest::prelude::*;

use super::counts::{
    ACTS, CHANNELS, CRAS, FIGURES, PEOPLE, RETURNING, WORKSHOP_PARTICIPANTS, WORKSHOPS, lines_of_older_forms,
};
use super::possible::{Forms, pinned, possible};
use super::*;
use crate::accumulator::Accumulator;
use crate::fact::Fact;
use crate::packed_fact::{FactRef, PackedFact};
use crate::totals::tests::any_fact;

fn rounding(secret: &str) -> Rounding {
    Rounding::new(secret.as_bytes(), Base::default())
}

fn cell(set: u128) -> CellName<'static> {
    CellName { department: "75", month: 24_290, set }
}

/// A CRA that satisfies the rules of the form.
fn of_today(fact: Fact, people: u32) -> Fact {
    let participants = if fact.activity == Activity::Workshop { people.clamp(2, 100) } else { 1 };
    let spread = |counts: [u32; 5]| {
        let mut left = participants;
        let mut counts = counts.map(|count| {
            let taken = count.min(left);
            left -= taken;
            taken
        });
        counts[0] += left;
        counts
    };
    let open =
        Theme::ALL.iter().filter(|theme| theme.term().open).fold(0, |set, theme| set | 1 << theme.index());
    let follow_up_individual = fact.follow_up_individual.min(participants);
    Fact {
        participants,
        returning: fact.returning.min(participants),
        ages: spread(fact.ages),
        statuses: spread(fact.statuses),
        // At most about four of the open ones.
        themes: (fact.themes & fact.themes >> 5 & fact.themes >> 9 & open) | 1 << Theme::Email.index(),
        sub_themes: 0,
        duration: if fact.duration == Duration::Unspecified {
            Duration::OneHourOrMore
        } else {
            fact.duration
        },
        follow_up_individual,
        follow_up_workshop: fact.follow_up_workshop.min(participants - follow_up_individual),
        redirections: Vec::new(),
        ..fact
    }
}

/// A CRA of an older form.
fn of_older(fact: Fact) -> Fact {
    let participants = fact.participants.max(1);
    let follow_up_individual = fact.follow_up_individual.min(participants);
    Fact {
        participants,
        returning: fact.returning.min(participants),
        themes: fact.themes | 1 << Theme::Smartphone.index(),
        sub_themes: 0,
        follow_up_individual,
        follow_up_workshop: fact.follow_up_workshop.min(participants - follow_up_individual),
        redirections: Vec::new(),
        ..fact
    }
}

fn counts(facts: &[Fact]) -> Counts {
    let mut accumulator = Accumulator::default();
    for fact in facts {
        let (fixed, overflow) = PackedFact::of(fact);
        accumulator.add(&FactRef::of(&fixed, &overflow));
    }
    Counts::of(&accumulator.totals())
}

/// CRAs of one cell: zero to thirty, of today's form or of any.
fn any_cell() -> impl Strategy<Value = Vec<Fact>> {
    let today = (any_fact(), 2..12_u32).prop_map(|(fact, people)| of_today(fact, people));
    let older = prop_oneof![3 => (any_fact(), 2..12_u32).prop_map(|(fact, people)| of_today(fact, people)), 1 => any_fact().prop_map(of_older)];
    prop_oneof![3 => vec(today, 0..8), 2 => vec(older, 0..30)]
}

fn assert_nothing_is_pinned(shown: &Counts, base: u64) {
    let sets = possible(shown, base, Forms::Any).unwrap();
    for figure in 0..FIGURES {
        assert!(sets.len(figure) >= base, "figure {figure} of {shown:?}");
    }
    if let Some(sets) = possible(shown, base, Forms::Today) {
        for figure in (0..FIGURES).filter(|figure| !lines_of_older_forms().any(|line| line == *figure)) {
            assert!(sets.len(figure) >= base, "figure {figure} of {shown:?}, of today's form");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_count_of_any_cell_keeps_as_many_possible_values_as_the_base(
        facts in any_cell(),
        set: u128,
        base in prop_oneof![3 => Just(5_u32), 1 => 3..12_u32],
    ) {
        let base = Base::new(base).unwrap();
        let exact = counts(&facts);
        let shown = Rounding::new(b"s", base).show(cell(set), &exact);
        prop_assert!(!shown.withheld, "{:?}", exact);
        assert_nothing_is_pinned(&shown.counts, base.get());
        let mut numbers = std::collections::BTreeMap::new();
        for (exact, shown) in exact.all().zip(shown.counts.all()) {
            prop_assert!(shown % base.get() == 0 && shown.abs_diff(exact) < base.get());
            prop_assert_eq!(*numbers.entry(exact).or_insert(shown), shown);
        }
    }
}

#[test]
fn sums_of_parts_can_pin_a_count_that_alone_would_be_free() {
    let mut shown = Counts::default();
    // Four channels of four CRAs each, all rounded down, and sixteen CRAs rounded up: 4 × 4 is the only solution.
    shown.0[CRAS] = 20;
    shown.0[CHANNELS].fill(0);
    let pinned_figures = pinned(&shown, 5, Forms::Any);
    assert!(pinned_figures.is_none_or(|figures| figures.contains(&CRAS)));

    // Five returning people and two others, shown as 5 and 0, of seven shown as 10: the others are at least one.
    let mut shown = Counts::default();
    (shown.0[ACTS], shown.0[RETURNING], shown.0[PEOPLE]) = (10, 5, 0);
    let sets = possible(&shown, 5, Forms::Any);
    assert!(sets.is_none_or(|sets| sets.len(PEOPLE) < 5));

    // Workshops shown as 0, with participants that are not.
    let mut shown = Counts::default();
    (shown.0[ACTS], shown.0[WORKSHOP_PARTICIPANTS], shown.0[WORKSHOPS]) = (5, 5, 0);
    let sets = possible(&shown, 5, Forms::Any);
    assert!(sets.is_none_or(|sets| sets.len(WORKSHOPS) < 5));
}

#[test]
fn an_empty_cell_shows_nothing_and_cannot_be_distinguished_from_one_of_a_few() {
    let shown = rounding("s").show(cell(0), &Counts::default());
    assert!(shown.counts.is_empty() && !shown.withheld);
    let sets = possible(&shown.counts, 5, Forms::Any).unwrap();
    assert!((0..FIGURES).all(|figure| sets.len(figure) == 5));
}

#[test]
fn draws_are_unbiased() {
    let rounding = rounding("s");
    let draws = 4_000_u32;
    for count in 0..=10_u32 {
        let of_set = |set| u32::try_from(rounding.drawn_once(cell(set), count.into())).unwrap();
        let sum: u32 = (0..u128::from(draws)).map(of_set).sum();
        let (mean, remainder) = (f64::from(sum) / f64::from(draws), f64::from(count % 5) / 5.0);
        // Four standard deviations of the mean.
        let deviation = 5.0 * (remainder * (1.0 - remainder) / f64::from(draws)).sqrt();
        assert!((mean - f64::from(count)).abs() <= 4.0 * deviation, "{count} is shown as {mean} at the mean");
    }
}

#[test]
fn a_set_shows_the_same_numbers_and_another_set_or_secret_others() {
    let facts = |set: u128| {
        (1..200_u64).map(move |count| rounding("s").drawn_once(cell(set), count)).collect::<Vec<_>>()
    };
    assert_eq!(facts(7), facts(7));
    assert_ne!(facts(7), facts(8));
    let other: Vec<_> = (1..200_u64).map(|count| rounding("another").drawn_once(cell(7), count)).collect();
    assert_ne!(facts(7), other);
    let elsewhere = CellName { department: "69", ..cell(7) };
    let other: Vec<_> = (1..200_u64).map(|count| rounding("s").drawn_once(elsewhere, count)).collect();
    assert_ne!(facts(7), other);
}

#[test]
fn members_depend_only_on_the_secret_and_the_id() {
    let id = uuid::Uuid::from_u128(7);
    assert_eq!(rounding("s").member(id), rounding("s").member(id));
    assert_ne!(rounding("s").member(id), rounding("t").member(id));
    assert_ne!(rounding("s").member(id), rounding("s").member(uuid::Uuid::from_u128(8)));
}

#[test]
fn a_base_is_3_to_100() {
    assert!(Base::new(2).is_none() && Base::new(101).is_none());
    assert_eq!(Base::new(3).map(Base::get), Some(3));
    assert_eq!(Base::default().get(), 5);
}
