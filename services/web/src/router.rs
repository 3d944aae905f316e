//! Routes addresses to pages, with the checks of every request: host, origin, the limit of a person, metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use cra_runtime::traces;
use tracing::Instrument as _;

use crate::app::App;
use crate::fault::Fault;
use crate::{
    accessibility, appearance, entry, figures, files, guard, import, live, records, state, vocabulary,
};

pub(crate) fn router(app: App) -> Router {
    let reading = |handler: MethodRouter<App>| handler.fallback(async || Fault::Method);
    Router::new()
        .route("/", reading(get(figures::show)))
        .route("/direct", reading(get(live::stream)))
        .route("/saisie", reading(form_route(&app, get(entry::show), post(entry::send))))
        .route("/saisie/communes", reading(get(entry::complete)))
        .route("/cra", reading(get(records::list)))
        .route("/cra/{id}", reading(get(records::show)))
        .route(
            "/cra/{id}/corriger",
            reading(form_route(&app, get(records::correct), post(records::send_correction))),
        )
        .route(
            "/cra/{id}/retirer",
            reading(form_route(&app, get(records::withdraw), post(records::send_withdrawal))),
        )
        .route("/import", reading(form_route(&app, get(import::show), post(import::send))))
        .route("/import/{id}", reading(form_route(&app, get(import::show_one), post(import::confirm))))
        .route("/mots", reading(get(vocabulary::show)))
        .route("/etat", reading(get(state::show)))
        .route("/accessibilite", reading(get(accessibility::show)))
        .route("/fichiers/{name}", reading(get(files::send)))
        .route("/static/{file}", reading(get(static_file)))
        .fallback(async || Fault::NotFound)
        .layer(middleware::from_fn_with_state(app.clone(), page_middleware))
        .with_state(app)
}

/// A page that changes something: only forms that these pages sent reach `sent`.
fn form_route(app: &App, shown: MethodRouter<App>, sent: MethodRouter<App>) -> MethodRouter<App> {
    shown.merge(sent.layer(middleware::from_fn_with_state(app.clone(), check_origin)))
}

async fn check_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    if guard::is_same_origin(request.headers(), app.hosts()) {
        next.run(request).await
    } else {
        Fault::Foreign.into_response()
    }
}

async fn static_file(State(app): State<App>, Path(name): Path<String>) -> Response {
    appearance::static_file(app.appearance(), &name)
}

/// Name of a page in the metrics, from a fixed list.
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

async fn page_middleware(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let page = label(request.uri().path());
    let span = traces::of_page(page, request.headers());
    let answer = async {
        if !guard::is_known_host(request.headers(), app.hosts()) {
            return Fault::UnknownHost.into_response();
        }
        let subject = app.services().caller(request.headers()).subject;
        if subject.is_empty() {
            return next.run(request).await;
        }
        match app.people().admit(subject) {
            Some(permit) => next.run(request).await.map(|body| permit.until_sent(body)),
            None => Fault::Busy.into_response(),
        }
    };
    let mut response = Arc::clone(app.appearance()).within(answer).instrument(span).await;
    guard::secure(response.headers_mut());
    app.observe(page, response.status().as_str(), began.elapsed());
    response
}
