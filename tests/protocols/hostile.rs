//! HTTP as attackers send it: refused with a reason, in bounded memory and time, and never interpreted as another
//! request.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use super::curl::{curl, framed, sent};
use crate::harness::{Issuer, Pair, Standalone, national, resident};

const JSON: &str = "content-type: application/json";
/// `server.max_message_bytes`, by default.
const MESSAGE_BYTES: usize = 4 * 1_024 * 1_024;

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn content_types_of_no_protocol_are_refused_and_those_that_are_read_are_named() {
    let services = Standalone::start().await;
    let statistics = format!("http://{}/cra.v1.StatisticsService/GetStatistics", services.projection);
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
        "application/grpc-web+json",
        "application/grpc-web-text+thrift",
        "application/connect+json",
        "application/jsonp",
    ] {
        let answer = curl(&["--header", &format!("content-type: {content_type}"), &statistics], b"{}");
        assert_eq!(answer.status, 415, "{content_type}");
        assert!(answer.header("accept-post").unwrap().contains("application/json"), "{answer:?}");
    }
    let twice = sent(
        services.projection,
        post(
            "/cra.v1.StatisticsService/GetStatistics",
            "content-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n",
            "{}",
        )
        .as_bytes(),
    );
    assert!(twice.starts_with("HTTP/1.1 415"), "{twice}");
    let native =
        curl(&["--http1.1", "--header", "content-type: application/grpc", &statistics], &framed(0, b""));
    assert_eq!(native.status, 505);
    let preflight = curl(&["--request", "OPTIONS", &statistics], &[]);
    assert_eq!(preflight.status, 405, "no page of another origin may call by default");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_never_hides_another_one() {
    let services = Standalone::start().await;
    let path = "/cra.v1.StatisticsService/GetStatistics";
    let hidden = post(path, "content-length: 2\r\n", "{}");
    let answers = |bytes: &str| sent(services.projection, bytes.as_bytes()).matches("HTTP/1.1 ").count();
    // Two lengths that differ.
    let lengths = post(path, "content-length: 2\r\ncontent-length: 60\r\n", &format!("{{}}{hidden}"));
    let answer = sent(services.projection, lengths.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
    // Chunks and a length, in either order: the chunks count, and no byte after them is read.
    for headers in [
        "content-length: 2\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
    ] {
        let both = post(path, headers, &format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}"));
        assert!(answers(&both) <= 1, "{headers}");
    }
    for headers in [
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length: +2\r\n",
        "content-length: 2, 2\r\n",
        "content-length: 0x2\r\n",
        "content-length : 2\r\n",
    ] {
        let answer = sent(services.projection, post(path, headers, &format!("{{}}{hidden}")).as_bytes());
        assert!(!answer.contains("HTTP/1.1 200"), "{headers}: {answer}");
    }
    for request in [
        format!("POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"),
        post(path, "host: other\r\ncontent-length: 2\r\n", "{}"),
    ] {
        let answer = sent(services.projection, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "one name of the service: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_bounded_as_they_are_sent_inflated_and_in_base64() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let token = format!("authorization: Bearer {}", issuer.token("statistics:read", &national()));
    let statistics = format!("http://{}/cra.v1.StatisticsService/GetStatistics", pair.projection.address());
    let too_large = vec![b' '; MESSAGE_BYTES + 1];
    let compressed = zstd::encode_all(&too_large[..], 1).unwrap();
    let before = resident(&pair.projection);
    for (more, body) in [(&[][..], &too_large), (&["--header", "content-encoding: zstd"], &compressed)] {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let arguments =
                [&[version, "--header", JSON, "--header", &token][..], more, &[&statistics]].concat();
            let answer = curl(&arguments, body);
            assert_eq!(
                (answer.status, answer.reason().as_str()),
                (400, "MESSAGE_TOO_LARGE"),
                "{version} {more:?}"
            );
        }
    }
    let chunked = [
        "--http1.1",
        "--header",
        JSON,
        "--header",
        &token,
        "--header",
        "transfer-encoding: chunked",
        &statistics,
    ];
    assert_eq!(curl(&chunked, &too_large).reason(), "MESSAGE_TOO_LARGE");
    let in_base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(framed(0, &too_large))
    };
    let text =
        ["--http1.1", "--header", "content-type: application/grpc-web-text", "--header", &token, &statistics];
    let answer = curl(&text, in_base64.as_bytes());
    assert_eq!(answer.header("grpc-status"), Some("11"), "{answer:?}");
    let query = ["--http1.1", "--header", &token, &format!("{statistics}?{}", "a&".repeat(10_000))];
    let answer = curl(&query, &[]);
    assert_eq!((answer.status, answer.reason().as_str()), (429, "HEADERS_TOO_LARGE"));
    let query = format!("{statistics}?{}", "a=b&".repeat(20_000));
    assert_eq!(curl(&["--http1.1", "--header", &token, &query], &[]).status, 431);
    let grown = resident(&pair.projection).saturating_sub(before);
    assert!(grown < 64 * 1_024 * 1_024, "{grown} bytes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come_are_given_up() {
    let services = Pair::start_with(&[
        ("SERVER__WITHOUT_TOKEN__MESSAGE_TIMEOUT_MS", "300"),
        ("SERVER__STALLED_AFTER_S", "1"),
        ("SERVER__CONNECTIONS__HANDSHAKE_MS", "300"),
        ("SERVER__CONNECTIONS__FIRST_REQUEST_MS", "600"),
    ])
    .await;
    let half = |path: &str| post(path, "content-length: 100\r\nconnection: close\r\n", "{");
    let open = sent(services.ingestion.address(), half("/cra.v1.ReferenceService/GetVocabulary").as_bytes());
    assert!(open.starts_with("HTTP/1.1 504") && open.contains("TIMED_OUT"), "{open}");
    let known =
        sent(services.projection.address(), half("/cra.v1.StatisticsService/GetStatistics").as_bytes());
    assert!(known.starts_with("HTTP/1.1 504") && known.contains("TIMED_OUT"), "{known}");
    // A head that does not end, a byte at a time.
    let mut stream = TcpStream::connect(services.ingestion.address()).unwrap();
    let closed = std::iter::repeat_n((), 200).any(|()| {
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(b"X").is_err()
    });
    assert!(closed, "a head without an end keeps its connection");
}
