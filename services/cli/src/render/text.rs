//! French numbers, dates and durations, display widths, and colours if the terminal shows them.

use std::borrow::Cow;

use cra_contracts::json::is_hidden;
use cra_domain::event::timestamp;
use cra_domain::french;
use jiff::civil::Date;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::style::Style;

pub(crate) use cra_domain::french::{NO_BREAK_SPACE, counted, minutes, share, thousands};

/// Emphasis of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Title,
    Figure,
    Bar,
    Quiet,
    Bad,
    Good,
}

/// The text in a tone; unchanged without colours.
pub(crate) fn toned(style: Style, tone: Tone, text: &str) -> String {
    if !style.colour || text.is_empty() {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Title => "1;36",
        Tone::Figure => "1",
        Tone::Bar => "36",
        Tone::Quiet => "2",
        Tone::Bad => "31",
        Tone::Good => "32",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// `1er mars 2024`; a malformed day is returned unchanged.
pub(crate) fn day(iso: &str) -> String {
    iso.parse().map_or_else(|_| printable(iso), french::day)
}

/// `01/03/2024`, for the narrow cells of tables; a malformed day is returned unchanged.
pub(crate) fn short_day(iso: &str) -> String {
    iso.parse::<Date>().map_or_else(|_| printable(iso), |date| date.strftime("%d/%m/%Y").to_string())
}

/// `1er mars 2024 à 10:05:00 (heure de Paris)`; "date inconnue" if the message is absent.
pub(crate) fn instant(message: Option<&prost_types::Timestamp>) -> String {
    let Ok(instant) = timestamp("timestamp", message) else {
        return "date inconnue".to_owned();
    };
    french::moment(instant)
}

/// The text without control characters, because names and messages come from other parties.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '·' } else { c }).collect()
}

/// A page without control characters except line breaks and the colours of [`toned`]. Pages consist of [`printable`]
/// texts; this catches one that was forgotten.
pub(crate) fn printable_page(text: &str) -> Cow<'_, str> {
    let mut characters = text.chars().peekable();
    let mut page = String::with_capacity(text.len());
    while let Some(c) = characters.next() {
        let is_allowed = match c {
            '\n' | '\t' => true,
            '\r' => characters.peek() == Some(&'\n'),
            '\u{1b}' => characters.peek() == Some(&'['),
            c => !is_hidden(c),
        };
        page.push(if is_allowed { c } else { '·' });
    }
    if page == text { Cow::Borrowed(text) } else { Cow::Owned(page) }
}

/// Display width of a text.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Fails if a line of a page is wider than the terminal.
#[cfg(test)]
pub(crate) fn assert_fits(page: &str, columns: usize) {
    for line in page.lines() {
        assert!(width(line) <= columns, "{columns}: {line}");
    }
}

/// The text left-aligned in exactly `columns`, truncated with an ellipsis if it is longer.
pub(crate) fn left(text: &str, columns: usize) -> String {
    let fitted = fitted(text, columns);
    let padding = columns.saturating_sub(width(&fitted));
    fitted + &" ".repeat(padding)
}

/// Like [`left`], right-aligned.
pub(crate) fn right(text: &str, columns: usize) -> String {
    let fitted = fitted(text, columns);
    " ".repeat(columns.saturating_sub(width(&fitted))) + &fitted
}

/// The text wrapped at spaces to lines of at most `columns`; longer words are split.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        for (index, piece) in pieces(word, columns).into_iter().enumerate() {
            match lines.last_mut() {
                Some(line) if index == 0 && line.is_empty() => *line = piece,
                Some(line) if index == 0 && width(line) + 1 + width(&piece) <= columns => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

/// The word in pieces of at most `columns`.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let taken = c.width().unwrap_or(0);
        if used > 0 && used + taken > columns {
            pieces.push(String::new());
            used = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
        used += taken;
    }
    pieces
}

fn fitted(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut left = columns.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else {
            break;
        };
        left = rest;
        fitted.push(c);
    }
    fitted + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_read_as_in_french() {
        assert_eq!(day("2024-03-01"), "1er mars 2024");
        assert_eq!(day("2024-12-25"), "25 décembre 2024");
        assert_eq!(day("demain"), "demain");
        assert_eq!(short_day("2024-03-01"), "01/03/2024");
        assert_eq!(short_day(""), "");
        let noon = prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 };
        assert_eq!(instant(Some(&noon)), "1er mars 2024 à 13:00:00 (heure de Paris)");
        assert_eq!(instant(None), "date inconnue");
    }

    #[test]
    fn a_cell_has_its_width_whatever_its_text() {
        for text in ["", "abc", "Échanger avec ses proches", "漢字漢字漢字", "e\u{301}te\u{301}s"] {
            for columns in [1, 4, 9, 30] {
                assert_eq!(width(&left(text, columns)), columns, "{text} in {columns}");
                assert_eq!(width(&right(text, columns)), columns, "{text} in {columns}");
            }
        }
        assert_eq!(left("Courriels", 5), "Cour…");
    }

    #[test]
    fn a_long_text_is_wrapped_at_spaces_and_complete() {
        assert_eq!(wrapped("Échanger avec ses proches", 13), ["Échanger avec", "ses proches"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("0190f3a0-0000", 5), ["0190f", "3a0-0", "000"]);
        assert_eq!(wrapped("a anticonstitutionnel b", 8), ["a", "anticons", "titution", "nel b"]);
        for line in wrapped("漢字漢字漢字 漢字", 5) {
            assert!(width(&line) <= 5, "{line}");
        }
    }

    #[test]
    fn control_characters_are_not_printed() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}d"), "a·[2Jb·c·d");
        assert_eq!(printable("Médiathèque n°1"), "Médiathèque n°1");
        for hidden in HIDDEN {
            assert_eq!(printable(&format!("a{hidden}b")), "a·b", "{hidden:?}");
        }
    }

    /// C0, DEL, C1 (a control sequence in one byte), line separators, direction marks and isolates.
    const HIDDEN: [char; 12] = [
        '\u{0}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}',
        '\u{2029}', '\u{202e}', '\u{2067}',
    ];

    #[test]
    fn a_page_keeps_only_its_lines_and_colours() {
        let page = "\u{1b}[1mA\u{1b}[0m\r\né\n";
        assert_eq!(printable_page(page), page);
        assert_eq!(printable_page("a\u{1b}]0;x\u{7}b\u{2028}c\u{202e}d\re"), "a·]0;x·b·c·d·e");
    }
}
