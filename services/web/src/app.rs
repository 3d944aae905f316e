//! State that all pages share: the clients of the services, the tokens of forms, the appearance, and the bounds of a
//! page (how many at once, and how long).

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cra_runtime::metrics::Metrics;
use cra_runtime::reload::Reloads;
use cra_runtime::shutdown::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::appearance::Appearance;
use crate::fault::Fault;
use crate::forms::Forms;
use crate::import::registry::Imports;
use crate::names::{Names, NamesFile};
use crate::people::People;
use crate::services::Services;
use crate::settings::Settings;

/// Metrics of answers: the name of the page, the status, and the duration.
type Durations = Box<dyn Fn(&'static str, &str, Duration) + Send + Sync>;

/// Shared state of all pages. Clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    services: Services,
    forms: Forms,
    appearance: Arc<Appearance>,
    names: NamesFile,
    hosts: Vec<String>,
    pages: Arc<Semaphore>,
    page_timeout: Duration,
    imports: Imports,
    uploads: Arc<Semaphore>,
    upload_bytes: u64,
    live: Arc<Semaphore>,
    people: Arc<People>,
    shutdown: Shutdown,
    durations: Durations,
}

impl App {
    pub(crate) fn new(settings: &Settings, metrics: &Metrics, shutdown: Shutdown) -> anyhow::Result<Self> {
        let help = "Time from the head of a request to the head of its answer, in seconds.";
        let durations = metrics.durations("cra_web_request_seconds", help, &["page", "status"])?;
        let permits = |limit: NonZeroU32| {
            let limit = usize::try_from(limit.get()).unwrap_or(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
        };
        Ok(Self(Arc::new(Inner {
            services: Services::new(settings)?,
            forms: Forms::new(settings)?,
            appearance: Arc::new(Appearance::new(&settings.web)?),
            names: NamesFile::read(settings.web.names.as_deref())?,
            hosts: settings.hosts.clone(),
            pages: permits(settings.limits.pages_in_flight),
            page_timeout: Duration::from_millis(settings.limits.page_timeout_ms.get()),
            imports: Imports::default(),
            uploads: permits(settings.limits.uploads_in_flight),
            upload_bytes: settings.limits.upload_bytes.get(),
            live: permits(settings.limits.live_streams),
            people: People::new(settings.limits.requests_of_a_person.get()),
            shutdown,
            durations: Box::new(move |page, status, took| {
                durations.with_label_values(&[page, status]).observe(took.as_secs_f64());
            }),
        })))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.services
    }

    /// Style sheets and other static files.
    pub(crate) fn appearance(&self) -> &Arc<Appearance> {
        &self.0.appearance
    }

    /// The names of advisors, structures and venues as last read from their file.
    pub(crate) fn names(&self) -> Arc<Names> {
        self.0.names.names()
    }

    /// Reads the files that may change again at each SIGHUP. Never returns.
    pub(crate) async fn reload(&self) -> Infallible {
        let mut reloads = Reloads::listen();
        loop {
            reloads.next().await;
            let app = self.clone();
            // The log contains the panic; the previous names remain in use.
            let _ = tokio::task::spawn_blocking(move || app.0.names.reload()).await;
        }
    }

    /// The issuer of the tokens of forms.
    pub(crate) fn forms(&self) -> &Forms {
        &self.0.forms
    }

    /// The files that were checked, and the progress of their recording.
    pub(crate) fn imports(&self) -> &Imports {
        &self.0.imports
    }

    /// A permit to hold an imported file in memory, released on drop.
    pub(crate) fn upload_permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.uploads).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// A permit to follow figures, released on drop.
    pub(crate) fn live_permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.live).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// The signal to stop, on which streams end.
    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.0.shutdown
    }

    /// Upper bound on the bytes of an imported file.
    pub(crate) fn upload_bytes(&self) -> u64 {
        self.0.upload_bytes
    }

    /// A permit to make a page or a file, released on drop.
    pub(crate) fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.pages).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// Makes a page within its permit and its time limit.
    pub(crate) async fn within<T>(&self, page: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let _permit = self.permit()?;
        self.within_limit(page).await
    }

    /// Does a part of a page within its time limit but without a permit: to read what a browser sends.
    pub(crate) async fn within_limit<T>(
        &self,
        part: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        timeout(self.0.page_timeout, part).await.unwrap_or(Err(Fault::TooSlow))
    }

    /// The names by which browsers may call these pages.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.0.hosts
    }

    /// The number of requests in flight of each person.
    pub(crate) fn people(&self) -> &Arc<People> {
        &self.0.people
    }

    /// Records one answer in the metrics.
    pub(crate) fn observe(&self, page: &'static str, status: &str, took: Duration) {
        (self.0.durations)(page, status, took);
    }
}
