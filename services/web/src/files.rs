//! `/fichiers/…`: files of the content of a page, passed through as the projection makes them.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use cra_contracts::v1::{self, Dimension, ExportContent, ExportFormat, Granularity, export_response::Part};
use cra_domain::definitions::heading;
use futures::StreamExt as _;
use tonic::{Request, Status};

use crate::address::{self, Address, At, BREAKDOWNS, QUERY_BYTES_MAX, Read, STEPS, query_of, word};
use crate::app::App;
use crate::fault::Fault;
use crate::periods::{bounded, step};
use crate::redirect::see_other;
use crate::services::answer;

/// The files: name in addresses, content, format, and label on the page.
const FILES: [(&str, ExportContent, ExportFormat); 10] = [
    ("statistiques.xlsx", ExportContent::Statistics, ExportFormat::Xlsx),
    ("statistiques.csv", ExportContent::Statistics, ExportFormat::Csv),
    ("serie.xlsx", ExportContent::Series, ExportFormat::Xlsx),
    ("serie.csv", ExportContent::Series, ExportFormat::Csv),
    ("repartition.xlsx", ExportContent::Breakdown, ExportFormat::Xlsx),
    ("repartition.csv", ExportContent::Breakdown, ExportFormat::Csv),
    ("comptes-rendus.xlsx", ExportContent::Cras, ExportFormat::Xlsx),
    ("comptes-rendus.csv", ExportContent::Cras, ExportFormat::Csv),
    ("comptes-rendus.ndjson", ExportContent::Cras, ExportFormat::Ndjson),
    ("comptes-rendus.parquet", ExportContent::Cras, ExportFormat::Parquet),
];

/// The files of one content, in several formats.
pub(crate) struct FileLink {
    pub(crate) title: String,
    /// Format and address.
    pub(crate) formats: Vec<(&'static str, String)>,
}

/// Links to the files of a page's content, at the position of the page.
pub(crate) fn links(
    address: &Address,
    snapshot: &v1::Snapshot,
    series: Granularity,
    by: Dimension,
) -> Vec<FileLink> {
    let mut pinned = address.clone();
    if snapshot.position > 0 {
        pinned.at = At::Position { position: snapshot.position, log: snapshot.log.clone() };
    }
    let series_label = STEPS.iter().find(|(step, ..)| *step == series).map_or("", |(_, _, label)| label);
    let titles = [
        (ExportContent::Statistics, "Tous les chiffres de cette page".to_owned()),
        (ExportContent::Series, format!("Les chiffres {series_label}")),
        (ExportContent::Breakdown, format!("Les chiffres par {}", heading(by).to_lowercase())),
        (ExportContent::Cras, "Les comptes-rendus, un par ligne".to_owned()),
    ];
    titles
        .into_iter()
        .map(|(content, title)| {
            let mut parameters = pinned.parameters();
            // Only the parameters that the file depends on.
            parameters.retain(|(name, _)| {
                !["comparer", "n", "lignes", "colonnes", "mesure", "pas", "par"].contains(name)
            });
            match content {
                ExportContent::Series => {
                    let word = STEPS.iter().find(|(step, ..)| *step == series);
                    parameters.extend(word.map(|(_, word, _)| ("pas", (*word).to_owned())));
                }
                ExportContent::Breakdown => parameters.push(("par", word(&BREAKDOWNS, by).to_owned())),
                _ => {}
            }
            let query = query_of(&parameters);
            let formats = FILES.iter().filter(|(_, it, _)| *it == content);
            let formats =
                formats.map(|(name, _, format)| (name_of(*format), format!("/fichiers/{name}?{query}")));
            FileLink { title, formats: formats.collect() }
        })
        .collect()
}

fn name_of(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Unspecified => "",
        ExportFormat::Csv => "CSV",
        ExportFormat::Xlsx => "Excel",
        ExportFormat::Ndjson => "NDJSON",
        ExportFormat::Parquet => "Parquet",
    }
}

/// `GET /fichiers/{name}`.
pub(crate) async fn send(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let file = FILES.iter().find(|(known, ..)| *known == name).ok_or(Fault::NotFound)?;
    let query = query.unwrap_or_default();
    let Read { address, problems } = Read::of(&query, &app.names());
    if query.len() > QUERY_BYTES_MAX || !problems.is_empty() {
        // The page shows the faults at their fields.
        return see_other(&format!("/?{query}"));
    }
    let permit = app.permit()?;
    let clients = app.services().projection(&headers)?;
    let export = answer(clients.statistics().export(Request::new(request(file, address))).await)?;
    let mut export = export;
    let first = export.message().await.map_err(|status| Fault::Refused(Box::new(status)))?;
    let Some(Part::Header(described)) = first.and_then(|answer| answer.part) else {
        return Err(Fault::Internal("a file without a header".to_owned()));
    };
    let chunks = export.filter_map(move |answer| {
        // The permit is held until the file is sent, or its reader disconnects.
        let _held = &permit;
        let chunk = match answer {
            Ok(v1::ExportResponse { part: Some(Part::Chunk(chunk)) }) => Some(Ok(chunk)),
            Ok(_) => None,
            Err(status) => Some(Err(broken(status))),
        };
        std::future::ready(chunk)
    });
    let value =
        |text: String| HeaderValue::try_from(text).map_err(|error| Fault::Internal(error.to_string()));
    let headers = [
        (header::CONTENT_TYPE, value(described.media_type)?),
        (header::CONTENT_DISPOSITION, value(format!("attachment; filename=\"{}\"", described.file_name))?),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// A file that ends early aborts its connection, so that the browser reports an incomplete download.
fn broken(status: Status) -> Status {
    tracing::warn!(code = ?status.code(), message = status.message(), "a file ended early");
    status
}

fn request(file: &(&str, ExportContent, ExportFormat), address: Address) -> v1::ExportRequest {
    let (_, content, format) = *file;
    let consistency = Some(address.at.consistency());
    let (mut selection, mut granularity, mut dimension) =
        (address.selection, Granularity::Unspecified, Dimension::Unspecified);
    match content {
        ExportContent::Series => {
            selection = bounded(&selection, None, address::today());
            granularity = step(address.view.step, &selection, false);
        }
        ExportContent::Breakdown => dimension = address.view.by,
        _ => {}
    }
    v1::ExportRequest {
        selection: Some(selection),
        content: content.into(),
        format: format.into(),
        dimension: dimension.into(),
        consistency,
        granularity: granularity.into(),
    }
}
