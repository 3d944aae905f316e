//! Faults for those who write the client, in English.

use super::super::PersonalData;
use super::{Fault, TextLength, one_of, turns_direction};
use crate::spelling::is_invisible;

impl Fault {
    /// For those who write the client: what was expected and what to do.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::CraIdInvalid => "expected a UUID, chosen by the client and kept at every retry".into(),
            Self::Required(_) => "this field is mandatory; set it".into(),
            Self::UnknownValue(number) => {
                format!("{number} is no value of the form; take one of ReferenceService.GetVocabulary")
            }
            Self::UnknownWord(found) => format!("{found} is no value of that form"),
            Self::DocumentInvalid(found) => format!("expected the stored document as JSON: {found}"),
            Self::FormVersionUnknown => "expected 1, 2 or 3".into(),
            Self::IdInvalid => "expected 1 to 64 characters of [A-Za-z0-9._:-]".into(),
            Self::DateInvalid => "expected an existing calendar day, as YYYY-MM-DD".into(),
            Self::DateTooEarly => "expected a day from 2020-01-01 on".into(),
            Self::DateInFuture { today } => {
                format!("expected a day up to today, {today} where the activity took place")
            }
            Self::CommuneUnknown => {
                "no commune has this INSEE code; look it up with ReferenceService.SearchCommunes".into()
            }
            Self::PostalCodeMismatch { commune, accepted } => {
                format!("not a postal code of {commune}; expected {}", one_of(accepted, "no postal code"))
            }
            Self::PostalCodeRequired { commune, accepted } => {
                format!("{commune} has several postal codes; give one of {}", accepted.join(", "))
            }
            Self::VenueNotAllowed => "a venue goes with CHANNEL_VENUE only; leave it out".into(),
            Self::ParticipantsOutOfRange { min, max } => format!("expected {}", range(*min, *max)),
            Self::ReturningExceedsParticipants { participants } => {
                format!("expected at most the {participants} participants")
            }
            Self::AgesSumMismatch { sum, participants } => {
                format!("the ages add up to {sum}, expected the {participants} participants")
            }
            Self::StatusesSumMismatch { sum, participants } => {
                format!("the statuses add up to {sum}, expected the {participants} participants")
            }
            Self::ThemeClosed { .. } => "a theme of older forms; a new CRA cannot use it".into(),
            Self::SubThemeWithoutTheme { theme } => {
                format!("choose its theme ({theme}) too, or leave it out")
            }
            Self::Duplicate => "said before in this list; keep one".into(),
            Self::AnnotationLength(length) => format!("{}, or nothing", length_in_english(length)),
            Self::TextLength(length) | Self::ReasonLength(length) => length_in_english(length),
            Self::TextCharacter { character, letters_before } => format!(
                "character {} is {}; take it out",
                letters_before + 1,
                character_in_english(*character)
            ),
            Self::TextInvalid { min, max } => {
                format!("expected {min} to {max} characters, none of them a control character")
            }
            Self::PersonalData(found) => {
                format!("this looks like {}; a CRA holds no personal data: leave it out", in_english(*found))
            }
            Self::MinutesNotAllowed => {
                "minutes go with DURATION_BAND_ONE_HOUR_OR_MORE only; leave them out".into()
            }
            Self::MinutesInvalid => "expected a multiple of 15 from 60 to 480".into(),
            Self::FollowUpExceedsParticipants { sum, participants } => {
                format!("{sum} people planned, expected at most the {participants} participants")
            }
            Self::PeopleRequired => "expected at least 1 person; else leave the redirection out".into(),
            Self::Question(question) => question.description(),
        }
    }
}

fn in_english(found: PersonalData) -> &'static str {
    match found {
        PersonalData::Email => "an e-mail address",
        PersonalData::Phone => "a phone number",
        PersonalData::SocialSecurityNumber => "a social security number",
    }
}

fn length_in_english(length: &TextLength) -> String {
    let TextLength { letters, code_points, letters_min, letters_max, code_points_max } = length;
    if (letters_min..=letters_max).contains(&letters) {
        format!(
            "{letters} characters are made of {code_points} code points, expected at most {code_points_max}"
        )
    } else {
        format!("the text has {letters} characters, expected {letters_min} to {letters_max}")
    }
}

fn character_in_english(character: char) -> String {
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

fn range(min: u32, max: u32) -> String {
    if min == max { format!("exactly {min}") } else { format!("{min} to {max}") }
}
