//! JSON whose members keep the order in which they were added, whatever the features of `serde_json`.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// The members of an object.
pub(crate) type Members = Vec<(String, Json)>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Object(Members),
    List(Vec<Json>),
    Text(String),
    Number(u64),
    Bool(bool),
    Null,
}

impl Json {
    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Adds a member, or replaces the one of the same name.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, former)) => *former = value.into(),
                None => members.push((name.to_owned(), value.into())),
            }
        }
        self
    }

    /// Like [`Json::with`], but omits an empty text.
    pub(crate) fn with_text(self, name: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.with(name, text) }
    }

    /// A reference to a component, such as `schemas/Cra`.
    pub(crate) fn reference(component: &str) -> Self {
        Self::object().with("$ref", format!("#/components/{component}"))
    }

    /// Indented by two spaces, with a line break at the end.
    pub(crate) fn pretty(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("texts, numbers, lists and objects have a JSON form: {error}"),
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    object.serialize_entry(name, value)?;
                }
                object.end()
            }
            Self::List(values) => values.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Bool(value) => value.serialize(serializer),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// Members in the order of their names. Numbers are non-negative integers, because the examples have no others.
impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.as_u64().unwrap_or_default()),
            Value::String(text) => Self::Text(text),
            Value::Array(values) => values.into(),
            Value::Object(members) => {
                let mut members: Members =
                    members.into_iter().map(|(name, value)| (name, value.into())).collect();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                Self::Object(members)
            }
        }
    }
}
