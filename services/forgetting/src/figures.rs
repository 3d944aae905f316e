//! Compares the statistics of random selections at random positions of both logs, by the definitions of the product.
//! They must be equal to the digit, except for aliases, neutral names, and the order of lines that follows from names.
//!
//! The facts of both logs are in memory, packed as in the projection.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use cra_analytics::columns::{
    Candidates, Columns, FactDelta, POSITIONS_MAX, ScanRequest, Snapshot, Watermark,
};
use cra_analytics::dictionary::{Dictionary, Kind};
use cra_analytics::fact::{Client, Fact, Provenance, date_of, instant, nanoseconds};
use cra_analytics::figures;
use cra_analytics::filter::Filter;
use cra_analytics::succession::Current;
use cra_contracts::v1;
use cra_domain::cra::Cra;
use cra_domain::event::{Event, Fact as EventFact};
use cra_domain::selection::Selection;
use cra_domain::{spelling, territory};
use cra_eventlog::{LogEntry, Position};
use hashbrown::HashMap;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::draws::Draws;
use crate::encoding::hexadecimal;
use crate::random::{NoRandomness, random_bytes};

/// Number of effects that are applied to the columns together.
const BATCH: usize = 1_024;
/// Maximum number of days that a selection spans on each side of a fact's day.
const DAYS_AROUND_MAX: u64 = 400;
/// The selections that were compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionsCompared {
    /// Number of selections.
    pub selections: u32,
    /// Their seed in hexadecimal. The same logs, positions and seed give the same selections.
    pub seed: String,
    /// Lower bound (exclusive) of the positions at which they were counted.
    pub after: Position,
    /// Upper bound (inclusive) of these positions.
    pub end: Position,
}

/// Replacements by the value that they replace.
pub(crate) struct Replaced<'a> {
    pub(crate) advisors: &'a HashMap<String, String>,
    /// Replacements by the spelling-insensitive key of the name.
    pub(crate) organisations: &'a HashMap<String, String>,
}

/// The statistics of the two logs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Differs(pub(crate) Position);

/// The facts of two logs whose events were compared.
#[derive(Default)]
pub(crate) struct Figures {
    old: Side,
    new: Side,
    states: HashMap<Uuid, State>,
    pending: usize,
    position: u64,
}

/// The current state of a CRA, and the time of its first record.
#[derive(Clone, Copy)]
struct State {
    current: Current,
    declared_at: i64,
}

/// The facts of one log.
#[derive(Default)]
struct Side {
    columns: Columns,
    dictionary: Dictionary,
    pending: Vec<FactDelta>,
}

/// The effect of an event.
enum Change {
    Nothing,
    Begins { ended: Option<u64>, declared_at: Timestamp },
    Ends(u64),
}

impl Figures {
    /// Adds the next event of both logs; `events` is `None` if no reader understands it.
    pub(crate) fn add(&mut self, entry: &LogEntry, events: Option<(&Event<'_>, &Event<'_>)>) {
        self.position = entry.position.0;
        let change = match events {
            // The projection does not advance past such a position.
            Some((old, _)) if self.position <= POSITIONS_MAX => self.change(entry, old),
            _ => Change::Nothing,
        };
        let events = events.map_or([None; 2], |(old, new)| [Some(old), Some(new)]);
        for (side, event) in [&mut self.old, &mut self.new].into_iter().zip(events) {
            side.add(self.position, event, &change);
        }
        self.pending += 1;
        if self.pending >= BATCH {
            self.apply();
        }
    }

