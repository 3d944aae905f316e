//! Limits of fields that the descriptors do not contain. They apply to requests: a CRA of an older form in an answer
//! may exceed them.

use cra_domain::cra::limits;
use cra_domain::territory::{SEARCH_CHARACTERS_MAX, SEARCH_RESULTS_MAX};
use cra_projection::queries::page::ROWS_MAX;

use crate::json::{Json, Members};

/// The bounds and defaults of the form, for the description of the messages that contain them.
pub(crate) fn of_message(message: &str) -> String {
    if message != "Cra" {
        return String::new();
    }
    let limits: Vec<String> =
        limits().into_iter().map(|(name, value)| format!("- `{name}`: {value}")).collect();
    format!(
        "\n\nBounds and defaults of a new CRA, as `ReferenceService.GetVocabulary` gives them:\n\n{}",
        limits.join("\n")
    )
}

/// Mandatory fields of requests.
pub(crate) fn required(message: &str) -> &'static [&'static str] {
    match message {
        "SubmitCraRequest" => &["craId", "cra"],
        "CorrectCraRequest" => &["craId", "expectedRevision", "cra", "reason"],
        "WithdrawCraRequest" => &["craId", "expectedRevision", "reason"],
        "GetCraRequest" | "GetCraHistoryRequest" => &["craId"],
        "GetTimeSeriesRequest" => &["selection", "granularity"],
        "ListBreakdownRequest" => &["dimension"],
        "GetCrossTableRequest" => &["rows", "columns", "measure"],
        "SearchCommunesRequest" => &["text"],
        "PromoteRequest" => &["generation"],
        "PauseRequest" => &["reason"],
        _ => &[],
    }
}

/// Keywords of the field's schema.
pub(crate) fn of_field(message: &str, field: &str) -> Members {
    let bound = |name: &str, value: u64| (name.to_owned(), Json::from(value));
    let named = |name: &str| limits().into_iter().find(|(known, _)| *known == name)?.1.parse().ok();
    match (message, field) {
        (_, "cra_id") => vec![("format".to_owned(), "uuid".into())],
        ("Selection", "from" | "to") => vec![("examples".to_owned(), vec!["2026-10-01"].into())],
        (_, "reason") => {
            let length = [("minLength", "reason.characters.min"), ("maxLength", "reason.code_points.max")];
            length.into_iter().filter_map(|(keyword, name)| Some(bound(keyword, named(name)?))).collect()
        }
        (_, "page_size") => vec![bound("maximum", ROWS_MAX.into())],
        ("SearchCommunesRequest", "limit") => vec![bound("maximum", SEARCH_RESULTS_MAX as u64)],
        ("SearchCommunesRequest", "text") => {
            vec![bound("minLength", 1), bound("maxLength", SEARCH_CHARACTERS_MAX as u64)]
        }
        _ => Members::new(),
    }
}
