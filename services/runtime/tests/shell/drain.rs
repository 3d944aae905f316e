//! The drain finishes what is in flight and ends, whatever callers do.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cra_contracts::v1 as pb;
use cra_runtime::serve::DrainOutcome;
use tokio::net::TcpStream;

use crate::probe::{run, with_drain_deadline};

#[tokio::test]
async fn a_call_in_flight_finishes_within_the_drain_and_the_port_is_closed_until_then() {
    let running = run(with_drain_deadline(15_000)).await;
    let mut client = running.client().await;
    let call = tokio::spawn(async move { client.get_status(pb::GetStatusRequest::default()).await });
    running.probe.entered.notified().await;

    running.shutdown.begin();
    let closed = async {
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("the port stayed open");
    assert!(!running.outcome.is_finished());

    running.probe.answer.notify_one();
    assert!(call.await.unwrap().is_ok());
    assert_eq!(running.drained().await, DrainOutcome::InTime);
}

#[tokio::test]
async fn a_stream_without_end_is_cut_at_the_deadline() {
    let running = run(with_drain_deadline(300)).await;
    let mut client = running.client().await;
    let mut stream = client.verify(pb::VerifyRequest {}).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let streams_open = running.probe.streams_open.clone();
    assert_eq!(streams_open.load(Ordering::SeqCst), 1);

    let started = Instant::now();
    running.shutdown.begin();
    assert_eq!(running.drained().await, DrainOutcome::DeadlinePassed);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(stream.message().await.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(streams_open.load(Ordering::SeqCst), 0, "what the stream held is let go");
}

#[tokio::test]
async fn a_silent_connection_does_not_hold_the_drain_past_its_deadline() {
    let running = run(with_drain_deadline(300)).await;
    let silent = TcpStream::connect(running.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;

    let started = Instant::now();
    running.shutdown.begin();
    let _ = running.drained().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(silent);
}

#[tokio::test]
async fn an_idle_client_does_not_hold_the_drain_at_all() {
    let running = run(with_drain_deadline(15_000)).await;
    let mut client = running.client().await;
    running.probe.answer.notify_one();
    client.get_status(pb::GetStatusRequest::default()).await.unwrap();

    let started = Instant::now();
    running.shutdown.begin();
    assert_eq!(running.drained().await, DrainOutcome::InTime);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
