//! Compares two logs event by event. Every fact must be equal except for what the new event marks as forgotten, each
//! replacement must replace one value everywhere, and the new bytes must not contain a forgotten value. The comparison
//! knows neither the rules nor the names, so its result does not depend on the code that wrote the new log.

use cra_contracts::v1;
use cra_domain::cra::{Cra, Recipient};
use cra_domain::event::{Event, Fact, Forgettable, is_alias, is_neutral_name};
use cra_domain::legacy;
use cra_eventlog::{LogEntry, Position};
use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;
use memchr::memmem;
use prost::Message as _;
use serde_json::Value;

use crate::certificate::{Digest, Rewritten};
use crate::figures::{Figures, Replaced, SelectionsCompared};
use crate::plan::free_key;
use crate::random::NoRandomness;

/// Minimum length in bytes of a value that is searched for. Shorter ones occur in other texts by chance.
const SEARCHED_BYTES_MIN: usize = 4;

/// A difference between two logs that is not marked as forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at position {position} the new log {what}")]
pub struct Mismatch {
    /// Position of the first difference.
    pub position: Position,
    /// Kind of the difference; never a value.
    pub what: &'static str,
}

#[derive(Default)]
pub(crate) struct Comparison {
    advisors: ReplacedValues,
    organisations: ReplacedValues,
    figures: Figures,
    pub(crate) rewritten: Rewritten,
    pub(crate) from: Digest,
    pub(crate) to: Digest,
}

/// Values and their replacements. The mapping is one to one, and replaces all uses of a value or none.
#[derive(Default)]
struct ReplacedValues {
    by_value: HashMap<String, String>,
    replacements: HashSet<String>,
    unreplaced: HashSet<String>,
}

impl ReplacedValues {
    fn replaced(&mut self, value: &str, by: &str) -> bool {
        if let Some(known) = self.by_value.get(value) {
            return known == by;
        }
        self.by_value.insert(value.to_owned(), by.to_owned());
        self.replacements.insert(by.to_owned())
    }

    fn keep(&mut self, value: &str) {
        if !self.unreplaced.contains(value) {
            self.unreplaced.insert(value.to_owned());
        }
    }

    fn are_sound(&self) -> bool {
        self.by_value.keys().all(|value| !self.unreplaced.contains(value))
    }
}

impl Comparison {
    /// Compares the next entry of both logs.
    pub(crate) fn pair(&mut self, old: &LogEntry, new: &LogEntry) -> Result<(), Mismatch> {
        let differs = |what| Mismatch { position: old.position, what };
        let heads = |it: &LogEntry| (it.position, it.stream, it.event_id, it.appended_at);
        if heads(old) != heads(new) {
            return Err(differs("has another entry: position, ids or time differ"));
        }
        self.from.add(old);
        self.to.add(new);
        let (before, after) = (Event::decode(&old.payload), Event::decode(&new.payload));
        let (before, after) = match (before, after) {
            (Ok(before), Ok(after)) => (before, after),
            _ if old.payload == new.payload => {
                self.figures.add(old, None);
                return Ok(());
            }
            _ => return Err(differs("has another event, of which one cannot be read")),
        };
        self.facts(&before, &after).map_err(differs)?;
        self.figures.add(old, Some((&before, &after)));
        if old.payload != new.payload {
            self.count(&before, &after);
            let read = |entry: &LogEntry| v1::CraEvent::decode(&*entry.payload);
            let (Ok(before), Ok(after)) = (read(old), read(new)) else {
                return Err(differs("has an event that cannot be read"));
            };
            stored(&before, &after).map_err(differs)?;
            leaks(&before, &after, &new.payload).map_err(differs)?;
        }
        Ok(())
    }

    /// Compares the statistics of random selections at random positions after `after`, up to the last compared pair.
    pub(crate) async fn selections(
        &mut self,
        after: Position,
        selections: u32,
    ) -> Result<Result<SelectionsCompared, Mismatch>, NoRandomness> {
        let replaced =
            Replaced { advisors: &self.advisors.by_value, organisations: &self.organisations.by_value };
        let compared = self.figures.compare(after, selections, &replaced).await?;
        let what = "gives different statistics of a selection";
        Ok(compared.map_err(|differs| Mismatch { position: differs.0, what }))
    }

    /// Whether every replaced value was replaced everywhere.
    pub(crate) fn finish(&mut self, end: Position) -> Result<(), Mismatch> {
        self.rewritten.advisors = self.advisors.by_value.len() as u64;
        self.rewritten.organisation_names = self.organisations.by_value.len() as u64;
        let differs = |what| Mismatch { position: end, what };
        if !self.advisors.are_sound() {
            return Err(differs("or one before it keeps the id of an advisor who was forgotten elsewhere"));
        }
        if !self.organisations.are_sound() {
            return Err(differs("or one before it keeps a free name that was forgotten elsewhere"));
        }
        Ok(())
    }

