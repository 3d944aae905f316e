//! Output of `cra submit`, `cra correct` and `cra withdraw` per item: a refusal with its location, paths, reasons and
//! French messages, or a note that it does not count; the summary; and one JSON object per outcome.

use cra_contracts::{json as proto, v1};
use serde_json::{Value, json};

use super::text::{Tone, printable, thousands, toned};
use crate::style::Style;
use crate::submission::rpc::Mode;
use crate::submission::table::Headings;
use crate::submission::{Location, Outcome, Reported, Tally};

/// What is done with the items of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Submit(Mode),
    Correct,
    Withdraw,
}

impl Work {
    /// Outcome of an item with a receipt.
    fn done(self) -> &'static str {
        match self {
            Self::Submit(Mode::Record) => "accepted",
            Self::Submit(Mode::ValidateOnly) => "valid",
            Self::Correct => "corrected",
            Self::Withdraw => "withdrawn",
        }
    }

    /// Whether it is worth reporting that a CRA with a receipt was withdrawn later.
    fn expects_cras_to_count(self) -> bool {
        self != Self::Withdraw
    }
}

/// One refused item, or one that does not count, over several lines; empty for an item that counts.
pub(crate) fn refused(reported: &Reported, style: Style) -> String {
    refused_under(&Headings::default(), reported, style)
}

/// Like [`refused`], for a row of a table: each path is followed by the headings of its columns.
pub(crate) fn refused_under(headings: &Headings, reported: &Reported, style: Style) -> String {
    let location = toned(style, Tone::Bad, &reported.location.to_string());
    match &reported.outcome {
        Outcome::Received { receipt, .. } if receipt.withdrawn => {
            let id = printable(&receipt.cra_id);
            format!("{location}: {id} was recorded before and withdrawn since: it does not count\n")
        }
        Outcome::Received { .. } => String::new(),
        Outcome::Unreadable(problem) => format!("{location}: unreadable: {}\n", printable(problem)),
        Outcome::Refused(refusal) => {
            format!("{location}: {}", refusal_lines(&reported.id, refusal, headings, style))
        }
    }
}

pub(super) fn refusal_lines(id: &str, refusal: &v1::Refusal, headings: &Headings, style: Style) -> String {
    let id = if id.is_empty() { "without cra_id" } else { id };
    let mut text = format!("{} refused ({})", printable(id), printable(&refusal.code));
    if refusal.violations.is_empty() {
        text += &format!(": {}", printable(&refusal.message));
    }
    if cra_client::is_transient(refusal) {
        text += " (send it again as it is)";
    }
    text.push('\n');
    for violation in &refusal.violations {
        let message = match violation.localized_message.as_str() {
            "" => &violation.description,
            french => french,
        };
        let reason = toned(style, Tone::Quiet, &printable(&violation.reason));
        let mut path = printable(&violation.field);
        let columns = headings.of_violation(&violation.field);
        if !columns.is_empty() {
            path += &format!(" (« {} »)", printable(&columns.join(" », « ")));
        }
        text += &format!("    {path} {reason} {}\n", printable(message));
    }
    text
}

/// Number of items by outcome.
pub(crate) fn summary(tally: &Tally, work: Work, style: Style) -> String {
    let done = match work {
        Work::Submit(Mode::ValidateOnly) => "valid (nothing was recorded)",
        _ => work.done(),
    };
    let withdrawn = if work.expects_cras_to_count() { tally.withdrawn } else { 0 };
    let lines = [
        (tally.accepted, done, Tone::Good, true),
        (tally.already_there, "already there", Tone::Figure, false),
        (withdrawn, "of them withdrawn since: they do not count", Tone::Bad, false),
        (tally.refused, "refused", Tone::Bad, false),
        (tally.unreadable, "unreadable", Tone::Bad, false),
        (
            tally.unanswered,
            "without an answer: send the file again, the same ids make it safe",
            Tone::Bad,
            false,
        ),
    ];
    counts(&lines, tally.last_position, style)
}

/// One line per number that is not 0 or always shown, and how to query the result.
pub(super) fn counts(lines: &[(u64, &str, Tone, bool)], last_position: u64, style: Style) -> String {
    let mut text = String::new();
    for &(number, what, tone, always) in lines {
        if number > 0 || always {
            text += &format!("{} {what}\n", toned(style, tone, &thousands(number)));
        }
    }
    if last_position > 0 {
        let wait = format!("to query figures that include them: --min-position {last_position}");
        text += &format!("{}\n", toned(style, Tone::Quiet, &wait));
    }
    text
}

pub(crate) fn json(reported: &Reported, work: Work) -> Value {
    outcome_json(reported, "craId", work.done())
}

