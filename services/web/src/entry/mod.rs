//! `/saisie`: the form. The page creates the CRA's id and puts it into the form's address, so that sending the form
//! twice, reloading it or going back records only one CRA.

mod message;
mod notice;
mod parts;
mod places;
mod problems;
mod sheet;
mod typed;
mod view;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::cra::{Cra, check_cra_id};
use cra_domain::territory;
use futures::stream;
use tonic::Code;
use uuid::Uuid;

use crate::address::query_of;
use crate::app::App;
use crate::fault::Fault;
use crate::forms::{Fields, TOKEN_FIELD};
use crate::names::{Kind, Names};
use crate::query::Query;
use crate::redirect::see_other;
use crate::services::answer;

pub(crate) use self::notice::Notice;
pub(crate) use self::parts::merge;
pub(crate) use self::places::{Choice as CommuneChoice, complete};
pub(crate) use self::problems::{Problem, all_of, of_status, problem_of};
pub(crate) use self::sheet::{Conflict, Purpose, Sheet};
pub(crate) use self::typed::Typed;
pub(crate) use self::view::{Text, reason_field};

/// `GET /saisie`: an empty form, or one that the parameters of its address fill in.
pub(crate) async fn show(
    State(app): State<App>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = Fields::of(query.as_bytes());
    let cra_id = fields.first("cra").to_owned();
    if check_cra_id(&cra_id).is_err() {
        let id = query_of(&[("cra", Uuid::new_v4().to_string())]);
        let rest = if query.is_empty() { String::new() } else { format!("&{query}") };
        return see_other(&format!("/saisie?{id}{rest}"));
    }
    let clients = app.services().ingestion(&headers)?;
    app.within(may_submit(&clients)).await?;
    let mut typed = Typed::of(&fields);
    typed.complete(&app.services().caller(&headers));
    Ok(Sheet::new(Purpose::New { cra_id }, typed).respond(&app, &headers))
}

/// Refuses a caller without the right to submit before the form is filled in. The check is a stream without items,
/// which records nothing.
pub(crate) async fn may_submit(clients: &Clients) -> Result<(), Fault> {
    let nothing = stream::empty::<v1::SubmitCrasRequest>();
    let mut answers = answer(clients.ingestion().submit_cras(within_deadline(nothing)).await)?;
    answers.message().await.map_err(|status| Fault::Refused(Box::new(status)))?;
    Ok(())
}

/// The outcome of a sent form: recorded, or refused with its faults.
enum Sent {
    Recorded(v1::Receipt),
    Wrong { problems: Vec<Problem>, communes: Vec<places::Choice> },
}

