//! The reported outcome of each item, with a service that answers in unusual ways.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use cra_contracts::v1;
use cra_contracts::v1::ingestion_service_server::{IngestionService, IngestionServiceServer};
use cra_contracts::v1::submit_cras_response::Outcome as Answer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response};

use super::*;
use crate::client::Service;
use crate::submission::Location;
use crate::submission::content::Document;
use crate::submission::rpc::{Import, Mode, Submit};

/// Refuses the ids that start with "no", has the ids that start with "old" already, and leaves at "bye". An import of
/// an id that starts with "busy" is refused, and one that starts with "bye" ends the stream, but for the second time.
#[derive(Clone, Default)]
struct Fake {
    seen: Arc<Mutex<HashSet<String>>>,
}

type Answers = tonic::codegen::BoxStream<v1::SubmitCrasResponse>;
type ImportAnswers = tonic::codegen::BoxStream<v1::ImportLegacyCrasResponse>;

#[tonic::async_trait]
impl IngestionService for Fake {
    async fn submit_cras(
        &self,
        request: Request<Streaming<v1::SubmitCrasRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let mut items = request.into_inner();
        let (sender, answers) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok(Some(item)) = items.message().await {
                let submission = item.submission.unwrap_or_default();
                if submission.cra_id == "bye" {
                    return;
                }
                let answer = v1::SubmitCrasResponse {
                    item: item.item,
                    outcome: Some(outcome(&submission, item.item)),
                };
                if sender.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn import_legacy_cras(
        &self,
        request: Request<Streaming<v1::ImportLegacyCrasRequest>>,
    ) -> Result<Response<ImportAnswers>, Status> {
        let mut items = request.into_inner();
        let seen = Arc::clone(&self.seen);
        let (sender, answers) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut numbers = HashSet::new();
            while let Ok(Some(item)) = items.message().await {
                let is_new = seen.lock().unwrap().insert(item.legacy_id.clone());
                if item.legacy_id.starts_with("bye") && is_new {
                    return;
                }
                let answer = v1::ImportLegacyCrasResponse {
                    item: item.item,
                    outcome: Some(imported(&item, is_new, numbers.insert(item.item))),
                    notes: vec![format!("form {}", item.form_version)],
                };
                if sender.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

fn imported(
    item: &v1::ImportLegacyCrasRequest,
    is_new: bool,
    is_new_number: bool,
) -> v1::import_legacy_cras_response::Outcome {
    use v1::import_legacy_cras_response::Outcome as Answer;
    let refused = |code: &str| {
        let message = "as it is asked for".to_owned();
        Answer::Refusal(v1::Refusal { code: code.to_owned(), message, ..v1::Refusal::default() })
    };
    if !is_new_number {
        return refused("INVALID_ARGUMENT");
    }
    if item.legacy_id.starts_with("never") || (item.legacy_id.starts_with("busy") && is_new) {
        return refused("UNAVAILABLE");
    }
    assert_eq!(item.document, format!("{{\"_id\":\"{}\"}}", item.legacy_id));
    Answer::Receipt(v1::Receipt { position: item.item, duplicate: !is_new, ..v1::Receipt::default() })
}

fn outcome(submission: &v1::SubmitCraRequest, position: u64) -> Answer {
    if submission.cra_id.starts_with("no") {
        let refusal = v1::Refusal { code: "INVALID_ARGUMENT".to_owned(), ..v1::Refusal::default() };
        return Answer::Refusal(refusal);
    }
    Answer::Receipt(v1::Receipt {
        position: if submission.validate_only { 0 } else { position },
        duplicate: submission.cra_id.starts_with("old"),
        ..v1::Receipt::default()
    })
}

async fn service() -> Connection {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes =
        tonic::transport::Server::builder().add_service(IngestionServiceServer::new(Fake::default()));
    tokio::spawn(routes.serve_with_incoming(TcpListenerStream::new(listener)));
    Connection::open(Service::Ingestion, &url).await.unwrap()
}

fn item(number: u64, cra_id: &str) -> Item<v1::SubmitCraRequest> {
    let content = Ok(v1::SubmitCraRequest { cra_id: cra_id.to_owned(), ..v1::SubmitCraRequest::default() });
    Item { location: Location::Line(number), bytes_read: number, content }
}

fn document(number: u64, id: &str) -> Item<Document> {
    let content = Ok(Document { legacy_id: id.to_owned(), text: format!("{{\"_id\":\"{id}\"}}") });
    Item { location: Location::Line(number), bytes_read: number, content }
}

type Sent = (Tally, Vec<(Location, String)>, Result<(), StreamError>);

async fn sent(mode: Mode, list: Vec<Item<v1::SubmitCraRequest>>) -> Sent {
    sent_over(&Submit { mode }, Retries::Never, list).await
}

async fn sent_over<R: Rpc>(rpc: &R, retries: Retries, list: Vec<Item<R::Content>>) -> Sent
where
    R::Content: Send + 'static,
{
    let connection = service().await;
    let (sender, items) = mpsc::channel(1);
    tokio::spawn(async move {
        for item in list {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let (mut tally, mut all) = (Tally::default(), Vec::new());
    let streamed = send(&connection, rpc, items, retries, &mut tally, |news, _| {
        if let SendEvent::Reported(reported) = news {
            all.push((reported.location, reported.id.clone()));
        }
        Ok(())
    })
    .await;
    (tally, all, streamed)
}

#[tokio::test]
async fn every_item_is_told_once_in_the_files_order_with_the_place_it_came_from() {
    let unreadable = Item { content: Err("no JSON".to_owned().into()), ..item(4, "") };
    let list = vec![item(1, "a"), item(2, "no-b"), unreadable, item(5, "old-c")];
    let (tally, all, streamed) = sent(Mode::Record, list).await;
    streamed.unwrap();
    let reported: Vec<_> = all.iter().map(|(location, id)| (location.number(), id.as_str())).collect();
    assert_eq!(reported, [(1, "a"), (2, "no-b"), (4, ""), (5, "old-c")]);
    let position = tally.last_position;
    let expected = Tally { accepted: 1, already_there: 1, refused: 1, unreadable: 1, ..Tally::default() };
    assert_eq!(tally, Tally { last_position: position, ..expected });
    assert!(position > 0);
}

#[tokio::test]
async fn many_more_items_than_may_be_in_flight_all_get_their_answer() {
    let count = ITEMS_MAX as u64 * 5;
    let list = (1..=count).map(|number| item(number, "a")).collect();
    let (tally, all, streamed) = sent(Mode::Record, list).await;
    streamed.unwrap();
    assert_eq!((tally.accepted, all.len() as u64), (count, count));
}

#[tokio::test]
async fn nothing_is_recorded_when_only_checking() {
    let (tally, _, streamed) = sent(Mode::ValidateOnly, vec![item(1, "a")]).await;
    streamed.unwrap();
    assert_eq!((tally.accepted, tally.last_position), (1, 0));
}

#[tokio::test]
async fn a_stream_that_breaks_is_an_error_and_says_how_many_items_have_no_answer() {
    let list = vec![item(1, "a"), item(2, "bye"), item(3, "c")];
    let (tally, _, streamed) = sent(Mode::Record, list).await;
    assert!(streamed.unwrap_err().to_string().contains("before it had answered"));
    assert_eq!(tally.accepted, 1);
    assert!(tally.unanswered >= 1, "{tally:?}");
    assert!(!tally.all_received());
}

#[tokio::test]
async fn an_empty_file_is_sent_at_once() {
    let (tally, all, streamed) = sent(Mode::Record, Vec::new()).await;
    streamed.unwrap();
    assert_eq!((tally, all.len()), (Tally::default(), 0));
}

const IMPORT: Import = Import { form_version: 2 };
const PATIENT: Retries = Retries::For(Duration::from_secs(20));

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_and_each_item_gets_its_own_answer_once() {
    let count = ITEMS_MAX as u64 * 3;
    let id = |number: u64| match number {
        // Three streams that end, one after the other.
        7 | 700 | 701 => format!("bye-{number}"),
        number if number % 100 == 0 => format!("busy-{number}"),
        number => number.to_string(),
    };
    let list = (1..=count).map(|number| document(number, &id(number))).collect();
    let (tally, all, streamed) = sent_over(&IMPORT, PATIENT, list).await;
    streamed.unwrap();
    let expected: Vec<_> = (1..=count).map(|number| (Location::Line(number), id(number))).collect();
    assert_eq!(all, expected);
    assert_eq!((tally.reported(), tally.noted, tally.refused, tally.unanswered), (count, count, 0, 0));
}

#[tokio::test]
async fn an_item_that_the_service_has_no_room_for_is_never_told_as_refused() {
    let list = vec![document(1, "a"), document(2, "never"), document(3, "c")];
    let retries = Retries::For(Duration::from_millis(1_500));
    let (tally, all, streamed) = sent_over(&IMPORT, retries, list).await;
    let error = streamed.unwrap_err().to_string();
    assert!(error.contains("as it is asked for"), "{error}");
    assert_eq!(all, [(Location::Line(1), "a".to_owned())], "a later run reports what follows it");
    assert_eq!((tally.accepted, tally.refused, tally.unanswered), (1, 0, 2));
}

#[tokio::test]
async fn a_service_that_stays_away_is_told_of_and_given_up_after_the_time_given() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes =
        tonic::transport::Server::builder().add_service(IngestionServiceServer::new(Fake::default()));
    let serving = tokio::spawn(routes.serve_with_incoming(TcpListenerStream::new(listener)));
    let connection = Connection::open(Service::Ingestion, &url).await.unwrap();
    serving.abort();
    let _ = serving.await;

    let (sender, items) = mpsc::channel(1);
    sender.send(document(1, "a")).await.unwrap();
    let (mut tally, mut away) = (Tally::default(), 0);
    let retries = Retries::For(Duration::from_millis(2_500));
    let began = Instant::now();
    let streamed = send(&connection, &IMPORT, items, retries, &mut tally, |news, _| {
        away += u32::from(matches!(news, SendEvent::Away(_)));
        Ok(())
    })
    .await;
    assert!(streamed.unwrap_err().to_string().contains(&url));
    assert!(began.elapsed() >= Duration::from_millis(2_500));
    assert_eq!((away, tally.unanswered), (1, 1));
}
