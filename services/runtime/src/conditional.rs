//! Conditional answers (RFC 9110, 13): a `GET` that names the content its caller has is answered without making it again.
//!
//! The HTTP side (files, Connect's GET) puts a [`Conditional`] into the request; a handler that knows what names its answer
//! before it makes it, such as the log, the position and the question, asks whether the caller has that. A call by gRPC has
//! none: nothing is known then.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use ring::digest::{Context, SHA256};
use tonic::codegen::http::header::IF_NONE_MATCH;
use tonic::codegen::http::{HeaderMap, HeaderValue};
use tonic::{Code, Request, Status};

use crate::version;

/// Bytes of the digest that names a content: no two contents ever share one by chance.
const DIGEST_BYTES: usize = 16;

/// What a caller has already; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Conditional(Option<Arc<State>>);

#[derive(Debug)]
struct State {
    /// The entity tags that the caller sent.
    known: Vec<String>,
    /// The one that the handler gave.
    tag: OnceLock<String>,
}

impl Conditional {
    /// Of the headers of a request.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let known = texts.flat_map(|text| text.split(',')).map(|tag| opaque(tag).to_owned()).collect();
        Self(Some(Arc::new(State { known, tag: OnceLock::new() })))
    }

    /// Of a request to a handler.
    #[must_use]
    pub fn of<T>(request: &Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// Whether the request may name a content: whether it came by GET.
    #[must_use]
    pub fn is_by_get(&self) -> bool {
        self.0.is_some()
    }

    /// Names the content of the answer by its parts. If the caller has it, the call ends with the status `OK` and without
    /// an answer; to be returned as an error, because a unary handler has no other way to answer nothing.
    pub fn check_not_modified(&self, parts: &[&[u8]]) -> Result<(), Status> {
        if self.has(parts) { Err(Status::new(Code::Ok, "")) } else { Ok(()) }
    }

    /// Names the content of the answer by its parts, and says whether the caller has it.
    pub(crate) fn has(&self, parts: &[&[u8]]) -> bool {
        let Some(state) = &self.0 else { return false };
        let tag = state.tag.get_or_init(|| tag_of(parts));
        state.known.iter().any(|known| known == "*" || known == tag)
    }

    /// The value of `ETag`, once a handler has named the content; weak for one of several representations.
    pub(crate) fn entity_tag(&self, is_weak: bool) -> Option<HeaderValue> {
        let (tag, weak) = (self.0.as_ref()?.tag.get()?, if is_weak { "W/" } else { "" });
        HeaderValue::try_from(format!("{weak}\"{tag}\"")).ok()
    }
}

/// The tag of a content with these parts, as this version of the program makes it.
fn tag_of(parts: &[&[u8]]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in [&[version::FULL.as_bytes()], parts].concat() {
        // With its length: no two lists of parts are one.
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finish().as_ref()[..DIGEST_BYTES].iter().fold(String::new(), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    })
}

/// An entity tag without quotes, for the weak comparison.
fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(tags: &str) -> Conditional {
        Conditional::of_headers(&HeaderMap::from_iter([(IF_NONE_MATCH, tags.parse().unwrap())]))
    }

    #[test]
    fn a_caller_has_the_content_that_it_names_in_whatever_form_and_no_other() {
        let first = sent("\"other\"");
        assert!(!first.has(&[b"log", b"7"]));
        let tag = first.entity_tag(false).unwrap().to_str().unwrap().trim_matches('"').to_owned();
        assert_eq!(first.entity_tag(true).unwrap(), format!("W/\"{tag}\""));
        for form in [
            format!("\"{tag}\""),
            format!("W/\"{tag}\""),
            format!("\"x\", W/\"{tag}\" ,\"y\""),
            "*".to_owned(),
        ] {
            assert!(sent(&form).has(&[b"log", b"7"]), "{form}");
        }
        for (form, parts) in [
            (format!("\"{tag}\""), [&b"log"[..], &b"8"[..]]),
            (format!("\"{tag}\""), [&b"log7"[..], &b""[..]]),
            (format!("\"{tag}x\""), [&b"log"[..], &b"7"[..]]),
        ] {
            assert!(!sent(&form).has(&parts), "{form}");
        }
        assert_eq!(sent("*").check_not_modified(&[]).unwrap_err().code(), Code::Ok);
        let by_grpc = Conditional::default();
        assert!(
            !by_grpc.is_by_get() && by_grpc.check_not_modified(&[b"log", b"7"]).is_ok(),
            "gRPC has no condition"
        );
    }
}
