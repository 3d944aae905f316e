//! Detects e-mail addresses, French phone numbers and social security numbers (NIR) in a free text: personal data that
//! a CRA must not contain.
//!
//! The detection looks at form, not at meaning: it does not find a name or a diagnosis. It must not match the numbers
//! that forms are full of (dates, times, ages, prices, five-digit codes); therefore a phone number must use one
//! separator throughout, and a long NIR must have a valid key. Numbers of services are not personal: those that begin
//! with 08 (0 805 …, 0892 …) and short ones (115, 3949).

use std::sync::LazyLock;

use regex_lite::Regex;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The kind of personal data that a text seems to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalData {
    /// An e-mail address.
    Email,
    /// A French phone number, overseas included.
    Phone,
    /// A social security number, with or without its key.
    SocialSecurityNumber,
}

/// The last character of the local part, an at sign in one of its written forms, a domain with a dot.
const EMAIL: &str =
    r"[a-z0-9_] ?(@|[(\[{] ?(?:at|arobase|a) ?[)\]}]|\barobase\b) ?[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}";

/// Ten digits from 0, or the country prefix and the digits after the 0, in the usual notations. The digit after the 0
/// is not 8, which is for services.
const PHONE: &str = concat!(
    r"(^|[^0-9])(",
    r"0[1-79]([0-9]{8}|( [0-9]{2}){4}|(\. ?[0-9]{2}){4}|( ?- ?[0-9]{2}){4}|( ?/ ?[0-9]{2}){4}|(_[0-9]{2}){4}",
    r"|[0-9]{2}( [0-9]{2}){3}|[0-9]{2} [0-9]{3} [0-9]{3}| [0-9]{4} [0-9]{4}| [0-9]{8})",
    r"|0 [1-79][0-9]{2} ([0-9]{2} [0-9]{2} [0-9]{2}|[0-9]{3} [0-9]{3})",
    r"|(\+ ?|00 ?)(33|262|590|594|596)[ .-]?0?[ .-]?[1-79]([ ./-]?[0-9]{2}){4}",
    r"|(\+ ?|00 ?)(33|262|590|594|596)[ .-]?0?[ .-]?[1-79][0-9]{2}([ .-]?[0-9]{3}){2}",
    r"|\+ ?689[ .-]?[0-9]{2}([ .-]?[0-9]{2}){3}",
    r"|\+ ?(508|681|687)[ .-]?[0-9]{2}([ .-]?[0-9]{2}){2}",
    r")($|[^0-9])",
);

/// Sex, year, month, department, commune, order; then the key. With these separations, or with none.
const NIR: &str = concat!(
    r"(^|[^0-9])",
    r"([12378])[ .-]?([0-9]{2})[ .-]?(0[1-9]|1[0-2]|[2-4][0-9]|[5-9][0-9])[ .-]?",
    r"([0-9]{2}|2a|2b)[ .-]?([0-9]{3})[ .-]?([0-9]{3})(?:[ ./-]{0,3}([0-9]{2}))?",
    r"($|[^0-9])",
);

static EMAIL_FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(EMAIL).ok());
static PHONE_FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PHONE).ok());
static NIR_FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(NIR).ok());

/// The personal data that a text seems to contain, if any.
#[must_use]
pub(super) fn personal_data(text: &str) -> Option<PersonalData> {
    if text.is_empty() {
        return None;
    }
    let text = folded(text);
    if matches(&EMAIL_FORM, &text) {
        return Some(PersonalData::Email);
    }
    if text.bytes().filter(u8::is_ascii_digit).count() < DIGITS_MIN {
        return None;
    }
    if holds_nir(&text) {
        return Some(PersonalData::SocialSecurityNumber);
    }
    let is_phone =
        matches(&PHONE_FORM, &text) || without_brackets(&text).iter().any(|it| matches(&PHONE_FORM, it));
    is_phone.then_some(PersonalData::Phone)
}

/// The text without its brackets, and with its brackets as spaces: `(06) 12 …`, `+33 (0)6 …`. Empty if it has no
/// brackets.
fn without_brackets(text: &str) -> Vec<String> {
    const BRACKETS: [char; 4] = ['(', ')', '[', ']'];
    if !text.contains(BRACKETS) {
        return Vec::new();
    }
    let spaced = text.replace(BRACKETS, " ");
    vec![text.replace(BRACKETS, ""), spaced.split_whitespace().collect::<Vec<_>>().join(" ")]
}

/// Number of digits of the shortest phone number: +687 and six digits.
const DIGITS_MIN: usize = 9;

fn matches(form: &LazyLock<Option<Regex>>, text: &str) -> bool {
    form.as_ref().is_some_and(|form| form.is_match(text))
}

/// Normal form for the detection: lower case, no accents, digits and signs of any width as plain ones, each run of
/// spaces as one space, dashes as one dash.
fn folded(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let words: Vec<&str> =
        plain.split(|c: char| c.is_whitespace() || c == '\u{200b}').filter(|word| !word.is_empty()).collect();
    words.join(" ").replace(['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}'], "-")
}

