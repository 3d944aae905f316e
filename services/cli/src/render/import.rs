//! Messages of `cra import` in addition to those of [`super::submission`]: the summary, resuming an earlier run, an
//! unavailable service, and one JSON object per document.

use std::io;
use std::path::Path;

use cra_domain::legacy;
use serde_json::Value;

use super::submission;
use super::text::{Tone, thousands};
use crate::client::ClientError;
use crate::style::Style;
use crate::submission::{Outcome, Reported, Tally, is_later_version};

/// Number of documents by outcome, including those of earlier runs.
pub(crate) fn summary(tally: &Tally, style: Style) -> String {
    let lines = [
        (tally.accepted.saturating_sub(tally.later_versions), "recorded", Tone::Good, true),
        (tally.later_versions, "recorded as the next revision of a CRA", Tone::Good, false),
        (tally.already_there, "already there", Tone::Figure, false),
        (tally.noted, "of these with notes: something was repaired or left out", Tone::Figure, false),
        (tally.refused, "refused", Tone::Bad, false),
        (tally.unreadable, "unreadable", Tone::Bad, false),
        (tally.unanswered, "without an answer yet", Tone::Bad, false),
    ];
    submission::counts(&lines, tally.last_position, style)
}

/// One document, for programs and for the report file.
pub(crate) fn json(reported: &Reported) -> Value {
    let mut value = submission::outcome_json(reported, "legacyId", "recorded");
    match &reported.outcome {
        Outcome::Received { receipt, notes } => {
            if is_later_version(receipt) {
                value["outcome"] = "updated".into();
            }
            value["craId"] = receipt.cra_id.as_str().into();
            value["notes"] = notes.as_slice().into();
        }
        // Another version exists: `cra history` shows it.
        Outcome::Refused(refusal) if refusal.code == "ALREADY_EXISTS" => {
            value["craId"] = legacy::cra_id(&reported.id).to_string().into();
        }
        Outcome::Refused(_) | Outcome::Unreadable(_) => {}
    }
    value
}

/// Whether the report file includes it.
pub(crate) fn is_reported(reported: &Reported) -> bool {
    match &reported.outcome {
        Outcome::Received { notes, .. } => !notes.is_empty(),
        Outcome::Refused(_) | Outcome::Unreadable(_) => true,
    }
}

/// Announces that further refusals are not shown individually.
pub(crate) fn refusals_truncated(report: Option<&Path>) -> String {
    match report {
        Some(report) => {
            format!("further refusals are only counted here; all are written to {}\n", report.display())
        }
        None => "further refusals are only counted; --report FILE writes them all\n".to_owned(),
    }
}

/// Announces that a run resumes an earlier one.
pub(crate) fn resumed(items: u64, checkpoint: &Path) -> String {
    let items = thousands(items);
    format!(
        "resuming after {items} items of an earlier run ({}); --restart starts over",
        checkpoint.display()
    )
}

/// Announces that the progress of an earlier run is not used.
pub(crate) fn restarted(why: &str, checkpoint: &Path) -> String {
    format!("starting at the beginning: {} is not used, because {why}", checkpoint.display())
}

/// Announces that an import stops before its end.
pub(crate) fn unfinished(checkpoint: Option<&Path>) -> String {
    let safe = "no document is recorded twice";
    match checkpoint {
        Some(path) => {
            format!("run the same command again: it resumes from {}, and {safe}", path.display())
        }
        None => format!("run it again from the start: {safe}"),
    }
}

/// Announces that the progress cannot be stored.
pub(crate) fn checkpoint_not_saved(checkpoint: &Path, error: &io::Error) -> String {
    format!(
        "{} cannot be written ({error}): after an interruption everything would be sent again, which is safe; \
         --progress FILE names another place",
        checkpoint.display()
    )
}

/// Announces once that the service is unavailable.
pub(crate) fn unavailable(failure: &ClientError, retry_for_seconds: u64) -> String {
    format!("{failure}\nretrying for at most {retry_for_seconds} s")
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;
    use serde_json::json as value;

    use super::*;
    use crate::submission::Location;

    const LOOK: Style = Style { columns: 80, colour: false };

    fn reported(outcome: Outcome) -> Reported {
        Reported { location: Location::Line(7), id: "62a9".to_owned(), bytes_read: 0, outcome }
    }

    fn refused(code: &str) -> Reported {
        reported(Outcome::Refused(v1::Refusal { code: code.to_owned(), ..v1::Refusal::default() }))
    }

    #[test]
    fn the_summary_has_a_count_per_outcome_and_omits_zeros() {
        let tally = Tally {
            accepted: 1_207,
            later_versions: 7,
            already_there: 3,
            noted: 40,
            refused: 2,
            last_position: 1_203,
            ..Tally::default()
        };
        let expected = "1\u{202f}200 recorded\n7 recorded as the next revision of a CRA\n\
                        3 already there\n\
                        40 of these with notes: something was repaired or left out\n2 refused\n\
                        to query figures that include them: --min-position 1203\n";
        assert_eq!(summary(&tally, LOOK), expected);
        assert_eq!(summary(&Tally::default(), LOOK), "0 recorded\n");
    }

    #[test]
    fn a_recorded_document_has_its_cra_and_notes_and_is_reported_if_it_has_notes() {
        let receipt = v1::Receipt { cra_id: "c".to_owned(), position: 12, ..v1::Receipt::default() };
        let clean = reported(Outcome::Received { receipt: receipt.clone(), notes: Vec::new() });
        let noted = reported(Outcome::Received { receipt, notes: vec!["cra.age: not said".to_owned()] });
        assert_eq!(
            json(&noted),
            value!({"line": 7, "legacyId": "62a9", "craId": "c", "outcome": "recorded",
                    "receipt": {"craId": "c", "position": "12"}, "notes": ["cra.age: not said"]})
        );
        assert!(is_reported(&noted) && !is_reported(&clean));
    }

    #[test]
    fn a_later_version_is_distinguished_from_a_first_one_and_from_an_existing_one() {
        let received = |revision, duplicate| {
            let receipt = v1::Receipt { revision, duplicate, ..v1::Receipt::default() };
            json(&reported(Outcome::Received { receipt, notes: Vec::new() }))["outcome"].clone()
        };
        let outcomes = [received(1, false), received(2, false), received(2, true)];
        assert_eq!(outcomes, ["recorded", "updated", "already_there"]);
    }

    #[test]
    fn a_refused_document_names_a_cra_only_if_there_is_one() {
        let taken = refused("ALREADY_EXISTS");
        assert_eq!(json(&taken)["craId"], legacy::cra_id("62a9").to_string());
        assert_eq!(json(&refused("INVALID_ARGUMENT")).get("craId"), None);
        assert!(is_reported(&taken) && is_reported(&reported(Outcome::Unreadable(String::new()))));
    }
}
