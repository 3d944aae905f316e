//! JSON on one line with no hidden characters: it cannot control a terminal, be split at U+2028, or change the
//! direction of text.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether a character is invisible and changes how text is shown: controls (C0, DEL, C1), line and paragraph
/// separators, direction marks, embeddings and isolates (Unicode's `Bidi_Control`), and the deprecated format
/// characters next to them.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// The value on one line, with every [hidden](is_hidden) character as a `\u` escape. A program reads the same value.
#[must_use]
pub fn line(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(is_hidden) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        // Hidden characters occur only within texts, and each takes one UTF-16 unit.
        if is_hidden(c) {
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_value_and_holds_nothing_hidden() {
        let hidden = [
            '\u{0}', '\n', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{2028}',
            '\u{2029}', '\u{202e}', '\u{2067}',
        ];
        let value =
            serde_json::json!({ hidden.iter().collect::<String>(): hidden.map(String::from), "é": "👩‍🌾" });
        let text = line(&value);
        assert!(!text.contains(is_hidden), "{text:?}");
        assert!(text.contains("\\u2028") && text.contains("👩‍🌾"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
