//! Explains, field by field, why a JSON value is not a message: the path, what was found, what is expected.

use std::fmt;

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// Maps a word that is not in the contract to the contract's word. The first argument is the enum or message
/// (`Channel`, `Cra`), the second the word used for one of its values or fields. Returns the value's name or the
/// field's path.
pub type Meant = fn(kind: &str, word: &str) -> Option<&'static str>;

/// Maximum number of faults in one error.
pub(super) const FAULTS_MAX: usize = 50;
/// Characters of a value that a message quotes.
const QUOTED_CHARACTERS_MAX: usize = 60;
/// Similarity below which two words are not considered near each other.
const NEARNESS_MIN: f64 = 0.75;

/// One fault of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    /// Path from the root, in the names of the JSON form, such as `cra.place.channel`; empty for the root itself.
    pub path: String,
    /// What was found, as written in the text.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// What was probably meant.
    pub meant: Option<String>,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, found, expected, meant } = self;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "found {found}, expected {expected}")?;
        match meant {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => Ok(()),
        }
    }
}

/// Every fault of a value that should be a message, in the value's order; bounded.
pub(super) fn faults(message: &MessageDescriptor, value: &Value, meant: Meant) -> Vec<JsonFault> {
    let mut search = Search { meant, faults: Vec::new() };
    search.message(message, "", value);
    search.faults
}

struct Search {
    meant: Meant,
    faults: Vec<JsonFault>,
}

impl Search {
    fn report(&mut self, path: &str, found: &Value, expected: impl Into<String>) {
        self.add(path, quoted(found), expected.into(), None);
    }

    fn add(&mut self, path: &str, found: String, expected: String, meant: Option<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(JsonFault { path: path.to_owned(), found, expected, meant });
        }
    }

    fn message(&mut self, message: &MessageDescriptor, path: &str, value: &Value) {
        let Value::Object(fields) = value else {
            return self.report(path, value, format!("an object of {}", fields_of(message)));
        };
        for (name, value) in fields {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match field_of(message, name) {
                Some(field) => self.field(message, &field, &path, name, value),
                None => self.unknown_field(message, &path, name),
            }
        }
        self.exclusive(message, path, fields);
    }

    /// Checks that at most one field of a oneof is set.
    fn exclusive(&mut self, message: &MessageDescriptor, path: &str, fields: &Map<String, Value>) {
        for oneof in message.oneofs() {
            let set: Vec<_> = fields
                .iter()
                .filter(|(name, value)| {
                    let field = field_of(message, name);
                    !value.is_null()
                        && field.is_some_and(|field| field.containing_oneof().as_ref() == Some(&oneof))
                })
                .map(|(name, _)| name.as_str())
                .collect();
            if set.len() > 1 {
                self.add(path, set.join(" and "), "one of them".to_owned(), None);
            }
        }
    }

    fn field(
        &mut self,
        message: &MessageDescriptor,
        field: &FieldDescriptor,
        path: &str,
        name: &str,
        value: &Value,
    ) {
        match value {
            // The same as an absent field.
            Value::Null => {}
            Value::Array(values) if field.is_list() => {
                for (i, value) in values.iter().enumerate() {
                    let wrapped = Value::Array(vec![value.clone()]);
                    self.value(message, field, &format!("{path}[{i}]"), value, (name, wrapped));
                }
            }
            other if field.is_list() => self.report(path, other, "a list, in [ and ]"),
            other => self.value(message, field, path, other, (name, other.clone())),
        }
    }

    /// Checks one value; `alone` is the field of a message with only this field.
    fn value(
        &mut self,
        message: &MessageDescriptor,
        field: &FieldDescriptor,
        path: &str,
        value: &Value,
        alone: (&str, Value),
    ) {
        match field.kind() {
            Kind::Message(inner) if !is_well_known(&inner) => self.message(&inner, path, value),
            Kind::Enum(words) => self.word(&words, path, value),
            kind => {
                let (name, alone) = alone;
                let alone = Value::Object(Map::from_iter([(name.to_owned(), alone)]));
                if DynamicMessage::deserialize(message.clone(), alone).is_err() {
                    self.report(path, value, expected(&kind, value));
                }
            }
        }
    }

    fn word(&mut self, words: &EnumDescriptor, path: &str, value: &Value) {
        let text = match value {
            Value::String(text) if words.get_value_by_name(text).is_some() => return,
            Value::String(text) => text.clone(),
            // Numbers of a newer contract are accepted: the rules judge them.
            Value::Number(number) if number.as_i64().is_some_and(|it| i32::try_from(it).is_ok()) => return,
            other => other.to_string(),
        };
        let names: Vec<String> =
            words.values().filter(|it| it.number() != 0).map(|it| it.name().to_owned()).collect();
        let meant = (self.meant)(words.name(), &text).map(str::to_owned);
        let meant = meant.or_else(|| nearest(&text, &names).map(str::to_owned));
        self.add(path, quoted(value), format!("one of {}", names.join(", ")), meant);
    }

    fn unknown_field(&mut self, message: &MessageDescriptor, path: &str, name: &str) {
        let names: Vec<String> = message.fields().map(|field| field.json_name().to_owned()).collect();
        let meant = (self.meant)(message.name(), name).map(|meant| {
            message.get_field_by_name(meant).map_or_else(|| meant.to_owned(), |it| it.json_name().to_owned())
        });
        let meant = meant.or_else(|| nearest(name, &names).map(str::to_owned));
        self.add(path, "an unknown field".to_owned(), format!("one of {}", names.join(", ")), meant);
    }
}

pub(super) fn field_of(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

fn fields_of(message: &MessageDescriptor) -> String {
    let names: Vec<String> = message.fields().map(|field| field.json_name().to_owned()).collect();
    names.join(", ")
}

/// Whether a message has a special JSON form, such as a time.
fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

pub(super) fn expected(kind: &Kind, found: &Value) -> String {
    match kind {
        Kind::String if found.is_number() => format!("a text: \"{found}\" in quotes"),
        Kind::String => "a text in quotes".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Bytes => "a text in base64".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => format!("a whole number from 0 to {}", u32::MAX),
        Kind::Uint64 | Kind::Fixed64 => format!("a whole number from 0 to {}", u64::MAX),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            format!("a whole number from {} to {}", i32::MIN, i32::MAX)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            format!("a whole number from {} to {}", i64::MIN, i64::MAX)
        }
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Message(message) if message.name() == "Timestamp" => {
            "a time such as \"2024-03-05T10:00:00Z\"".to_owned()
        }
        Kind::Message(message) => format!("the JSON form of {}", message.full_name()),
        Kind::Enum(words) => format!("a value of {}", words.name()),
    }
}

/// The name nearest to a word; `None` if no name is near.
pub(crate) fn nearest<'a>(word: &str, names: &'a [String]) -> Option<&'a str> {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // A prefix that all names share does not distinguish them.
    let common = names.iter().skip(1).fold(names.first()?.as_str(), |common, name| {
        let end = common.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
        common.get(..end).unwrap_or_default()
    });
    let prefix = common.rfind('_').map_or(0, |at| at + 1);
    let word: String = plain(word);
    let nearness = |name: &str| {
        let (whole, end): (String, String) = (plain(name), plain(&name[prefix..]));
        strsim::jaro_winkler(&word, &whole).max(strsim::jaro_winkler(&word, &end))
    };
    let ranked = names.iter().map(|name| (nearness(name), name.as_str()));
    let best = ranked.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= NEARNESS_MIN).then_some(best.1)
}

/// A value as written in the text, truncated if it is long.
fn quoted(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
