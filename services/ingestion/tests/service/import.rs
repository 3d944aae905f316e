//! Documents of older forms.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::violations_of;
use futures::StreamExt as _;
use pb::import_legacy_cras_response::Outcome;

use crate::fixtures::{Running, service};

const DOCUMENT: &str = r#"{
  "_id": {"$oid": "62a9f0000000000000000001"}, "createdAt": "2022-06-15T08:30:00.000Z",
  "conseiller": {"$oid": "5f9b00000000000000000001"}, "structure": {"$oid": "5f9b00000000000000000002"},
  "cra": {
    "canal": "rattachement", "activite": "collectif", "nbParticipants": 3, "nbParticipantsRecurrents": 9,
    "age": {"moins12ans": 0, "de12a18ans": 0, "de18a35ans": 3, "de35a60ans": 0, "plus60ans": 0},
    "statut": {"etudiant": 0, "sansEmploi": 3, "enEmploi": 0, "retraite": 0, "heterogene": 0},
    "themes": ["courriel"], "duree": "60", "accompagnement": {"individuel": 0, "atelier": 0, "redirection": 0},
    "organisme": null, "dateAccompagnement": "2022-06-14T22:00:00.000Z",
    "codePostal": "75001", "nomCommune": "Paris 1er Arrondissement"
  }
}"#;

fn item(item: u64, legacy_id: &str, document: &str) -> pb::ImportLegacyCrasRequest {
    let document = document.as_bytes().to_vec().into();
    pb::ImportLegacyCrasRequest { item, legacy_id: legacy_id.to_owned(), form_version: 2, document }
}

async fn import(
    service: &Running,
    items: Vec<pb::ImportLegacyCrasRequest>,
) -> BTreeMap<u64, (Outcome, Vec<String>)> {
    let answers = service.ingestion().await.import_legacy_cras(futures::stream::iter(items)).await.unwrap();
    let answers = answers.into_inner().map(|answer| answer.unwrap());
    answers.map(|answer| (answer.item, (answer.outcome.unwrap(), answer.notes))).collect().await
}

