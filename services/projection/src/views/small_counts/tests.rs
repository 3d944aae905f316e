//! What everybody sees tells no small count, whatever one knows of how figures add up.

use proptest::collection::vec;
use proptest::prelude::*;

use super::attack::attack;
use super::*;

const FIVE: Base = Base(5);

fn lines(names: &[&str], counts: &[u64]) -> Vec<v1::Count> {
    let line = |(name, count): (&&str, &u64)| v1::Count {
        name: (*name).to_owned(),
        label: (*name).to_owned(),
        count: *count,
        share_per_mille: 0,
    };
    names.iter().zip(counts).map(line).collect()
}

const CHANNELS: [&str; 4] = ["CHANNEL_VENUE", "CHANNEL_OTHER_PLACE", "CHANNEL_REMOTE", "CHANNEL_HOME"];
const AGES: [&str; 5] = [
    "AGE_BAND_UNDER_12",
    "AGE_BAND_FROM_12_TO_18",
    "AGE_BAND_FROM_18_TO_35",
    "AGE_BAND_FROM_35_TO_60",
    "AGE_BAND_OVER_60",
];
const STATUSES: [&str; 5] = [
    "STATUS_STUDENT",
    "STATUS_UNEMPLOYED",
    "STATUS_EMPLOYED",
    "STATUS_RETIRED",
    "STATUS_UNSPECIFIED_OR_MIXED",
];
const DURATIONS: [&str; 5] = [
    "DURATION_BUCKET_UP_TO_30_MINUTES",
    "DURATION_BUCKET_FROM_30_MINUTES_TO_1_HOUR",
    "DURATION_BUCKET_FROM_1_TO_2_HOURS",
    "DURATION_BUCKET_FROM_2_HOURS",
    "DURATION_BUCKET_FROM_1_HOUR_UNREFINED",
];

/// Cuts a sum into parts of these sizes, as far as it goes; the last takes the rest.
fn cut(sum: u64, sizes: &[u64]) -> Vec<u64> {
    let mut left = sum;
    let mut parts: Vec<u64> = sizes
        .iter()
        .map(|size| {
            let part = left.min(*size);
            left -= part;
            part
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        *last += left;
    }
    parts
}

/// Counts near what a base takes for small: often the most that rounds to the same.
fn size(base: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => (0..3_u64).prop_map(move |times| times * base + base - 1),
        2 => (0..3_u64).prop_map(move |times| times * base),
        4 => 0..3 * base,
    ]
}

prop_compose! {
    /// Figures that add up as the definitions say, and the base that they are shown with.
    fn any_statistics()(base in 3..7_u64)(
        activities in (size(base), size(base), size(base)),
        more_people in 0..12_u64,
        by_cras in (vec(size(base), 4), vec(size(base), 5)),
        by_acts in (vec(size(base), 5), vec(size(base), 5), vec(size(base), 2)),
        follow_up in (size(base), size(base), vec(size(base), 0..5)),
        base in Just(base),
    ) -> (v1::Statistics, Base) {
        let (workshops, individual_supports, one_off_requests) = activities;
        let cras = workshops + individual_supports + one_off_requests;
        let workshop_participants = 2 * workshops + if workshops > 0 { more_people } else { 0 };
        let acts = workshop_participants + individual_supports + one_off_requests;
        let people = cut(acts, &by_acts.2);
        let planned = [&[follow_up.0, follow_up.1][..], &follow_up.2].concat();
        let mut left = acts;
        let planned: Vec<u64> = planned.into_iter().map(|size| {
            let part = left.min(size);
            left -= part;
            part
        }).collect();
        let redirections: Vec<u64> = planned[2..].iter().copied().filter(|people| *people > 0).collect();
        let redirected = redirections.iter().sum();
        let follow_up = v1::FollowUpStatistics {
            individual: planned[0],
            workshop: planned[1],
            redirected,
            total: planned[0] + planned[1] + redirected,
            rate_per_mille: 0,
        };
        let activity_counts = [workshops, individual_supports, one_off_requests];
        let statistics = v1::Statistics {
            cras,
            acts,
            people: people[0],
            returning_people: people[1],
            workshops,
            workshop_participants,
            individual_supports,
            one_off_requests,
            follow_up: Some(follow_up),
            channels: lines(&CHANNELS, &cut(cras, &by_cras.0)),
            activities: lines(&["ACTIVITY_WORKSHOP", "ACTIVITY_INDIVIDUAL", "ACTIVITY_ONE_OFF"], &activity_counts),
            durations: lines(&DURATIONS, &cut(cras, &by_cras.1)),
            ages: lines(&AGES, &cut(acts, &by_acts.0)),
            statuses: lines(&STATUSES, &cut(acts, &by_acts.1)),
            redirections: lines(&["caf", "ccas", "mairie", "ants"], &redirections),
            ..v1::Statistics::default()
        };
        (statistics, Base(base))
    }
}

