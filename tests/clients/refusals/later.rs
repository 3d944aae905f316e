//! Calls and streams that fail after their start: at the end of their grant, on a silent peer, on the file, on the log,
//! on the shutdown of the service.

use cra_contracts::v1 as pb;
use cra_runtime::identity::access::Shape;
use cra_runtime::rejection::reason_of;
use serde_json::json;
use tokio_stream::StreamExt as _;

use super::Trial;
use super::callers::Order;
use super::cases::{Case, Table, encoded};
use super::table::submission;
use crate::harness::{carrying, eventually, national, new_id, workshop};

/// A request that is answered, to show that the stream has started.
pub(super) fn begins(table: &Table, method: &str) -> Case {
    let item = json!({"item": "1"});
    let case = table.case(method);
    if case.shape == Shape::Both { case.of(encoded(method, item)).kept_open() } else { case }
}

/// Streams that do not end by themselves.
pub(super) const OPEN_STREAMS: [&str; 4] = [
    "IngestionService/SubmitCras",
    "IngestionService/ImportLegacyCras",
    "StatisticsService/WatchStatistics",
    "StatisticsService/FollowCras",
];

/// Streams and calls that wait for the end of their grant, of the client's silence, of the file or of the wait.
pub(super) fn in_the_middle(table: &Table) -> Vec<Case> {
    let mut cases = Vec::new();
    for method in OPEN_STREAMS {
        let brief = table.token(&format!("brief {method}"), &national(), 3);
        cases.push(begins(table, method).carrying(Some(brief)).ends("UNAUTHENTICATED", "TOKEN_EXPIRED"));
        let case = begins(table, method);
        if case.shape == Shape::Both {
            cases.push(case.after_answers().ends("ABORTED", "STREAM_STALLED"));
        }
    }
    let export = "StatisticsService/Export";
    let past = json!({"minPosition": "999999"});
    let cras = json!({"content": "EXPORT_CONTENT_CRAS", "format": "EXPORT_FORMAT_NDJSON"});
    let whole = table.case(export).of(encoded(export, cras.clone())).after_answers();
    cases.push(whole.ends("RESOURCE_EXHAUSTED", "EXPORT_TOO_LARGE"));
    for (method, mut request) in [("StatisticsService/GetStatistics", json!({})), (export, cras)] {
        request["consistency"] = past.clone();
        let case = table.case(method).of(encoded(method, request));
        cases.push(case.ends("OUT_OF_RANGE", "PAST_THE_HEAD"));
    }
    cases
}

/// A follower that stops reading after its first answer, until its stream is cut.
pub(super) async fn stalled_readers(trial: &mut Trial) {
    let follow = "StatisticsService/FollowCras";
    let cases = trial.started(Order::Together, |table| {
        let token = table.token("slow", &national(), 600);
        let case = table.case(follow).carrying(Some(token)).paused().after_answers();
        vec![case.ends("ABORTED", "STREAM_STALLED")]
    });
    for caller in &mut trial.callers {
        caller.began(1).await;
        let token = Table::new(&trial.pair, &trial.issuer, caller.name).token("slow", &national(), 600);
        let request = || carrying(&token, pb::FollowCrasRequest { after_position: 1, ..Default::default() });
        let mut statistics = trial.pair.statistics().await;
        // The client may have two streams: a third is admitted once the stalled one is cut.
        let other = statistics.follow_cras(request()).await.unwrap().into_inner();
        let reading = tokio::spawn(async move { other.collect::<Vec<_>>().await.len() });
        eventually("the stalled stream is cut", async || {
            statistics.follow_cras(request()).await.map(drop).map_err(|status| status.to_string())
        })
        .await;
        reading.abort();
        caller.resume();
    }
    trial.all_learn(cases).await;
}

/// Calls of ingestion that need the log, and how they end without it.
pub(super) fn needing_the_log(
    table: &Table,
    current: &str,
    code: &'static str,
    reason: &'static str,
) -> Vec<Case> {
    let mut change = submission(current, "conseiller-2");
    (change["expectedRevision"], change["reason"]) = (2.into(), "une erreur de saisie".into());
    let removal = json!({"craId": current, "expectedRevision": 2, "reason": "saisi deux fois"});
    let requests = [
        ("IngestionService/SubmitCra", submission(&new_id(), "conseiller-1")),
        ("IngestionService/CorrectCra", change),
        ("IngestionService/WithdrawCra", removal),
        ("IngestionService/GetCraHistory", json!({"craId": current})),
    ];
    let cases = requests.into_iter();
    cases
        .map(|(method, request)| table.case(method).of(encoded(method, request)).ends(code, reason))
        .collect()
}

