//! Authorization layer: admits a call if its method is listed, its token grants the method's scope, and its client is
//! below its limits; passes the caller to the handler. A stream ends with its grant.
//!
//! Health, reflection and methods without a scope are open to all, within limits for callers without a token. The
//! handler decides which CRAs a request may access, because only it knows which CRAs are requested.

use std::convert::Infallible;
use std::future::pending;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cra_contracts::bounds;
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::request::Parts;
use tonic::codegen::http::{HeaderMap, Request, Response};

use crate::addresses::{Network, TrustedProxies};
use crate::allowance::Allowance;
use crate::audit::Trail;
use crate::bounded;
use crate::bounded_stream::{self, End, Held, SlowReaderLimits};
use crate::clients::{ClientKey, Clients, Entered, Kind};
use crate::connections::{Peer, Source, State};
use crate::counts::PARTS;
use crate::headers;
use crate::identity::access::{self, Method, Needs, Shape};
use crate::identity::{Caller, Callers, Identity, ShownCertificate, TokenRefused, Verified};
use crate::in_flight::InFlight;
use crate::layer::{self, Answering, Answers, CallLayer};
use crate::messages::{self, Encoding, Limits, Messages, Refusal, Wire};
use crate::metrics::{Metrics, MetricsError};
use crate::rejection::{RATE_LIMITED, Rejection, STREAM_LIFETIME, not_served};
use crate::settings::{ServerSettings, WithoutTokenLimits};
use crate::without_token::WithoutToken;

/// Maximum number of calls whose token waits for the issuer's keys; calls with a known key do not wait.
const AUTHENTICATIONS: NonZeroU32 = NonZeroU32::new(256).unwrap();
/// Retry delay at that limit.
const AUTHENTICATION_RETRY: Duration = Duration::from_secs(1);

/// State of the authorization layer.
pub(crate) struct AuthState {
    identity: Identity,
    /// The rows of all served methods.
    tables: Vec<&'static [Method]>,
    clients: Clients,
    authentications: InFlight,
    /// Refused tokens, by address.
    failures: Allowance<Network>,
    without_token: WithoutToken,
    trusted_proxies: TrustedProxies,
    messages: Messages,
    limits: MessageLimits,
    /// Required progress of streams.
    pace: SlowReaderLimits,
    /// Time for the calls of a connection to end once it has reached its maximum age.
    age_grace: Duration,
}

/// Limits of request headers and messages, with and without a token.
struct MessageLimits {
    header_bytes_max: u32,
    bytes_max: u64,
    open: WithoutTokenLimits,
}

/// Adds authorization to the routes of a server.
#[derive(Clone)]
pub(crate) struct AuthLayer(pub(crate) Arc<AuthState>);

/// An admitted call.
struct Admitted {
    verified: Verified,
    certificate: Option<Arc<ShownCertificate>>,
    /// Permits held until it has ended.
    permits: Held,
    limits: Limits,
    /// How its messages come.
    wire: Wire,
}

