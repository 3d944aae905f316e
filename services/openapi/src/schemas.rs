//! Schemas of messages and enums, by the JSON mapping of proto3.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cra_contracts::bounds;
use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::comments::Comments;
use crate::json::{Json, Members};
use crate::{PACKAGE, limits};

/// The schemas that the operations refer to.
pub(crate) struct Schemas<'a> {
    comments: &'a Comments,
    by_name: BTreeMap<String, Json>,
    /// Messages that services only read, so that they have no fields other than those of the contract.
    only_read: BTreeSet<String>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(comments: &'a Comments, pool: &DescriptorPool) -> Self {
        let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
        for service in pool.services().filter(|service| service.package_name() == PACKAGE) {
            for method in service.methods() {
                reach(&method.input(), &mut read);
                reach(&method.output(), &mut written);
            }
        }
        let only_read = read.difference(&written).cloned().collect();
        Self { comments, by_name: BTreeMap::new(), only_read }
    }

    pub(crate) fn into_all(self) -> Members {
        self.by_name.into_iter().collect()
    }

    /// A reference to the schema of a message. Adds the schema and those that it refers to.
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Json {
        if !self.by_name.contains_key(message.name()) {
            // Added first, because a message may contain itself.
            self.by_name.insert(message.name().to_owned(), Json::Null);
            let schema = self.schema_of(message);
            self.by_name.insert(message.name().to_owned(), schema);
        }
        Json::reference(&format!("schemas/{}", message.name()))
    }

    fn schema_of(&mut self, message: &MessageDescriptor) -> Json {
        let is_only_read = self.only_read.contains(message.full_name());
        let properties: Members = message
            .fields()
            .map(|field| (field.json_name().to_owned(), self.field(&field, is_only_read)))
            .collect();
        let mut text = self.comments.of_message(message).to_owned();
        let mut exclusive = Members::new();
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let names: Vec<_> = oneof.fields().map(|field| field.json_name().to_owned()).collect();
            let _ = write!(text, "\n\nAt most one of {}.", names.join(", "));
            exclusive.extend(names.iter().map(|name| {
                let others = names.iter().filter(|other| *other != name);
                let others = others.map(|other| (other.clone(), Json::Bool(false))).collect();
                (name.clone(), Json::object().with("properties", Json::Object(others)))
            }));
        }
        text += &limits::of_message(message.name());
        let mut schema = Json::object().with("type", "object").with_text("description", text.trim());
        let required = limits::required(message.name());
        if !required.is_empty() {
            schema = schema.with("required", required.to_vec());
        }
        schema = schema.with("properties", Json::Object(properties));
        if !exclusive.is_empty() {
            schema = schema.with("dependentSchemas", Json::Object(exclusive));
        }
        if is_only_read { schema.with("additionalProperties", false) } else { schema }
    }

    /// The schema of a field. Limits of requests are omitted if answers use the same message.
    pub(crate) fn field(&mut self, field: &FieldDescriptor, is_only_read: bool) -> Json {
        let text = self.comments.of_field(field);
        let value = self.value(&field.kind());
        if field.cardinality() == Cardinality::Repeated {
            let mut list =
                Json::object().with("type", "array").with_text("description", text).with("items", value);
            let limit = bounds::values_max(field.parent_message().full_name(), field.name());
            if let Some(limit) = limit.filter(|_| is_only_read) {
                list = list.with("maxItems", limit as u64);
            }
            return list;
        }
        let schema = value.with_text("description", text);
        if !is_only_read {
            return schema;
        }
        let limits = limits::of_field(field.parent_message().name(), field.name());
        limits.into_iter().fold(schema, |schema, (name, limit)| schema.with(&name, limit))
    }

    fn value(&mut self, kind: &Kind) -> Json {
        let of_type = |name: &str| Json::object().with("type", name);
        match kind {
            Kind::String => of_type("string"),
            Kind::Bool => of_type("boolean"),
            Kind::Bytes => of_type("string").with("contentEncoding", "base64"),
            Kind::Uint32 | Kind::Fixed32 => {
                of_type("integer").with("minimum", 0).with("maximum", u64::from(u32::MAX))
            }
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => of_type("integer").with("format", "int32"),
            Kind::Uint64 | Kind::Fixed64 => of_type("string").with("pattern", "^[0-9]{1,20}$"),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                of_type("string").with("pattern", "^-?[0-9]{1,19}$")
            }
            Kind::Float | Kind::Double => of_type("number"),
            Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
                of_type("string").with("format", "date-time")
            }
            Kind::Message(message) => self.message(message),
            Kind::Enum(of) => self.words(of),
        }
    }

    /// A reference to the schema of an enum. Adds the schema.
    pub(crate) fn words(&mut self, of: &EnumDescriptor) -> Json {
        let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
        let meanings: Vec<String> = of
            .values()
            .map(|value| (self.comments.of_value(&value).to_owned(), value.name().to_owned()))
            .filter(|(meaning, _)| !meaning.is_empty())
            .map(|(meaning, name)| format!("- `{name}`: {meaning}"))
            .collect();
        let text = format!("{}\n\n{}", self.comments.of_enum(of), meanings.join("\n"));
        let schema =
            Json::object().with("type", "string").with_text("description", text.trim()).with("enum", names);
        self.by_name.insert(of.name().to_owned(), schema);
        Json::reference(&format!("schemas/{}", of.name()))
    }
}

/// A message and every message nested in it, by full name.
fn reach(message: &MessageDescriptor, reached: &mut BTreeSet<String>) {
    if !reached.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            reach(&inner, reached);
        }
    }
}
