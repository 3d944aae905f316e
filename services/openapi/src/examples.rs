//! An example request of each unary method, and example refusals. The tests send each request, and compare the refusals
//! with real ones.

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
            "selection": october(), "rows": "DIMENSION_THEME", "columns": "DIMENSION_AGE", "measure": "MEASURE_ACTS",
        }),
        "GetVocabulary" | "GetStatus" | "Resume" | "RetryParkedEvents" | "ListParkedEvents" => json!({}),
        "Promote" => json!({"generation": "2026-10-05T101500Z"}),
        "Pause" => json!({"reason": "sauvegarde des disques"}),
        _ => return None,
    };
    Some(request)
}

const FAULT: &str = "no department has the code \"999\" in the current Code officiel géographique";
const FAULT_IN_FRENCH: &str = "Aucun département n'a le code « 999 » : choisissez-le dans la liste.";
/// The details of that refusal, encoded.
const ERROR_INFO: &str = "Cg9JTlZBTElEX1JFUVVFU1QSBmNyYS52MRoPCgp2aW9sYXRpb25zEgExGg0KCGF0dGFjaGVkEgEx";
const BAD_REQUEST: &str = "Cs4BCh1zZWxlY3Rpb24uZGVwYXJ0bWVudF9jb2Rlc1swXRJLbm8gZGVwYXJ0bWVudCBoYXMgdGhlIGNvZGUgIjk5OSIgaW4gdGhlIGN1cnJlbnQgQ29kZSBvZmZpY2llbCBnw6lvZ3JhcGhpcXVlGhFURVJSSVRPUllfVU5LTk9XTiJNCgJmchJHQXVjdW4gZMOpcGFydGVtZW50IG4nYSBsZSBjb2RlIMKrIDk5OSDCuyA6IGNob2lzaXNzZXotbGUgZGFucyBsYSBsaXN0ZS4";

/// The refusal of a selection of department 999, in JSON: `google.rpc.ErrorInfo` and `google.rpc.BadRequest`.
fn details() -> [Value; 2] {
    let info = json!({
        "reason": "INVALID_REQUEST", "domain": "cra.v1", "metadata": {"attached": "1", "violations": "1"},
    });
    let request = json!({
        "fieldViolations": [{
            "field": "selection.department_codes[0]",
            "reason": "TERRITORY_UNKNOWN",
            "description": FAULT,
            "localizedMessage": {"locale": "fr", "message": FAULT_IN_FRENCH},
        }],
    });
    [info, request]
}

/// The answer to `GetStatistics` of department 999. The tests compare it with the service's answer.
pub(crate) fn refused_call() -> Value {
    let [info, request] = details();
    json!({
        "code": "invalid_argument",
        "message": format!("1 violation: selection.department_codes[0]: {FAULT}"),
        "details": [
            {"type": "google.rpc.ErrorInfo", "value": ERROR_INFO, "debug": info},
            {"type": "google.rpc.BadRequest", "value": BAD_REQUEST, "debug": request},
        ],
    })
}

/// The answer to `/v1/export/statistics.csv?department=999`. The tests compare it with the service's answer.
pub(crate) fn refused_file() -> Value {
    let names = ["google.rpc.ErrorInfo", "google.rpc.BadRequest"];
    let details = names.into_iter().zip(details()).map(|(name, mut detail)| {
        detail["@type"] = format!("type.googleapis.com/{name}").into();
        detail
    });
    json!({
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": format!("1 violation: selection.department_codes[0]: {FAULT}"),
        "code": "INVALID_ARGUMENT",
        "reason": "INVALID_REQUEST",
        "violations": [{
            "parameter": "department",
            "field": "selection.department_codes[0]",
            "reason": "TERRITORY_UNKNOWN",
            "description": FAULT,
            "localizedMessage": FAULT_IN_FRENCH,
        }],
        "details": details.collect::<Vec<_>>(),
    })
}
