//! `/cra/{id}`: one CRA with its whole history, and the receipt of a CRA just recorded.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use cra_contracts::v1;
use cra_domain::event::life::Life;
use cra_domain::french;
use cra_domain::period::Period;
use jiff::civil::Date;
use tonic::Code;

use super::life::{self, Field, Last, Shown};
use super::life_of;
use crate::address::{Address, At, query_of};
use crate::app::App;
use crate::entry::Typed;
use crate::fault::Fault;
use crate::forms::Fields;
use crate::plain::{Frame, page};

#[derive(Template)]
#[template(path = "records/page.html")]
struct RecordPage {
    frame: Frame,
    cra_id: String,
    title: String,
    receipt: Option<Receipt>,
    is_withdrawn: bool,
    /// Whether it can be corrected and withdrawn.
    can_change: bool,
    /// Empty if the caller may not read it.
    fields: Vec<Field>,
    events: Vec<Shown>,
    /// Addresses of a form that starts with this CRA's content, and of one for the same person.
    similar: String,
    of_the_same_person: String,
}

/// The receipt of a CRA just recorded.
struct Receipt {
    title: &'static str,
    text: String,
    /// Address of the figures that count it; empty if its day is unknown.
    figures: String,
}

/// `GET /cra/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    Path(cra_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let parameters = Fields::of(query.unwrap_or_default().as_bytes());
    let position = parameters.first("enregistre").parse::<u64>().ok();
    let clients = app.services().ingestion(&headers)?;
    let life = match app.within(life_of(&clients, &cra_id)).await {
        Ok(life) => life,
        // A caller who may submit but not read only gets the receipt.
        Err(Fault::Refused(status)) if status.code() == Code::PermissionDenied && position.is_some() => {
            Life::new(Vec::new())
        }
        Err(fault) => return Err(fault),
    };
    let cra = life::content(&life, life.revision());
    let day = cra.as_ref().map(|cra| cra.date);
    let typed = cra.as_ref().map(Typed::of_cra);
    let form = |parameters: Vec<(&'static str, String)>| match query_of(&parameters) {
        query if query.is_empty() => "/saisie".to_owned(),
        query => format!("/saisie?{query}"),
    };
    let last = life::last(&life);
    let title = match day {
        Some(day) => format!("Compte-rendu du {}", french::day(day)),
        None => "Compte-rendu".to_owned(),
    };
    Ok(page(&RecordPage {
        frame: Frame::new(&title, "/cra"),
        title,
        receipt: position.map(|position| receipt(position, &parameters, last, day)),
        is_withdrawn: last == Last::Withdrawn,
        can_change: cra.is_some() && last != Last::Withdrawn,
        fields: cra.as_ref().map(|cra| life::fields(cra, &life)).unwrap_or_default(),
        events: life::events(&life),
        similar: typed.as_ref().map(|typed| form(typed.similar())).unwrap_or_default(),
        of_the_same_person: form(typed.as_ref().map(Typed::of_the_same_person).unwrap_or_default()),
        cra_id,
    }))
}

fn receipt(position: u64, parameters: &Fields, last: Last, day: Option<Date>) -> Receipt {
    let title = match last {
        Last::Corrected => "Correction enregistrée",
        Last::Withdrawn => "Compte-rendu retiré",
        Last::Recorded | Last::Unseen => "Compte-rendu enregistré",
    };
    let again = match parameters.first("deja") {
        "" => "",
        _ => " Il l'était déjà : rien n'a été enregistré deux fois.",
    };
    let at = At::Position { position, log: parameters.first("journal").to_owned() };
    Receipt {
        title,
        text: format!("À la position {} du journal.{again}", french::thousands(position)),
        figures: day.map(|day| figures_of(day, at)).unwrap_or_default(),
    }
}

/// Address of the figures of a day's month, at a position.
fn figures_of(day: Date, at: At) -> String {
    let month = Period::months(day.first_of_month(), 1);
    let selection =
        v1::Selection { from: month.from().to_string(), to: month.to().to_string(), ..Default::default() };
    Address { selection, at, ..Address::default() }.link()
}
