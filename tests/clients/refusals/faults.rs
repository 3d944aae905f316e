//! Faults of fields: submissions that break a rule of a CRA, unreadable documents, queries that cannot be answered.

use serde_json::{Value, json};

use super::table::{INVALID, Row, submission};
use crate::harness::new_id;

/// A submission for every rule of a CRA, which breaks it.
pub(super) fn of_submissions() -> Vec<Row> {
    let with = |field: &str, value: Value, reason| {
        let mut request = submission(&new_id(), "conseiller-1");
        request["cra"][field] = value;
        ("IngestionService/SubmitCra", request, INVALID, reason)
    };
    let place = |channel: &str, commune: &str, more: &[(&str, &str)]| {
        let mut place = json!({"channel": channel, "communeCode": commune});
        for (field, value) in more {
            place[*field] = json!(value);
        }
        place
    };
    let duration = |band: &str, minutes: u32| json!({"band": band, "minutes": minutes});
    let hours = "DURATION_BAND_ONE_HOUR_OR_MORE";
    vec![
        with("structureId", json!("a b"), "ID_INVALID"),
        with("date", json!("2024-02-30"), "DATE_INVALID"),
        with("date", json!("2019-12-31"), "DATE_TOO_EARLY"),
        with("date", json!("2999-01-01"), "DATE_IN_FUTURE"),
        with("place", place("CHANNEL_REMOTE", "99999", &[]), "COMMUNE_UNKNOWN"),
        with("place", place("CHANNEL_REMOTE", "35238", &[]), "POSTAL_CODE_REQUIRED"),
        with("place", place("CHANNEL_REMOTE", "35238", &[("postalCode", "75001")]), "POSTAL_CODE_MISMATCH"),
        with("place", place("CHANNEL_REMOTE", "75101", &[("venueId", "lieu-1")]), "VENUE_NOT_ALLOWED"),
        with("activity", json!(99), "UNKNOWN_VALUE"),
        with("participants", json!(101), "PARTICIPANTS_OUT_OF_RANGE"),
        with("returningParticipants", json!(99), "RETURNING_EXCEEDS_PARTICIPANTS"),
        with("ages", json!({"over60": 99}), "AGES_SUM_MISMATCH"),
        with("statuses", json!({"retired": 99}), "STATUSES_SUM_MISMATCH"),
        with("themes", json!(["THEME_EMAIL", "THEME_EMAIL"]), "DUPLICATE"),
        with("subThemes", json!(["SUB_THEME_HEALTH_ESPACE_SANTE"]), "SUB_THEME_WITHOUT_THEME"),
        with("annotation", json!("ab"), "ANNOTATION_LENGTH"),
        with("annotation", json!("écrire à marie@example.org"), "TEXT_INVALID"),
        with("duration", duration("DURATION_BAND_UP_TO_30_MINUTES", 60), "MINUTES_NOT_ALLOWED"),
        with("duration", duration(hours, 61), "MINUTES_INVALID"),
        with("followUp", json!({"individual": 99}), "FOLLOW_UP_EXCEEDS_PARTICIPANTS"),
        with("followUp", json!({"redirections": [{"known": "ORGANISATION_CAF"}]}), "PEOPLE_REQUIRED"),
    ]
}

/// Well-formed queries that cannot be answered.
pub(super) fn of_questions() -> Vec<Row> {
    let (figures, series) = ("StatisticsService/GetStatistics", "StatisticsService/GetTimeSeries");
    let (crossed, export) = ("StatisticsService/GetCrossTable", "StatisticsService/Export");
    let between = |from: &str, to: &str| json!({"from": from, "to": to});
    let csv = |more: (&str, &str)| {
        let mut request = json!({"content": "EXPORT_CONTENT_STATISTICS", "format": "EXPORT_FORMAT_CSV"});
        request[more.0] = json!(more.1);
        request
    };
    vec![
        (figures, json!({"selection": between("2024-12-31", "2024-01-01")}), INVALID, "PERIOD_INVERTED"),
        (figures, json!({"consistency": {"asOfTime": "2999-01-01T00:00:00Z"}}), INVALID, "TIME_IN_FUTURE"),
        (
            series,
            json!({"selection": between("2020-01-01", "2999-12-31"), "granularity": "GRANULARITY_DAY"}),
            INVALID,
            "TOO_MANY_PERIODS",
        ),
        (
            crossed,
            json!({"rows": "DIMENSION_AGE", "columns": "DIMENSION_MONTH", "measure": "MEASURE_ESTIMATED_MINUTES"}),
            INVALID,
            "MEASURE_NOT_DIVIDED",
        ),
        (export, csv(("dimension", "DIMENSION_REGION")), INVALID, "DIMENSION_NOT_ALLOWED"),
        (export, csv(("granularity", "GRANULARITY_MONTH")), INVALID, "GRANULARITY_NOT_ALLOWED"),
    ]
}

/// A table with more cells than one answer may hold, from as many advisors and structures as [`super::CRAS`].
pub(super) fn of_a_large_table() -> Row {
    let table =
        json!({"rows": "DIMENSION_ADVISOR", "columns": "DIMENSION_STRUCTURE", "measure": "MEASURE_CRAS"});
    ("StatisticsService/GetCrossTable", table, INVALID, "TOO_MANY_CELLS")
}