/// `POST /saisie`.
pub(crate) async fn send(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Fault> {
    let fields = app.within_limit(Fields::read(&headers, body)).await?;
    let mut typed = Typed::of(&fields);
    let cra_id = match fields.first("nouveau") {
        "" => fields.first("cra").to_owned(),
        _ => Uuid::new_v4().to_string(),
    };
    let purpose = Purpose::New { cra_id: cra_id.clone() };
    if let Some(sheet) = unsent(&app, &headers, &fields, &purpose, &typed) {
        return Ok(sheet.respond(&app, &headers));
    }
    let sent = app.within(record(&app, &headers, &cra_id, &mut typed)).await;
    let mut sheet = Sheet::new(purpose, typed);
    match sent {
        Ok(Sent::Recorded(receipt)) => return see_other(&receipt_address(&receipt)),
        Ok(Sent::Wrong { problems, communes }) => {
            sheet.problems = problems;
            sheet.communes = communes;
        }
        Err(fault) => sheet.notice = Some(Notice::of(&fault)),
    }
    Ok(sheet.respond(&app, &headers))
}

/// The form to show again without sending it: its token is invalid, or another row was requested.
pub(crate) fn unsent(
    app: &App,
    headers: &HeaderMap,
    fields: &Fields,
    purpose: &Purpose,
    typed: &Typed,
) -> Option<Sheet> {
    let mut sheet = Sheet::new(purpose.clone(), typed.clone());
    if let Err(fault) = app.forms().check(headers, fields.first(TOKEN_FIELD)) {
        sheet.notice = Some(Notice::of(&fault));
        return Some(sheet);
    }
    sheet.has_another_row = !fields.first("ajouter").is_empty();
    sheet.has_another_row.then_some(sheet)
}

/// Address of the page that shows a receipt.
pub(crate) fn receipt_address(receipt: &v1::Receipt) -> String {
    let mut parameters = vec![("enregistre", receipt.position.to_string()), ("journal", receipt.log.clone())];
    if receipt.duplicate {
        parameters.push(("deja", "1".to_owned()));
    }
    format!("/cra/{}?{}", receipt.cra_id, query_of(&parameters))
}

/// A form converted to a message, ready to be sent.
pub(crate) struct Ready {
    pub(crate) cra: v1::Cra,
    /// Faults of texts that could not be read. If there are any, the form is only checked.
    pub(crate) problems: Vec<Problem>,
    pub(crate) communes: Vec<CommuneChoice>,
}

/// Converts what was typed, and finds the commune with the service's search. A commune chosen from a list replaces the
/// typed text, and names of people and places become ids. `before` is the recorded content of a CRA that is corrected.
pub(crate) async fn read(
    clients: &Clients,
    names: &Names,
    typed: &mut Typed,
    before: Option<&Cra>,
) -> Result<Ready, Fault> {
    let places::Found { place, choices, problem } = places::find(clients, typed).await?;
    if typed.is_chosen()
        && before.is_none()
        && let Some(id) = territory::communes().resolve(&place.code)
    {
        typed.name_commune(territory::communes().get(id).name(), &place.postal_code);
    }
    let (mut cra, mut problems) = typed.to_message(&place, before);
    problems.extend(problem);
    problems.extend(name_ids(&mut cra, names));
    Ok(Ready { cra, problems, communes: choices })
}

/// Replaces each name by its id, and reports texts that mean several names.
fn name_ids(cra: &mut v1::Cra, names: &Names) -> Vec<Problem> {
    let venue = cra.place.as_mut().map(|place| ("lieu", Kind::Venue, &mut place.venue_id));
    let people = [
        ("conseiller", Kind::Advisor, &mut cra.advisor_id),
        ("structure", Kind::Structure, &mut cra.structure_id),
    ];
    let mut problems = Vec::new();
    for (field, kind, text) in people.into_iter().chain(venue) {
        match names.find(kind, text) {
            Ok(id) => *text = id,
            Err(expected) => {
                problems.push(Problem::new(field, format!("«\u{a0}{text}\u{a0}» : {expected}.")));
            }
        }
    }
    problems
}

/// Records the form, or reports all its faults at once: those found here, and those of the rules.
async fn record(app: &App, headers: &HeaderMap, cra_id: &str, typed: &mut Typed) -> Result<Sent, Fault> {
    let clients = app.services().ingestion(headers)?;
    let Ready { cra, problems, communes } = read(&clients, &app.names(), typed, None).await?;
    let is_readable = problems.is_empty();
    let request =
        v1::SubmitCraRequest { cra_id: cra_id.to_owned(), cra: Some(cra), validate_only: !is_readable };
    match clients.ingestion().submit_cra(within_deadline(request)).await.map(tonic::Response::into_inner) {
        Ok(v1::SubmitCraResponse { receipt: Some(receipt) }) if is_readable => Ok(Sent::Recorded(receipt)),
        Ok(_) if is_readable => Err(Fault::Internal("an answer without a receipt".to_owned())),
        Ok(_) => Ok(Sent::Wrong { problems, communes }),
        Err(status) if status.code() == Code::InvalidArgument => {
            Ok(Sent::Wrong { problems: all_of(problems, of_status(&status)), communes })
        }
        // The id is already in use, and the form also has faults.
        Err(status) if !is_readable && status.code() == Code::AlreadyExists => {
            Ok(Sent::Wrong { problems, communes })
        }
        Err(status) => Err(Fault::Refused(Box::new(status))),
    }
}
