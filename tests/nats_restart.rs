//! When the event log is killed and restarted, submissions are refused in between, both services reconnect, and
//! everything acknowledged counts once.

use std::time::{Duration, Instant};

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use tokio::time::sleep;
use tonic::{Code, Status};

use crate::harness::{
    Ingestion, Pair, cra_of, eventually, new_id, record, recorded, statistics_at, submission, submitted,
    within, workshop,
};

/// The append's timeout, with a margin.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);
/// Once the loss is known, refusals are immediate.
const REFUSED_AT_ONCE: Duration = Duration::from_secs(1);
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_mins(1);
const RETRY_AFTER: Duration = Duration::from_millis(20);
const SUBMITTERS: u32 = 4;
const CRAS_PER_SUBMITTER: u32 = 60;

/// A submission that must be refused within a time.
async fn refused(ingestion: &mut Ingestion, limit: Duration) -> Status {
    let sent_at = Instant::now();
    let status = submitted(ingestion, submission(&new_id(), workshop(5))).await.unwrap_err();
    assert!(sent_at.elapsed() < limit, "refused after {:?}: {status}", sent_at.elapsed());
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_away_submissions_are_unavailable_and_afterwards_both_services_continue() {
    let mut pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let before = record(&mut ingestion, workshop(5)).await;
    statistics_at(&mut pair.statistics().await, before.position).await;

    pair.nats.kill();
    eventually("ingestion knows that the log is unavailable", async || {
        let status = refused(&mut ingestion, REFUSED_WITHIN).await;
        match reason_of(&status).as_deref() {
            Some("LOG_UNAVAILABLE") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    refused(&mut ingestion, REFUSED_AT_ONCE).await;
    let cached = statistics_at(&mut pair.statistics().await, before.position).await;
    assert_eq!(cached.cras, 1, "statistics are answered without the log");

    pair.nats.restart().unwrap();
    let cra_id = new_id();
    let after = eventually("ingestion continues", async || {
        submitted(&mut ingestion, submission(&cra_id, workshop(5))).await.map_err(|status| status.to_string())
    })
    .await;
    assert_eq!(recorded(&mut ingestion, &cra_id).await.unwrap().len(), 1);
    // Submissions refused while the log was known to be down are not recorded; the very first may be.
    assert!(after.position > before.position);
    let statistics = eventually("the projection continues", async || {
        let statistics = statistics_at(&mut pair.statistics().await, 0).await;
        if statistics.cras == after.position {
            Ok(statistics)
        } else {
            Err(format!("{} CRAs", statistics.cras))
        }
    })
    .await;
    assert_eq!(statistics.acts, 5 * after.position);
    pair.ingestion.serving().await;
    pair.projection.serving().await;
}

/// Sends a submission repeatedly, with its id, until it is acknowledged.
async fn acknowledged(ingestion: &mut Ingestion, request: &pb::SubmitCraRequest) -> pb::Receipt {
    loop {
        match submitted(ingestion, request.clone()).await {
            Ok(receipt) => return receipt,
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Submits its CRAs one by one, each until it is acknowledged.
async fn submit_until_acknowledged(mut ingestion: Ingestion, numbers: std::ops::Range<u32>) -> (u64, u64) {
    let (mut acts, mut last_position) = (0, 0);
    for number in numbers {
        let (cra_id, cra) = (new_id(), cra_of(number));
        acts += u64::from(cra.participants.unwrap());
        let request = submission(&cra_id, cra);
        let acknowledged = acknowledged(&mut ingestion, &request);
        let receipt = within(ACKNOWLEDGED_WITHIN, "the CRA is acknowledged", acknowledged).await;
        last_position = last_position.max(receipt.position);
    }
    (acts, last_position)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_around_a_kill_of_the_log_counts_once() {
    let mut pair = Pair::start().await;
    let mut submitting = Vec::new();
    for submitter in 0..SUBMITTERS {
        let numbers = submitter * CRAS_PER_SUBMITTER..(submitter + 1) * CRAS_PER_SUBMITTER;
        submitting.push(tokio::spawn(submit_until_acknowledged(pair.ingestion().await, numbers)));
    }
    let total = u64::from(SUBMITTERS * CRAS_PER_SUBMITTER);
    for reached in [total / 6, total / 2] {
        eventually("so many are counted", async || {
            let counted = statistics_at(&mut pair.statistics().await, 0).await.cras;
            if counted >= reached { Ok(()) } else { Err(format!("{counted}")) }
        })
        .await;
        pair.nats.restart().unwrap();
    }
    let (mut acts, mut last_position) = (0, 0);
    for submitter in submitting {
        let (its_acts, its_last) = submitter.await.unwrap();
        acts += its_acts;
        last_position = last_position.max(its_last);
    }
    assert_eq!(last_position, total, "every id is in the log once");
    let statistics = eventually("the projection has counted everything", async || {
        let statistics = statistics_at(&mut pair.statistics().await, 0).await;
        if statistics.cras >= total { Ok(statistics) } else { Err(format!("{} CRAs", statistics.cras)) }
    })
    .await;
    assert_eq!((statistics.cras, statistics.acts), (total, acts));
}
