//! The certificate of a run of forgetting, for the responsible body. Contains no forgotten value.

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
    /// Time of the forgetting, as in the events of the new log.
    #[serde(with = "as_text")]
    pub forgotten_at: Timestamp,
    /// Time at which the verification of the new log ended.
    #[serde(with = "as_text")]
    pub verified_at: Timestamp,
    /// Position up to which the log was surveyed. In later events, only the names and accounts that the survey found
    /// are replaced.
    pub surveyed: Position,
    /// Who started the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Act>,
    /// Who opened the new log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Act>,
    /// The random selections and positions whose statistics are equal in both logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<SelectionsCompared>,
    /// The rules; of lists of ids only their length.
    pub rules: RulesShown,
    /// The numbers of forgotten values.
    pub forgotten: Rewritten,
    /// The old log, which contains the values until it is destroyed.
    pub from: LogDigest,
    /// The new log.
    pub to: LogDigest,
    /// What the rules could not cover within the log.
    pub kept: Kept,
    /// Copies of the values outside of the log.
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

/// Number of forgotten values of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewritten {
    /// Events with any forgotten value.
    pub events: u64,
    /// Events whose annotation was forgotten.
    pub annotations: u64,
    /// Events whose reason was forgotten.
    pub reasons: u64,
    /// Events with a forgotten free name.
    pub organisations: u64,
    /// Free names, each counted once for all its spellings.
    pub organisation_names: u64,
    /// Events whose account was forgotten.
    pub accounts: u64,
    /// Events whose advisor id was forgotten.
    pub advisor_events: u64,
    /// Number of advisors.
    pub advisors: u64,
    /// Older documents reduced to the fields that are read.
    pub documents: u64,
}

/// What remains although the rules cover it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Free names that CRAs outside the rules also use.
    pub organisation_names_used_elsewhere: u64,
    /// Events that no reader understands, copied unchanged.
    pub unreadable_events: u64,
    /// Positions of the first such events.
    pub unreadable_positions: Vec<u64>,
}

/// A log up to the position at which it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogDigest {
    /// Identity of the log.
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

    /// The record of the forgetting, as the new log and each of its backups contain it.
    #[must_use]
    pub(crate) fn to_forgetting(&self) -> Forgetting {
        let certificate = serde_json::to_string(self).unwrap_or_default();
        Forgetting { at: self.forgotten_at.to_string(), certificate }
    }

    /// The certificate as JSON, as in its file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Result of the verification.
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
