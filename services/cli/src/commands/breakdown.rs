//! `cra breakdown`: a row of figures per value of a dimension, over as many pages as requested.

use cra_contracts::{json, v1};

use super::pages::{self, Extent, Page};
use super::{CommandResult, Outcome};
use crate::args::{BreakdownArgs, EndpointArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::{Output, notice};
use crate::render::rows::{self, Listing};

pub(crate) async fn run(args: BreakdownArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let selection = args.query.selection.to_message();
    let request = v1::ListBreakdownRequest {
        selection: Some(selection.clone()),
        dimension: args.by.into(),
        order_by: args.sort.order_by(),
        consistency: Some(args.query.consistency.to_message()),
        include_empty: args.empty,
        ..v1::ListBreakdownRequest::default()
    };
    let mut rows_in_all = 0;
    let ask = async |page_size, page_token| {
        let request = v1::ListBreakdownRequest { page_size, page_token, ..request.clone() };
        let answer = connection.statistics().list_breakdown(within_deadline(request)).await;
        let v1::ListBreakdownResponse { rows, next_page_token, total_rows, snapshot } =
            connection.answer(answer)?;
        rows_in_all = total_rows;
        Ok(Page { rows, next_page_token, snapshot })
    };
    let rows_max = args.extent.rows_max();
    if args.query.json {
        let extent = pages::read(rows_max, ask, |row| output.json(&json::to_value(&row))).await?;
        notice(&extent.reported(Some(rows_in_all)));
        return Ok(Outcome::Done);
    }
    // Only the cells: the complete figures of 35,000 communes would fill the memory.
    let mut cells = Vec::new();
    let keep = |row| {
        cells.push(rows::cells(&row));
        Ok(())
    };
    let Extent { rows, snapshot, .. } = pages::read(rows_max, ask, keep).await?;
    let listing = Listing {
        selection: &selection,
        dimension: args.by,
        rows_left: rows_in_all.saturating_sub(rows),
        snapshot: snapshot.as_ref(),
    };
    output.write(&rows::page(&listing, cells, output.style()))?;
    Ok(Outcome::Done)
}
