//! `/import`: a file of CRAs. The whole file is checked, and every fault is shown at its cell; a file with a fault
//! records nothing. A valid file waits in memory until the person has seen a summary and confirms it. Then it is
//! recorded in the background, while its page shows the progress.
//!
//! The ids of the CRAs come from the file, or are derived from its rows (`cra_sheets::table::row::RowIds`). So the same
//! file sent again records nothing twice, and a process that ends loses only the upload.

mod check;
mod contents;
mod exchange;
mod receive;
mod record;
pub(crate) mod registry;
mod summary;
mod upload;
mod view;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use cra_sheets::template;

use self::check::Checked;
use self::upload::Upload;
use self::view::{Sheet, Wrong};
use crate::app::App;
use crate::entry::may_submit;
use crate::fault::Fault;
use crate::forms::{Fields, TOKEN_FIELD};
use crate::query::Query;
use crate::redirect::see_other;

/// `GET /import`.
pub(crate) async fn show(
    State(app): State<App>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let clients = app.services().ingestion(&headers)?;
    app.within(may_submit(&clients)).await?;
    let fields = Fields::of(query.as_bytes());
    let mut sheet = Sheet { fill: upload::Fill::of(&fields), ..Sheet::default() };
    sheet.fill.complete(&app.services().caller(&headers));
    Ok(sheet.respond(&app, &headers))
}

/// `POST /import`: a file, which is only checked.
pub(crate) async fn send(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let upload = receive::read(&app, &headers, body).await;
    let (name, fill) = (upload.name.clone(), upload.fill.clone());
    let wrong = match checked(&app, &headers, upload).await {
        Ok(Checked::Right(found)) => {
            let stored = app.imports().keep(owner(&app, &headers), name.clone(), found);
            match stored {
                Ok(id) => match see_other(&address(&id)) {
                    Ok(response) => return response,
                    Err(fault) => Wrong::Fault(fault),
                },
                Err(fault) => Wrong::Fault(fault),
            }
        }
        Ok(Checked::Unusable(text)) => Wrong::File(text),
        Ok(Checked::Faults(problems)) => Wrong::Cells(problems),
        Err(fault) => Wrong::Fault(fault),
    };
    Sheet { name, fill, wrong: Some(wrong) }.respond(&app, &headers)
}

/// Reads the file and has the service validate each of its CRAs.
async fn checked(app: &App, headers: &HeaderMap, mut upload: Upload) -> Result<Checked, Fault> {
    if let Some(fault) = upload.refused {
        return Err(fault);
    }
    if let Err(text) = upload.fill.name_ids(&app.names()) {
        return Ok(Checked::Unusable(text));
    }
    let clients = app.services().ingestion(headers)?;
    let limit = app.upload_bytes();
    app.within(async {
        // Before the file is read, so that a caller without rights causes little work.
        may_submit(&clients).await?;
        check::check(&clients, upload, limit).await
    })
    .await
}

/// Address of the page of an import.
fn address(id: &str) -> String {
    format!("/import/{id}")
}

/// `GET /import/{id}`: the CRAs to record, the progress, and the outcome of each CRA. Addresses of the templates have
/// the same form.
pub(crate) async fn show_one(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if let Some(template) = template_named(&id) {
        return template;
    }
    let clients = app.services().ingestion(&headers)?;
    app.within(may_submit(&clients)).await?;
    let import = app.imports().find(&id, &owner(&app, &headers)).ok_or(Fault::ImportGone)?;
    Ok(view::one(&app, &headers, &id, &import))
}

/// `POST /import/{id}`: records a checked file, or resumes an interrupted recording.
pub(crate) async fn confirm(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let fields = app.within_limit(Fields::read(&headers, body)).await?;
    app.forms().check(&headers, fields.first(TOKEN_FIELD))?;
    let clients = app.services().ingestion(&headers)?;
    app.within(may_submit(&clients)).await?;
    let import = app.imports().find(&id, &owner(&app, &headers)).ok_or(Fault::ImportGone)?;
    // Of two concurrent requests, only the first one starts the recording.
    if import.begin() {
        let turn = app.imports().turn();
        tokio::spawn(record::record(clients, import, turn));
    }
    see_other(&address(&id))
}

/// The template to fill in.
fn template_named(name: &str) -> Option<Result<Response, Fault>> {
    let internal = |error: &dyn std::fmt::Display| Fault::Internal(error.to_string());
    let (media_type, made) = match name {
        "modele.xlsx" => (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            template::workbook().map_err(|error| internal(&error)),
        ),
        "modele.csv" => ("text/csv; charset=utf-8", template::csv().map_err(|error| internal(&error))),
        _ => return None,
    };
    let file_name = format!("attachment; filename=\"comptes-rendus-{name}\"");
    Some(made.and_then(|bytes| {
        let file_name = HeaderValue::try_from(file_name).map_err(|error| internal(&error))?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (header::CONTENT_DISPOSITION, file_name),
        ];
        Ok((headers, bytes).into_response())
    }))
}

fn owner(app: &App, headers: &HeaderMap) -> registry::Owner {
    registry::Owner::of(app.forms(), app.services(), headers)
}
