//! Connections of callers: how many are open, how long each may take to its first request and stay without a call, and
//! how they end. Serves HTTP/1.1 or HTTP/2 on each; knows no gRPC.
//!
//! Everything here happens before a token is seen, so that every bound holds against callers that have none. At the bound
//! of connections an idle one without a token gives way; where none does, the new connection is accepted and closed at
//! once: its caller sees UNAVAILABLE and tries elsewhere or later, instead of hanging.

mod figures;
mod io;
mod registry;
mod state;

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::addresses::TrustedProxies;
use crate::headers::HARD_LIMIT_FACTOR;
use crate::identity::Callers;
use crate::layer::{Answering, Answers};
use crate::metrics::{Metrics, MetricsError};
use crate::settings::ServerSettings;

use figures::Figures;
use io::{Bytes, Counted};
use registry::{Full, Registered, Registry};
use state::{Cause, Deadlines, Verdict};

pub(crate) use io::Peer;
pub(crate) use state::State;
#[cfg(test)]
pub(crate) use state::counted;

/// Pause after a failed accept. It would fail again at once (for example without file descriptors) and spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// How long a caller may take to answer a GOAWAY on a connection without calls.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// Bytes of one request that are buffered ahead of its handler.
const STREAM_WINDOW: u32 = 64 * 1_024;
/// Bytes of all requests of one connection that are buffered ahead of their handlers. The HTTP library closes a
/// connection whose small DATA frames, each charged 256 bytes less its payload, wait for more than half of this: a
/// client that still sends many small messages into a refused stream would lose the reason. What callers without a
/// token can make the service buffer is bounded by their calls: [`STREAM_WINDOW`] for each.
const CONNECTION_WINDOW: u32 = 1_024 * 1_024;
/// Bytes of bodies that may arrive before the first request is passed on: the initial window of HTTP/2.
const BYTES_OF_FIRST_BODIES: u64 = 128 * 1_024;
/// Bytes of one answer that are buffered ahead of its caller.
const SEND_AHEAD: usize = 64 * 1_024;
/// The smallest buffer that the HTTP library takes for HTTP/1.1.
const HTTP1_BUFFER_BYTES_MIN: usize = 8 * 1_024;
/// Bytes that a connection may need besides the headers and the body of its first request: preface, settings, pings.
const BYTES_BESIDE_FIRST_REQUEST: u64 = 16 * 1_024;

/// The current certificates and authorities.
pub(crate) type Tls = watch::Receiver<Arc<ServerConfig>>;

/// The listener, and the addresses that are counted.
pub(crate) struct Source {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Tls>,
    pub(crate) callers: Callers,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// Serves connections with a service.
pub(crate) struct Connections<S> {
    service: S,
    builder: Builder<TokioExecutor>,
    deadlines: Arc<Deadlines>,
    registry: Registry,
    figures: Figures,
    tasks: TaskTracker,
    /// Asks connections to finish their calls and close.
    drain: CancellationToken,
    /// Closes them at once.
    cut: CancellationToken,
}

impl<S: Answers> Connections<S> {
    pub(crate) fn new(
        service: S,
        settings: &ServerSettings,
        metrics: &Metrics,
    ) -> Result<Self, MetricsError> {
        let (all, per_address) = (settings.concurrent_connections, settings.connections.per_address);
        let registry = Registry::new(all.get(), per_address.get());
        Ok(Self {
            service,
            builder: http(settings),
            deadlines: Arc::new(deadlines(settings)),
            figures: Figures::new(metrics, &registry)?,
            registry,
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        })
    }

    /// Accepts connections until it is dropped, and serves each in a task that outlives it.
    pub(crate) async fn accept(&self, source: &Source) {
        let mut is_crowded = false;
        loop {
            let (stream, address) = match source.listener.accept().await {
                Ok((stream, address)) => (stream, address.ip()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                    continue;
                }
            };
            // Without identity every caller is on this machine, and they cannot be distinguished.
            let network = match source.callers {
                Callers::Identified => source.trusted_proxies.counted(address),
                Callers::Anyone => None,
            };
            let entered = self.registry.enter(network);
            // Logged when the limit is reached, not once per connection.
            let was_crowded = std::mem::replace(&mut is_crowded, entered.is_err());
            match entered {
                Ok(registered) => self.spawn(registered, stream, address, source.tls.as_ref()),
                Err(full) => {
                    self.figures.refused(full);
                    if !was_crowded {
                        let limit = match full {
                            Full::All => "server.concurrent_connections",
                            Full::Network => "server.connections.per_address",
                        };
                        tracing::warn!(%address, "`{limit}` is reached: closing new connections until others end");
                    }
                }
            }
        }
    }

    fn spawn(&self, registered: Registered, stream: TcpStream, address: IpAddr, tls: Option<&Tls>) {
        // Small answers must not be delayed; if the socket refuses, it still works.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let tls = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
        let (service, builder) = (self.service.clone(), self.builder.clone());
        let (deadlines, figures) = (Arc::clone(&self.deadlines), self.figures.clone());
        let (drain, cut) = (self.drain.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            let state = Arc::clone(&registered.state);
            let served = async {
                let handshake_ends = state.handshake_ends(&deadlines);
                let bytes = match timeout_at(handshake_ends, agreed(stream, tls)).await {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return Cause::Peer,
                    Err(_) => return Cause::Handshake,
                };
                let peer = Peer { address: Some(address), certificate: bytes.certificate() };
                let service = OnConnection { service, peer, state: Arc::clone(&state) };
                let bytes = Counted { bytes, state: Arc::clone(&state), deadlines: Arc::clone(&deadlines) };
                let http = builder.serve_connection(TokioIo::new(bytes), service);
                serve(pin!(http), &state, &deadlines, &drain).await
            };
            let cause = tokio::select! {
                cause = served => cause,
                () = state.give_way.cancelled() => Cause::GaveWay,
                () = cut.cancelled() => Cause::Drain,
            };
            drop(registered);
            figures.closed(cause);
        });
    }