    fn facts(&mut self, before: &Event<'_>, after: &Event<'_>) -> Result<(), &'static str> {
        let heads = |it: &Event<'_>| (it.event_id, it.cra_id, it.revision, it.recorded_at);
        if heads(before) != heads(after) || before.client_id != after.client_id {
            return Err("has an event with another head");
        }
        if before.forgotten.iter().any(|(kind, _)| !after.forgotten.has(kind)) {
            return Err("no longer records what was forgotten earlier");
        }
        match (&before.fact, &after.fact) {
            (
                Fact::Submitted { cra: old, defaulted_participants: was },
                Fact::Submitted { cra: new, defaulted_participants: is },
            ) if was == is => self.content(&old.clone().into_owned(), &new.clone().into_owned(), after),
            (
                Fact::Corrected { cra: old, defaulted_participants: was, reason: before },
                Fact::Corrected { cra: new, defaulted_participants: is, reason },
            ) if was == is => {
                text(before, reason, Forgettable::Reason, after)?;
                self.content(&old.clone().into_owned(), &new.clone().into_owned(), after)
            }
            (Fact::Withdrawn { reason: before }, Fact::Withdrawn { reason }) => {
                text(before, reason, Forgettable::Reason, after)
            }
            (
                Fact::Imported { form_version: old_form, cra: old, created_at: before, .. },
                Fact::Imported { form_version: new_form, cra: new, created_at, .. },
            ) if (old_form, before) == (new_form, created_at) => self.content(old, new, after),
            _ => Err("has another fact"),
        }
    }

    /// Compares two contents: they are equal once replacements are undone.
    fn content(&mut self, old: &Cra, new: &Cra, event: &Event<'_>) -> Result<(), &'static str> {
        let mut restored = new.clone();
        text(&old.annotation, &new.annotation, Forgettable::Annotation, event)?;
        restored.annotation.clone_from(&old.annotation);
        if old.advisor_id == new.advisor_id {
            self.advisors.keep(old.advisor_id.as_str());
        } else {
            let is_one = is_alias(new.advisor_id.as_str()) && event.forgotten.has(Forgettable::Advisor);
            if !is_one || !self.advisors.replaced(old.advisor_id.as_str(), new.advisor_id.as_str()) {
                return Err("has another advisor, or one alias of two advisors");
            }
            restored.advisor_id = old.advisor_id.clone();
        }
        for (old, new) in old.redirections.iter().zip(&mut restored.redirections) {
            self.recipient(&old.recipient, &mut new.recipient, event)?;
        }
        if restored == *old { Ok(()) } else { Err("has a CRA that differs in more than what was forgotten") }
    }

    fn recipient(
        &mut self,
        old: &Recipient,
        new: &mut Recipient,
        event: &Event<'_>,
    ) -> Result<(), &'static str> {
        let (Recipient::Other(before), Recipient::Other(after)) = (old, &*new) else { return Ok(()) };
        let Some(key) = free_key(before) else { return Ok(()) };
        if before == after {
            self.organisations.keep(&key);
            return Ok(());
        }
        let is_one = is_neutral_name(after) && event.forgotten.has(Forgettable::Organisations);
        let by = cra_domain::spelling::key(after);
        if !is_one || !self.organisations.replaced(&key, &by) {
            return Err("has another organisation, or one neutral name of two");
        }
        *new = old.clone();
        Ok(())
    }

    fn count(&mut self, before: &Event<'_>, after: &Event<'_>) {
        self.rewritten.events += 1;
        for (kind, at) in after.forgotten.iter() {
            if before.forgotten.at(kind) == Some(at) {
                continue;
            }
            let counter = match kind {
                Forgettable::Annotation => &mut self.rewritten.annotations,
                Forgettable::Reason => &mut self.rewritten.reasons,
                Forgettable::Organisations => &mut self.rewritten.organisations,
                Forgettable::Account => &mut self.rewritten.accounts,
                Forgettable::Advisor => &mut self.rewritten.advisor_events,
                Forgettable::Document => &mut self.rewritten.documents,
            };
            *counter += 1;
        }
    }
}

