//! Numbers, shares and durations as a French reader writes them.

/// Separates thousands.
const NARROW_NO_BREAK_SPACE: char = '\u{202f}';
/// Precedes a percent sign or a unit.
pub const NO_BREAK_SPACE: char = '\u{a0}';

/// `1 234 567`, with narrow no-break spaces.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(NARROW_NO_BREAK_SPACE);
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, which is plural from 2 on, as in French.
#[must_use]
pub fn counted(number: u64, singular: &str, plural: &str) -> String {
    format!("{}{NO_BREAK_SPACE}{}", thousands(number), if number < 2 { singular } else { plural })
}

/// `12,5 %` for 125.
#[must_use]
pub fn share(per_mille: u32) -> String {
    format!("{},{}{NO_BREAK_SPACE}%", per_mille / 10, per_mille % 10)
}

/// `1 234 h 05`, `45 min`.
#[must_use]
pub fn minutes(minutes: u64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, rest) => format!("{rest}{NO_BREAK_SPACE}min"),
        (hours, 0) => format!("{}{NO_BREAK_SPACE}h", thousands(hours)),
        (hours, rest) => format!("{}{NO_BREAK_SPACE}h{NO_BREAK_SPACE}{rest:02}", thousands(hours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_french() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(share(125), "12,5\u{a0}%");
        assert_eq!(share(1_000), "100,0\u{a0}%");
        assert_eq!(counted(1, "jour", "jours"), "1\u{a0}jour");
        assert_eq!(counted(0, "jour", "jours"), "0\u{a0}jour");
        assert_eq!(counted(2, "jour", "jours"), "2\u{a0}jours");
    }

    #[test]
    fn minutes_read_as_hours_and_minutes() {
        assert_eq!(minutes(0), "0\u{a0}min");
        assert_eq!(minutes(45), "45\u{a0}min");
        assert_eq!(minutes(120), "2\u{a0}h");
        assert_eq!(minutes(60_065), "1\u{202f}001\u{a0}h\u{a0}05");
    }
}
