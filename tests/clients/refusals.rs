//! Every refusal reaches the third-party clients grpcio and grpc-js as it reaches tonic: with its code, message and
//! details, before a stream's first answer and after it. Calls of all shapes are made on one pair; the table covers
//! every method of the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1 as pb;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::IntervalStream;

use self::callers::{Caller, Ended, Order};
use self::cases::{Case, Table};
use self::later::{at_the_drain, in_the_middle, stalled_readers, with_a_silent_log, without_the_log};
use self::table::Recorded;
use super::in_repository;
use crate::guide::reasons;
use crate::harness::{
    Issuer, Pair, carrying, contract, correction, eventually, national, new_id, withdrawal, workshop,
};

mod callers;
mod cases;
mod faults;
mod later;
mod set_ups;
mod table;
mod tonic_caller;

/// Streams per process, and per client.
const STREAMS: usize = 16;
const STREAMS_OF_A_CLIENT: usize = 2;
/// Fewer events than the cases request.
const FEW: u32 = 10;
/// More than the transport buffers for a reader that has stopped.
const CRAS: u32 = 1_500;
/// Reasons after which the same call may succeed: they carry `RetryInfo`.
const MAY_PASS: [&str; 13] = [
    "BUSY",
    "RATE_LIMITED",
    "STREAM_STALLED",
    "STREAM_LIFETIME",
    "TIMED_OUT",
    "NOT_YET_APPLIED",
    "LOG_UNAVAILABLE",
    "OUTCOME_UNKNOWN",
    "REPLAY_INTERRUPTED",
    "DRAINING",
    "STOPPING",
    "KEYS_UNAVAILABLE",
    "EXPORT_FAILED",
];
/// Methods that refuse no well-formed request.
const REFUSE_NO_REQUEST: [&str; 7] = [
    "IngestionService/ImportLegacyCras",
    "IngestionService/SubmitCras",
    "OperationsService/GetStatus",
    "OperationsService/Resume",
    "OperationsService/RetryParkedEvents",
    "OperationsService/Verify",
    "ReferenceService/GetVocabulary",
];

/// A pair and its callers.
struct Trial {
    issuer: Arc<Issuer>,
    pair: Pair,
    callers: Vec<Caller>,
    recorded: Recorded,
}

impl Trial {
    /// Starts a pair with a number of CRAs in the log, including a corrected and a withdrawn one.
    async fn begin(cras: u32, callers: Vec<Caller>) -> Self {
        let issuer = Arc::new(Issuer::new());
        let (streams, of_a_client) = (STREAMS.to_string(), STREAMS_OF_A_CLIENT.to_string());
        let both = [
            ("SERVER__PER_CLIENT__STREAMS_IN_FLIGHT", of_a_client.as_str()),
            ("SERVER__PER_CLIENT__BURST_CALLS", "200"),
            ("SERVER__PER_CLIENT__CALLS_PER_SECOND", "1"),
            ("SERVER__STALLED_AFTER_S", "5"),
            ("SERVER__FAILED_AUTHENTICATIONS_PER_MINUTE", "100000"),
        ];
        let trust = issuer.settings();
        let trust = trust.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let both: Vec<_> = trust.chain(both).collect();
        let of_ingestion =
            [("LIMITS__STREAMS_IN_FLIGHT", streams.as_str()), ("SERVER__REQUEST_TIMEOUT_MS", "1500")];
        let of_projection = [
            ("LIMITS__STREAMS_OPEN", streams.as_str()),
            ("LIMITS__EXPORTS_IN_FLIGHT", streams.as_str()),
            ("LIMITS__EXPORT_BYTES_MAX", "20000"),
        ];
        let pair =
            Pair::start_apart(&[&both[..], &of_ingestion].concat(), &[&both[..], &of_projection].concat())
                .await;
        Self::on(pair, issuer, cras, callers).await
    }

    /// Like [`Trial::begin`], on a pair with other settings.
    async fn on(pair: Pair, issuer: Arc<Issuer>, cras: u32, callers: Vec<Caller>) -> Self {
        let recorded = record(&pair, &issuer, cras).await;
        Self { issuer, pair, callers, recorded }
    }

