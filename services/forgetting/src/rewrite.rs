//! Rewrites one stored event without what is to be forgotten. A pure and idempotent function.

use bytes::Bytes;
use cra_contracts::v1::{self, cra_event::Fact as Stored, redirection::Organisation};
use cra_domain::event::{Event, Fact, Forgettable, Forgotten};
use cra_eventlog::{LogEntry, Position};
use hashbrown::HashMap;
use prost::Message as _;

use crate::names::Names;
use crate::plan::{Plan, document_of, free_key};

/// An event to be rewritten contains fields that this version does not know; they would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event at position {0} holds fields that this version of the program does not know, and they would be lost: use the \
     version that wrote it"
)]
pub struct UnknownFields(pub Position);

/// The plan of what is to be forgotten, and the replacements.
#[derive(Clone, Copy)]
pub(crate) struct Rewriter<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) names: &'a Names,
}

impl Rewriter<'_> {
    /// The event's new bytes; `None` if it contains nothing to be forgotten.
    pub(crate) fn rewrite(&self, entry: &LogEntry) -> Result<Option<Bytes>, UnknownFields> {
        let unknown = UnknownFields(entry.position);
        // An event that no reader understands is copied unchanged; the survey counts it.
        let Ok(event) = Event::decode(&entry.payload) else { return Ok(None) };
        let stored = v1::CraEvent::decode(&*entry.payload).map_err(|_| unknown)?;
        let mut rewriting =
            Rewriting { rewriter: *self, forgotten: event.forgotten.clone(), spellings: HashMap::new() };
        let mut message = stored.clone();
        rewriting.event(&event, &mut message, &entry.payload);
        message.forgotten = rewriting.forgotten.to_message();
        if message == stored {
            return Ok(None);
        }
        if stored.encode_to_vec() == *entry.payload {
            Ok(Some(message.encode_to_vec().into()))
        } else {
            Err(unknown)
        }
    }
}

/// State of rewriting one event.
struct Rewriting<'a> {
    rewriter: Rewriter<'a>,
    forgotten: Forgotten,
    /// Number of spellings of each name in this event.
    spellings: HashMap<String, Vec<String>>,
}

impl Rewriting<'_> {
    fn event(&mut self, event: &Event<'_>, message: &mut v1::CraEvent, payload: &[u8]) {
        let plan = self.rewriter.plan;
        let covers_texts = plan.covers_texts(event.cra_id, event.recorded_at);
        if let Some(origin) = &mut message.origin {
            let is_covered = plan.covers_account(event.recorded_at) || plan.mentions(&origin.subject);
            self.clear(is_covered, Forgettable::Account, &mut origin.subject);
        }
        match (message.fact.as_mut(), &event.fact) {
            (Some(Stored::Submitted(fact)), _) => self.content(covers_texts, fact.cra.as_mut()),
            (Some(Stored::Corrected(fact)), _) => {
                self.content(covers_texts, fact.cra.as_mut());
                self.text(covers_texts, Forgettable::Reason, &mut fact.reason);
            }
            (Some(Stored::Withdrawn(fact)), _) => {
                self.text(covers_texts, Forgettable::Reason, &mut fact.reason);
            }
            (Some(Stored::Imported(fact)), Fact::Imported { cra, .. }) => {
                let advisor = self.rewriter.names.alias(cra.advisor_id.as_str());
                if covers_texts || advisor.is_some() || plan.mentions(&cra.annotation) {
                    self.document(covers_texts, advisor, &cra.annotation, fact, payload);
                }
            }
            _ => {}
        }
    }

    fn content(&mut self, covers_texts: bool, cra: Option<&mut v1::Cra>) {
        let Some(cra) = cra else { return };
        if let Some(alias) = self.rewriter.names.alias(&cra.advisor_id) {
            alias.clone_into(&mut cra.advisor_id);
            self.forget(Forgettable::Advisor);
        }
        self.text(covers_texts, Forgettable::Annotation, &mut cra.annotation);
        for redirection in cra.follow_up.iter_mut().flat_map(|it| &mut it.redirections) {
            if let Some(Organisation::Other(name)) = &mut redirection.organisation
                && let Some(neutral) = self.neutral(name)
            {
                *name = neutral;
            }
        }
    }

    /// Reduces a document to the fields that are read, in one notation, without what is to be forgotten.
    fn document(
        &mut self,
        covers_texts: bool,
        advisor: Option<&str>,
        annotation: &str,
        fact: &mut v1::LegacyCraImported,
        payload: &[u8],
    ) {
        let Some(document) = document_of(payload) else { return };
        let keeps_annotation = !covers_texts && !self.rewriter.plan.mentions(annotation);
        let rest = document
            .reduced(keeps_annotation, advisor, |name| self.neutral(name).unwrap_or_else(|| name.to_owned()));
        if advisor.is_some() {
            self.forget(Forgettable::Advisor);
        }
        if !keeps_annotation && !annotation.is_empty() {
            self.forget(Forgettable::Annotation);
        }
        if rest != fact.document {
            self.forget(Forgettable::Document);
            fact.document = rest.into();
        }
    }

    /// The neutral name for a free name to be forgotten.
    fn neutral(&mut self, name: &str) -> Option<String> {
        let key = free_key(name)?;
        let spellings = self.spellings.entry_ref(&*key).or_default();
        let known = spellings.iter().position(|spelling| spelling == name);
        let spelling = known.unwrap_or(spellings.len());
        let neutral = self.rewriter.names.neutral(&key, spelling)?;
        if known.is_none() {
            spellings.push(name.to_owned());
        }
        self.forget(Forgettable::Organisations);
        Some(neutral)
    }

    fn text(&mut self, is_covered: bool, kind: Forgettable, text: &mut String) {
        let is_covered = is_covered || self.rewriter.plan.mentions(text);
        self.clear(is_covered, kind, text);
    }

    fn clear(&mut self, is_covered: bool, kind: Forgettable, text: &mut String) {
        if is_covered && !text.is_empty() {
            text.clear();
            self.forget(kind);
        }
    }

    fn forget(&mut self, kind: Forgettable) {
        self.forgotten.insert(kind, self.rewriter.names.at);
    }
}