/// Number of separators between the parts of a NIR from the sex to the key, if all are written apart.
const SEPARATORS: usize = 6;

/// Thirteen digits are a NIR if they contain a calendar month. Fifteen are one if their key is valid, or if a calendar
/// month and all parts are written apart as on a card: a typing error in the key hides nothing.
fn holds_nir(text: &str) -> bool {
    let Some(form) = NIR_FORM.as_ref() else { return false };
    form.captures_iter(text).any(|found| {
        let part = |group| found.get(group).map_or("", |part| part.as_str());
        let has_calendar_month = part(4).parse().is_ok_and(|month: u8| (1..=12).contains(&month));
        let is_key_valid = |key: &str| {
            let digits: String = (2..=7).map(part).collect();
            key.parse().is_ok_and(|key: u64| key_of(&digits) == Some(key))
        };
        let is_apart = || {
            let parts: Vec<_> = (2..=8).filter_map(|group| found.get(group)).collect();
            parts.windows(2).filter(|pair| pair[0].end() < pair[1].start()).count() == SEPARATORS
        };
        match part(8) {
            "" => has_calendar_month,
            key => is_key_valid(key) || (has_calendar_month && is_apart()),
        }
    })
}

/// The key of the thirteen characters; Corsica's letters count as 19 and 18.
fn key_of(nir: &str) -> Option<u64> {
    let number: u64 = nir.replace("2a", "19").replace("2b", "18").parse().ok()?;
    Some(97 - number % 97)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PersonalData::{Email, Phone, SocialSecurityNumber};
    use super::*;

    #[test]
    fn the_three_patterns_compile() {
        assert!(EMAIL_FORM.is_some() && PHONE_FORM.is_some() && NIR_FORM.is_some());
    }

    #[test]
    fn an_email_address_is_found_in_every_notation() {
        for text in [
            "jean@orange.fr",
            "mail : Jean.Dupont+cra@mail.orange.fr",
            "jean @ orange.fr",
            "jean(at)orange.fr",
            "jean [at] orange.fr",
            "jean arobase orange.fr",
            "jean[arobase]orange.fr",
            "jean (arobase) orange.fr",
            "jean ( at ) orange.fr",
            "ｊｅａｎ＠ｏｒａｎｇｅ.ｆｒ",
            "hélène@numérique.fr",
        ] {
            assert_eq!(personal_data(text), Some(Email), "{text}");
        }
    }

    #[test]
    fn a_phone_number_is_found_in_every_notation() {
        for text in [
            "0612345678",
            "tel0612345678.",
            "06 12 34 56 78",
            "06\u{a0}12\u{a0}34  56 78",
            "06.12.34.56.78",
            "06-12-34-56-78",
            "06–12–34–56–78",
            "06/12/34/56/78",
            "0612 34 56 78",
            "06 1234 5678",
            "06 12345678",
            "0692 123 456",
            "+33612345678",
            "+33 6 12 34 56 78",
            "+33 (0)6 12 34 56 78",
            "0033 6 12 34 56 78",
            "+33 612 345 678",
            "+262 692 12 34 56",
            "+689 87 12 34 56",
            "+687 12 34 56",
            "(06) 12 34 56 78",
            "06 (12) 34 56 78",
            "(+33) 6 12 34 56 78",
            "+33(0)612345678",
            "+33 (0) 6 12 34 56 78",
            "0033 (0)6 12 34 56 78",
            "+330612345678",
            "salle 12(0612345678)",
            "06. 12. 34. 56. 78",
            "06 - 12 - 34 - 56 - 78",
            "06\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
            "06\u{2011}12\u{2011}34\u{2011}56\u{2011}78",
            "０６１２３４５６７８",
            "0 612 345 678",
            "appeler le 09 72 00 00 00",
            "rappeler au 01 23 45 67 89 lundi",
        ] {
            assert_eq!(personal_data(text), Some(Phone), "{text}");
        }
    }

    #[test]
    fn a_number_of_a_service_is_not_personal_data() {
        for text in [
            "08 00 12 34 56",
            "0800123456",
            "0 800 123 456",
            "0 805 11 22 33",
            "0892 70 10 10",
            "08.92.70.10.10",
            "08-92-70-10-10",
            "0892 701 010",
            "+33 8 92 70 10 10",
            "+33 (0)8 92 70 10 10",
            "0033 892 701 010",
            "+33892701010",
            "CAF 0810 25 25 10",
            "0899 123 456",
            "115",
            "3949 ou 39 49",
            "36 46 puis 3960",
            "119, 114, 3018",
        ] {
            assert_eq!(personal_data(text), None, "{text}");
        }
        assert_eq!(personal_data("0892 70 10 10 ou 06 12 34 56 78"), Some(Phone));
    }

    #[test]
    fn a_social_security_number_is_found_with_and_without_its_key() {
        for text in [
            "1 85 12 75 123 456",
            "1851275123456",
            "185127512345688",
            "1 85 12 75 123 456 88",
            "nir 1.85.12.75.123.456 / 88",
            "2 99 06 2A 004 012",
            "1 85 12 75 123 456 00",
            "n° 2 85 01 78 006 048 22",
            "1-85-12-75-123-456-00",
        ] {
            assert_eq!(personal_data(text), Some(SocialSecurityNumber), "{text}");
        }
        // Wrong key and no valid month.
        assert_eq!(personal_data("185127512345600"), None);
        assert_eq!(personal_data("1856375123456"), None);
    }

    #[test]
    fn ordinary_texts_are_accepted() {
        for text in [
            "",
            "3 personnes le 12/05",
            "salle 12",
            "2024",
            "le 05/12/2024 10h30",
            "05 12 2024 10 30",
            "01/02/2024-03/02/2024",
            "de 09:30 à 10:30, puis 11:00-12:00",
            "08h00 09h00 10h00 11h00 12h00",
            "35000 et 35238",
            "SIRET 130 025 265 00013",
            "SIREN 130025265",
            "ameli.fr, @caf, rdv @ mairie",
            "impots.gouv.fr + France Connect",
            "12 18 25 35 60 ans",
            "+60 ans : 10 20 30 40",
            "9 782 070 612 758",
            "3949, 3646, 115",
            "1 234 567 €",
            "IMEI 356938035643809",
        ] {
            assert_eq!(personal_data(text), None, "{text}");
        }
    }

    fn words() -> impl Strategy<Value = String> {
        "[a-zéèàç' ]{0,12}"
    }

    proptest! {
        #[test]
        fn no_day_hour_year_age_room_or_sum_is_taken_for_personal_data(
            (day, month, year) in (1..=31_u32, 1..=12_u32, 2020..2031_u32),
            (hour, minute, room, people, euros) in (0..24_u32, 0..60_u32, 0..1_000_u32, 1..101_u32, 0..100_000_u32),
            word in words(),
        ) {
            for text in [
                format!("{people} personnes le {day:02}/{month:02}"),
                format!("{word} salle {room} {day:02}/{month:02}/{year}"),
                format!("le {day:02}/{month:02}/{year} {hour:02}h{minute:02}"),
                format!("{day:02}.{month:02}.{year} {hour:02}:{minute:02} salle {room}"),
                format!("{day:02}-{month:02}-{year} {hour} {minute}"),
                format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}"),
                format!("{word}{euros} € {people} pers. {year}"),
                format!("{hour:02}h{minute:02}-{hour:02}h59 {room} {euros:05}"),
            ] {
                prop_assert_eq!(personal_data(&text), None, "{}", text);
            }
        }

        #[test]
        fn any_phone_number_is_found_among_any_words(
            number in (100_000_000..1_000_000_000_u64).prop_filter("of a service", |it| it / 100_000_000 != 8),
            (before, after) in (words(), words()),
            separator in prop::sample::select(vec!["", " ", ".", "-", "/"]),
        ) {
            let digits = format!("0{number}");
            let pairs: Vec<&str> = (0..5).map(|pair| &digits[2 * pair..2 * pair + 2]).collect();
            let text = format!("{before}{}{after}", pairs.join(separator));
            prop_assert_eq!(personal_data(&text), Some(Phone), "{}", text);
            let abroad = format!("{before} +33 {} {}{after}", &digits[1..2], pairs[1..].join(separator));
            prop_assert_eq!(personal_data(&abroad), Some(Phone), "{}", abroad);
        }

        #[test]
        fn no_number_of_a_service_is_taken_for_personal_data(
            number in 800_000_000..900_000_000_u64,
            (before, after) in (words(), words()),
            separator in prop::sample::select(vec!["", " ", ".", "-", "/"]),
        ) {
            let digits = format!("0{number}");
            let pairs: Vec<&str> = (0..5).map(|pair| &digits[2 * pair..2 * pair + 2]).collect();
            for text in [
                format!("{before}{}{after}", pairs.join(separator)),
                format!("{before} 0 {} {} {}{after}", &digits[1..4], &digits[4..7], &digits[7..]),
                format!("{before} +33 {} {}{after}", &digits[1..2], pairs[1..].join(separator)),
            ] {
                prop_assert_eq!(personal_data(&text), None, "{}", text);
            }
        }

        #[test]
        fn any_social_security_number_is_found_by_its_key(
            (sex, year, month) in (1..3_u64, 0..100_u64, 1..13_u64),
            (department, commune, order) in (1..96_u64, 1..1_000_u64, 1..1_000_u64),
            (before, after) in (words(), words()),
        ) {
            let nir = format!("{sex}{year:02}{month:02}{department:02}{commune:03}{order:03}");
            let key = key_of(&nir).unwrap();
            for text in [format!("{before}{nir}{key:02}{after}"), format!("{before}{nir} {key:02}{after}"), nir] {
                prop_assert_eq!(personal_data(&text), Some(SocialSecurityNumber), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_the_detection_panic(text in any::<String>()) {
            let _ = personal_data(&text);
        }
    }
}
