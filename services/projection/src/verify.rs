//! Compares a generation with a replay of the log, read model by read model, up to the position that the replay holds.
//! The generation may be further: what came later is left out of the comparison.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use cra_eventlog::Position;
use uuid::Uuid;

use crate::generations::Generation;
use crate::store::{Current, Session, StoreError};
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
        // A CRA that has gone on since says no more where it stood; its facts do.
        let later = |cra_id: Uuid, checked: &Current| -> Result<bool, StoreError> {
            let replay = self.replay.current(cra_id)?;
            Ok(checked.fact.from > self.until.0
                || replay.is_some_and(|replay| checked.revision > replay.revision))
        };
        let mut gone_on = HashSet::new();
        for entry in self.checked.currents() {
            let (cra_id, current) = entry?;
            if later(cra_id, &current)? {
                gone_on.insert(cra_id);
            }
        }
        let stayed = |entry: &Result<(Uuid, Current), StoreError>| {
            entry.as_ref().map_or(true, |(cra_id, _)| !gone_on.contains(cra_id))
        };
        let checked = self.checked.currents().filter(stayed);
        let replay = self.replay.currents().filter(stayed);
        compare(checked, replay, |cra_id| format!("standing of CRA {cra_id}"), found)
    }

    fn changes(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        let checked = self.checked.changes(positions.clone());
        let replay = self.replay.changes(positions);
        compare(checked, replay, |position| format!("change at position {position}"), found)
    }

    fn parked(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        let checked = self.checked.parked_events(positions.clone());
        let replay = self.replay.parked_events(positions);
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
