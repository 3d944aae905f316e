//! Measures what a call costs its client by each protocol: the same calls to both running services by gRPC, by Connect with
//! encoded messages and by Connect in JSON, over HTTP/2 connections of one client library, in turn.
//!
//!     cargo run --profile dist -p cra-runtime --example json_cost -- http://127.0.0.1:50051 http://127.0.0.1:50052

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use cra_contracts::{json, v1};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

/// Calls of each way that read, and that write, which wait for the disk. A tenth more are made first and not measured.
const READS: usize = 5_000;
const WRITES: usize = 500;
/// Name and content type of each way.
const WAYS: [(&str, &str); 3] = [
    ("gRPC", "application/grpc"),
    ("Connect, encoded", "application/proto"),
    ("Connect, JSON", "application/json"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut urls = std::env::args().skip(1);
    let mut url = || urls.next().context("expected the URLs of ingestion and projection");
    let (ingestion, projection) = (url()?, url()?);
    println!("| calls in turn | median | calls/s | by those of gRPC |\n|---|---|---|---|");
    let statistics = || v1::GetStatisticsRequest::default();
    measure(&projection, "/cra.v1.StatisticsService/GetStatistics", READS, statistics).await?;
    measure(&ingestion, "/cra.v1.IngestionService/SubmitCra", WRITES, submission).await
}

/// A CRA that was not sent before.
fn submission() -> v1::SubmitCraRequest {
    let id =
        ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new()).map(ring::rand::Random::expose);
    let digits =
        id.unwrap_or_default().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    v1::SubmitCraRequest { cra_id: digits, cra: Some(cra_fixtures::cra()), ..Default::default() }
}

/// Calls a method by each way, and prints a row of each.
async fn measure<M>(url: &str, method: &str, calls: usize, request: impl Fn() -> M) -> anyhow::Result<()>
where
    M: Message + prost::Name,
{
    let channel = Endpoint::from_shared(url.to_owned())?.connect().await?;
    let mut measured = WAYS.map(|_| Vec::new());
    let warm_up = calls / 10;
    for number in 0..warm_up + calls {
        for ((_, content_type), measured) in WAYS.iter().zip(&mut measured) {
            let body = written(content_type, &request());
            let took = called(&channel, &format!("{url}{method}"), content_type, body).await?;
            if number >= warm_up {
                measured.push(took);
            }
        }
    }
    let medians = measured.map(median);
    for ((way, _), median) in WAYS.iter().zip(medians) {
        let (rate, ratio) = (1.0 / median.as_secs_f64(), medians[0].as_secs_f64() / median.as_secs_f64());
        println!("| {calls} of {method}, {way} | {} µs | {rate:.0} | {ratio:.2} |", median.as_micros());
    }
    Ok(())
}

/// A request as its way sends it.
fn written<M: Message + prost::Name>(content_type: &str, request: &M) -> Bytes {
    let encoded = request.encode_to_vec();
    match content_type {
        "application/json" => json::to_value(request).to_string().into(),
        "application/proto" => encoded.into(),
        _ => {
            let mut framed = BytesMut::new();
            framed.put_u8(0);
            framed.put_u32(u32::try_from(encoded.len()).unwrap_or(u32::MAX));
            framed.put_slice(&encoded);
            framed.freeze()
        }
    }
}

/// How long one call takes, to the end of its answer.
async fn called(channel: &Channel, url: &str, content_type: &str, body: Bytes) -> anyhow::Result<Duration> {
    let request = Request::post(url)
        .header("content-type", content_type)
        .header("te", "trailers")
        .body(Body::new(Full::new(body)))?;
    let began = Instant::now();
    let answer = channel.clone().oneshot(request).await?;
    anyhow::ensure!(answer.status().is_success(), "{content_type}: {}", answer.status());
    let answer = answer.into_body().collect().await?.to_bytes();
    let took = began.elapsed();
    anyhow::ensure!(!answer.is_empty(), "{content_type}: the call was refused");
    Ok(took)
}

fn median(mut measured: Vec<Duration>) -> Duration {
    measured.sort_unstable();
    measured[measured.len() / 2]
}
