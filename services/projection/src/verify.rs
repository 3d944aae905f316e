//! Compares a generation with a replay of the log, read model by read model, up to the position that the replay holds.
//! The generation may be further: what came later is left out of the comparison.

use std::cmp::Ordering;
use std::collections::HashMap;

use cra_eventlog::Position;
use uuid::Uuid;

use crate::generations::Generation;
use crate::store::{Current, Parked, Session, StoreError};
use crate::views::dictionary::{Code, Dictionary, Kind};
use crate::views::fact::{Fact, FactKey, IN_FORCE, date_of};

/// Differences told at most.
const DIFFERENCES_MAX: usize = 20;

/// The first differences between a generation and a replay; none where both hold the same. Blocks.
pub fn differences(checked: &Generation, replay: &Generation) -> Result<Vec<String>, StoreError> {
    let until = replay.position();
    let comparison = Comparison {
        checked: checked.session(),
        replay: replay.session(),
        until,
        codes: Codes::between(&replay.dictionary().read(), &checked.dictionary().read()),
    };
    let mut found = Vec::new();
    comparison.facts(&mut found)?;
    comparison.currents(&mut found)?;
    comparison.changes(&mut found)?;
    comparison.parked(&mut found)?;
    Ok(found)
}

struct Comparison {
    checked: Session,
    replay: Session,
    until: Position,
    codes: Codes,
}

impl Comparison {
    fn facts(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let everything = FactKey { day: i32::MIN, from: 0 }..=FactKey { day: i32::MAX, from: u64::MAX };
        // As they stood at the end of the replay.
        let as_of = |entry: Result<(FactKey, Fact), StoreError>| {
            entry.map(|(key, mut fact)| {
                if fact.until > self.until.0 {
                    fact.until = IN_FORCE;
                }
                (key, Some(fact))
            })
        };
        let is_in_range = |entry: &Result<(FactKey, _), _>| {
            entry.as_ref().map_or(true, |(key, _)| key.from <= self.until.0)
        };
        let checked = self.checked.facts(everything.clone()).filter(is_in_range).map(as_of);
        // A text that the checked generation never met makes the fact differ.
        let replay = self.replay.facts(everything).map(as_of).map(|entry| {
            entry.map(|(key, fact)| {
                (key, fact.and_then(|fact| fact.recoded(|kind, code| self.codes.of(kind, code))))
            })
        });
        let name = |key: &FactKey| {
            let day = date_of(key.day).map(|day| day.to_string()).unwrap_or_default();
            format!("fact of {day} from position {}", key.from)
        };
        compare(checked, replay, name, found)
    }

    fn currents(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let checked = self.checked.currents().filter_map(|entry| {
            entry
                .and_then(|(cra_id, current)| Ok(self.as_of_the_end(current)?.map(|it| (cra_id, it))))
                .transpose()
        });
        let name = |cra_id: &Uuid| format!("standing of CRA {cra_id}");
        compare(checked, self.replay.currents(), name, found)
    }

    /// Where a CRA of the checked generation stood at the end of the replay, as its facts say; `None` when it had no
    /// event yet. A fact that is not there is a difference of its own.
    fn as_of_the_end(&self, current: Current) -> Result<Option<Current>, StoreError> {
        if !current.withdrawn && current.fact.from <= self.until.0 {
            return Ok(Some(current));
        }
        let mut key = current.fact;
        while let Some(fact) = self.checked.fact(key)? {
            if key.from <= self.until.0 {
                // A standing says "withdrawn" of a fact in force: that is a difference, not something later.
                let is_later = fact.until > self.until.0 && fact.until < IN_FORCE;
                let is_now = key == current.fact && !is_later;
                let then = Current { revision: fact.revision, fact: key, withdrawn: false };
                return Ok(Some(if is_now { current } else { then }));
            }
            match fact.former {
                Some(former) if former.from < key.from => key = former,
                _ => return Ok(None),
            }
        }
        Ok((key.from <= self.until.0).then_some(current))
    }

    fn changes(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        let checked = self.checked.changes(positions.clone());
        let replay = self.replay.changes(positions);
        compare(checked, replay, |position| format!("change at position {position}"), found)
    }

    fn parked(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        // One that was retried has the reason that it met then, which may be another than in the log's order.
        let whatever_the_reason = |entry: Result<(Position, Parked), StoreError>| {
            entry.map(|(position, parked)| (position, (parked.cra_id, parked.payload)))
        };
        let checked = self.checked.parked_events(positions.clone()).map(whatever_the_reason);
        let replay = self.replay.parked_events(positions).map(whatever_the_reason);
        compare(checked, replay, |position| format!("event set aside at position {position}"), found)
    }
}

fn missing(what: &str, whom: &str) -> String {
    format!("{what}: {whom} does not hold it")
}

/// Goes through two sequences side by side, each in the order of its keys, and tells what is not in both.
fn compare<K: Ord, V: PartialEq>(
    mut checked: impl Iterator<Item = Result<(K, V), StoreError>>,
    mut replay: impl Iterator<Item = Result<(K, V), StoreError>>,
    name: impl Fn(&K) -> String,
    found: &mut Vec<String>,
) -> Result<(), StoreError> {
    let (mut left, mut right) = (checked.next().transpose()?, replay.next().transpose()?);
    while found.len() < DIFFERENCES_MAX {
        match (&left, &right) {
            (None, None) => break,
            (Some((a, one)), Some((b, other))) if a == b && one != other => {
                found.push(format!("{}: the generation and the replay differ", name(a)));
            }
            _ => {}
        }
        let order = order(left.as_ref(), right.as_ref());
        if order == Ordering::Less {
            found.extend(left.as_ref().map(|(key, _)| missing(&name(key), "the replay")));
        }
        if order == Ordering::Greater {
            found.extend(right.as_ref().map(|(key, _)| missing(&name(key), "the generation")));
        }
        if order != Ordering::Greater {
            left = checked.next().transpose()?;
        }
        if order != Ordering::Less {
            right = replay.next().transpose()?;
        }
    }
    Ok(())
}

/// Which of two entries comes first; the end comes last.
fn order<K: Ord, V, W>(left: Option<&(K, V)>, right: Option<&(K, W)>) -> Ordering {
    match (left, right) {
        (Some((a, _)), Some((b, _))) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// From the codes of one dictionary to those of another: both give codes as texts come, and an event that was retried
/// came late.
struct Codes(HashMap<(Kind, Code), Code>);

impl Codes {
    fn between(from: &Dictionary, to: &Dictionary) -> Self {
        let codes = from.all().filter_map(|(kind, code, text)| Some(((kind, code), to.find(kind, text)?)));
        Self(codes.collect())
    }

    fn of(&self, kind: Kind, code: Code) -> Option<Code> {
        self.0.get(&(kind, code)).copied()
    }
}

#[cfg(test)]
mod tests;
