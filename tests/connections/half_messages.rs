//! Incomplete messages: the memory that a process holds for them is bounded.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use tokio::net::TcpSocket;
use tonic::codegen::http::{HeaderMap, Request};
use tonic::{Code, Status};

use super::{PROBED, address, figure, resident};
use crate::harness::{
    Issuer, Pair, assert_refused, carrying, eventually, national, new_id, submission, within, workshop,
};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const VOCABULARY: &str = "/cra.v1.ReferenceService/GetVocabulary";
const SUBMIT: &str = "/cra.v1.IngestionService/SubmitCra";
const SUBMIT_MANY: &str = "/cra.v1.IngestionService/SubmitCras";
const MIB: u64 = 1_024 * 1_024;
const SOON: std::time::Duration = std::time::Duration::from_secs(30);

/// A connection of a library that sends the frames that it is passed.
async fn connection(last: u8, to: SocketAddr) -> SendRequest<Bytes> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address(last), 0).into()).unwrap();
    let stream = socket.connect(to).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    requests
}

/// A message that is not sent to its end.
struct Half {
    answer: h2::client::ResponseFuture,
    sending: SendStream<Bytes>,
    is_taken: bool,
}

/// Sends the length of a message and some of its bytes; stops when the service stops receiving.
async fn half(
    requests: &SendRequest<Bytes>,
    path: &str,
    token: Option<&str>,
    announced: u32,
    sent: usize,
) -> Half {
    let mut request = Request::post(format!("http://test{path}")).header("content-type", "application/grpc");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, mut sending) = requests.send_request(request.body(()).unwrap(), false).unwrap();
    let mut message = vec![0];
    message.extend(announced.to_be_bytes());
    message.resize(message.len() + sent, 0);
    let mut message = Bytes::from(message);
    let is_taken = within(SOON, "the service receives bytes or refuses them", async {
        while !message.is_empty() {
            sending.reserve_capacity(message.len());
            match poll_fn(|cx| sending.poll_capacity(cx)).await {
                Some(Ok(capacity)) if capacity > 0 => {
                    let chunk = message.split_to(capacity.min(message.len()));
                    if sending.send_data(chunk, false).is_err() {
                        return false;
                    }
                }
                Some(Ok(_)) => {}
                _ => return false,
            }
        }
        true
    })
    .await;
    Half { answer, sending, is_taken }
}

