//! `cra communes`: the communes that match a text, best first.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{CommunesArgs, EndpointArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: CommunesArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    // Both services offer the reference data; submissions need the codes, so ingestion is asked.
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let text = args.text.join(" ");
    let request = v1::SearchCommunesRequest { text: text.clone(), limit: args.limit };
    let answer = connection.answer(connection.reference().search_communes(within_deadline(request)).await)?;
    output.answer(args.json, &answer, |style| render::communes::table(&answer.communes, &text, style))?;
    Ok(Outcome::Done)
}
