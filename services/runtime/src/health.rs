//! Health of a process over `grpc.health.v1`: one status per named service, and for the whole (`""`), which
//! serves only when every named service does. A service sets its own; the shell ends it when it drains.
//!
//! Does not find out whether a service is well, and does not open a port.

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
    /// It takes calls.
    Serving,
    /// It does not, now: it starts, catches up, lost what it depends on, or leaves.
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

/// Handle on the health of one process's services; clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    state: Arc<Mutex<State>>,
    names: Arc<[&'static str]>,
    /// By place of the name: what was told last, for those who must not wait.
    told: Arc<[AtomicBool]>,
}

#[derive(Debug)]
enum State {
    Open {
        /// What each service says.
        services: BTreeMap<&'static str, Readiness>,
        /// Services that cannot serve, whatever they say.
        held: BTreeSet<&'static str>,
    },
    /// For good: a late report of a service must not bring callers back.
    Leaving,
}

impl Health {
    /// Health of the services with these names (`Server::NAME` of the generated servers), each not serving
    /// until it is set. They are also what reflection lists.
    pub async fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let names: Arc<[&'static str]> = names.into_iter().collect();
        let health = Self {
            reporter: HealthReporter::new(),
            state: Arc::new(Mutex::new(State::Open { services: BTreeMap::new(), held: BTreeSet::new() })),
            told: names.iter().map(|_| AtomicBool::new(false)).collect(),
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

    /// Keeps services from serving whatever they say, as while no token can be verified, or no longer.
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
            self.tell(name, readiness);
            self.reporter.set_service_status(name, readiness.into()).await;
        }
        self.reporter.set_service_status(WHOLE, Readiness::of(all_serve).into()).await;
    }

    /// Everything stops serving, for good.
    pub(crate) async fn leave(&self) {
        let mut state = self.state.lock().await;
        *state = State::Leaving;
        for name in self.names.iter().copied().chain([WHOLE]) {
            self.tell(name, Readiness::NotServing);
            self.reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
    }

    /// As [`Health::leave`], and lets watchers go: a watch has no end of its own and would hold the drain.
    pub(crate) async fn drain(&self) {
        self.leave().await;
        let mut reporter = self.reporter.clone();
        for name in self.names.iter().copied().chain([WHOLE]) {
            reporter.clear_service_status(name).await;
        }
    }

    fn tell(&self, name: &str, readiness: Readiness) {
        if let Some(place) = self.names.iter().position(|known| *known == name) {
            self.told[place].store(readiness == Readiness::Serving, Ordering::Relaxed);
        }
    }

    /// Each named service, and whether it serves.
    pub(crate) fn serving(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.names.iter().zip(&*self.told).map(|(name, told)| (*name, told.load(Ordering::Relaxed)))
    }

    /// Whether every named service serves; without waiting.
    pub(crate) fn readiness(&self) -> Readiness {
        Readiness::of(self.told.iter().all(|told| told.load(Ordering::Relaxed)))
    }

    /// Whether one service serves; `None` for a name that is not served here.
    pub(crate) fn readiness_of(&self, service: &str) -> Option<Readiness> {
        let mut serving = self.serving();
        serving.find(|(name, _)| *name == service).map(|(_, serves)| Readiness::of(serves))
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The health protocol's service: what [`crate::serve`] serves, and tests ask without a port.
    #[must_use]
    pub fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }

    pub(crate) fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(self.service())
    }
}
