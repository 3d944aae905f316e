//! Figures that anybody may see: no count of a few people or CRAs is in them, nor follows from them by subtraction.
//!
//! Every count is brought down to a multiple of a base, one by one, so that each tells an interval as long as the base,
//! and two answers differ by a multiple of it. What is known to add up (the definitions of the domain page: ages to acts,
//! channels to CRAs, periods to their total, …) narrows such an interval to one value in one case only: all parts lie at
//! the top of theirs, and their sum at the bottom of its own. A breakdown is left out then. Shares and rates are computed
//! from what is shown. Minutes, which count times, are left out beside small counts and else rounded to hours.
//!
//! Pure, on the contract's messages. Does not decide who sees what. One answer is protected against all others of the same
//! position; somebody who asks again after each event sees at which one a count passes a multiple of the base.

use std::collections::BTreeMap;

use cra_contracts::v1;
use cra_domain::vocabulary::{Theme, Word as _};
use serde::{Deserialize, Serialize};

use super::figures::most_first;
use super::shares::{per_mille, rate_per_mille};

#[cfg(test)]
mod attack;
#[cfg(test)]
mod tests;

/// The smallest count that is shown, and what counts are multiples of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u64")]
pub struct Base(u64);

impl Default for Base {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<u32> for Base {
    type Error = String;

    fn try_from(base: u32) -> Result<Self, String> {
        Self::new(base)
            .ok_or_else(|| format!("expected at least {}: less would tell what it hides", Self::MIN))
    }
}

impl From<Base> for u64 {
    fn from(base: Base) -> Self {
        base.0
    }
}

impl Base {
    /// Below it, leaving something out would tell it.
    pub const MIN: u32 = 3;

    /// A base of at least [`Base::MIN`].
    #[must_use]
    pub fn new(base: u32) -> Option<Self> {
        (base >= Self::MIN).then_some(Self(base.into()))
    }

    /// Down to a multiple.
    fn rounded(self, count: u64) -> u64 {
        count - count % self.0
    }

    fn hides(self, count: u64) -> bool {
        (1..self.0).contains(&count)
    }

    /// The most that the parts may add up to, for all that is shown of them.
    fn most(self, parts: &[u64]) -> u64 {
        parts.iter().map(|part| self.rounded(*part).saturating_add(self.0 - 1)).fold(0, u64::saturating_add)
    }

