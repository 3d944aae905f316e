//! Refusals that need special conditions: other settings, or a log that is changed.

use std::fs;
use std::sync::Arc;

use async_nats::jetstream;
use cra_contracts::v1 as pb;
use cra_eventlog::testing::NatsServer;
use serde_json::json;

use super::Trial;
use super::callers::{Caller, Order};
use super::cases::{Table, encoded};
use super::later::{OPEN_STREAMS, begins, needing_the_log};
use super::table::submission;
use crate::harness::{Issuer, Pair, carrying, eventually, national, new_id, workshop};

const STREAM: &str = "CRA";
/// Maximum message size of the log's server: below the largest correction, above a small CRA.
const SMALL_MESSAGES: &str = "max_payload: 2KB";

/// Streams that reach their maximum age, and calls whose token cannot be verified any more.
pub(super) async fn of_brief_lives() {
    let issuer = Arc::new(Issuer::new());
    let settings = [
        ("SERVER__PER_CLIENT__STREAM_LIFETIME_S", "3"),
        ("IDENTITY__TOKENS__KEYS_MAX_AGE_S", "20"),
        ("IDENTITY__TOKENS__REFRESH_S", "10"),
    ];
    let pair = Pair::start_trusting(&issuer, &settings).await;
    let mut trial = Trial::on(pair, issuer, 1, Caller::of_grpc()).await;
    let lives = |table: &Table| {
        let cases = OPEN_STREAMS.into_iter().map(|method| {
            begins(table, method).after_answers().ends("RESOURCE_EXHAUSTED", "STREAM_LIFETIME")
        });
        cases.collect()
    };
    trial.all_are_refused(Order::Together, lives).await;

    without_a_folder_for_files(&mut trial).await;
    trial.issuer.hide_keys();
    let token = trial.issuer.token("cra:submit statistics:read", &national());
    eventually("the keys of both services are too old", async || {
        let request = carrying(&token, pb::GetStatisticsRequest::default());
        let read = trial.pair.statistics().await.get_statistics(request).await.map(drop);
        let request = carrying(&token, pb::GetCraHistoryRequest { cra_id: new_id() });
        let history = trial.pair.ingestion().await.get_cra_history(request).await.map(drop);
        let is_unavailable = |ended: &Result<(), tonic::Status>| {
            ended.as_ref().is_err_and(|it| it.code() == tonic::Code::Unavailable)
        };
        let ended = [read, history];
        if ended.iter().all(is_unavailable) { Ok(()) } else { Err(format!("{ended:?}")) }
    })
    .await;
    let unverified = |table: &Table| {
        let methods =
            ["IngestionService/SubmitCra", "IngestionService/SubmitCras", "StatisticsService/Export"];
        let cases = methods.into_iter().chain(["StatisticsService/FollowCras", "OperationsService/Promote"]);
        cases.map(|method| table.case(method).ends("UNAVAILABLE", "KEYS_UNAVAILABLE")).collect()
    };
    trial.all_are_refused(Order::InTurn, unverified).await;
}

/// A log that refuses large events, then answers nothing, and is then created again.
pub(super) async fn of_a_changed_log() {
    let issuer = Arc::new(Issuer::new());
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start_with(dir.path(), SMALL_MESSAGES).unwrap_or_else(|error| panic!("{error}"));
    let own = issuer.settings();
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = own.chain([("LOG__APPEND_TIMEOUT_MS", "1000")]).collect();
    let pair = Pair::start_on(dir, nats, &settings).await;
    let mut trial = Trial::on(pair, issuer, 1, Caller::of_grpc()).await;

    too_large(&mut trial).await;
    unconfirmed(&mut trial).await;
    of_another_past(&mut trial).await;
    let context = jetstream::new(async_nats::connect(trial.pair.nats.url()).await.unwrap());
    made_anew(&mut trial, &context).await;
}

