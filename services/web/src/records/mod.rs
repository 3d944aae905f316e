//! `/cra` and `/cra/{id}`: the CRAs of a selection, one CRA with its whole history, its correction and its withdrawal.

mod correction;
mod life;
mod list;
mod one;
mod withdrawal;

use axum::http::HeaderMap;
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::event::life::Life;

use crate::app::App;
use crate::fault::Fault;
use crate::services::answer;

pub(crate) use self::correction::{correct, send as send_correction};
pub(crate) use self::list::list;
pub(crate) use self::one::show;
pub(crate) use self::withdrawal::{send as send_withdrawal, withdraw};

/// The history of a CRA, for the page that shows it or starts a change of it.
async fn life_shown(app: &App, headers: &HeaderMap, cra_id: &str) -> Result<Life, Fault> {
    let clients = app.services().ingestion(headers)?;
    app.within(life_of(&clients, cra_id)).await
}

/// Reads the history of a CRA from the log itself, so that it contains what was recorded a moment ago.
async fn life_of(clients: &Clients, cra_id: &str) -> Result<Life, Fault> {
    let request = v1::GetCraHistoryRequest { cra_id: cra_id.to_owned() };
    let history = answer(clients.ingestion().get_cra_history(within_deadline(request)).await)?;
    Ok(Life::new(history.events))
}
