//! `GET /metrics` over HTTP/1.1, on an address of its own: few connections, one answer each, cut when they are slow.
//!
//! Figures say how much, never what: no identity is asked for. Keep the address inside the network all the same.

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

/// Connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 16;
/// From the connection to the end of the answer.
const LONGEST: Duration = Duration::from_secs(10);
/// An accept that fails fails again at once.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Why the figures cannot be asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} for metrics: {source}; choose another address with --metrics-listen, \
         CRA_TELEMETRY__METRICS_LISTEN or `telemetry.metrics_listen`"
)]
pub struct ExposeError {
    address: SocketAddr,
    source: std::io::Error,
}

/// The endpoint; gone when it is dropped.
#[derive(Debug)]
pub struct Exposed(JoinHandle<()>);

impl Drop for Exposed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers `GET /metrics` on an address; port 0 lets the system choose one, which the log tells.
pub async fn expose(address: SocketAddr, metrics: Metrics) -> Result<Exposed, ExposeError> {
    let refused = |source| ExposeError { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let metrics_address = listener.local_addr().map_err(refused)?;
    tracing::info!(%metrics_address, "metrics");
    Ok(Exposed(tokio::spawn(accept(listener, metrics))))
}

async fn accept(listener: TcpListener, metrics: Metrics) {
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
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let _place = place;
            // Whoever asks has left, or was too slow: nothing to do.
            let _ = tokio::time::timeout(LONGEST, converse(stream, metrics)).await;
        });
    }
}

async fn converse(stream: TcpStream, metrics: Metrics) -> Result<(), hyper::Error> {
    let answer = move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(response) }
    };
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if path != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if method != Method::GET {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    } else {
        match metrics.text() {
            Ok(text) => {
                *response.body_mut() = Full::from(text);
                let form = HeaderValue::from_static(prometheus::TEXT_FORMAT);
                response.headers_mut().insert(CONTENT_TYPE, form);
            }
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_of_the_one_path_is_answered() {
        let metrics = Metrics::default();
        let status = |method, path| answer(&method, path, &metrics).status();
        assert_eq!(status(Method::GET, "/metrics"), StatusCode::OK);
        assert_eq!(status(Method::POST, "/metrics"), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(Method::GET, "/"), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_taken_address_is_an_error_that_says_what_to_set() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = expose(taken.local_addr().unwrap(), Metrics::default()).await.unwrap_err();
        assert!(error.to_string().contains("--metrics-listen"), "{error}");
    }
}
