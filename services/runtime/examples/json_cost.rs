//! Measures what a call costs its client by each protocol: the same question to a running projection, by gRPC and by Connect in
//! JSON, over HTTP/2 connections of one client library, in turn.
//!
//!     cargo run --profile dist -p cra-runtime --example json_cost -- http://127.0.0.1:50052

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

/// Calls that are not measured.
const WARM_UP: usize = 500;
const CALLS: usize = 5_000;
const METHOD: &str = "/cra.v1.StatisticsService/GetStatistics";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let url =
        std::env::args().nth(1).context("expected the projection's URL, such as http://127.0.0.1:50052")?;
    let channel = Endpoint::from_shared(url.clone())?.connect().await?;
    // An empty question: no message, behind its length.
    let by_grpc = Bytes::from_static(&[0; 5]);
    let by_json = Bytes::from_static(b"{}");
    let (mut of_grpc, mut of_json) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + CALLS {
        of_grpc.push(called(&channel, &url, "application/grpc", &by_grpc).await?);
        of_json.push(called(&channel, &url, "application/json", &by_json).await?);
    }
    let (grpc, json) = (median(of_grpc), median(of_json));
    println!("| {CALLS} calls of GetStatistics in turn | median |\n|---|---|");
    println!("| gRPC | {} µs |\n| Connect, JSON | {} µs |", grpc.as_micros(), json.as_micros());
    println!("| ratio | {:.2} |", json.as_secs_f64() / grpc.as_secs_f64());
    Ok(())
}

/// How long one call takes, to the end of its answer.
async fn called(channel: &Channel, url: &str, content_type: &str, body: &Bytes) -> anyhow::Result<Duration> {
    let request = Request::post(format!("{url}{METHOD}"))
        .header("content-type", content_type)
        .header("te", "trailers")
        .body(Body::new(Full::new(body.clone())))?;
    let began = Instant::now();
    let answer = channel.clone().oneshot(request).await?;
    anyhow::ensure!(answer.status().is_success(), "{content_type}: {}", answer.status());
    let answer = answer.into_body().collect().await?.to_bytes();
    let took = began.elapsed();
    anyhow::ensure!(!answer.is_empty(), "{content_type}: the call was refused");
    Ok(took)
}

fn median(mut measured: Vec<Duration>) -> Duration {
    let measured = &mut measured[WARM_UP..];
    measured.sort_unstable();
    measured[measured.len() / 2]
}
