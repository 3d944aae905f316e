//! Applies the rules to one log. The age of a text follows from its CRA's last day, whether a name can be forgotten
//! from all its uses, and whether an advisor is active from all CRAs; so the log is surveyed before it is copied.

use cra_domain::cra::{Cra, Recipient};
use cra_domain::event::{Event, Fact, is_alias, is_neutral_name};
use cra_domain::{legacy, spelling};
use cra_eventlog::LogEntry;
use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::rules::Rules;

/// Maximum number of unreadable events whose positions a certificate lists; the others are only counted.
const UNREADABLE_NAMED_MAX: usize = 100;

/// State of the survey of a log.
#[derive(Default)]
pub(crate) struct Survey {
    rules: Rules,
    /// Day of each CRA's last content.
    days: HashMap<Uuid, Date>,
    /// Day of each advisor's latest CRA.
    advisors: HashMap<String, Date>,
    /// Number of each free name, by its key.
    numbers: HashMap<String, usize>,
    /// Free names by their number, in one spelling.
    names: Vec<String>,
    /// The name, and the CRA that contains it.
    uses: Vec<(usize, Uuid)>,
    unreadable: Unreadable,
}

/// Events that no reader understands; they are copied unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) count: u64,
    /// Positions of the first such events.
    pub(crate) positions: Vec<u64>,
}

impl Survey {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Adds the next event of the log.
    pub(crate) fn observe(&mut self, entry: &LogEntry) {
        let Ok(event) = Event::decode(&entry.payload) else {
            self.unreadable.count += 1;
            if self.unreadable.positions.len() < UNREADABLE_NAMED_MAX {
                self.unreadable.positions.push(entry.position.0);
            }
            return;
        };
        match &event.fact {
            Fact::Submitted { cra, .. } | Fact::Corrected { cra, .. } => {
                self.content(&event, cra);
                for redirection in &cra.redirections {
                    if let Recipient::Other(name) = &redirection.recipient {
                        self.uses(name, event.cra_id);
                    }
                }
            }
            Fact::Imported { cra, .. } => {
                self.content(&event, cra);
                // Includes names that no figure counts.
                for name in document_of(&entry.payload).map(|it| it.organisations()).unwrap_or_default() {
                    self.uses(&name, event.cra_id);
                }
            }
            Fact::Withdrawn { .. } => {}
        }
    }

    fn content<T: AsRef<str>>(&mut self, event: &Event<'_>, cra: &Cra<T>) {
        self.days.insert(event.cra_id, cra.date);
        let last = self.advisors.entry_ref(cra.advisor_id.as_str()).or_insert(cra.date);
        *last = cra.date.max(*last);
    }

    fn uses(&mut self, name: &str, cra_id: Uuid) {
        let Some(key) = free_key(name) else { return };
        let next = self.names.len();
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.names.push(name.to_owned());
        }
        self.uses.push((number, cra_id));
    }

    /// Ends the survey and derives what is to be forgotten.
    pub(crate) fn finish(self) -> Plan {
        let since = self.rules.advisors_without_cra_since;
        let is_forgotten = |id: &str, last: Date| {
            !is_alias(id) && (self.rules.advisors.contains(id) || since.is_some_and(|since| last < since))
        };
        let advisors: HashSet<String> = self
            .advisors
            .iter()
            .filter(|(id, last)| is_forgotten(id, **last))
            .map(|(id, _)| id.clone())
            .collect();
        let mut plan = Plan {
            rules: self.rules,
            days: self.days,
            mentioned: advisors.iter().map(|id| id.to_ascii_lowercase()).collect(),
            advisors,
            names: HashSet::new(),
            names_kept: 0,
            unreadable: self.unreadable,
        };
        let (mut used, mut used_elsewhere) = (vec![false; self.names.len()], vec![false; self.names.len()]);
        for (number, cra_id) in self.uses {
            // Each use belongs to a content, which has a day.
            let covered = plan.covers_texts(cra_id, Timestamp::MAX);
            used[number] |= covered;
            used_elsewhere[number] |= !covered;
        }
        for (key, number) in self.numbers {
            if plan.mentions(&self.names[number]) || (used[number] && !used_elsewhere[number]) {
                plan.names.insert(key);
            } else if used[number] {
                plan.names_kept += 1;
            }
        }
        plan
    }
}

/// What is to be forgotten of one log.
#[derive(Debug)]
pub(crate) struct Plan {
    rules: Rules,
    days: HashMap<Uuid, Date>,
    /// Ids of the advisors to replace.
    pub(crate) advisors: HashSet<String>,
    /// The same ids in lower case.
    mentioned: HashSet<String>,
    /// Keys of the free names to replace.
    pub(crate) names: HashSet<String>,
    /// Free names of covered CRAs that other CRAs also use.
    pub(crate) names_kept: u64,
    pub(crate) unreadable: Unreadable,
}

impl Plan {
    /// Whether the texts of an event are to be forgotten. A CRA without readable content, or recorded after the survey,
    /// has the day of its record.
    pub(crate) fn covers_texts(&self, cra_id: Uuid, recorded_at: Timestamp) -> bool {
        let day = || self.days.get(&cra_id).copied().unwrap_or_else(|| day_of(recorded_at));
        self.rules.cras.contains(&cra_id) || self.rules.texts_before.is_some_and(|before| day() < before)
    }

    /// Whether the account of an event is to be forgotten.
    pub(crate) fn covers_account(&self, recorded_at: Timestamp) -> bool {
        self.rules.accounts_before.is_some_and(|before| day_of(recorded_at) < before)
    }

    /// Whether a text contains the id of an advisor to be forgotten, ignoring case.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        !self.mentioned.is_empty()
            && text.to_ascii_lowercase().split(|c| !is_part(c)).any(|word| {
                self.mentioned.contains(word)
                    || self.mentioned.contains(word.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
            })
    }
}

/// The day of an instant in UTC.
fn day_of(instant: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(instant).date()
}

/// The spelling-insensitive key of a free name; `None` for a known organisation, an absent name and a neutral name.
pub(crate) fn free_key(name: &str) -> Option<String> {
    let is_free = || matches!(Recipient::Other(name.into()).recognised(), Recipient::Other(_));
    (!is_neutral_name(name) && is_free()).then(|| spelling::key(name))
}

/// The document of an import.
pub(crate) fn document_of(payload: &[u8]) -> Option<legacy::Document> {
    use cra_contracts::stored::{Event, Fact};
    match Event::read(payload).ok()?.fact? {
        Fact::Imported(imported) => legacy::Document::parse(imported.document).ok(),
        _ => None,
    }
}
