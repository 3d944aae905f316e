//! Sort orders of a breakdown. Equal rows keep their natural order.

use cra_domain::collation;
use cra_domain::cra::{Question, Violation};
use cra_domain::vocabulary::Activity;
use cra_domain::vocabulary::Word as _;

use super::line::{Line, RowTotals};

/// A sort order.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    by: By,
    largest_first: bool,
}

#[derive(Clone, Copy, Debug)]
enum By {
    /// By label, in French dictionary order.
    Name,
    /// The natural order.
    Code,
    Measure(Measure),
}

/// A number of a row to sort by.
type Measure = fn(&RowTotals) -> i64;

/// Every order, by its name in a request.
const ORDERS: [(&str, By); 16] = [
    ("name", By::Name),
    ("code", By::Code),
    ("cras", By::Measure(|row| signed(row.totals.cras))),
    ("acts", By::Measure(|row| signed(row.totals.acts))),
    ("people", By::Measure(|row| signed(row.totals.acts.saturating_sub(row.totals.returning)))),
    ("returning_people", By::Measure(|row| signed(row.totals.returning))),
    ("workshops", By::Measure(|row| signed(row.totals.activities[Activity::Workshop.index()].cras))),
    (
        "workshop_participants",
        By::Measure(|row| signed(row.totals.activities[Activity::Workshop.index()].participants)),
    ),
    (
        "individual_supports",
        By::Measure(|row| signed(row.totals.activities[Activity::Individual.index()].cras)),
    ),
    ("one_off_requests", By::Measure(|row| signed(row.totals.activities[Activity::OneOff.index()].cras))),
    ("workshops_with_defaulted_participants", By::Measure(|row| signed(row.totals.defaulted_workshops))),
    ("follow_up", By::Measure(|row| signed(row.totals.followed_up()))),
    ("redirected", By::Measure(|row| signed(row.totals.redirected()))),
    ("estimated_minutes", By::Measure(|row| signed(row.totals.estimated_minutes()))),
    ("last_date", By::Measure(|row| row.last_day.into())),
    ("last_recorded_at", By::Measure(|row| row.last_recorded_at)),
];

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Order {
    /// Default order: most CRAs first.
    pub const DEFAULT: &str = "-cras";

    /// Parses the order of a request.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text = if text.is_empty() { Self::DEFAULT } else { text };
        let (largest_first, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let found = ORDERS.iter().find(|(known, _)| *known == name);
        found.map(|(_, by)| Self { by: *by, largest_first }).ok_or_else(|| {
            let choices: Vec<_> = ORDERS.iter().map(|(name, _)| *name).collect();
            Violation::new(
                "order_by",
                Question::OrderUnknown { found: text.to_owned(), choices: choices.join(", ") },
            )
        })
    }

    /// Sorts rows; they must be in their natural order.
    pub(super) fn sort(self, lines: &mut [Line]) {
        match self.by {
            By::Code if self.largest_first => lines.reverse(),
            By::Code => {}
            By::Name => self.sort_by_key(lines, |line| collation::key(&line.name().label)),
            By::Measure(measure) => {
                let nothing = RowTotals::default();
                self.sort_by_key(lines, |line| measure(line.totals().unwrap_or(&nothing)));
            }
        }
    }

    fn sort_by_key<K: Ord>(self, lines: &mut [Line], key: impl Fn(&Line) -> K) {
        // Stable, so that equal rows keep their natural order in both directions.
        if self.largest_first {
            lines.sort_by_cached_key(|line| std::cmp::Reverse(key(line)));
        } else {
            lines.sort_by_cached_key(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_order_is_refused_with_the_known_ones() {
        for text in ["", "-cras", "cras", "-last_date", "name", "-name"] {
            assert!(Order::parse(text).is_ok(), "{text}");
        }
        for text in ["-", "--cras", "CRAS", "cras ", "+cras", "age"] {
            let refused = Order::parse(text).unwrap_err();
            assert_eq!((refused.field.as_str(), refused.fault.reason()), ("order_by", "ORDER_UNKNOWN"));
            assert!(refused.fault.description().contains("last_date"), "{text}");
        }
    }
}
