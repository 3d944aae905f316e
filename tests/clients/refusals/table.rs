//! The refusals that a test can provoke: those of the admission layer for every method of the contract, and those of
//! each method.

use cra_contracts::{json, v1 as pb};
use cra_runtime::identity::Scope;
use cra_runtime::identity::access::Shape;
use serde_json::{Value, json};

use super::cases::{Case, SCOPES, Table, encoded, scopes_of};
use super::faults;
use crate::harness::{contract, department, national, new_id, workshop};

/// No valid message starts with this byte.
const MALFORMED: [u8; 1] = [0xff];
/// Above `server.max_message_bytes`.
const TOO_LARGE: usize = 4 * 1_024 * 1_024 + 1;
/// Number of messages that a client is still sending when it is refused: more than the connection buffers.
const UNREAD: usize = 2_000;

/// An id without a CRA.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// The content of the log before the calls.
#[derive(Clone)]
pub(super) struct Recorded {
    /// A CRA at its second revision.
    pub(super) current: String,
    pub(super) withdrawn: String,
}

pub(super) fn submission(cra_id: &str, advisor_id: &str) -> Value {
    let cra = pb::Cra { advisor_id: advisor_id.to_owned(), ..workshop(5) };
    json!({"craId": cra_id, "cra": json::to_value(&cra)})
}

impl Table {
    /// Refusals of every method, independent of the request.
    pub(super) fn at_the_door(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (path, shape) in contract() {
            let method = path.strip_prefix("/cra.v1.").unwrap();
            let case = || self.case(method);
            cases.push(case().of(MALFORMED.to_vec()).ends("INVALID_ARGUMENT", "MESSAGE_UNDECODABLE"));
            cases.push(case().of_zeros(TOO_LARGE).ends("OUT_OF_RANGE", "MESSAGE_TOO_LARGE"));
            cases.push(case().with_large_headers().ends("RESOURCE_EXHAUSTED", "HEADERS_TOO_LARGE"));
            let scopes = scopes_of(&path);
            if scopes.is_empty() {
                continue;
            }
            let unauthenticated = |token, reason| case().carrying(token).ends("UNAUTHENTICATED", reason);
            let expired = self.token(method, &national(), -60);
            cases.push(unauthenticated(None, "TOKEN_REQUIRED"));
            cases.push(unauthenticated(Some("no token".to_owned()), "TOKEN_INVALID"));
            cases.push(unauthenticated(Some(expired), "TOKEN_EXPIRED"));
            let later = self.issuer.token_from(&self.client(method), SCOPES, &national(), 60);
            cases.push(unauthenticated(Some(later), "TOKEN_NOT_YET_VALID"));
            let other = Scope::ALL.into_iter().find(|scope| !scopes.contains(&scope.name())).unwrap();
            let missing = self.issuer.token_for(&self.client(method), other.name(), &national(), 600);
            cases.push(case().carrying(Some(missing)).ends("PERMISSION_DENIED", "SCOPE_MISSING"));
            if scopes.contains(&"statistics:public") && !method.ends_with("/GetCrossTable") {
                let client = self.client(method);
                let public = self.issuer.token_for(&client, "statistics:public", &national(), 600);
                let mut published = case().carrying(Some(public));
                published.name.push_str(", of public figures");
                cases.push(published.ends("FAILED_PRECONDITION", "PUBLICATIONS_NOT_CONFIGURED"));
            }
            if shape == Shape::Both {
                // Refused at once, while the client is still writing: it must receive the reason although its stream is
                // reset.
                let mut writing = unauthenticated(None, "TOKEN_REQUIRED").of(vec![0; 1_000]).times(UNREAD);
                writing.name.push_str(", writing");
                cases.push(writing);
            }
        }
        cases
    }

