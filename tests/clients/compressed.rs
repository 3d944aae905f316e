//! Compressed requests of stock clients are read within the limits of uncompressed messages, measured after
//! decompression; what cannot be read is refused with its reason.

use crate::harness::{Ended, Pair, assert_refused, resident};
use std::io::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinSet;
use tonic::codegen::http::Request;
use tonic::{Code, Status};

use super::{Client, in_repository};

const SEARCH: &str = "/cra.v1.ReferenceService/SearchCommunes";
const SUBMIT: &str = "/cra.v1.IngestionService/SubmitCra";
const SUBMIT_MANY: &str = "/cra.v1.IngestionService/SubmitCras";
const MIB: u64 = 1_024 * 1_024;

/// Sends bytes as the messages of a call, directly over HTTP/2; returns the headers or trailers with the status.
async fn sent(to: SocketAddr, path: &'static str, encoding: &'static str, messages: Vec<u8>) -> Status {
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::post(format!("http://test{path}"))
        .header("content-type", "application/grpc")
        .header("grpc-encoding", encoding)
        .body(())
        .unwrap();
    let mut requests = requests.ready().await.unwrap();
    let (answer, mut sending) = requests.send_request(request, false).unwrap();
    // The service may refuse the call before it has received everything.
    let _ = sending.send_data(Bytes::from(messages), true);
    let answer = answer.await.unwrap();
    let headers = answer.headers().clone();
    let mut body = answer.into_body();
    while body.data().await.is_some() {}
    let trailers = body.trailers().await.ok().flatten().unwrap_or(headers);
    Status::from_header_map(&trailers).expect("a status")
}

fn message(content: &[u8]) -> Vec<u8> {
    [&[1][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grpcio_compresses_is_read_within_the_limits_of_plain_messages() {
    let pair = Pair::start().await;
    let address = pair.ingestion.address().to_string();
    let called = tokio::task::spawn_blocking(move || {
        let mut command = Client::Python.interpreter();
        command.arg(in_repository("tests/readers/call_compressed.py"));
        Ended::of(command.args([address.as_str(), "2000", "5000"]))
    });
    let ended = called.await.unwrap().succeeded().json();
    assert_eq!(ended.as_array().unwrap().len(), 6);
    for call in ended.as_array().unwrap() {
        let reasons: Vec<_> = call["reasons"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        if call["length"] == 2_000 {
            assert_eq!(call["code"], "INVALID_ARGUMENT", "{call}");
            assert!(reasons.contains(&"TEXT_INVALID"), "{call}");
        } else {
            assert_eq!(call["code"], "OUT_OF_RANGE", "{call}");
            assert_eq!(reasons, ["MESSAGE_TOO_LARGE"], "{call}");
            let is_compressed = call["compression"] != "NoCompression";
            assert_eq!(call["message"].as_str().unwrap().contains("inflates"), is_compressed, "{call}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_bombs_are_refused_by_what_they_inflate_to_within_bounded_memory() {
    let pair = Pair::start().await;
    let to = pair.ingestion.address();
    let large = vec![0; 64 * usize::try_from(MIB).unwrap()];
    for (encoding, bomb) in [("gzip", gzipped(&large)), ("zstd", zstd::encode_all(&large[..], 3).unwrap())] {
        let before = resident(&pair.ingestion);
        let mut calls = JoinSet::new();
        for _ in 0..32 {
            // As many messages as fit one HTTP/2 frame.
            let path = if encoding == "zstd" { SUBMIT_MANY } else { SUBMIT };
            let copies = (16 * 1_024 / bomb.len()).max(1);
            calls.spawn(sent(to, path, encoding, message(&bomb).repeat(copies)));
        }
        for status in calls.join_all().await {
            assert_refused(&status, Code::OutOfRange, "MESSAGE_TOO_LARGE");
        }
        let grown = resident(&pair.ingestion).saturating_sub(before);
        assert!(grown < 128 * MIB, "{encoding}: 32 bombs of 64 MiB took {} MiB", grown / MIB);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_inflated_and_encodings_that_are_not_read_are_refused_by_name() {
    let pair = Pair::start().await;
    for (to, path) in [
        (pair.ingestion.address(), SEARCH),
        (pair.projection.address(), "/cra.v1.StatisticsService/GetStatistics"),
    ] {
        let unknown = sent(to, path, "snappy", message(b"")).await;
        assert_refused(&unknown, Code::Unimplemented, "ENCODING_NOT_SUPPORTED");
        assert!(unknown.message().contains("`snappy`") && unknown.message().contains("gzip"), "{unknown}");
        for encoding in ["gzip", "deflate", "zstd"] {
            let malformed = sent(to, path, encoding, message(b"not compressed")).await;
            assert_refused(&malformed, Code::Internal, "MESSAGE_MALFORMED");
        }
    }
}
