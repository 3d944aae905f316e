//! `/cra/{id}/corriger`: the form filled in with the content of a CRA. If another person changed the CRA in the
//! meantime, both contents are shown next to each other, and neither is lost.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::cra::{Cra, Submission, check_reason};
use cra_domain::event::life::Life;
use cra_runtime::rejection;
use jiff::Timestamp;
use tonic::{Code, Status};

use super::life::{self, Last, Shown};
use super::{life_of, life_shown};
use crate::app::App;
use crate::entry::{
    Conflict, Notice, Problem, Purpose, Ready, Sheet, Typed, merge, of_status, problem_of, read,
    receipt_address, unsent,
};
use crate::fault::Fault;
use crate::forms::Fields;
use crate::names::Names;
use crate::redirect::see_other;

/// `GET /cra/{id}/corriger`.
pub(crate) async fn correct(
    State(app): State<App>,
    Path(cra_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let life = life_shown(&app, &headers, &cra_id).await?;
    let Some(cra) = correctable(&life) else {
        // The CRA's page says why it cannot be corrected.
        return see_other(&format!("/cra/{cra_id}"));
    };
    let purpose =
        Purpose::Correction { cra_id, revision: life.revision(), reason: String::new(), conflict: None };
    Ok(Sheet::new(purpose, Typed::of_cra(&cra)).respond(&app, &headers))
}

/// The content of a CRA, if it can be corrected.
fn correctable(life: &Life) -> Option<Cra> {
    life::content(life, life.revision()).filter(|_| life::last(life) != Last::Withdrawn)
}

/// The outcome of a sent form.
enum Sent {
    Recorded(v1::Receipt),
    Wrong(Box<Ready>),
    Overtaken(Conflict, u64),
}

struct Correction {
    cra_id: String,
    revision: u64,
    reason: String,
}

/// `POST /cra/{id}/corriger`.
pub(crate) async fn send(
    State(app): State<App>,
    Path(cra_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let fields = app.within_limit(Fields::read(&headers, body)).await?;
    let mut typed = Typed::of(&fields);
    let revision = fields.first("revision").parse().unwrap_or_default();
    let correction = Correction { cra_id, revision, reason: fields.first("motif").to_owned() };
    let purpose = |revision, conflict| Purpose::Correction {
        cra_id: correction.cra_id.clone(),
        revision,
        reason: correction.reason.clone(),
        conflict,
    };
    if let Some(sheet) = unsent(&app, &headers, &fields, &purpose(revision, None), &typed) {
        return Ok(sheet.respond(&app, &headers));
    }
    let sent = match app.services().ingestion(&headers) {
        Ok(clients) => app.within(correction.record(&clients, &app.names(), &mut typed)).await,
        Err(fault) => Err(fault),
    };
    let mut sheet = Sheet::new(purpose(revision, None), typed);
    match sent {
        Ok(Sent::Recorded(receipt)) => return see_other(&receipt_address(&receipt)),
        Ok(Sent::Wrong(ready)) => {
            sheet.problems = ready.problems;
            sheet.communes = ready.communes;
        }
        Ok(Sent::Overtaken(conflict, revision)) => sheet.purpose = purpose(revision, Some(conflict)),
        Err(fault) => sheet.notice = Some(Notice::of(&fault)),
    }
    Ok(sheet.respond(&app, &headers))
}

impl Correction {
    async fn record(&self, clients: &Clients, names: &Names, typed: &mut Typed) -> Result<Sent, Fault> {
        let life = life_of(clients, &self.cra_id).await?;
        let Some(base) = life::content(&life, self.revision) else {
            return Err(Fault::NotFound);
        };
        let mut ready = read(clients, names, typed, Some(&base)).await?;
        if life.revision() == self.revision && typed.is_equivalent(&Typed::of_cra(&base)) {
            ready.problems = vec![Problem::new(
                "",
                "Rien n'a changé : corrigez au moins un champ, ou quittez cette page.",
            )];
            return Ok(Sent::Wrong(Box::new(ready)));
        }
        if !ready.problems.is_empty() {
            // A form with unreadable fields is not sent; this finds its other faults by the rules that the service
            // applies.
            let theirs = faults(&ready.cra, &base, &self.reason);
            ready.problems = crate::entry::all_of(ready.problems, theirs);
            return Ok(Sent::Wrong(Box::new(ready)));
        }
        let request = v1::CorrectCraRequest {
            cra_id: self.cra_id.clone(),
            expected_revision: self.revision,
            cra: Some(ready.cra.clone()),
            reason: self.reason.clone(),
        };
        match clients.ingestion().correct_cra(within_deadline(request)).await.map(tonic::Response::into_inner)
        {
            Ok(v1::CorrectCraResponse { receipt: Some(receipt) }) => Ok(Sent::Recorded(receipt)),
            Ok(_) => Err(Fault::Internal("an answer without a receipt".to_owned())),
            Err(status) if status.code() == Code::InvalidArgument => {
                ready.problems = of_status(&status);
                Ok(Sent::Wrong(Box::new(ready)))
            }
            Err(status) if is_overtaken(&status) => self.overtaken(clients, typed, &base).await,
            Err(status) => Err(Fault::Refused(Box::new(status))),
        }
    }

    /// Merges the typed form with what another person recorded.
    async fn overtaken(&self, clients: &Clients, typed: &mut Typed, base: &Cra) -> Result<Sent, Fault> {
        let life = life_of(clients, &self.cra_id).await?;
        let Some(theirs) = correctable(&life) else {
            return Err(Fault::Refused(Box::new(Status::failed_precondition("withdrawn"))));
        };
        let differences = merge(typed, &Typed::of_cra(&theirs), &Typed::of_cra(base));
        let Shown { revision, origin, reason, .. } =
            life::events(&life).into_iter().next().unwrap_or_default();
        let conflict = Conflict { event: format!("Révision {revision}, {origin}"), reason, differences };
        Ok(Sent::Overtaken(conflict, life.revision()))
    }
}

/// Every fault of a correction that is only checked.
fn faults(cra: &v1::Cra, base: &Cra, reason: &str) -> Vec<Problem> {
    let content = Submission::parse_correction(cra, base, Timestamp::now()).err().unwrap_or_default();
    let reason = check_reason(reason).err();
    content
        .iter()
        .chain(&reason)
        .map(|violation| problem_of(&violation.field, violation.fault.message_fr()))
        .collect()
}

/// Whether another person changed the CRA since the revision that the form was based on.
pub(super) fn is_overtaken(status: &Status) -> bool {
    status.code() == Code::Aborted && rejection::reason_of(status).as_deref() == Some("CRA_REVISION_CHANGED")
}
