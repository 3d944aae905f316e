//! A database that is still in use is imported every night: unchanged documents are already recorded, a later version
//! of a document is the next revision of its CRA, and a change made here is never overwritten.

use cra_contracts::v1 as pb;
use cra_domain::legacy;

use super::*;
use crate::harness::{correction, withdrawal};

const BASE: u32 = 20;

/// A document of the database with a changed duration and its time of update.
fn updated(number: u32, minutes: u32, updated_at: Option<&str>) -> Value {
    let mut document = numbered(number);
    document["cra"]["duree"] = minutes.into();
    if let Some(updated_at) = updated_at {
        document["updatedAt"] = json!({"$date": updated_at});
    }
    document
}

fn cra_id(document: &Value) -> String {
    legacy::cra_id(document["_id"].as_str().unwrap()).to_string()
}

/// A document's CRA as of a position.
async fn record_of(pair: &Pair, document: &Value, as_of: u64) -> pb::CraRecord {
    let consistency = Some(pb::Consistency { as_of_position: as_of, ..pb::Consistency::default() });
    let request = pb::GetCraRequest { cra_id: cra_id(document), consistency };
    pair.statistics().await.get_cra(request).await.unwrap().into_inner().record.unwrap()
}

fn minutes(record: &pb::CraRecord) -> Option<u32> {
    record.cra.as_ref().unwrap().duration.as_ref().unwrap().minutes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_imported_every_night_brings_what_changed_as_next_revisions() {
    let pair = Pair::start().await;
    let base: Vec<_> = (0..BASE).map(numbered).collect();
    assert_ended(&Import::to(&pair).with_file(lines(&base)).run(&[]), 0);

    // Corrected here since.
    let (corrected, position) = (&base[3], u64::from(BASE));
    let record = {
        statistics_at(&mut pair.statistics().await, position).await;
        record_of(&pair, corrected, position).await
    };
    let cra = pb::Cra { returning_participants: 0, annotation: "ici".into(), ..record.cra.unwrap() };
    pair.ingestion().await.correct_cra(correction(&cra_id(corrected), 1, cra)).await.unwrap();

    let mut night = base.clone();
    night[1] = updated(1, 465, Some("2023-04-01T08:00:00.000Z"));
    night[2] = updated(2, 480, Some("2023-04-01T08:00:00.000Z"));
    night[3] = updated(3, 465, Some("2023-04-01T08:00:00.000Z"));
    // Not later than the recorded one.
    night[4] = updated(4, 465, None);
    let import = Import::to(&pair).with_file(Layout::ArrayGzip.write(&night));
    let ended = import.run(&["--report", "report"]);
    assert_ended(&ended, 1);
    for line in ["0 recorded\n", "2 recorded as the next revision of a CRA", "16 already there", "2 refused"]
    {
        assert!(ended.stdout.contains(line), "no `{line}` in\n{}", ended.stdout);
    }
    let refusals = import.report();
    let message = |at: usize| refusals[at]["refusal"]["message"].as_str().unwrap();
    assert_eq!(refusals.len(), 2);
    assert!(message(0).contains("corrected or withdrawn here"), "{}", message(0));
    assert!(message(0).contains("other values of cra.duree, updatedAt;"), "{}", message(0));
    assert!(message(1).contains("not later"), "{}", message(1));

    let end = u64::from(BASE) + 3;
    statistics_at(&mut pair.statistics().await, end).await;
    for (number, expected) in [(1, 465), (2, 480)] {
        let record = record_of(&pair, &base[number], end).await;
        assert_eq!((record.revision, minutes(&record)), (2, Some(expected)));
        assert!(record.corrected_at.is_some());
        let before = record_of(&pair, &base[number], u64::from(BASE)).await;
        assert_eq!(
            (before.revision, minutes(&before)),
            (1, Some(60 + 15 * (u32::try_from(number).unwrap() % 5)))
        );
        assert_eq!(record.recorded_at, before.recorded_at, "the CRA was recorded the night before");
    }
    let figures = statistics_at(&mut pair.statistics().await, end).await;
    assert_eq!(figures.cras, u64::from(BASE), "no CRA counts twice");

    // The next night has nothing new; earlier versions have their own receipts.
    night[3] = base[3].clone();
    night[4] = base[4].clone();
    night[1] = base[1].clone();
    let ended = Import::to(&pair).with_file(lines(&night)).run(&["--json"]);
    assert_ended(&ended, 0);
    let outcomes: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (outcome, document) in outcomes.iter().zip(&night) {
        assert_eq!((&outcome["outcome"], &outcome["legacyId"]), (&json!("already_there"), &document["_id"]));
    }
    let revision = |at: usize| outcomes[at]["receipt"]["revision"].as_str().unwrap();
    assert_eq!([revision(1), revision(2), revision(3)], ["1", "2", "1"]);
    assert_head(&pair, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_whose_cra_was_withdrawn_here_stays_withdrawn() {
    let pair = Pair::start().await;
    let document = numbered(1);
    assert_ended(&Import::to(&pair).with_file(lines(std::slice::from_ref(&document))).run(&[]), 0);
    pair.ingestion().await.withdraw_cra(withdrawal(&cra_id(&document), 1)).await.unwrap();
    let later = updated(1, 465, Some("2023-04-01T08:00:00.000Z"));
    assert_ended(&Import::to(&pair).with_file(lines(&[later])).run(&[]), 1);
    assert_ended(&Import::to(&pair).with_file(lines(&[document])).run(&[]), 0);
    let figures = statistics_at(&mut pair.statistics().await, 2).await;
    assert_eq!(figures.cras, 0);
}
