//! A correction replaces the counted content, a withdrawal removes it, and earlier figures can be queried. The periods
//! of a series add up to the whole.

use cra_contracts::v1 as pb;
use tonic::Code;

use crate::harness::{
    Pair, correction, new_id, record, statistics_at, submission, submitted, withdrawal, workshop,
};

/// A workshop of five people, corrected to eight, then withdrawn; and one of three that remains.
struct Life {
    pair: Pair,
    cra_id: String,
    positions: [u64; 4],
}

async fn lived() -> Life {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let cra_id = new_id();
    let stays = record(&mut ingestion, workshop(3)).await;
    let recorded = submitted(&mut ingestion, submission(&cra_id, workshop(5))).await.unwrap();
    let other_day = pb::Cra { date: "2024-05-06".into(), ..workshop(8) };
    let correction = correction(&cra_id, recorded.revision, other_day);
    let corrected = ingestion.correct_cra(correction).await.unwrap().into_inner().receipt.unwrap();
    let withdrawal = withdrawal(&cra_id, corrected.revision);
    let withdrawn = ingestion.withdraw_cra(withdrawal).await.unwrap().into_inner().receipt.unwrap();
    let positions = [stays.position, recorded.position, corrected.position, withdrawn.position];
    Life { pair, cra_id, positions }
}

fn as_of(position: u64, last: u64) -> pb::Consistency {
    pb::Consistency { min_position: last, as_of_position: position, ..pb::Consistency::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_cra_counts_once_with_its_last_content_and_a_withdrawn_one_not_at_all() {
    let Life { pair, cra_id, positions } = lived().await;
    let [stays, recorded, corrected, withdrawn] = positions;
    let mut statistics = pair.statistics().await;
    assert_eq!(statistics_at(&mut statistics, withdrawn).await.acts, 3, "only the remaining CRA counts now");

    for (position, cras, acts) in [(stays, 1, 3), (recorded, 2, 8), (corrected, 2, 11), (withdrawn, 1, 3)] {
        let consistency = Some(as_of(position, withdrawn));
        let request = pb::GetStatisticsRequest { consistency, ..pb::GetStatisticsRequest::default() };
        let answer = statistics.get_statistics(request).await.unwrap().into_inner();
        let figures = answer.statistics.unwrap();
        assert_eq!((figures.cras, figures.acts), (cras, acts), "as of {position}");
        assert_eq!(answer.snapshot.unwrap().position, position);
    }

    for (position, revision, participants, is_withdrawn) in
        [(recorded, 1, 5, false), (corrected, 2, 8, false), (withdrawn, 2, 8, true)]
    {
        let request =
            pb::GetCraRequest { cra_id: cra_id.clone(), consistency: Some(as_of(position, withdrawn)) };
        let answer = statistics.get_cra(request).await.unwrap().into_inner();
        let record = answer.record.unwrap();
        assert_eq!((record.revision, answer.withdrawn), (revision, is_withdrawn), "as of {position}");
        assert_eq!(record.cra.unwrap().participants, Some(participants));
        assert_eq!(record.corrected_at.is_some(), revision == 2);
    }
    let before = pb::GetCraRequest { cra_id, consistency: Some(as_of(stays, withdrawn)) };
    assert_eq!(statistics.get_cra(before).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_periods_of_a_series_add_up_to_the_whole_empty_ones_included() {
    let Life { pair, positions: [_, _, corrected, withdrawn], .. } = lived().await;
    let selection =
        pb::Selection { from: "2024-02-15".into(), to: "2024-06-01".into(), ..pb::Selection::default() };
    let request = pb::GetTimeSeriesRequest {
        selection: Some(selection),
        granularity: pb::Granularity::Month.into(),
        consistency: Some(as_of(corrected, withdrawn)),
    };
    let series = pair.statistics().await.get_time_series(request).await.unwrap().into_inner();
    let points: Vec<_> = series
        .points
        .iter()
        .map(|point| (point.from.as_str(), point.to.as_str(), point.statistics.as_ref().unwrap().acts))
        .collect();
    let expected = [
        ("2024-02-15", "2024-02-29", 0),
        ("2024-03-01", "2024-03-31", 3),
        ("2024-04-01", "2024-04-30", 0),
        ("2024-05-01", "2024-05-31", 8),
        ("2024-06-01", "2024-06-01", 0),
    ];
    assert_eq!(points, expected);
}
