//! The JSON form of messages that are known only by their descriptors, as a server needs it. A walk in bounded memory
//! checks any text before it becomes a message.

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

use super::walk::walk;
use super::{POOL, ParseError, clip_times, read_walked};
use crate::bounds::Exceeded;

/// Upper bound on the values of one JSON text: more than a request has whose lists are all within their bounds.
pub const JSON_VALUES_MAX: usize = 100_000;

/// The descriptors of the contract and of its imports.
#[must_use]
pub fn descriptors() -> &'static DescriptorPool {
    &POOL
}

/// Why bytes are not a JSON form of the requested message.
#[derive(Debug)]
pub enum ReadError {
    /// The bytes are not valid UTF-8.
    NotUtf8,
    /// The text has more than [`JSON_VALUES_MAX`] values.
    TooManyValues,
    /// Lists exceed their bounds; named as in the contract.
    Exceeded(Vec<Exceeded>),
    /// The text is not JSON, or does not fit the message.
    Parse(ParseError),
}

/// Reads a message from its JSON form.
pub fn read(message: &MessageDescriptor, bytes: &[u8]) -> Result<DynamicMessage, ReadError> {
    let text = str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
    let walked = walk(text, Some(message), JSON_VALUES_MAX);
    if walked.has_too_many_values {
        return Err(ReadError::TooManyValues);
    }
    if !walked.exceeded.is_empty() {
        return Err(ReadError::Exceeded(walked.exceeded));
    }
    read_walked(message, text, walked.faults, |_, _| None).map_err(ReadError::Parse)
}

/// The JSON form of a message, as [`super::to_value`] writes it.
#[must_use]
pub fn write(message: &mut DynamicMessage) -> Vec<u8> {
    if let Some(text) = written(message) {
        return text;
    }
    clip_times(message);
    written(message).unwrap_or_else(|| unreachable!("a message of the contract has a JSON form"))
}

fn written(message: &DynamicMessage) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let options = SerializeOptions::new();
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::v1;

    fn message(name: &str) -> MessageDescriptor {
        descriptors().get_message_by_name(&format!("cra.v1.{name}")).unwrap()
    }

    fn of_list(field: &str, count: usize) -> Vec<u8> {
        format!("{{\"selection\":{{\"{field}\":[{}]}}}}", vec!["\"35\""; count].join(",")).into_bytes()
    }

    #[test]
    fn what_is_read_is_what_the_contracts_own_types_read_and_is_written_back() {
        let text = br#"{"craId":"x","cra":{"themes":["THEME_EMAIL"],"participants":0}}"#;
        let mut read = read(&message("SubmitCraRequest"), text).unwrap();
        let typed = v1::SubmitCraRequest::decode(read.encode_to_vec().as_slice()).unwrap();
        assert_eq!(typed.cra.unwrap().themes, [v1::Theme::Email as i32]);
        let written: serde_json::Value = serde_json::from_slice(&write(&mut read)).unwrap();
        assert_eq!(written, serde_json::from_slice::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn a_list_past_its_bound_is_named_as_in_the_contract_and_counted_to_its_end() {
        let message = message("GetStatisticsRequest");
        for field in ["departmentCodes", "department_codes"] {
            assert!(read(&message, &of_list(field, 1_000)).is_ok());
            let ReadError::Exceeded(exceeded) = read(&message, &of_list(field, 250_000)).unwrap_err() else {
                panic!("{field} is within its bound");
            };
            let expected =
                Exceeded { field: "selection.department_codes".into(), found: 250_000, max: 1_000 };
            assert_eq!(exceeded, [expected]);
        }
    }

    #[test]
    fn values_that_no_field_bounds_are_bounded_together_wherever_they_lie() {
        let message = message("GetStatisticsRequest");
        let many = vec!["0"; JSON_VALUES_MAX].join(",");
        let deep = format!("{}{many}{}", "[".repeat(60), "]".repeat(60));
        for text in [format!("{{\"x\":[{many}]}}"), format!("{{\"x\":{deep}}}")] {
            assert!(matches!(read(&message, text.as_bytes()), Err(ReadError::TooManyValues)));
        }
        let text = format!("{}{}", "{\"selection\":".repeat(100_000), "}".repeat(100_000));
        assert!(matches!(read(&message, text.as_bytes()), Err(ReadError::Parse(ParseError::Text(_)))));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let message = message("GetStatisticsRequest");
        assert!(matches!(read(&message, b"{\"\xff\":1}"), Err(ReadError::NotUtf8)));
        assert!(matches!(read(&message, b""), Err(ReadError::Parse(ParseError::Text(_)))));
    }
}