fn true_counts(exact: &v1::Statistics) -> BTreeMap<String, u64> {
    every_count(exact).into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_small_count_is_shown_and_none_follows_from_what_adds_up((exact, base) in any_statistics()) {
        let shown = statistics(&exact, base);
        for (field, count) in every_count(&shown) {
            prop_assert!(count == 0 || count >= base.0, "{field} = {count}");
        }
        let known = attack(&shown);
        for (field, count) in true_counts(&exact) {
            let Some((least, most)) = known.get(&field) else { continue };
            prop_assert!((least..=most).contains(&&count), "{field}: {count} is not in {least}..={most}");
            prop_assert!(!base.hides(count) || least < most, "{field} = {count} follows from {shown:?}");
        }
    }

    #[test]
    fn what_is_shown_depends_on_nothing_finer_than_the_base(
        (exact, base) in any_statistics(),
        more in 0..7_u64,
    ) {
        // One CRA more than a multiple or several, as long as it stays below the next one: the same answer.
        let multiple = base.rounded(exact.cras) + base.0;
        let of = |cras| statistics(&v1::Statistics { cras, ..v1::Statistics::default() }, base);
        prop_assert_eq!(of(multiple), of(multiple + more % base.0));
    }

    #[test]
    fn two_answers_differ_by_multiples_of_the_base_only(
        (one, base) in any_statistics(),
        (other, _) in any_statistics(),
    ) {
        let (one, other) = (every_count(&statistics(&one, base)), every_count(&statistics(&other, base)));
        for ((field, one), (_, other)) in one.iter().zip(&other) {
            prop_assert_eq!(one.abs_diff(*other) % base.0, 0, "{}", field);
        }
    }

    #[test]
    fn no_period_of_a_series_follows_from_its_sum(counts in vec(size(5), 1..8)) {
        let point = |cras: &u64| v1::TimePoint {
            statistics: Some(v1::Statistics { cras: *cras, ..v1::Statistics::default() }),
            ..v1::TimePoint::default()
        };
        let shown = series(counts.iter().map(point).collect(), FIVE);
        let sum = FIVE.rounded(counts.iter().sum());
        let hidden = shown[0].statistics.as_ref().unwrap().hidden_fields.contains(&"cras".to_owned());
        let most: u64 = shown.iter().map(|point| point.statistics.as_ref().unwrap().cras + 4).sum();
        prop_assert!(hidden || most > sum, "{counts:?}");
    }
}

#[test]
fn the_attack_finds_what_rounding_alone_would_tell() {
    let exact = v1::Statistics {
        cras: 20,
        acts: 20,
        people: 20,
        individual_supports: 20,
        ages: lines(&AGES, &[4, 4, 4, 4, 4]),
        ..v1::Statistics::default()
    };
    let shown = statistics(&exact, FIVE);
    assert!(shown.ages.is_empty() && shown.hidden_fields.contains(&"ages".to_owned()), "{shown:?}");

    let mut rounded_only = shown;
    rounded_only.hidden_fields.retain(|field| field != "ages");
    rounded_only.ages = lines(&AGES, &[0; 5]);
    let known = attack(&rounded_only);
    assert_eq!(known["ages.AGE_BAND_UNDER_12"], (4, 4), "five lines below five that make twenty");
}

#[test]
fn shares_and_rates_are_those_of_what_is_shown() {
    let exact = v1::Statistics {
        cras: 103,
        acts: 103,
        channels: lines(&CHANNELS, &[64, 33, 4, 2]),
        follow_up: Some(v1::FollowUpStatistics {
            individual: 26,
            workshop: 3,
            redirected: 0,
            total: 29,
            rate_per_mille: 282,
        }),
        ..v1::Statistics::default()
    };
    let shown = statistics(&exact, FIVE);
    let channels: Vec<_> = shown.channels.iter().map(|line| (line.count, line.share_per_mille)).collect();
    assert_eq!(channels, [(60, 667), (30, 333), (0, 0), (0, 0)]);
    assert_eq!(shown.follow_up.unwrap().rate_per_mille, 250);
    assert_eq!((shown.rounded_to, shown.acts), (5, 100));
}

