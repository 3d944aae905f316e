//! The sort orders of a breakdown.

use std::cmp::{Ordering, Reverse};

use cra_contracts::v1;
use icu_collator::options::CollatorOptions;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::locale;

/// Every order, without the leading "-".
pub const ORDERS: [&str; 16] = [
    "name",
    "code",
    "cras",
    "acts",
    "people",
    "returning_people",
    "workshops",
    "workshop_participants",
    "individual_supports",
    "one_off_requests",
    "workshops_with_defaulted_participants",
    "follow_up",
    "redirected",
    "estimated_minutes",
    "last_date",
    "last_recorded_at",
];

/// Sort key of a row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Number(u64),
    Time(Option<(i64, i32)>),
}

/// Sorts rows stably; they must come in their natural order.
pub(super) fn sort(rows: &mut [v1::BreakdownRow], order_by: &str) {
    let order_by = if order_by.is_empty() { "-cras" } else { order_by };
    match order_by.strip_prefix('-') {
        Some("code") => rows.reverse(),
        None if order_by == "code" => {}
        Some("name") => rows.sort_by(|a, b| french(&b.label, &a.label)),
        None if order_by == "name" => rows.sort_by(|a, b| french(&a.label, &b.label)),
        // All sorts are stable.
        Some(name) => rows.sort_by_key(|row| Reverse(key(row, name))),
        None => rows.sort_by_key(|row| key(row, order_by)),
    }
}

/// Compares two labels as a French dictionary does, pairwise; the service compares sort keys.
pub(super) fn french(left: &str, right: &str) -> Ordering {
    let preferences = CollatorPreferences::from(locale!("fr"));
    CollatorBorrowed::try_new(preferences, CollatorOptions::default()).unwrap().compare(left, right)
}

fn key(row: &v1::BreakdownRow, name: &str) -> Key {
    let statistics = row.statistics.as_ref().unwrap();
    let follow_up = statistics.follow_up.unwrap();
    Key::Number(match name {
        "last_date" => return Key::Text(row.last_date.clone()),
        "last_recorded_at" => return Key::Time(row.last_recorded_at.map(|at| (at.seconds, at.nanos))),
        "cras" => statistics.cras,
        "acts" => statistics.acts,
        "people" => statistics.people,
        "returning_people" => statistics.returning_people,
        "workshops" => statistics.workshops,
        "workshop_participants" => statistics.workshop_participants,
        "individual_supports" => statistics.individual_supports,
        "one_off_requests" => statistics.one_off_requests,
        "workshops_with_defaulted_participants" => statistics.workshops_with_defaulted_participants,
        "follow_up" => follow_up.total,
        "redirected" => follow_up.redirected,
        "estimated_minutes" => statistics.time_spent.last().unwrap().estimated_minutes,
        _ => unreachable!("{name} is not an order"),
    })
}
