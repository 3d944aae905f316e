//! One breakdown: a title, then a line per value with its label, count, share and bar. Bars have a resolution of an
//! eighth of a column; the longest one fills the remaining width.

use cra_contracts::v1;

use super::text::{Tone, left, printable, right, share, thousands, toned, width};
use crate::style::Style;

const INDENT: &str = "  ";
const COUNT_COLUMNS: usize = 11;
const SHARE_COLUMNS: usize = 9;
const GAP: &str = "  ";
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL: char = '█';

/// A breakdown of the statistics.
pub(crate) struct Breakdown<'a> {
    pub(crate) title: &'a str,
    /// The unit, in the plural.
    pub(crate) unit: &'a str,
    pub(crate) lines: &'a [v1::Count],
    /// Maximum number of lines.
    pub(crate) lines_max: usize,
}

/// Width of the labels, the same in every breakdown of a page so that the bars are aligned.
pub(crate) fn label_columns(style: Style) -> usize {
    (style.columns * 2 / 5).clamp(24, 42)
}

/// The breakdown; empty if it has no line.
pub(crate) fn section(breakdown: &Breakdown<'_>, style: Style) -> String {
    let Breakdown { title, unit, lines, lines_max } = *breakdown;
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{} {}\n", toned(style, Tone::Title, title), toned(style, Tone::Quiet, unit));
    let (shown, hidden) = lines.split_at(lines.len().min(lines_max));
    let most = lines.iter().map(|line| line.count).max().unwrap_or(0);
    for line in shown {
        text += &row(line, most, style);
    }
    if !hidden.is_empty() {
        let people: u64 = hidden.iter().map(|line| line.count).sum();
        let rest =
            format!("et {} autres lignes, {} {unit}", thousands(hidden.len() as u64), thousands(people));
        text += &format!("{INDENT}{}\n", toned(style, Tone::Quiet, &rest));
    }
    text
}

fn row(line: &v1::Count, most: u64, style: Style) -> String {
    let label_columns = label_columns(style);
    let label = left(&printable(label_of(line)), label_columns);
    let count = right(&thousands(line.count), COUNT_COLUMNS);
    let share = right(&share(line.share_per_mille), SHARE_COLUMNS);
    let used = width(INDENT) + label_columns + COUNT_COLUMNS + SHARE_COLUMNS + width(GAP);
    let bar = bar(line.count, most, style.columns.saturating_sub(used));
    if line.count == 0 {
        return format!("{INDENT}{}\n", toned(style, Tone::Quiet, &format!("{label}{count}{share}")));
    }
    let count = toned(style, Tone::Figure, &count);
    format!("{INDENT}{label}{count}{share}{GAP}{}\n", toned(style, Tone::Bar, &bar))
}

/// A value without a label is shown by its code.
fn label_of(line: &v1::Count) -> &str {
    if line.label.is_empty() { &line.name } else { &line.label }
}

/// A bar for `count` out of `most`, at most `columns` wide; a non-zero count is always visible.
pub(super) fn bar(count: u64, most: u64, columns: usize) -> String {
    if count == 0 || most == 0 {
        return String::new();
    }
    let eighths_max = u128::from(columns as u64) * 8;
    let eighths = (u128::from(count) * eighths_max / u128::from(most)).clamp(1, eighths_max.max(1));
    let (full, rest) = (eighths / 8, eighths % 8);
    let full = usize::try_from(full).unwrap_or(columns);
    let mut bar: String = std::iter::repeat_n(FULL, full).collect();
    if let Some(part) = usize::try_from(rest).ok().filter(|rest| *rest > 0).and_then(|rest| EIGHTHS.get(rest))
    {
        bar.push(*part);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    const LOOK: Style = Style { columns: 70, colour: false };

    fn count(label: &str, count: u64, share_per_mille: u32) -> v1::Count {
        v1::Count { name: label.to_uppercase(), label: label.to_owned(), count, share_per_mille }
    }

    #[test]
    fn a_bar_is_proportional_to_the_longest_to_the_eighth_of_a_column() {
        assert_eq!(bar(10, 10, 5), "█████");
        assert_eq!(bar(5, 10, 5), "██▌");
        assert_eq!(bar(1, 1_000, 5), "▏", "a non-zero count is visible");
        assert_eq!(bar(0, 10, 5), "");
        assert_eq!(bar(u64::MAX, u64::MAX, 5), "█████");
    }

    #[test]
    fn a_breakdown_shows_every_line_including_zeros_in_aligned_columns() {
        let lines = [count("Courriels", 1_200, 750), count("Budget", 0, 0), count("Santé", 400, 250)];
        let breakdown = Breakdown { title: "Thématiques", unit: "CRA", lines: &lines, lines_max: 50 };
        let expected = [
            "",
            "Thématiques CRA",
            "  Courriels                         1\u{202f}200   75,0\u{a0}%  ██████████████████",
            "  Budget                                0    0,0\u{a0}%",
            "  Santé                               400   25,0\u{a0}%  ██████",
        ];
        assert_eq!(section(&breakdown, LOOK).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lines_beyond_the_limit_are_summed_up() {
        let lines = [count("CAF", 9, 600), count("ANTS", 4, 267), count("CPAM", 2, 133)];
        let breakdown = Breakdown { title: "Redirections", unit: "personnes", lines: &lines, lines_max: 1 };
        let text = section(&breakdown, LOOK);
        assert!(text.contains("CAF") && !text.contains("ANTS"), "{text}");
        assert!(text.ends_with("et 2 autres lignes, 6 personnes\n"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let lines = [count(
            "Un libellé très long, bien plus long que ce que la colonne peut montrer",
            u64::MAX,
            1_000,
        )];
        for columns in [60, 80, 120] {
            let style = Style { columns, colour: false };
            let breakdown = Breakdown { title: "T", unit: "u", lines: &lines, lines_max: 5 };
            assert_fits(&section(&breakdown, style), columns);
        }
    }

    #[test]
    fn colours_are_used_only_where_they_are_shown() {
        let lines = [count("Courriels", 3, 1_000)];
        let breakdown = Breakdown { title: "T", unit: "u", lines: &lines, lines_max: 5 };
        assert!(!section(&breakdown, LOOK).contains('\u{1b}'));
        assert!(section(&breakdown, Style { colour: true, ..LOOK }).contains('\u{1b}'));
    }
}