    /// Unknown paths, in every shape of a call.
    pub(super) fn not_served(&self) -> Vec<Case> {
        let long = format!("StatisticsService/{}", "Get".repeat(2_000));
        let methods =
            ["IngestionService/DeleteCra", "StatisticsService/DeleteCra", "NoService/GetCra", &long];
        let mut cases = Vec::new();
        for method in methods {
            for shape in [Shape::Single, Shape::Answers, Shape::Both] {
                let mut case = self.case(method).with_shape(shape).ends("UNIMPLEMENTED", "");
                case.name = format!("{:.40} {shape:?}", case.name);
                cases.push(case);
            }
        }
        // Health and reflection are not served by our handlers.
        for (path, shape, request, code) in [
            ("/grpc.health.v1.Health/Check", Shape::Single, &b"\x0a\x04none"[..], "NOT_FOUND"),
            ("/grpc.health.v1.Health/Watch", Shape::Answers, &MALFORMED, "INTERNAL"),
            ("/grpc.reflection.v1.ServerReflection/Describe", Shape::Both, &[], "UNIMPLEMENTED"),
        ] {
            let case = self.case("OperationsService/GetStatus").at(path).with_shape(shape);
            cases.push(case.of(request.to_vec()).ends(code, ""));
        }
        cases
    }

