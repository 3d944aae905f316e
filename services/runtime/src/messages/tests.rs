//! Messages cut in any way, budgets that are spent and given back, and messages that do not come.

use std::future::poll_fn;

use futures::StreamExt as _;
use http_body_util::StreamBody;
use proptest::prelude::*;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::*;
use crate::rejection::reason_of;

const WITHIN: Duration = Duration::from_secs(10);

/// The largest message.
const LARGE: u32 = 10_000;
const UNCHARGED: usize = 4 * 1_024;

fn message(length: u32) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(std::iter::repeat_n(7, usize::try_from(length).unwrap()));
    bytes
}

/// The beginning of a large message: what is not charged, and so many bytes.
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
        self.budget.taken.load(Ordering::Relaxed)
    }
}

/// A request whose bytes are sent by the test.
fn request(messages: &Messages, limits: Limits) -> (Sender<Vec<u8>>, Body, Refusal) {
    let (sender, receiver) = channel::<Vec<u8>>(8);
    let frames = ReceiverStream::new(receiver).map(|bytes| Ok::<_, Status>(Frame::data(bytes.into())));
    let refusal = Refusal::default();
    let body = messages.limited(Body::new(StreamBody::new(frames)), limits, Arc::clone(&refusal));
    (sender, body, refusal)
}

async fn next(body: &mut Body) -> Option<Result<Frame<bytes::Bytes>, Status>> {
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

proptest! {
    #[test]
    fn however_a_body_is_cut_its_messages_are_found(
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
            // As far as whole messages do not reach.
            let mut whole = 0;
            let ends = lengths.iter().map(|length| { whole += *length as usize + HEADER_BYTES; whole });
            let last_end = ends.filter(|end| *end <= at).max().unwrap_or(0);
            prop_assert_eq!(framing.partial, (at - last_end) as u64);
        }
        prop_assert_eq!(framing.whole, lengths.len() as u64);
    }
}

#[tokio::test]
async fn a_message_larger_than_allowed_is_refused_by_its_length_alone() {
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
async fn half_messages_are_charged_and_given_back_when_they_are_whole_refused_or_dropped() {
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
async fn one_client_fills_its_share_alone() {
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
    assert_eq!((messages.taken(), greedy.taken.load(Ordering::Relaxed)), (0, 0));
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
async fn answers_end_with_the_refusal_of_their_messages_and_otherwise_as_they_do() {
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
