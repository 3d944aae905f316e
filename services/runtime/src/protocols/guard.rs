//! What a request must show before its protocol is looked at: on HTTP/1.1 one name of the service, and, where no caller is
//! known, a name of this machine and no page of another origin.
//!
//! Without identity, whatever reaches the address may do everything, and the pages of any site that a browser on this machine
//! shows do reach it. Native gRPC is left out: browsers cannot speak it.

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{HOST, ORIGIN};
use tonic::codegen::http::uri::Uri;
use tonic::codegen::http::{HeaderValue, Request, Version};

use super::refused::Refused;
use crate::hosts;
use crate::identity::Callers;
use crate::refusals::Cause;
use crate::settings::{BrowserSettings, Origin};

pub(super) struct Guard {
    callers: Callers,
    allowed_origins: Vec<Origin>,
    allowed_hosts: Vec<String>,
}

impl Guard {
    pub(super) fn new(settings: &BrowserSettings, callers: Callers) -> Self {
        let BrowserSettings { allowed_origins, allowed_hosts } = settings.clone();
        Self { callers, allowed_origins, allowed_hosts }
    }

    pub(super) fn check(&self, request: &Request<Body>) -> Result<(), Refused> {
        let hosts: Vec<&[u8]> = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes).collect();
        if request.version() == Version::HTTP_11 && hosts.len() != 1 {
            let message = format!("found {} headers `host`; expected one", hosts.len());
            return Err(Refused::before_call(Cause::Host, Status::invalid_argument(message)));
        }
        if self.callers == Callers::Identified {
            return Ok(());
        }
        let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        let mut names = hosts.into_iter().chain(authority).peekable();
        if names.peek().is_none() || !names.all(|name| hosts::is_known(name, &self.allowed_hosts)) {
            let message = "the service has no identity configured, and is called by a name that is none of this machine; \
                           call it as localhost, or add the name to `server.browsers.allowed_hosts`";
            return Err(Refused::before_call(Cause::Host, Status::permission_denied(message)));
        }
        if !request.headers().get_all(ORIGIN).iter().all(|origin| self.may_call(origin.as_bytes(), request)) {
            let message = "the service has no identity configured, and a page of another origin calls it; add the origin to \
                           `server.browsers.allowed_origins`";
            return Err(Refused::before_call(Cause::Origin, Status::permission_denied(message)));
        }
        Ok(())
    }

    /// Pages of the service itself and of configured origins may.
    fn may_call(&self, origin: &[u8], request: &Request<Body>) -> bool {
        let own = request.headers().get(HOST).map(HeaderValue::as_bytes);
        let own = own.or_else(|| request.uri().authority().map(|authority| authority.as_str().as_bytes()));
        let authority = Uri::try_from(origin).ok().and_then(|origin| origin.into_parts().authority);
        authority.is_some_and(|authority| own == Some(authority.as_str().as_bytes()))
            || self.allowed_origins.iter().any(|allowed| allowed.as_header().as_bytes() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(callers: Callers) -> Guard {
        let origin = Origin::try_from("https://tableau.example.fr".to_owned()).unwrap();
        let settings = BrowserSettings {
            allowed_origins: vec![origin],
            allowed_hosts: vec!["cra.example.fr".to_owned()],
        };
        Guard::new(&settings, callers)
    }

    fn passes(callers: Callers, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post("/cra.v1.Service/Method");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard(callers).check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn without_identity_a_name_of_another_machine_and_a_page_of_another_origin_are_refused() {
        let own = "127.0.0.1:50071";
        for (host, origin, expected) in [
            (own, None, true),
            (own, Some("http://127.0.0.1:50071"), true),
            (own, Some("https://tableau.example.fr"), true),
            (own, Some("http://127.0.0.1:8080"), false),
            (own, Some("https://evil.example"), false),
            (own, Some("null"), false),
            ("cra.example.fr", None, true),
            ("evil.example:50071", None, false),
            ("evil.example", Some("http://evil.example"), false),
        ] {
            let origin = origin.map(|origin| ("origin", origin));
            let headers: Vec<_> = [("host", host)].into_iter().chain(origin).collect();
            assert_eq!(passes(Callers::Anyone, &headers), expected, "{headers:?}");
            assert!(passes(Callers::Identified, &headers), "a token is what counts: {headers:?}");
        }
    }

    #[test]
    fn http_1_1_names_the_service_once() {
        for callers in [Callers::Anyone, Callers::Identified] {
            assert!(!passes(callers, &[]));
            assert!(!passes(callers, &[("host", "localhost"), ("host", "localhost")]));
        }
    }
}
