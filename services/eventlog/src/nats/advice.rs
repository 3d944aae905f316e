//! Advice for a log that cannot be reached, trusted or created: what to do about each cause, and whether waiting could
//! help. Pure; the causes are those named by servers and the client library.

use async_nats::ConnectErrorKind;
use async_nats::jetstream::ErrorCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) text: &'static str,
    /// Whether waiting cannot help.
    pub(super) is_final: bool,
}

const fn at_once(text: &'static str) -> Advice {
    Advice { text, is_final: true }
}

const fn wait(text: &'static str) -> Advice {
    Advice { text, is_final: false }
}

/// Fragments of error texts about certificates, with the advice; the first match counts.
const CERTIFICATES: [(&str, Advice); 8] = [
    (
        "UnknownIssuer",
        at_once("set `log.ca_file` to the PEM file of the authority that signed the server's certificate"),
    ),
    (
        "BadSignature",
        at_once("set `log.ca_file` to the PEM file of the authority that signed the server's certificate"),
    ),
    ("xpired", at_once("renew the server's certificate, or correct the clock of this machine")),
    ("not valid yet", at_once("correct the clock of this machine, or of the authority")),
    ("NotValidForName", at_once("name the server in `log.url` as its certificate does")),
    ("not valid for", at_once("name the server in `log.url` as its certificate does")),
    (
        "fatal alert",
        at_once(
            "the server refuses this process's certificate: set `log.cert_file` and `log.key_file` to one of its authority",
        ),
    ),
    ("invalid peer certificate", at_once("correct the server's certificate, or `log.ca_file`")),
];

/// Advice on a failed connection. `reason` is the library's text.
pub(super) fn on_connection(kind: ConnectErrorKind, reason: &str) -> Advice {
    let certificate = CERTIFICATES.iter().find(|(part, _)| reason.contains(part)).map(|(_, advice)| *advice);
    match kind {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            at_once("check user and password, token, nkey or credentials")
        }
        ConnectErrorKind::Dns => wait("the name does not resolve: correct `log.url`, or the name service"),
        ConnectErrorKind::Tls | ConnectErrorKind::Io if certificate.is_some() => {
            certificate.unwrap_or(wait("look at the server's certificate"))
        }
        ConnectErrorKind::Tls => {
            wait("the server ended the handshake: look at its log, and whether it speaks TLS at this address")
        }
        ConnectErrorKind::TimedOut => wait(
            "nothing answers as a NATS server at this address: correct `log.url`, or look at the server and the firewalls",
        ),
        ConnectErrorKind::ServerParse => wait("correct `log.url`"),
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            wait("start the NATS server, or correct `log.url`")
        }
    }
}

/// Advice on a stream that the server did not return or create.
pub(super) fn on_stream(code: Option<ErrorCode>) -> Advice {
    match code {
        Some(ErrorCode::STREAM_SUBJECT_OVERLAP) => at_once(
            "another stream has subjects below `log.subject_prefix`: choose another prefix, or delete that stream if it is \
             not needed (`nats stream ls --subjects`)",
        ),
        Some(ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT) => {
            at_once("enable JetStream for the account of this user, or connect as a user of one that has it")
        }
        Some(ErrorCode::JETSTREAM_NOT_ENABLED) => wait(
            "enable JetStream on the server: `jetstream { store_dir: … }` in its configuration, or `nats-server -js`",
        ),
        Some(ErrorCode::INSUFFICIENT_RESOURCES | ErrorCode::STORAGE_RESOURCES_EXCEEDED) => wait(
            "make room for the stream, or raise `max_file_store` of the server or the limits of the account",
        ),
        _ => wait(
            "look at the servers' log: a cluster without a leader, or without enough servers for `log.replicas`",
        ),
    }
}

/// Advice on a request that no server answered.
pub(super) fn on_silence(has_jetstream: bool, denied: Option<&str>) -> Advice {
    match (denied, has_jetstream) {
        (Some(denied), _) if denied.contains("STREAM.INFO") => at_once(
            "grant this user what the services need: publish to `$JS.API.STREAM.INFO.<stream>` and the other subjects of \
             deploy/nats/accounts.conf",
        ),
        (Some(_), _) => wait(
            "have the log's operator make the stream (`cra log create`), or grant this user its creation",
        ),
        (None, false) => wait(
            "enable JetStream on the server: `jetstream { store_dir: … }` in its configuration, or `nats-server -js`",
        ),
        (None, true) => wait(
            "look at the servers' log: a cluster without a leader, or one that is still reading its files",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_a_refused_certificate_has_its_advice_and_is_final() {
        let advice = |reason| on_connection(ConnectErrorKind::Tls, reason);
        for (reason, named) in [
            ("TLS error: invalid peer certificate: UnknownIssuer", "log.ca_file"),
            ("invalid peer certificate: certificate expired: verification time 1", "renew"),
            ("invalid peer certificate: certificate not valid for name \"a\"", "log.url"),
            ("received fatal alert: CertificateRequired", "log.cert_file"),
        ] {
            let advice = advice(reason);
            assert!(advice.is_final && advice.text.contains(named), "{reason}: {advice:?}");
        }
        assert!(!advice("TLS error: unexpected end of file").is_final);
    }

    #[test]
    fn temporary_causes_are_waited_for() {
        for kind in [ConnectErrorKind::Dns, ConnectErrorKind::Io, ConnectErrorKind::TimedOut] {
            assert!(!on_connection(kind, "connection refused").is_final, "{kind:?}");
        }
        assert!(on_connection(ConnectErrorKind::AuthorizationViolation, "").is_final);
        assert!(!on_stream(None).is_final && on_stream(Some(ErrorCode::STREAM_SUBJECT_OVERLAP)).is_final);
        assert!(on_silence(false, None).text.contains("enable JetStream"));
    }
}
