//! Accepts connections and serves HTTP/1.1 on each, within bounds, until the process stops.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cra_runtime::serve::DrainOutcome;
use cra_runtime::shutdown::Shutdown;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::paced::Paced;
use crate::settings::Settings;

/// Time limit for the head of a request, the first one or the next one of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Upper bound on a request's head: an address may contain a long selection.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// Pause after an error of accepting, for example if no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`. Then closes the port and waits for requests in flight, up to the drain deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    settings: &Settings,
    shutdown: Shutdown,
) -> DrainOutcome {
    let connections = TaskTracker::new();
    let limit = usize::try_from(settings.limits.connections.get()).unwrap_or(Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.requested() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = one(stream, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    match timeout(settings.drain_deadline(), connections.wait()).await {
        Ok(()) => DrainOutcome::InTime,
        Err(_) => DrainOutcome::DeadlinePassed,
    }
}

/// Serves one connection to its end.
async fn one(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let service = tower::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let answer = tower::ServiceExt::oneshot(router, request.map(axum::body::Body::new)).await;
            answer.map_err(|never: Infallible| never)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Paced::new(stream)), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
