//! The comments of the contract's files, by what they describe.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, MessageDescriptor,
    MethodDescriptor, ServiceDescriptor,
};

/// Leading comments, and those at the end of the line.
pub(crate) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
            for location in &info.location {
                let parts = [location.leading_comments(), location.trailing_comments()];
                let text = parts.map(paragraphs).join("\n\n");
                let text = text.trim();
                if !text.is_empty() {
                    comments.insert((file.name().to_owned(), location.path.clone()), text.to_owned());
                }
            }
        }
        Self(comments)
    }

    fn at(&self, file: &str, path: &[i32]) -> &str {
        self.0.get(&(file.to_owned(), path.to_vec())).map_or("", String::as_str)
    }

    pub(crate) fn of_service(&self, service: &ServiceDescriptor) -> &str {
        self.at(service.parent_file().name(), service.path())
    }

    pub(crate) fn of_method(&self, method: &MethodDescriptor) -> &str {
        self.at(method.parent_file().name(), method.path())
    }

    pub(crate) fn of_message(&self, message: &MessageDescriptor) -> &str {
        self.at(message.parent_file().name(), message.path())
    }

    pub(crate) fn of_field(&self, field: &FieldDescriptor) -> &str {
        self.at(field.parent_message().parent_file().name(), field.path())
    }

    pub(crate) fn of_enum(&self, of: &EnumDescriptor) -> &str {
        self.at(of.parent_file().name(), of.path())
    }

    pub(crate) fn of_value(&self, value: &EnumValueDescriptor) -> &str {
        self.at(value.parent_enum().parent_file().name(), value.path())
    }
}

/// The text without the line breaks of its source; empty lines separate paragraphs.
fn paragraphs(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// The first sentence, without its full stop.
pub(crate) fn first_sentence(text: &str) -> &str {
    let end = text.match_indices(['.', ':', '\n']).find(|(at, mark)| {
        *mark == "\n"
            || text[at + mark.len()..].is_empty()
            || text[at + mark.len()..].starts_with([' ', '\n'])
    });
    end.map_or(text, |(at, _)| &text[..at])
}