#[test]
fn a_line_that_is_listed_only_when_it_counts_something_is_not_listed_for_a_small_count() {
    let exact = v1::Statistics {
        ages: lines(&["AGE_BAND_OVER_60", "AGE_BAND_UNSPECIFIED"], &[0, 2]),
        themes: lines(&["THEME_EMAIL", "THEME_SMARTPHONE"], &[9, 3]),
        redirections: lines(&["asso du coin", "ORGANISATION_CAF", "115"], &[4, 6, 1]),
        ..v1::Statistics::default()
    };
    let shown = statistics(&exact, FIVE);
    let names = |lines: &[v1::Count]| lines.iter().map(|line| line.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&shown.ages), ["AGE_BAND_OVER_60"]);
    assert_eq!(names(&shown.themes), ["THEME_EMAIL"]);
    assert_eq!(names(&shown.redirections), ["ORGANISATION_CAF"]);
}

#[test]
fn minutes_are_left_out_beside_a_small_count_and_else_rounded_to_hours() {
    let spent = |minutes| v1::TimeSpent { estimated_minutes: minutes, ..v1::TimeSpent::default() };
    let exact = |one_off_requests| v1::Statistics {
        one_off_requests,
        time_spent: vec![spent(900), spent(1_000), spent(10), spent(1_910)],
        ..v1::Statistics::default()
    };
    assert_eq!(statistics(&exact(3), FIVE).time_spent, []);
    let shown = statistics(&exact(20), FIVE);
    let minutes: Vec<_> = shown.time_spent.iter().map(|line| line.estimated_minutes).collect();
    assert_eq!(minutes, [900, 900, 0, 1_800]);
}

#[test]
fn rows_of_few_cras_are_not_listed_and_those_that_show_the_same_come_by_code() {
    let row = |code: &str, cras| v1::BreakdownRow {
        code: code.into(),
        last_date: "2024-03-04".into(),
        statistics: Some(v1::Statistics { cras, ..v1::Statistics::default() }),
        ..v1::BreakdownRow::default()
    };
    let shown = rows(vec![row("35", 23), row("29", 14), row("22", 12), row("56", 4)], FIVE);
    let shown: Vec<_> = shown
        .iter()
        .map(|row| (row.code.as_str(), row.statistics.as_ref().unwrap().cras, row.last_date.as_str()))
        .collect();
    assert_eq!(shown, [("35", 20, ""), ("22", 10, ""), ("29", 10, "")]);
}

#[test]
fn a_cross_table_names_nothing_that_it_does_not_show_and_is_left_out_where_it_would_tell() {
    let table = |rows: &[&[u64]]| v1::GetCrossTableResponse {
        columns: vec!["a".into(), "b".into(), "c".into()],
        column_labels: vec!["A".into(), "B".into(), "C".into()],
        rows: rows
            .iter()
            .zip(["x", "y"])
            .map(|(values, name)| v1::CrossTableRow {
                name: name.into(),
                values: values.to_vec(),
                label: name.to_uppercase(),
            })
            .collect(),
        ..v1::GetCrossTableResponse::default()
    };
    let shown = cross_table(table(&[&[11, 2, 0], &[4, 3, 1]]), v1::Measure::Cras, FIVE);
    assert_eq!(
        (&shown.columns[..], &shown.column_labels[..]),
        (&["a".to_owned()][..], &["A".to_owned()][..])
    );
    assert_eq!(shown.rows, [v1::CrossTableRow { name: "x".into(), values: vec![10], label: "X".into() }]);
    let shown = cross_table(table(&[&[2, 0, 11], &[3, 1, 9]]), v1::Measure::Cras, FIVE);
    assert_eq!((&shown.columns[0], &shown.column_labels[..]), (&"c".to_owned(), &["C".to_owned()][..]));
    assert!(!shown.hidden && shown.rounded_to == 5);

    let three = Base::new(3).unwrap();
    let told = cross_table(table(&[&[2, 2, 2], &[7, 8, 9]]), v1::Measure::Cras, three);
    assert!(
        told.hidden && told.rows.is_empty() && told.column_labels.is_empty(),
        "three cells below three that make six"
    );
    let minutes = cross_table(table(&[&[700, 299, 0]]), v1::Measure::EstimatedMinutes, FIVE);
    assert_eq!((minutes.rounded_to, &minutes.rows[0].values[..]), (300, &[600][..]));
}

#[test]
fn a_base_below_three_would_tell_what_it_hides() {
    assert_eq!([0, 1, 2].map(Base::new), [None; 3]);
    assert!(Base::new(Base::MIN).is_some());
}
