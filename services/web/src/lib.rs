//! The web pages: the form, its CRAs, and the figures of a selection. They are rendered on the server, in French, and
//! every state of a page has an address.
//!
//! The crate is a client of the services over gRPC like any other: it contains no rule, no figure and no data. A
//! request passes `server` (HTTP), `guard` (host, origin, security headers) and `router`; then the module of the page
//! calls the services (`services`) and fills its template in `pages/`. `fault` renders errors.

mod accessibility;
mod address;
mod app;
mod appearance;
mod caller;
mod entry;
mod fault;
mod figures;
mod files;
mod forms;
mod guard;
mod import;
mod live;
mod names;
mod paced;
mod people;
mod periods;
mod plain;
mod query;
mod records;
mod redirect;
mod router;
mod server;
mod services;
mod settings;
mod state;
mod vocabulary;

use anyhow::Context as _;
use cra_domain::territory;
use cra_runtime::health::{Health, Readiness};
use cra_runtime::metrics::{Metrics, expose};
use cra_runtime::serve::DrainOutcome;
use cra_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;

use crate::app::App;

pub use appearance::DsfrError;
pub use names::NamesError;
pub use settings::{
    Brand, FormSettings, IdentitySettings, Limits, ServicesSettings, Settings, SettingsError, TokenHeader,
    WebSettings,
};

/// Name of the process in the answer of `GET /readyz` at the metrics' address.
const NAME: &str = "web";

/// Runs the pages until `shutdown`.
pub async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<DrainOutcome> {
    let listener = bind(&settings).await?;
    serve(listener, &settings, shutdown).await
}

/// Checks the settings and binds the address. Connections from then on wait for [`serve`].
pub async fn bind(settings: &Settings) -> anyhow::Result<TcpListener> {
    settings.check()?;
    TcpListener::bind(settings.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another address with --listen or `listen`", settings.listen)
    })
}

/// Serves the pages on a bound address until `shutdown`, then drains.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    shutdown: Shutdown,
) -> anyhow::Result<DrainOutcome> {
    // Read at start-up, not during the first request.
    tokio::task::spawn_blocking(territory::communes).await.context("the communes cannot be read")?;
    let metrics = Metrics::of(NAME)?;
    let health = Health::of([NAME]).await;
    let app = App::new(settings, &metrics, shutdown.clone())?;
    let _exposed = match settings.telemetry.metrics_listen {
        Some(address) => Some(expose(address, metrics.clone(), health.clone()).await?),
        None => None,
    };
    let _ends = metrics.watch_ends(settings.services.expiring()).await?;
    tracing::info!(address = %listener.local_addr()?, "serving pages");
    health.set_all(Readiness::Serving).await;
    let router = router::router(app.clone());
    Ok(tokio::select! {
        drained = server::serve(listener, router, settings, shutdown) => drained,
        never = app.reload() => match never {},
        never = app.imports().sweep() => match never {},
    })
}
