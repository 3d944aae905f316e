//! A reader of public figures that repeats a GET is answered 304 until the next publication, whatever is recorded.

use super::publishing::{Publishing, record};
use crate::harness::{Fetched, Http, chance, curl};

/// Requests the figures of the country by GET, with the tag of an earlier answer.
fn got(publishing: &Publishing, token: &str, tag: Option<&str>) -> Fetched {
    let path = "/cra.v1.StatisticsService/GetStatistics?encoding=json&message=%7B%7D";
    let bearer = format!("Authorization: Bearer {token}");
    let known = format!("If-None-Match: {}", tag.unwrap_or("\"none\""));
    curl(Http::One, publishing.projection, path, &["-H", &bearer, "-H", &known])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_public_question_by_get_is_304_until_the_next_publication() {
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    record(&mut publishing.ingestion, &mut chance(), "2026-01", 25).await;
    publishing.publish("2026-03-20T00:00:00Z", "2026-03-16T00:00:00Z").await;
    let (public, exact) = (publishing.token(), publishing.exact_token());
    let first = got(&publishing, &public, None);
    assert_eq!(first.status, 200, "{}", first.text());
    let tag = first.header("etag").to_owned();
    record(&mut publishing.ingestion, &mut chance(), "2026-01", 1).await;
    let again = got(&publishing, &public, Some(&tag));
    assert_eq!((again.status, again.body.len()), (304, 0), "{}", again.text());
    assert_eq!(got(&publishing, &exact, Some(&tag)).status, 200, "exact figures have another tag");
    publishing.publish("2026-04-20T00:00:00Z", "2026-04-16T00:00:00Z").await;
    let next = got(&publishing, &public, Some(&tag));
    assert_eq!(next.status, 200, "{}", next.text());
    assert_ne!(next.header("etag"), tag);
    publishing.stop().await;
}
