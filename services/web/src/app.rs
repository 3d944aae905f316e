//! Which address leads to which page, and the bounds of a page: how many at once, and how long.

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use cra_runtime::metrics::Metrics;
use cra_runtime::reload::Reloads;
use cra_runtime::shutdown::Shutdown;
use cra_runtime::traces;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::fault::Fault;
use crate::forms::Forms;
use crate::import::{self, Imports};
use crate::look::Look;
use crate::names::{Names, NamesFile};
use crate::people::People;
use crate::services::Services;
use crate::settings::Settings;
use crate::{accessibility, entry, figures, files, guard, live, look, records, state, vocabulary};

/// Counts one answer: the name of its page, its status, and how long it took.
type Durations = Box<dyn Fn(&'static str, &str, Duration) + Send + Sync>;

/// What every page needs; clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    services: Services,
    forms: Forms,
    look: Arc<Look>,
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
        let permits = |most: NonZeroU32| {
            let most = usize::try_from(most.get()).unwrap_or(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
        };
        Ok(Self(Arc::new(Inner {
            services: Services::new(settings)?,
            forms: Forms::new(settings)?,
            look: Arc::new(Look::new(&settings.web)?),
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
    pub(crate) fn look(&self) -> &Arc<Look> {
        &self.0.look
    }

    /// Names of advisors, structures and venues, as the file has them now.
    pub(crate) fn names(&self) -> Arc<Names> {
        self.0.names.names()
    }

    /// Reads files again that may have changed, at each SIGHUP; never ends.
    pub(crate) async fn reload(&self) -> Infallible {
        let mut reloads = Reloads::listen();
        loop {
            reloads.next().await;
            let app = self.clone();
            // A panic would be in the log; the names stay as they were.
            let _ = tokio::task::spawn_blocking(move || app.0.names.read_again()).await;
        }
    }

    /// The tokens of forms.
    pub(crate) fn forms(&self) -> &Forms {
        &self.0.forms
    }

    /// Checked files, and how far their recording is.
    pub(crate) fn imports(&self) -> &Imports {
        &self.0.imports
    }

    /// A permit to hold a file that is imported; dropping it gives it back.
    pub(crate) fn upload_permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.uploads).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// A permit to follow figures; dropping it gives it back.
    pub(crate) fn live_permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.live).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// The request to stop, at which streams end.
    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.0.shutdown
    }

    /// Bytes of a file that is imported.
    pub(crate) fn upload_bytes(&self) -> u64 {
        self.0.upload_bytes
    }

    /// A permit to make a page or a file; dropping it gives it back.
    pub(crate) fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.pages).try_acquire_owned().map_err(|_| Fault::Busy)
    }

    /// Makes a page within its bounds.
    pub(crate) async fn within<T>(&self, page: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let _permit = self.permit()?;
        self.in_time(page).await
    }

    /// Does a part of a page within the time of a page, without one of its permits: to read what a browser sends.
    pub(crate) async fn in_time<T>(&self, part: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        timeout(self.0.page_timeout, part).await.unwrap_or(Err(Fault::TooSlow))
    }
}

/// All addresses.
pub(crate) fn router(app: App) -> Router {
    let reading = |handler: MethodRouter<App>| handler.fallback(async || Fault::Method);
    Router::new()
        .route("/", reading(get(figures::show)))
        .route("/direct", reading(get(live::stream)))
        .route("/saisie", reading(changing(&app, get(entry::show), post(entry::send))))
        .route("/saisie/communes", reading(get(entry::complete)))
        .route("/cra", reading(get(records::list)))
        .route("/cra/{id}", reading(get(records::show)))
        .route(
            "/cra/{id}/corriger",
            reading(changing(&app, get(records::correct), post(records::send_correction))),
        )
        .route(
            "/cra/{id}/retirer",
            reading(changing(&app, get(records::withdraw), post(records::send_withdrawal))),
        )
        .route("/import", reading(changing(&app, get(import::show), post(import::send))))
        .route("/import/{id}", reading(changing(&app, get(import::show_one), post(import::confirm))))
        .route("/mots", reading(get(vocabulary::show)))
        .route("/etat", reading(get(state::show)))
        .route("/accessibilite", reading(get(accessibility::show)))
        .route("/fichiers/{name}", reading(get(files::send)))
        .route("/static/{file}", reading(get(look::serve)))
        .fallback(async || Fault::NotFound)
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// A page that changes something: `sent` gets only the forms that these pages sent.
fn changing(app: &App, shown: MethodRouter<App>, sent: MethodRouter<App>) -> MethodRouter<App> {
    shown.merge(sent.layer(middleware::from_fn_with_state(app.clone(), from_these_pages)))
}

async fn from_these_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    if guard::is_sent_by_these_pages(request.headers(), &app.0.hosts) {
        next.run(request).await
    } else {
        Fault::Foreign.into_response()
    }
}

/// The name of a page in the metrics: a fixed list.
fn label(path: &str) -> &'static str {
    match path {
        "/" => "figures",
        "/direct" => "live",
        "/mots" => "words",
        "/etat" => "state",
        "/accessibilite" => "accessibility",
        "/saisie" => "entry",
        "/saisie/communes" => "communes",
        "/cra" => "records",
        "/import" => "import",
        _ if path.starts_with("/cra/") => "record",
        _ if path.starts_with("/import/") => "import",
        _ if path.starts_with("/fichiers/") => "files",
        _ if path.starts_with("/static/") => "static",
        _ => "other",
    }
}

async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let page = label(request.uri().path());
    let span = traces::of_page(page, request.headers());
    let answer = async {
        if !guard::knows_host(request.headers(), &app.0.hosts) {
            return Fault::UnknownHost.into_response();
        }
        let subject = app.services().caller(request.headers()).subject;
        if subject.is_empty() {
            return next.run(request).await;
        }
        match app.0.people.admit(subject) {
            Some(held) => next.run(request).await.map(|body| held.until_sent(body)),
            None => Fault::Busy.into_response(),
        }
    };
    let mut response = Arc::clone(app.look()).within(answer).instrument(span).await;
    guard::secure(response.headers_mut());
    (app.0.durations)(page, response.status().as_str(), began.elapsed());
    response
}
