//! Converts query strings to messages. Each field is a parameter, named as in the JSON form, as in the proto file, by
//! the path of the field, or by a short form; lists are repeated parameters. All faults are reported at once, each with
//! the parameter, what was found, and what is expected.
//!
//! `department=35&department_codes=22&selection.from=2026-10-01` sets two values of one list, and a text.

use std::collections::HashMap;

use prost::{Message, Name};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::json::{self, JsonFault, ParseError};

/// Maximum number of faults in one refusal.
const FAULTS_MAX: usize = 50;
/// Maximum number of characters of a text that a fault quotes.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// A field that an address can set.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Path from the root of the message to the field.
    path: Vec<FieldDescriptor>,
    field: FieldDescriptor,
    short: Option<&'static str>,
}

impl Parameter {
    /// Name of the field in the JSON form, such as `departmentCodes`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field.json_name()
    }

    /// The short form, if there is one.
    #[must_use]
    pub fn short(&self) -> Option<&'static str> {
        self.short
    }

    /// Descriptor of the field.
    #[must_use]
    pub fn field(&self) -> &FieldDescriptor {
        &self.field
    }

    /// Path of the field from the root of the message, such as `selection.department_codes`.
    #[must_use]
    pub fn path(&self) -> String {
        dotted(&self.path, FieldDescriptor::name)
    }

    fn json_path(&self) -> String {
        dotted(&self.path, FieldDescriptor::json_name)
    }
}

fn dotted(path: &[FieldDescriptor], name: fn(&FieldDescriptor) -> &str) -> String {
    path.iter().map(name).collect::<Vec<_>>().join(".")
}

/// Why a part of a query string is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The part is not percent-encoded UTF-8.
    Encoding,
    /// No field has this name.
    Unknown,
    /// A singular field occurs several times.
    Repeated,
    /// The value is invalid for the field.
    Value,
}

/// A fault of a query string; the path of `fault` is the parameter as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct QueryFault {
    /// Kind of the fault.
    pub cause: Cause,
    /// The parameter, what was found, and what is expected.
    pub fault: JsonFault,
}

/// The result of reading a query string.
#[derive(Clone, Debug)]
pub struct Query<M> {
    /// The message.
    pub message: M,
    /// The parameters as written, by the path of their field.
    pub written: HashMap<String, String>,
}

/// The parameters of a message.
#[derive(Debug)]
pub struct Parameters {
    all: Vec<Parameter>,
    by_name: HashMap<String, usize>,
}

impl Parameters {
    /// Makes a parameter for each field of the message and of its nested messages, except those in `left_out`, which
    /// another part of the address determines. `short` contains short forms by the path of the field, in
    /// lowerCamelCase.
    #[must_use]
    pub fn of<M: Name>(left_out: &[&str], short: &[(&str, &'static str)]) -> Self {
        let mut all = Vec::new();
        collect(&json::descriptor::<M>(), &[], &mut all);
        all.retain(|parameter| !left_out.contains(&parameter.path().as_str()));
        let mut by_name = HashMap::new();
        for (index, parameter) in all.iter_mut().enumerate() {
            let path = parameter.path();
            parameter.short = short.iter().find(|(of, _)| *of == path).map(|(_, short)| *short);
            let own =
                [parameter.name().to_owned(), parameter.field.name().to_owned(), path, parameter.json_path()];
            let short = parameter.short.iter().flat_map(|short| [(*short).to_owned(), snake_case(short)]);
            by_name.extend(own.into_iter().chain(short).map(|name| (name, index)));
        }
        Self { all, by_name }
    }

    /// All parameters in the order of the contract.
    #[must_use]
    pub fn all(&self) -> &[Parameter] {
        &self.all
    }

    /// Reads a query string, without the question mark.
    pub fn read<M: Message + Default + Name>(&self, query: &str) -> Result<Query<M>, Vec<QueryFault>> {
        let mut reading = Reading { parameters: self, values: HashMap::new(), faults: Vec::new() };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            reading.part(part);
        }
        let Reading { values, mut faults, .. } = reading;
        let value = self.value_of(&values);
        let named = |path: String| {
            values
                .iter()
                .find_map(|(index, (name, _))| {
                    let parameter = self.all[*index].json_path();
                    let rest = path.strip_prefix(&parameter)?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then(|| name.clone())
                })
                .unwrap_or(path)
        };
        match json::from_value::<M>(value) {
            Ok(message) if faults.is_empty() => {
                let written = values.into_iter().map(|(index, (name, _))| (self.all[index].path(), name));
                Ok(Query { message, written: written.collect() })
            }
            Ok(_) => Err(faults),
            Err(ParseError::Fields(wrong)) => {
                let wrong = wrong.into_iter().map(|fault| QueryFault {
                    cause: Cause::Value,
                    fault: JsonFault { path: named(fault.path.clone()), ..fault },
                });
                faults.extend(wrong);
                faults.truncate(FAULTS_MAX);
                Err(faults)
            }
            Err(ParseError::Text(_)) => {
                let fault = fault("", "a query", "values that the fields can have".to_owned(), None);
                Err(vec![QueryFault { cause: Cause::Value, fault }])
            }
        }
    }

    /// The JSON form of the query.
    fn value_of(&self, values: &HashMap<usize, (String, Vec<String>)>) -> Value {
        let mut root = Map::new();
        for (index, (_, texts)) in values {
            let parameter = &self.all[*index];
            let mut object = &mut root;
            for message in &parameter.path[..parameter.path.len() - 1] {
                let inner = object.entry(message.json_name()).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(inner) = inner else { unreachable!("only messages hold fields") };
                object = inner;
            }
            let mut values = texts.iter().map(|text| value_of(&parameter.field.kind(), text));
            let value = if parameter.field.is_list() {
                Value::Array(values.collect())
            } else {
                values.next().unwrap_or_default()
            };
            object.insert(parameter.name().to_owned(), value);
        }
        Value::Object(root)
    }
}

/// The fields of a message and of its nested messages.
fn collect(message: &MessageDescriptor, path: &[FieldDescriptor], all: &mut Vec<Parameter>) {
    for field in message.fields() {
        let path: Vec<_> = path.iter().cloned().chain([field.clone()]).collect();
        match field.kind() {
            Kind::Message(inner) if inner.package_name() != "google.protobuf" && !field.is_list() => {
                collect(&inner, &path, all);
            }
            _ => all.push(Parameter { path, field, short: None }),
        }
    }
}

/// State of reading one query string.
struct Reading<'a> {
    parameters: &'a Parameters,
    /// By index of the parameter: its name as first written, and its values.
    values: HashMap<usize, (String, Vec<String>)>,
    faults: Vec<QueryFault>,
}

