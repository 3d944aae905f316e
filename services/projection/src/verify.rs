//! Compares a generation with a replay of the log, read model by read model, up to the position of the replay. The
//! generation may be ahead: later events are not compared.

mod counted;

use std::cmp::Ordering;
use std::collections::HashMap;

use cra_eventlog::Position;

use crate::generations::Generation;
use crate::store::{EventEffect, Parked, Session, StoreError};
use cra_analytics::dictionary::{Code, Dictionary, Kind};
use cra_analytics::fact::Fact;

const DIFFERENCES_MAX: usize = 20;

/// The first differences between a generation and a replay, and between the generation's store and its columns; empty
/// if all is equal. Blocks.
pub(crate) fn differences(checked: &Generation, replay: &Generation) -> Result<Vec<String>, StoreError> {
    // Before the codes, so that all facts in it have codes.
    let columns = checked.columns()?;
    columns.warm_up();
    let counted = columns.snapshot();
    let comparison = Comparison {
        checked: checked.session()?,
        replay: replay.session()?,
        until: replay.position(),
        codes: Codes::between(&replay.dictionary().read(), &checked.dictionary().read()),
    };
    let mut found = Vec::new();
    comparison.effects(&mut found)?;
    comparison.parked(&mut found)?;
    counted::compare(checked, &columns, &counted, &mut found)?;
    Ok(found)
}

struct Comparison {
    checked: Session,
    replay: Session,
    until: Position,
    codes: Codes,
}

impl Comparison {
    fn effects(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        let whole = |entry: Result<(Position, EventEffect), StoreError>| {
            let (position, EventEffect { recorded_at, ended, began }) = entry?;
            Ok((position, (recorded_at, ended, began.map(Some))))
        };
        let checked = self.checked.effects(positions.clone()).map(whole);
        // A text that the checked generation lacks makes the fact differ.
        let recode = |fact: Fact| fact.recoded(|kind, code| self.codes.of(kind, code));
        let replay = self.replay.effects(positions).map(|entry| {
            let (position, EventEffect { recorded_at, ended, began }) = entry?;
            Ok((position, (recorded_at, ended, began.map(recode))))
        });
        let name = |position: &Position| format!("what the event at position {position} did");
        compare(checked, replay, name, found)
    }

    fn parked(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let positions = Position::START..=self.until;
        // A retried event has the reason of that time, which may differ from that in the log's order.
        let whatever_the_reason = |entry: Result<(Position, Parked), StoreError>| {
            entry.map(|(position, parked)| (position, (parked.cra_id, parked.payload)))
        };
        let checked = self.checked.parked_events(positions.clone()).map(whatever_the_reason);
        let replay = self.replay.parked_events(positions).map(whatever_the_reason);
        compare(checked, replay, |position| format!("event parked at position {position}"), found)
    }
}

fn missing(what: &str, whom: &str) -> String {
    format!("{what}: missing in {whom}")
}

/// Merges two sequences that are sorted by key, and reports the differences.
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

/// Maps the codes of one dictionary to those of another: codes are assigned in order of occurrence, and a retried event
/// occurred late.
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
