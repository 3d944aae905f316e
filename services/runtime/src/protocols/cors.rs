//! Which pages of other origins may call and read the answers (CORS): none but the configured ones. Their browsers ask
//! first (`OPTIONS`), which is answered before a call is admitted; it carries no token.

use std::time::Duration;

use tonic::codegen::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE,
};
use tonic::codegen::http::{HeaderName, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::settings::Origin;

/// How long a browser need not ask again; Chromium keeps an answer no longer than this.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);

/// Headers that clients of the protocols send.
const ALLOWED: [HeaderName; 18] = [
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    IF_NONE_MATCH,
    HeaderName::from_static("connect-accept-encoding"),
    HeaderName::from_static("connect-content-encoding"),
    HeaderName::from_static("connect-protocol-version"),
    HeaderName::from_static("connect-timeout-ms"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-user-agent"),
];

/// Headers of answers that pages may read beyond those that every page may.
const EXPOSED: [HeaderName; 9] = [
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    ETAG,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    HeaderName::from_static("connect-content-encoding"),
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// Answers pages of these origins; `None` without any.
pub(super) fn layer(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = origins.iter().map(|origin| origin.as_header().clone());
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST])
            .allow_headers(ALLOWED)
            .expose_headers(EXPOSED)
            .max_age(PREFLIGHT_MAX_AGE),
    )
}
