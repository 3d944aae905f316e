//! Limit of a request's headers, with a refusal that gives the reason. The HTTP library itself refuses larger ones with
//! the HTTP status 431, which gRPC clients read as UNKNOWN: its limit is set [`HARD_LIMIT_FACTOR`] times higher.

use tonic::Status;
use tonic::codegen::http::request::Parts;

use crate::rejection::{HEADERS_TOO_LARGE, Rejection};

/// The limit that HTTP/2 announces and enforces, as a multiple of `server.max_header_bytes`.
pub(crate) const HARD_LIMIT_FACTOR: u32 = 4;
/// Overhead per header that HTTP/2 adds to name and value (RFC 9113, 6.5.2).
const PER_HEADER: usize = 32;
/// The names of the four pseudo-headers of a request.
const PSEUDO_NAMES: [&str; 4] = [":method", ":scheme", ":authority", ":path"];

/// Size of a request's headers, as HTTP/2 counts them.
fn bytes_of(request: &Parts) -> usize {
    let uri = &request.uri;
    let pseudo_values = [
        request.method.as_str(),
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", |authority| authority.as_str()),
        uri.path_and_query().map_or("", |path| path.as_str()),
    ];
    let pseudo: usize = PSEUDO_NAMES.iter().chain(&pseudo_values).map(|text| text.len()).sum();
    let headers = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + PER_HEADER);
    pseudo + PSEUDO_NAMES.len() * PER_HEADER + headers.sum::<usize>()
}

/// Refuses headers larger than `bytes_max`.
pub(crate) fn check(request: &Parts, bytes_max: u32) -> Result<(), Status> {
    let found = bytes_of(request);
    if u32::try_from(found).is_ok_and(|found| found <= bytes_max) {
        return Ok(());
    }
    let message = format!(
        "the headers of the request have {found} bytes; expected at most {bytes_max}; send less metadata, or a shorter token"
    );
    let refused = Rejection::new(HEADERS_TOO_LARGE, message)
        .with("bytes", found.to_string())
        .with("limit", bytes_max.to_string());
    Err(refused.into())
}

#[cfg(test)]
mod tests {
    use tonic::codegen::http::Request;

    use super::*;
    use crate::rejection::reason_of;

    #[test]
    fn headers_are_counted_as_http_2_counts_them_and_refused_above_their_limit() {
        let request = Request::post("http://host/path").header("name", "value").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let pseudo = ":methodPOST:schemehttp:authorityhost:path/path".len() + 4 * 32;
        let bytes = u32::try_from(pseudo + "namevalue".len() + 32).unwrap();
        assert!(check(&parts, bytes).is_ok());
        let refused = check(&parts, bytes - 1).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert_eq!(reason_of(&refused).as_deref(), Some("HEADERS_TOO_LARGE"));
        assert!(refused.message().contains(&format!("{bytes} bytes")), "{refused}");
    }
}
