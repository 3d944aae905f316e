//! Proto3 JSON of the contract's messages, by reflection over the descriptors. Reading refuses unknown fields; writing
//! leaves out fields at their default. A refused value is reported with every fault: the path, what was found, what is
//! expected and what was probably meant.

mod dynamic;
mod faults;
mod line;
mod walk;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value as Field,
};
use serde_json::Value;

use crate::FILE_DESCRIPTOR_SET;
use walk::walk;

#[allow(clippy::expect_used)] // the bytes were made by this crate's own build
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptor set of the contract decodes")
});

pub use dynamic::{JSON_VALUES_MAX, ReadError, descriptors, read, write};
pub(crate) use faults::nearest;
pub use faults::{JsonFault, Meant};
pub use line::{is_hidden, line};

/// Why a text is not the JSON form of the requested message.
#[derive(Debug)]
pub enum ParseError {
    /// Not JSON: the parser's message, with line and column.
    Text(serde_json::Error),
    /// JSON that does not fit the message; at least one fault.
    Fields(Vec<JsonFault>),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Fields(faults) => {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                f.write_str(&faults.join("; "))
            }
        }
    }
}

impl std::error::Error for ParseError {}

impl ParseError {
    /// Adds faults; a text that is not JSON has none.
    fn and(mut self, more: Vec<JsonFault>) -> Self {
        if let Self::Fields(faults) = &mut self {
            // Both readers may have found a number beyond its range.
            let is_new = |fault: &JsonFault| !faults.contains(fault);
            let new: Vec<_> = more.into_iter().filter(is_new).collect();
            faults.extend(new);
        }
        self
    }
}

/// Reads one message from its JSON form.
pub fn parse<M: Message + Default + prost::Name>(text: &str) -> Result<M, ParseError> {
    parse_with(text, |_, _| None)
}

/// Reads one message from its JSON form. `meant` maps a word that is not in the contract to the contract's word, for
/// the errors.
pub fn parse_with<M: Message + Default + prost::Name>(text: &str, meant: Meant) -> Result<M, ParseError> {
    let message = descriptor::<M>();
    let walked = walk(text, Some(&message), usize::MAX);
    read_walked(&message, text, walked.faults, meant).map(|message| transcode(&message))
}

/// Reads one message from a text with the faults that its walk found.
fn read_walked(
    message: &MessageDescriptor,
    text: &str,
    walked: Vec<JsonFault>,
    meant: Meant,
) -> Result<DynamicMessage, ParseError> {
    let mut source = serde_json::Deserializer::from_str(text);
    let read = DynamicMessage::deserialize(message.clone(), &mut source);
    match read.and_then(|read| source.end().map(|()| read)) {
        Ok(read) if walked.is_empty() => Ok(read),
        Ok(_) => Err(ParseError::Fields(walked)),
        Err(error) => match serde_json::from_str(text) {
            Ok(value) => Err(explained(message, &value, meant, error).and(walked)),
            Err(error) => Err(ParseError::Text(error)),
        },
    }
}

/// Reads one message from a JSON value.
#[allow(clippy::needless_pass_by_value)] // callers make it for this
pub fn from_value<M: Message + Default + prost::Name>(value: Value) -> Result<M, ParseError> {
    from_value_with(&value, |_, _| None)
}

/// Reads one message from a JSON value, as [`parse_with`] does from a text.
pub fn from_value_with<M: Message + Default + prost::Name>(
    value: &Value,
    meant: Meant,
) -> Result<M, ParseError> {
    match DynamicMessage::deserialize(descriptor::<M>(), value) {
        Ok(message) => Ok(transcode(&message)),
        Err(error) => Err(explained(&descriptor::<M>(), value, meant, error)),
    }
}

/// Refuses a text that gives a field twice. For JSON objects that contain a message but are not one.
pub fn refuse_repeated(text: &str) -> Result<(), ParseError> {
    let repeated = walk(text, None, usize::MAX).faults;
    if repeated.is_empty() { Ok(()) } else { Err(ParseError::Fields(repeated)) }
}

/// Every fault of a value that was refused with `error`.
fn explained(
    message: &MessageDescriptor,
    value: &Value,
    meant: Meant,
    error: serde_json::Error,
) -> ParseError {
    match faults::faults(message, value, meant) {
        // The two readers disagree: keep the parser's message.
        faults if faults.is_empty() => ParseError::Text(error),
        faults => ParseError::Fields(faults),
    }
}

/// The JSON form of a message. A time outside the years that JSON can express, which a stored event of another writer
/// may hold, becomes the nearest expressible time.
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

/// From year 1 to year 9999.
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