    fn cases(&self, caller: &Caller, cases: impl Fn(&Table) -> Vec<Case>) -> Vec<Case> {
        let mut cases = cases(&Table::new(&self.pair, &self.issuer, caller.name));
        cases.retain(|case| caller.can_make(case));
        let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len(), "two cases have one name: {names:?}");
        cases
    }

    /// Starts the calls; returns the cases of each caller.
    fn started(&mut self, order: Order, cases: impl Fn(&Table) -> Vec<Case>) -> Vec<Vec<Case>> {
        let of_each: Vec<_> = self.callers.iter().map(|caller| self.cases(caller, &cases)).collect();
        for (caller, cases) in self.callers.iter_mut().zip(&of_each) {
            caller.begin(cases, order);
        }
        of_each
    }

    /// Waits for the ends of the calls, and compares them.
    async fn all_learn(&mut self, of_each: Vec<Vec<Case>>) {
        let mut wrong = Vec::new();
        let mut of_tonic = None;
        for (caller, cases) in self.callers.iter_mut().zip(&of_each) {
            let name = caller.name;
            let ended = caller.ended(cases).await;
            for case in cases {
                let fault = fault(case, &ended[&case.name]);
                wrong.extend(fault.map(|fault| format!("{name} {}: {fault}", case.name)));
            }
            let ended: BTreeMap<_, _> =
                cases.iter().map(|case| (case.name.clone(), comparable(&ended[&case.name]))).collect();
            let of_tonic = of_tonic.get_or_insert_with(|| ended.clone());
            for (case, own) in &ended {
                let by_tonic = &of_tonic[case];
                if own != by_tonic {
                    wrong.push(format!("{name} {case}: {own:#?}\nas tonic: {by_tonic:#?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// Makes the calls with each client, and compares the ends.
    async fn all_are_refused(&mut self, order: Order, cases: impl Fn(&Table) -> Vec<Case>) {
        let cases = self.started(order, cases);
        self.all_learn(cases).await;
    }

    /// Like [`Trial::all_are_refused`], one client after the other: for calls that would block each other.
    async fn each_is_refused(&mut self, cases: impl Fn(&Table) -> Vec<Case>) {
        let of_each: Vec<_> = self.callers.iter().map(|caller| self.cases(caller, &cases)).collect();
        for (caller, cases) in self.callers.iter_mut().zip(&of_each) {
            caller.begin(cases, Order::InTurn);
            caller.ended(cases).await;
        }
        self.all_learn(of_each).await;
    }

    fn signal_log(&self, signal: &str) {
        self.pair.signal_log(signal);
    }
}

/// How an end differs from what its case expects.
fn fault(case: &Case, ended: &Ended) -> Option<String> {
    let reasons = ended.reasons();
    let has_reason = if case.reason.is_empty() { reasons.is_empty() } else { reasons.contains(&case.reason) };
    // One reason sums up the faults of fields.
    let has_summary = ended.code != "INVALID_ARGUMENT" || reasons.contains(&"INVALID_REQUEST");
    let has_retry = ended.detail("RetryInfo").is_some() == MAY_PASS.contains(&case.reason);
    let has_answers = !case.has_answers || ended.answers > 0;
    let has_message = !ended.message.is_empty() || case.reason.is_empty();
    let is_as_expected =
        ended.code == case.code && has_reason && has_summary && has_retry && has_answers && has_message;
    (!is_as_expected).then(|| format!("{ended:?}"))
}

/// The part that must be equal for all three. Retry delays depend on the moment, and each library adds other headers.
fn comparable(ended: &Ended) -> (String, String, Vec<Value>) {
    if ended.reasons().contains(&"HEADERS_TOO_LARGE") {
        return (ended.code.clone(), String::new(), Vec::new());
    }
    // For a stream that is not served, clients of Connect only read the HTTP status.
    if ended.code == "UNIMPLEMENTED" && ended.details.is_empty() {
        return (ended.code.clone(), String::new(), Vec::new());
    }
    let mut details = ended.details.clone();
    if ended.reasons().contains(&"RATE_LIMITED") {
        details.retain(|detail| detail["type"] != "google.rpc.RetryInfo");
    }
    (ended.code.clone(), ended.message.clone(), details)
}

/// A corrected CRA, a withdrawn one, and many others.
async fn record(pair: &Pair, issuer: &Issuer, cras: u32) -> Recorded {
    let token = issuer.token("cra:submit cra:correct statistics:read", &national());
    let mut ingestion = pair.ingestion().await;
    let (current, withdrawn) = (new_id(), new_id());
    let submission = |cra_id: &str, number| pb::SubmitCraRequest {
        cra_id: cra_id.to_owned(),
        // As many advisors and structures as CRAs.
        cra: Some(pb::Cra {
            advisor_id: format!("conseiller-{number}"),
            structure_id: format!("structure-{number}"),
            ..workshop(2 + number % 97)
        }),
        ..pb::SubmitCraRequest::default()
    };
    for cra_id in [&current, &withdrawn] {
        ingestion.submit_cra(carrying(&token, submission(cra_id, 1))).await.unwrap();
    }
    ingestion.correct_cra(carrying(&token, correction(&current, 1, workshop(7)))).await.unwrap();
    ingestion.withdraw_cra(carrying(&token, withdrawal(&withdrawn, 1))).await.unwrap();
    let many: Vec<_> = (0..cras)
        .map(|number| pb::SubmitCrasRequest {
            item: number.into(),
            submission: Some(submission(&new_id(), number)),
        })
        .collect();
    let answers = ingestion.submit_cras(carrying(&token, tokio_stream::iter(many))).await.unwrap();
    assert_eq!(answers.into_inner().filter_map(Result::ok).collect::<Vec<_>>().await.len(), cras as usize);
    eventually("the projection has applied everything", async || {
        let request = carrying(&token, pb::GetStatisticsRequest::default());
        let answer =
            pair.statistics().await.get_statistics(request).await.map_err(|status| status.to_string())?;
        let counted = answer.into_inner().statistics.unwrap().cras;
        if counted == u64::from(cras) + 1 { Ok(()) } else { Err(format!("{counted} CRAs")) }
    })
    .await;
    Recorded { current, withdrawn }
}

/// Opens as many streams as a client may have, on both services, until the set is dropped.
async fn hold(trial: &Trial, client: &str, tasks: &mut JoinSet<()>) {
    let token = trial.issuer.token_for(client, "cra:submit statistics:read", &national(), 600);
    for _ in 0..STREAMS_OF_A_CLIENT {
        let watch = carrying(&token, pb::WatchStatisticsRequest::default());
        let mut watch = trial.pair.statistics().await.watch_statistics(watch).await.unwrap().into_inner();
        assert!(watch.message().await.unwrap().is_some());
        // A client that sends nothing would be cut.
        let ticks = IntervalStream::new(tokio::time::interval(Duration::from_millis(500)));
        let mut item = 0;
        let items = ticks.map(move |_| {
            item += 1;
            pb::SubmitCrasRequest { item, submission: None }
        });
        let mut ingestion = trial.pair.ingestion().await;
        let mut answers = ingestion.submit_cras(carrying(&token, items)).await.unwrap().into_inner();
        assert!(answers.message().await.unwrap().is_some());
        tasks.spawn(async move { while watch.next().await.is_some() {} });
        tasks.spawn(async move { while answers.next().await.is_some() {} });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_at_its_beginning_is_refused_by_every_protocol_as_to_tonic() {
    let mut trial = Trial::begin(FEW, Caller::of_every_protocol()).await;
    let recorded = trial.recorded.clone();
    trial.all_are_refused(Order::InTurn, Table::at_the_door).await;
    trial.all_are_refused(Order::InTurn, Table::not_served).await;
    trial.all_are_refused(Order::InTurn, |table| table.of_requests(&recorded)).await;
    trial.all_are_refused(Order::InTurn, Table::of_reality).await;

    let mut tasks = JoinSet::new();
    hold(&trial, "holder-0", &mut tasks).await;
    trial.all_are_refused(Order::InTurn, |table| table.past_the_streams_of("holder-0")).await;
    for holder in 1..STREAMS / STREAMS_OF_A_CLIENT {
        hold(&trial, &format!("holder-{holder}"), &mut tasks).await;
    }
    // Every stream of the process is taken: a client without streams is refused too.
    let of_the_process = ["SubmitCras", "ImportLegacyCras", "WatchStatistics", "FollowCras"];
    trial
        .all_are_refused(Order::InTurn, |table| {
            let mut cases = table.past_the_streams_of("another");
            cases.retain(|case| of_the_process.iter().any(|method| case.path.ends_with(method)));
            cases
        })
        .await;
    drop(tasks);
    trial.all_are_refused(Order::InTurn, Table::past_the_rate).await;
}

#[tokio::test]
async fn the_table_of_refusals_names_every_method_of_the_contract() {
    let table = table::rows(&Recorded { current: new_id(), withdrawn: new_id() });
    let methods = table.iter().map(|(method, ..)| *method).chain(REFUSE_NO_REQUEST);
    let methods: BTreeSet<_> = methods.map(|method| format!("/cra.v1.{method}")).collect();
    assert_eq!(methods, contract().into_keys().collect(), "a method has no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_few_set_ups_refuse_is_refused_to_grpcio_and_grpc_js_as_to_tonic() {
    tokio::join!(set_ups::of_brief_lives(), set_ups::of_a_changed_log());
}

/// Reasons that a client cannot provoke deliberately.
const NOT_PROVOKED: [(&str, &str); 17] = [
    ("ENCODING_NOT_SUPPORTED", "an encoding that these libraries lack: see the test of compressed requests"),
    ("PARAMETER_INVALID", "addresses of files: see the tests of files"),
    ("PARAMETER_MALFORMED", "addresses of files: see the tests of files"),
    ("PARAMETER_REPEATED", "addresses of files: see the tests of files"),
    ("PARAMETER_UNKNOWN", "addresses of files: see the tests of files"),
    ("JSON_INVALID", "a text that these clients do not write: see the tests of protocols"),
    ("MESSAGE_MALFORMED", "bytes that these libraries do not produce: see the test of compressed requests"),
    ("AUDIT_UNAVAILABLE", "a disk that refuses the audit"),
    ("CERTIFICATE_REVOKED", "certificates of callers, as the tests of identity give them"),
    ("CRA_CONTENDED", "writers that are faster than a decision, several times in a row"),
    ("READ_MODELS_UNAVAILABLE", "a disk that fails under a question, until the read models are rebuilt"),
    ("CHUNKS_NOT_TAKEN", "a minute without a chunk taken, where a stream may stall for longer"),
    ("PUBLICATION_NOT_READY", "the moment until the first publication is counted"),
    ("PAGE_TOKEN_EXPIRED", "an hour between two pages"),
    ("INVALID_REQUEST", "comes with every fault of a field, and is looked for there"),
    ("DOCUMENT_INVALID", "of an item, which an answer refuses"),
    ("FORM_VERSION_UNKNOWN", "of an item, which an answer refuses"),
];

#[test]
fn every_reason_of_the_services_is_provoked() {
    let folder = in_repository("tests/clients/refusals");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.chain([in_repository("tests/reality/refused-streams.json")]);
    let sources: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let sources: BTreeSet<_> = sources.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).collect();
    let missing: BTreeSet<_> =
        reasons().into_iter().filter(|reason| !sources.contains(reason.as_str())).collect();
    let excepted: BTreeSet<_> = NOT_PROVOKED.iter().map(|(reason, _)| (*reason).to_owned()).collect();
    assert_eq!(missing, excepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_later_gives_grpcio_and_grpc_js_the_same_reason_as_tonic() {
    let mut trial = Trial::begin(CRAS, Caller::of_grpc()).await;
    trial.all_are_refused(Order::InTurn, |table| table.of_rows(vec![faults::of_a_large_table()])).await;
    trial.all_are_refused(Order::Together, in_the_middle).await;
    stalled_readers(&mut trial).await;
    with_a_silent_log(&mut trial).await;
    without_the_log(&mut trial).await;
    at_the_drain(&mut trial).await;
}
