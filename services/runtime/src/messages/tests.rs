//! Messages split in any way, exhausted and released budgets, and messages that do not arrive.

use std::future::poll_fn;
use std::io::Write as _;
use std::time::Duration;

use futures::StreamExt as _;
use http_body_util::StreamBody;
use proptest::prelude::*;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::*;
use crate::rejection::{reason_of, violations_of};

const WITHIN: Duration = Duration::from_secs(10);

const LARGE: u32 = 10_000;
const UNCHARGED: usize = 4 * 1_024;

fn message(length: u32) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(std::iter::repeat_n(7, usize::try_from(length).unwrap()));
    bytes
}

/// The start of a large message: the bytes that are not charged, and some more.
fn beyond_what_is_free(bytes: usize) -> Vec<u8> {
    message(LARGE)[..UNCHARGED + bytes].to_vec()
}

fn limits(shape: Shape, budget: Option<&Arc<Budget>>) -> Limits {
    Limits { bytes_max: LARGE.into(), within: WITHIN, shape, share: budget.cloned() }
}

fn messages(budget: u64) -> Messages {
    Messages::new(budget, &Metrics::default()).unwrap()
}

impl Messages {
    fn taken(&self) -> u64 {
        self.budget.taken()
    }
}

/// A request whose bytes the test sends.
fn request(messages: &Messages, limits: Limits) -> (Sender<Vec<u8>>, Body, Refusal) {
    let (sender, receiver) = channel::<Vec<u8>>(8);
    let frames = ReceiverStream::new(receiver).map(|bytes| Ok::<_, Status>(Frame::data(bytes.into())));
    let refusal = Refusal::default();
    let body = Body::new(StreamBody::new(frames));
    let body = messages.limited(body, limits, Wire::default(), Arc::clone(&refusal));
    (sender, body, refusal)
}

