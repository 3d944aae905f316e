//! `/etat`: for operators, the position of the projection in the log, its generations, and its parked events.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::event::timestamp;
use cra_domain::french;
use cra_runtime::version;

use crate::app::App;
use crate::fault::Fault;
use crate::plain::{Frame, page};
use crate::services::answer;

/// Number of parked events that the page lists.
const PARKED_MAX: u32 = 50;

#[derive(Template)]
#[template(path = "state/page.html")]
struct StatePage {
    frame: Frame,
    /// Label, value, and explanation.
    keys: Vec<(&'static str, String, String)>,
    generations: Vec<Generation>,
    parked: Vec<Parked>,
    has_more: bool,
    version: &'static str,
}

struct Generation {
    name: String,
    state: &'static str,
    definitions: String,
    position: String,
    size: String,
    created: String,
}

struct Parked {
    position: String,
    cra_id: String,
    reason: String,
}

/// `GET /etat`.
pub(crate) async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fault> {
    let clients = app.services().projection(&headers)?;
    let (status, parked) = app.within(fetch(&clients)).await?;
    Ok(page(&StatePage {
        frame: Frame::new("État du service", "/etat"),
        keys: keys(&status).into_iter().chain(forgetting(&status)).collect(),
        generations: status.generations.iter().map(generation).collect(),
        has_more: !parked.next_page_token.is_empty(),
        parked: parked
            .events
            .into_iter()
            .map(|event| Parked {
                position: french::thousands(event.position),
                cra_id: event.cra_id,
                reason: event.error,
            })
            .collect(),
        version: version::FULL,
    }))
}

async fn fetch(clients: &Clients) -> Result<(v1::GetStatusResponse, v1::ListParkedEventsResponse), Fault> {
    let (mut operations, mut others) = (clients.operations(), clients.operations());
    let parked = v1::ListParkedEventsRequest { page_size: PARKED_MAX, page_token: String::new() };
    let (status, parked) = tokio::join!(
        operations.get_status(within_deadline(v1::GetStatusRequest::default())),
        others.list_parked_events(within_deadline(parked)),
    );
    Ok((answer(status)?, answer(parked)?))
}

fn keys(status: &v1::GetStatusResponse) -> Vec<(&'static str, String, String)> {
    let behind = status.log_position.saturating_sub(status.applied_position);
    let moment = timestamp("applied_at", status.applied_at.as_ref()).map(french::moment);
    vec![
        (
            "Position du journal",
            french::thousands(status.log_position),
            "le dernier événement enregistré".to_owned(),
        ),
        (
            "Position comptée",
            french::thousands(status.applied_position),
            moment.map_or_else(|_| String::new(), |moment| format!("appliquée le {moment}")),
        ),
        (
            "En attente",
            french::thousands(behind),
            match behind {
                0 => "tout est compté".to_owned(),
                _ => format!("retard du dernier événement : {} ms", french::thousands(status.lag_ms)),
            },
        ),
        (
            "Événements écartés",
            french::thousands(status.parked_events),
            "le reste est compté sans eux".to_owned(),
        ),
    ]
}

/// The latest forgetting of the log, if there was one.
fn forgetting(status: &v1::GetStatusResponse) -> Option<(&'static str, String, String)> {
    let latest = status.forgettings.first()?;
    let at = timestamp("forgotten_at", latest.forgotten_at.as_ref())
        .map_or_else(|_| String::new(), french::moment);
    let position = french::thousands(latest.last_common_position);
    Some(("Dernier oubli", at, format!("jusqu'à la position {position} du journal précédent")))
}

fn generation(generation: &v1::Generation) -> Generation {
    const BYTES_PER_KIB: u64 = 1_024;
    Generation {
        name: generation.name.clone(),
        state: if generation.serving { "en service" } else { "en réserve" },
        definitions: generation.definitions.clone(),
        position: french::thousands(generation.position),
        size: format!("{} Kio", french::thousands(generation.bytes_on_disk / BYTES_PER_KIB)),
        created: timestamp("created_at", generation.created_at.as_ref())
            .map_or_else(|_| String::new(), french::moment),
    }
}
