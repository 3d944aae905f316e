//! Health of a process over `grpc.health.v1`: one status per named service, and one for the whole process (`""`), which
//! is SERVING only if every named service is. A service sets its own status; the shell overrides it during the drain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Name of the whole process in the health protocol.
const WHOLE: &str = "";

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It accepts calls.
    Serving,
    /// It does not accept calls now: it is starting, catching up, has lost a dependency, or is shutting down.
    NotServing,
}

impl Readiness {
    fn of(serves: bool) -> Self {
        if serves { Self::Serving } else { Self::NotServing }
    }
}

impl From<Readiness> for ServingStatus {
    fn from(readiness: Readiness) -> Self {
        match readiness {
            Readiness::Serving => Self::Serving,
            Readiness::NotServing => Self::NotServing,
        }
    }
}

/// Handle on the health of a process's services; clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    state: Arc<Mutex<State>>,
    names: Arc<[&'static str]>,
    /// Last status per name, readable without blocking.
    announced: Arc<[AtomicBool]>,
}

#[derive(Debug)]
enum State {
    Open {
        /// Status that each service reported.
        services: BTreeMap<&'static str, Readiness>,
        /// Services that are `NOT_SERVING`, whatever they report.
        held: BTreeSet<&'static str>,
    },
    /// Final: a late report of a service must not bring callers back.
    Draining,
}

impl Health {
    /// Health of the services with these names (`Server::NAME` of the generated servers), each `NOT_SERVING` until it is
    /// set. Reflection lists the same names.
    pub async fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let names: Arc<[&'static str]> = names.into_iter().collect();
        let health = Self {
            reporter: HealthReporter::new(),
            state: Arc::new(Mutex::new(State::Open { services: BTreeMap::new(), held: BTreeSet::new() })),
            announced: names.iter().map(|_| AtomicBool::new(false)).collect(),
            names: Arc::clone(&names),
        };
        for name in names.iter() {
            health.set_named(name, Readiness::NotServing).await;
        }
        health
    }

    /// Sets the status of one service.
    pub async fn set<S: NamedService>(&self, readiness: Readiness) {
        self.set_named(S::NAME, readiness).await;
    }

    /// Sets the status of every named service.
    pub async fn set_all(&self, readiness: Readiness) {
        for name in self.names.iter() {
            self.set_named(name, readiness).await;
        }
    }

    async fn set_named(&self, name: &'static str, readiness: Readiness) {
        let mut state = self.state.lock().await;
        if let State::Open { services, held } = &mut *state {
            services.insert(name, readiness);
            self.report(services, held).await;
        }
    }

    /// Forces services to `NOT_SERVING`, for example while no token can be verified, or releases them.
    pub(crate) async fn hold(&self, names: &[&'static str], is_held: bool) {
        let mut state = self.state.lock().await;
        if let State::Open { services, held } = &mut *state {
            if is_held {
                held.extend(names);
            } else {
                held.retain(|name| !names.contains(name));
            }
            self.report(services, held).await;
        }
    }

    async fn report(&self, services: &BTreeMap<&'static str, Readiness>, held: &BTreeSet<&'static str>) {
        let mut all_serve = true;
        for (name, readiness) in services {
            let readiness = if held.contains(name) { Readiness::NotServing } else { *readiness };
            all_serve &= readiness == Readiness::Serving;
            self.announce(name, readiness);
            self.reporter.set_service_status(name, readiness.into()).await;
        }
        self.reporter.set_service_status(WHOLE, Readiness::of(all_serve).into()).await;
    }

    /// Sets everything to `NOT_SERVING`, permanently.
    pub(crate) async fn end_service(&self) {
        let mut state = self.state.lock().await;
        *state = State::Draining;
        for name in self.names.iter().copied().chain([WHOLE]) {
            self.announce(name, Readiness::NotServing);
            self.reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
    }

    /// Like [`Health::leave`], and ends watches: a watch never ends by itself and would block the drain.
    pub(crate) async fn drain(&self) {
        self.end_service().await;
        let mut reporter = self.reporter.clone();
        for name in self.names.iter().copied().chain([WHOLE]) {
            reporter.clear_service_status(name).await;
        }
    }

    fn announce(&self, name: &str, readiness: Readiness) {
        if let Some(place) = self.names.iter().position(|known| *known == name) {
            self.announced[place].store(readiness == Readiness::Serving, Ordering::Relaxed);
        }
    }

    /// Each named service, and whether it serves.
    pub(crate) fn serving(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.names
            .iter()
            .zip(&*self.announced)
            .map(|(name, announced)| (*name, announced.load(Ordering::Relaxed)))
    }

    /// Whether every named service serves; does not block.
    pub(crate) fn readiness(&self) -> Readiness {
        Readiness::of(self.announced.iter().all(|announced| announced.load(Ordering::Relaxed)))
    }

    /// Whether one service serves; `None` for an unknown name.
    pub(crate) fn readiness_of(&self, service: &str) -> Option<Readiness> {
        let mut serving = self.serving();
        serving.find(|(name, _)| *name == service).map(|(_, serves)| Readiness::of(serves))
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The service of the health protocol, for [`crate::serve`] and for tests without a port.
    #[must_use]
    pub fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }

    pub(crate) fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(self.service())
    }
}
