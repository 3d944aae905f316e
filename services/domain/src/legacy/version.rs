//! Versions of one document: whether two are equal although written differently, where they differ, and which is later.

use jiff::Timestamp;

use super::plain::Plain;
use crate::territory::with_lost_zero;

const IDS: [&str; 4] = ["_id", "conseiller", "structure", "permanence"];
const INSTANTS: [&str; 3] = ["createdAt", "updatedAt", "cra.dateAccompagnement"];
const NUMBERS: [&str; 3] = ["cra.nbParticipants", "cra.nbParticipantsRecurrents", "cra.duree"];
const COUNTS: [&str; 5] = ["cra.age", "cra.statut", "cra.accompagnement", "cra.organismes", "cra.organisme"];
const CODES: [&str; 2] = ["cra.codePostal", "cra.codeCommune"];

/// A document for comparison: fields that the upcaster reads are compared by meaning, others as JSON values.
#[derive(Clone, Debug, PartialEq)]
pub struct Version(Plain);

impl Version {
    pub(super) fn of(mut document: Plain) -> Self {
        let mut each = |paths: &[&str], normalise: fn(&mut Plain)| {
            for path in paths {
                if let Some(value) = document.at_mut(path) {
                    normalise(value);
                }
            }
        };
        each(&IDS, |value| {
            if let Plain::Text(text) = value {
                *value = Plain::Id(std::mem::take(text));
            }
        });
        each(&INSTANTS, |value| {
            if let Some(instant) = value.instant() {
                *value = Plain::Instant(instant);
            }
        });
        each(&NUMBERS, number);
        each(&COUNTS, counts);
        each(&CODES, |value| {
            let code = match value {
                Plain::Whole(number @ 0..100_000) => Some(format!("{number:05}")),
                Plain::Text(text) => with_lost_zero(text),
                _ => None,
            };
            if let Some(code) = code {
                *value = Plain::Text(code);
            }
        });
        Self(document)
    }

    /// The time of the last change in the older system: `updatedAt`, or else `createdAt`.
    #[must_use]
    pub fn written_at(&self) -> Option<Timestamp> {
        ["updatedAt", "createdAt"].into_iter().find_map(|path| self.0.at(path)?.instant())
    }

    /// Paths of the fields that differ, sorted by name.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        compare(String::new(), Some(&self.0), Some(&other.0), &mut found);
        found
    }
}

fn number(value: &mut Plain) {
    if let Some(number) = value.whole() {
        *value = Plain::Whole(number);
    }
}

/// Numbers of people in an object, or in the objects of a list.
fn counts(value: &mut Plain) {
    match value {
        Plain::Object(fields) => fields.values_mut().for_each(number),
        Plain::List(values) => {
            values.iter_mut().filter(|value| matches!(value, Plain::Object(_))).for_each(counts);
        }
        _ => {}
    }
}

fn compare(path: String, one: Option<&Plain>, other: Option<&Plain>, found: &mut Vec<String>) {
    match (one, other) {
        (one, other) if one == other => {}
        (Some(Plain::Object(one)), Some(Plain::Object(other))) => {
            let mut keys: Vec<_> = one.keys().chain(other.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(path, one.get(key), other.get(key), found);
            }
        }
        (Some(Plain::List(one)), Some(Plain::List(other))) if one.len() == other.len() => {
            for (i, (one, other)) in one.iter().zip(other).enumerate() {
                compare(format!("{path}[{i}]"), Some(one), Some(other), found);
            }
        }
        _ => found.push(path),
    }
}
