//! `cra list`: the CRAs of a selection, newest first, written page by page.

use cra_contracts::{json, v1};

use super::pages::{self, Page};
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, ListArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::{Output, notice};
use crate::render::records::{Lines, foot};

pub(crate) async fn run(args: ListArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let selection = args.query.selection.to_message();
    let request = v1::ListCrasRequest {
        selection: Some(selection.clone()),
        consistency: Some(args.query.consistency.to_message()),
        ..v1::ListCrasRequest::default()
    };
    let ask = async |page_size, page_token| {
        let request = v1::ListCrasRequest { page_size, page_token, ..request.clone() };
        let answer = connection.statistics().list_cras(within_deadline(request)).await;
        let v1::ListCrasResponse { cras, next_page_token, snapshot } = connection.answer(answer)?;
        Ok(Page { rows: cras, next_page_token, snapshot })
    };
    let rows_max = args.extent.rows_max();
    if args.query.json {
        let extent = pages::read(rows_max, ask, |record| output.json(&json::to_value(&record))).await?;
        notice(&extent.reported(None));
        return Ok(Outcome::Done);
    }
    let style = output.style();
    let lines = Lines::new(style);
    // Written after the first answer: a refused query has no title.
    let mut head = Some(lines.head(&selection));
    let write = |record| output.write(&(head.take().unwrap_or_default() + &lines.line(&record)));
    let extent = pages::read(rows_max, ask, write).await?;
    output.write(&head.take().unwrap_or_default())?;
    output.write(&foot(extent.more_follow, extent.rows, extent.snapshot.as_ref(), style))?;
    Ok(Outcome::Done)
}
