//! Recorded content is within the author's perimeter, before and after the change; the event names its author; and a
//! caller cannot probe for CRAs outside.

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use tonic::{Code, Status};

use crate::harness::{
    Ingestion, Issuer, Pair, assert_refused, carrying, correction, department, national, new_id, submission,
    withdrawal, workshop,
};

fn in_rennes() -> pb::Cra {
    let cra = workshop(5);
    let place = pb::Place {
        commune_code: "35238".to_owned(),
        postal_code: "35000".to_owned(),
        ..cra.place.clone().unwrap()
    };
    pb::Cra { place: Some(place), ..cra }
}

fn in_paris() -> pb::Cra {
    workshop(5)
}

async fn submit(client: &mut Ingestion, token: &str, id: &str, cra: pb::Cra) -> Result<pb::Receipt, Status> {
    let answer = client.submit_cra(carrying(token, submission(id, cra))).await?;
    Ok(answer.into_inner().receipt.unwrap())
}

async fn correct(client: &mut Ingestion, token: &str, id: &str, cra: pb::Cra) -> Result<pb::Receipt, Status> {
    Ok(client.correct_cra(carrying(token, correction(id, 1, cra))).await?.into_inner().receipt.unwrap())
}

async fn withdraw(client: &mut Ingestion, token: &str, id: &str) -> Result<pb::Receipt, Status> {
    Ok(client.withdraw_cra(carrying(token, withdrawal(id, 1))).await?.into_inner().receipt.unwrap())
}

async fn events(client: &mut Ingestion, token: &str, id: &str) -> Vec<pb::CraEvent> {
    let request = pb::GetCraHistoryRequest { cra_id: id.to_owned() };
    match client.get_cra_history(carrying(token, request)).await {
        Ok(answer) => answer.into_inner().events,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound);
            Vec::new()
        }
    }
}

