//! Faults for those who fill the form, in French.

use super::super::PersonalData;
use super::{Fault, TextLength, one_of, turns_direction};
use crate::spelling::is_invisible;

impl Fault {
    /// For those who fill the form, in French.
    #[must_use]
    pub fn message_fr(&self) -> String {
        match self {
            Self::CraIdInvalid => "L'identifiant du compte-rendu n'est pas valide.".into(),
            Self::Required(what) => format!("Indiquez {what}."),
            Self::UnknownValue(_) => {
                "Cette valeur n'existe pas dans le formulaire : choisissez-en une autre.".into()
            }
            Self::UnknownWord(found) => format!("La valeur {found} n'existe pas dans ce formulaire."),
            Self::DocumentInvalid(_) => "Ce document n'est pas lisible : il doit être en JSON.".into(),
            Self::FormVersionUnknown => {
                "Cette version du formulaire n'existe pas : indiquez 1, 2 ou 3.".into()
            }
            Self::IdInvalid => {
                "Cet identifiant n'est pas valide : 1 à 64 lettres, chiffres, points, tirets ou deux-points."
                    .into()
            }
            Self::DateInvalid => "Cette date n'existe pas : indiquez un jour du calendrier.".into(),
            Self::DateTooEarly => "La date ne peut pas être antérieure au 1er janvier 2020.".into(),
            Self::DateInFuture { today } => format!(
                "La date ne peut pas être dans le futur : nous sommes le {} sur place.",
                today.strftime("%d/%m/%Y")
            ),
            Self::CommuneUnknown => "Cette commune est inconnue : choisissez-la dans la liste.".into(),
            Self::PostalCodeMismatch { commune, accepted } => format!(
                "Ce code postal n'est pas celui de {commune} : {}.",
                one_of(accepted, "cette commune n'en a pas")
            ),
            Self::PostalCodeRequired { commune, accepted } => {
                format!("{commune} a plusieurs codes postaux : choisissez {}.", one_of(accepted, ""))
            }
            Self::VenueNotAllowed => {
                "Un lieu d'activité ne se précise que pour une activité à ce lieu : retirez-le.".into()
            }
            Self::ParticipantsOutOfRange { max: 1, .. } => {
                "Cette activité concerne une seule personne ; au-delà, choisissez l'atelier collectif.".into()
            }
            Self::ParticipantsOutOfRange { min, max } => {
                format!("Le nombre de participants doit être compris entre {min} et {max}.")
            }
            Self::ReturningExceedsParticipants { participants } => format!(
                "Les personnes déjà accompagnées ne peuvent pas être plus nombreuses que les participants \
                 ({participants})."
            ),
            Self::AgesSumMismatch { sum, participants } => format!(
                "Les tranches d'âge totalisent {sum} pour un nombre de participants de {participants} : les deux \
                 doivent être égaux."
            ),
            Self::StatusesSumMismatch { sum, participants } => format!(
                "Les statuts totalisent {sum} pour un nombre de participants de {participants} : les deux doivent \
                 être égaux."
            ),
            Self::ThemeClosed { label } => {
                format!("La thématique « {label} » n'existe plus : choisissez-en une autre.")
            }
            Self::SubThemeWithoutTheme { theme } => {
                format!("Cette précision demande de choisir aussi la thématique « {theme} ».")
            }
            Self::Duplicate => "Déjà indiqué : ne le gardez qu'une fois.".into(),
            Self::AnnotationLength(length) => {
                length_in_french("La précision", length, ", ou laissez-la vide")
            }
            Self::TextLength(length) => length_in_french("Ce nom", length, ""),
            Self::ReasonLength(length) => length_in_french("Le motif", length, ""),
            Self::TextCharacter { character, letters_before } => {
                let rank = letters_before + 1;
                let ordinal = if rank == 1 { "1er" } else { &format!("{rank}e") };
                format!(
                    "Le {ordinal} caractère de ce texte est {} : retirez-le.",
                    character_in_french(*character)
                )
            }
            Self::TextInvalid { min, max } => {
                format!("Écrivez de {min} à {max} caractères, sans saut de ligne ni caractère de contrôle.")
            }
            Self::PersonalData(found) => format!(
                "Ce texte semble contenir {} : retirez-le, un compte-rendu ne contient aucune donnée personnelle.",
                in_french(*found)
            ),
            Self::MinutesNotAllowed => {
                "Les minutes ne se précisent qu'à partir d'une heure : retirez-les.".into()
            }
            Self::MinutesInvalid => {
                "La durée doit être comprise entre 60 et 480 minutes, de 15 en 15.".into()
            }
            Self::FollowUpExceedsParticipants { sum, participants } => format!(
                "Les suites envisagées concernent {sum} personnes pour un nombre de participants de {participants}."
            ),
            Self::PeopleRequired => {
                "Indiquez au moins une personne orientée, ou retirez cette structure.".into()
            }
            Self::Question(question) => question.message_fr(),
        }
    }
}

/// `or_else` is what can be done instead.
fn length_in_french(what: &str, length: &TextLength, or_else: &str) -> String {
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

/// Masculine, too.
fn character_in_french(character: char) -> String {
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

/// All masculine, for the sentence goes on with them.
fn in_french(found: PersonalData) -> &'static str {
    match found {
        PersonalData::Email => "un courriel (adresse e-mail)",
        PersonalData::Phone => "un numéro de téléphone",
        PersonalData::SocialSecurityNumber => "un numéro de sécurité sociale",
    }
}