/// The folder for the rows of a workbook is missing.
async fn without_a_folder_for_files(trial: &mut Trial) {
    fs::remove_dir_all(trial.pair.read_models()).unwrap();
    let export = "StatisticsService/Export";
    let request = json!({"content": "EXPORT_CONTENT_CRAS", "format": "EXPORT_FORMAT_XLSX"});
    let failed = |table: &Table| {
        let case = table.case(export).of(encoded(export, request.clone()));
        vec![case.ends("UNAVAILABLE", "EXPORT_FAILED")]
    };
    trial.all_are_refused(Order::InTurn, failed).await;
}

/// Events that the log's server refuses.
async fn too_large(trial: &mut Trial) {
    let current = trial.recorded.current.clone();
    let refused = |table: &Table| {
        let (submit, correct) = ("IngestionService/SubmitCra", "IngestionService/CorrectCra");
        let long: Vec<_> = (0..5)
            .map(|number| json!({"other": format!("{number} {}", "é".repeat(97)), "people": 1}))
            .collect();
        let mut large = submission(&new_id(), "conseiller-1");
        large["cra"]["followUp"] = json!({"redirections": long});
        let mut change = submission(&current, "conseiller-2");
        (change["expectedRevision"], change["reason"]) = (2.into(), "é".repeat(500).into());
        let cases = [(submit, large), (correct, change)].into_iter();
        let cases = cases.map(|(method, request)| table.case(method).of(encoded(method, request)));
        cases.map(|case| case.ends("RESOURCE_EXHAUSTED", "EVENT_REFUSED")).collect()
    };
    trial.all_are_refused(Order::InTurn, refused).await;
}

/// The log's server receives messages and answers nothing, for longer than an append waits. One client after the other:
/// an append that waits behind others is never sent, which is another refusal.
async fn unconfirmed(trial: &mut Trial) {
    let current = trial.recorded.current.clone();
    let unknown = |table: &Table| {
        let mut cases = needing_the_log(table, &current, "UNAVAILABLE", "OUTCOME_UNKNOWN");
        // Only a submission is sent before the log is read.
        cases.retain(|case| case.path.ends_with("SubmitCra"));
        cases
    };
    let of_each: Vec<_> = trial.callers.iter().map(|caller| trial.cases(caller, unknown)).collect();
    let token = trial.issuer.token("cra:submit", &national());
    for (caller, cases) in trial.callers.iter_mut().zip(&of_each) {
        trial.pair.signal_log("-STOP");
        caller.begin(cases, Order::InTurn);
        caller.ended(cases).await;
        trial.pair.signal_log("-CONT");
        eventually("the log confirms again", async || {
            let request =
                pb::SubmitCraRequest { cra_id: new_id(), cra: Some(workshop(5)), validate_only: false };
            let recorded = trial.pair.ingestion().await.submit_cra(carrying(&token, request)).await;
            recorded.map(drop).map_err(|status| status.to_string())
        })
        .await;
    }
    trial.all_learn(of_each).await;
}

/// A follower whose copy was made with other definitions.
async fn of_another_past(trial: &mut Trial) {
    let token = trial.issuer.token("statistics:read", &national());
    let request = carrying(&token, pb::GetStatisticsRequest::default());
    let answer = trial.pair.statistics().await.get_statistics(request).await.unwrap().into_inner();
    let log = format!("{}#of before#", answer.snapshot.unwrap().log);
    let follow = "StatisticsService/FollowCras";
    let request = json!({"afterPosition": "1", "log": log});
    let changed = |table: &Table| {
        let case = table.case(follow).of(encoded(follow, request.clone()));
        vec![case.ends("ABORTED", "HISTORY_CHANGED")]
    };
    trial.all_are_refused(Order::InTurn, changed).await;
}

/// The log is deleted and created again.
async fn made_anew(trial: &mut Trial, context: &jetstream::Context) {
    let cases = trial.started(Order::Together, |table| {
        let follow = table.case("StatisticsService/FollowCras").after_answers();
        vec![follow.ends("ABORTED", "LOG_REPLACED")]
    });
    for caller in &mut trial.callers {
        caller.began(1).await;
    }
    let config = context.get_stream(STREAM).await.unwrap().cached_info().config.clone();
    context.delete_stream(STREAM).await.unwrap();
    context.create_stream(config).await.unwrap();
    trial.all_learn(cases).await;
}
