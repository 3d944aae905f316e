//! A service of the contract that answers at the command of the test, and a server around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::audit::Audit;
use cra_runtime::health::{Health, Readiness};
use cra_runtime::identity::Identity;
use cra_runtime::identity::access::{Method, Needs, Shape};
use cra_runtime::listen;
use cra_runtime::metrics::Metrics;
use cra_runtime::serve::{Api, DrainOutcome, ServeError, ServerSettings, serve};
use cra_runtime::shutdown::Shutdown;
use pb::operations_service_client::OperationsServiceClient;
use pb::operations_service_server::{OperationsService, OperationsServiceServer};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tonic::codegen::BoxStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

pub(crate) type Server = OperationsServiceServer<Probe>;
pub(crate) type Client = OperationsServiceClient<Channel>;

/// `GetStatus` waits for `answer`; `Verify` sends one message and never ends; `Promote` panics.
#[derive(Clone, Default)]
pub(crate) struct Probe {
    pub(crate) entered: Arc<Notify>,
    pub(crate) answer: Arc<Notify>,
    pub(crate) streams_open: Arc<AtomicU32>,
}

struct CountedStream(Arc<AtomicU32>);

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl OperationsService for Probe {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let deadline = cra_runtime::deadline::deadline(request.metadata()).unwrap_or_default();
        let lag_ms = u64::try_from(deadline.as_millis()).unwrap();
        self.entered.notify_one();
        self.answer.notified().await;
        Ok(Response::new(pb::GetStatusResponse { lag_ms, ..pb::GetStatusResponse::default() }))
    }

    async fn promote(&self, _: Request<pb::PromoteRequest>) -> Result<Response<pb::PromoteResponse>, Status> {
        panic!("as the test asks")
    }

    async fn verify(
        &self,
        _: Request<pb::VerifyRequest>,
    ) -> Result<Response<BoxStream<pb::VerifyResponse>>, Status> {
        self.streams_open.fetch_add(1, Ordering::SeqCst);
        let open = CountedStream(Arc::clone(&self.streams_open));
        let endless = futures::stream::unfold((0, open), |(sent, open)| async move {
            if sent > 0 {
                std::future::pending::<()>().await;
            }
            Some((Ok(pb::VerifyResponse::default()), (sent + 1, open)))
        });
        Ok(Response::new(Box::pin(endless)))
    }
}

const fn open(path: &'static str, shape: Shape) -> Method {
    Method { path, needs: Needs::Nothing, shape, one_by_one: None }
}

const METHODS: &[Method] = &[
    open("/cra.v1.OperationsService/GetStatus", Shape::Single),
    open("/cra.v1.OperationsService/Promote", Shape::Single),
    open("/cra.v1.OperationsService/Verify", Shape::Answers),
];

/// A server that runs, and what a test needs to hold it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) probe: Probe,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
    pub(crate) outcome: JoinHandle<Result<DrainOutcome, ServeError>>,
}

pub(crate) async fn run(settings: ServerSettings) -> Running {
    let listener = listen::bind("127.0.0.1:0".parse().unwrap(), Identity::not_configured()).unwrap();
    let listener = listener.open().unwrap();
    let address = listener.address();
    let probe = Probe::default();
    let names = [<Server as tonic::server::NamedService>::NAME];
    let health = Health::of(names).await;
    health.set_all(Readiness::Serving).await;
    let shutdown = Shutdown::new();
    let outcome = tokio::spawn({
        let (probe, health, begun) = (probe.clone(), health.clone(), shutdown.clone().into_requested());
        async move {
            let routes = tonic::service::Routes::new(OperationsServiceServer::new(probe));
            let api = Api { routes, methods: METHODS, audit: Audit::default() };
            serve(listener, &settings, api, health, &Metrics::default(), begun).await
        }
    });
    Running { address, probe, health, shutdown, outcome }
}

impl Running {
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        OperationsServiceClient::new(self.channel().await)
    }

    /// Fails the test instead of hanging it.
    pub(crate) async fn drained(self) -> DrainOutcome {
        let outcome = tokio::time::timeout(Duration::from_secs(20), self.outcome).await;
        outcome.expect("the server did not end").unwrap().unwrap()
    }
}

pub(crate) fn with_drain_deadline(deadline_ms: u64) -> ServerSettings {
    ServerSettings { drain_deadline_ms: deadline_ms.try_into().unwrap(), ..ServerSettings::default() }
}
