//! The pages: the form, its CRAs, and the figures of a selection; made on the server, in French, and addressable: every state of a page is its address.
//!
//! A client of the services over gRPC, like any other: it holds no rule, no figure and no data. The way of a request:
//! `server` reads HTTP, `guard` checks whom it is for and adds the headers of security, `router` leads it to its page, a page's module
//! asks the services (`services`) and fills its template in `pages/`. What fails becomes a page too: `fault`.

mod accessibility;
mod address;
mod app;
mod caller;
mod entry;
mod fault;
mod figures;
mod files;
mod forms;
mod guard;
mod import;
mod live;
mod look;
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

pub use look::DsfrError;
pub use names::NamesError;
pub use settings::{
    Brand, FormSettings, IdentitySettings, Limits, ServicesSettings, Settings, SettingsError, TokenHeader,
    WebSettings,
};

/// Name in the health that `GET /readyz` of the metrics' address answers.
const NAME: &str = "web";

/// Runs the pages until `shutdown`.
pub async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<DrainOutcome> {
    let listener = bind(&settings).await?;
    serve(listener, &settings, shutdown).await
}

/// Checks the settings and binds the address: browsers that connect from now on wait for [`serve`].
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
    // Read now, not during the first request.
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
