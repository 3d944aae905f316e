//! Faults of a document of an older form, for those who import it.

use jiff::civil::Date;

/// A fault of a document of an older form, with the values that its messages need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentFault {
    /// A word that no form had, as written in the document.
    UnknownWord(String),
    /// Not a JSON object; the value found.
    Invalid(String),
    /// A key that occurs twice.
    KeyRepeated,
    /// No older form has this number.
    FormVersionUnknown,
    /// The activity is later than the day on which the older system recorded it.
    DateAfterRecord {
        /// The day of the activity.
        day: Date,
        /// The day of the record, in the time zone of the activity.
        created: Date,
    },
    /// The place in the document matches no commune; the place as written.
    PlaceUnknown(String),
}

impl DocumentFault {
    /// Stable reason code, for programs.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownWord(_) => "UNKNOWN_VALUE",
            Self::Invalid(_) | Self::KeyRepeated => "DOCUMENT_INVALID",
            Self::FormVersionUnknown => "FORM_VERSION_UNKNOWN",
            Self::DateAfterRecord { .. } => "DATE_IN_FUTURE",
            Self::PlaceUnknown(_) => "COMMUNE_UNKNOWN",
        }
    }

    /// English description, for client developers: what is expected and what to do.
    pub(super) fn description(&self) -> String {
        match self {
            Self::UnknownWord(found) => format!("{found} is no value of any form"),
            Self::Invalid(found) => format!("expected the stored document as JSON: {found}"),
            Self::KeyRepeated => "this key occurs twice; keep the value that counts".into(),
            Self::FormVersionUnknown => {
                "expected 1, 2 or 3, or 0 where the document's createdAt says which".into()
            }
            Self::DateAfterRecord { day, created } => format!(
                "{day} is after the document was created, {created} there; expected at most the day after that"
            ),
            Self::PlaceUnknown(found) => format!(
                "no commune is {found:?}; expected an INSEE code, or a postal code with a name of its communes"
            ),
        }
    }

    /// French message, for those who import the document.
    pub(super) fn message_fr(&self) -> String {
        match self {
            Self::UnknownWord(found) => format!("La valeur {found} n'existe dans aucun formulaire."),
            Self::Invalid(_) => "Ce document n'est pas lisible : il doit être en JSON.".into(),
            Self::KeyRepeated => {
                "Ce champ figure deux fois dans le document : gardez la valeur qui compte.".into()
            }
            Self::FormVersionUnknown => {
                "Cette version du formulaire n'existe pas : indiquez 1, 2 ou 3, ou rien.".into()
            }
            Self::DateAfterRecord { day, created } => format!(
                "L'activité du {} est postérieure à sa saisie, le {} : corrigez la date.",
                day.strftime("%d/%m/%Y"),
                created.strftime("%d/%m/%Y")
            ),
            Self::PlaceUnknown(found) => format!(
                "Aucune commune ne correspond à « {found} » : indiquez un code Insee, ou un code postal et le nom \
                 d'une de ses communes."
            ),
        }
    }
}