    /// Asks every connection to finish its calls and close, and waits until all have closed.
    pub(crate) async fn drain(&self) {
        self.drain.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Closes every connection at once, and waits until all have closed.
    pub(crate) async fn cut(&self) {
        self.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn http(settings: &ServerSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // What the state of a connection judges: its first request, and the time without an open call.
        .header_read_timeout(None)
        .max_buf_size(http1_buffer_bytes(settings))
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_AHEAD)
        .max_concurrent_streams(settings.concurrent_streams.get())
        .max_header_list_size(http_header_bytes_max(settings))
        .keep_alive_interval(Duration::from_secs(settings.keepalive_interval_s.get()))
        .keep_alive_timeout(Duration::from_secs(settings.keepalive_timeout_s.get()));
    builder
}

/// Size of headers above which the HTTP library itself answers 431.
fn http_header_bytes_max(settings: &ServerSettings) -> u32 {
    settings.max_header_bytes.get().saturating_mul(HARD_LIMIT_FACTOR)
}

/// Bytes of the head of an HTTP/1.1 request past which the HTTP library answers 431 by itself.
fn http1_buffer_bytes(settings: &ServerSettings) -> usize {
    usize::try_from(http_header_bytes_max(settings)).unwrap_or(usize::MAX).max(HTTP1_BUFFER_BYTES_MIN)
}

fn deadlines(settings: &ServerSettings) -> Deadlines {
    let limits = &settings.connections;
    let first_request = u64::from(http_header_bytes_max(settings)) + BYTES_OF_FIRST_BODIES;
    Deadlines {
        handshake: Duration::from_millis(limits.handshake_ms.get().into()),
        first_request: Duration::from_millis(limits.first_request_ms.get().into()),
        idle: Duration::from_secs(limits.idle_s.get().into()),
        age: Duration::from_secs(settings.max_connection_age_s.get()),
        age_grace: Duration::from_secs(settings.max_connection_age_grace_s.get()),
        bytes_to_request: first_request + BYTES_BESIDE_FIRST_REQUEST,
    }
}

/// The bytes of a connection, above TLS if configured; `None` if the handshake failed.
async fn agreed(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Bytes> {
    let Some(tls) = tls else { return Some(Bytes::Plain(stream)) };
    match tls.accept(stream).await {
        Ok(stream) => Some(Bytes::Tls(Box::new(stream))),
        Err(error) => {
            tracing::debug!(%error, "the TLS handshake of a caller failed");
            None
        }
    }
}

/// HTTP on one connection, which can be asked to finish.
trait Http: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> {
    /// Sends GOAWAY: accepts no further calls, and ends once the open calls have ended.
    fn finish(self: Pin<&mut Self>);
}

impl<S> Http for hyper_util::server::conn::auto::Connection<'_, TokioIo<Counted>, S, TokioExecutor>
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Serves a connection until its caller leaves or it must be closed.
async fn serve(
    mut http: Pin<&mut impl Http>,
    state: &State,
    deadlines: &Deadlines,
    drain: &CancellationToken,
) -> Cause {
    let cause = loop {
        let due = match state.verdict(Instant::now(), deadlines) {
            Verdict::Stay(until) => until,
            Verdict::Close(cause) => break cause,
        };
        tokio::select! {
            ended = &mut http => return ended_by_caller(ended, state, deadlines),
            () = sleep_until(due) => {}
            () = state.give_way.cancelled() => break Cause::GaveWay,
            () = drain.cancelled() => break Cause::Drain,
        }
    };
    http.as_mut().finish();
    match cause {
        // Another connection has its slot already: only what can be written at once is written.
        Cause::GaveWay | Cause::Handshake => drop(http.now_or_never()),
        // Open calls end under their own limits, and all under the drain's deadline.
        Cause::Drain => drop(http.await),
        Cause::Age => {
            // Its streams end with a status within the grace, and single calls at their deadlines.
            state.aged.cancel();
            drop(tokio::time::timeout(deadlines.age_grace, http).await);
        }
        _ => drop(tokio::time::timeout(CLOSE_GRACE, http).await),
    }
    cause
}

fn ended_by_caller(
    ended: Result<(), Box<dyn std::error::Error + Send + Sync>>,
    state: &State,
    deadlines: &Deadlines,
) -> Cause {
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended");
    }
    if state.has_overrun(deadlines) { Cause::BytesBeforeRequest } else { Cause::Peer }
}

/// The shared service, on one connection: adds the peer and the connection to each request.
struct OnConnection<S> {
    service: S,
    peer: Peer,
    state: Arc<State>,
}

impl<S: Answers> hyper::service::Service<Request<Incoming>> for OnConnection<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let call = self.state.begin();
        let span = tracing::debug_span!("call", path = request.uri().path());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(Arc::clone(&self.state));
        let answer = self.service.clone().oneshot(request);
        let answered = async move { Ok(answer.await?.map(|answer| call.until_end_of(answer))) };
        Box::pin(answered.instrument(span))
    }
}
