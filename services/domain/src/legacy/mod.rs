//! Older forms of the CRA, from 2021 on. One upcaster: a pure function from the stored document to a [`Cra`]. Each
//! field is read by its shape, whatever form the document claims, because the older system's documents were migrated
//! several times. Repairs are recorded in notes; what cannot be read is refused with its path, never guessed. Source:
//! the table of older forms of the domain page.
//!
//! Admission is stricter than reading: a document that an earlier version recorded stays readable.

mod day;
mod document;
mod duration;
mod follow_up;
mod form;
mod place;
mod plain;
mod reduced;
mod sub_themes;
mod version;

use jiff::Timestamp;
use uuid::Uuid;

use crate::cra::{AgeCounts, Cra, DocumentFault, Fault, StatusCounts, Violation};
use crate::vocabulary::{AgeBand, Status, Theme};
use day::When;
use document::Findings;
pub use form::{Declared, FormVersion};
use plain::{Parsed, Plain};
pub use version::Version;

/// Namespace of the ids derived from legacy ids. Never change it: a repeated import would record everything twice.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_1c9e_52c4_4e0b_9a57_3d0f_b7a8_41c6);
/// Maximum length of a legacy id, in characters.
const LEGACY_ID_CHARACTERS_MAX: usize = 128;

/// A document in today's vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Upcast {
    /// The document's content.
    pub cra: Cra,
    /// Time at which the older system recorded it.
    pub created_at: Timestamp,
    /// What was repaired or left out, one line each.
    pub notes: Vec<String>,
}

/// The id of the CRA for a legacy id; the same at every import.
#[must_use]
pub fn cra_id(legacy_id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, legacy_id.as_bytes())
}

/// Checks the document id of the older system.
pub fn check_legacy_id(legacy_id: &str) -> Result<(), Violation> {
    let characters = legacy_id.chars().count();
    if legacy_id.trim().is_empty() {
        return Err(refusal("legacy_id", Fault::Required("l'identifiant d'origine")));
    }
    if characters > LEGACY_ID_CHARACTERS_MAX || legacy_id.chars().any(char::is_control) {
        let fault = Fault::TextInvalid { min: 1, max: LEGACY_ID_CHARACTERS_MAX };
        return Err(refusal("legacy_id", fault));
    }
    Ok(())
}

/// A document of the older system, decoded.
#[derive(Clone, Debug)]
pub struct Document {
    root: Plain,
    repeated: Vec<String>,
}

impl Document {
    /// Decodes a JSON object, plain or in MongoDB's Extended JSON.
    pub fn parse(text: &[u8]) -> Result<Self, Violation> {
        let invalid = |found: String| refusal("document", DocumentFault::Invalid(found));
        let Parsed { root, repeated } = plain::parse(text).map_err(|error| invalid(error.to_string()))?;
        match root {
            Plain::Object(_) => Ok(Self { root, repeated }),
            _ => Err(invalid("expected a JSON object".to_owned())),
        }
    }

    /// The document's id in the older system: its `_id`, as a text, an `$oid` or a reference.
    #[must_use]
    pub fn legacy_id(&self) -> Option<&str> {
        self.root.at("_id")?.id().filter(|id| !id.is_empty())
    }

    /// The document in the form that is compared with others of the same id.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::of(self.root.clone())
    }

    /// Converts a recorded document to today's vocabulary, or reports every fault that makes it unreadable.
    pub fn read(&self) -> Result<Upcast, Vec<Violation>> {
        let (read, Findings { unreadable, notes, .. }) = self.upcast();
        match read {
            Some((cra, created_at)) if unreadable.is_empty() => Ok(Upcast { cra, created_at, notes }),
            _ => Err(unreadable),
        }
    }

    /// Converts a document that is to be recorded, or reports every fault that refuses it.
    pub fn admit(&self) -> Result<Upcast, Vec<Violation>> {
        let (read, Findings { unreadable, inadmissible, notes }) = self.upcast();
        let repeated = self.repeated.iter().map(|path| refusal(path, DocumentFault::KeyRepeated));
        let violations: Vec<_> = unreadable.into_iter().chain(inadmissible).chain(repeated).collect();
        match read {
            Some((cra, created_at)) if violations.is_empty() => Ok(Upcast { cra, created_at, notes }),
            _ => Err(violations),
        }
    }

    fn upcast(&self) -> (Option<(Cra, Timestamp)>, Findings) {
        let mut document = document::Document::new(&self.root);
        let read = read(&mut document);
        (read, document.finish())
    }
}

/// Converts a recorded document to today's vocabulary: [`Document::parse`], then [`Document::read`].
pub fn upcast(document: &[u8]) -> Result<Upcast, Vec<Violation>> {
    Document::parse(document).map_err(|violation| vec![violation])?.read()
}

fn read(document: &mut document::Document<'_>) -> Option<(Cra, Timestamp)> {
    let advisor_id = document.id("conseiller", "le conseiller");
    let structure_id = document.id("structure", "la structure");
    let created_at = document.created_at();
    let when = When::read(document, created_at);
    let place = place::read(document);
    let date = match (&place, created_at, when) {
        (Some(place), Some(created_at), Some(when)) => Some(when.day(document, place, created_at)),
        _ => None,
    };
    let activity = document.word("cra.activite", "le type d'activité");
    let mut themes = document.themes::<Theme>();
    let (sub_themes, annotation) = sub_themes::read(document, themes.as_mut().unwrap_or(&mut Vec::new()));
    let duration = duration::read(document);
    let participants = document.participants()?;
    let returning_participants = document.returning(participants);
    let ages = AgeCounts(document.spread::<AgeBand, _>("cra.age", participants));
    let statuses = StatusCounts(document.spread::<Status, _>("cra.statut", participants));
    let follow_up = follow_up::read(document, participants);

    let cra = Cra {
        advisor_id: advisor_id?,
        structure_id: structure_id?,
        date: date?,
        place: place?,
        activity: activity?,
        participants,
        returning_participants,
        ages,
        statuses,
        themes: themes?,
        sub_themes,
        annotation,
        duration,
        follow_up_individual: follow_up.individual,
        follow_up_workshop: follow_up.workshop,
        redirections: follow_up.redirections,
    };
    Some((cra, created_at?))
}

fn refusal(field: impl Into<String>, fault: impl Into<Fault>) -> Violation {
    Violation::new(field, fault)
}

#[cfg(test)]
mod tests;
