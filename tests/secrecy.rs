//! Logs contain ids, positions, reasons, counts and durations; never content of a CRA, nor a secret. Only the audit
//! records whose CRAs were requested by whom.

use cra_contracts::v1 as pb;
use tonic::Request;

use crate::harness::{Pair, new_id, statistics_at, submission, workshop};

/// Text that every field and header contains, and that a log must not show.
const MARK: &str = "zzqx";

fn marked() -> pb::Cra {
    pb::Cra {
        advisor_id: format!("{MARK}-advisor"),
        structure_id: format!("{MARK}-structure"),
        annotation: format!("{MARK} annotation"),
        follow_up: Some(pb::FollowUp {
            redirections: vec![pb::Redirection {
                organisation: Some(pb::redirection::Organisation::Other(format!("{MARK} organisation"))),
                people: 1,
            }],
            ..pb::FollowUp::default()
        }),
        ..workshop(3)
    }
}

fn with_secrets<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {MARK}-token").parse().unwrap());
    request.metadata_mut().insert("cookie", format!("session={MARK}").parse().unwrap());
    request
}

#[tokio::test]
async fn no_log_shows_content_of_a_cra_or_a_token() {
    // All log output of our code, and what libraries log of their errors and activity.
    let filter = "debug,cra_ingestion=trace,cra_projection=trace,cra_eventlog=trace,cra_runtime=trace,cra_domain=trace";
    let settings = [("TELEMETRY__LOG_FILTER", filter), ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")];
    let mut pair = Pair::start_with(&settings).await;
    let mut ingestion = pair.ingestion().await;

    let id = new_id();
    let receipt = ingestion.submit_cra(with_secrets(submission(&id, marked()))).await.unwrap();
    let mut position = receipt.into_inner().receipt.unwrap().position;
    // Refused in every way that quotes: faults of fields, other content, an unreadable document.
    let faulty =
        pb::Cra { advisor_id: format!("{MARK} with spaces"), annotation: MARK.repeat(20), ..marked() };
    ingestion.submit_cra(with_secrets(submission(&new_id(), faulty))).await.unwrap_err();
    let other = pb::Cra { annotation: format!("{MARK} other"), ..marked() };
    ingestion.submit_cra(with_secrets(submission(&id, other.clone()))).await.unwrap_err();
    let correction = pb::CorrectCraRequest {
        cra_id: id.clone(),
        cra: Some(other),
        expected_revision: 1,
        reason: format!("{MARK} reason"),
    };
    position = ingestion
        .correct_cra(with_secrets(correction))
        .await
        .unwrap()
        .into_inner()
        .receipt
        .map_or(position, |receipt| receipt.position);
    let document = format!(r#"{{"_id": "{MARK}", "cra": {{"canal": "{MARK}", "annotation": "{MARK}"}}}}"#);
    let document = pb::ImportLegacyCrasRequest {
        item: 1,
        legacy_id: MARK.to_owned(),
        form_version: 3,
        document: document.into_bytes().into(),
    };
    let items = tokio_stream::iter([document]);
    let mut answers = ingestion.import_legacy_cras(with_secrets(items)).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}

    let mut statistics = pair.statistics().await;
    statistics_at(&mut statistics, position).await;
    let selection =
        pb::Selection { advisor_ids: vec![format!("{MARK}-advisor")], ..pb::Selection::default() };
    let request = pb::ListCrasRequest { selection: Some(selection), ..pb::ListCrasRequest::default() };
    assert_eq!(statistics.list_cras(with_secrets(request)).await.unwrap().into_inner().cras.len(), 1);
    let wrong = pb::Selection { advisor_ids: vec![format!("{MARK} no id")], ..pb::Selection::default() };
    let request = pb::ListCrasRequest { selection: Some(wrong), ..pb::ListCrasRequest::default() };
    statistics.list_cras(with_secrets(request)).await.unwrap_err();

    for service in [&mut pair.ingestion, &mut pair.projection] {
        service.terminate();
        service.ended().await;
        let output = service.output();
        assert!(output.contains("refused") || output.contains("generation"), "the service logs its work");
        // Whose CRAs were requested, and by whom, is recorded deliberately: in separate lines, without the answer.
        let question = format!("\"advisorIds\":[\"{MARK}-advisor\"]");
        let shown: Vec<_> = output
            .lines()
            .filter(|line| {
                let is_audit = line.starts_with(r#"{"audit":"#);
                let line = if is_audit { line.replace(&question, "") } else { (*line).to_owned() };
                line.contains(MARK)
            })
            .collect();
        assert_eq!(shown, [""; 0]);
    }
}
