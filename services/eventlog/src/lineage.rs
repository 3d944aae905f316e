//! Lineage of a log: the logs whose events it has at the same positions. A restored log, or a promoted mirror,
//! continues the positions of another log.

use serde::{Deserialize, Serialize};

use crate::position::Position;

/// Maximum number of predecessors; beyond it the oldest are dropped.
pub const PREDECESSORS_MAX: usize = 32;

/// Identity of a log: two logs with one name, one created after the other was lost, differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIdentity(pub String);

/// Maximum total size of the certificates that a log names; beyond it the oldest are left out.
const CERTIFICATES_BYTES_MAX: usize = 64 * 1024;

/// Records that a log replaced another one in order to hold less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgetting {
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// What was forgotten: JSON in one line, at most [`Forgetting::CERTIFICATE_BYTES_MAX`]. Empty where newer
    /// certificates leave no room.
    pub certificate: String,
}

impl Forgetting {
    /// Maximum size of one certificate, in bytes.
    pub const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;
}

/// An earlier log whose events, up to a position, this log has at the same positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predecessor {
    /// The earlier log.
    pub log: LogIdentity,
    /// The last common position.
    pub last_position: Position,
    /// Present if the log that followed this one lacks what was forgotten then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgetting: Option<Forgetting>,
}

/// The origin of a copy's events: a log up to a position, and its predecessors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The log that the events were read from.
    pub log: LogIdentity,
    /// Position of the last copied event.
    pub last_position: Position,
    /// Predecessors of that log, latest first.
    pub predecessors: Vec<Predecessor>,
    /// Present if the copy lacks what was forgotten.
    pub forgetting: Option<Forgetting>,
}

impl Origin {
    /// The predecessors of the log that contains the copy, latest first.
    #[must_use]
    pub fn predecessors_of(&self, copy: &LogIdentity) -> Vec<Predecessor> {
        let latest = Predecessor {
            log: self.log.clone(),
            last_position: self.last_position,
            forgetting: self.forgetting.clone(),
        };
        let earlier = self.predecessors.iter().map(|earlier| Predecessor {
            last_position: earlier.last_position.min(self.last_position),
            ..earlier.clone()
        });
        // A log restored from its own backup is not its own predecessor.
        let all = std::iter::once(latest).chain(earlier).filter(|it| it.log != *copy);
        let mut predecessors: Vec<_> = all.take(PREDECESSORS_MAX).collect();
        let mut bytes = 0;
        for forgetting in predecessors.iter_mut().filter_map(|it| it.forgetting.as_mut()) {
            bytes += forgetting.certificate.len();
            if bytes > CERTIFICATES_BYTES_MAX {
                forgetting.certificate.clear();
            }
        }
        predecessors
    }
}

/// The last position that a log has in common with another one; `None` if that is not a predecessor.
#[must_use]
pub fn common_position(predecessors: &[Predecessor], other: &LogIdentity) -> Option<Position> {
    let same = predecessors.iter().filter(|predecessor| predecessor.log == *other);
    same.map(|predecessor| predecessor.last_position).max()
}

/// The latest forgetting between an earlier log and the log with these predecessors; `None` if that holds all of it.
#[must_use]
pub fn forgotten_since<'a>(predecessors: &'a [Predecessor], earlier: &LogIdentity) -> Option<&'a Forgetting> {
    let index = predecessors.iter().position(|it| it.log == *earlier)?;
    predecessors[..=index].iter().find_map(|it| it.forgetting.as_ref())
}

/// The stored form.
pub(crate) fn encode(predecessors: &[Predecessor]) -> String {
    serde_json::to_string(predecessors).unwrap_or_default()
}

/// Parses the stored form. An unreadable form names no predecessor: positions of predecessors are then refused, never
/// misinterpreted.
pub(crate) fn decode(text: &str) -> Vec<Predecessor> {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(text, %error, "the predecessors of the log cannot be read: their positions are refused");
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
        Predecessor { log: log(name), last_position: Position(last_position), forgetting: None }
    }

    #[test]
    fn a_copy_shares_what_was_copied_and_no_more_of_earlier_logs() {
        let origin = Origin {
            log: log("b"),
            last_position: Position(50),
            predecessors: vec![predecessor("a", 80), predecessor("first", 20)],
            forgetting: None,
        };
        let predecessors = origin.predecessors_of(&log("c"));
        assert_eq!(predecessors, [predecessor("b", 50), predecessor("a", 50), predecessor("first", 20)]);
        assert_eq!(common_position(&predecessors, &log("a")), Some(Position(50)));
        assert_eq!(common_position(&predecessors, &log("c")), None);
        assert_eq!(decode(&encode(&predecessors)), predecessors);
        assert_eq!(origin.predecessors_of(&log("b")).len(), 2, "a log is not its own predecessor");
    }

    #[test]
    fn the_number_of_predecessors_is_bounded_and_the_latest_are_kept() {
        let many = (0..2 * PREDECESSORS_MAX as u64).map(|n| predecessor(&n.to_string(), n)).collect();
        let origin =
            Origin { log: log("latest"), last_position: Position(9), predecessors: many, forgetting: None };
        let kept = origin.predecessors_of(&log("copy"));
        assert_eq!((kept.len(), &kept[0].log), (PREDECESSORS_MAX, &log("latest")));
    }

    #[test]
    fn a_log_names_what_was_forgotten_of_its_predecessors_within_its_bounds() {
        let forgetting = |year: usize| Forgetting {
            at: format!("{year}-01-15T00:00:00Z"),
            certificate: "c".repeat(Forgetting::CERTIFICATE_BYTES_MAX),
        };
        let mut predecessors = vec![predecessor("first", 10)];
        for year in 2030..2040 {
            let origin = Origin {
                log: log(&year.to_string()),
                last_position: Position(90),
                predecessors,
                forgetting: (year != 2038).then(|| forgetting(year)),
            };
            predecessors = origin.predecessors_of(&log("copy"));
        }
        assert_eq!(decode(&encode(&predecessors)), predecessors);
        let kept: usize =
            predecessors.iter().flat_map(|it| &it.forgetting).map(|it| it.certificate.len()).sum();
        assert_eq!(kept, CERTIFICATES_BYTES_MAX);
        let since = |name: &str| forgotten_since(&predecessors, &log(name)).map(|it| it.at[..4].to_owned());
        assert_eq!(since("2039").as_deref(), Some("2039"));
        assert_eq!(
            since("2038").as_deref(),
            Some("2039"),
            "the next log held the same, the one after it less"
        );
        assert_eq!(since("first").as_deref(), Some("2039"));
        assert_eq!(since("other"), None);
        let plain = vec![predecessor("b", 2), predecessor("a", 1)];
        assert_eq!(forgotten_since(&plain, &log("a")), None);
    }

    #[test]
    fn an_unreadable_form_names_no_predecessor() {
        for text in ["", "{}", "[1]", r#"[{"log":"a"}]"#] {
            assert_eq!(decode(text), []);
        }
    }
}
