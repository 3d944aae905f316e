//! What is told of each item, against a service that answers in odd ways.

use cra_contracts::v1::ingestion_service_server::{IngestionService, IngestionServiceServer};
use cra_contracts::v1::submit_cras_response::Outcome as Answer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response};

use super::*;
use crate::client::Service;

/// Refuses the ids that start with "no", has the ids that start with "old" already, and leaves at "bye".
struct Fake;

type Answers = tonic::codegen::BoxStream<v1::SubmitCrasResponse>;

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
    let routes = tonic::transport::Server::builder().add_service(IngestionServiceServer::new(Fake));
    tokio::spawn(routes.serve_with_incoming(TcpListenerStream::new(listener)));
    Connection::open(Service::Ingestion, &url).await.unwrap()
}

fn item(number: u64, cra_id: &str) -> Item {
    let content = Ok(v1::SubmitCraRequest { cra_id: cra_id.to_owned(), ..v1::SubmitCraRequest::default() });
    Item { place: Place::Line(number), bytes_read: number, content }
}

async fn sent(mode: Mode, list: Vec<Item>) -> (Tally, Vec<(Place, String)>, Result<(), StreamError>) {
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
    let streamed = submit(&connection, mode, items, &mut tally, |told, _| {
        all.push((told.place, told.cra_id.clone()));
        Ok(())
    })
    .await;
    (tally, all, streamed)
}

#[tokio::test]
async fn every_item_is_told_once_with_the_place_it_came_from() {
    let unreadable = Item { content: Err("no JSON".to_owned()), ..item(4, "") };
    let list = vec![item(1, "a"), item(2, "no-b"), unreadable, item(5, "old-c")];
    let (tally, mut all, streamed) = sent(Mode::Record, list).await;
    streamed.unwrap();
    all.sort_by_key(|(place, _)| place.number());
    let told: Vec<_> = all.iter().map(|(place, id)| (place.number(), id.as_str())).collect();
    assert_eq!(told, [(1, "a"), (2, "no-b"), (4, ""), (5, "old-c")]);
    let expected =
        Tally { accepted: 1, already_there: 1, refused: 1, unreadable: 1, unanswered: 0, last_position: 5 };
    assert_eq!(tally, expected);
}

#[tokio::test]
async fn many_more_items_than_may_be_in_flight_all_get_their_answer() {
    let count = IN_FLIGHT_MAX as u64 * 5;
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
