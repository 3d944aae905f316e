//! Proto3 JSON of the contract's messages, by reflection over the descriptors. When reading, unknown
//! fields are errors; when writing, fields at their default are left out.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value as Field,
};
use serde_json::Value;

use crate::FILE_DESCRIPTOR_SET;

#[allow(clippy::expect_used)] // the bytes were made by this crate's own build
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptor set of the contract decodes")
});

/// A text that is no JSON form of the message asked for: says what was found and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(#[from] serde_json::Error);

/// Reads one message from its JSON form.
pub fn parse<M: Message + Default + prost::Name>(text: &str) -> Result<M, ParseError> {
    let mut source = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor::<M>(), &mut source)?;
    source.end()?;
    Ok(transcode(&message))
}

/// Reads one message from a JSON value.
pub fn from_value<M: Message + Default + prost::Name>(value: Value) -> Result<M, ParseError> {
    let message = DynamicMessage::deserialize(descriptor::<M>(), value)?;
    Ok(transcode(&message))
}

/// The JSON form of a message. A time of a year that JSON has no form for, as somebody else's event may say, is written
/// as the nearest one that it has.
pub fn to_value<M: Message + prost::Name>(message: &M) -> Value {
    let mut dynamic = DynamicMessage::new(descriptor::<M>());
    let written = dynamic.transcode_from(message).map_err(|error| error.to_string()).and_then(|()| {
        written(&dynamic).or_else(|_| {
            clip_times(&mut dynamic);
            written(&dynamic)
        })
    });
    match written {
        Ok(value) => value,
        Err(error) => unreachable!("a message of the contract has a JSON form: {error}"),
    }
}

fn written(message: &DynamicMessage) -> Result<Value, String> {
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| error.to_string())
}

/// From the year 1 to the year 9999.
const JSON_SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const JSON_NANOS: RangeInclusive<i32> = 0..=999_999_999;

fn clip_times(message: &mut DynamicMessage) {
    let is_a_time = message.descriptor().full_name() == "google.protobuf.Timestamp";
    for (_, value) in message.fields_mut() {
        match value {
            Field::I64(seconds) if is_a_time => {
                *seconds = (*seconds).clamp(*JSON_SECONDS.start(), *JSON_SECONDS.end());
            }
            Field::I32(nanos) if is_a_time => *nanos = (*nanos).clamp(*JSON_NANOS.start(), *JSON_NANOS.end()),
            Field::Message(inner) => clip_times(inner),
            Field::List(values) => {
                for value in values {
                    if let Field::Message(inner) = value {
                        clip_times(inner);
                    }
                }
            }
            _ => {}
        }
    }
}

fn descriptor<M: prost::Name>() -> MessageDescriptor {
    match POOL.get_message_by_name(&M::full_name()) {
        Some(descriptor) => descriptor,
        None => unreachable!("{} is a message of the contract", M::full_name()),
    }
}

fn transcode<M: Message + Default>(message: &DynamicMessage) -> M {
    match message.transcode_to() {
        Ok(message) => message,
        Err(error) => unreachable!("a message of the contract reads its own bytes: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    #[test]
    fn a_submission_reads_and_writes_as_json() {
        let text = r#"{"craId":"x","cra":{"advisorId":"a","themes":["THEME_EMAIL"],"participants":0}}"#;
        let message: v1::SubmitCraRequest = parse(text).unwrap();
        let cra = message.cra.as_ref().unwrap();
        assert_eq!(cra.themes, [v1::Theme::Email as i32]);
        assert_eq!(cra.participants, Some(0), "presence is kept");
        assert_eq!(to_value(&message), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_message_with_a_time_that_json_has_no_form_for_is_written_all_the_same() {
        let seconds = [i64::MIN, -62_135_596_801, 253_402_300_800, i64::MAX];
        for (seconds, nanos) in
            seconds.map(|seconds| (seconds, 0)).into_iter().chain([(0, -1), (0, i32::MAX)])
        {
            let recorded_at = Some(prost_types::Timestamp { seconds, nanos });
            let event = v1::CraEvent { cra_id: "x".into(), recorded_at, ..v1::CraEvent::default() };
            let answer = v1::GetCraHistoryResponse { events: vec![event] };
            let written = to_value(&answer);
            let time = written["events"][0]["recordedAt"].as_str();
            assert!(time.is_some_and(|time| time.ends_with('Z')), "{seconds}, {nanos}: {written}");
            assert_eq!(written["events"][0]["craId"], "x");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = parse::<v1::SubmitCraRequest>(r#"{"craId":"x","advisor":"a"}"#).unwrap_err();
        assert!(error.to_string().contains("advisor"), "{error}");
    }
}
