//! Ensures that every call gets an answer callers can act on: `DEADLINE_EXCEEDED` after its time limit (the transport's
//! limit would answer `CANCELLED`, which callers take for their own action), and `INTERNAL` after a panic of the
//! handler. Measures each call to the end of its answer.
//!
//! Covers a call up to the start of its answer; handlers bound the rest of a stream.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tracing::Instrument as _;

use crate::deadline;
use crate::layer::{Answering, Answers, CallLayer};
use crate::metrics::Rpcs;
use crate::rejection::{INTERNAL, Rejection, TIMED_OUT};

/// Answers every call of a server in time.
#[derive(Clone)]
pub(crate) struct DeadlineLayer {
    /// Time limit; the caller's deadline applies if it is shorter.
    pub(crate) within: Duration,
    pub(crate) rpcs: Rpcs,
}

impl CallLayer for DeadlineLayer {
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering {
        let within = deadline::of_headers(request.headers()).map_or(self.within, |own| own.min(self.within));
        let call = self.rpcs.begin(request.uri().path(), request.headers());
        let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
        let span = call.span().clone();
        let answered = async move {
            let answer = match tokio::time::timeout(within, answer).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_)) => panicked().into_http(),
                Err(_) => timed_out(within).into_http(),
            };
            Ok(call.answered(answer))
        };
        Box::pin(answered.instrument(span))
    }
}

fn timed_out(within: Duration) -> Status {
    let message = format!(
        "no answer within {} ms; the request may have been executed: send it again with the same ids",
        within.as_millis()
    );
    Rejection::new(TIMED_OUT, message).into()
}

/// The panic's text is only on standard error, because it may quote the request.
fn panicked() -> Status {
    tracing::error!("a handler panicked");
    Rejection::new(INTERNAL, "internal error; see the service log").into()
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1 as pb;
    use pb::operations_service_client::OperationsServiceClient;
    use pb::operations_service_server::{OperationsService, OperationsServiceServer};
    use tonic::Code;
    use tonic::service::Routes;

    use super::*;
    use crate::metrics::Metrics;
    use crate::rejection::reason_of;

    struct Silent;

    #[tonic::async_trait]
    impl OperationsService for Silent {
        async fn get_status(
            &self,
            _: tonic::Request<pb::GetStatusRequest>,
        ) -> Result<tonic::Response<pb::GetStatusResponse>, Status> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_shorter_of_the_callers_deadline_and_the_servers_limit_ends_the_call() {
        for (own_s, server_s, ended_after_s) in [(2, 30, 2), (60, 30, 30)] {
            let routes = Routes::new(OperationsServiceServer::new(Silent));
            let rpcs = Rpcs::new(&Metrics::default(), &[]).unwrap();
            let answered = DeadlineLayer { within: Duration::from_secs(server_s), rpcs }.layer(routes);
            // In process: only the server keeps the deadline, because there is no client transport.
            let mut client = OperationsServiceClient::new(answered);
            let mut request = tonic::Request::new(pb::GetStatusRequest::default());
            request.set_timeout(Duration::from_secs(own_s));
            let started = tokio::time::Instant::now();
            let ended = client.get_status(request).await.unwrap_err();
            assert_eq!(ended.code(), Code::DeadlineExceeded);
            assert_eq!(reason_of(&ended).as_deref(), Some("TIMED_OUT"));
            assert_eq!(started.elapsed().as_secs(), ended_after_s);
        }
    }
}
