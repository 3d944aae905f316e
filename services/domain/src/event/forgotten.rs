//! The kinds of content that an event lost by forgetting, with the times; and the names that replace forgotten ones.

use cra_contracts::v1;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{timestamp, timestamp_message};
use crate::cra::{DecodeError, Described};
use crate::french;

/// Prefix of the random name that replaces a free name of an organisation.
const NEUTRAL_NAME: &str = "Organisation oubliée ";
/// Prefix of the random id that replaces an advisor's.
const ALIAS: &str = "oublie-";
/// Maximum length of the random part of a name or an alias, in characters.
const RANDOM_CHARACTERS_MAX: usize = 32;

/// A kind of content that can be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Forgettable {
    /// The free text about the themes.
    Annotation,
    /// The reason of a correction or a withdrawal.
    Reason,
    /// Free names of organisations, replaced by neutral names.
    Organisations,
    /// The account that sent the event.
    Account,
    /// The advisor's id, replaced by an alias.
    Advisor,
    /// The fields of an older document that no reader uses.
    Document,
}

impl Forgettable {
    /// All kinds, in the order of the contract.
    pub const ALL: [Self; 6] =
        [Self::Annotation, Self::Reason, Self::Organisations, Self::Account, Self::Advisor, Self::Document];

    /// Code in files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Reason => "motif",
            Self::Organisations => "redirections",
            Self::Account => "compte",
            Self::Advisor => "conseiller_id",
            Self::Document => "document",
        }
    }

    /// French label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Annotation => "précision",
            Self::Reason => "motif",
            Self::Organisations => "noms d'organisations",
            Self::Account => "compte de la personne",
            Self::Advisor => "identifiant du conseiller",
            Self::Document => "textes du document d'origine",
        }
    }
}

/// The forgotten kinds, each with the time at which it was forgotten; each kind once, in the order of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten(Vec<(Forgettable, Timestamp)>);

impl Forgotten {
    /// Reads the stored message.
    pub fn from_message(message: Option<&v1::Forgotten>) -> Result<Self, DecodeError> {
        let mut forgotten = Self::default();
        if let Some(message) = message {
            for (kind, at) in Forgettable::ALL.into_iter().zip(fields(message)) {
                if at.is_some() {
                    forgotten.insert(kind, timestamp("forgotten", at.as_ref())?);
                }
            }
        }
        Ok(forgotten)
    }

    /// The contract's message; `None` if nothing was forgotten.
    #[must_use]
    pub fn to_message(&self) -> Option<v1::Forgotten> {
        let at = |kind| self.at(kind).map(timestamp_message);
        (!self.is_empty()).then(|| v1::Forgotten {
            annotation_at: at(Forgettable::Annotation),
            reason_at: at(Forgettable::Reason),
            organisations_at: at(Forgettable::Organisations),
            account_at: at(Forgettable::Account),
            advisor_at: at(Forgettable::Advisor),
            document_at: at(Forgettable::Document),
        })
    }

    /// The time at which a kind was forgotten; `None` if it was not.
    #[must_use]
    pub fn at(&self, kind: Forgettable) -> Option<Timestamp> {
        self.0.iter().find(|(other, _)| *other == kind).map(|(_, at)| *at)
    }

    /// Whether a kind was forgotten.
    #[must_use]
    pub fn has(&self, kind: Forgettable) -> bool {
        self.at(kind).is_some()
    }

    /// Whether nothing was forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a kind, forgotten at this time.
    pub fn insert(&mut self, kind: Forgettable, at: Timestamp) {
        match self.0.binary_search_by_key(&kind, |(other, _)| *other) {
            Ok(index) => self.0[index].1 = at,
            Err(index) => self.0.insert(index, (kind, at)),
        }
    }

    /// The forgotten kinds and their times, in the order of the contract.
    pub fn iter(&self) -> impl Iterator<Item = (Forgettable, Timestamp)> {
        self.0.iter().copied()
    }
}

impl FromIterator<(Forgettable, Timestamp)> for Forgotten {
    fn from_iter<I: IntoIterator<Item = (Forgettable, Timestamp)>>(kinds: I) -> Self {
        let mut forgotten = Self::default();
        for (kind, at) in kinds {
            forgotten.insert(kind, at);
        }
        forgotten
    }
}

