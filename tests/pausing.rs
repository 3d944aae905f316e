//! A paused projection applies nothing and still answers, also after a restart, and resumes where it stopped; nothing
//! recorded in between is lost.

use cra_contracts::v1 as pb;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{Pair, eventually, record, statistics_at, workshop};
use crate::metrics::{scraped, value};

async fn status(pair: &Pair) -> pb::GetStatusResponse {
    pair.operations().await.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner()
}

async fn recorded(pair: &Pair) -> u64 {
    record(&mut pair.ingestion().await, workshop(5)).await.position
}

async fn counted(pair: &Pair) -> u64 {
    let answer = pair.statistics().await.get_statistics(pb::GetStatisticsRequest::default()).await.unwrap();
    answer.into_inner().statistics.unwrap().cras
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_over_a_restart_while_questions_are_answered_and_ends_where_it_began() {
    let settings = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"), ("LIMITS__STANDSTILL_MS", "500")];
    let mut pair = Pair::start_apart(&[], &settings).await;
    let first = recorded(&pair).await;
    statistics_at(&mut pair.statistics().await, first).await;

    pair.cra(&["pause", "the disk is replaced"]).succeeded().shows("paused at position 1");
    for _ in 0..20 {
        recorded(&pair).await;
    }
    // The log's end is read once a second; health would change after half a second without progress.
    eventually("the lag is seen", async || {
        let text = scraped(&pair.projection).await;
        assert_eq!(value(&text, "cra_projection_paused"), Some(1.0));
        let lag = value(&text, "cra_projection_lag_events");
        if lag == Some(20.0) { Ok(()) } else { Err(format!("{lag:?}")) }
    })
    .await;
    assert_eq!(counted(&pair).await, 1);
    assert_eq!(pair.projection.health().await, Ok(ServingStatus::Serving));
    let current = status(&pair).await;
    assert_eq!((current.applied_position, current.log_position), (1, 21));
    assert_eq!(current.pause.as_ref().unwrap().reason, "the disk is replaced");

    // Paused again for another reason: one pause, with the same start.
    let again = pb::PauseRequest { reason: "and the cable".to_owned() };
    let again = pair.operations().await.pause(again).await.unwrap().into_inner();
    assert_eq!(again.pause.unwrap().since, current.pause.unwrap().since);

    pair.projection.terminate();
    assert!(pair.projection.ended().await.success());
    pair.projection.start_and_serve().await;
    assert_eq!((status(&pair).await.applied_position, counted(&pair).await), (1, 1));
    pair.cra(&["status"]).shows("paused since").shows("and the cable");

    pair.cra(&["resume"]).succeeded();
    assert_eq!(statistics_at(&mut pair.statistics().await, 21).await.cras, 21);
    let current = status(&pair).await;
    assert_eq!((current.applied_position, current.pause), (21, None));
    // Not paused: nothing changes.
    pair.operations().await.resume(pb::ResumeRequest {}).await.unwrap();
    recorded(&pair).await;
    assert_eq!(statistics_at(&mut pair.statistics().await, 22).await.cras, 22);
}
