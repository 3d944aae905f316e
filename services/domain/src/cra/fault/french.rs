//! French messages of faults, for those who fill in the form.

use super::{Fault, counts, days, ids, places, quoted, texts};
use crate::vocabulary::Term;

impl Fault {
    /// French message, for those who fill in the form.
    #[must_use]
    pub fn message_fr(&self) -> String {
        match self {
            Self::CraIdInvalid(found) => ids::cra_id_fr(found),
            Self::Required(what) => format!("Indiquez {what}."),
            Self::UnknownNumber { number, choices } => unknown_number(*number, choices),
            Self::IdInvalid(found) => ids::invalid_fr(found),
            Self::DateInvalid(found) => days::invalid_fr(found),
            Self::DateTooEarly(date) => format!(
                "Le {} est antérieur au 01/01/2020, premier jour possible : corrigez la date.",
                date.strftime("%d/%m/%Y")
            ),
            Self::DateInFuture { date, today } => format!(
                "Le {} est dans le futur : nous sommes le {} sur place. Corrigez la date.",
                date.strftime("%d/%m/%Y"),
                today.strftime("%d/%m/%Y")
            ),
            Self::CommuneUnknown => "Cette commune est inconnue : choisissez-la dans la liste.".into(),
            Self::CommuneCodeUnknown { found, meant } => places::commune_unknown_fr(found, meant),
            Self::PostalCodeMismatch { found, commune } => places::mismatch_fr(found, *commune),
            Self::PostalCodeRequired { commune } => places::required_fr(*commune),
            Self::VenueNotAllowed => {
                "Un lieu d'activité ne se précise que pour une activité à ce lieu : retirez-le.".into()
            }
            Self::ParticipantsOutOfRange { found, min, max } => counts::participants_fr(found, *min, *max),
            Self::ReturningExceedsParticipants { returning, participants } => {
                counts::returning_fr(*returning, *participants)
            }
            Self::AgesSumMismatch { sum, participants } => {
                counts::sum_fr("Les tranches d'âge", *sum, *participants)
            }
            Self::StatusesSumMismatch { sum, participants } => {
                counts::sum_fr("Les statuts", *sum, *participants)
            }
            Self::ThemeClosed { label } => {
                format!("La thématique « {label} » n'existe plus : choisissez-en une autre.")
            }
            Self::SubThemeWithoutTheme { sub_theme, theme } => format!(
                "La précision « {sub_theme} » demande de choisir aussi la thématique « {theme} », ou d'être retirée."
            ),
            Self::Duplicate(what) => {
                format!("« {} » est déjà indiqué : ne le gardez qu'une fois.", quoted(what))
            }
            Self::AnnotationLength(length) => {
                texts::length_fr("La précision", length, ", ou laissez-la vide")
            }
            Self::TextLength(length) => texts::length_fr("Ce nom", length, ""),
            Self::ReasonLength(length) => texts::length_fr("Le motif", length, ""),
            Self::TextCharacter { character, letters_before } => {
                texts::character_fr(*character, *letters_before)
            }
            Self::TextInvalid { min, max } => {
                format!("Écrivez de {min} à {max} caractères, sans saut de ligne ni caractère de contrôle.")
            }
            Self::PersonalData(found) => texts::personal_fr(*found),
            Self::MinutesNotAllowed(minutes) => format!(
                "Les minutes ({minutes}) ne se précisent qu'avec la durée « 1h ou plus » : retirez-les."
            ),
            Self::MinutesInvalid(minutes) => counts::minutes_fr(*minutes),
            Self::FollowUpExceedsParticipants { sum, participants } => {
                counts::planned_fr(*sum, *participants)
            }
            Self::PeopleRequired => {
                "Indiquez au moins une personne orientée, ou retirez cette structure.".into()
            }
            Self::TooManyValues { found, max } => {
                format!(
                    "{found} valeurs pour au plus {max} : réduisez la liste, ou demandez en plusieurs fois."
                )
            }
            Self::Document(fault) => fault.message_fr(),
            Self::Question(question) => question.message_fr(),
        }
    }
}

/// Longest list of choices that a message gives in full.
const TOLD_MAX: usize = 5;

fn unknown_number(number: i32, choices: &[(i32, &'static Term)]) -> String {
    let choice = |(_, term): &(i32, &'static Term)| format!("« {} »", term.label);
    match choices {
        [first, .., last] if choices.len() > TOLD_MAX => format!(
            "La valeur {number} n'existe pas dans le formulaire : choisissez l'une des {} qu'il propose, de {} à {}.",
            choices.len(),
            choice(first),
            choice(last)
        ),
        choices => {
            let all: Vec<String> = choices.iter().map(choice).collect();
            let all = all.join(", ");
            let all = all.rsplit_once(", ").map_or(all.clone(), |(first, last)| format!("{first} ou {last}"));
            format!("La valeur {number} n'existe pas dans le formulaire : choisissez {all}.")
        }
    }
}
