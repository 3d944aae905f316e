//! What a request asks for: content, format and selection that fit together, or every fault at once.

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use cra_domain::selection::canonical;

use crate::exports::{Content, Format, List};
use crate::generations::Generation;
use crate::queries::check_selection;
use crate::views::periods::Periods;

/// A file that can be written.
#[derive(Debug)]
pub struct Wanted {
    pub(super) content: Content,
    pub(super) format: Format,
    /// With its values in order: the same question is the same file, whatever the order they were named in.
    pub(super) selection: v1::Selection,
}

impl Wanted {
    /// What the file holds.
    #[must_use]
    pub fn content(&self) -> Content {
        self.content
    }
}

/// Reads a request; the selection is read again at its snapshot.
pub fn check_export(request: &v1::ExportRequest, generation: &Generation) -> Result<Wanted, Vec<Violation>> {
    let selection = request.selection.clone().unwrap_or_default();
    let mut violations = Vec::new();
    let content = content(request, &selection, &mut violations);
    let format = format(request.format, content, &mut violations);
    for violation in check_selection(&selection, generation).err().into_iter().flatten() {
        // The periods of a series are read from the same days.
        if !violations.contains(&violation) {
            violations.push(violation);
        }
    }
    match (content, format) {
        (Some(content), Some(format)) if violations.is_empty() => {
            Ok(Wanted { content, format, selection: canonical(selection) })
        }
        _ => Err(violations),
    }
}

fn refuse<T>(violations: &mut Vec<Violation>, field: &str, fault: impl Into<Fault>) -> Option<T> {
    violations.push(Violation::new(field, fault));
    None
}

fn content(
    request: &v1::ExportRequest,
    selection: &v1::Selection,
    violations: &mut Vec<Violation>,
) -> Option<Content> {
    use v1::ExportContent as C;
    let Ok(content) = C::try_from(request.content) else {
        return refuse(violations, "content", Fault::UnknownValue(request.content));
    };
    if request.dimension != 0 && !matches!(content, C::Breakdown | C::Unspecified) {
        refuse::<Content>(violations, "dimension", Question::DimensionNotAllowed);
    }
    if request.granularity != 0 && !matches!(content, C::Series | C::Unspecified) {
        refuse::<Content>(violations, "granularity", Question::GranularityNotAllowed);
    }
    match content {
        C::Unspecified => refuse(violations, "content", Fault::Required("le contenu")),
        C::Statistics => Some(Content::Statistics),
        C::Cras => Some(Content::Cras),
        C::Breakdown => match v1::Dimension::try_from(request.dimension) {
            Ok(v1::Dimension::Unspecified) => {
                refuse(violations, "dimension", Fault::Required("la dimension"))
            }
            Ok(dimension) => Some(Content::Breakdown(dimension)),
            Err(_) => refuse(violations, "dimension", Fault::UnknownValue(request.dimension)),
        },
        C::Series => {
            violations.extend(Periods::parse(selection, request.granularity).err().into_iter().flatten());
            Some(Content::Series(request.granularity()))
        }
        C::CraThemes => Some(Content::LongTable(List::Themes)),
        C::CraAges => Some(Content::LongTable(List::Ages)),
        C::CraStatuses => Some(Content::LongTable(List::Statuses)),
        C::CraOrganisations => Some(Content::LongTable(List::Organisations)),
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
    let offered = content.map(Content::formats).filter(|offered| !offered.contains(&format));
    if let Some(offered) = offered {
        let names: Vec<_> = offered.iter().map(|format| format.name()).collect();
        return refuse(violations, "format", Question::FormatNotOffered(names.join(", ")));
    }
    Some(format)
}
