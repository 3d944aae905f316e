//! Which logs a log holds the events of, at the positions that they had: one that a backup was restored to, or that a
//! mirror became, goes on with the positions of another.

use serde::{Deserialize, Serialize};

use crate::port::{LogIdentity, Position};

/// Most predecessors that a log knows; of more, the oldest are left out.
pub const PREDECESSORS_MAX: usize = 32;

/// An earlier log, whose events up to a position this one holds at the same positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predecessor {
    /// The earlier log.
    pub log: LogIdentity,
    /// The last position that both have in common.
    pub last_position: Position,
}

/// What the events of a copy come from: the log, as far as it was copied, and those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The log that the events were read from.
    pub log: LogIdentity,
    /// The last of them.
    pub last_position: Position,
    /// Predecessors of that log, the latest first.
    pub predecessors: Vec<Predecessor>,
}

impl Origin {
    /// The predecessors of a log that holds the copy, the latest first.
    #[must_use]
    pub fn predecessors_of(&self, copy: &LogIdentity) -> Vec<Predecessor> {
        let latest = Predecessor { log: self.log.clone(), last_position: self.last_position };
        let earlier = self.predecessors.iter().map(|earlier| Predecessor {
            last_position: earlier.last_position.min(self.last_position),
            ..earlier.clone()
        });
        // A log that was restored from its own backup is no predecessor of itself.
        std::iter::once(latest).chain(earlier).filter(|it| it.log != *copy).take(PREDECESSORS_MAX).collect()
    }
}

/// The last position that a log has in common with a predecessor; `None` where the other one is none.
#[must_use]
pub fn common_position(predecessors: &[Predecessor], other: &LogIdentity) -> Option<Position> {
    let same = predecessors.iter().filter(|predecessor| predecessor.log == *other);
    same.map(|predecessor| predecessor.last_position).max()
}

/// The stored form.
pub(crate) fn encode(predecessors: &[Predecessor]) -> String {
    serde_json::to_string(predecessors).unwrap_or_default()
}

/// Reads the stored form. What cannot be read names no predecessor: their positions are refused, never mistaken.
pub(crate) fn decode(text: &str) -> Vec<Predecessor> {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(text, %error, "the predecessors of the log cannot be read: positions of them are refused");
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> LogIdentity {
        LogIdentity(name.to_owned())
    }

    fn predecessor(name: &str, last_position: u64) -> Predecessor {
        Predecessor { log: log(name), last_position: Position(last_position) }
    }

    #[test]
    fn a_copy_has_in_common_what_was_copied_and_no_more_of_earlier_logs() {
        let origin = Origin {
            log: log("b"),
            last_position: Position(50),
            predecessors: vec![predecessor("a", 80), predecessor("first", 20)],
        };
        let predecessors = origin.predecessors_of(&log("c"));
        assert_eq!(predecessors, [predecessor("b", 50), predecessor("a", 50), predecessor("first", 20)]);
        assert_eq!(common_position(&predecessors, &log("a")), Some(Position(50)));
        assert_eq!(common_position(&predecessors, &log("c")), None);
        assert_eq!(decode(&encode(&predecessors)), predecessors);
        assert_eq!(origin.predecessors_of(&log("b")).len(), 2, "a log is not its own predecessor");
    }

    #[test]
    fn the_number_of_predecessors_has_a_bound_and_the_latest_are_kept() {
        let many = (0..2 * PREDECESSORS_MAX as u64).map(|n| predecessor(&n.to_string(), n)).collect();
        let origin = Origin { log: log("latest"), last_position: Position(9), predecessors: many };
        let kept = origin.predecessors_of(&log("copy"));
        assert_eq!((kept.len(), &kept[0].log), (PREDECESSORS_MAX, &log("latest")));
    }

    #[test]
    fn what_cannot_be_read_names_no_predecessor() {
        for text in ["", "{}", "[1]", r#"[{"log":"a"}]"#] {
            assert_eq!(decode(text), []);
        }
    }
}
