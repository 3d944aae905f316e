//! What was done, for those who answer for it: without any value that was forgotten.

use cra_eventlog::{Forgetting, LogEntry, LogIdentity, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::encoding::{as_text, hexadecimal};
use crate::figures::SelectionsCompared;
use crate::rules::Rules;

/// Version of the form of certificates.
const FORMAT: u32 = 1;

/// What a run of forgetting did, and what it did not reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    format: u32,
    /// When it was forgotten: what the events of the new log say.
    #[serde(with = "as_text")]
    pub forgotten_at: Timestamp,
    /// When the new log had been verified.
    #[serde(with = "as_text")]
    pub verified_at: Timestamp,
    /// Position up to which the log was read for what the rules mean in it; of later events, only names and accounts that
    /// were forgotten by then are replaced.
    pub surveyed: Position,
    /// Who began the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Act>,
    /// Who opened the new log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Act>,
    /// The random selections whose statistics at random positions are equal in both logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<SelectionsCompared>,
    /// The rules, of lists of ids only how many they are.
    pub rules: RulesShown,
    /// What was forgotten.
    pub forgotten: Rewritten,
    /// The log that holds it still, until it is destroyed.
    pub from: LogDigest,
    /// The log that does not hold it.
    pub to: LogDigest,
    /// What the rules did not reach within the log.
    pub kept: Kept,
    /// What lies outside of the log.
    pub not_reached: Vec<String>,
}

/// Rules without personal values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesShown {
    texts_before: Option<String>,
    accounts_before: Option<String>,
    advisors: usize,
    advisors_without_cra_since: Option<String>,
    cras: usize,
}

/// How much of each kind was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewritten {
    /// Events of which anything was forgotten.
    pub events: u64,
    /// Events of which the annotation was.
    pub annotations: u64,
    /// Events of which the reason was.
    pub reasons: u64,
    /// Events of which a free name was.
    pub organisations: u64,
    /// Free names, each in all its spellings.
    pub organisation_names: u64,
    /// Events of which the account was.
    pub accounts: u64,
    /// Events of which the advisor's id was.
    pub advisor_events: u64,
    /// Advisors.
    pub advisors: u64,
    /// Older documents that were reduced to what is read of them.
    pub documents: u64,
}

/// What stays although the rules name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Free names that CRAs beyond the rules use too.
    pub organisation_names_used_elsewhere: u64,
    /// Events that no reader understands, copied as they are.
    pub unreadable_events: u64,
    /// Positions of the first of them.
    pub unreadable_positions: Vec<u64>,
}

/// A log, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogDigest {
    /// Which log.
    pub log: LogIdentity,
    /// Position of the last event.
    pub position: Position,
    /// SHA-256 of all entries, in hexadecimal digits.
    pub sha256: String,
}

impl Certificate {
    pub(crate) fn new(
        rules: &Rules,
        forgotten_at: Timestamp,
        verified_at: Timestamp,
        logs: Compared,
    ) -> Self {
        let Compared { from, to, surveyed, began, finished, selections, forgotten, kept, not_reached } = logs;
        let shown = |day: Option<Date>| day.map(|day| day.to_string());
        let rules = RulesShown {
            texts_before: shown(rules.texts_before),
            accounts_before: shown(rules.accounts_before),
            advisors: rules.advisors.len(),
            advisors_without_cra_since: shown(rules.advisors_without_cra_since),
            cras: rules.cras.len(),
        };
        Self {
            format: FORMAT,
            forgotten_at,
            verified_at,
            surveyed,
            began,
            finished,
            selections,
            rules,
            forgotten,
            from,
            to,
            kept,
            not_reached,
        }
    }

    /// Reads a certificate.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let certificate: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match certificate.format {
            FORMAT => Ok(certificate),
            other => Err(format!("it has format {other}, this program knows {FORMAT}")),
        }
    }

    /// As the new log names it, and with it each backup of the new log.
    #[must_use]
    pub(crate) fn to_forgetting(&self) -> Forgetting {
        let certificate = serde_json::to_string(self).unwrap_or_default();
        Forgetting { at: self.forgotten_at.to_string(), certificate }
    }

    /// As a file holds it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// What the verification found.
pub(crate) struct Compared {
    pub(crate) from: LogDigest,
    pub(crate) to: LogDigest,
    pub(crate) surveyed: Position,
    pub(crate) began: Option<Act>,
    pub(crate) finished: Option<Act>,
    pub(crate) selections: Vec<SelectionsCompared>,
    pub(crate) forgotten: Rewritten,
    pub(crate) kept: Kept,
    pub(crate) not_reached: Vec<String>,
}

/// The digest of a log, entry by entry.
#[derive(Clone)]
pub(crate) struct Digest(Context);

impl Default for Digest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Digest {
    pub(crate) fn add(&mut self, entry: &LogEntry) {
        let LogEntry { position, stream, event_id, payload, appended_at, trace: _ } = entry;
        self.0.update(&position.0.to_be_bytes());
        for id in [stream.map(|stream| stream.0), *event_id] {
            self.0.update(&[u8::from(id.is_some())]);
            self.0.update(id.unwrap_or_default().as_bytes());
        }
        self.0.update(&appended_at.as_nanosecond().to_be_bytes());
        self.0.update(&(payload.len() as u64).to_be_bytes());
        self.0.update(payload);
    }

    pub(crate) fn finish(self) -> String {
        hexadecimal(self.0.finish().as_ref())
    }
}
