//! `GET /metrics`, `/livez` and `/readyz` over HTTP/1.1, on a separate address: few connections, one answer each,
//! closed if they are slow. Callers of the service cannot exhaust these connections, so probes are always answered.
//!
//! Metrics contain no content, so no authentication is required. Keep the address inside the network anyway.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::Metrics;
use crate::health::{Health, Readiness};

/// Maximum number of concurrent connections; further ones wait.
const CONNECTIONS_MAX: usize = 16;
/// Maximum duration, from the connection to the end of the answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, which would fail again at once.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Why the metrics cannot be served.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} for metrics: {source}; choose another address with --metrics-listen, \
         CRA_TELEMETRY__METRICS_LISTEN or `telemetry.metrics_listen`"
)]
pub struct ExposeError {
    address: SocketAddr,
    source: std::io::Error,
}

/// The endpoint; dropping it closes it.
#[derive(Debug)]
pub struct Exposed(JoinHandle<()>);

impl Drop for Exposed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves on an address; with port 0 the system chooses a port, which is logged. `/livez` is 200 while the process
/// answers at all; `/readyz`, for the whole, and `/readyz/SERVICE` are 200 or 503 according to health.
pub async fn expose(address: SocketAddr, metrics: Metrics, health: Health) -> Result<Exposed, ExposeError> {
    let refused = |source| ExposeError { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let metrics_address = listener.local_addr().map_err(refused)?;
    tracing::info!(%metrics_address, "metrics");
    Ok(Exposed(tokio::spawn(accept(listener, metrics, health))))
}

async fn accept(listener: TcpListener, metrics: Metrics, health: Health) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                continue;
            }
        };
        let (metrics, health) = (metrics.clone(), health.clone());
        tokio::spawn(async move {
            let _place = place;
            // Ignored: the client has disconnected, or was too slow.
            let _ = tokio::time::timeout(EXCHANGE_TIMEOUT, converse(stream, metrics, health)).await;
        });
    }
}

async fn converse(stream: TcpStream, metrics: Metrics, health: Health) -> Result<(), hyper::Error> {
    let answer = move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &metrics, &health);
        async move { Ok::<_, Infallible>(response) }
    };
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await
}

fn answer(method: &Method, path: &str, metrics: &Metrics, health: &Health) -> Response<Full<Bytes>> {
    let answered = match path {
        "/metrics" => metrics.text().map_or_else(
            |error| {
                tracing::error!(%error, "metrics cannot be written");
                (StatusCode::INTERNAL_SERVER_ERROR, String::new())
            },
            |text| (StatusCode::OK, text),
        ),
        // The runtime works, or nothing would answer: a probe without a timely answer restarts the process.
        "/livez" => (StatusCode::OK, "LIVE\n".to_owned()),
        _ => match readiness(path, health) {
            Some(Readiness::Serving) => (StatusCode::OK, "SERVING\n".to_owned()),
            Some(Readiness::NotServing) => (StatusCode::SERVICE_UNAVAILABLE, "NOT_SERVING\n".to_owned()),
            None => (StatusCode::NOT_FOUND, String::new()),
        },
    };
    let mut response = Response::new(Full::default());
    let (status, text) = answered;
    if status != StatusCode::NOT_FOUND && !matches!(*method, Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    *response.status_mut() = status;
    if !text.is_empty() {
        *response.body_mut() = Full::from(text);
        let form = HeaderValue::from_static(prometheus::TEXT_FORMAT);
        response.headers_mut().insert(CONTENT_TYPE, form);
    }
    response
}

/// The health of the whole (`/readyz`) or of one service (`/readyz/cra.v1.IngestionService`).
fn readiness(path: &str, health: &Health) -> Option<Readiness> {
    match path.strip_prefix("/readyz")? {
        "" => Some(health.readiness()),
        service => health.readiness_of(service.strip_prefix('/')?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_metrics_and_health_are_answered() {
        let (metrics, health) = (Metrics::default(), Health::of(["one"]).await);
        let status = |method, path| answer(&method, path, &metrics, &health).status();
        assert_eq!(status(Method::GET, "/metrics"), StatusCode::OK);
        for path in ["/metrics", "/livez", "/readyz"] {
            assert_eq!(status(Method::POST, path), StatusCode::METHOD_NOT_ALLOWED);
        }
        for path in ["/", "/ready", "/readyz/", "/readyz/two", "/livez/one"] {
            assert_eq!(status(Method::GET, path), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn probes_see_the_health_of_each_service_and_of_the_process() {
        let (metrics, health) = (Metrics::default(), Health::of(["one", "two"]).await);
        let status = |path| answer(&Method::GET, path, &metrics, &health).status();
        assert_eq!(status("/readyz"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("/livez"), StatusCode::OK);
        health.set_all(Readiness::Serving).await;
        assert_eq!([status("/readyz"), status("/readyz/one")], [StatusCode::OK; 2]);
        health.drain().await;
        assert_eq!([status("/readyz"), status("/readyz/two")], [StatusCode::SERVICE_UNAVAILABLE; 2]);
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error_that_names_the_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = expose(taken.local_addr().unwrap(), Metrics::default(), Health::of([]).await);
        let error = error.await.unwrap_err();
        assert!(error.to_string().contains("--metrics-listen"), "{error}");
    }
}
