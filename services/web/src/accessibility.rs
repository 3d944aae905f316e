//! `/accessibilite`: the accessibility statement, with the checks that support it.

use askama::Template;
use axum::response::Response;
use cra_runtime::version;

use crate::plain::{Frame, page};

#[derive(Template)]
#[template(path = "accessibility/page.html")]
struct AccessibilityPage {
    frame: Frame,
    version: &'static str,
}

/// `GET /accessibilite`.
pub(crate) async fn show() -> Response {
    page(&AccessibilityPage { frame: Frame::new("Accessibilité", "/accessibilite"), version: version::FULL })
}
