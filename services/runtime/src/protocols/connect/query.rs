//! A call by GET: its message and how that is written, in the query of its address.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use tonic::Status;

use super::Codec;
use crate::rejection::{Violation, invalid_argument};

/// As browsers write it, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) codec: Codec,
    pub(super) message: Bytes,
    pub(super) compression: Option<String>,
}

impl Query {
    /// Reads a query whose parameters come in any order, each once.
    pub(super) fn parse(query: &str) -> Result<Self, Status> {
        let (mut encoding, mut message, mut base64, mut compression, mut connect) =
            (None, None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let parameter = match &*name {
                "encoding" => &mut encoding,
                "message" => &mut message,
                "base64" => &mut base64,
                "compression" => &mut compression,
                "connect" => &mut connect,
                _ => {
                    let expected = "expected encoding, message, base64, compression and connect";
                    return Err(refused(&name, &format!("an unknown parameter; {expected}")));
                }
            };
            if parameter.replace(value).is_some() {
                return Err(refused(&name, "this parameter a second time; expected it once"));
            }
        }
        if let Some(version) = connect.filter(|version| *version != "v1") {
            return Err(refused("connect", &format!("`{version}`; expected v1")));
        }
        let codec = match encoding.as_deref() {
            Some("json") => Codec::Json,
            Some("proto") => Codec::Proto,
            Some(other) => return Err(refused("encoding", &format!("`{other}`; expected json or proto"))),
            None => return Err(refused("encoding", "nothing; expected json or proto")),
        };
        let Some(message) = message else {
            return Err(refused("message", "nothing; expected the request, such as {} in JSON"));
        };
        let compression = compression.map(std::borrow::Cow::into_owned).filter(|name| !name.is_empty());
        let message = match base64.as_deref() {
            Some("1") => {
                BASE64.decode(&*message).map_err(|_| refused("message", "no base64 of addresses"))?
            }
            None | Some("0") if codec == Codec::Json && compression.is_none() => {
                message.into_owned().into_bytes()
            }
            None | Some("0") => {
                return Err(refused("base64", "nothing; expected 1, for the message is no text"));
            }
            Some(other) => return Err(refused("base64", &format!("`{other}`; expected 1"))),
        };
        Ok(Self { codec, message: message.into(), compression })
    }
}

fn refused(parameter: &str, found: &str) -> Status {
    let shown: String = parameter.chars().take(60).collect();
    invalid_argument(vec![Violation {
        field: shown,
        reason: "PARAMETER_INVALID".into(),
        description: format!("found {found}; see the query of the address"),
        localized_message: String::new(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_in_any_order_plain_or_in_base64() {
        let expected =
            Query { codec: Codec::Json, message: Bytes::from_static(b"{\"a\":1}"), compression: None };
        for query in [
            "connect=v1&encoding=json&message=%7B%22a%22%3A1%7D",
            "message={%22a%22:1}&encoding=json",
            "base64=1&message=eyJhIjoxfQ&encoding=json&connect=v1",
            "base64=1&message=eyJhIjoxfQ%3D%3D&encoding=json",
        ] {
            assert_eq!(Query::parse(query).unwrap(), expected, "{query}");
        }
        let proto = Query::parse("encoding=proto&base64=1&message=&compression=gzip").unwrap();
        assert_eq!((proto.codec, proto.compression.as_deref()), (Codec::Proto, Some("gzip")));
    }

    #[test]
    fn what_is_missing_unknown_or_given_twice_is_named() {
        for (query, named) in [
            ("", "encoding: found nothing"),
            ("encoding=json", "message: found nothing"),
            ("encoding=xml&message=", "encoding: found `xml`"),
            ("encoding=json&message={}&message={}", "message: found this parameter a second time"),
            ("encoding=json&message={}&min_position=5", "min_position: found an unknown parameter"),
            ("encoding=json&message={}&connect=v2", "connect: found `v2`"),
            ("encoding=json&base64=1&message=***", "message: found no base64"),
            ("encoding=json&base64=yes&message={}", "base64: found `yes`"),
            ("encoding=proto&message=abc", "base64: found nothing"),
        ] {
            let refused = Query::parse(query).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);
            assert!(refused.message().contains(named), "{query}: {}", refused.message());
        }
    }
}
