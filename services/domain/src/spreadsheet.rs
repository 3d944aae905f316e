//! Neutralises texts of CSV files, so that a spreadsheet never evaluates one as a formula.

use std::borrow::Cow;

/// Whether a spreadsheet may read a formula from this character on: the signs, their full-width forms (taken for the
/// signs under East Asian settings), and white space that an import drops.
fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    ) || matches!(c, '＝' | '＋' | '－' | '＠')
}

/// The text for a CSV cell: a text that a spreadsheet would evaluate gets an apostrophe in front.
///
/// A text that looks as if it already had one gets another, so that removing one apostrophe always restores the text.
#[must_use]
pub fn neutral(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_taken_for_formula(&text) { format!("'{text}").into() } else { text }
}

/// The text of a cell, without the apostrophe that [`neutral`] added.
#[must_use]
pub fn without_mark(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_taken_for_formula(text)).unwrap_or(cell)
}

fn is_taken_for_formula(text: &str) -> bool {
    text.trim_start_matches('\'').trim_start_matches(' ').starts_with(begins_formula)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_evaluate_becomes_text() {
        let hostile = [
            "=1+1",
            "+33 6",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\n=1",
            "\r\n=1",
            "＝1+1",
            "＋1",
            "－1",
            "＠A1",
            " =1",
            "'=1",
            "''-1",
            "'＝1",
            "\u{2028}=1",
        ];
        for text in hostile {
            assert_eq!(neutral(text.into()), format!("'{text}"), "one apostrophe more");
            assert_eq!(without_mark(&neutral(text.into())), text);
        }
        for harmless in ["a=1", "", "'été'", "12", " été", "a\n=1"] {
            assert_eq!(neutral(harmless.into()), harmless);
            assert_eq!(without_mark(harmless), harmless);
        }
    }
}
