//! Addresses of files: `/v1/export/CONTENT.FORMAT` with the selection in the query. Each is equivalent to an
//! [`ExportRequest`].
//!
//! Names of contents and formats are the enum values in lower case without their prefix, such as `cra-themes` for
//! `EXPORT_CONTENT_CRA_THEMES`: a content or format added to the contract gets an address without further code. Which
//! content is offered in which format is decided elsewhere.

use std::sync::LazyLock;

use crate::query::Parameters;
use crate::v1::{ExportContent, ExportFormat, ExportRequest};

/// Prefix of the addresses of all files.
pub const ADDRESS: &str = "/v1/export/";

/// Fields of the request that the path determines.
const IN_PATH: [&str; 2] = ["content", "format"];

/// Short names of parameters, by the path of their field.
const SHORT: [(&str, &str); 15] = [
    ("selection.region_codes", "region"),
    ("selection.department_codes", "department"),
    ("selection.epci_codes", "epci"),
    ("selection.commune_codes", "commune"),
    ("selection.postal_codes", "postalCode"),
    ("selection.structure_ids", "structure"),
    ("selection.advisor_ids", "advisor"),
    ("selection.venue_ids", "venue"),
    ("selection.channels", "channel"),
    ("selection.activities", "activity"),
    ("selection.themes", "theme"),
    ("selection.sub_themes", "subTheme"),
    ("selection.durations", "duration"),
    ("selection.ages", "age"),
    ("selection.statuses", "status"),
];

static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| Parameters::of::<ExportRequest>(&IN_PATH, &SHORT));

/// The parameters of a file's address.
#[must_use]
pub fn parameters() -> &'static Parameters {
    &PARAMETERS
}

/// The content and format of a file name such as `cras.parquet`.
#[must_use]
pub fn named(name: &str) -> Option<(ExportContent, ExportFormat)> {
    let (content, format) = name.split_once('.')?;
    let contents = (1..).map_while(|number| ExportContent::try_from(number).ok());
    let formats = (1..).map_while(|number| ExportFormat::try_from(number).ok());
    let content = contents.into_iter().find(|it| content_name(*it).as_deref() == Some(content))?;
    let format = formats.into_iter().find(|it| format_name(*it) == format)?;
    Some((content, format))
}

/// All file names, such as `statistics.csv`, whether offered or not.
pub fn names() -> impl Iterator<Item = String> {
    let contents = (1..).map_while(|number| ExportContent::try_from(number).ok());
    contents.flat_map(|content| {
        let formats = (1..).map_while(|number| ExportFormat::try_from(number).ok());
        let content = content_name(content).unwrap_or_default();
        formats.map(move |format| format!("{content}.{}", format_name(format)))
    })
}

/// Name of a content in addresses; `None` for an unspecified content.
#[must_use]
pub fn content_name(content: ExportContent) -> Option<String> {
    let name = content.as_str_name().strip_prefix("EXPORT_CONTENT_")?;
    (content != ExportContent::Unspecified).then(|| name.to_lowercase().replace('_', "-"))
}

/// Name of a format in addresses: the file name extension.
#[must_use]
pub fn format_name(format: ExportFormat) -> String {
    format.as_str_name().trim_start_matches("EXPORT_FORMAT_").to_lowercase()
}

/// The registered media type of a format.
#[must_use]
pub fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Parquet => "application/vnd.apache.parquet",
        ExportFormat::Unspecified => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_and_format_has_one_name() {
        let names: Vec<_> = names().collect();
        assert_eq!(names.len(), 8 * 4);
        assert!(names.contains(&"cra-organisations.parquet".to_owned()), "{names:?}");
        for name in &names {
            let (content, format) = named(name).unwrap();
            assert_eq!(&format!("{}.{}", content_name(content).unwrap(), format_name(format)), name);
        }
        for wrong in [
            "",
            ".",
            "cras",
            "cras.",
            ".csv",
            "CRAS.csv",
            "cras.CSV",
            "cras.csv.gz",
            "unspecified.csv",
            "cras/.csv",
        ] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_list_of_the_selection_has_a_short_form_and_no_name_means_two_fields() {
        let lists: Vec<_> = parameters().all().iter().filter(|it| it.field().is_list()).collect();
        assert!(lists.iter().all(|list| list.short().is_some()), "{lists:?}");
        assert_eq!(lists.len(), SHORT.len());
    }
}
