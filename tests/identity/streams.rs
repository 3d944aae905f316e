//! A stream ends with its grant.

use std::time::Duration;

use cra_contracts::v1 as pb;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use crate::harness::{
    Issuer, Pair, assert_refused, carrying, national, new_id, submission, within, workshop,
};

const SOON: Duration = Duration::from_secs(30);

fn expired(status: &Status) {
    assert_refused(status, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_and_a_follow_are_cut_when_their_token_expires() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let (mut watching, mut following) = (pair.statistics().await, pair.statistics().await);
    let token = issuer.token_for("c", "statistics:read cra:read", &national(), 4);
    let watch = watching.watch_statistics(carrying(&token, pb::WatchStatisticsRequest::default())).await;
    let follow = following.follow_cras(carrying(&token, pb::FollowCrasRequest::default())).await;
    let (mut watch, mut follow) = (watch.unwrap().into_inner(), follow.unwrap().into_inner());
    assert!(watch.message().await.unwrap().is_some(), "it works until the end");
    let watched = within(SOON, "the watch ends", async { watch.next().await.unwrap() }).await;
    expired(&watched.unwrap_err());
    let followed = within(SOON, "the follow ends", async {
        loop {
            if let Err(status) = follow.next().await.unwrap() {
                return status;
            }
        }
    });
    expired(&followed.await);
    let again = watching.watch_statistics(carrying(&token, pb::WatchStatisticsRequest::default())).await;
    expired(&again.unwrap_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_submissions_ends_with_its_token_and_what_was_read_is_answered() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let token = issuer.token_for("c", "cra:submit", &national(), 4);
    let (sender, requests) = tokio::sync::mpsc::channel(8);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut client = pair.ingestion().await;
    let mut answers = client.submit_cras(carrying(&token, requests)).await.unwrap().into_inner();
    let submission = Some(submission(&new_id(), workshop(5)));
    sender.send(pb::SubmitCrasRequest { item: 1, submission }).await.unwrap();
    let first = answers.message().await.unwrap().unwrap();
    assert!(matches!(first.outcome, Some(pb::submit_cras_response::Outcome::Receipt(_))));
    let ended = within(SOON, "the stream ends", async { answers.next().await.unwrap() }).await;
    expired(&ended.unwrap_err());
}