    /// Whether parts and their sum, each rounded, tell each other exactly.
    fn pins(self, parts: &[u64], sum: u64) -> bool {
        !parts.is_empty() && self.most(parts) == self.rounded(sum)
    }
}

const FOLLOW_UP: &str = "follow_up";
const REDIRECTIONS: &str = "redirections";
const TIME_SPENT: &str = "time_spent";

/// A count of its own, by its field.
type Scalar = (&'static str, fn(&mut v1::Statistics) -> &mut u64);
/// The lines of a breakdown, by its field.
type Breakdown = (&'static str, fn(&mut v1::Statistics) -> &mut Vec<v1::Count>);

const SCALARS: [Scalar; 9] = [
    ("cras", |s| &mut s.cras),
    ("acts", |s| &mut s.acts),
    ("people", |s| &mut s.people),
    ("returning_people", |s| &mut s.returning_people),
    ("workshops", |s| &mut s.workshops),
    ("workshop_participants", |s| &mut s.workshop_participants),
    ("individual_supports", |s| &mut s.individual_supports),
    ("one_off_requests", |s| &mut s.one_off_requests),
    ("workshops_with_defaulted_participants", |s| &mut s.workshops_with_defaulted_participants),
];

const BREAKDOWNS: [Breakdown; 8] = [
    ("channels", |s| &mut s.channels),
    ("activities", |s| &mut s.activities),
    ("themes", |s| &mut s.themes),
    ("sub_themes", |s| &mut s.sub_themes),
    ("durations", |s| &mut s.durations),
    ("ages", |s| &mut s.ages),
    ("statuses", |s| &mut s.statuses),
    (REDIRECTIONS, |s| &mut s.redirections),
];

/// The figures of one selection, for everybody.
#[must_use]
pub fn statistics(exact: &v1::Statistics, base: Base) -> v1::Statistics {
    let mut shown = exact.clone();
    for (_, scalar) in SCALARS {
        let count = scalar(&mut shown);
        *count = base.rounded(*count);
    }
    for (field, lines) in BREAKDOWNS {
        round_lines(field, lines(&mut shown), base);
    }
    shown.follow_up = exact.follow_up.map(|follow_up| rounded_follow_up(follow_up, shown.acts, base));
    shown.entry_delay = exact
        .entry_delay
        .filter(|_| shown.cras > 0)
        .map(|delay| v1::EntryDelay { same_day: base.rounded(delay.same_day), ..delay });
    round_minutes(&mut shown.time_spent, base);
    shown.rounded_to = base.0;
    shown.hidden_fields = left_out(exact, base).into_iter().map(str::to_owned).collect();
    for field in shown.hidden_fields.clone() {
        hide(&mut shown, &field);
    }
    shown
}

/// The periods of a series, for everybody. Their sums are known, from a longer period.
#[must_use]
pub fn series(mut points: Vec<v1::TimePoint>, base: Base) -> Vec<v1::TimePoint> {
    let exact: Vec<_> = points.iter().map(|point| point.statistics.clone().unwrap_or_default()).collect();
    for (point, statistics) in points.iter_mut().zip(side_by_side(&exact, base)) {
        point.statistics = Some(statistics);
    }
    points
}

/// The rows of a breakdown, for everybody: without those that stand for fewer CRAs than the base, for their names
/// would tell that there are some, and without the last days, which are of one CRA each. Rows that show the same
/// come by code: their order would tell who has more.
#[must_use]
pub fn rows(mut rows: Vec<v1::BreakdownRow>, base: Base) -> Vec<v1::BreakdownRow> {
    rows.retain(|row| row.statistics.as_ref().is_some_and(|statistics| statistics.cras >= base.0));
    let exact: Vec<_> = rows.iter_mut().map(|row| row.statistics.take().unwrap_or_default()).collect();
    for (row, statistics) in rows.iter_mut().zip(side_by_side(&exact, base)) {
        row.statistics = Some(statistics);
        row.last_date.clear();
        row.last_recorded_at = None;
    }
    let headline = |row: &v1::BreakdownRow| row.statistics.as_ref().map(|s| (s.cras, s.acts, s.people));
    for alike in rows.chunk_by_mut(|a, b| headline(a) == headline(b)) {
        alike.sort_by(|a, b| a.code.cmp(&b.code));
    }
    rows
}

/// A cross table, for everybody: without rows and columns that show nothing, for their names would tell that there is
/// something. Minutes are rounded to as many hours as the base.
#[must_use]
pub fn cross_table(
    exact: v1::GetCrossTableResponse,
    measure: v1::Measure,
    base: Base,
) -> v1::GetCrossTableResponse {
    let base = if measure == v1::Measure::EstimatedMinutes { Base(base.0 * MINUTES) } else { base };
    let v1::GetCrossTableResponse { columns, column_labels, mut rows, snapshot, .. } = exact;
    let column =
        |index: usize| -> Vec<u64> { rows.iter().filter_map(|row| row.values.get(index).copied()).collect() };
    let pins = |parts: &[u64]| base.pins(parts, parts.iter().sum());
    let hidden =
        rows.iter().any(|row| pins(&row.values)) || (0..columns.len()).any(|index| pins(&column(index)));
    if hidden {
        return v1::GetCrossTableResponse { snapshot, rounded_to: base.0, hidden, ..Default::default() };
    }
    let kept: Vec<usize> =
        (0..columns.len()).filter(|index| column(*index).iter().any(|count| *count >= base.0)).collect();
    for row in &mut rows {
        row.values =
            kept.iter().map(|index| row.values.get(*index).map_or(0, |count| base.rounded(*count))).collect();
    }
    rows.retain(|row| row.values.iter().any(|count| *count > 0));
    let shown = |texts: Vec<String>| -> Vec<String> {
        texts
            .into_iter()
            .enumerate()
            .filter(|(index, _)| kept.contains(index))
            .map(|(_, text)| text)
            .collect()
    };
    let (columns, column_labels) = (shown(columns), shown(column_labels));
    v1::GetCrossTableResponse { columns, rows, snapshot, rounded_to: base.0, hidden, column_labels }
}

/// Minutes of an hour.
const MINUTES: u64 = 60;

/// The fields that would tell a small count beside the others.
fn left_out(exact: &v1::Statistics, base: Base) -> Vec<&'static str> {
    let counts = |lines: &[v1::Count]| -> Vec<u64> { lines.iter().map(|line| line.count).collect() };
    let mut hidden = Vec::new();
    let mut leave_out = |fields: &[&'static str], when: bool| {
        if when {
            hidden.extend_from_slice(fields);
        }
    };
    let activities = [exact.workshops, exact.individual_supports, exact.one_off_requests];
    let some_activity = activities.iter().any(|count| base.hides(*count));
    let some_duration = exact.durations.iter().any(|line| base.hides(line.count));
    // With them, acts and CRAs would tell of each other: their difference is that of the workshops.
    leave_out(&["workshop_participants"], true);
    leave_out(&[TIME_SPENT], some_activity || some_duration);
    leave_out(
        &["activities", "workshops", "individual_supports", "one_off_requests"],
        base.pins(&activities, exact.cras) || workshops_pin(exact, base),
    );
    leave_out(&["channels"], base.pins(&counts(&exact.channels), exact.cras));
    leave_out(&["durations"], base.pins(&counts(&exact.durations), exact.cras));
    // A CRA has at least one theme.
    leave_out(&["themes"], base.pins(&counts(&exact.themes), exact.cras));
    leave_out(&["ages"], base.pins(&counts(&exact.ages), exact.acts));
    leave_out(&["statuses"], base.pins(&counts(&exact.statuses), exact.acts));
    leave_out(
        &["people", "returning_people"],
        base.pins(&[exact.people, exact.returning_people], exact.acts),
    );
    if let Some(follow_up) = exact.follow_up {
        let parts = [follow_up.individual, follow_up.workshop, follow_up.redirected];
        leave_out(&[FOLLOW_UP], base.pins(&parts, follow_up.total));
    }
    hidden
}

/// Whether workshops, of two people at least, leave one way only for acts to be as many more than CRAs as there are
/// workshops.
fn workshops_pin(exact: &v1::Statistics, base: Base) -> bool {
    let counts = |lines: &[v1::Count]| -> Vec<u64> { lines.iter().map(|line| line.count).collect() };
    let families = [counts(&exact.ages), counts(&exact.statuses), vec![exact.people, exact.returning_people]];
    let most = families.iter().filter(|parts| !base.pins(parts, exact.acts)).map(|parts| base.most(parts));
    let acts_most = most.fold(base.rounded(exact.acts) + base.0 - 1, u64::min);
    let cras_least = base.rounded(exact.cras);
    // As many CRAs as the other activities cannot be are workshops.
    let others_most = base.most(&[exact.individual_supports, exact.one_off_requests]);
    let workshops_least = base.rounded(exact.workshops).max(cras_least.saturating_sub(others_most));
    acts_most <= cras_least + workshops_least
}

fn round_lines(field: &str, lines: &mut Vec<v1::Count>, base: Base) {
    for line in lines.iter_mut() {
        line.count = base.rounded(line.count);
    }
    // Those that are listed only when they count something would tell that they do.
    lines.retain(|line| line.count > 0 || (field != REDIRECTIONS && is_always_listed(&line.name)));
    if field == REDIRECTIONS {
        // The most come first: what rounds to the same must not tell which is more.
        lines.sort_by(most_first);
    }
    let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
    for (line, share) in lines.iter_mut().zip(per_mille(&counts)) {
        line.share_per_mille = share;
    }
}

/// The open values of the form.
fn is_always_listed(name: &str) -> bool {
    let is_closed = Theme::ALL.iter().any(|theme| theme.term().name == name && !theme.term().open);
    !is_closed && !name.ends_with("_UNSPECIFIED")
}

fn rounded_follow_up(exact: v1::FollowUpStatistics, acts_shown: u64, base: Base) -> v1::FollowUpStatistics {
    let total = base.rounded(exact.total);
    v1::FollowUpStatistics {
        individual: base.rounded(exact.individual),
        workshop: base.rounded(exact.workshop),
        redirected: base.rounded(exact.redirected),
        total,
        rate_per_mille: rate_per_mille(total, acts_shown),
    }
}

fn round_minutes(lines: &mut [v1::TimeSpent], base: Base) {
    let hours = Base(base.0 * MINUTES);
    for line in lines.iter_mut() {
        line.estimated_minutes = hours.rounded(line.estimated_minutes);
        line.minimum_minutes = hours.rounded(line.minimum_minutes);
        line.maximum_minutes = hours.rounded(line.maximum_minutes);
    }
    let Some((total, activities)) = lines.split_last_mut() else { return };
    let estimates: Vec<u64> = activities.iter().map(|line| line.estimated_minutes).collect();
    for (line, share) in activities.iter_mut().zip(per_mille(&estimates)) {
        line.share_per_mille = share;
    }
    total.share_per_mille = if total.estimated_minutes > 0 { 1000 } else { 0 };
}

/// Figures whose sums are known too: a figure that would tell itself across them is left out of all.
fn side_by_side(exact: &[v1::Statistics], base: Base) -> Vec<v1::Statistics> {
    let mut across: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for statistics in exact {
        for (field, count) in every_count(statistics) {
            across.entry(field).or_default().push(count);
        }
    }
    // A line that some do not list counts nothing there.
    for counts in across.values_mut() {
        counts.resize(exact.len(), 0);
    }
    let pinned = across.into_iter().filter(|(_, counts)| base.pins(counts, counts.iter().sum()));
    let pinned: Vec<String> = pinned.map(|(field, _)| field).collect();
    let shown = exact.iter().map(|exact| {
        let mut shown = statistics(exact, base);
        for field in &pinned {
            hide(&mut shown, field);
        }
        shown.hidden_fields.extend(pinned.iter().cloned());
        shown
    });
    shown.collect()
}

/// Every count, by its field, or by its field and line.
fn every_count(statistics: &v1::Statistics) -> Vec<(String, u64)> {
    let mut statistics = statistics.clone();
    let mut counts: Vec<(String, u64)> =
        SCALARS.iter().map(|(field, scalar)| ((*field).to_owned(), *scalar(&mut statistics))).collect();
    for (field, lines) in BREAKDOWNS {
        let lines = lines(&mut statistics).iter();
        counts.extend(lines.map(|line| (format!("{field}.{}", line.name), line.count)));
    }
    if let Some(follow_up) = statistics.follow_up {
        let v1::FollowUpStatistics { individual, workshop, redirected, total, .. } = follow_up;
        let of = [individual, workshop, redirected, total].into_iter().zip([
            "individual",
            "workshop",
            "redirected",
            "total",
        ]);
        counts.extend(of.map(|(count, name)| (format!("{FOLLOW_UP}.{name}"), count)));
    }
    counts
}

/// Leaves a field out, or one line of a breakdown.
fn hide(shown: &mut v1::Statistics, field: &str) {
    let (breakdown, line) = field.split_once('.').unwrap_or((field, ""));
    match breakdown {
        TIME_SPENT => shown.time_spent.clear(),
        // Its parts tell each other.
        FOLLOW_UP => shown.follow_up = None,
        _ => {}
    }
    if let Some((_, scalar)) = SCALARS.iter().find(|(name, _)| *name == field) {
        *scalar(shown) = 0;
    }
    if let Some((_, lines)) = BREAKDOWNS.iter().find(|(name, _)| *name == breakdown) {
        lines(shown).retain(|shown| !line.is_empty() && shown.name != line);
    }
}
