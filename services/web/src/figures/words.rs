//! Formats numbers, changes and bars.

use cra_contracts::v1;
use cra_domain::definitions::definition;
use cra_domain::french;

/// The change of a figure against the compared period.
pub(super) struct Change {
    /// The compared period's figure.
    pub(super) former: String,
    /// `+12,5 %`, or the number if the other is 0.
    pub(super) text: String,
}

impl Change {
    pub(super) fn of(current: u64, former: u64) -> Self {
        Self::in_unit(current, former, french::thousands)
    }

    /// Like [`Change::of`], for figures with a unit.
    pub(super) fn in_unit(current: u64, former: u64, written: fn(u64) -> String) -> Self {
        Self { former: written(former), text: difference(current, former, written) }
    }
}

fn difference(current: u64, former: u64, written: fn(u64) -> String) -> String {
    let sign = match current.cmp(&former) {
        std::cmp::Ordering::Less => "−",
        std::cmp::Ordering::Equal => return "=".to_owned(),
        std::cmp::Ordering::Greater => "+",
    };
    let absolute = current.abs_diff(former);
    if former == 0 {
        return format!("{sign}{}", written(absolute));
    }
    // Per mille of the other figure, rounded half away from 0.
    let (absolute, former) = (u128::from(absolute), u128::from(former));
    let per_mille = (2_000 * absolute + former) / (2 * former);
    let whole = french::thousands(u64::try_from(per_mille / 10).unwrap_or(u64::MAX));
    format!("{sign}{whole},{}{}%", per_mille % 10, french::NO_BREAK_SPACE)
}

/// The length of a bar, in percent of the longest.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0%".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Meaning of a figure; empty if it has no definition.
pub(super) fn meaning(section: &str, code: &str) -> &'static str {
    definition(section, code).map_or("", |it| it.meaning)
}

/// Whether callers who may only see public figures do not see this figure.
pub(super) fn is_hidden(statistics: &v1::Statistics, path: &str) -> bool {
    statistics.hidden_fields.iter().any(|field| field == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_reads_as_a_signed_share_of_the_former_figure() {
        for (current, former, text) in [
            (110, 100, "+10,0\u{a0}%"),
            (90, 100, "−10,0\u{a0}%"),
            (100, 100, "="),
            (0, 0, "="),
            (5, 0, "+5"),
            (0, 7, "−100,0\u{a0}%"),
            (2, 3, "−33,3\u{a0}%"),
            (30_000, 3, "+999\u{202f}900,0\u{a0}%"),
        ] {
            assert_eq!(difference(current, former, french::thousands), text, "{current} {former}");
        }
    }

    #[test]
    fn bars_are_parts_of_the_longest() {
        assert_eq!(percent(1, 3), "33.33%");
        assert_eq!(percent(3, 3), "100.00%");
        assert_eq!(percent(0, 0), "0%");
    }
}