    /// The effect that the projection derives from an event.
    fn change(&mut self, entry: &LogEntry, event: &Event<'_>) -> Change {
        let (position, revision) = (self.position, event.revision);
        // Parked events have no effect.
        if entry.stream.map(|stream| stream.0) != Some(event.cra_id) {
            return Change::Nothing;
        }
        let state = self.states.get(&event.cra_id).copied();
        let current = state.map(|it| it.current);
        let is_first = match event.fact {
            EventFact::Submitted { .. } => true,
            EventFact::Imported { .. } => revision == 1,
            EventFact::Corrected { .. } | EventFact::Withdrawn { .. } => false,
        };
        let declared_at = match event.fact {
            EventFact::Imported { created_at, .. } => nanoseconds(created_at),
            _ => state.map_or_else(|| nanoseconds(event.recorded_at), |it| it.declared_at),
        };
        let (next, ended) = if is_first {
            match Current::first(current, position, revision) {
                Ok(next) => (next, None),
                Err(_) => return Change::Nothing,
            }
        } else {
            let Ok(former) = Current::in_force(current, position, revision) else { return Change::Nothing };
            let next = match event.fact {
                EventFact::Withdrawn { .. } => former.withdrawn(revision),
                _ => Current::replaced(position, revision),
            };
            (next, Some(former.fact))
        };
        self.states.insert(event.cra_id, State { current: next, declared_at });
        match ended {
            Some(ended) if next.withdrawn => Change::Ends(ended),
            ended => Change::Begins { ended, declared_at: instant(declared_at) },
        }
    }

    fn apply(&mut self) {
        let watermark = Watermark { position: self.position, recorded_at: 0, retried: 0 };
        for side in [&mut self.old, &mut self.new] {
            side.columns.apply(&side.pending, Some(watermark), &());
            side.pending.clear();
        }
        self.pending = 0;
    }

    /// Compares the statistics of random selections at random positions after `after`, up to the last.
    pub(crate) async fn compare(
        &mut self,
        after: Position,
        selections: u32,
        replaced: &Replaced<'_>,
    ) -> Result<Result<SelectionsCompared, Differs>, NoRandomness> {
        self.apply();
        let seed = random_bytes()?;
        let mut draws = Draws::of(seed);
        let end = Position(self.position);
        let snapshots = (self.old.columns.snapshot(), self.new.columns.snapshot());
        for _ in 0..selections {
            let at = after.0 + 1 + draws.below(end.0.saturating_sub(after.0));
            let selection = self.selection(&snapshots.0, &mut draws);
            let translated = translated(&selection, replaced);
            let old = self.old.count(&snapshots.0, at, &selection);
            let new = self.new.count(&snapshots.1, at, &translated);
            if compared(old, replaced) != compared(new, &Replaced::nothing(&HashMap::new())) {
                return Ok(Err(Differs(Position(at))));
            }
            yielded().await;
        }
        Ok(Ok(SelectionsCompared { selections, seed: hexadecimal(&seed), after, end }))
    }

    /// A selection that contains a random fact of the old log, so that few selections are empty.
    fn selection(&self, snapshot: &Snapshot, draws: &mut Draws) -> v1::Selection {
        let mut selection = v1::Selection::default();
        let Some(fact) = snapshot.fact(1 + draws.below(self.position)) else { return selection };
        let (fixed, dictionary) = (fact.fixed(), &self.old.dictionary);
        let text = |kind, code| dictionary.text(kind, code).map(str::to_owned);
        if draws.one_in(2)
            && let Some(day) = date_of(fixed.day)
        {
            let mut around = || i64::try_from(draws.below(DAYS_AROUND_MAX)).unwrap_or_default().days();
            let (before, after) = (around(), around());
            selection.from = day.checked_sub(before).map(|day| day.to_string()).unwrap_or_default();
            selection.to = day.checked_add(after).map(|day| day.to_string()).unwrap_or_default();
        }
        if draws.one_in(3) {
            selection.advisor_ids.extend(text(Kind::Advisor, fixed.advisor));
        }
        if draws.one_in(5) {
            selection.structure_ids.extend(text(Kind::Structure, fixed.structure));
        }
        let communes = territory::communes();
        if let Some(commune) = communes.at(fixed.commune) {
            match draws.below(8) {
                0 => selection.commune_codes.push(communes.get(commune).code().to_owned()),
                1 | 2 => {
                    let department = communes.department_of(commune).index();
                    let department = communes.departments().get(usize::from(department));
                    selection.department_codes.extend(department.map(|it| it.code().to_owned()));
                }
                _ => {}
            }
        }
        let mut word = |one_in, words| {
            let is_drawn = draws.one_in(one_in);
            let word = 1 + i32::try_from(draws.below(words)).unwrap_or_default();
            is_drawn.then_some(word)
        };
        selection.activities.extend(word(3, 3));
        selection.channels.extend(word(6, 4));
        selection.themes.extend(word(6, 12));
        selection.durations.extend(word(8, 5));
        selection.ages.extend(word(8, 5));
        selection.statuses.extend(word(8, 5));
        selection
    }
}

