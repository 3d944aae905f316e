//! Real documents of the old database: each small file represents a kind.

use crate::harness::at_least;
use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_domain::territory::communes;
use pb::import_legacy_cras_response::Outcome;

use super::*;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../reality/", $name))
    };
}

/// The outcome of a document.
#[derive(Debug)]
struct Answer {
    outcome: Outcome,
    notes: Vec<String>,
}

impl Answer {
    #[track_caller]
    fn receipt(&self) -> &pb::Receipt {
        match &self.outcome {
            Outcome::Receipt(receipt) => receipt,
            Outcome::Refusal(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// The fields with notes.
    fn noted(&self) -> Vec<&str> {
        self.notes.iter().map(|note| note.split_once(": ").unwrap().0).collect()
    }

    #[track_caller]
    fn refused(&self) -> Vec<&str> {
        match &self.outcome {
            Outcome::Refusal(refusal) => refusal.violations.iter().map(|it| it.field.as_str()).collect(),
            Outcome::Receipt(receipt) => panic!("recorded: {receipt:?}"),
        }
    }
}

/// Imports documents over one stream; returns the answers in order.
async fn import(pair: &Pair, form_version: u32, documents: &[&str]) -> Vec<Answer> {
    let requests: Vec<_> = (1..)
        .zip(documents)
        .map(|(item, document)| {
            let parsed: Value = serde_json::from_str(document).unwrap();
            let legacy_id = parsed["_id"]["$oid"].as_str().unwrap().to_owned();
            let document = (*document).to_owned().into();
            pb::ImportLegacyCrasRequest { item, legacy_id, form_version, document }
        })
        .collect();
    let mut ingestion = pair.ingestion().await;
    let answers = ingestion.import_legacy_cras(tokio_stream::iter(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    let mut by_item = BTreeMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        by_item.insert(answer.item, Answer { outcome: answer.outcome.unwrap(), notes: answer.notes });
    }
    assert_eq!(by_item.len(), documents.len(), "every item is answered");
    by_item.into_values().collect()
}

/// The CRA of a receipt, as the projection returns it.
async fn record_of(pair: &Pair, receipt: &pb::Receipt) -> pb::CraRecord {
    let consistency = at_least(receipt.position);
    let request = pb::GetCraRequest { cra_id: receipt.cra_id.clone(), consistency };
    pair.statistics().await.get_cra(request).await.unwrap().into_inner().record.unwrap()
}

/// The content of a single imported document.
async fn imported_cra(pair: &Pair, document: &str) -> pb::Cra {
    let answers = import(pair, 0, &[document]).await;
    assert_eq!(answers[0].noted(), [""; 0]);
    record_of(pair, answers[0].receipt()).await.cra.unwrap()
}

fn known(organisation: pb::Organisation, people: u32) -> pb::Redirection {
    let organisation = Some(pb::redirection::Organisation::Known(organisation.into()));
    pb::Redirection { organisation, people }
}

#[tokio::test(flavor = "multi_thread")]
async fn advisor_structure_and_venue_are_read_from_references() {
    let pair = Pair::start().await;
    let cra = imported_cra(&pair, file!("document-with-references.json")).await;
    assert_eq!(cra.advisor_id, "0000000000007a0000002329");
    assert_eq!(cra.structure_id, "0000000000007a000000232a");
    assert_eq!(cra.place.unwrap().venue_id, "0000000000007a000000232b");
    assert_eq!(cra.date, "2023-06-09");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_read_by_its_shape_and_recorded_once_whatever_form_is_declared() {
    let pair = Pair::start().await;
    let document = file!("document-of-form-1-in-the-shape-of-form-3.json");
    let first = import(&pair, 1, &[document]).await;
    for form_version in [0, 3] {
        let again = import(&pair, form_version, &[document]).await;
        let expected = pb::Receipt { duplicate: true, ..first[0].receipt().clone() };
        assert_eq!(*again[0].receipt(), expected);
    }
    let record = record_of(&pair, first[0].receipt()).await;
    let cra = record.cra.unwrap();
    assert_eq!((cra.date.as_str(), cra.returning_participants), ("2022-01-15", 3));
    assert_eq!(
        cra.ages,
        Some(pb::AgeCounts { from_18_to_35: 2, from_35_to_60: 3, over_60: 3, ..Default::default() })
    );
    let statuses = pb::StatusCounts { unemployed: 2, employed: 2, retired: 4, ..Default::default() };
    assert_eq!(cra.statuses, Some(statuses));
    let follow_up = cra.follow_up.unwrap();
    assert_eq!((follow_up.individual, follow_up.workshop), (1, 2));
    assert_eq!(follow_up.redirections, [known(pb::Organisation::Caf, 1), known(pb::Organisation::Cpam, 1)]);
    assert_eq!(record.legacy_form_version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_counts_by_its_name_in_a_document_of_the_second_form_too() {
    let pair = Pair::start().await;
    let document = file!("document-of-form-2-in-the-shape-of-form-3.json");
    let answers = import(&pair, 2, &[document]).await;
    let follow_up = record_of(&pair, answers[0].receipt()).await.cra.unwrap().follow_up.unwrap();
    assert_eq!(follow_up.redirections, [known(pb::Organisation::Caf, 1), known(pb::Organisation::Cpam, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_are_refused_omitted_or_reduced_and_noted() {
    let pair = Pair::start().await;
    let documents: Vec<_> = file!("documents-with-slips.ndjson").lines().collect();
    let answers = import(&pair, 0, &documents).await;
    let [minutes, day_1970, day_2099, postal_code, follow_up, other_code, sub_theme] = &answers[..] else {
        panic!("{answers:?}")
    };
    for (answer, noted) in [
        (minutes, &["cra.duree"][..]),
        (postal_code, &["cra.codePostal"]),
        (follow_up, &["cra.accompagnement"]),
        (other_code, &["cra.codeCommune", "cra.codePostal"]),
        (sub_theme, &["cra.sousThemes"]),
    ] {
        assert_eq!(answer.noted(), noted);
    }
    assert_eq!(day_1970.refused(), ["cra.dateAccompagnement"]);
    assert_eq!(day_2099.refused(), ["cra.dateAccompagnement"]);

    let cra = async |answer: &Answer| record_of(&pair, answer.receipt()).await.cra.unwrap();
    assert_eq!(cra(minutes).await.duration.unwrap_or_default().band, 0);
    let place = cra(postal_code).await.place.unwrap();
    assert_eq!((place.commune_code.as_str(), place.postal_code.as_str()), ("35238", ""));
    let next = cra(follow_up).await.follow_up.unwrap();
    assert_eq!((next.individual, next.workshop, next.redirections.len()), (5, 0, 0));
    assert_eq!(cra(other_code).await.place.unwrap().commune_code, "75101");
    let themes = cra(sub_theme).await.themes;
    assert_eq!(themes, [pb::Theme::Internet, pb::Theme::Health].map(i32::from));
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_the_real_form_are_found_without_a_code() {
    let published: Value = serde_json::from_str(include_str!("../conformance/places.json")).unwrap();
    let place = |entry: &Value| {
        let text = |field: &str| entry[field].as_str().unwrap().to_owned();
        (text("postal_code"), text("name"), text("commune"))
    };
    let mut published: Vec<_> = published["documents"].as_array().unwrap().iter().map(place).collect();
    // The official codes of two communes that the published pairs omit.
    for (postal_code, name, commune) in
        [("05250", "LE DEVOLUY", "05139"), ("44119", "GRANDCHAMPS DES FONTAINES", "44066")]
    {
        published.push((postal_code.to_owned(), name.to_owned(), commune.to_owned()));
    }
    let pair = Pair::start().await;

    let documents: Vec<_> = file!("documents-without-commune-codes.ndjson").lines().collect();
    let mut expected = Vec::new();
    for document in &documents {
        let document: Value = serde_json::from_str(document).unwrap();
        let found = published.iter().find(|(postal_code, name, _)| {
            document["cra"]["codePostal"] == **postal_code && document["cra"]["nomCommune"] == **name
        });
        expected.push(found.unwrap_or_else(|| panic!("not published: {document}")).2.clone());
    }
    let model: Value = serde_json::from_str(documents[0]).unwrap();
    let made = published.iter().enumerate().map(|(number, (postal_code, name, commune))| {
        let mut document = model.clone();
        document["_id"]["$oid"] = format!("{number:024x}").into();
        document["cra"]["codePostal"] = postal_code.as_str().into();
        document["cra"]["nomCommune"] = name.as_str().into();
        expected.push(commune.clone());
        document.to_string()
    });
    let made: Vec<_> = made.collect();
    let documents: Vec<_> = documents.into_iter().chain(made.iter().map(String::as_str)).collect();
    let answers = import(&pair, 0, &documents).await;
    for ((document, commune), answer) in documents.iter().zip(&expected).zip(&answers) {
        let place = record_of(&pair, answer.receipt()).await.cra.unwrap().place.unwrap();
        assert_eq!(communes().resolve(&place.commune_code), communes().resolve(commune), "{document}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_that_is_closed_today_is_recorded() {
    let pair = Pair::start().await;
    let cra = imported_cra(&pair, file!("document-with-a-closed-theme.json")).await;
    assert_eq!(cra.themes, [pb::Theme::Email, pb::Theme::Other].map(i32::from));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_laid_out_differently_is_the_same_document() {
    let pair = Pair::start().await;
    let layouts = [file!("document-laid-out-over-lines.json"), file!("document-laid-out-on-one-line.json")];
    for (text, summed) in layouts.into_iter().zip(["1 recorded\n", "0 recorded\n1 already there\n"]) {
        let ended = Import::to(&pair).with_file(text).run(&[]);
        assert_ended(&ended, 0);
        assert!(ended.stdout.starts_with(summed), "{}", ended.stdout);
    }
    assert_head(&pair, 1).await;
}
