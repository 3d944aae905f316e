//! Files that never change under their address: each is served at an address with a digest of its content, so that a
//! browser may keep it for ever and a new version has another address.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use ring::digest::{SHA256, digest};

/// A year, as long as browsers keep anything.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Bytes of the digest that an address shows.
const DIGEST_BYTES: usize = 8;

struct Asset {
    /// Below `/static/`.
    path: String,
    media_type: &'static str,
    content: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static [u8]) -> Self {
        let digest = digest(&SHA256, content);
        let mut hex = String::new();
        for byte in digest.as_ref().iter().take(DIGEST_BYTES) {
            // Writing to memory cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self { path: format!("{stem}.{hex}.{extension}"), media_type, content }
    }

    fn address(&self) -> String {
        format!("/static/{}", self.path)
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("cra", "css", "text/css; charset=utf-8", include_bytes!("../static/cra.css"))
});
static ENTRY_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("saisie", "js", "text/javascript; charset=utf-8", include_bytes!("../static/saisie.js"))
});
static MAP: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("departements", "svg", "image/svg+xml", include_bytes!("../static/departements.svg"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icone", "svg", "image/svg+xml", include_bytes!("../static/icone.svg")));

/// Address of the style sheet.
pub(crate) fn style() -> String {
    STYLE.address()
}

/// Address of the script of the form, which only adds to it.
pub(crate) fn entry_script() -> String {
    ENTRY_SCRIPT.address()
}

/// Address of the outlines of the departments, each with the id `d` and its code.
pub(crate) fn map() -> String {
    MAP.address()
}

/// Address of the icon.
pub(crate) fn icon() -> String {
    ICON.address()
}

/// `GET /static/{file}`.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let all = [&*STYLE, &*ENTRY_SCRIPT, &*MAP, &*ICON];
    match all.into_iter().find(|asset| asset.path == file) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
                (header::CACHE_CONTROL, FOR_EVER),
            ];
            (headers, Bytes::from_static(asset.content)).into_response()
        }
    }
}
