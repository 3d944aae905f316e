//! Reading a legacy document field by field: what is there, what is missing, what had to be repaired, and where.

use jiff::Timestamp;
use serde_json::Value;

use super::{Upcast, refusal};
use crate::cra::{Cra, Fault, Id, Violation};
use crate::vocabulary::Word;

/// Most people that a document may tell of: more is a slip of the keyboard, which must not drown the figures.
const PARTICIPANTS_MAX: u32 = 10_000;

/// A document being read.
pub(super) struct Document<'a> {
    root: &'a Value,
    violations: Vec<Violation>,
    notes: Vec<String>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, violations: Vec::new(), notes: Vec::new() }
    }

    /// The outcome: a CRA only where nothing was refused.
    pub(super) fn finish(self, read: Option<(Cra, Timestamp)>) -> Result<Upcast, Vec<Violation>> {
        match read {
            Some((cra, created_at)) if self.violations.is_empty() => {
                Ok(Upcast { cra, created_at, notes: self.notes })
            }
            _ => Err(self.violations),
        }
    }

    pub(super) fn refuse<T>(&mut self, path: impl Into<String>, fault: Fault) -> Option<T> {
        self.violations.push(refusal(path, fault));
        None
    }

    pub(super) fn note(&mut self, path: &str, what: impl AsRef<str>) {
        self.notes.push(format!("{path}: {}", what.as_ref()));
    }

    /// The value at a path such as `cra.canal`; `null` is as good as absent.
    pub(super) fn at(&self, path: &str) -> Option<&'a Value> {
        let mut value = self.root;
        for key in path.split('.') {
            value = value.get(key)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// An identifier: text, or `{"$oid": text}`.
    pub(super) fn id(&mut self, path: &str, what: &'static str) -> Option<Id> {
        let Some(value) = self.at(path) else {
            return self.refuse(path, Fault::Required(what));
        };
        match id_text(value).and_then(Id::parse) {
            Some(id) => Some(id),
            None => self.refuse(path, Fault::IdInvalid(value.to_string())),
        }
    }

    /// A venue: an identifier that may be missing, and is left out when out of form.
    pub(super) fn venue(&mut self, path: &str) -> Option<Id> {
        let value = self.at(path)?;
        let id = id_text(value).and_then(Id::parse);
        if id.is_none() {
            self.note(path, "not an identifier; left out");
        }
        id
    }

    /// An instant: ISO 8601 with its offset, or `{"$date": …}` of such a text or of milliseconds.
    pub(super) fn instant(&mut self, path: &str) -> Option<Timestamp> {
        let Some(value) = self.at(path) else {
            return self.refuse(path, Fault::Required("la date"));
        };
        match instant(value) {
            Some(instant) => Some(instant),
            None => self.refuse(path, Fault::DateInvalid(value.to_string())),
        }
    }

    /// A word of the old data that a CRA cannot go without.
    pub(super) fn word<W: Word>(&mut self, path: &str, what: &'static str) -> Option<W> {
        let Some(value) = self.at(path) else {
            return self.refuse(path, Fault::Required(what));
        };
        match value.as_str().and_then(W::from_slug) {
            Some(word) => Some(word),
            None => self.refuse(path, Fault::UnknownWord(value.to_string())),
        }
    }

    /// `nbParticipants`: absent, one person.
    pub(super) fn participants(&mut self) -> Option<u32> {
        const PATH: &str = "cra.nbParticipants";
        let Some(value) = self.at(PATH) else {
            return Some(1);
        };
        match whole(value).and_then(|people| u32::try_from(people).ok()) {
            Some(people) if (1..=PARTICIPANTS_MAX).contains(&people) => Some(people),
            _ => self.refuse(
                PATH,
                Fault::ParticipantsOutOfRange { found: value.to_string(), min: 1, max: PARTICIPANTS_MAX },
            ),
        }
    }

    /// `nbParticipantsRecurrents`: absent, nobody; never more than the participants.
    pub(super) fn returning(&mut self, participants: u32) -> u32 {
        const PATH: &str = "cra.nbParticipantsRecurrents";
        let returning = self.people(PATH);
        if returning > participants {
            self.note(
                PATH,
                format!("{returning} of {participants} participants; brought down to {participants}"),
            );
        }
        returning.min(participants)
    }

    /// A number of people: absent, nobody; anything else than a count is left out.
    pub(super) fn people(&mut self, path: &str) -> u32 {
        let value = self.at(path);
        value.map_or(0, |value| self.count(path, value))
    }

    /// A count: `null` is 0; anything else than a whole number of people is left out, with a note.
    pub(super) fn count(&mut self, path: &str, value: &Value) -> u32 {
        if value.is_null() {
            return 0;
        }
        let count = whole(value).and_then(|count| u32::try_from(count).ok());
        count.filter(|count| *count <= PARTICIPANTS_MAX).unwrap_or_else(|| {
            self.note(path, format!("{value} is no number of people; left out"));
            0
        })
    }

    /// People per value of a closed list, one slug for everybody: the first form's way.
    pub(super) fn everybody<W: Word, const N: usize>(&mut self, path: &str, participants: u32) -> [u32; N] {
        let mut counts = [0; N];
        let Some(value) = self.at(path) else {
            self.note(path, "not said; counted as unspecified");
            return counts;
        };
        match value.as_str().and_then(W::from_slug) {
            Some(word) => counts[word.index()] = participants,
            None => self.note(path, format!("{value} is no value of the form; counted as unspecified")),
        }
        counts
    }

    /// People per value of a closed list, an object of counts: kept while the sum is at most the participants.
    pub(super) fn spread<W: Word, const N: usize>(&mut self, path: &str, participants: u32) -> [u32; N] {
        let mut counts = [0_u32; N];
        let Some(value) = self.at(path) else {
            self.note(path, "not said; counted as unspecified");
            return counts;
        };
        let Some(object) = value.as_object() else {
            self.note(path, format!("{value} is no list of counts; counted as unspecified"));
            return counts;
        };
        for (slug, value) in object {
            let path = format!("{path}.{slug}");
            match W::from_slug(slug) {
                Some(word) => counts[word.index()] = self.count(&path, value),
                None => self.note(&path, "no value of the form; left out"),
            }
        }
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if sum > u64::from(participants) {
            self.note(path, format!("adds up to {sum} for {participants} participants; dropped"));
            return [0; N];
        }
        if sum < u64::from(participants) {
            let rest = u64::from(participants) - sum;
            self.note(path, format!("adds up to {sum} for {participants} participants; {rest} unspecified"));
        }
        counts
    }

    /// The themes, each once. `known` says which the form had.
    pub(super) fn themes<W: Word>(&mut self, known: impl Fn(W) -> bool) -> Option<Vec<W>> {
        const PATH: &str = "cra.themes";
        let Some(value) = self.at(PATH) else {
            self.note(PATH, "no theme");
            return Some(Vec::new());
        };
        let Some(list) = value.as_array() else {
            return self.refuse(PATH, Fault::UnknownWord(value.to_string()));
        };
        let mut themes = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            let path = format!("{PATH}[{i}]");
            match value.as_str().and_then(W::from_slug).filter(|theme| known(*theme)) {
                Some(theme) if themes.contains(&theme) => self.note(&path, "said before; kept once"),
                Some(theme) => themes.push(theme),
                None => self.violations.push(refusal(path, Fault::UnknownWord(value.to_string()))),
            }
        }
        if themes.is_empty() {
            self.note(PATH, "no theme");
        }
        Some(themes)
    }
}

/// The text of an identifier.
fn id_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("$oid")?.as_str())
}

fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Object(object) => match object.get("$date")? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
            Value::Object(long) => {
                Timestamp::from_millisecond(long.get("$numberLong")?.as_str()?.parse().ok()?).ok()
            }
            _ => None,
        },
        _ => None,
    }
}

/// A whole number, however the old database wrote it.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            // Exact below 2^32, and no count is larger.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u64)
        }),
        Value::String(text) => {
            let text = text.trim();
            (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
        }
        Value::Object(object) => {
            let number = object.get("$numberInt").or_else(|| object.get("$numberLong"))?;
            number.as_str()?.parse().ok()
        }
        _ => None,
    }
}