/// The status that a call ended with.
async fn status_of(half: Half) -> Status {
    let Half { answer, sending, .. } = half;
    within(SOON, "the call is refused", async {
        let answer = answer.await.unwrap();
        let headers = answer.headers().clone();
        let mut body: RecvStream = answer.into_body();
        while body.data().await.is_some() {}
        let trailers: HeaderMap = body.trailers().await.ok().flatten().unwrap_or(headers);
        drop(sending);
        Status::from_header_map(&trailers).expect("a status")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_open_to_all_accept_small_messages_and_refuse_larger_ones_by_the_length_alone() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[PROBED]).await;
    let requests = connection(2, pair.ingestion.address()).await;
    for path in [REFLECTION, CHECK, VOCABULARY, "/grpc.health.v1.Health/Watch"] {
        let status = status_of(half(&requests, path, None, 4_097, 0).await).await;
        assert_refused(&status, Code::OutOfRange, "MESSAGE_TOO_LARGE");
    }
    assert!(figure(&pair.ingestion, r#"cra_messages_refused_total{cause="too_large"}"#).await >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_messages_without_a_token_cost_next_to_nothing_and_end() {
    let issuer = Issuer::new();
    let slow = ("SERVER__WITHOUT_TOKEN__MESSAGE_TIMEOUT_MS", "3000");
    let pair = Pair::start_trusting(&issuer, &[PROBED, slow]).await;
    let service = pair.ingestion.address();
    let before = resident(&pair.ingestion);
    let mut halves = Vec::new();
    for last in 2..12 {
        let requests = connection(last, service).await;
        for _ in 0..20 {
            halves.push(half(&requests, REFLECTION, None, 4_096, 4_000).await);
            halves.push(half(&requests, CHECK, None, 4_096, 4_000).await);
            // A method that needs a token is refused before its message is read.
            halves.push(half(&requests, SUBMIT, None, 4_000_000, 300_000).await);
        }
    }
    let grown = resident(&pair.ingestion).saturating_sub(before);
    assert!(grown < 48 * MIB, "{} MiB for 600 half messages", grown / MIB);
    let token = issuer.token("cra:submit", &national());
    let mut honest = pair.ingestion().await;
    honest.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();
    let mut ends = [0, 0];
    for half in halves {
        let status = status_of(half).await;
        match status.code() {
            Code::Aborted | Code::DeadlineExceeded => ends[0] += 1,
            Code::ResourceExhausted | Code::Unauthenticated => ends[1] += 1,
            other => panic!("{other:?}: {status}"),
        }
    }
    // At most 256 calls without a token, 32 per address, wait for their message; all others are refused at once.
    assert!(ends[0] <= 256 && ends[0] >= 32, "{ends:?}");
    assert!(figure(&pair.ingestion, r#"cra_messages_refused_total{cause="slow"}"#).await >= 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_messages_of_all_clients_stay_within_the_budget_and_a_small_request_is_still_served() {
    let issuer = Issuer::new();
    // So long that no deadline ends a call.
    let patient = ("SERVER__REQUEST_TIMEOUT_MS", "600000");
    let settings = [PROBED, patient, ("SERVER__UNDECODED_BYTES", "16777216")];
    let pair = Pair::start_trusting(&issuer, &settings).await;
    let service = pair.ingestion.address();
    let before = resident(&pair.ingestion);
    let mut halves = Vec::new();
    // 8 clients × 12 messages × 3 MiB: 288 MiB of a budget of 16.
    for client in 0..8 {
        let requests = connection(2 + client, service).await;
        let token = issuer.token_for(&format!("hostile-{client}"), "cra:submit", &national(), 600);
        for number in 0..12 {
            let path = if number % 2 == 0 { SUBMIT } else { SUBMIT_MANY };
            halves.push((half(&requests, path, Some(&token), 4_000_000, 3_000_000).await, requests.clone()));
        }
    }
    let whole = halves.iter().filter(|(half, _)| half.is_taken).count();
    assert!(
        whole <= 5,
        "{whole} messages of 3 MB within 16 MiB: {:?}",
        halves.iter().map(|(half, _)| half.is_taken).collect::<Vec<_>>()
    );
    let undecoded = figure(&pair.ingestion, "cra_undecoded_bytes").await;
    assert!(undecoded > 0 && undecoded <= 16 * MIB, "{undecoded}");
    let grown = resident(&pair.ingestion).saturating_sub(before);
    assert!(grown < 96 * MIB, "{} MiB for 288 MiB of half messages", grown / MIB);

    let token = issuer.token("cra:submit", &national());
    let mut honest = pair.ingestion().await;
    honest.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();

    let (refused, rest): (Vec<_>, Vec<_>) = halves.into_iter().partition(|(half, _)| !half.is_taken);
    for (half, _) in refused {
        let status = status_of(half).await;
        assert_refused(&status, Code::ResourceExhausted, "BUSY");
    }
    drop(rest);
    eventually("memory of closed calls is released", async || {
        let undecoded = figure(&pair.ingestion, "cra_undecoded_bytes").await;
        if undecoded == 0 { Ok(()) } else { Err(format!("{undecoded} bytes")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_fills_a_quarter_of_the_budget_and_another_sends_its_large_message() {
    let issuer = Issuer::new();
    let settings = [PROBED, ("SERVER__UNDECODED_BYTES", "16777216")];
    let pair = Pair::start_trusting(&issuer, &settings).await;
    let service = pair.ingestion.address();
    let greedy = issuer.token_for("greedy", "cra:submit", &national(), 600);
    let requests = connection(2, service).await;
    let mut halves = Vec::new();
    for _ in 0..10 {
        halves.push(half(&requests, SUBMIT_MANY, Some(&greedy), 4_000_000, 1_500_000).await);
    }
    let undecoded = figure(&pair.ingestion, "cra_undecoded_bytes").await;
    assert!(undecoded <= 4 * MIB, "{undecoded}");
    assert!(figure(&pair.ingestion, r#"cra_messages_refused_total{cause="client_share"}"#).await >= 1);

    let other = issuer.token_for("other", "cra:submit", &national(), 600);
    let large = half(&connection(3, service).await, SUBMIT, Some(&other), 4_000_000, 4_000_000).await;
    assert!(large.is_taken, "another client's message is received whole");
}
