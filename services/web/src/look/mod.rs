//! The look of the pages: one markup, and the style sheets that the operator chose for it; all static files with them.

mod adapted;
mod dsfr;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tokio::task_local;

use self::dsfr::Dsfr;
use crate::settings::{Brand, WebSettings};

pub use self::dsfr::DsfrError;

/// A year, as long as browsers keep anything.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Bytes of the digest that an address shows.
const DIGEST_BYTES: usize = 8;
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

task_local! {
    /// Of the request that is answered.
    static LOOK: Arc<Look>;
}

/// What a static file holds.
struct File {
    media_type: &'static str,
    content: Bytes,
}

/// Static files, each at an address with a digest of its content: a browser may keep it for ever, and a new version has another
/// address.
#[derive(Default)]
struct Files(HashMap<String, File>);

impl Files {
    /// The name below `/static/` that a file gets.
    fn add(
        &mut self,
        stem: &str,
        extension: &str,
        media_type: &'static str,
        content: impl Into<Bytes>,
    ) -> String {
        let content = content.into();
        let mut name = format!("{stem}.");
        for byte in digest(&SHA256, &content).as_ref().iter().take(DIGEST_BYTES) {
            // Writing to memory cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push('.');
        name.push_str(extension);
        self.0.insert(name.clone(), File { media_type, content });
        name
    }
}

/// The addresses that a page links to, and the files behind them.
#[derive(Default)]
pub(crate) struct Look {
    /// Style sheets, in their order.
    pub(crate) styles: Vec<String>,
    /// Outlines of the departments, each with the id `d` and its code.
    pub(crate) map: String,
    pub(crate) icon: String,
    /// Completes communes and adds up people while a form is filled in.
    pub(crate) entry_script: String,
    /// Follows the figures of a page.
    pub(crate) live_script: String,
    /// Shows how far an import is.
    pub(crate) import_script: String,
    /// Whether the State's mark is shown.
    pub(crate) is_state: bool,
    files: Files,
}

impl Look {
    /// The look that the settings ask for.
    pub(crate) fn new(settings: &WebSettings) -> Result<Self, DsfrError> {
        let mut files = Files::default();
        let is_state = settings.brand == Brand::Etat;
        let mut styles = match &settings.dsfr {
            Some(folder) if is_state => vec![
                Dsfr::read(folder)?.add_to(&mut files),
                files.add("etat", "css", CSS, &include_bytes!("../../static/etat.css")[..]),
            ],
            _ => vec![files.add("neutral", "css", CSS, &include_bytes!("../../static/neutral.css")[..])],
        };
        styles.push(files.add("cra", "css", CSS, &include_bytes!("../../static/cra.css")[..]));
        let map = include_bytes!("../../static/departements.svg");
        let icon = include_bytes!("../../static/icone.svg");
        let entry_script =
            files.add("saisie", "js", JAVASCRIPT, &include_bytes!("../../static/saisie.js")[..]);
        let live_script = files.add("live", "js", JAVASCRIPT, &include_bytes!("../../static/live.js")[..]);
        let import_script =
            files.add("import", "js", JAVASCRIPT, &include_bytes!("../../static/import.js")[..]);
        let address = |name: String| format!("/static/{name}");
        Ok(Self {
            styles: styles.into_iter().map(address).collect(),
            map: address(files.add("departements", "svg", SVG, &map[..])),
            icon: address(files.add("icone", "svg", SVG, &icon[..])),
            entry_script: address(entry_script),
            live_script: address(live_script),
            import_script: address(import_script),
            is_state,
            files,
        })
    }

    /// The look of the request that is answered.
    pub(crate) fn current() -> Arc<Self> {
        LOOK.try_with(Arc::clone).unwrap_or_default()
    }

    /// Answers a request with this look.
    pub(crate) async fn within<T>(self: Arc<Self>, answer: impl Future<Output = T>) -> T {
        LOOK.scope(self, answer).await
    }
}

/// A static file; without one of this name, 404.
pub(crate) fn static_file(look: &Look, name: &str) -> Response {
    match look.files.0.get(name) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(file.media_type)),
                (header::CACHE_CONTROL, FOR_EVER),
            ];
            (headers, file.content.clone()).into_response()
        }
    }
}
