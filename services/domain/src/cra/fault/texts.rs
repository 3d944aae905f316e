//! Messages about a free text, in both languages.

use super::super::PersonalData;
use super::{TextLength, turns_direction};
use crate::spelling::is_invisible;

pub(super) fn length_en(length: &TextLength) -> String {
    let TextLength { letters, code_points, letters_min, letters_max, code_points_max } = length;
    if (letters_min..=letters_max).contains(&letters) {
        format!(
            "{letters} characters are made of {code_points} code points, expected at most {code_points_max}"
        )
    } else {
        format!("the text has {letters} characters, expected {letters_min} to {letters_max}")
    }
}

pub(super) fn character_en(character: char, before: usize) -> String {
    format!("character {} is {}; take it out", before + 1, name_en(character))
}

fn name_en(character: char) -> String {
    let code = u32::from(character);
    match character {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => "a line break".to_owned(),
        '\t' => "a tab".to_owned(),
        _ if character.is_control() => format!("a control character (U+{code:04X})"),
        _ if turns_direction(character) => format!("one that turns the direction of writing (U+{code:04X})"),
        _ if is_invisible(character) => format!("one that shows nothing (U+{code:04X})"),
        _ => format!("none that Unicode gives a meaning (U+{code:04X})"),
    }
}

pub(super) fn personal_en(found: PersonalData) -> String {
    let found = match found {
        PersonalData::Email => "an e-mail address",
        PersonalData::Phone => "a phone number",
        PersonalData::SocialSecurityNumber => "a social security number",
    };
    format!("this looks like {found}; a CRA holds no personal data: leave it out")
}

/// `or_else` names the alternative to a longer or shorter text.
pub(super) fn length_fr(what: &str, length: &TextLength, or_else: &str) -> String {
    let TextLength { letters, code_points, letters_min, letters_max, code_points_max } = *length;
    let plural = |count| if count > 1 { "s" } else { "" };
    if letters == 0 {
        format!("{what} est vide : écrivez au moins {letters_min} caractère{}{or_else}.", plural(letters_min))
    } else if letters < letters_min {
        format!(
            "{what} ne compte que {letters} caractère{} : écrivez-en au moins {letters_min}{or_else}.",
            plural(letters)
        )
    } else if letters > letters_max {
        format!("{what} compte {letters} caractères : gardez-en {letters_max} au plus{or_else}.")
    } else {
        format!(
            "{what} compte {code_points} signes avec les accents et les émojis composés : gardez-en \
             {code_points_max} au plus{or_else}."
        )
    }
}

pub(super) fn character_fr(character: char, before: usize) -> String {
    let rank = before + 1;
    let ordinal = if rank == 1 { "1er" } else { &format!("{rank}e") };
    format!("Le {ordinal} caractère de ce texte est {} : retirez-le.", name_fr(character))
}

/// Masculine, to agree with the rest of the sentence.
fn name_fr(character: char) -> String {
    let code = u32::from(character);
    match character {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => "un saut de ligne".to_owned(),
        '\t' => "un caractère de tabulation".to_owned(),
        _ if character.is_control() => format!("un caractère de contrôle (U+{code:04X})"),
        _ if turns_direction(character) => {
            format!("un caractère invisible qui change le sens de l'écriture (U+{code:04X})")
        }
        _ if is_invisible(character) => format!("un caractère invisible (U+{code:04X})"),
        _ => format!("un signe sans signification connue (U+{code:04X})"),
    }
}

pub(super) fn personal_fr(found: PersonalData) -> String {
    let found = match found {
        PersonalData::Email => "un courriel (adresse e-mail)",
        PersonalData::Phone => "un numéro de téléphone",
        PersonalData::SocialSecurityNumber => "un numéro de sécurité sociale",
    };
    format!(
        "Ce texte semble contenir {found} : retirez-le, un compte-rendu ne contient aucune donnée personnelle."
    )
}
