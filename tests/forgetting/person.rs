//! One command outputs all records about one advisor, with who read them.

use std::fs;

use cra_contracts::v1 as pb;
use serde_json::Value;

use crate::harness::{Pair, at_least, cra_of, new_id, run_cra, submission, submitted};

/// An advisor of [`cra_of`]: every seventh CRA is theirs.
const ADVISOR: &str = "conseiller-2";

#[tokio::test(flavor = "multi_thread")]
async fn an_advisor_gets_every_event_about_them_and_who_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let audit = |service: &str| folder.path().join(service).display().to_string();
    let (ingestion_audit, projection_audit) = (audit("ingestion.audit"), audit("projection.audit"));
    let (of_ingestion, of_projection) =
        ([("AUDIT__TO", ingestion_audit.as_str())], [("AUDIT__TO", projection_audit.as_str())]);
    let pair = Pair::start_apart(&of_ingestion, &of_projection).await;
    let mut ingestion = pair.ingestion().await;
    let mut last = 0;
    for number in 0..21 {
        let request = submission(&new_id(), cra_of(number));
        let receipt = submitted(&mut ingestion, request.clone()).await.unwrap();
        let (cra_id, expected_revision) = (request.cra_id, receipt.revision);
        last = receipt.position;
        if number == 9 {
            let cra = Some(pb::Cra { advisor_id: "conseiller-5".into(), ..cra_of(number) });
            let reason = "mauvais conseiller".to_owned();
            let correction = pb::CorrectCraRequest { cra_id, expected_revision, cra, reason };
            last = ingestion.correct_cra(correction).await.unwrap().into_inner().receipt.unwrap().position;
        } else if number == 16 {
            let withdrawal =
                pb::WithdrawCraRequest { cra_id, expected_revision, reason: "un doublon".into() };
            last = ingestion.withdraw_cra(withdrawal).await.unwrap().into_inner().receipt.unwrap().position;
        }
    }
    let mut statistics = pair.statistics().await;
    let request = pb::ListCrasRequest {
        selection: Some(pb::Selection { advisor_ids: vec![ADVISOR.into()], ..pb::Selection::default() }),
        consistency: at_least(last),
        ..pb::ListCrasRequest::default()
    };
    statistics.list_cras(request).await.unwrap();

    let urls = [
        ("CRA_INGESTION_URL", format!("http://{}", pair.ingestion.address())),
        ("CRA_PROJECTION_URL", format!("http://{}", pair.projection.address())),
    ];
    let urls: Vec<_> = urls.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let person = |more: &[&str]| {
        let audits = ["--audit", &ingestion_audit, "--audit", &projection_audit];
        let arguments = [&["export", "person", "--advisor", ADVISOR], &audits[..], more].concat();
        run_cra(folder.path(), &arguments, &urls)
    };
    person(&[]).succeeded();
    let text = fs::read_to_string(folder.path().join(format!("cra-conseiller-{ADVISOR}.txt"))).unwrap();
    assert_eq!(text.matches("Compte-rendu d'activité").count(), 3, "{text}");
    assert!(text.contains("Retiré des statistiques : un doublon"), "{text}");
    assert!(!text.contains("conseiller-5") && text.contains("lecture par"), "{text}");
    let lines = person(&["--format", "ndjson", "--output", "-"]).succeeded().stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events = lines.iter().filter(|line| line.get("event").is_some()).count();
    assert_eq!(events, 4, "three submissions and a withdrawal: {lines:?}");
    assert!(lines.iter().any(|line| line["audit"]["call"] == "StatisticsService/ListCras"), "{lines:?}");
    person(&["--department", "75"]).reports("a person is one advisor");
}
