//! The door of a service: a call comes in if its path is served, its token is good for it and its client has a place;
//! its handler then finds who calls. A stream ends with its grant.
//!
//! Health and reflection are open to all and counted for nobody. Which CRAs a request may touch is the handler's to
//! say, for it alone knows which it asks for.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cra_contracts::bounds;
use jiff::Timestamp;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::request::Parts;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use crate::bounded;
use crate::clients::{ClientKey, Clients, Kind};
use crate::connections::Peer;
use crate::guarded::{self, End};
use crate::identity::access::{self, Method, Needs, Shape, Target};
use crate::identity::{Caller, Callers, Identity, TokenRefused};
use crate::in_flight::Permit;
use crate::rejection::{Rejection, STREAM_LIFETIME, not_served};

/// What decides who comes in.
pub(crate) struct Door {
    pub(crate) identity: Identity,
    pub(crate) methods: &'static [Method],
    pub(crate) clients: Clients,
    /// How long one side of a stream may neither send nor take.
    pub(crate) stalled_after: Duration,
    /// Largest message of a call.
    pub(crate) message_bytes_max: usize,
}

/// Puts a door before the routes of a server.
#[derive(Clone)]
pub(crate) struct Admission(pub(crate) Arc<Door>);

impl<S> Layer<S> for Admission {
    type Service = Admitting<S>;

    fn layer(&self, inner: S) -> Admitting<S> {
        Admitting { door: Arc::clone(&self.0), inner }
    }
}

/// Routes behind a door.
#[derive(Clone)]
pub(crate) struct Admitting<S> {
    door: Arc<Door>,
    inner: S,
}

/// A call that came in.
struct Admitted {
    caller: Arc<Caller>,
    permit: Option<Permit>,
    shape: Shape,
}

impl<S> Service<Request<Body>> for Admitting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        // The one that was asked whether it is ready takes the call.
        let mut inner = mem::replace(&mut self.inner, next);
        let door = Arc::clone(&self.door);
        match access::target(door.methods, request.uri().path()) {
            Target::Shell => Box::pin(inner.call(request)),
            Target::Unknown => {
                let status = not_served(request.uri().path());
                Box::pin(async { Ok(status.into_http()) })
            }
            Target::Method(method) => Box::pin(async move {
                let (parts, body) = request.into_parts();
                match door.admit(&method, &parts).await {
                    Ok(admitted) => door.serve(admitted, &mut inner, Request::from_parts(parts, body)).await,
                    Err(status) => Ok(status.into_http()),
                }
            }),
        }
    }
}

impl Door {
    async fn admit(&self, method: &Method, request: &Parts) -> Result<Admitted, Status> {
        let caller = match method.needs {
            // A token is not looked at where none is needed.
            Needs::Nothing => None,
            Needs::AnyOf(_) => {
                let caller = self.identity.caller(bearer(&request.headers)?).await?;
                access::check(&caller, method.needs)?;
                Some(caller)
            }
        };
        let permit = match self.identity.callers() {
            Callers::Anyone => None,
            Callers::Identified => {
                let kind = if method.shape == Shape::Single { Kind::Call } else { Kind::Stream };
                Some(self.clients.enter(client_key(caller.as_deref(), request), kind)?)
            }
        };
        let caller = caller.unwrap_or_else(|| Arc::new(Caller::nobody()));
        Ok(Admitted { caller, permit, shape: method.shape })
    }

    async fn serve<S>(
        &self,
        admitted: Admitted,
        inner: &mut S,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let Admitted { caller, permit, shape } = admitted;
        let end = (shape != Shape::Single).then(|| self.end_of(&caller));
        request.extensions_mut().insert(caller);
        if let Some(scan) = bounds::scan_of_method(request.uri().path()) {
            request = request.map(|body| bounded::request(body, scan, self.message_bytes_max));
        }
        match end {
            None => {
                let answer = inner.call(request).await;
                drop(permit);
                answer
            }
            Some(end) => {
                if shape == Shape::Both {
                    request = request.map(|body| guarded::requests(body, end.clone(), self.stalled_after));
                }
                let answer = inner.call(request).await?;
                // The client's messages end first, and what was read of them is answered.
                let end = if shape == Shape::Both { end.later(self.stalled_after) } else { end };
                Ok(answer.map(|body| guarded::answers(body, end, self.stalled_after, permit)))
            }
        }
    }

    /// A stream ends with its grant, or when it has lived as long as it may.
    fn end_of(&self, caller: &Caller) -> End {
        let lifetime = self.clients.limits().stream_lifetime();
        let grant = caller.expires_at.map(|end| {
            let left = end.duration_since(Timestamp::now());
            Duration::try_from(left).unwrap_or_default()
        });
        match grant {
            Some(left) if left < lifetime => {
                End { at: Instant::now() + left, status: TokenRefused::Expired.into() }
            }
            _ => {
                let message = format!("a stream lives {} s; go on with a new one", lifetime.as_secs());
                let status = Rejection::new(STREAM_LIFETIME, message).into();
                End { at: Instant::now() + lifetime, status }
            }
        }
    }
}

/// The token of a call, if it carries one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenRefused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let invalid = |what: &str| TokenRefused::Invalid(what.to_owned());
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(invalid("the call carries several")),
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| invalid("it is no text"))?;
            match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
                _ => Err(invalid("expected `authorization: Bearer …`")),
            }
        }
    }
}

fn client_key(caller: Option<&Caller>, request: &Parts) -> ClientKey {
    let peer = request.extensions.get::<Peer>();
    match (caller, peer) {
        (Some(caller), _) => ClientKey::Named(caller.client_id.clone()),
        (None, Some(Peer { certificate: Some(certificate), .. })) => {
            ClientKey::Certificate(Arc::clone(certificate))
        }
        (None, peer) => ClientKey::Address(peer.and_then(|peer| peer.address)),
    }
}
