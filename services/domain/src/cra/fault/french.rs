//! Faults for those who fill the form, in French.

use super::super::PersonalData;
use super::{Fault, one_of};

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
            Self::AnnotationLength => {
                "La précision doit compter entre 3 et 35 caractères, ou rester vide.".into()
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
            Self::ReasonLength => "Le motif doit compter entre 3 et 500 caractères.".into(),
            Self::Question(question) => question.message_fr(),
        }
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
