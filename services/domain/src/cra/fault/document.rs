//! What can be wrong with a document of an older form: the same table, for those who import it.

use jiff::civil::Date;

/// A fault of a document of an older form, with what the messages need to help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentFault {
    /// A word of the old data that no form had, as it is in the document.
    UnknownWord(String),
    /// No JSON object; what was found.
    Invalid(String),
    /// A key that is given twice.
    KeyRepeated,
    /// No older form has this number.
    FormVersionUnknown,
    /// After the day on which the older system recorded it.
    DateAfterRecord {
        /// The day of the activity.
        day: Date,
        /// The day of the record, both where the activity took place.
        created: Date,
    },
    /// No commune is what the document says of the place; what it says.
    PlaceUnknown(String),
}

impl DocumentFault {
    /// Stable name, for programs.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownWord(_) => "UNKNOWN_VALUE",
            Self::Invalid(_) | Self::KeyRepeated => "DOCUMENT_INVALID",
            Self::FormVersionUnknown => "FORM_VERSION_UNKNOWN",
            Self::DateAfterRecord { .. } => "DATE_IN_FUTURE",
            Self::PlaceUnknown(_) => "COMMUNE_UNKNOWN",
        }
    }

    /// For those who write the client: what was expected and what to do.
    pub(super) fn description(&self) -> String {
        match self {
            Self::UnknownWord(found) => format!("{found} is no value of any form"),
            Self::Invalid(found) => format!("expected the stored document as JSON: {found}"),
            Self::KeyRepeated => "this key is given twice; keep the value that counts".into(),
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

    /// For those who filled the form, in French.
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