/// The location, the id under its name, the outcome and its detail.
pub(super) fn outcome_json(reported: &Reported, id: &str, received: &str) -> Value {
    let location = match reported.location {
        Location::Line(_) => "line",
        Location::Element(_) => "item",
        Location::Row { .. } => "row",
    };
    let (outcome, detail) = match &reported.outcome {
        Outcome::Received { receipt, .. } => {
            let outcome = if receipt.duplicate { "already_there" } else { received };
            (outcome, ("receipt", proto::to_value(receipt)))
        }
        Outcome::Refused(refusal) => ("refused", ("refusal", proto::to_value(refusal))),
        Outcome::Unreadable(problem) => ("unreadable", ("problem", problem.as_str().into())),
    };
    json!({
        location: reported.location.number(),
        id: reported.id,
        "outcome": outcome,
        detail.0: detail.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 80, colour: false };

    fn reported(outcome: Outcome) -> Reported {
        Reported { location: Location::Line(7), id: "id-7".to_owned(), bytes_read: 0, outcome }
    }

    fn refusal() -> v1::Refusal {
        v1::Refusal {
            code: "INVALID_ARGUMENT".to_owned(),
            message: "1 violation: …".to_owned(),
            violations: vec![v1::Violation {
                field: "cra.ages".to_owned(),
                reason: "AGES_SUM_MISMATCH".to_owned(),
                description: "the sum is 2, not 3".to_owned(),
                localized_message: "Les âges décrivent 2 personnes au lieu de 3.".to_owned(),
            }],
            reason: "INVALID_REQUEST".to_owned(),
        }
    }

    #[test]
    fn a_refusal_is_shown_with_line_id_path_reason_and_french_message() {
        let expected = "line 7: id-7 refused (INVALID_ARGUMENT)\n    \
                        cra.ages AGES_SUM_MISMATCH Les âges décrivent 2 personnes au lieu de 3.\n";
        assert_eq!(refused(&reported(Outcome::Refused(refusal())), LOOK), expected);
    }

    #[test]
    fn a_refusal_without_violations_is_shown_with_its_message_and_whether_to_retry() {
        let busy = v1::Refusal {
            code: "UNAVAILABLE".to_owned(),
            message: "the log is away".to_owned(),
            ..v1::Refusal::default()
        };
        let text = refused(&reported(Outcome::Refused(busy)), LOOK);
        assert_eq!(text, "line 7: id-7 refused (UNAVAILABLE): the log is away (send it again as it is)\n");
        let too_large = v1::Refusal {
            code: "RESOURCE_EXHAUSTED".to_owned(),
            message: "too large".to_owned(),
            reason: "EVENT_REFUSED".to_owned(),
            ..v1::Refusal::default()
        };
        let text = refused(&reported(Outcome::Refused(too_large)), LOOK);
        assert_eq!(text, "line 7: id-7 refused (RESOURCE_EXHAUSTED): too large\n");
    }

    #[test]
    fn the_summary_has_a_count_per_outcome_and_omits_zeros() {
        let tally = Tally { accepted: 1_200, refused: 2, last_position: 1_200, ..Tally::default() };
        let expected = "1\u{202f}200 accepted\n2 refused\n\
                        to query figures that include them: --min-position 1200\n";
        assert_eq!(summary(&tally, Work::Submit(Mode::Record), LOOK), expected);
        let nothing = summary(&Tally::default(), Work::Submit(Mode::ValidateOnly), LOOK);
        assert_eq!(nothing, "0 valid (nothing was recorded)\n");
    }

    #[test]
    fn a_receipt_of_a_withdrawn_cra_is_reported_as_not_counting() {
        let receipt =
            v1::Receipt { cra_id: "id-7".into(), duplicate: true, withdrawn: true, ..v1::Receipt::default() };
        let reported = reported(Outcome::Received { receipt, notes: Vec::new() });
        let text = refused(&reported, LOOK);
        assert_eq!(text, "line 7: id-7 was recorded before and withdrawn since: it does not count\n");
        let mut tally = Tally::default();
        tally.count(&reported.outcome);
        let text = summary(&tally, Work::Submit(Mode::Record), LOOK);
        assert!(text.contains("1 already there\n1 of them withdrawn since: they do not count\n"), "{text}");
        let work = Work::Submit(Mode::Record);
        assert_eq!(json(&reported, work)["receipt"]["withdrawn"], true);
    }

    #[test]
    fn programs_get_the_location_the_outcome_and_its_detail() {
        let receipt = v1::Receipt { position: 12, duplicate: true, ..v1::Receipt::default() };
        assert_eq!(
            json(&reported(Outcome::Received { receipt, notes: Vec::new() }), Work::Submit(Mode::Record)),
            json!({"line": 7, "craId": "id-7", "outcome": "already_there",
                   "receipt": {"position": "12", "duplicate": true}})
        );
        let refused = json(&reported(Outcome::Refused(refusal())), Work::Submit(Mode::Record));
        assert_eq!(refused["refusal"]["violations"][0]["reason"], "AGES_SUM_MISMATCH");
        let unreadable =
            json(&reported(Outcome::Unreadable("expected value".to_owned())), Work::Submit(Mode::Record));
        assert_eq!(unreadable["problem"], "expected value");
    }
}