impl CallLayer for AuthLayer {
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering {
        let (door, mut inner) = (Arc::clone(&self.0), layer::take_ready(inner));
        let Some(method) = access::find(&door.tables, request.uri().path()) else {
            let status = not_served(request.uri().path());
            return Box::pin(async { Ok(status.into_http()) });
        };
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match door.admit(&method, &mut parts).await {
                Ok(admitted) => door.serve(admitted, &mut inner, Request::from_parts(parts, body)).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl AuthState {
    /// Authorization for a service with these methods, health, and reflection if it is served.
    pub(crate) fn new(
        identity: Identity,
        methods: &'static [Method],
        settings: &ServerSettings,
        source: &Source,
        metrics: &Metrics,
    ) -> Result<Self, MetricsError> {
        let tables = access::tables(methods, settings.reflection);
        let undecoded = settings.undecoded_bytes.get();
        let trusted_proxies = source.trusted_proxies.clone();
        let without_token =
            WithoutToken::new(&settings.without_token, source.callers, trusted_proxies.clone());
        let authentications =
            InFlight::new("tokens that wait for the issuer's keys", AUTHENTICATIONS, AUTHENTICATION_RETRY);
        metrics.watch_permits(&[without_token.in_flight()])?;
        Ok(Self {
            identity,
            tables,
            clients: Clients::new(settings.per_client.clone(), undecoded / u64::from(PARTS)),
            authentications,
            failures: Allowance::new(settings.failed_authentications_per_minute),
            without_token,
            trusted_proxies,
            messages: Messages::new(undecoded, metrics)?,
            limits: MessageLimits {
                header_bytes_max: settings.max_header_bytes.get(),
                bytes_max: settings.message_bytes(),
                open: settings.without_token.clone(),
            },
            pace: SlowReaderLimits {
                stalled_after: settings.stalled_after(),
                least_bytes_per_second: settings.least_bytes_per_second,
            },
            age_grace: Duration::from_secs(settings.max_connection_age_grace_s.get()),
        })
    }

    async fn admit(&self, method: &Method, request: &mut Parts) -> Result<Admitted, Status> {
        headers::check(request, self.limits.header_bytes_max)?;
        let certificate = request.extensions.get::<Peer>().and_then(|peer| peer.certificate.as_deref());
        self.identity.check_certificate(certificate)?;
        let mut admitted = match method.needs {
            Needs::Nothing => self.admit_open(method.shape, request)?,
            Needs::AnyOf(_) => self.admit_caller(method, request).await?,
        };
        admitted.wire = request.extensions.remove::<Wire>().unwrap_or_default();
        admitted.wire.encoding = Encoding::take_of(&mut request.headers)?;
        Ok(admitted)
    }

    /// Admits a call that needs no token; a token that it carries is ignored.
    fn admit_open(&self, shape: Shape, request: &Parts) -> Result<Admitted, Status> {
        let peer = request.extensions.get::<Peer>();
        let address = peer.and_then(|peer| peer.address);
        let open = self.without_token.enter(address)?;
        let counted = address.and_then(|address| self.trusted_proxies.counted(address));
        let certificate = peer.and_then(|peer| peer.certificate.clone());
        let key = match &certificate {
            Some(certificate) => Some(ClientKey::Certificate(Arc::clone(certificate.in_hexadecimal()))),
            None => counted.map(|network| ClientKey::Address(Some(network))),
        };
        let entered = key.map(|key| self.enter(key, shape)).transpose()?.flatten();
        let MessageLimits { open: limits, .. } = &self.limits;
        let limits = Limits {
            bytes_max: limits.message_bytes.get().into(),
            within: limits.message_timeout(),
            shape,
            share: entered.as_ref().map(|entered| Arc::clone(&entered.undecoded)),
        };
        let permits: Held = Some(Box::new((open, entered)));
        Ok(Admitted { verified: Verified::unknown(), certificate, permits, limits, wire: Wire::default() })
    }

    async fn admit_caller(&self, method: &Method, request: &Parts) -> Result<Admitted, Status> {
        let peer = request.extensions.get::<Peer>().cloned().unwrap_or_default();
        let verified = self.authenticate(&request.headers, &peer).await?;
        let caller = &verified.caller;
        if let Some(trail) = request.extensions.get::<Trail>() {
            trail.called_by(caller, method.shape);
        }
        if let Some(connection) = request.extensions.get::<Arc<State>>() {
            connection.authenticate(&caller.client_id);
        }
        access::check(caller, method.needs)?;
        let entered = self.enter(ClientKey::Named(caller.client_id.clone()), method.shape)?;
        let limits = Limits {
            bytes_max: self.limits.bytes_max,
            within: self.pace.stalled_after,
            shape: method.shape,
            share: entered.as_ref().map(|entered| Arc::clone(&entered.undecoded)),
        };
        let permits: Held = entered.map(|entered| Box::new(entered) as _);
        Ok(Admitted { verified, certificate: peer.certificate, permits, limits, wire: Wire::default() })
    }

    /// The caller of a request. An address whose tokens fail too often is refused before a signature is verified; a
    /// token known to be valid is accepted from any address, and trusted proxies are not counted.
    async fn authenticate(&self, headers: &HeaderMap, peer: &Peer) -> Result<Verified, Status> {
        let network = peer.address.and_then(|address| self.trusted_proxies.counted(address));
        let now = || Instant::now().into_std();
        let failed = |refused: TokenRefused| {
            if let Some(network) = network.filter(|_| refused.is_a_failure()) {
                self.failures.add(network, now());
            }
            Status::from(refused)
        };
        let token = bearer(headers).map_err(failed)?;
        if !self.identity.has_verified(token)
            && let Some(wait) = network.and_then(|network| self.failures.wait(&network, now()))
        {
            return Err(too_many_failures(wait));
        }
        let mut verified = pin!(self.identity.verified(token));
        let verified = if let Some(verified) = verified.as_mut().now_or_never() {
            verified
        } else {
            let _permit = self.authentications.try_acquire_unshared()?;
            verified.await
        };
        let verified = verified.map_err(failed)?;
        check_binding(&verified.caller, peer.certificate.as_deref()).map_err(failed)?;
        Ok(verified)
    }

    /// Counts a call for its client, if clients are known.
    fn enter(&self, key: ClientKey, shape: Shape) -> Result<Option<Entered>, Status> {
        let kind = if shape == Shape::Single { Kind::Call } else { Kind::Stream };
        match self.identity.callers() {
            Callers::Anyone => Ok(None),
            Callers::Identified => self.clients.enter(key, kind).map(Some),
        }
    }

    async fn serve(
        &self,
        admitted: Admitted,
        inner: &mut impl Answers,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Infallible> {
        let Admitted { verified, certificate, permits, limits, wire } = admitted;
        let shape = limits.shape;
        let stalled_after = self.pace.stalled_after;
        let connection = request.extensions().get::<Arc<State>>().cloned();
        let end = (shape != Shape::Single).then(|| self.end_of(&verified, certificate, connection));
        request.extensions_mut().insert(verified.caller);
        let refusal = Refusal::default();
        request = request.map(|body| self.messages.limited(body, limits, wire, Arc::clone(&refusal)));
        if let Some(scan) = bounds::scan_of_method(request.uri().path()) {
            request = request.map(|body| bounded::request(body, scan));
        }
        match end {
            None => {
                let answer = inner.call(request).await;
                drop(permits);
                answer
            }
            Some(end) => {
                if shape == Shape::Both {
                    request = request.map(|body| bounded_stream::requests(body, end.clone(), stalled_after));
                }
                let mut answer = inner.call(request).await?;
                if shape == Shape::Both {
                    answer = answer.map(|body| messages::unless_refused(body, refusal));
                }
                // The client's messages end first, and those that were read are answered.
                let answering = stalled_after.min(self.age_grace / 4);
                let end = if shape == Shape::Both { end.later(answering) } else { end };
                Ok(answer.map(|body| bounded_stream::answers(body, end, self.pace, permits)))
            }
        }
    }

    /// A stream ends with its grant: when it expires, or when its key or the caller's certificate is revoked. It also
    /// ends at its maximum lifetime, or after half of the grace once its connection has reached its maximum age.
    fn end_of(
        &self,
        verified: &Verified,
        certificate: Option<Arc<ShownCertificate>>,
        connection: Option<Arc<State>>,
    ) -> End {
        let lifetime = self.clients.limits().stream_lifetime();
        let grant = verified.caller.expires_at.map(|end| {
            let left = end.duration_since(Timestamp::now());
            Duration::try_from(left).unwrap_or_default()
        });
        let (after, status): (_, Status) = match grant {
            Some(left) if left < lifetime => (left, TokenRefused::Expired.into()),
            _ => {
                let message = format!("a stream may last {} s; continue with a new one", lifetime.as_secs());
                (lifetime, Rejection::new(STREAM_LIFETIME, message).into())
            }
        };
        let ends_at = Instant::now() + after;
        let key_removed = verified.key_removed.clone();
        let certificate = certificate.zip(self.identity.verifiers.clone());
        let grace = self.age_grace / 2;
        End::when(async move {
            let connection_ends = async {
                match connection {
                    Some(connection) => connection.aged().await,
                    None => pending().await,
                }
                sleep(grace).await;
                let message =
                    "the connection has reached its maximum age; start a new stream on a new connection";
                Rejection::new(STREAM_LIFETIME, message).into()
            };
            let certificate_ends = async {
                match certificate {
                    Some((certificate, verifiers)) => certificate.ends(verifiers).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = sleep_until(ends_at) => status,
                status = connection_ends => status,
                () = key_removed.cancelled() => TokenRefused::KeyRemoved.into(),
                ended = certificate_ends => ended,
            }
        })
    }
}

fn too_many_failures(wait: Duration) -> Status {
    let message = "too many tokens from this address were refused; retry later with a valid token";
    Rejection::new(RATE_LIMITED, message).retry_after(wait).into()
}

/// A token that is bound to a certificate requires that certificate.
fn check_binding(caller: &Caller, shown: Option<&ShownCertificate>) -> Result<(), TokenRefused> {
    match &caller.certificate {
        Some(bound) if shown.is_none_or(|shown| shown.digest() != bound) => {
            Err(TokenRefused::OtherCertificate)
        }
        _ => Ok(()),
    }
}

/// The token of a call, if any.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenRefused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let invalid = |what: &str| TokenRefused::Invalid(what.to_owned());
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(invalid("the call has several `authorization` headers")),
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| invalid("it is not a text"))?;
            match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
                _ => Err(invalid("expected `authorization: Bearer …`")),
            }
        }
    }
}
