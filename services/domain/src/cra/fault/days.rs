//! Messages about a day that is not written as `YYYY-MM-DD`: what was probably meant, and whether that day exists.

use jiff::civil::Date;

use super::quoted;
use crate::french::MONTHS;
use crate::spelling;

/// The probable meaning of a text that is not a day in the contract's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    /// This day, in another notation.
    Day(Date),
    /// A day that does not exist.
    NoSuchDay { year: i16, month: i8 },
}

/// English description, for client developers.
pub(super) fn invalid_en(found: &str) -> String {
    match meant(found) {
        Some(Meant::Day(day)) if found.trim() == day.to_string() => {
            format!("found {day} with spaces around it, expected {:?}", day.to_string())
        }
        Some(Meant::Day(day)) => format!("found {:?}, expected {:?}", quoted(found), day.to_string()),
        Some(Meant::NoSuchDay { year, month }) => match last_day(year, month) {
            Some(days) => format!(
                "{:?} does not exist: {year}-{month:02} has {days} days; expected an existing calendar day, as YYYY-MM-DD",
                quoted(found)
            ),
            None => format!(
                "{:?} does not exist: a year has 12 months; expected an existing calendar day, as YYYY-MM-DD",
                quoted(found)
            ),
        },
        None => format!("found {:?}, expected an existing calendar day, as YYYY-MM-DD", quoted(found)),
    }
}

/// French message, for those who fill in the form.
pub(super) fn invalid_fr(found: &str) -> String {
    let text = quoted(found);
    match meant(found) {
        Some(Meant::Day(day)) if found.trim() == day.to_string() => {
            format!("Retirez les espaces autour de la date « {day} ».")
        }
        Some(Meant::Day(day)) => {
            format!("Écrivez la date « {text} » sous la forme « {day} » (année-mois-jour).")
        }
        Some(Meant::NoSuchDay { year, month }) => match (last_day(year, month), month_name(month)) {
            (Some(days), Some(name)) => format!(
                "La date « {text} » n'existe pas : en {year}, le mois {} compte {days} jours. Corrigez-la.",
                of(name)
            ),
            _ => format!("La date « {text} » n'existe pas : l'année compte 12 mois. Corrigez-la."),
        },
        None => format!(
            "La date « {text} » n'est pas un jour du calendrier : écrivez-la sous la forme année-mois-jour, comme \
             « 2024-02-29 »."
        ),
    }
}

fn of(month: &str) -> String {
    if month.starts_with(['a', 'o']) { format!("d'{month}") } else { format!("de {month}") }
}

fn month_name(month: i8) -> Option<&'static str> {
    MONTHS.get(usize::try_from(month.checked_sub(1)?).ok()?).copied()
}

fn last_day(year: i16, month: i8) -> Option<i8> {
    Date::new(year, month, 1).ok().map(Date::days_in_month)
}

fn meant(text: &str) -> Option<Meant> {
    let text = spelling::plain(text);
    // Drops a time after the day.
    let text = text.split(['t', ' ']).next().filter(|day| is_numeric(day) && day.len() > 7).unwrap_or(&text);
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let parts: Vec<&str> = words.into_iter().filter(|word| !is_filling(word)).collect();
    let (year, month, day) = match parts[..] {
        [digits] => of_digits(digits)?,
        [year, month, day] if year.len() == 4 => (year, month, day),
        [day, month, year] if year.len() == 4 => (year, month, day),
        [day, month, year] if year.len() == 2 => return day_of(&format!("20{year}"), month, day),
        _ => return None,
    };
    day_of(year, month, day)
}

fn is_numeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || b"-/.".contains(&byte))
}

/// `le lundi 4 mars 2024`.
fn is_filling(word: &str) -> bool {
    word == "le" || crate::french::WEEKDAYS.contains(&word)
}

/// Digits without separators: `20240304`, `04032024`.
fn of_digits(digits: &str) -> Option<(&str, &str, &str)> {
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.starts_with("19") || digits.starts_with("20") && !digits.ends_with("2020") {
        Some((&digits[..4], &digits[4..6], &digits[6..]))
    } else {
        Some((&digits[4..], &digits[2..4], &digits[..2]))
    }
}

fn day_of(year: &str, month: &str, day: &str) -> Option<Meant> {
    let year: i16 = year.parse().ok()?;
    let month: i8 = month.parse().ok().or_else(|| month_of(month))?;
    let day: i8 = day.strip_suffix("er").unwrap_or(day).parse().ok()?;
    Some(Date::new(year, month, day).map_or(Meant::NoSuchDay { year, month }, Meant::Day))
}

/// The month of a name or an unambiguous prefix.
fn month_of(name: &str) -> Option<i8> {
    let begins = |month: &&str| name.len() >= 3 && spelling::key(month).starts_with(name);
    let mut found = MONTHS.iter().enumerate().filter(|(_, month)| begins(month));
    let (index, _) = found.next()?;
    if found.next().is_some() { None } else { i8::try_from(index + 1).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_another_notation_is_refused_with_the_expected_notation() {
        for text in [
            "29/02/2024",
            "29-02-2024",
            "29.02.2024",
            "29/2/2024",
            "29/02/24",
            "2024-2-29",
            "2024/02/29",
            "20240229",
            "29022024",
            "29 février 2024",
            "29 FEVR. 2024",
            "jeudi 29 février 2024",
            "le 29 février 2024",
            "2024-02-29T10:00:00Z",
            "2024-02-29 10:00",
            " 2024-02-29T00:00",
            "29/02/2024 10:30",
        ] {
            assert_eq!(meant(text), Some(Meant::Day(jiff::civil::date(2024, 2, 29))), "{text}");
            assert!(invalid_fr(text).contains("« 2024-02-29 »"), "{text}");
            assert!(invalid_en(text).contains("\"2024-02-29\""), "{text}");
        }
        for text in [" 2024-02-29", "2024-02-29\u{a0}\n"] {
            assert_eq!(invalid_fr(text), "Retirez les espaces autour de la date « 2024-02-29 ».");
            assert!(invalid_en(text).contains("spaces around it"), "{}", invalid_en(text));
        }
        assert_eq!(meant("1er mars 2024"), Some(Meant::Day(jiff::civil::date(2024, 3, 1))));
    }

    #[test]
    fn a_day_that_does_not_exist_is_reported_as_such() {
        for (text, days) in [
            ("29/02/2023", "en 2023, le mois de février compte 28 jours"),
            ("2023-02-29", "en 2023, le mois de février compte 28 jours"),
            ("31 avril 2024", "en 2024, le mois d'avril compte 30 jours"),
            ("2024-13-01", "l'année compte 12 mois"),
            ("12/31/2024", "l'année compte 12 mois"),
        ] {
            assert!(invalid_fr(text).contains(days), "{}", invalid_fr(text));
            assert!(invalid_en(text).contains("does not exist"), "{}", invalid_en(text));
        }
    }

    #[test]
    fn a_text_that_is_not_a_day_gets_an_example() {
        for text in
            ["", " ", "hier", "mars 2024", "29/02", "jui 2024", "1 jui 2024", "2024", "é", "99999999999/1/1"]
        {
            assert_eq!(meant(text), None, "{text}");
            assert!(invalid_fr(text).contains("année-mois-jour, comme « 2024-02-29 »"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_messages_panic(text: String) {
            let _ = (invalid_fr(&text), invalid_en(&text));
        }
    }
}
