//! JSON on one line that nothing obeys: no terminal, no reader that parts lines at U+2028, no text that turns its direction.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether a character has no shape and acts on what shows it: controls (C0, DEL, C1), separators of lines and paragraphs,
/// marks, embeddings and isolates of direction (Unicode's `Bidi_Control`), and the deprecated formats next to them.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// The value on one line, with every [hidden](is_hidden) character as a `\u` escape: the same value for a program.
#[must_use]
pub fn line(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(is_hidden) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        // They occur within texts alone, and all of them take one unit of UTF-16.
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
