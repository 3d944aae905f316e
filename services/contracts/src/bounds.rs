//! Limits on the number of values in each repeated field of a request, derived from the contract's descriptors. A
//! [`Scan`] counts the values in the encoded request before anything is decoded, in memory that does not grow with the
//! request.
//!
//! A field that is added to the contract gets its limit from its type and name; there is no list to extend.

mod scan;

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::{Message, Name};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

pub use self::scan::Scan;
use crate::FILE_DESCRIPTOR_SET;

/// Maximum number of values in a list of identifiers or communes: as many as the perimeter of a token may hold.
pub const IDS_MAX: usize = 5_000;
/// Maximum number of values in any other list, except lists of an enum.
pub const VALUES_MAX: usize = 1_000;
/// How often a list of an enum may repeat each of its values.
const ENUM_REPETITIONS: usize = 2;

/// A repeated field with more values than its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Path from the request's root, such as `selection.department_codes`.
    pub field: String,
    /// Number of values found.
    pub found: usize,
    /// The limit.
    pub max: usize,
}

/// The fields of a message that a scan must look at.
#[derive(Debug, Default)]
struct Plan {
    /// Sorted by field number.
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    number: u32,
    name: String,
    /// Maximum number of values of a repeated field; `None` for any other field.
    max: Option<usize>,
    form: Form,
}

/// Encoding of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Varint,
    Fixed32,
    Fixed64,
    Bytes,
    /// A message, by its index in [`Plans`].
    Message(usize),
}

/// The plans of all messages of the contract.
#[derive(Debug, Default)]
struct Plans {
    messages: Vec<Plan>,
    /// Plans by full name of the message, such as `cra.v1.Selection`.
    by_name: HashMap<String, usize>,
    /// The request of each method that takes a single request, by method path, such as
    /// `/cra.v1.StatisticsService/Export`.
    single_requests: HashMap<String, usize>,
}

#[allow(clippy::expect_used)] // the bytes were made by this crate's own build
static PLANS: LazyLock<Plans> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET);
    Plans::of(&files.expect("the descriptor set of the contract decodes"))
});

/// Scan for the request of a method; `None` if the method takes a stream of requests or is not in the contract.
#[must_use]
pub fn scan_of_method(path: &str) -> Option<Scan> {
    PLANS.single_requests.get(path).map(|plan| Scan::new(&PLANS, *plan))
}

/// The limit of a repeated field of a message; `None` for any other field, and outside of the contract.
#[must_use]
pub fn values_max(message: &str, field: &str) -> Option<usize> {
    let plan = PLANS.by_name.get(message)?;
    PLANS.messages[*plan].fields.iter().find(|it| it.name == field)?.max
}

/// The repeated fields of a message that exceed their limits.
#[must_use]
pub fn exceeded<M: Message + Name>(message: &M) -> Vec<Exceeded> {
    let Some(plan) = PLANS.by_name.get(&M::full_name()) else { return Vec::new() };
    let mut scan = Scan::new(&PLANS, *plan);
    scan.read(&message.encode_to_vec());
    scan.into_exceeded()
}

impl Plans {
    fn of(files: &FileDescriptorSet) -> Self {
        let mut messages = Vec::new();
        let mut values_of_enum = HashMap::new();
        for file in &files.file {
            let package = format!(".{}", file.package());
            note_enums(&package, &file.enum_type, &mut values_of_enum);
            note_messages(&package, &file.message_type, &mut messages, &mut values_of_enum);
        }
        let by_name: HashMap<_, _> =
            messages.iter().enumerate().map(|(index, (name, _))| (name[1..].to_owned(), index)).collect();
        let plan = |message: &DescriptorProto| {
            let mut fields: Vec<_> =
                message.field.iter().filter_map(|field| field_of(field, &by_name, &values_of_enum)).collect();
            fields.sort_unstable_by_key(|field| field.number);
            Plan { fields }
        };
        let plans = messages.iter().map(|(_, message)| plan(message)).collect();
        let mut single_requests = HashMap::new();
        for file in &files.file {
            for service in &file.service {
                for method in service.method.iter().filter(|method| !method.client_streaming()) {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let request = by_name.get(method.input_type().trim_start_matches('.'));
                    single_requests.extend(request.map(|index| (path, *index)));
                }
            }
        }
        Self { messages: plans, by_name, single_requests }
    }
}

/// Collects the messages of a package or message, with the full names that fields refer to.
fn note_messages<'a>(
    within: &str,
    messages: &'a [DescriptorProto],
    noted: &mut Vec<(String, &'a DescriptorProto)>,
    values_of_enum: &mut HashMap<String, usize>,
) {
    for message in messages {
        let name = format!("{within}.{}", message.name());
        note_enums(&name, &message.enum_type, values_of_enum);
        note_messages(&name, &message.nested_type, noted, values_of_enum);
        noted.push((name, message));
    }
}

fn note_enums(within: &str, enums: &[EnumDescriptorProto], values_of_enum: &mut HashMap<String, usize>) {
    let named = enums.iter().map(|it| (format!("{within}.{}", it.name()), it.value.len()));
    values_of_enum.extend(named);
}

fn field_of(
    field: &FieldDescriptorProto,
    by_name: &HashMap<String, usize>,
    values_of_enum: &HashMap<String, usize>,
) -> Option<Field> {
    let form = match field.r#type() {
        Type::Fixed32 | Type::Sfixed32 | Type::Float => Form::Fixed32,
        Type::Fixed64 | Type::Sfixed64 | Type::Double => Form::Fixed64,
        Type::String | Type::Bytes => Form::Bytes,
        Type::Message | Type::Group => {
            Form::Message(*by_name.get(field.type_name().trim_start_matches('.'))?)
        }
        _ => Form::Varint,
    };
    let names_ids = field.name().ends_with("_ids") || field.name() == "commune_codes";
    let max = match field.r#type() {
        Type::Enum => values_of_enum.get(field.type_name()).map_or(VALUES_MAX, |it| ENUM_REPETITIONS * it),
        Type::String if names_ids => IDS_MAX,
        _ => VALUES_MAX,
    };
    Some(Field {
        number: u32::try_from(field.number()).ok()?,
        name: field.name().to_owned(),
        max: (field.label() == Label::Repeated).then_some(max),
        form,
    })
}

#[cfg(test)]
mod tests;
