//! Output of `cra correct` and `cra withdraw` for one CRA: what changes, what other clients changed, and the result.

use cra_contracts::{json as proto, v1};
use cra_domain::cra::Cra;
use cra_domain::event::Forgotten;
use serde_json::{Value, json};

use super::cra::{fields, summary_lines};
use super::history;
use super::submission::refusal_lines;
use super::text::{Tone, printable, toned};
use crate::style::Style;
use crate::submission::fields::Field;
use crate::submission::table::Headings;

pub(crate) fn heading(cra_id: &str, revision: u64, style: Style) -> String {
    format!(
        "{} {}, révision {revision}\n",
        toned(style, Tone::Title, "Compte-rendu d'activité"),
        printable(cra_id)
    )
}

/// Each changed field, before and after: in French if both contents are complete, otherwise as in the contract.
pub(crate) fn changes(before: &v1::Cra, after: &v1::Cra, style: Style) -> String {
    if let (Ok(before), Ok(after)) = (Cra::from_message(before), Cra::from_message(after)) {
        // Neither is an event: nothing of them was forgotten.
        let fields = |cra: &Cra| fields(cra, &Forgotten::default());
        return history::changes(&fields(&before), &fields(&after), style);
    }
    let mut text = String::new();
    for field in Field::all().filter(|field| field.get(before) != field.get(after)) {
        let shown = |cra| match field.get(cra).as_str() {
            "" => "–".to_owned(),
            value => printable(value),
        };
        let (old, new) = (toned(style, Tone::Bad, &shown(before)), toned(style, Tone::Good, &shown(after)));
        text += &format!("    {} {old} → {new}\n", toned(style, Tone::Quiet, &field.path()));
    }
    text
}

/// A CRA in two lines.
pub(crate) fn brief(cra: &v1::Cra) -> String {
    match Cra::from_message(cra) {
        Ok(cra) => summary_lines(&cra).map(|line| format!("    {line}\n")).concat(),
        Err(_) => format!("    {}\n    {}\n", printable(&cra.date), printable(&cra.advisor_id)),
    }
}

/// The events since a revision.
pub(crate) fn overtaken(events: &[v1::CraEvent], revision: u64, style: Style) -> String {
    let what = toned(style, Tone::Bad, &format!("Modifié par ailleurs depuis la révision {revision} :"));
    format!("{what}\n{}", history::since(events, revision, style))
}

/// What became of the change.
pub(crate) fn outcome(
    cra_id: &str,
    answer: Result<&v1::Receipt, &v1::Refusal>,
    done: &str,
    style: Style,
) -> String {
    match answer {
        Ok(receipt) => received(receipt, done, style),
        Err(refusal) => refusal_lines(cra_id, refusal, &Headings::default(), style),
    }
}

/// Confirms that the change is in the log.
fn received(receipt: &v1::Receipt, done: &str, style: Style) -> String {
    let id = printable(&receipt.cra_id);
    let what = match (receipt.duplicate, receipt.position) {
        (false, _) => toned(style, Tone::Good, done),
        (true, 0) => "unchanged: it already has this content; nothing was recorded".to_owned(),
        (true, _) => format!("{done} before"),
    };
    let mut text = format!("{id} {what} (revision {}", receipt.revision);
    if receipt.position > 0 {
        text += &format!(", position {}", receipt.position);
    }
    text += ")\n";
    for default in &receipt.defaulted_fields {
        text += &format!("    {} = {}\n", printable(&default.field), printable(&default.value));
    }
    if receipt.withdrawn && done != "withdrawn" {
        text += &format!("{}\n", toned(style, Tone::Bad, "it was withdrawn since: it does not count"));
    }
    text
}

/// The result as JSON.
pub(crate) fn json(cra_id: &str, answer: Result<&v1::Receipt, &v1::Refusal>, done: &str) -> Value {
    match answer {
        Ok(receipt) => {
            let outcome = if receipt.duplicate { "already_there" } else { done };
            json!({ "craId": cra_id, "outcome": outcome, "receipt": proto::to_value(receipt) })
        }
        Err(refusal) => json!({ "craId": cra_id, "outcome": "refused", "refusal": proto::to_value(refusal) }),
    }
}