async fn next(body: &mut Body) -> Option<Result<Frame<bytes::Bytes>, Status>> {
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

proptest! {
    #[test]
    fn messages_are_found_however_a_body_is_split(
        lengths in prop::collection::vec(0_u32..300, 0..8),
        cuts in prop::collection::vec(1_usize..40, 1..60),
    ) {
        let body: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
        let mut framing = Framing::new(LARGE.into());
        let (mut at, mut cuts) = (0, cuts.iter().cycle());
        while at < body.len() {
            let end = body.len().min(at + cuts.next().unwrap());
            prop_assert_eq!(framing.advance(&body[at..end]), Ok(()));
            at = end;
            // As far as complete messages do not reach.
            let mut whole = 0;
            let ends = lengths.iter().map(|length| { whole += *length as usize + HEADER_BYTES; whole });
            let last_end = ends.filter(|end| *end <= at).max().unwrap_or(0);
            prop_assert_eq!(framing.partial, (at - last_end) as u64);
        }
        prop_assert_eq!(framing.whole, lengths.len() as u64);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_its_length() {
    let messages = messages(10_000);
    let (sender, mut body, refusal) = request(&messages, limits(Shape::Single, None));
    sender.send(message(LARGE + 1)[..HEADER_BYTES].to_vec()).await.unwrap();
    let refused = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(reason_of(&refused).as_deref(), Some("MESSAGE_TOO_LARGE"));
    assert!(refused.message().contains("10001 bytes") && refused.message().contains("10000"), "{refused}");
    assert_eq!(refusal.get().unwrap().message(), refused.message());
    assert!(next(&mut body).await.is_none());
    assert!(sender.is_closed(), "the rest is not received");
}

#[tokio::test]
async fn incomplete_messages_are_charged_and_released_when_complete_refused_or_dropped() {
    let messages = messages(1_000);
    let (whole, mut of_whole, _) = request(&messages, limits(Shape::Both, None));
    whole.send(beyond_what_is_free(400)).await.unwrap();
    next(&mut of_whole).await.unwrap().unwrap();
    assert_eq!(messages.taken(), 400);
    let (dropped, mut of_dropped, _) = request(&messages, limits(Shape::Both, None));
    dropped.send(beyond_what_is_free(600)).await.unwrap();
    next(&mut of_dropped).await.unwrap().unwrap();
    assert_eq!(messages.taken(), 1_000);

    let (refused, mut of_refused, _) = request(&messages, limits(Shape::Both, None));
    refused.send(message(0)).await.unwrap();
    next(&mut of_refused).await.unwrap().unwrap();
    refused.send(beyond_what_is_free(0)).await.unwrap();
    assert!(next(&mut of_refused).await.unwrap().is_ok(), "a small message is received all the same");
    refused.send(vec![7]).await.unwrap();
    let status = next(&mut of_refused).await.unwrap().unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::ResourceExhausted, Some("BUSY")));
    assert_eq!(messages.taken(), 1_000);

    drop(of_dropped);
    assert_eq!(messages.taken(), 400);
    whole.send(message(LARGE)[UNCHARGED + 400..].to_vec()).await.unwrap();
    next(&mut of_whole).await.unwrap().unwrap();
    assert_eq!(messages.taken(), 0, "it is whole");
    whole.send(beyond_what_is_free(2)).await.unwrap();
    next(&mut of_whole).await.unwrap().unwrap();
    assert_eq!(messages.taken(), 2, "the next one has begun");
    drop(of_whole);
    assert_eq!(messages.taken(), 0);
}

#[tokio::test]
async fn one_client_can_only_exhaust_its_share() {
    let (messages, greedy, other) = (messages(1_000), Budget::new(250), Budget::new(250));
    let half = |share| request(&messages, limits(Shape::Both, Some(share)));
    let (first, mut of_first, _) = half(&greedy);
    first.send(beyond_what_is_free(250)).await.unwrap();
    next(&mut of_first).await.unwrap().unwrap();
    let (second, mut of_second, _) = half(&greedy);
    second.send(beyond_what_is_free(1)).await.unwrap();
    let refused = next(&mut of_second).await.unwrap().unwrap_err();
    assert!(refused.message().contains("this client"), "{refused}");
    let (honest, mut of_honest, _) = half(&other);
    honest.send(beyond_what_is_free(250)).await.unwrap();
    assert!(next(&mut of_honest).await.unwrap().is_ok());
    drop((of_first, of_second, of_honest));
    assert_eq!((messages.taken(), greedy.taken()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_byte_by_byte_is_refused_when_its_time_has_passed() {
    let messages = messages(1_000);
    for (shape, code) in [(Shape::Single, Code::DeadlineExceeded), (Shape::Both, Code::Aborted)] {
        let (sender, mut body, _) = request(&messages, limits(shape, None));
        let slowly = tokio::spawn(async move {
            for byte in message(500) {
                if sender.send(vec![byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let began = Instant::now();
        let refused = loop {
            if let Err(status) = next(&mut body).await.unwrap() {
                break status;
            }
        };
        assert_eq!(refused.code(), code, "{refused}");
        assert_eq!(began.elapsed().as_secs(), 10);
        slowly.await.unwrap();
    }
    assert_eq!(messages.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_single_request_that_does_not_come_is_refused_and_a_stream_may_pause_between_messages() {
    let messages = messages(1_000);
    let (_sender, mut body, _) = request(&messages, limits(Shape::Answers, None));
    assert_eq!(next(&mut body).await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);

    let (sender, mut body, _) = request(&messages, limits(Shape::Both, None));
    for _ in 0..3 {
        sender.send(message(5)).await.unwrap();
        assert!(next(&mut body).await.unwrap().is_ok());
        let pause = tokio::time::timeout(WITHIN * 10, next(&mut body));
        assert!(pause.await.is_err(), "nothing was asked of the body in vain");
    }
}

#[tokio::test]
async fn answers_end_with_the_refusal_of_their_messages_or_unchanged() {
    let answers = || {
        let answer = Frame::data(bytes::Bytes::from_static(b"an answer"));
        let mut well = tonic::codegen::http::HeaderMap::new();
        well.insert("grpc-status", "0".parse().unwrap());
        let frames = [Ok::<_, Status>(answer), Ok(Frame::trailers(well))];
        Body::new(StreamBody::new(futures::stream::iter(frames)))
    };
    for refused in [false, true] {
        let refusal = Refusal::default();
        if refused {
            refusal.set(Status::resource_exhausted("full")).unwrap();
        }
        let mut body = unless_refused(answers(), refusal);
        assert!(next(&mut body).await.unwrap().unwrap().is_data());
        let last = next(&mut body).await.unwrap().unwrap();
        let status = Status::from_header_map(last.trailers_ref().unwrap()).unwrap();
        let expected = if refused { Code::ResourceExhausted } else { Code::Ok };
        assert_eq!(status.code(), expected);
        assert!(next(&mut body).await.is_none());
    }
}

/// A compressed message with these bytes.
fn compressed(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::best();
    let content = match encoding {
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Zstd => zstd::encode_all(bytes, 19).unwrap(),
    };
    framed(1, &content)
}

fn framed(flag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), content].concat()
}

/// A request in frames of a given size.
fn inflating(messages: &Messages, encoding: Encoding, bytes: &[u8], frame: usize) -> Body {
    let frames: Vec<_> = bytes
        .chunks(frame)
        .map(|chunk| Ok::<_, Status>(Frame::data(bytes::Bytes::copy_from_slice(chunk))))
        .collect();
    let body = Body::new(StreamBody::new(futures::stream::iter(frames)));
    let wire = Wire { encoding: Some(encoding), ..Wire::default() };
    messages.limited(body, limits(Shape::Both, None), wire, Refusal::default())
}

const ENCODINGS: [Encoding; 3] = [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd];

#[tokio::test]
async fn compressed_messages_are_inflated_one_at_a_time_however_they_are_split() {
    let large = vec![7; LARGE as usize];
    for encoding in ENCODINGS {
        for frame in [1, 7, 100_000] {
            let messages = messages(u64::from(LARGE));
            let sent = [
                compressed(encoding, &large),
                framed(0, b"plain"),
                compressed(encoding, b""),
                compressed(encoding, &large),
            ];
            let mut body = inflating(&messages, encoding, &sent.concat(), frame);
            for expected in [&large[..], b"plain", b"", &large] {
                assert!(!body.is_end_stream(), "{encoding:?} {frame}");
                assert_eq!(body.size_hint().upper(), None);
                let received = next(&mut body).await.unwrap().unwrap().into_data().unwrap();
                assert_eq!(received, framed(0, expected), "{encoding:?} {frame}");
            }
            assert_eq!(messages.taken(), u64::from(LARGE), "charged until the next is asked for");
            assert!(next(&mut body).await.is_none());
            assert_eq!(messages.taken(), 0);
        }
    }
}

#[tokio::test]
async fn a_message_that_inflates_beyond_its_limit_is_refused() {
    for encoding in ENCODINGS {
        let messages = messages(u64::MAX);
        // A much larger one would be as cheap: reading stops one byte above the limit.
        let bomb = compressed(encoding, &vec![0; 100 * LARGE as usize]);
        assert!(bomb.len() < LARGE as usize);
        let mut body = inflating(&messages, encoding, &bomb, 100);
        let refused = next(&mut body).await.unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange, "{encoding:?}");
        assert_eq!(reason_of(&refused).as_deref(), Some("MESSAGE_TOO_LARGE"));
        assert!(next(&mut body).await.is_none());
        assert_eq!(messages.taken(), 0);
    }
}

#[tokio::test]
async fn inflated_messages_are_charged_to_the_budget() {
    let messages = messages(1_000);
    let mut body = inflating(&messages, Encoding::Zstd, &compressed(Encoding::Zstd, &[7; 1_001]), 100);
    let refused = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("BUSY"));
}

#[tokio::test]
async fn a_request_that_ends_within_a_message_is_refused() {
    let whole = message(20);
    for shape in [Shape::Single, Shape::Answers, Shape::Both] {
        for cut in 1..whole.len() {
            let (sender, mut body, refusal) = request(&messages(10_000), limits(shape, None));
            sender.send([&whole[..], &whole[..cut]].concat()).await.unwrap();
            drop(sender);
            assert!(next(&mut body).await.unwrap().is_ok());
            let refused = next(&mut body).await.unwrap().unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{shape:?} {cut}");
            assert_eq!(violations_of(&refused)[0].reason, "MESSAGE_UNDECODABLE");
            assert!(refused.message().contains(&format!("after {cut} bytes")), "{refused}");
            assert!(refusal.get().is_some(), "{shape:?} {cut}");
        }
    }
}

#[tokio::test]
async fn invalid_compressed_bytes_are_refused() {
    for encoding in ENCODINGS {
        let whole = compressed(encoding, b"a message");
        let content = &whole[HEADER_BYTES..];
        for content in [b"no".as_slice(), &content[..content.len() - 1], &[content, b"more"].concat()] {
            let mut body = inflating(&messages(1_000), encoding, &framed(1, content), 100);
            let refused = next(&mut body).await.unwrap().unwrap_err();
            assert_eq!(refused.code(), Code::Internal, "{encoding:?} {content:?}");
            assert_eq!(reason_of(&refused).as_deref(), Some("MESSAGE_MALFORMED"));
        }
    }
}

#[test]
fn an_unsupported_encoding_is_refused_with_the_supported_ones() {
    let mut headers = tonic::codegen::http::HeaderMap::new();
    assert_eq!(Encoding::take_of(&mut headers).unwrap(), None);
    for (name, read) in [("identity", None), ("gzip", Some(Encoding::Gzip)), ("zstd", Some(Encoding::Zstd))] {
        headers.insert("grpc-encoding", name.parse().unwrap());
        assert_eq!(Encoding::take_of(&mut headers).unwrap(), read);
        assert!(headers.is_empty(), "the codec gets uncompressed messages");
    }
    headers.insert("grpc-encoding", "snappy".parse().unwrap());
    let refused = Encoding::take_of(&mut headers).unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(reason_of(&refused).as_deref(), Some("ENCODING_NOT_SUPPORTED"));
    assert_eq!(refused.metadata().get("grpc-accept-encoding").unwrap(), "identity,gzip,deflate,zstd");
}

/// A request that comes as its wire says, in frames of so many bytes; and what becomes of it.
async fn coming(wire: Wire, bytes: &[u8], frame: usize) -> Result<Vec<u8>, Status> {
    let messages = messages(u64::from(LARGE));
    let frames: Vec<_> = bytes
        .chunks(frame)
        .map(|chunk| Ok::<_, Status>(Frame::data(bytes::Bytes::copy_from_slice(chunk))))
        .collect();
    let body = Body::new(StreamBody::new(futures::stream::iter(frames)));
    let mut body = messages.limited(body, limits(Shape::Single, None), wire, Refusal::default());
    let mut come = Vec::new();
    let ended = loop {
        match next(&mut body).await {
            Some(Ok(frame)) => come.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(status)) => break Err(status),
            None => break Ok(come),
        }
    };
    assert!(next(&mut body).await.is_none());
    assert_eq!(messages.taken(), 0);
    ended
}

fn whole() -> Wire {
    Wire { is_whole: true, ..Wire::default() }
}

#[tokio::test]
async fn a_body_that_is_one_message_comes_framed_within_the_limits() {
    for frame in [1, 100, 100_000] {
        let large = vec![7; LARGE as usize];
        assert_eq!(coming(whole(), &large, frame).await.unwrap(), framed(0, &large));
        assert_eq!(coming(whole(), b"", frame).await.unwrap(), framed(0, b""));
        let refused = coming(whole(), &vec![7; LARGE as usize + 1], frame).await.unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("MESSAGE_TOO_LARGE"));
        for encoding in ENCODINGS {
            let wire = || Wire { encoding: Some(encoding), ..whole() };
            let sent = encoding.compress(&large).unwrap();
            assert_eq!(coming(wire(), &sent, frame).await.unwrap(), framed(0, &large));
            let sent = encoding.compress(&vec![7; LARGE as usize + 1]).unwrap();
            let refused = coming(wire(), &sent, frame).await.unwrap_err();
            assert_eq!(reason_of(&refused).as_deref(), Some("MESSAGE_TOO_LARGE"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_one_message_and_does_not_come_is_given_up() {
    let messages = messages(u64::from(LARGE));
    let waiting = futures::stream::pending::<Result<Frame<bytes::Bytes>, Status>>();
    let body = Body::new(StreamBody::new(waiting));
    let mut body = messages.limited(body, limits(Shape::Single, None), whole(), Refusal::default());
    let began = Instant::now();
    let refused = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!((refused.code(), began.elapsed()), (Code::DeadlineExceeded, WITHIN));
}

#[tokio::test]
async fn messages_in_json_come_encoded_and_faults_are_named_by_their_paths() {
    let statistics = cra_contracts::json::descriptors().get_message_by_name("cra.v1.GetStatisticsRequest");
    let in_json = |wire: Wire| Wire { json: statistics.clone(), ..wire };
    let text = br#"{"selection":{"from":"2024-03-04"}}"#;
    // selection = 1 { from = 1 }, each with its length.
    let encoded = b"\x0a\x0c\x0a\x0a2024-03-04";
    for frame in [1, 7, 1_000] {
        assert_eq!(coming(in_json(whole()), text, frame).await.unwrap(), framed(0, encoded));
        let several = [framed(0, text), framed(0, b"{}")].concat();
        let expected = [framed(0, encoded), framed(0, b"")].concat();
        assert_eq!(coming(in_json(Wire::default()), &several, frame).await.unwrap(), expected);
        let refused = coming(in_json(whole()), br#"{"selection":{"form":"x"}}"#, frame).await.unwrap_err();
        let violations = violations_of(&refused);
        assert_eq!((&*violations[0].field, &*violations[0].reason), ("selection.form", "JSON_INVALID"));
        assert!(violations[0].description.contains("did you mean from?"), "{violations:?}");
    }
}