pub(crate) fn descriptor<M: prost::Name>() -> MessageDescriptor {
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

    fn faults(text: &str) -> Vec<String> {
        let meant: Meant = |kind, word| match (kind, word) {
            ("Channel", "distance") => Some("CHANNEL_REMOTE"),
            ("AgeCounts", "moins12ans") => Some("under_12"),
            ("Cra", "codePostal") => Some("place.postalCode"),
            _ => None,
        };
        match parse_with::<v1::SubmitCraRequest>(text, meant).unwrap_err() {
            ParseError::Fields(faults) => faults.iter().map(ToString::to_string).collect(),
            ParseError::Text(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn reported(text: &str, expected: &[&str]) {
        let found = faults(text);
        assert!(found.iter().zip(expected).all(|(found, start)| found.contains(start)), "{found:#?}");
        assert_eq!(found.len(), expected.len(), "{found:#?}");
    }

    #[test]
    fn an_unknown_field_is_reported_with_its_path_and_the_nearest_name() {
        reported(
            r#"{"craId":"x","advisor":"a"}"#,
            &["advisor: found an unknown field, expected one of craId, cra, validateOnly"],
        );
        reported(r#"{"cra":{"advisor_ids":"a"}}"#, &["cra.advisor_ids: found an unknown field"]);
        assert!(faults(r#"{"cra":{"advisor_ids":"a"}}"#)[0].ends_with("did you mean advisorId?"));
        assert!(faults(r#"{"cra":{"codePostal":"a"}}"#)[0].ends_with("did you mean place.postalCode?"));
        assert!(faults(r#"{"cra":{"ages":{"moins12ans":1}}}"#)[0].ends_with("did you mean under12?"));
        assert!(!faults(r#"{"cra":{"zzz":1}}"#)[0].contains("did you mean"));
    }

    #[test]
    fn a_field_given_twice_is_refused_under_either_of_its_names() {
        let twice = "found this field a second time, expected each field once";
        reported(
            r#"{"craId":"x","cra":{"date":"2024-03-04","ages":{"under12":1,"under_12":2},"date":"2024-03-05"},"cra_id":"y"}"#,
            &[
                &format!("cra.ages.under_12: {twice}"),
                &format!("cra.date: {twice}"),
                &format!("cra_id: {twice}"),
            ],
        );
        reported(
            r#"{"cra":{"themes":["THEME_EMAIL"],"followUp":{"redirections":[{"people":1},{"people":1,"people":2}]},"x":1}}"#,
            &["cra.x: found an unknown field", &format!("cra.followUp.redirections[1].people: {twice}")],
        );
        assert!(refuse_repeated(r#"[{"a":1},{"a":1}]"#).is_ok());
    }

    #[test]
    fn an_unknown_word_is_reported_with_the_choices_and_the_word_to_use() {
        let choices = "found \"distance\", expected one of CHANNEL_VENUE, CHANNEL_OTHER_PLACE, CHANNEL_REMOTE, \
                       CHANNEL_HOME; did you mean CHANNEL_REMOTE?";
        reported(r#"{"cra":{"place":{"channel":"distance"}}}"#, &[&format!("cra.place.channel: {choices}")]);
        for (near, name) in
            [("THEME_EMAILS", "THEME_EMAIL"), ("email", "THEME_EMAIL"), ("theme-helth", "THEME_HEALTH")]
        {
            let found = faults(&format!(r#"{{"cra":{{"themes":["THEME_BUDGET","{near}"]}}}}"#));
            assert!(found[0].starts_with("cra.themes[1]: "), "{found:?}");
            assert!(found[0].ends_with(&format!("did you mean {name}?")), "{found:?}");
        }
        // Unknown numbers are left to the rules.
        assert!(parse::<v1::SubmitCraRequest>(r#"{"cra":{"themes":[99]}}"#).is_ok());
    }

    #[test]
    fn every_fault_is_reported_at_once_with_what_was_found_and_what_is_expected() {
        reported(
            r#"{"cra":{"date":20240305,"participants":2.5,"ages":{"under12":"x"},"themes":"THEME_EMAIL","place":[],
                "followUp":{"redirections":[{"known":"ORGANISATION_CAF","other":"CAF","people":-1}]}},
                "validateOnly":"oui"}"#,
            &[
                "cra.ages.under12: found \"x\", expected a whole number from 0 to 4294967295",
                "cra.date: found 20240305, expected a text: \"20240305\" in quotes",
                "cra.followUp.redirections[0].people: found -1, expected a whole number from 0",
                "cra.followUp.redirections[0]: found known and other, expected one of them",
                "cra.participants: found 2.5, expected a whole number",
                "cra.place: found [], expected an object of channel, communeCode",
                "cra.themes: found \"THEME_EMAIL\", expected a list",
                "validateOnly: found \"oui\", expected true or false",
            ],
        );
        reported("[]", &["found [], expected an object of craId, cra, validateOnly"]);
        let found = parse::<v1::CraEvent>(r#"{"recordedAt":"hier"}"#).unwrap_err().to_string();
        assert!(found.starts_with("recordedAt: found \"hier\", expected a time such as"), "{found}");
    }

    #[test]
    fn a_text_that_is_not_json_is_reported_with_line_and_column() {
        for text in ["{", "", r#"{"craId":"x"} x"#] {
            let error = parse::<v1::SubmitCraRequest>(text).unwrap_err();
            assert!(matches!(error, ParseError::Text(_)), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_has_no_fault_is_read_and_what_is_read_has_none(
            path in proptest::sample::select(vec!["/craId", "/cra", "/cra/date", "/cra/themes", "/cra/ages/over60",
                "/cra/place/channel", "/cra/participants", "/cra/duration", "/validateOnly"]),
            value in proptest::sample::select(vec!["null", "0", "-1", "1.0", "1.5", "1e9", "\"1\"", "\"\"", "[]", "[1]", "[null]",
                "[\"THEME_EMAIL\"]", "{}", "true", "\"CHANNEL_HOME\"", "4294967296", "{\"minutes\":\"60\"}"]),
        ) {
            let mut message: Value = serde_json::json!({"craId": "x", "validateOnly": false, "cra": {
                "date": "", "themes": [], "ages": {"over60": 1}, "place": {"channel": 1}, "participants": 1, "duration": {}}});
            *message.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
            let read = from_value::<v1::SubmitCraRequest>(message.clone());
            let faults = faults::faults(&descriptor::<v1::SubmitCraRequest>(), &message, |_, _| None);
            proptest::prop_assert_eq!(read.is_ok(), faults.is_empty(), "{} {} {:?}", path, value, read.err());
        }
    }
}