fn receipt(answer: &(Outcome, Vec<String>)) -> &pb::Receipt {
    match &answer.0 {
        Outcome::Receipt(receipt) => receipt,
        Outcome::Refusal(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn refusal(answer: &(Outcome, Vec<String>)) -> &pb::Refusal {
    match &answer.0 {
        Outcome::Refusal(refusal) => refusal,
        Outcome::Receipt(receipt) => panic!("taken: {receipt:?}"),
    }
}

#[tokio::test]
async fn a_document_is_recorded_byte_for_byte_and_its_repairs_are_reported() {
    let service = service().await;
    let answers = import(&service, vec![item(1, "62a9f1", DOCUMENT)]).await;
    let taken = receipt(&answers[&1]);
    assert_eq!((taken.revision, taken.position, taken.duplicate), (1, 1, false));
    assert_eq!(taken.cra_id, cra_domain::legacy::cra_id("62a9f1").to_string());
    assert_eq!(answers[&1].1.len(), 1, "{:?}", answers[&1].1);
    assert!(answers[&1].1[0].contains("nbParticipantsRecurrents"), "{:?}", answers[&1].1);

    let request = pb::GetCraHistoryRequest { cra_id: taken.cra_id.clone() };
    let events = service.ingestion().await.get_cra_history(request).await.unwrap().into_inner().events;
    let Some(pb::cra_event::Fact::Imported(imported)) = &events[0].fact else { panic!("no import") };
    assert_eq!((imported.legacy_id.as_str(), imported.form_version), ("62a9f1", 2));
    assert_eq!(&imported.document[..], DOCUMENT.as_bytes());
}

#[tokio::test]
async fn a_repeated_import_returns_the_first_receipts_and_another_document_is_refused() {
    let service = service().await;
    let first = import(&service, vec![item(1, "a", DOCUMENT), item(2, "b", DOCUMENT)]).await;
    let changed = DOCUMENT.replace("courriel", "internet");
    let again = import(&service, vec![item(1, "a", DOCUMENT), item(2, "b", &changed)]).await;
    assert_eq!(*receipt(&again[&1]), pb::Receipt { duplicate: true, ..receipt(&first[&1]).clone() });
    assert_eq!(again[&1].1, first[&1].1);
    assert_eq!(refusal(&again[&2]).code, "ALREADY_EXISTS");
    assert_eq!(service.events().await, 2);
}

#[tokio::test]
async fn an_unreadable_document_is_refused_with_its_path_and_stops_no_other() {
    let service = service().await;
    let unknown_theme = DOCUMENT.replace("courriel", "jardinage");
    let mut bad_request = item(3, "", DOCUMENT);
    bad_request.form_version = 9;
    let items = vec![
        item(1, "a", &unknown_theme),
        item(2, "b", "not json"),
        bad_request,
        item(4, "d", DOCUMENT),
        item(4, "e", DOCUMENT),
        item(5, "f", &format!("{DOCUMENT}{}", " ".repeat(70_000))),
    ];
    let sent = items.len();
    let answers = service.ingestion().await.import_legacy_cras(futures::stream::iter(items)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(|answer| answer.unwrap()).collect().await;
    assert_eq!(answers.len(), sent);
    let mut reported = Vec::new();
    for answer in answers {
        match answer.outcome.unwrap() {
            Outcome::Receipt(_) => reported.push((answer.item, "OK".to_owned())),
            Outcome::Refusal(refusal) => {
                assert_eq!(refusal.code, "INVALID_ARGUMENT");
                let fields = refusal.violations.iter().map(|violation| violation.field.clone());
                reported.push((answer.item, fields.collect::<Vec<_>>().join(" ")));
            }
        }
    }
    reported.sort();
    let expected = [
        (1, "cra.themes[0]"),
        (2, "document"),
        (3, "legacy_id form_version"),
        (4, "OK"),
        (4, "item"),
        (5, "document"),
    ];
    let reported: Vec<_> = reported.iter().map(|(item, fields)| (*item, fields.as_str())).collect();
    assert_eq!(reported, expected);
    assert_eq!(service.events().await, 1);
}

/// A CRA from a document with closed themes, an unreadable duration and no ages.
async fn old(service: &Running) -> (String, pb::Cra) {
    let document = DOCUMENT
        .replace(r#""themes": ["courriel"]"#, r#""themes": ["autre", "courriel", "smartphone"]"#)
        .replace(r#""duree": "60""#, r#""duree": "0""#)
        .replace(r#""de18a35ans": 3"#, r#""de18a35ans": 2"#);
    let answers = import(service, vec![item(1, "old", &document)]).await;
    let cra_id = receipt(&answers[&1]).cra_id.clone();
    let cra = cra_domain::legacy::upcast(document.as_bytes()).unwrap().cra.to_message();
    (cra_id, cra)
}

fn correction(cra_id: &str, cra: pb::Cra) -> pb::CorrectCraRequest {
    let (cra_id, reason) = (cra_id.to_owned(), "le jour était faux".to_owned());
    pb::CorrectCraRequest { cra_id, expected_revision: 1, cra: Some(cra), reason }
}

#[tokio::test]
async fn the_day_of_an_old_cra_can_be_corrected_with_all_else_unchanged() {
    let service = service().await;
    let (cra_id, cra) = old(&service).await;
    let mut client = service.ingestion().await;
    let added = pb::Cra { date: "2022-06-16".into(), ..cra.clone() };
    let added =
        pb::Cra { themes: [added.themes.clone(), vec![pb::Theme::Smartphone.into()]].concat(), ..added };
    let refused = client.correct_cra(correction(&cra_id, added)).await.unwrap_err();
    let faults: Vec<_> =
        violations_of(&refused).into_iter().map(|v| (v.field, v.reason.into_owned())).collect();
    assert_eq!(faults, [("cra.themes[3]".to_owned(), "DUPLICATE".to_owned())]);
    let other_day = pb::Cra { date: "2022-06-16".into(), ..cra };
    let corrected = client.correct_cra(correction(&cra_id, other_day.clone())).await.unwrap().into_inner();
    assert_eq!(corrected.receipt.unwrap().revision, 2);
    // Submitted as a new CRA under its id, it is recognised, although no new CRA could have this content.
    let again = pb::SubmitCraRequest { cra_id, cra: Some(other_day), validate_only: false };
    let receipt = client.submit_cra(again).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!((receipt.revision, receipt.duplicate), (2, true));
    assert_eq!(service.events().await, 2);
}

#[tokio::test]
async fn a_row_of_an_imported_cra_is_recognised_and_under_another_id_it_is_refused() {
    let service = service().await;
    let (cra_id, cra) = old(&service).await;
    let mut client = service.ingestion().await;
    let again = pb::SubmitCraRequest { cra_id, cra: Some(cra), validate_only: false };
    let receipt = client.submit_cra(again.clone()).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!((receipt.revision, receipt.duplicate), (1, true));
    let checked = pb::SubmitCraRequest { validate_only: true, ..again.clone() };
    let elsewhere = pb::SubmitCraRequest { cra_id: crate::fixtures::cra_id(9), ..again };
    for refused in [checked, elsewhere] {
        let refused = client.submit_cra(refused).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
    assert_eq!(service.events().await, 1);
}
