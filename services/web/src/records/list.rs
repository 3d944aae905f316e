//! `/cra`: the CRAs of a selection, newest first. Its pages show one position of the log, which their addresses name.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::cra::{Cra, commune_described};
use cra_domain::event::timestamp;
use cra_domain::french;
use cra_domain::selection::period;
use cra_domain::vocabulary::Word as _;
use tonic::Code;

use crate::address::{Address, At, Problem, Read, query_of, today};
use crate::app::App;
use crate::fault::Fault;
use crate::figures::{Filters, capitalized, problems_of};
use crate::forms::Fields;
use crate::names::Names;
use crate::plain::{Frame, page};
use crate::query::Query;
use crate::redirect::see_other;
use crate::services::answer;

const PATH: &str = "/cra";
const ROWS: u32 = 50;
/// Parameter with the token of a further page.
const NEXT: &str = "suite";

#[derive(Template)]
#[template(path = "records/list.html")]
struct ListPage {
    frame: Frame,
    period: String,
    filters: Filters,
    problems: Vec<Problem>,
    /// `None` if the services refuse the selection.
    listed: Option<Listed>,
}

struct Listed {
    rows: Vec<Row>,
    /// Address of the next page; empty on the last.
    next: String,
    /// Address of the first page; empty on the first.
    first: String,
    state: String,
    /// Address of the current list; empty if it is shown.
    now: String,
    /// Address of the figures of the same selection, at the same position.
    figures: String,
    files: Vec<(&'static str, String)>,
}

struct Row {
    link: String,
    day: String,
    activity: &'static str,
    people: String,
    commune: String,
    themes: String,
    advisor: String,
    note: String,
}

/// The parameters of a list, without those of the figures' page.
fn parameters(address: &Address, next: &str) -> Vec<(&'static str, String)> {
    let mut parameters = Address { view: crate::address::View::default(), ..address.clone() }.parameters();
    if !next.is_empty() {
        parameters.push((NEXT, next.to_owned()));
    }
    parameters
}

fn link(parameters: &[(&'static str, String)]) -> String {
    if parameters.is_empty() { PATH.to_owned() } else { format!("{PATH}?{}", query_of(parameters)) }
}

/// `GET /cra`.
pub(crate) async fn list(
    State(app): State<App>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let Read { mut address, problems } = Read::of(&query, &app.names());
    if address.at == At::Live {
        // A list does not follow the log.
        address.at = At::Now;
    }
    if !problems.is_empty() {
        return Ok(refused(&address, problems, &app.names()));
    }
    let fields = Fields::of(query.as_bytes());
    let next = fields.first(NEXT);
    let canonical = link(&parameters(&address, next));
    if query_of_link(&canonical) != query {
        return see_other(&canonical);
    }
    let clients = app.services().projection(&headers)?;
    match app.within(fetch(&clients, &address, next)).await {
        Ok(answered) => Ok(page(&ListPage {
            frame: Frame::new("Comptes-rendus", PATH),
            period: capitalized(&period(&address.selection)),
            filters: Filters::of(&address, &[], today(), PATH, &app.names()),
            problems: Vec::new(),
            listed: Some(listed(&address, next, answered)),
        })),
        // The page token expired: the list starts again at the same position.
        Err(Fault::Refused(status)) if is_token_refused(&status) && !next.is_empty() => {
            see_other(&link(&parameters(&address, "")))
        }
        Err(Fault::Refused(status)) if status.code() == Code::InvalidArgument => {
            Ok(refused(&address, problems_of(&status), &app.names()))
        }
        Err(fault) => Err(fault),
    }
}

fn query_of_link(link: &str) -> &str {
    link.split_once('?').map_or("", |(_, query)| query)
}

fn is_token_refused(status: &tonic::Status) -> bool {
    cra_runtime::rejection::violations_of(status).iter().any(|violation| violation.field == "page_token")
}

fn refused(address: &Address, problems: Vec<Problem>, names: &Names) -> Response {
    let shown = ListPage {
        frame: Frame::new("Sélection à corriger", PATH),
        period: capitalized(&period(&address.selection)),
        filters: Filters::of(address, &problems, today(), PATH, names),
        problems,
        listed: None,
    };
    (StatusCode::BAD_REQUEST, page(&shown)).into_response()
}

async fn fetch(clients: &Clients, address: &Address, next: &str) -> Result<v1::ListCrasResponse, Fault> {
    let request = v1::ListCrasRequest {
        selection: Some(address.selection.clone()),
        page_size: ROWS,
        page_token: next.to_owned(),
        consistency: Some(address.at.consistency()),
    };
    let answered = answer(clients.statistics().list_cras(within_deadline(request.clone())).await)?;
    let Some(at) = pinned(&address.at, &answered).filter(|_| !answered.next_page_token.is_empty()) else {
        return Ok(answered);
    };
    // A token belongs to the position in the request, so the next page asks for the position of the first answer.
    let request = v1::ListCrasRequest { consistency: Some(at.consistency()), ..request };
    answer(clients.statistics().list_cras(within_deadline(request)).await)
}

/// The position of an answer to a request for the current state; `None` if the address names one.
fn pinned(at: &At, answered: &v1::ListCrasResponse) -> Option<At> {
    let snapshot = answered.snapshot.as_ref().filter(|snapshot| snapshot.position > 0)?;
    (*at == At::Now).then(|| At::Position { position: snapshot.position, log: snapshot.log.clone() })
}

fn listed(address: &Address, next: &str, answered: v1::ListCrasResponse) -> Listed {
    let mut shown = address.clone();
    if let Some(at) = pinned(&address.at, &answered) {
        shown.at = at;
    }
    let snapshot = answered.snapshot.unwrap_or_default();
    let state = match timestamp("recorded_at", snapshot.recorded_at.as_ref()) {
        Ok(moment) => format!(
            "Arrêté à la position {} du journal, enregistrée le {}.",
            french::thousands(snapshot.position),
            french::moment(moment)
        ),
        Err(_) => "Le journal est vide à ce moment.".to_owned(),
    };
    let file = |name: &str| format!("/fichiers/{name}?{}", query_of(&parameters(&shown, "")));
    let now = Address { at: At::Now, ..address.clone() };
    Listed {
        next: match answered.next_page_token.as_str() {
            "" => String::new(),
            token => link(&parameters(&shown, token)),
        },
        first: if next.is_empty() { String::new() } else { link(&parameters(address, "")) },
        rows: answered.cras.iter().map(row).collect(),
        state,
        now: if address.at == At::Now { String::new() } else { link(&parameters(&now, "")) },
        figures: shown.link(),
        files: vec![("Excel", file("comptes-rendus.xlsx")), ("CSV", file("comptes-rendus.csv"))],
    }
}

fn row(record: &v1::CraRecord) -> Row {
    let link = format!("{PATH}/{}", record.cra_id);
    let note = if record.corrected_at.is_some() { "corrigé" } else { "" }.to_owned();
    let Some(cra) = record.cra.as_ref().and_then(|cra| Cra::from_message(cra).ok()) else {
        // A newer service may have written content that these pages cannot read.
        let (day, commune, themes, advisor) = Default::default();
        return Row {
            link,
            day,
            activity: "Compte-rendu",
            people: String::new(),
            commune,
            themes,
            advisor,
            note,
        };
    };
    Row {
        link,
        day: french::day(cra.date),
        activity: cra.activity.term().label,
        people: french::counted(cra.participants.into(), "personne", "personnes"),
        commune: commune_described(&cra),
        themes: cra.themes.iter().map(|theme| theme.term().label).collect::<Vec<_>>().join(", "),
        advisor: cra.advisor_id.to_string(),
        note,
    }
}
