//! Random selections that CRAs of the random histories can match.

use cra_contracts::v1;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::history::day;

/// Parts of a selection: days, territories, people, words and lines of the form.
const PARTS: usize = 5;

/// One field of a selection: mostly empty, otherwise some of these values.
fn field(values: &[&str]) -> impl Strategy<Value = Vec<String>> + use<> {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let max = values.len();
    prop_oneof![5 => Just(vec![]), 1 => subsequence(values.clone(), 1..=2), 1 => subsequence(values, max / 2..=max)]
}

fn numbers(values: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = Vec<i32>> {
    let values: Vec<i32> = values.collect();
    let max = values.len();
    prop_oneof![5 => Just(vec![]), 1 => subsequence(values.clone(), 1..=2), 1 => subsequence(values, max / 2..=max)]
}

prop_compose! {
    /// Any fields, mostly a few: days, territories, people, words of the form.
    pub(super) fn selection()(
        days in weighted(0.4, [day(), day()]),
        half_open in any::<[bool; 2]>(),
        regions in field(&["84", "11", "04", "987", "988"]),
        departments in field(&["75", "01", "69", "974", "987", "984"]),
        epcis in field(&["200054781", "200046977", "240100610", "249740119"]),
        communes in field(&["75056", "75101", "69123", "01120", "01262", "01003", "97411", "98735", "98412"]),
        postal_codes in field(&["75001", "75012", "01120", "01090", "97417", "98714", "42000"]),
        who in (field(&["structure-1", "structure-3"]), field(&["conseiller-1", "conseiller-2", "nobody"])),
        venue_ids in field(&["lieu-1", "lieu-9"]),
        form in (numbers(1..=4), numbers(1..=3), numbers(1..=19), numbers(1..=8)),
        lines in (numbers(0..=5), numbers(0..=5), numbers(0..=5)),
    ) -> v1::Selection {
        let mut days = days.map(|days| days.map(|day| day.to_string())).unwrap_or_default();
        days.sort();
        let [from, to] = days;
        v1::Selection {
            from: if half_open[0] { String::new() } else { from },
            to: if half_open[1] { String::new() } else { to },
            region_codes: regions,
            department_codes: departments,
            epci_codes: epcis,
            commune_codes: communes,
            postal_codes,
            structure_ids: who.0,
            advisor_ids: who.1,
            channels: form.0,
            activities: form.1,
            themes: form.2,
            sub_themes: form.3,
            durations: lines.0,
            ages: lines.1,
            statuses: lines.2,
            venue_ids,
        }
    }
}

prop_compose! {
    /// Only one or two parts of a selection: wide enough that CRAs enter and leave it.
    pub(super) fn wide_selection()(all in selection(), parts in subsequence((0..PARTS).collect::<Vec<_>>(), 0..=2))
        -> v1::Selection {
        let mut wide = v1::Selection::default();
        for part in parts {
            let all = all.clone();
            wide = match part {
                0 => v1::Selection { from: all.from, to: all.to, ..wide },
                1 => v1::Selection {
                    region_codes: all.region_codes,
                    department_codes: all.department_codes,
                    commune_codes: all.commune_codes,
                    ..wide
                },
                2 => v1::Selection { structure_ids: all.structure_ids, advisor_ids: all.advisor_ids, ..wide },
                3 => v1::Selection { channels: all.channels, activities: all.activities, themes: all.themes, ..wide },
                _ => v1::Selection { durations: all.durations, ages: all.ages, statuses: all.statuses, ..wide },
            };
        }
        wide
    }
}