fn denied(refused: &Status) {
    assert_refused(refused, Code::PermissionDenied, "BEYOND_PERIMETER");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cra_is_recorded_within_the_perimeter_only_and_its_event_says_who_caused_it() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut client = pair.ingestion().await;
    let own = issuer.token("cra:submit cra:correct cra:read", &department("35"));
    let all = issuer.token("cra:read", &national());
    let (inside, outside) = (new_id(), new_id());
    submit(&mut client, &own, &inside, in_rennes()).await.unwrap();
    denied(&submit(&mut client, &own, &outside, in_paris()).await.unwrap_err());
    let check_only = pb::SubmitCraRequest { validate_only: true, ..submission(&outside, in_paris()) };
    denied(&client.submit_cra(carrying(&own, check_only)).await.unwrap_err());
    assert!(events(&mut client, &all, &outside).await.is_empty(), "it was recorded");

    correct(&mut client, &own, &inside, pb::Cra { themes: vec![pb::Theme::Budget.into()], ..in_rennes() })
        .await
        .unwrap();
    let events = events(&mut client, &own, &inside).await;
    assert_eq!(events.len(), 2);
    for event in events {
        let expected = pb::Origin { client_id: "platform".to_owned(), subject: "marie".to_owned() };
        assert_eq!(event.origin, Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_or_withdrawal_needs_the_cra_before_and_after() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut client = pair.ingestion().await;
    let own = issuer.token("cra:submit cra:correct cra:read", &department("35"));
    let all = issuer.token("cra:submit cra:correct cra:read", &national());
    let (inside, outside, absent) = (new_id(), new_id(), new_id());
    submit(&mut client, &all, &inside, in_rennes()).await.unwrap();
    submit(&mut client, &all, &outside, in_paris()).await.unwrap();

    // To a place outside the perimeter: refused for the requested content, whether the CRA exists or not.
    for id in [&inside, &outside, &absent] {
        denied(&correct(&mut client, &own, id, in_paris()).await.unwrap_err());
    }
    // From outside to inside the perimeter: a CRA that is not granted appears not to exist.
    for id in [&outside, &absent] {
        for refused in [
            correct(&mut client, &own, id, in_rennes()).await.unwrap_err(),
            withdraw(&mut client, &own, id).await.unwrap_err(),
        ] {
            assert_eq!(reason_of(&refused).as_deref(), Some("CRA_NOT_FOUND"), "{refused:?}");
            assert_eq!(refused.message(), "CRA not found; check the id");
        }
    }
    assert_eq!(events(&mut client, &all, &outside).await.len(), 1);
    withdraw(&mut client, &own, &inside).await.unwrap();
    // A withdrawn CRA stays in its perimeter.
    assert_eq!(events(&mut client, &own, &inside).await.len(), 2);

    // A permitted caller moves it away: others can no longer change it, but still see its revisions inside.
    let moved = new_id();
    submit(&mut client, &own, &moved, in_rennes()).await.unwrap();
    correct(&mut client, &all, &moved, in_paris()).await.unwrap();
    let seen = events(&mut client, &own, &moved).await;
    let seen: Vec<_> = seen.iter().map(|event| (event.revision, event.moved, event.fact.is_some())).collect();
    assert_eq!(seen, [(1, false, true), (2, true, false)]);
    assert_eq!(withdraw(&mut client, &own, &moved).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_callers_who_may_see_a_cra_learn_that_its_id_is_in_use() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut client = pair.ingestion().await;
    let own = issuer.token("cra:submit", &department("35"));
    let all = issuer.token("cra:submit", &national());
    let (inside, outside) = (new_id(), new_id());
    submit(&mut client, &all, &inside, in_rennes()).await.unwrap();
    submit(&mut client, &all, &outside, in_paris()).await.unwrap();
    let other = pb::Cra { themes: vec![pb::Theme::Budget.into()], ..in_rennes() };
    let conflict = submit(&mut client, &own, &inside, other.clone()).await.unwrap_err();
    assert_eq!(conflict.code(), Code::AlreadyExists);
    let refused = submit(&mut client, &own, &outside, other).await.unwrap_err();
    denied(&refused);
    assert!(!String::from_utf8_lossy(refused.details()).contains(&outside));
    // The same refusal as for an unused id with content outside the perimeter.
    let beyond = submit(&mut client, &own, &new_id(), in_paris()).await.unwrap_err();
    assert_eq!((refused.message(), refused.details()), (beyond.message(), beyond.details()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_beyond_the_perimeter_is_refused_and_the_others_of_its_stream_are_recorded() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut client = pair.ingestion().await;
    let token = issuer.token("cra:submit cra:import", &department("35"));
    let items = [in_rennes(), in_paris(), in_rennes()];
    let requests = (1..)
        .zip(items)
        .map(|(item, cra)| pb::SubmitCrasRequest { item, submission: Some(submission(&new_id(), cra)) });
    let requests = tokio_stream::iter(requests.collect::<Vec<_>>());
    let mut answers = client.submit_cras(carrying(&token, requests)).await.unwrap().into_inner();
    let mut outcomes = std::collections::BTreeMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        let refusal = match answer.outcome.unwrap() {
            pb::submit_cras_response::Outcome::Receipt(_) => None,
            pb::submit_cras_response::Outcome::Refusal(refusal) => Some(refusal.code),
        };
        outcomes.insert(answer.item, refusal);
    }
    let outcomes: Vec<_> = outcomes.into_values().collect();
    assert_eq!(outcomes, [None, Some("PERMISSION_DENIED".to_owned()), None]);

    let document = |commune: &str, code: &str| {
        format!(
            r#"{{"_id": "a", "createdAt": "2022-12-05T10:00:00Z", "conseiller": "c", "structure": "s",
                "cra": {{"dateAccompagnement": "2022-12-05T10:00:00Z", "canal": "domicile",
                "codePostal": "{code}", "nomCommune": "{commune}", "activite": "ponctuel", "nbParticipants": 1,
                "themes": ["courriel"], "duree": "0-30", "age": {{"plus60ans": 1}}, "statut": {{"retraite": 1}}}}}}"#
        )
    };
    let documents = [document("Rennes", "35000"), document("Brest", "29200")];
    let requests = (1..).zip(documents).map(|(item, document)| pb::ImportLegacyCrasRequest {
        item,
        legacy_id: format!("legacy-{item}"),
        form_version: 3,
        document: document.into_bytes().into(),
    });
    let requests = tokio_stream::iter(requests.collect::<Vec<_>>());
    let mut answers = client.import_legacy_cras(carrying(&token, requests)).await.unwrap().into_inner();
    let mut outcomes = std::collections::BTreeMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        let refusal = match answer.outcome.unwrap() {
            pb::import_legacy_cras_response::Outcome::Receipt(_) => None,
            pb::import_legacy_cras_response::Outcome::Refusal(refusal) => Some(refusal.code),
        };
        outcomes.insert(answer.item, refusal);
    }
    let outcomes: Vec<_> = outcomes.into_values().collect();
    assert_eq!(outcomes, [None, Some("PERMISSION_DENIED".to_owned())]);
}
