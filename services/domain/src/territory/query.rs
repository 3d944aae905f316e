//! Splits a typed search for a commune into words of a name and codes that narrow it.

use super::fold::fold_as_typed;
use super::table::Commune;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The words that are not codes, as typed: the last one may be the start of a word.
    pub(super) name: String,
    /// Postal codes, official codes or departments, or the first characters of one; upper case.
    pub(super) codes: Vec<String>,
    /// All words except those after CEDEX, as in "lyon 3".
    pub(super) text: String,
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let folded = fold_as_typed(text);
        let mut words: Vec<String> = Vec::new();
        let mut after_cedex = false;
        for word in folded.split(' ').filter(|word| !word.is_empty()) {
            if after_cedex && is_number(word) && word.len() <= 2 {
                continue;
            }
            after_cedex = word == "cedex";
            match words.last_mut() {
                _ if after_cedex => {}
                // "35 000", a common notation of postal codes.
                Some(before)
                    if is_number(before) && is_number(word) && before.len() == 2 && word.len() == 3 =>
                {
                    before.push_str(word);
                }
                _ => words.push(word.to_owned()),
            }
        }
        let text = words.join(" ");
        let only_word = words.len() == 1;
        let is_code = |word: &String| (is_number(word) && (word.len() > 1 || only_word)) || is_corsican(word);
        let (codes, names): (Vec<_>, Vec<_>) = words.into_iter().partition(is_code);
        let codes = codes.into_iter().map(|code| code.to_ascii_uppercase()).collect();
        Self { name: names.join(" "), codes, text }
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// "2a", "2b", and the codes that start with them.
fn is_corsican(word: &str) -> bool {
    let digits = word.strip_prefix("2a").or_else(|| word.strip_prefix("2b"));
    digits.is_some_and(|digits| digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a commune is in the department of this code, or has a postal code that starts with it.
pub(super) fn is_of(commune: &Commune, code: &str) -> bool {
    commune.department == code || commune.postal_codes().iter().any(|own| own.starts_with(code))
}

/// Whether a commune's official code starts with this one.
pub(super) fn is_coded(commune: &Commune, code: &str) -> bool {
    commune.code.starts_with(code)
}

/// Whether a commune is in the department of a postal code that belongs to no commune, such as a CEDEX code.
pub(super) fn is_near(commune: &Commune, code: &str) -> bool {
    let overseas = code.starts_with("97") || code.starts_with("98");
    let start = code.get(..if overseas { 3 } else { 2 });
    code.len() == 5 && start.is_some_and(|start| is_of(commune, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_separated() {
        for (typed, name, codes) in [
            ("35000 RENNES", "rennes", &["35000"] as &[&str]),
            ("Rennes (35000)", "rennes", &["35000"]),
            ("35 000 rennes", "rennes", &["35000"]),
            ("rennes 35", "rennes", &["35"]),
            ("974 saint denis", "saint denis", &["974"]),
            ("RENNES CEDEX 7", "rennes", &[]),
            ("35042 Rennes Cedex", "rennes", &["35042"]),
            ("lyon 3", "lyon 3", &[]),
            ("lyon 3e", "lyon 3e", &[]),
            ("2a", "", &["2A"]),
            ("2A004", "", &["2A004"]),
            ("ajaccio 2a", "ajaccio", &["2A"]),
            ("7", "", &["7"]),
            ("cedex", "", &[]),
            ("", "", &[]),
        ] {
            let query = Query::parse(typed);
            assert_eq!(
                (query.name.as_str(), query.codes),
                (name, codes.iter().map(|c| (*c).into()).collect()),
                "{typed}"
            );
        }
    }
}
