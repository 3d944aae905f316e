//! The appearance of the pages: one markup, and the style sheets that the operator configured. Also serves all static
//! files.

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

/// A year, the longest time that browsers cache anything.
const CACHE_FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Number of bytes of the digest in an address.
const DIGEST_BYTES: usize = 8;
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

task_local! {
    /// Appearance of the request that is being answered.
    static APPEARANCE: Arc<Appearance>;
}

struct File {
    media_type: &'static str,
    content: Bytes,
}

/// Static files, each at an address with a digest of its content. Browsers may cache a file for ever, because a new
/// version has another address.
#[derive(Default)]
struct Files(HashMap<String, File>);

impl Files {
    /// The name of a file below `/static/`.
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

/// The addresses of style sheets, pictures and scripts, and their files.
#[derive(Default)]
pub(crate) struct Appearance {
    /// Addresses of the style sheets, in order.
    pub(crate) styles: Vec<String>,
    /// Address of the outlines of the departments; the id of each is `d` and its code.
    pub(crate) map: String,
    pub(crate) icon: String,
    /// Address of the script that completes communes and adds up people in the form.
    pub(crate) entry_script: String,
    /// Address of the script that follows the figures of a page.
    pub(crate) live_script: String,
    /// Address of the script that shows the progress of an import.
    pub(crate) import_script: String,
    /// Whether to show the State's mark.
    pub(crate) is_state: bool,
    files: Files,
}

impl Appearance {
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

    /// The appearance of the current request.
    pub(crate) fn current() -> Arc<Self> {
        APPEARANCE.try_with(Arc::clone).unwrap_or_default()
    }

    /// Answers a request with this appearance.
    pub(crate) async fn within<T>(self: Arc<Self>, answer: impl Future<Output = T>) -> T {
        APPEARANCE.scope(self, answer).await
    }
}

/// A static file; 404 if there is none of this name.
pub(crate) fn static_file(appearance: &Appearance, name: &str) -> Response {
    match appearance.files.0.get(name) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(file.media_type)),
                (header::CACHE_CONTROL, CACHE_FOREVER),
            ];
            (headers, file.content.clone()).into_response()
        }
    }
}
