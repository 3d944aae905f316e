//! Reads a decoded document field by field and collects faults and notes on repairs, with their paths.

use jiff::Timestamp;

use super::plain::Plain;
use super::refusal;
use crate::cra::{DocumentFault, Fault, Id, Violation};
use crate::vocabulary::Word;

/// Maximum number of participants that a document may give. A larger number is a typing error and would distort the
/// figures.
const PARTICIPANTS_MAX: u32 = 10_000;

/// A document being read.
pub(super) struct Document<'a> {
    root: &'a Plain,
    /// Faults that make the document unreadable.
    unreadable: Vec<Violation>,
    /// Faults that refuse admission only; a document that an earlier version recorded is still read.
    inadmissible: Vec<Violation>,
    notes: Vec<String>,
}

/// The result of reading a document.
pub(super) struct Findings {
    pub(super) unreadable: Vec<Violation>,
    pub(super) inadmissible: Vec<Violation>,
    pub(super) notes: Vec<String>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Plain) -> Self {
        Self { root, unreadable: Vec::new(), inadmissible: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn finish(self) -> Findings {
        Findings { unreadable: self.unreadable, inadmissible: self.inadmissible, notes: self.notes }
    }

    /// Makes the document unreadable.
    pub(super) fn refuse<T>(&mut self, path: impl Into<String>, fault: impl Into<Fault>) -> Option<T> {
        self.unreadable.push(refusal(path, fault));
        None
    }

    /// Refuses admission. A document that is already recorded is read as the note says.
    pub(super) fn refuse_admission(&mut self, path: &str, fault: impl Into<Fault>, read_as: &str) {
        let fault = fault.into();
        self.note(path, format!("{}; {read_as}", fault.description()));
        self.inadmissible.push(refusal(path, fault));
    }

    pub(super) fn note(&mut self, path: &str, what: impl AsRef<str>) {
        self.notes.push(format!("{path}: {}", what.as_ref()));
    }

    /// The whole document.
    pub(super) fn root(&self) -> &'a Plain {
        self.root
    }

    /// The value at a path such as `cra.canal`; `null` counts as absent.
    pub(super) fn at(&self, path: &str) -> Option<&'a Plain> {
        self.root.at(path).filter(|value| **value != Plain::Null)
    }

    /// A mandatory identifier.
    pub(super) fn id(&mut self, path: &str, what: &'static str) -> Option<Id> {
        let Some(value) = self.at(path) else {
            return self.refuse(path, Fault::Required(what));
        };
        match value.id().and_then(Id::parse) {
            Some(id) => Some(id),
            None => self.refuse(path, Fault::IdInvalid(value.to_string())),
        }
    }

    /// A venue: optional; left out if malformed.
    pub(super) fn venue(&mut self, path: &str) -> Option<Id> {
        let value = self.at(path)?;
        let id = value.id().and_then(Id::parse);
        if id.is_none() {
            self.note(path, "not an identifier; left out");
        }
        id
    }

    /// The time at which the older system recorded the CRA.
    pub(super) fn created_at(&mut self) -> Option<Timestamp> {
        const PATH: &str = "createdAt";
        let Some(value) = self.at(PATH) else {
            return self.refuse(PATH, Fault::Required("la date"));
        };
        match value.instant() {
            Some(instant) => Some(instant),
            None => self.refuse(PATH, Fault::DateInvalid(value.to_string())),
        }
    }

    /// A mandatory word of the old data.
    pub(super) fn word<W: Word>(&mut self, path: &str, what: &'static str) -> Option<W> {
        let Some(value) = self.at(path) else {
            return self.refuse(path, Fault::Required(what));
        };
        match value.text().and_then(W::from_slug) {
            Some(word) => Some(word),
            None => self.refuse(path, DocumentFault::UnknownWord(value.to_string())),
        }
    }

    /// `nbParticipants`; if absent, one person.
    pub(super) fn participants(&mut self) -> Option<u32> {
        const PATH: &str = "cra.nbParticipants";
        let Some(value) = self.at(PATH) else {
            return Some(1);
        };
        match value.whole().and_then(|people| u32::try_from(people).ok()) {
            Some(people) if (1..=PARTICIPANTS_MAX).contains(&people) => Some(people),
            _ => self.refuse(
                PATH,
                Fault::ParticipantsOutOfRange { found: value.to_string(), min: 1, max: PARTICIPANTS_MAX },
            ),
        }
    }

    /// `nbParticipantsRecurrents`; if absent, 0; at most the number of participants.
    pub(super) fn returning(&mut self, participants: u32) -> u32 {
        const PATH: &str = "cra.nbParticipantsRecurrents";
        let returning = self.people(PATH);
        if returning > participants {
            self.note(PATH, format!("{returning} of {participants} participants; reduced to {participants}"));
        }
        returning.min(participants)
    }

    /// A number of people; if absent, 0; anything but a count is left out.
    pub(super) fn people(&mut self, path: &str) -> u32 {
        let value = self.at(path);
        value.map_or(0, |value| self.count(path, value))
    }

    /// A count: `null` is 0; anything but a whole number of people is left out, with a note. A count above the
    /// participants is for the rule of its field.
    pub(super) fn count(&mut self, path: &str, value: &Plain) -> u32 {
        if *value == Plain::Null {
            return 0;
        }
        people_of(value).unwrap_or_else(|| {
            self.note(path, format!("{value} is no number of people; left out"));
            0
        })
    }

    /// People per value of a closed list: one slug for all participants, or an object of counts, kept if the sum is at
    /// most the number of participants.
    pub(super) fn spread<W: Word, const N: usize>(&mut self, path: &str, participants: u32) -> [u32; N] {
        let mut counts = [0_u32; N];
        match self.at(path) {
            None => self.note(path, "missing; counted as unspecified"),
            Some(Plain::Object(fields)) => {
                for (slug, value) in fields {
                    let path = format!("{path}.{slug}");
                    match W::from_slug(slug) {
                        Some(word) => {
                            let count = &mut counts[word.index()];
                            *count = count.saturating_add(self.count(&path, value));
                        }
                        None => self.note(&path, "no value of the form; left out"),
                    }
                }
                return self.at_most(path, participants, counts);
            }
            Some(value) => match value.text().and_then(W::from_slug) {
                Some(word) => counts[word.index()] = participants,
                None => {
                    self.note(path, format!("{value} is no value of the form; counted as unspecified"));
                }
            },
        }
        counts
    }

    fn at_most<const N: usize>(&mut self, path: &str, participants: u32, counts: [u32; N]) -> [u32; N] {
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let participants = u64::from(participants);
        if sum > participants {
            self.note(path, format!("adds up to {sum} for {participants} participants; dropped"));
            return [0; N];
        }
        if sum < participants {
            let rest = participants - sum;
            self.note(path, format!("adds up to {sum} for {participants} participants; {rest} unspecified"));
        }
        counts
    }

    /// The themes, without repetition.
    pub(super) fn themes<W: Word>(&mut self) -> Option<Vec<W>> {
        const PATH: &str = "cra.themes";
        let slugs = match self.at(PATH) {
            None => &[],
            Some(Plain::List(values)) => values.as_slice(),
            Some(one @ Plain::Text(_)) => std::slice::from_ref(one),
            Some(other) => return self.refuse(PATH, DocumentFault::UnknownWord(other.to_string())),
        };
        let mut themes = Vec::with_capacity(slugs.len());
        for (i, value) in slugs.iter().enumerate() {
            let path = format!("{PATH}[{i}]");
            match value.text().and_then(W::from_slug) {
                Some(theme) if themes.contains(&theme) => self.note(&path, "repeated; kept once"),
                Some(theme) => themes.push(theme),
                None => self.unreadable.push(refusal(path, DocumentFault::UnknownWord(value.to_string()))),
            }
        }
        if themes.is_empty() {
            self.note(PATH, "no theme");
        }
        Some(themes)
    }
}

/// The number of people that a value is; the largest number for one beyond it. `None`: no whole number, or negative.
pub(super) fn people_of(value: &Plain) -> Option<u32> {
    let count = value.whole().filter(|count| *count >= 0)?;
    Some(u32::try_from(count).unwrap_or(u32::MAX))
}