/// A text must be equal or forgotten.
fn text(old: &str, new: &str, kind: Forgettable, event: &Event<'_>) -> Result<(), &'static str> {
    let is_forgotten = new.is_empty() && event.forgotten.has(kind);
    if old == new || is_forgotten { Ok(()) } else { Err("has another text") }
}

/// The fields of stored events that the domain does not read.
fn stored(before: &v1::CraEvent, after: &v1::CraEvent) -> Result<(), &'static str> {
    use v1::cra_event::Fact::{Corrected, Imported, Submitted};
    let subject = |it: &v1::CraEvent| it.origin.as_ref().map(|origin| origin.subject.clone());
    let account_is_forgotten = after.forgotten.is_some_and(|it| it.account_at.is_some());
    if subject(before) != subject(after)
        && !(account_is_forgotten && subject(after).is_some_and(|it| it.is_empty()))
    {
        return Err("has another account");
    }
    let defaulted = |it: &v1::CraEvent| match &it.fact {
        Some(Submitted(fact)) => fact.defaulted_fields.clone(),
        Some(Corrected(fact)) => fact.defaulted_fields.clone(),
        _ => Vec::new(),
    };
    if defaulted(before) != defaulted(after) {
        return Err("has other defaults");
    }
    let (Some(Imported(old)), Some(Imported(new))) = (&before.fact, &after.fact) else { return Ok(()) };
    let read = |it: &v1::LegacyCraImported| legacy::Document::parse(&it.document).ok();
    let (Some(old_document), Some(new_document)) = (read(old), read(new)) else {
        return Err("has a document that cannot be read");
    };
    let decided_by = |it: &legacy::Document| (it.legacy_id().map(str::to_owned), it.version().written_at());
    if old.legacy_id != new.legacy_id || decided_by(&old_document) != decided_by(&new_document) {
        return Err("has a document of another id or time");
    }
    let is_reduced = after.forgotten.is_some_and(|it| it.document_at.is_some());
    if old.document != new.document && !is_reduced {
        return Err("has another document");
    }
    Ok(())
}

/// Searches the new bytes for every value that the old event contains and the new event lacks.
fn leaks(before: &v1::CraEvent, after: &v1::CraEvent, bytes: &[u8]) -> Result<(), &'static str> {
    let (before, after) = (texts(before), texts(after));
    // Random names, and times in another notation, may contain a short value by chance.
    let is_made = |text: &str| is_alias(text) || is_neutral_name(text) || text.parse::<Timestamp>().is_ok();
    let is_kept = |text: &&String| before.contains(*text) || is_made(text);
    for removed in before.iter().filter(|text| text.len() >= SEARCHED_BYTES_MIN && !after.contains(*text)) {
        let holders: Vec<_> = after.iter().filter(|text| text.contains(removed.as_str())).collect();
        let is_found = memmem::find(bytes, removed.as_bytes()).is_some();
        if holders.iter().any(|text| !is_kept(text)) || (is_found && holders.is_empty()) {
            return Err("contains a value that was forgotten");
        }
    }
    Ok(())
}

/// Every text of an event, including those of its document.
fn texts(event: &v1::CraEvent) -> HashSet<String> {
    use v1::cra_event::Fact;
    let mut texts: HashSet<String> = HashSet::new();
    let mut add = |text: &str| {
        texts.insert(text.to_owned());
    };
    add(&event.event_id);
    add(&event.cra_id);
    if let Some(origin) = &event.origin {
        add(&origin.client_id);
        add(&origin.subject);
    }
    let mut cra = |cra: &v1::Cra| {
        let place = cra.place.as_ref().map(|it| [&it.commune_code, &it.postal_code, &it.venue_id]);
        for text in place.into_iter().flatten() {
            add(text);
        }
        for text in [&cra.advisor_id, &cra.structure_id, &cra.date, &cra.annotation] {
            add(text);
        }
        for redirection in cra.follow_up.iter().flat_map(|it| &it.redirections) {
            if let Some(v1::redirection::Organisation::Other(name)) = &redirection.organisation {
                add(name);
            }
        }
    };
    match &event.fact {
        Some(Fact::Submitted(fact)) => fact.cra.iter().for_each(&mut cra),
        Some(Fact::Corrected(fact)) => {
            fact.cra.iter().for_each(&mut cra);
            add(&fact.reason);
        }
        Some(Fact::Withdrawn(fact)) => add(&fact.reason),
        Some(Fact::Imported(fact)) => {
            add(&fact.legacy_id);
            if let Ok(document) = serde_json::from_slice(&fact.document) {
                leaves(&document, &mut add);
            }
        }
        None => {}
    }
    texts
}

/// Keys and texts of a document.
fn leaves(value: &Value, add: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => add(text),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, add)),
        Value::Object(fields) => {
            for (key, value) in fields {
                add(key);
                leaves(value, add);
            }
        }
        _ => {}
    }
}
