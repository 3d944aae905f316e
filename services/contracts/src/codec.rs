//! The codec of the generated clients and servers: prost's, except that a request which cannot be decoded is refused as
//! the client's fault, with a reason. prost's codec answers INTERNAL without one, as if the service had failed.

use std::collections::HashMap;

use prost::{Message, Name};
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};
use tonic_types::{BadRequest, ErrorInfo, FieldViolation, StatusExt as _};

use crate::ERROR_DOMAIN;

/// Reason of a request with violations.
const INVALID_REQUEST: &str = "INVALID_REQUEST";
/// Reason of a violation: the bytes of a message are no encoding of the method's request, or end within it.
pub const MESSAGE_UNDECODABLE: &str = "MESSAGE_UNDECODABLE";

/// What prost puts in front of the cause.
const PREFIX: &str = "failed to decode Protobuf message: ";
/// How the names of requests end; every method of the contract has a request and a response of its name.
const REQUEST: &str = "Request";

/// Encodes messages of the type `T` and decodes those of the type `U`.
#[derive(Debug)]
pub struct MessageCodec<T, U>(ProstCodec<T, U>);

impl<T, U> Default for MessageCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for MessageCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = MessageDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageDecoder(self.0.decoder())
    }
}

/// Decodes messages of the type `U`.
#[derive(Debug)]
pub struct MessageDecoder<U>(ProstDecoder<U>);

impl<U: Message + Name + Default> Decoder for MessageDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let is_request = U::NAME.ends_with(REQUEST);
        self.0.decode(buffer).map_err(|status| if is_request { refused::<U>(&status) } else { status })
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// `INVALID_ARGUMENT` with the field that cannot be read, as for any other fault of a request.
fn refused<U: Name>(status: &Status) -> Status {
    let text = status.message().strip_prefix(PREFIX).unwrap_or(status.message());
    let (field, cause) = located(text);
    let description = format!(
        "found bytes that are no {}: {cause}; encode the request by the proto files of the contract",
        U::NAME
    );
    let one = || "1".to_owned();
    let facts = HashMap::from([("violations".to_owned(), one()), ("attached".to_owned(), one())]);
    // A fault of the whole request has no field.
    let colon = if field.is_empty() { "" } else { ": " };
    let message = format!("1 violation: {field}{colon}{description}");
    let mut violation = FieldViolation::new(field, description);
    MESSAGE_UNDECODABLE.clone_into(&mut violation.reason);
    let details = vec![
        ErrorInfo::new(INVALID_REQUEST, ERROR_DOMAIN, facts).into(),
        BadRequest::new([violation]).into(),
    ];
    Status::with_error_details_vec(Code::InvalidArgument, message, details)
}

/// The path of the field that prost's text names, and the cause. The text names each enclosing field as
/// `Message.field: `, the innermost first.
fn located(text: &str) -> (String, &str) {
    let (mut fields, mut cause) = (Vec::new(), text);
    while let Some((entry, rest)) = cause.split_once(": ")
        && let Some((_, field)) = entry.split_once('.').filter(|_| !entry.contains(' '))
    {
        fields.push(field);
        cause = rest;
    }
    fields.reverse();
    (fields.join("."), cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    #[test]
    fn every_method_takes_a_message_whose_name_says_that_it_is_a_request() {
        let files = prost_types::FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
        let services = files.file.iter().filter(|file| file.package() == "cra.v1").flat_map(|it| &it.service);
        for method in services.flat_map(|service| &service.method) {
            assert!(method.input_type().ends_with(REQUEST), "{}", method.input_type());
            assert!(!method.output_type().ends_with(REQUEST), "{}", method.output_type());
        }
    }

    fn refused_by(cause: &str) -> Status {
        refused::<v1::GetStatisticsRequest>(&Status::internal(format!("{PREFIX}{cause}")))
    }

    #[test]
    fn a_request_that_cannot_be_decoded_is_refused_with_its_cause() {
        let error = v1::GetStatisticsRequest::decode(&b"\x0a\x05ab"[..]).unwrap_err();
        let refused = refused::<v1::GetStatisticsRequest>(&Status::internal(error.to_string()));
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("1 violation: selection: found bytes"), "{refused}");
        assert!(!refused.message().contains(PREFIX), "{refused}");
        let whole = refused_by("invalid varint");
        assert!(whole.message().starts_with("1 violation: found bytes that are no Get"), "{whole}");
        assert_eq!(refused.get_details_error_info().unwrap().reason, INVALID_REQUEST);
        let violation = refused.get_details_bad_request().unwrap().field_violations.remove(0);
        assert_eq!((&*violation.field, &*violation.reason), ("selection", MESSAGE_UNDECODABLE));
    }

    #[test]
    fn the_field_of_a_fault_is_its_path_from_the_root() {
        let error = v1::GetStatisticsRequest::decode(&b"\x0a\x03\x0a\x01\xff"[..]).unwrap_err();
        let text = error.to_string();
        let (field, cause) = located(text.strip_prefix(PREFIX).unwrap());
        assert_eq!(field, "selection.from");
        assert!(cause.starts_with("invalid string value"), "{cause}");
        assert_eq!(located("invalid wire type: Varint"), (String::new(), "invalid wire type: Varint"));
    }
}
