//! Messages about a malformed identifier: its invalid characters, or its length.

use super::super::Id;
use super::quoted;

/// Maximum number of invalid characters that a message names.
const NAMED_MAX: usize = 5;

/// The name of a space: what is written around an identifier cannot be seen in the message, which quotes it trimmed.
struct Space {
    inside: &'static str,
    around: &'static str,
}

const SPACE_EN: Space = Space { inside: "a space", around: "a space before or after it" };
const SPACE_FR: Space = Space { inside: "espace", around: "espace avant ou après" };

/// The characters that an identifier cannot have, each once, in a readable form.
fn wrong(found: &str, is_right: fn(char) -> bool, space: &Space) -> Vec<String> {
    let space = if found.trim().contains(is_space) { space.inside } else { space.around };
    let mut wrong: Vec<char> = Vec::new();
    for c in found.chars().filter(|c| !is_right(*c)) {
        if !wrong.contains(&c) {
            wrong.push(c);
        }
    }
    let named = wrong.iter().take(NAMED_MAX).map(|c| match c {
        c if is_space(*c) => space.to_owned(),
        c if c.is_control() || c.is_whitespace() || crate::spelling::is_invisible(*c) => {
            format!("U+{:04X}", u32::from(*c))
        }
        c => c.to_string(),
    });
    named.collect()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}')
}

fn is_of_an_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".-_:".contains(c)
}

fn is_of_a_uuid(c: char) -> bool {
    c.is_ascii_hexdigit() || "-{}".contains(c)
}

pub(super) fn invalid_en(found: &str) -> String {
    let expected = "expected 1 to 64 characters of [A-Za-z0-9._:-]";
    let (text, length, wrong) = (quoted(found), found.chars().count(), wrong(found, is_of_an_id, &SPACE_EN));
    if wrong.is_empty() {
        format!("{text:?} has {length} characters, {expected}")
    } else {
        format!("{text:?} has {}, {expected}", wrong.join(", "))
    }
}

pub(super) fn invalid_fr(found: &str) -> String {
    let (text, length, wrong) = (quoted(found), found.chars().count(), wrong(found, is_of_an_id, &SPACE_FR));
    if wrong.is_empty() {
        format!(
            "L'identifiant « {text} » compte {length} caractères : {} au plus sont acceptés.",
            Id::LENGTH_MAX
        )
    } else {
        format!(
            "L'identifiant « {text} » contient un caractère qui n'est pas accepté ({}) : écrivez-le avec des lettres \
             sans accent, des chiffres, des points, des tirets, des soulignés ou des deux-points.",
            wrong.join(", ")
        )
    }
}

pub(super) fn cra_id_en(found: &str) -> String {
    let expected = "expected a UUID, chosen by the client and kept at every retry";
    let wrong = wrong(found, is_of_a_uuid, &SPACE_EN);
    if found.is_empty() {
        format!("the id is empty, {expected}")
    } else if wrong.is_empty() {
        format!("{:?} has {} hexadecimal digits instead of 32, {expected}", quoted(found), digits(found))
    } else {
        format!("{:?} has {}, {expected}", quoted(found), wrong.join(", "))
    }
}

pub(super) fn cra_id_fr(found: &str) -> String {
    let text = quoted(found);
    let wrong = wrong(found, is_of_a_uuid, &SPACE_FR);
    let expected = "un compte-rendu porte un UUID, comme 0190b2c4-0000-7000-8000-000000000001";
    if found.is_empty() {
        format!("L'identifiant du compte-rendu manque : {expected}.")
    } else if wrong.is_empty() {
        format!(
            "L'identifiant « {text} » n'est pas valide, avec {} chiffres hexadécimaux au lieu de 32 : {expected}.",
            digits(found)
        )
    } else {
        format!(
            "L'identifiant « {text} » n'est pas valide, à cause de : {}. En effet, {expected}.",
            wrong.join(", ")
        )
    }
}

fn digits(found: &str) -> usize {
    found.chars().filter(char::is_ascii_hexdigit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_identifier_is_refused_with_its_invalid_characters_or_its_length() {
        assert!(invalid_fr("a b/é").contains("(espace, /, é)"), "{}", invalid_fr("a b/é"));
        assert!(invalid_en("a b\u{200b}").contains("a space, U+200B"), "{}", invalid_en("a b\u{200b}"));
        assert!(invalid_fr(" a").contains("(espace avant ou après)"), "{}", invalid_fr(" a"));
        assert!(invalid_en("a\u{a0}").contains("a space before or after it"), "{}", invalid_en("a\u{a0}"));
        assert!(invalid_fr(&"x".repeat(65)).contains("compte 65 caractères : 64 au plus"));
        assert!(cra_id_fr("0190b2c4-0000-7000-8000-00000000000g").contains("à cause de : g"));
        assert!(cra_id_fr("0190b2c4").contains("avec 8 chiffres hexadécimaux au lieu de 32"));
        assert!(cra_id_fr("").contains("manque"));
        assert!(cra_id_en("12 ").contains("a space"));
    }
}