/// The fields of a content. A forgotten field shows the time at which it was forgotten. The fields are always the same.
#[must_use]
pub fn with_forgotten(mut fields: Vec<Described>, forgotten: &Forgotten) -> Vec<Described> {
    let since = |kind| forgotten.at(kind).map(french::moment);
    for Described { path, value, .. } in &mut fields {
        match *path {
            "cra.annotation" => {
                if let Some(at) = since(Forgettable::Annotation) {
                    *value = format!("texte oublié le {at}");
                }
            }
            "cra.advisor_id" => {
                if let Some(at) = since(Forgettable::Advisor) {
                    value.extend([" (identifiant oublié le ", &at, ")"]);
                }
            }
            "cra.follow_up.redirections" => {
                if let Some(at) = since(Forgettable::Organisations) {
                    value.extend([" (noms oubliés le ", &at, ")"]);
                }
            }
            _ => {}
        }
    }
    let document = since(Forgettable::Document).map(|at| format!("textes oubliés le {at}"));
    let value = document.unwrap_or_default();
    fields.push(Described { path: "document", label: "Document d'origine", value });
    fields
}

/// A reason, or the time at which it was forgotten.
#[must_use]
pub fn reason_described(reason: &str, forgotten: &Forgotten) -> String {
    match forgotten.at(Forgettable::Reason) {
        Some(at) => format!("motif oublié le {}", french::moment(at)),
        None => reason.to_owned(),
    }
}

/// The times of a message, in the order of [`Forgettable::ALL`].
fn fields(message: &v1::Forgotten) -> [Option<prost_types::Timestamp>; 6] {
    let v1::Forgotten { annotation_at, reason_at, organisations_at, account_at, advisor_at, document_at } =
        *message;
    [annotation_at, reason_at, organisations_at, account_at, advisor_at, document_at]
}

/// The neutral name of an organisation with this random part. `spelling` distinguishes the spellings of one name within
/// an event; the statistics count all of them as one name.
#[must_use]
pub fn neutral_name(random: &str, spelling: usize) -> String {
    format!("{NEUTRAL_NAME}{random}{}", "-".repeat(spelling))
}

/// Whether a name of an organisation is a neutral one.
#[must_use]
pub fn is_neutral_name(name: &str) -> bool {
    name.strip_prefix(NEUTRAL_NAME).is_some_and(|rest| is_random(rest.trim_end_matches('-')))
}

/// The alias of an advisor with this random part.
#[must_use]
pub fn alias(random: &str) -> String {
    format!("{ALIAS}{random}")
}

/// Whether an advisor's id is an alias.
#[must_use]
pub fn is_alias(id: &str) -> bool {
    id.strip_prefix(ALIAS).is_some_and(is_random)
}

fn is_random(text: &str) -> bool {
    (1..=RANDOM_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cra::{Id, Recipient};
    use crate::spelling;

    #[test]
    fn what_was_forgotten_is_read_back_with_its_time() {
        let at: Timestamp = "2026-11-27T10:00:00.5Z".parse().unwrap();
        let mut forgotten: Forgotten =
            [(Forgettable::Document, at), (Forgettable::Annotation, at)].into_iter().collect();
        forgotten.insert(Forgettable::Document, Timestamp::UNIX_EPOCH);
        assert_eq!(Forgotten::from_message(forgotten.to_message().as_ref()), Ok(forgotten.clone()));
        assert_eq!(forgotten.at(Forgettable::Document), Some(Timestamp::UNIX_EPOCH));
        assert!(forgotten.has(Forgettable::Annotation) && !forgotten.has(Forgettable::Reason));
        assert_eq!(Forgotten::default().to_message(), None);
        assert_eq!(Forgotten::from_message(None), Ok(Forgotten::default()));
    }

    #[test]
    fn stand_ins_are_known_again_and_keep_the_rules_of_what_they_replace() {
        let (name, other) = (neutral_name("0f3a", 0), neutral_name("0f3a", 2));
        assert!(is_neutral_name(&name) && is_neutral_name(&other));
        assert_ne!(name, other);
        assert_eq!(spelling::key(&name), spelling::key(&other));
        assert_ne!(spelling::key(&name), spelling::key(&neutral_name("0f3b", 0)));
        let recipient = Recipient::Other(name.as_str().into());
        assert_eq!(recipient.recognised(), recipient);
        let alias = alias("00ff00ff00ff00ff");
        assert!(is_alias(&alias) && Id::parse(&alias).is_some());
        for other in ["", "oublie-", "oublie-xyz", "conseiller-1", "Organisation oubliée ", "Emmaüs"] {
            assert!(!is_alias(other) && !is_neutral_name(other), "{other:?}");
        }
    }
}
