//! Days and numbers as people and spreadsheets write them.

use jiff::civil::{Date, DateTime, Time};

/// Blanks that spreadsheets and keyboards put around values and between thousands.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// Parses a whole number; `None` for an empty text. Blanks between thousands and zero decimals are ignored.
pub(super) fn count(text: &str) -> Result<Option<u32>, String> {
    let compact: String = text.chars().filter(|c| !is_blank(*c)).collect();
    if compact.is_empty() {
        return Ok(None);
    }
    let whole = match compact.split_once([',', '.']) {
        Some((whole, decimals)) if decimals.chars().all(|c| c == '0') => whole,
        _ => &compact,
    };
    let digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    whole.parse().ok().filter(|_| digits).map(Some).ok_or_else(|| {
        format!("« {text} » n'est pas un nombre entier, positif ou nul ; écrivez par exemple 12")
    })
}

/// Parses minutes written as such: `90`, `90 min`, `1h30`. `None` for a text in another notation.
pub(super) fn minutes(text: &str) -> Option<u32> {
    let compact: String = text.chars().filter(|c| !is_blank(*c)).flat_map(char::to_lowercase).collect();
    let number = |text: &str| -> Option<u32> {
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some((hours, rest)) = compact.split_once('h') {
        let rest = rest.trim_end_matches("min").trim_end_matches("mn");
        let rest = if rest.is_empty() { 0 } else { number(rest)? };
        return number(hours)?.checked_mul(60)?.checked_add(rest);
    }
    let compact = compact.trim_end_matches("minutes").trim_end_matches("min").trim_end_matches("mn");
    number(compact.strip_suffix(",0").unwrap_or(compact)).filter(|minutes| *minutes > 0)
}

/// Parses a calendar day to ISO 8601. Accepts 29/02/2024, 29-02-2024, 29.02.2024 and 2024-02-29, each with or without a
/// time of midnight. Returns an empty text for an empty text.
pub(super) fn day(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    french_day(text).or_else(|| iso_day(text)).map(|day| day.to_string()).ok_or_else(|| {
        format!(
            "« {text} » n'est pas un jour du calendrier ; écrivez le jour, le mois puis l'année : 29/02/2024, ou \
             2024-02-29"
        )
    })
}

fn iso_day(text: &str) -> Option<Date> {
    // The parser also takes 20240229, which may be any number.
    let moment =
        text.trim_end_matches('Z').parse::<DateTime>().ok().filter(|_| text.get(4..5) == Some("-"))?;
    (moment.time() == Time::midnight()).then(|| moment.date())
}

fn french_day(text: &str) -> Option<Date> {
    let (day, time) = text.split_once(' ').unwrap_or((text, ""));
    if !time.chars().all(|c| matches!(c, '0' | ':')) {
        return None;
    }
    let parts: Vec<&str> = day.split(['/', '-', '.']).collect();
    let [day, month, year] = parts[..] else { return None };
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| -> Option<i16> {
        let well_formed = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| well_formed)
    };
    let (day, month) = (number(day, 1..=2)?, number(month, 1..=2)?);
    let year = match year.len() {
        2 => 2000 + number(year, 2..=2)?,
        _ => number(year, 4..=4)?,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
