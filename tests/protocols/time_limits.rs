//! A call that exceeds its caller's time limit ends then, with its reason, and releases everything in the service.

use super::curl::{post, sent};
use crate::harness::{Pair, Service, eventually, figure, new_id, submission, workshop};

/// Waits until no call of an RPC is in progress, and no permit of a limit is held.
async fn is_idle(service: &Service, rpc: &str, limit: &str) {
    eventually("the work of the call has ended", async || {
        let calls = figure(service, &format!("cra_rpc_in_flight{{rpc=\"{rpc}\"}}")).await;
        let permits = figure(service, &format!("cra_in_flight{{what=\"{limit}\"}}")).await;
        if (calls, permits) == (0, 0) { Ok(()) } else { Err(format!("{calls} calls, {permits} permits")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_call_beyond_its_callers_time_limit_is_deadline_exceeded_and_its_work_ends() {
    let pair = Pair::start_with(&[("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")]).await;
    // A body that does not arrive: the service itself would wait for two minutes.
    let half = "POST /cra.v1.StatisticsService/GetStatistics HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/json\r\nconnect-timeout-ms: 700\r\ncontent-length: 100\r\n\
                connection: close\r\n\r\n{";
    let answer = sent(pair.projection.address(), half.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("\"deadline_exceeded\""), "{answer}");
    assert!(answer.contains("TIMED_OUT") && answer.contains("700 ms"), "{answer}");
    is_idle(&pair.projection, "StatisticsService/GetStatistics", "queries").await;
    let ended = "cra_rpc_seconds_count{code=\"DEADLINE_EXCEEDED\",rpc=\"StatisticsService/GetStatistics\"}";
    assert_eq!(figure(&pair.projection, ended).await, 1);
    // Work that waits for the log, which does not answer.
    let request = cra_contracts::json::to_value(&submission(&new_id(), workshop(5))).to_string();
    pair.signal_log("-STOP");
    let timed = format!(
        "POST /cra.v1.IngestionService/SubmitCra HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connect-timeout-ms: 700\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{request}",
        request.len()
    );
    let answer = sent(pair.ingestion.address(), timed.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("TIMED_OUT"), "{answer}");
    is_idle(&pair.ingestion, "IngestionService/SubmitCra", "calls").await;
    pair.signal_log("-CONT");
    // The outcome was unknown: the same request gets its receipt.
    eventually("the log answers again", async || {
        let again = post(pair.ingestion.address(), "IngestionService/SubmitCra", None, request.as_bytes());
        if again.status == 200 { Ok(()) } else { Err(format!("{again:?}")) }
    })
    .await;
}
