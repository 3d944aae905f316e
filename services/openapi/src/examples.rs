//! A request of each unary method. The tests send them to both services.

use serde_json::{Value, json};

/// A CRA that the rules accept.
fn cra() -> Value {
    json!({
        "advisorId": "conseiller-1",
        "structureId": "structure-1",
        "date": "2026-10-05",
        "place": {"channel": "CHANNEL_VENUE", "communeCode": "35238", "postalCode": "35000"},
        "activity": "ACTIVITY_WORKSHOP",
        "participants": 6,
        "returningParticipants": 2,
        "ages": {"from35To60": 4, "over60": 2},
        "statuses": {"unemployed": 4, "retired": 2},
        "themes": ["THEME_EMAIL", "THEME_ONLINE_PROCEDURES"],
        "duration": {"band": "DURATION_BAND_ONE_HOUR_OR_MORE", "minutes": 90},
        "followUp": {"workshop": 2},
    })
}

const CRA_ID: &str = "5a1c7c0e-7d0f-4f5e-9d0a-2b8c1f6e4d11";

fn october() -> Value {
    json!({"from": "2026-10-01", "to": "2026-10-31", "departmentCodes": ["35"]})
}

/// The request of a method, by its name.
pub(crate) fn request(method: &str) -> Option<Value> {
    let request = match method {
        "SubmitCra" => json!({"craId": CRA_ID, "cra": cra()}),
        "CorrectCra" => {
            json!({"craId": CRA_ID, "expectedRevision": "1", "cra": cra(), "reason": "un participant oublié"})
        }
        "WithdrawCra" => json!({"craId": CRA_ID, "expectedRevision": "1", "reason": "saisi deux fois"}),
        "GetCraHistory" | "GetCra" => json!({"craId": CRA_ID}),
        "SearchCommunes" => json!({"text": "35000 Rennes", "limit": 5}),
        "GetStatistics" | "ListCras" | "ListLikelyDoubles" => json!({"selection": october()}),
        "GetTimeSeries" => json!({"selection": october(), "granularity": "GRANULARITY_WEEK"}),
        "ListBreakdown" => {
            json!({"selection": october(), "dimension": "DIMENSION_COMMUNE", "orderBy": "-people", "pageSize": 20})
        }
        "GetCrossTable" => json!({
            "selection": october(), "rows": "DIMENSION_THEME", "columns": "DIMENSION_AGE", "measure": "MEASURE_PEOPLE",
        }),
        "GetVocabulary" | "GetStatus" | "Resume" | "RetryParkedEvents" | "ListParkedEvents" => json!({}),
        "Promote" => json!({"generation": "2026-10-05T101500Z"}),
        "Pause" => json!({"reason": "sauvegarde des disques"}),
        _ => return None,
    };
    Some(request)
}
