//! `/direct`: notifies a page that its figures changed. Sends a Server-Sent Event for each message of
//! `WatchStatistics`, with the position of the change. The page then reloads, so that it always shows one state of the
//! log.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use cra_contracts::v1;
use cra_runtime::shutdown::Shutdown;
use futures::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Request, Status, Streaming};

use crate::address::{QUERY_BYTES_MAX, Read};
use crate::app::App;
use crate::fault::Fault;
use crate::services::answer;

/// Minimum interval between two events.
const INTERVAL_MS: u32 = 2_000;
/// Lifetime of a stream. The browser then opens another one, with its current token.
const LIFETIME: Duration = Duration::from_mins(15);
/// Interval of the comments that keep proxies from closing an idle connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Pause after which a browser reopens a stream that ended.
const RETRY: &str = "retry: 5000\n\n";

/// `GET /direct`, with the parameters of a selection.
pub(crate) async fn stream(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let Read { address, problems } = Read::of(&query, &app.names());
    if query.len() > QUERY_BYTES_MAX || !problems.is_empty() {
        return Err(Fault::NotFound);
    }
    let permit = app.live_permit()?;
    let clients = app.services().projection(&headers)?;
    let request =
        v1::WatchStatisticsRequest { selection: Some(address.selection), min_interval_ms: INTERVAL_MS };
    let mut statistics = clients.statistics();
    let answers =
        app.within_limit(async { answer(statistics.watch_statistics(Request::new(request)).await) }).await?;
    let events = events(answers, app.shutdown().clone(), permit);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // For proxies that buffer an answer before they pass it on.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// State of a stream.
struct Live {
    answers: Streaming<v1::WatchStatisticsResponse>,
    shutdown: Shutdown,
    ends_at: Instant,
    is_begun: bool,
    /// Permit that is held until the reader disconnects.
    _permit: OwnedSemaphorePermit,
}

/// Ends with the process, with the service's stream, or at the end of its lifetime.
fn events(
    answers: Streaming<v1::WatchStatisticsResponse>,
    shutdown: Shutdown,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Status>> {
    let live =
        Live { answers, shutdown, ends_at: Instant::now() + LIFETIME, is_begun: false, _permit: permit };
    stream::unfold(live, |mut live| async move {
        if !live.is_begun {
            live.is_begun = true;
            return Some((Ok(Bytes::from_static(RETRY.as_bytes())), live));
        }
        let text = tokio::select! {
            answered = live.answers.message() => match answered {
                Ok(Some(answered)) => event(&answered),
                Ok(None) | Err(_) => return None,
            },
            () = sleep(KEEP_ALIVE_INTERVAL) => ": \n\n".to_owned(),
            () = sleep_until(live.ends_at) => return None,
            () = live.shutdown.requested() => return None,
        };
        Some((Ok(Bytes::from(text)), live))
    })
}

/// One event with the position, without the figures.
fn event(answered: &v1::WatchStatisticsResponse) -> String {
    let position = answered.snapshot.as_ref().map_or(0, |snapshot| snapshot.position);
    format!("data: {position}\n\n")
}