impl Reading<'_> {
    fn refuse(&mut self, cause: Cause, fault: JsonFault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(QueryFault { cause, fault });
        }
    }

    fn part(&mut self, part: &str) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let Some(name) = decoded(name) else {
            return self.refuse(Cause::Encoding, undecoded(name, name));
        };
        let Some(index) = self.parameters.by_name.get(&name).copied() else {
            let known: Vec<String> =
                self.parameters.all.iter().map(|parameter| parameter.name().to_owned()).collect();
            let expected = format!("one of {}", known.join(", "));
            let meant = json::nearest(&name, &known).map(str::to_owned);
            return self
                .refuse(Cause::Unknown, fault(&quotable(&name), "an unknown parameter", expected, meant));
        };
        let Some(value) = decoded(value) else {
            return self.refuse(Cause::Encoding, undecoded(&name, value));
        };
        let is_list = self.parameters.all[index].field.is_list();
        let (_, values) = self.values.entry(index).or_insert_with(|| (name.clone(), Vec::new()));
        if !is_list && !values.is_empty() {
            let found = "this parameter a second time";
            return self.refuse(Cause::Repeated, fault(&name, found, "it once".to_owned(), None));
        }
        values.push(value);
    }
}

fn fault(path: &str, found: &str, expected: String, meant: Option<String>) -> JsonFault {
    JsonFault { path: path.to_owned(), found: found.to_owned(), expected, meant }
}

fn undecoded(name: &str, found: &str) -> JsonFault {
    let found = format!("\"{}\"", quotable(found));
    fault(
        &quotable(name),
        &found,
        "a text in percent-encoded UTF-8 without control characters".to_owned(),
        None,
    )
}

/// The beginning of a text, with characters that a message may contain.
fn quotable(text: &str) -> String {
    let mut quotable: String = text
        .chars()
        .take(QUOTED_CHARACTERS_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(QUOTED_CHARACTERS_MAX).is_some() {
        quotable.push('…');
    }
    quotable
}

/// Decodes `application/x-www-form-urlencoded`. Strict, because an invalid escape sequence means that the address was
/// truncated or encoded twice.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

/// The JSON form of a value. Numbers are strings, as the JSON form allows.
fn value_of(kind: &Kind, text: &str) -> Value {
    match (kind, text) {
        (Kind::Bool, "true") => Value::Bool(true),
        (Kind::Bool, "false") => Value::Bool(false),
        (Kind::Enum(words), _) => Value::String(word(words, text)),
        _ => Value::String(text.to_owned()),
    }
}

/// Finds the enum value of a text: its name, with or without the prefix of the enum, in any case, with hyphens or
/// underscores.
fn word(words: &EnumDescriptor, text: &str) -> String {
    let name = text.to_ascii_uppercase().replace('-', "_");
    let prefix = format!("{}_", snake_case(words.name()).to_ascii_uppercase());
    let is_meant = |known: &&str| *known == name || known.strip_prefix(&*prefix) == Some(&*name);
    let known: Vec<String> = words.values().map(|value| value.name().to_owned()).collect();
    known.iter().map(String::as_str).find(is_meant).unwrap_or(text).to_owned()
}

/// Converts `subTheme` and `SubTheme` to `sub_theme`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
