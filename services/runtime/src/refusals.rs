//! Requests that are refused before they are a call: by their host, origin, path, method, content type, version of HTTP,
//! headers or address. No RPC counts them, so they are counted here, by cause; and audited where a call with their code is.

use std::sync::Arc;

use prometheus::IntCounter;
use strum::{IntoStaticStr, VariantArray};
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, Uri};

use crate::audit::Audit;
use crate::audit::layer::TRACE_HEADER;
use crate::connections::Peer;
use crate::metrics::{Metrics, MetricsError};

/// Why a request is no call; the label `cause` of `cra_requests_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Cause {
    /// It has no host, several, or one that the service does not answer to.
    Host,
    /// A page of another origin sent it.
    Origin,
    /// Its path is not served.
    Path,
    /// Its HTTP method is not that of what it addresses.
    Method,
    /// Its content type is of no protocol.
    ContentType,
    /// Its protocol or version of HTTP cannot carry the call.
    Protocol,
    /// Its headers are too large.
    Headers,
    /// A header or a parameter of its address is malformed.
    Malformed,
}

/// In the extensions of the answer to such a request.
#[derive(Clone, Copy, Debug)]
struct BeforeCall {
    cause: Cause,
    code: Code,
}

/// Marks the answer to a request that is no call.
pub(crate) fn mark(answer: &mut Response<Body>, cause: Cause, code: Code) {
    answer.extensions_mut().insert(BeforeCall { cause, code });
}

/// Counts and audits marked answers; clones share the counters.
#[derive(Clone)]
pub(crate) struct Refusals {
    counters: Arc<[IntCounter]>,
    audit: Audit,
}

impl Refusals {
    pub(crate) fn new(metrics: &Metrics, audit: Audit) -> Result<Self, MetricsError> {
        let help = "Requests that were refused before they were a call, by cause.";
        Ok(Self { counters: metrics.causes::<Cause>("cra_requests_refused_total", help)?, audit })
    }

    /// Records an answer, if it is marked. `call_at` names the call at a path; others are recorded without their path,
    /// which is text of the caller.
    pub(crate) fn record(
        &self,
        answer: &Response<Body>,
        by: &Requester,
        call_at: impl FnOnce(&str) -> Option<&'static str>,
    ) {
        let Some(BeforeCall { cause, code }) = answer.extensions().get().copied() else { return };
        self.counters[cause as usize].inc();
        let call = call_at(by.uri.path()).unwrap_or("other");
        self.audit.refused(call, by.peer.clone(), by.traceparent.as_ref(), code);
    }
}

/// Who sent a request, and to which address; kept until its answer is known.
pub(crate) struct Requester {
    peer: Peer,
    uri: Uri,
    traceparent: Option<HeaderValue>,
}

impl Requester {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        Self {
            peer: request.extensions().get().cloned().unwrap_or_default(),
            uri: request.uri().clone(),
            traceparent: request.headers().get(TRACE_HEADER).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn marked_answers_are_counted_by_cause_and_audited_only_where_rights_or_limits_refused_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let settings = toml::from_str(&format!("to = {path:?}")).unwrap();
        let (metrics, audit) = (Metrics::default(), Audit::open(&settings, "test").unwrap());
        let refusals = Refusals::new(&metrics, audit.clone()).unwrap();
        let request = Request::post("/known").body(Body::empty()).unwrap();
        let by = Requester::of(&request);
        let record = |marked: Option<(Cause, Code)>, call| {
            let mut answer = Response::new(Body::empty());
            if let Some((cause, code)) = marked {
                mark(&mut answer, cause, code);
            }
            refusals.record(&answer, &by, |_| call);
        };
        record(None, Some("/cra.v1.Service/Method"));
        for &cause in Cause::VARIANTS {
            record(Some((cause, Code::Unimplemented)), None);
        }
        record(Some((Cause::Origin, Code::PermissionDenied)), Some("/cra.v1.Service/Method"));
        record(Some((Cause::Host, Code::PermissionDenied)), None);
        audit.close().await;
        let text = metrics.text().unwrap();
        for cause in Cause::VARIANTS {
            let count = if matches!(cause, Cause::Host | Cause::Origin) { 2 } else { 1 };
            let line = format!("cra_requests_refused_total{{cause=\"{}\"}} {count}\n", <&str>::from(cause));
            assert!(text.contains(&line), "{line} in {text}");
        }
        let lines = std::fs::read_to_string(path).unwrap();
        let calls: Vec<String> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| format!("{} {}", line["call"].as_str().unwrap(), line["code"].as_str().unwrap()))
            .collect();
        assert_eq!(calls, ["Service/Method PERMISSION_DENIED", "other PERMISSION_DENIED"]);
    }
}
