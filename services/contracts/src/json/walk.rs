//! Walks a JSON text before it becomes a message, in memory that does not grow with the text. Finds repeated fields,
//! lists beyond their bounds, and texts with more values than any message has.
//!
//! A field is repeated if one of its two proto JSON names occurs twice, or if both occur. JSON parsers retain the last
//! value silently; this walk reports the loss.

use std::collections::HashSet;
use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::faults::{FAULTS_MAX, JsonFault, expected, field_of};
use crate::bounds::{self, Exceeded};

/// Upper bound on the characters of a name that a path shows.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// Findings in the order of the text, bounded. For a text that is not JSON, those before its fault.
#[derive(Debug)]
pub(super) struct Walk {
    /// Repeated fields, and integers outside the range of their fields, which parsers would replace by the range's
    /// bound.
    pub(super) faults: Vec<JsonFault>,
    /// Lists with more values than their fields allow.
    pub(super) exceeded: Vec<Exceeded>,
    /// Whether the text exceeds the bound on values, not counting those beyond the bound of a list.
    pub(super) has_too_many_values: bool,
    values: usize,
    values_max: usize,
}

/// Walks a text; if a message is given, as the JSON form of that message.
pub(super) fn walk(text: &str, message: Option<&MessageDescriptor>, values_max: usize) -> Walk {
    let mut walk =
        Walk { faults: Vec::new(), exceeded: Vec::new(), has_too_many_values: false, values: 0, values_max };
    let form = message.map_or(Form::Unknown, |message| Form::Message(message.clone()));
    let mut source = serde_json::Deserializer::from_str(text);
    // The parser refuses a text that is not JSON.
    let _ = Level { path: Path::default(), form, walk: &mut walk }.deserialize(&mut source);
    walk
}

/// Path of a value, with the names in the text and with those of the contract.
#[derive(Clone, Default)]
struct Path {
    written: String,
    of_contract: String,
}

impl Path {
    fn field(&self, written: &str, of_contract: &str) -> Self {
        let below = |path: &str, name: &str| {
            let end = name.char_indices().nth(SHOWN_CHARACTERS_MAX).map_or(name.len(), |(end, _)| end);
            let separator = if path.is_empty() { "" } else { "." };
            format!("{path}{separator}{}", &name[..end])
        };
        Self { written: below(&self.written, written), of_contract: below(&self.of_contract, of_contract) }
    }

    fn element(&self, index: usize) -> Self {
        let Self { written, of_contract } = self;
        Self { written: format!("{written}[{index}]"), of_contract: format!("{of_contract}[{index}]") }
    }
}

/// Expected type of a value.
#[derive(Clone)]
enum Form {
    Unknown,
    Message(MessageDescriptor),
    List {
        values_max: usize,
        element: Box<Form>,
    },
    /// An integer type.
    Number(Kind),
}

impl Form {
    fn of(message: &MessageDescriptor, field: &FieldDescriptor) -> Self {
        let one = match field.kind() {
            Kind::Message(inner) => Self::Message(inner),
            kind if range_of(&kind).is_some() => Self::Number(kind),
            _ => Self::Unknown,
        };
        if field.is_list() {
            let values_max = bounds::values_max(message.full_name(), field.name()).unwrap_or(usize::MAX);
            return Self::List { values_max, element: Box::new(one) };
        }
        if field.is_map() { Self::Unknown } else { one }
    }
}

/// The smallest value of an integer type, and the first one beyond its largest.
fn range_of(kind: &Kind) -> Option<(f64, f64)> {
    const TWO_TO_31: f64 = 2_147_483_648.0;
    const TWO_TO_32: f64 = 4_294_967_296.0;
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Some((-TWO_TO_31, TWO_TO_31)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Some((-TWO_TO_63, TWO_TO_63)),
        Kind::Uint32 | Kind::Fixed32 => Some((0.0, TWO_TO_32)),
        Kind::Uint64 | Kind::Fixed64 => Some((0.0, TWO_TO_64)),
        _ => None,
    }
}

struct Level<'a> {
    path: Path,
    form: Form,
    walk: &'a mut Walk,
}

impl Level<'_> {
    fn below(&mut self, path: Path, form: Form) -> Level<'_> {
        Level { path, form, walk: self.walk }
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        self.walk.values += 1;
        if self.walk.values > self.walk.values_max {
            self.walk.has_too_many_values = true;
            return Err(D::Error::custom("too many values"));
        }
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let message = if let Form::Message(message) = &self.form { Some(message.clone()) } else { None };
            let field = message.as_ref().and_then(|message| field_of(message, &name));
            let path = self.path.field(&name, field.as_ref().map_or(&name, |field| field.name()));
            // `craId` and `cra_id` name one field.
            let is_new = seen.insert(name.replace('_', "").to_ascii_lowercase());
            if !is_new && self.walk.faults.len() < FAULTS_MAX {
                self.walk.faults.push(JsonFault {
                    path: path.written.clone(),
                    found: "this field a second time".to_owned(),
                    expected: "each field once".to_owned(),
                    meant: None,
                });
            }
            let form =
                message.zip(field).map_or(Form::Unknown, |(message, field)| Form::of(&message, &field));
            map.next_value_seed(self.below(path, form))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let (values_max, element) = match &self.form {
            Form::List { values_max, element } => (*values_max, element.clone()),
            _ => (usize::MAX, Box::new(Form::Unknown)),
        };
        let mut found = 0;
        loop {
            let next = if found < values_max {
                items.next_element_seed(self.below(self.path.element(found), (*element).clone()))?
            } else {
                items.next_element::<IgnoredAny>()?.map(drop)
            };
            if next.is_none() {
                break;
            }
            found += 1;
        }
        if found > values_max && self.walk.exceeded.len() < FAULTS_MAX {
            self.walk.exceeded.push(Exceeded { field: self.path.of_contract, found, max: values_max });
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        if let Form::Number(kind) = &self.form
            && let Some((least, beyond)) = range_of(kind)
            && !(least..beyond).contains(&value)
            && self.walk.faults.len() < FAULTS_MAX
        {
            let found = Value::from(value);
            self.walk.faults.push(JsonFault {
                path: self.path.written,
                expected: expected(kind, &found),
                found: found.to_string(),
                meant: None,
            });
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
