//! What can be wrong with a submission: one table from fault to reason, English description and French message.

mod question;

use std::fmt;

pub use question::Question;

use super::PersonalData;

/// A fault of one field, with what the messages need to help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The submission's id is no UUID.
    CraIdInvalid,
    /// A mandatory field is missing; the French name of what is missing.
    Required(&'static str),
    /// An enum value that the form does not have.
    UnknownValue(i32),
    /// A word of the old data that no form had, as it stands in the document.
    UnknownWord(String),
    /// A document that is no JSON object; what was found.
    DocumentInvalid(String),
    /// No older form has this number.
    FormVersionUnknown,
    /// An identifier out of form.
    IdInvalid,
    /// No calendar day.
    DateInvalid,
    /// Before the programme began.
    DateTooEarly,
    /// After today where the activity took place.
    DateInFuture {
        /// Today there.
        today: jiff::civil::Date,
    },
    /// No commune has, or had, this code.
    CommuneUnknown,
    /// The postal code is not one of the commune's.
    PostalCodeMismatch {
        /// The commune's name.
        commune: &'static str,
        /// Its postal codes; may be none.
        accepted: Vec<&'static str>,
    },
    /// The commune has several postal codes.
    PostalCodeRequired {
        /// The commune's name.
        commune: &'static str,
        /// Its postal codes.
        accepted: Vec<&'static str>,
    },
    /// A venue with another channel.
    VenueNotAllowed,
    /// More or fewer people than the activity allows.
    ParticipantsOutOfRange {
        /// Fewest allowed.
        min: u32,
        /// Most allowed.
        max: u32,
    },
    /// More returning people than participants.
    ReturningExceedsParticipants {
        /// People present.
        participants: u32,
    },
    /// The ages do not add up to the participants.
    AgesSumMismatch {
        /// People of all bands.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// The statuses do not add up to the participants.
    StatusesSumMismatch {
        /// People of all statuses.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// A theme of an older form.
    ThemeClosed {
        /// Its French label.
        label: &'static str,
    },
    /// A sub-theme whose theme is not chosen.
    SubThemeWithoutTheme {
        /// French label of its theme.
        theme: &'static str,
    },
    /// Said twice.
    Duplicate,
    /// Too short or too long an annotation.
    AnnotationLength,
    /// A text that is empty, too long or has control characters.
    TextInvalid {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// A text that looks as if it held data of a person.
    PersonalData(PersonalData),
    /// Minutes with a band that has none.
    MinutesNotAllowed,
    /// Minutes off the range or the step.
    MinutesInvalid,
    /// More people planned than present.
    FollowUpExceedsParticipants {
        /// People planned.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// A redirection of nobody.
    PeopleRequired,
    /// Too short or too long a reason.
    ReasonLength,
    /// What is wrong with a question rather than with a form.
    Question(Question),
}

impl Fault {
    /// Stable name, for programs (source: the table of rules of the domain page).
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CraIdInvalid => "CRA_ID_INVALID",
            Self::Required(_) => "REQUIRED",
            Self::UnknownValue(_) | Self::UnknownWord(_) => "UNKNOWN_VALUE",
            Self::DocumentInvalid(_) => "DOCUMENT_INVALID",
            Self::FormVersionUnknown => "FORM_VERSION_UNKNOWN",
            Self::IdInvalid => "ID_INVALID",
            Self::DateInvalid => "DATE_INVALID",
            Self::DateTooEarly => "DATE_TOO_EARLY",
            Self::DateInFuture { .. } => "DATE_IN_FUTURE",
            Self::CommuneUnknown => "COMMUNE_UNKNOWN",
            Self::PostalCodeMismatch { .. } => "POSTAL_CODE_MISMATCH",
            Self::PostalCodeRequired { .. } => "POSTAL_CODE_REQUIRED",
            Self::VenueNotAllowed => "VENUE_NOT_ALLOWED",
            Self::ParticipantsOutOfRange { .. } => "PARTICIPANTS_OUT_OF_RANGE",
            Self::ReturningExceedsParticipants { .. } => "RETURNING_EXCEEDS_PARTICIPANTS",
            Self::AgesSumMismatch { .. } => "AGES_SUM_MISMATCH",
            Self::StatusesSumMismatch { .. } => "STATUSES_SUM_MISMATCH",
            Self::ThemeClosed { .. } => "THEME_CLOSED",
            Self::SubThemeWithoutTheme { .. } => "SUB_THEME_WITHOUT_THEME",
            Self::Duplicate => "DUPLICATE",
            Self::AnnotationLength => "ANNOTATION_LENGTH",
            Self::TextInvalid { .. } | Self::PersonalData(_) => "TEXT_INVALID",
            Self::MinutesNotAllowed => "MINUTES_NOT_ALLOWED",
            Self::MinutesInvalid => "MINUTES_INVALID",
            Self::FollowUpExceedsParticipants { .. } => "FOLLOW_UP_EXCEEDS_PARTICIPANTS",
            Self::PeopleRequired => "PEOPLE_REQUIRED",
            Self::ReasonLength => "REASON_LENGTH",
            Self::Question(question) => question.reason(),
        }
    }

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
            Self::AnnotationLength => "expected nothing, or 3 to 35 characters".into(),
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
            Self::ReasonLength => "expected 3 to 500 characters".into(),
            Self::Question(question) => question.description(),
        }
    }

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

fn in_english(found: PersonalData) -> &'static str {
    match found {
        PersonalData::Email => "an e-mail address",
        PersonalData::Phone => "a phone number",
        PersonalData::SocialSecurityNumber => "a social security number",
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

fn one_of(codes: &[&str], none: &str) -> String {
    if codes.is_empty() { none.to_owned() } else { codes.join(", ") }
}

fn range(min: u32, max: u32) -> String {
    if min == max { format!("exactly {min}") } else { format!("{min} to {max}") }
}

impl From<Question> for Fault {
    fn from(question: Question) -> Self {
        Self::Question(question)
    }
}

/// A fault at a place of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request's root, such as `cra.themes[1]`.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

impl Violation {
    /// A fault at a path.
    pub fn new(field: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self { field: field.into(), fault: fault.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.field, self.fault.description(), self.fault.reason())
    }
}
