//! Parses the content, format and selection of an export, or reports every fault.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use cra_domain::selection::Selection;

use cra_analytics::periods::Periods;
use cra_exports::{Content, Format, List};

/// A valid export.
#[derive(Debug)]
pub struct ExportSpec {
    pub(super) content: Content,
    pub(super) format: Format,
    pub(super) selection: Arc<Selection>,
}

impl ExportSpec {
    /// The file of a selection.
    #[must_use]
    pub fn new((content, format): (Content, Format), selection: Arc<Selection>) -> Self {
        Self { content, format, selection }
    }
}

/// Parses an export request, except its selection.
pub fn check_export(request: &v1::ExportRequest) -> Result<(Content, Format), Vec<Violation>> {
    let mut violations = Vec::new();
    let content = content(request, &mut violations);
    let format = format(request.format, content, &mut violations);
    match (content, format) {
        (Some(content), Some(format)) if violations.is_empty() => Ok((content, format)),
        _ => Err(violations),
    }
}

fn refuse<T>(violations: &mut Vec<Violation>, field: &str, fault: impl Into<Fault>) -> Option<T> {
    violations.push(Violation::new(field, fault));
    None
}

fn content(request: &v1::ExportRequest, violations: &mut Vec<Violation>) -> Option<Content> {
    use v1::ExportContent as C;
    let Ok(content) = C::try_from(request.content) else {
        let fault = Question::value_unknown(request.content, C::as_str_name);
        return refuse(violations, "content", fault);
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
            Err(_) => {
                let fault = Question::value_unknown(request.dimension, v1::Dimension::as_str_name);
                refuse(violations, "dimension", fault)
            }
        },
        C::Series => {
            let none = v1::Selection::default();
            let selection = request.selection.as_ref().unwrap_or(&none);
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
        Err(_) => {
            let fault = Question::value_unknown(number, v1::ExportFormat::as_str_name);
            return refuse(violations, "format", fault);
        }
    };
    let offered = content.map(Content::formats).filter(|offered| !offered.contains(&format));
    if let Some(offered) = offered {
        let names: Vec<_> = offered.iter().map(|format| format.name()).collect();
        return refuse(
            violations,
            "format",
            Question::FormatNotOffered { found: format.name(), offered: names.join(", ") },
        );
    }
    Some(format)
}
