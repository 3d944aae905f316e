//! English descriptions of faults, for client developers.

use super::{Fault, counts, days, ids, places, quoted, texts};
use crate::vocabulary::Term;

impl Fault {
    /// English description, for client developers: what is expected and what to do.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::CraIdInvalid(found) => ids::cra_id_en(found),
            Self::Required(_) => "this field is mandatory; set it".into(),
            Self::UnknownNumber { number, choices } => unknown_number(*number, choices),
            Self::IdInvalid(found) => ids::invalid_en(found),
            Self::DateInvalid(found) => days::invalid_en(found),
            Self::DateTooEarly(date) => format!("found {date}, expected a day from 2020-01-01 on"),
            Self::DateInFuture { date, today } => {
                format!("found {date}, expected a day up to today, {today} where the activity took place")
            }
            Self::CommuneUnknown => {
                "no commune has this INSEE code; look it up with ReferenceService.SearchCommunes".into()
            }
            Self::CommuneCodeUnknown { found, meant } => places::commune_unknown_en(found, meant),
            Self::PostalCodeMismatch { found, commune } => places::mismatch_en(found, *commune),
            Self::PostalCodeRequired { commune } => places::required_en(*commune),
            Self::VenueNotAllowed => "a venue goes with CHANNEL_VENUE only; leave it out".into(),
            Self::ParticipantsOutOfRange { found, min, max } => counts::participants_en(found, *min, *max),
            Self::ReturningExceedsParticipants { returning, participants } => {
                counts::returning_en(*returning, *participants)
            }
            Self::AgesSumMismatch { sum, participants } => counts::sum_en("ages", *sum, *participants),
            Self::StatusesSumMismatch { sum, participants } => {
                counts::sum_en("statuses", *sum, *participants)
            }
            Self::ThemeClosed { .. } => "a theme of older forms; a new CRA cannot use it".into(),
            Self::SubThemeWithoutTheme { sub_theme, theme } => {
                format!(
                    "{sub_theme:?} goes with the theme {theme:?}; choose it too, or leave the sub-theme out"
                )
            }
            Self::Duplicate(what) => format!("{:?} occurs earlier in this list; keep one", quoted(what)),
            Self::AnnotationLength(length) => format!("{}, or nothing", texts::length_en(length)),
            Self::TextLength(length) | Self::ReasonLength(length) => texts::length_en(length),
            Self::TextCharacter { character, letters_before } => {
                texts::character_en(*character, *letters_before)
            }
            Self::TextInvalid { min, max } => {
                format!("expected {min} to {max} characters, none of them a control character")
            }
            Self::PersonalData(found) => texts::personal_en(*found),
            Self::MinutesNotAllowed(minutes) => format!(
                "found {minutes} minutes, which go with DURATION_BAND_ONE_HOUR_OR_MORE only; leave them out"
            ),
            Self::MinutesInvalid(minutes) => counts::minutes_en(*minutes),
            Self::FollowUpExceedsParticipants { sum, participants } => {
                counts::planned_en(*sum, *participants)
            }
            Self::PeopleRequired => "expected at least 1 person; else leave the redirection out".into(),
            Self::TooManyValues { found, max } => {
                format!("found {found} values, expected at most {max}; send each value once, or ask in parts")
            }
            Self::Document(fault) => fault.description(),
            Self::Question(question) => question.description(),
        }
    }
}

/// Longest list of choices that a message gives in full.
const TOLD_MAX: usize = 5;

fn unknown_number(number: i32, choices: &[(i32, &'static Term)]) -> String {
    let choice = |(number, term): &(i32, &'static Term)| format!("{} ({number})", term.name);
    match choices {
        [first, .., last] if choices.len() > TOLD_MAX => format!(
            "{number} is no value of the form; expected one of {}, from {} to {}: see ReferenceService.GetVocabulary",
            choices.len(),
            choice(first),
            choice(last)
        ),
        choices => {
            let all: Vec<String> = choices.iter().map(choice).collect();
            format!("{number} is no value of the form; expected one of {}", all.join(", "))
        }
    }
}