/// While the log's server is stopped: calls time out, and a waiting check blocks others.
pub(super) async fn with_a_silent_log(trial: &mut Trial) {
    let current = trial.recorded.current.clone();
    trial.signal_log("-STOP");
    let silent = |table: &Table| {
        let mut cases = needing_the_log(table, &current, "DEADLINE_EXCEEDED", "TIMED_OUT");
        let statistics = "StatisticsService/GetStatistics";
        let request = encoded(statistics, json!({"consistency": {"minPosition": "999999"}}));
        cases.push(table.case(statistics).of(request).ends("DEADLINE_EXCEEDED", "NOT_YET_APPLIED"));
        cases
    };
    trial.all_are_refused(Order::Together, silent).await;
    let token = trial.issuer.token_for("checker", "operations", &national(), 600);
    let mut operations = trial.pair.operations().await;
    let check = tokio::spawn(async move {
        loop {
            if let Ok(answers) = operations.verify(carrying(&token, pb::VerifyRequest {})).await {
                answers.into_inner().collect::<Vec<_>>().await;
            }
        }
    });
    let at_work = |table: &Table| {
        let cases = ["OperationsService/Promote", "OperationsService/Verify"].into_iter();
        let cases = cases.map(|method| table.case(method).until_refused(100));
        cases.map(|case| case.ends("FAILED_PRECONDITION", "REPLAY_AT_WORK")).collect()
    };
    trial.all_are_refused(Order::InTurn, at_work).await;
    check.abort();
    trial.signal_log("-CONT");
}

/// While the log's server is down; it is restarted afterwards.
pub(super) async fn without_the_log(trial: &mut Trial) {
    let current = trial.recorded.current.clone();
    trial.pair.nats.kill();
    let token = trial.issuer.token("cra:submit", &national());
    let mut ingestion = trial.pair.ingestion().await;
    eventually("ingestion knows that the log is away", async || {
        let request = pb::SubmitCraRequest { cra_id: new_id(), cra: Some(workshop(5)), validate_only: false };
        let refused = ingestion.submit_cra(carrying(&token, request)).await.unwrap_err();
        match reason_of(&refused).as_deref() {
            Some("LOG_UNAVAILABLE") => Ok(()),
            _ => Err(refused.to_string()),
        }
    })
    .await;
    let away = |table: &Table| {
        let mut cases = needing_the_log(table, &current, "UNAVAILABLE", "LOG_UNAVAILABLE");
        // A history waits for the log as long as the caller does.
        cases.retain(|case| !case.path.ends_with("GetCraHistory"));
        for method in
            ["OperationsService/GetStatus", "OperationsService/Rebuild", "StatisticsService/FollowCras"]
        {
            cases.push(table.case(method).ends("UNAVAILABLE", "LOG_UNAVAILABLE"));
        }
        cases
    };
    trial.all_are_refused(Order::InTurn, away).await;
    let interrupted = |table: &Table| {
        let verify = table.case("OperationsService/Verify");
        vec![verify.ends("UNAVAILABLE", "REPLAY_INTERRUPTED")]
    };
    trial.each_is_refused(interrupted).await;

    trial.pair.nats.restart().unwrap();
    trial.pair.ingestion.serving().await;
    let token = trial.issuer.token("operations", &national());
    eventually("the projection knows the log again", async || {
        let mut operations = trial.pair.operations().await;
        let status = operations.get_status(carrying(&token, pb::GetStatusRequest::default())).await;
        status.map(drop).map_err(|status| status.to_string())
    })
    .await;
}

/// Streams that are open when both services are asked to stop.
pub(super) async fn at_the_drain(trial: &mut Trial) {
    let cases = trial.started(Order::Together, |table| {
        let cases = OPEN_STREAMS.into_iter().map(|method| {
            let reason = if method.starts_with("Ingestion") { "DRAINING" } else { "STOPPING" };
            begins(table, method).after_answers().ends("UNAVAILABLE", reason)
        });
        cases.collect()
    });
    for caller in &mut trial.callers {
        caller.began(OPEN_STREAMS.len()).await;
    }
    trial.pair.ingestion.terminate();
    trial.pair.projection.terminate();
    trial.all_learn(cases).await;
}