    /// Calls above the rate of one client, for every method. Calls with empty requests are admitted up to the limit.
    pub(super) fn past_the_rate(&self) -> Vec<Case> {
        let eager = self.token("eager", &national(), 600);
        let methods = contract().into_keys().map(|path| {
            let case = self.case(path.strip_prefix("/cra.v1.").unwrap()).carrying(Some(eager.clone()));
            case.of(MALFORMED.to_vec()).until_refused(1_000).ends("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        });
        methods.collect()
    }

    /// Streams above the limit of one client, for every streaming method.
    pub(super) fn past_the_streams_of(&self, client: &str) -> Vec<Case> {
        let token = self.issuer.token_for(
            client,
            "cra:submit cra:import cra:read statistics:read operations",
            &national(),
            600,
        );
        let streams = contract().into_iter().filter(|(_, shape)| *shape != Shape::Single);
        let cases = streams.map(|(path, _)| {
            let case = self.case(path.strip_prefix("/cra.v1.").unwrap()).carrying(Some(token.clone()));
            case.times(if path.contains("Ingestion") { UNREAD } else { 1 }).ends("RESOURCE_EXHAUSTED", "BUSY")
        });
        cases.collect()
    }

    /// The refusals of each method's requests.
    pub(super) fn of_requests(&self, recorded: &Recorded) -> Vec<Case> {
        let mut cases = self.of_rows(rows(recorded));
        for (method, request) in beyond_a_department() {
            let token = self.token(method, &department("35"), 600);
            let case = self.case(method).of(encoded(method, request)).carrying(Some(token));
            cases.push(case.ends("PERMISSION_DENIED", "BEYOND_PERIMETER"));
        }
        cases
    }

    pub(super) fn of_rows(&self, rows: Vec<Row>) -> Vec<Case> {
        let cases = rows.into_iter();
        cases
            .map(|(method, request, code, reason)| {
                self.case(method).of(encoded(method, request)).ends(code, reason)
            })
            .collect()
    }

    /// The calls of `tests/reality/refused-streams.json`, whose refusals once were lost.
    pub(super) fn of_reality(&self) -> Vec<Case> {
        let cases_file: Value =
            serde_json::from_str(include_str!("../../reality/refused-streams.json")).unwrap();
        let expected = cases_file["expected"].as_object().unwrap();
        let cases = expected.iter().map(|(method, expected)| {
            let (code, reason) = expected.as_str().unwrap().split_once(' ').unwrap();
            // Leaked: the table lives as long as the test's process.
            let (code, reason) = (code.to_owned().leak(), reason.to_owned().leak());
            let method = format!("StatisticsService/{method}");
            let request = cases_file[method.split('/').nth(1).unwrap()].clone();
            let mut case = self.case(&method).of(encoded(&method, request)).ends(code, reason);
            case.name.push_str(", given");
            case
        });
        cases.collect()
    }
}

pub(super) type Row = (&'static str, Value, &'static str, &'static str);

pub(super) const INVALID: &str = "INVALID_ARGUMENT";

/// Refusals of requests, by method.
pub(super) fn rows(recorded: &Recorded) -> Vec<Row> {
    [ingestion(recorded), faults::of_submissions(), statistics(), faults::of_questions(), operations()]
        .concat()
}

fn ingestion(recorded: &Recorded) -> Vec<Row> {
    let Recorded { current, withdrawn } = recorded;
    let unknown = UNKNOWN;
    let change = |cra_id: &str, revision: u32| {
        let mut change = submission(cra_id, "conseiller-2");
        change["expectedRevision"] = revision.into();
        change["reason"] = "une erreur de saisie".into();
        change
    };
    let removal = |cra_id: &str, revision: u32| json!({"craId": cra_id, "expectedRevision": revision, "reason": "saisi deux fois"});
    let (submit, correct) = ("IngestionService/SubmitCra", "IngestionService/CorrectCra");
    let (withdraw, history) = ("IngestionService/WithdrawCra", "IngestionService/GetCraHistory");
    let (search, long) = ("ReferenceService/SearchCommunes", "é".repeat(2_000));
    vec![
        (submit, json!({}), INVALID, "CRA_ID_INVALID"),
        (
            submit,
            json!({"craId": unknown, "cra": {"themes": vec!["THEME_SMARTPHONE"; 40]}}),
            INVALID,
            "THEME_CLOSED",
        ),
        (submit, submission(current, "conseiller-3"), "ALREADY_EXISTS", "CRA_ALREADY_EXISTS"),
        (correct, json!({}), INVALID, "REASON_LENGTH"),
        (correct, change(unknown, 1), "NOT_FOUND", "CRA_NOT_FOUND"),
        (correct, change(current, 1), "ABORTED", "CRA_REVISION_CHANGED"),
        (correct, change(withdrawn, 2), "FAILED_PRECONDITION", "CRA_WITHDRAWN"),
        (withdraw, json!({}), INVALID, "REASON_LENGTH"),
        (withdraw, removal(unknown, 1), "NOT_FOUND", "CRA_NOT_FOUND"),
        (withdraw, removal(current, 1), "ABORTED", "CRA_REVISION_CHANGED"),
        (withdraw, removal(withdrawn, 2), "FAILED_PRECONDITION", "CRA_WITHDRAWN"),
        (history, json!({"craId": long}), INVALID, "CRA_ID_INVALID"),
        (history, json!({"craId": unknown}), "NOT_FOUND", "CRA_NOT_FOUND"),
        (search, json!({"text": long}), INVALID, "TEXT_INVALID"),
        (search, json!({"text": "rennes", "limit": 1_000}), INVALID, "LIMIT_OUT_OF_RANGE"),
    ]
}

fn statistics() -> Vec<Row> {
    let nowhere = json!({"departmentCodes": ["99"]});
    let (past, long) = (json!({"asOfPosition": "999999"}), "é".repeat(50_000));
    let head = ("OUT_OF_RANGE", "PAST_THE_HEAD");
    let (figures, series) = ("StatisticsService/GetStatistics", "StatisticsService/GetTimeSeries");
    let (breakdown, crossed) = ("StatisticsService/ListBreakdown", "StatisticsService/GetCrossTable");
    let (list, cra) = ("StatisticsService/ListCras", "StatisticsService/GetCra");
    let doubles = "StatisticsService/ListLikelyDoubles";
    let (watch, follow, export) =
        ("StatisticsService/WatchStatistics", "StatisticsService/FollowCras", "StatisticsService/Export");
    let csv = json!({"content": "EXPORT_CONTENT_STATISTICS", "format": "EXPORT_FORMAT_CSV"});
    let with = |mut object: Value, key: &str, value: &Value| {
        object[key] = value.clone();
        object
    };
    vec![
        (figures, json!({"selection": nowhere}), INVALID, "TERRITORY_UNKNOWN"),
        (figures, json!({"consistency": past}), head.0, head.1),
        (series, json!({}), INVALID, "REQUIRED"),
        (breakdown, json!({"dimension": "DIMENSION_REGION", "orderBy": long}), INVALID, "ORDER_UNKNOWN"),
        (breakdown, json!({"pageToken": long}), INVALID, "PAGE_TOKEN_INVALID"),
        (
            crossed,
            json!({"rows": "DIMENSION_AGE", "columns": "DIMENSION_STATUS", "measure": "MEASURE_PEOPLE"}),
            INVALID,
            "DIMENSIONS_NOT_CROSSED",
        ),
        (list, json!({"pageSize": 100_000}), INVALID, "PAGE_SIZE_TOO_LARGE"),
        (list, json!({"selection": {"departmentCodes": vec!["35"; 1_001]}}), INVALID, "TOO_MANY_VALUES"),
        (doubles, json!({"pageToken": "x"}), INVALID, "PAGE_TOKEN_INVALID"),
        (doubles, json!({"consistency": past}), head.0, head.1),
        (cra, json!({"craId": "x"}), INVALID, "CRA_ID_INVALID"),
        (cra, json!({"craId": UNKNOWN}), "NOT_FOUND", "CRA_NOT_FOUND"),
        (watch, json!({"minIntervalMs": 1}), INVALID, "INTERVAL_TOO_SHORT"),
        (watch, json!({"selection": {"structureIds": vec![long.clone(); 20]}}), INVALID, "ID_INVALID"),
        (follow, json!({"selection": nowhere}), INVALID, "TERRITORY_UNKNOWN"),
        (follow, json!({"afterPosition": "999999"}), head.0, head.1),
        (follow, json!({"afterPosition": "1", "log": "another#2#"}), "ABORTED", "LOG_REPLACED"),
        (figures, json!({"consistency": {"minPosition": "1", "log": "another"}}), "ABORTED", "LOG_REPLACED"),
        (export, json!({}), INVALID, "REQUIRED"),
        (export, with(csv.clone(), "selection", &nowhere), INVALID, "TERRITORY_UNKNOWN"),
        (export, with(csv, "consistency", &past), head.0, head.1),
    ]
}

fn operations() -> Vec<Row> {
    let (rebuild, promote) = ("OperationsService/Rebuild", "OperationsService/Promote");
    let parked = "OperationsService/ListParkedEvents";
    vec![
        (rebuild, json!({"untilPosition": "1", "promote": true}), INVALID, "ONE_OF_TWO"),
        (rebuild, json!({"untilPosition": "999999"}), "OUT_OF_RANGE", "PAST_THE_HEAD"),
        (promote, json!({"generation": "é".repeat(50_000)}), "NOT_FOUND", "GENERATION_NOT_FOUND"),
        (parked, json!({"pageToken": "x"}), INVALID, "PAGE_TOKEN_INVALID"),
        ("OperationsService/Pause", json!({"reason": "x"}), INVALID, "REASON_LENGTH"),
    ]
}

/// Requests beyond the perimeter of a department.
fn beyond_a_department() -> Vec<(&'static str, Value)> {
    let change = |mut change: Value| {
        change["expectedRevision"] = 1.into();
        change["reason"] = "une erreur de saisie".into();
        change
    };
    vec![
        ("IngestionService/SubmitCra", submission(&new_id(), "conseiller-1")),
        ("IngestionService/CorrectCra", change(submission(&new_id(), "conseiller-1"))),
        ("StatisticsService/GetStatistics", json!({})),
        (
            "StatisticsService/GetTimeSeries",
            json!({"selection": {"from": "2024-01-01", "to": "2024-12-31"}, "granularity": "GRANULARITY_MONTH"}),
        ),
        ("StatisticsService/ListBreakdown", json!({"dimension": "DIMENSION_REGION"})),
        (
            "StatisticsService/GetCrossTable",
            json!({"rows": "DIMENSION_THEME", "columns": "DIMENSION_MONTH", "measure": "MEASURE_CRAS"}),
        ),
        ("StatisticsService/WatchStatistics", json!({})),
        ("StatisticsService/ListCras", json!({})),
        ("StatisticsService/ListLikelyDoubles", json!({})),
        ("StatisticsService/FollowCras", json!({})),
        (
            "StatisticsService/Export",
            json!({"content": "EXPORT_CONTENT_STATISTICS", "format": "EXPORT_FORMAT_CSV"}),
        ),
    ]
}
