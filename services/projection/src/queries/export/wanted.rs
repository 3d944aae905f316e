//! What a request asks for: content, format and selection that fit together, or every fault at once.

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};

use crate::exports::{Content, Format};
use crate::generations::Generation;
use crate::queries::check_selection;

/// A file that can be written.
#[derive(Debug)]
pub struct Wanted {
    pub(super) content: Content,
    pub(super) format: Format,
    pub(super) selection: v1::Selection,
}

/// Reads a request; the selection is read again at its snapshot.
pub fn check_export(request: &v1::ExportRequest, generation: &Generation) -> Result<Wanted, Vec<Violation>> {
    let selection = request.selection.clone().unwrap_or_default();
    let mut violations = Vec::new();
    let content = content(request, &mut violations);
    let format = format(request.format, content, &mut violations);
    violations.extend(check_selection(&selection, generation).err().into_iter().flatten());
    match (content, format) {
        (Some(content), Some(format)) if violations.is_empty() => Ok(Wanted { content, format, selection }),
        _ => Err(violations),
    }
}

fn refuse<T>(violations: &mut Vec<Violation>, field: &str, fault: impl Into<Fault>) -> Option<T> {
    violations.push(Violation::new(field, fault));
    None
}

fn content(request: &v1::ExportRequest, violations: &mut Vec<Violation>) -> Option<Content> {
    use v1::ExportContent::{Breakdown, Cras, Statistics, Unspecified};
    let dimension = v1::Dimension::try_from(request.dimension);
    let content = v1::ExportContent::try_from(request.content);
    if matches!(content, Ok(Statistics | Cras)) && dimension != Ok(v1::Dimension::Unspecified) {
        refuse::<Content>(violations, "dimension", Question::DimensionNotAllowed);
    }
    match content {
        Ok(Statistics) => Some(Content::Statistics),
        Ok(Cras) => Some(Content::Cras),
        Ok(Breakdown) => match dimension {
            Ok(v1::Dimension::Unspecified) => {
                refuse(violations, "dimension", Fault::Required("la dimension"))
            }
            Ok(dimension) => Some(Content::Breakdown(dimension)),
            Err(_) => refuse(violations, "dimension", Fault::UnknownValue(request.dimension)),
        },
        Ok(Unspecified) => refuse(violations, "content", Fault::Required("le contenu")),
        Err(_) => refuse(violations, "content", Fault::UnknownValue(request.content)),
    }
}

fn format(number: i32, content: Option<Content>, violations: &mut Vec<Violation>) -> Option<Format> {
    let format = match v1::ExportFormat::try_from(number) {
        Ok(v1::ExportFormat::Csv) => Format::Csv,
        Ok(v1::ExportFormat::Xlsx) => Format::Xlsx,
        Ok(v1::ExportFormat::Ndjson) => Format::Ndjson,
        Ok(v1::ExportFormat::Parquet) => Format::Parquet,
        Ok(v1::ExportFormat::Unspecified) => {
            return refuse(violations, "format", Fault::Required("le format"));
        }
        Err(_) => return refuse(violations, "format", Fault::UnknownValue(number)),
    };
    let offered = match content {
        Some(Content::Statistics | Content::Breakdown(_)) => matches!(format, Format::Csv | Format::Xlsx),
        Some(Content::Cras) | None => true,
    };
    if !offered {
        return refuse(violations, "format", Question::FormatNotOffered("CSV, XLSX"));
    }
    Some(format)
}