impl Side {
    fn add(&mut self, position: u64, event: Option<&Event<'_>>, change: &Change) {
        let delta = match (event, change) {
            (Some(event), Change::Begins { ended, declared_at }) => {
                let fact = self.fact(event, *declared_at);
                FactDelta::of(position, fact.as_ref(), *ended)
            }
            (Some(_), Change::Ends(ended)) => FactDelta::of(position, None, Some(*ended)),
            _ => FactDelta::of(position, None, None),
        };
        self.pending.push(delta);
    }

    fn fact(&mut self, event: &Event<'_>, declared_at: Timestamp) -> Option<Fact> {
        match &event.fact {
            EventFact::Submitted { cra, defaulted_participants }
            | EventFact::Corrected { cra, defaulted_participants, .. } => {
                Some(self.fact_of(event, cra, *defaulted_participants, declared_at))
            }
            EventFact::Imported { cra, .. } => Some(self.fact_of(event, cra, false, declared_at)),
            EventFact::Withdrawn { .. } => None,
        }
    }

    /// A CRA with a value in everything that a figure or a selection reads.
    fn fact_of<T: AsRef<str>>(
        &mut self,
        event: &Event<'_>,
        cra: &Cra<T>,
        defaulted_participants: bool,
        declared_at: Timestamp,
    ) -> Fact {
        let provenance = Provenance {
            cra_id: event.cra_id,
            revision: event.revision,
            recorded_at: declared_at,
            corrected_at: None,
            created_at: None,
            form_version: 0,
            client: Client::Named(""),
            defaulted_participants,
            forgotten: None,
        };
        Fact::new(provenance, cra, None, &mut self.dictionary)
    }

    fn count(&self, snapshot: &Snapshot, position: u64, selection: &v1::Selection) -> v1::Statistics {
        // Ids of earlier forms may be invalid in a selection; then everything is counted.
        let selection = Selection::parse(selection).unwrap_or_default();
        let filter = Filter::bind(&selection, &self.dictionary);
        let never = AtomicBool::new(false);
        let request =
            ScanRequest { position, filter: &filter, candidates: Candidates::Everything, cancelled: &never };
        let counted =
            snapshot.gather(&snapshot.plan(request), 1, |_| Some(0)).and_then(|mut slots| slots.pop());
        figures::statistics(&counted.unwrap_or_default().totals(), &self.dictionary)
    }
}

impl<'a> Replaced<'a> {
    fn nothing(none: &'a HashMap<String, String>) -> Self {
        Self { advisors: none, organisations: none }
    }
}

/// The corresponding selection of the new log.
fn translated(selection: &v1::Selection, replaced: &Replaced<'_>) -> v1::Selection {
    let mut translated = selection.clone();
    for advisor in &mut translated.advisor_ids {
        if let Some(alias) = replaced.advisors.get(advisor) {
            alias.clone_into(advisor);
        }
    }
    translated
}

/// Statistics without names of organisations: their people by the name in the new log, and their counts and shares in
/// order. Among lines of equal counts, the order of names decides which line receives the rounding remainder.
type Compared = (v1::Statistics, BTreeMap<String, u64>, Vec<(u64, u32)>);

fn compared(mut statistics: v1::Statistics, replaced: &Replaced<'_>) -> Compared {
    let lines = std::mem::take(&mut statistics.redirections);
    let shares = lines.iter().map(|line| (line.count, line.share_per_mille)).collect();
    let mut people = BTreeMap::new();
    for line in lines {
        let key = spelling::key(&line.label);
        let key = replaced.organisations.get(&key).cloned().unwrap_or(key);
        *people.entry(key).or_default() += line.count;
    }
    (statistics, people, shares)
}

/// Yields to other tasks, such as the connection to the log.
async fn yielded() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
