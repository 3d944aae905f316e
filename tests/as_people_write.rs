//! Names, texts and old CRAs as people write them: spellings of one organisation are one line, misleading texts are
//! refused, a CRA of an older form can be corrected, and the receipt of a withdrawn CRA is marked as withdrawn.

use cra_contracts::{json, v1 as pb};
use cra_runtime::rejection::violations_of;
use serde_json::Value;
use tonic::{Code, Status};

use crate::harness::{Ingestion, Pair, correction, imported, statistics_at, submitted, withdrawal};

const ORGANISATIONS: &str = include_str!("reality/spellings-of-organisations.ndjson");
const INVISIBLE: &str = include_str!("reality/invisible-texts.ndjson");
const OLD: &str = include_str!("reality/old-cra-to-correct.json");
const SENT_TWICE: &str = include_str!("reality/sent-again-after-its-withdrawal.json");

/// Submissions of a file, on a fixed day in the past.
fn submissions(lines: &str) -> Vec<pb::SubmitCraRequest> {
    let mut values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for value in &mut values {
        value["cra"]["date"] = "2024-03-04".into();
    }
    values.into_iter().map(|value| json::from_value(value).unwrap()).collect()
}

fn reasons(status: &Status) -> Vec<(String, String)> {
    violations_of(status).into_iter().map(|it| (it.field, it.reason.into_owned())).collect()
}

async fn correct(ingestion: &mut Ingestion, cra_id: &str, cra: pb::Cra) -> Result<pb::Receipt, Status> {
    Ok(ingestion.correct_cra(correction(cra_id, 1, cra)).await?.into_inner().receipt.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_one_organisation_are_one_line_in_the_most_frequent_one() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let (mut position, mut refused) = (0, Vec::new());
    for submission in submissions(ORGANISATIONS) {
        match submitted(&mut ingestion, submission).await {
            Ok(receipt) => position = receipt.position,
            Err(status) => refused.extend(reasons(&status)),
        }
    }
    assert_eq!(refused, [("cra.follow_up.redirections[0].other".to_owned(), "TEXT_INVALID".to_owned())]);
    let statistics = statistics_at(&mut pair.statistics().await, position).await;
    let mut lines: Vec<_> = statistics
        .redirections
        .iter()
        .map(|line| (line.name.as_str(), line.label.as_str(), line.count))
        .collect();
    lines.sort_unstable();
    let expected = [
        ("ORGANISATION_POLE_EMPLOI", "France Travail", 1),
        ("coeur de ville", "Coeur de ville", 2),
        ("maison de l'emploi", "Maison de l'emploi", 2),
        ("secours populaire", "Secours populaire", 2),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_misleads_is_refused_and_a_decomposed_one_is_stored_composed() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let submissions = submissions(INVISIBLE);
    let [hidden, turned, decomposed] = &submissions[..] else { panic!("three lines") };
    for misleading in [hidden, turned] {
        let refused = submitted(&mut ingestion, misleading.clone()).await.unwrap_err();
        assert_eq!(reasons(&refused), [("cra.annotation".to_owned(), "TEXT_INVALID".to_owned())]);
    }
    let receipt = submitted(&mut ingestion, decomposed.clone()).await.unwrap();
    let consistency = pb::Consistency { min_position: receipt.position, ..pb::Consistency::default() };
    let request = pb::GetCraRequest { cra_id: receipt.cra_id, consistency: Some(consistency) };
    let record = pair.statistics().await.get_cra(request).await.unwrap().into_inner().record.unwrap();
    assert_eq!(record.cra.unwrap().annotation, "é".repeat(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cra_can_have_its_day_corrected_and_takes_no_other_closed_theme() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let document: pb::ImportLegacyCrasRequest = pb::ImportLegacyCrasRequest {
        item: 1,
        legacy_id: "0000000000007a000000000a".into(),
        form_version: 3,
        document: OLD.as_bytes().to_vec().into(),
    };
    let receipt = imported(&mut ingestion, vec![document]).await.remove(0);
    let consistency = pb::Consistency { min_position: receipt.position, ..pb::Consistency::default() };
    let request = pb::GetCraRequest { cra_id: receipt.cra_id.clone(), consistency: Some(consistency) };
    let record = pair.statistics().await.get_cra(request).await.unwrap().into_inner().record.unwrap();
    let other_day = pb::Cra { date: "2023-06-08".into(), ..record.cra.unwrap() };

    let mut with_closed = other_day.clone();
    with_closed.themes.push(pb::Theme::Smartphone.into());
    let refused = correct(&mut ingestion, &receipt.cra_id, with_closed).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(reasons(&refused), [("cra.themes[2]".to_owned(), "THEME_CLOSED".to_owned())]);

    let corrected = correct(&mut ingestion, &receipt.cra_id, other_day.clone()).await.unwrap();
    assert_eq!((corrected.revision, corrected.defaulted_fields.len()), (2, 0));
    let again = pb::SubmitCraRequest { cra_id: receipt.cra_id, cra: Some(other_day), validate_only: false };
    let again = submitted(&mut ingestion, again).await.unwrap();
    assert_eq!((again.revision, again.duplicate), (2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cra_sent_again_after_its_withdrawal_says_that_it_does_not_count() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let compact: Value = serde_json::from_str(SENT_TWICE).unwrap();
    let submission = submissions(&compact.to_string()).remove(0);
    let first = submitted(&mut ingestion, submission.clone()).await.unwrap();
    let request = withdrawal(&first.cra_id, 1);
    let withdrawn = ingestion.withdraw_cra(request).await.unwrap().into_inner().receipt.unwrap();
    let again = submitted(&mut ingestion, submission).await.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, withdrawn: true, ..first });
    let statistics = statistics_at(&mut pair.statistics().await, withdrawn.position).await;
    assert_eq!(statistics.cras, 0);
}
