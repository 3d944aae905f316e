//! `/cra/{id}/retirer`: withdraws a CRA from the statistics, with a reason. Its history remains.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::event::life::Life;
use tonic::Code;

use super::correction::is_overtaken;
use super::life::{self, Field, Last, Shown};
use super::{life_of, life_shown};
use crate::app::App;
use crate::entry::{Notice, Problem, Text, of_status, reason_field, receipt_address};
use crate::fault::Fault;
use crate::forms::{Fields, TOKEN_FIELD};
use crate::plain::{Frame, page};
use crate::redirect::see_other;

#[derive(Template)]
#[template(path = "records/withdraw.html")]
struct WithdrawPage {
    frame: Frame,
    token_field: &'static str,
    token: String,
    cra_id: String,
    revision: u64,
    reason: Text,
    /// Faults without a field.
    problems: Vec<String>,
    notice: Option<Notice>,
    /// What others changed since the form was shown.
    changes: Vec<Shown>,
    fields: Vec<Field>,
}

/// Content of the form.
#[derive(Default)]
struct Sheet {
    cra_id: String,
    revision: u64,
    reason: String,
    problems: Vec<Problem>,
    notice: Option<Notice>,
    /// `None` if the service is unavailable.
    life: Option<Life>,
    /// The revision that the form showed before others changed the CRA.
    overtaken: Option<u64>,
}

impl Sheet {
    fn respond(self, app: &App, headers: &HeaderMap) -> Response {
        let Self { cra_id, revision, reason, problems, notice, life, overtaken } = self;
        let status = match &notice {
            Some(notice) => notice.status,
            None if overtaken.is_some() => StatusCode::CONFLICT,
            None if problems.is_empty() => StatusCode::OK,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let (of_reason, others): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.field == "motif");
        let error = of_reason.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join(" ");
        let cra = life.as_ref().and_then(|life| life::content(life, life.revision()));
        let title = "Retirer un compte-rendu";
        let title = if status == StatusCode::OK { title.to_owned() } else { format!("Erreur : {title}") };
        let issued = app.forms().issue(headers);
        let shown = WithdrawPage {
            frame: Frame::new(&title, "/cra"),
            token_field: TOKEN_FIELD,
            token: issued.token.clone(),
            cra_id,
            revision,
            reason: reason_field("du retrait", &reason, error),
            problems: others.into_iter().map(|problem| problem.message).collect(),
            notice,
            changes: life
                .as_ref()
                .zip(overtaken)
                .map(|(life, revision)| life::since(life, revision))
                .unwrap_or_default(),
            fields: life.as_ref().zip(cra).map(|(life, cra)| life::fields(&cra, life)).unwrap_or_default(),
        };
        issued.with_cookie((status, page(&shown)).into_response())
    }
}

fn can_be_withdrawn(life: &Life) -> bool {
    !matches!(life::last(life), Last::Withdrawn | Last::Unseen)
}

/// `GET /cra/{id}/retirer`.
pub(crate) async fn withdraw(
    State(app): State<App>,
    Path(cra_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let life = life_shown(&app, &headers, &cra_id).await?;
    if !can_be_withdrawn(&life) {
        return see_other(&format!("/cra/{cra_id}"));
    }
    let sheet = Sheet { cra_id, revision: life.revision(), life: Some(life), ..Sheet::default() };
    Ok(sheet.respond(&app, &headers))
}

/// `POST /cra/{id}/retirer`.
pub(crate) async fn send(
    State(app): State<App>,
    Path(cra_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let fields = app.within_limit(Fields::read(&headers, body)).await?;
    let mut sheet = Sheet {
        cra_id,
        revision: fields.first("revision").parse().unwrap_or_default(),
        reason: fields.first("motif").to_owned(),
        ..Sheet::default()
    };
    let sent = match app.forms().check(&headers, fields.first(TOKEN_FIELD)) {
        Ok(()) => match app.services().ingestion(&headers) {
            Ok(clients) => app.within(record(&clients, &mut sheet)).await,
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    match sent {
        Ok(Some(receipt)) => return see_other(&receipt_address(&receipt)),
        Ok(None) => {}
        Err(fault) => sheet.notice = Some(Notice::of(&fault)),
    }
    Ok(sheet.respond(&app, &headers))
}

/// Returns the receipt, or the faults of the form.
async fn record(clients: &Clients, sheet: &mut Sheet) -> Result<Option<v1::Receipt>, Fault> {
    let request = v1::WithdrawCraRequest {
        cra_id: sheet.cra_id.clone(),
        expected_revision: sheet.revision,
        reason: sheet.reason.clone(),
    };
    let status = match clients.ingestion().withdraw_cra(within_deadline(request)).await {
        Ok(answered) => {
            let receipt = answered.into_inner().receipt;
            return receipt
                .map(Some)
                .ok_or_else(|| Fault::Internal("an answer without a receipt".to_owned()));
        }
        Err(status) => status,
    };
    let is_overtaken = is_overtaken(&status);
    if status.code() != Code::InvalidArgument && !is_overtaken {
        return Err(Fault::Refused(Box::new(status)));
    }
    let life = life_of(clients, &sheet.cra_id).await?;
    if is_overtaken {
        sheet.overtaken = Some(sheet.revision);
        sheet.revision = life.revision();
    } else {
        sheet.problems = of_status(&status);
    }
    sheet.life = Some(life);
    Ok(None)
}
