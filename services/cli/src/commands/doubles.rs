//! `cra doubles`: pairs of CRAs that are probably one session, newest first, written page by page.

use cra_contracts::{json, v1};

use super::pages::{self, Page};
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, ListArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::{Output, notice};
use crate::render::doubles::{Pairs, foot};

pub(crate) async fn run(args: ListArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let selection = args.query.selection.to_message();
    let request = v1::ListLikelyDoublesRequest {
        selection: Some(selection.clone()),
        consistency: Some(args.query.consistency.to_message()),
        ..v1::ListLikelyDoublesRequest::default()
    };
    let ask = async |page_size, page_token| {
        let request = v1::ListLikelyDoublesRequest { page_size, page_token, ..request.clone() };
        let answer = connection.statistics().list_likely_doubles(within_deadline(request)).await;
        let v1::ListLikelyDoublesResponse { doubles, next_page_token, snapshot } =
            connection.answer(answer)?;
        Ok(Page { rows: doubles, next_page_token, snapshot })
    };
    let rows_max = args.extent.rows_max();
    if args.query.json {
        let extent = pages::read(rows_max, ask, |double| output.json(&json::to_value(&double))).await?;
        notice(&extent.reported(None));
        return Ok(Outcome::Done);
    }
    let style = output.style();
    let pairs = Pairs::new(style);
    output.write(&pairs.title(&selection))?;
    let mut is_first = true;
    let write = |double| {
        let head = if std::mem::take(&mut is_first) { pairs.head() } else { "\n".to_owned() };
        output.write(&(head + &pairs.pair(&double)))
    };
    let extent = pages::read(rows_max, ask, write).await?;
    output.write(&foot(extent.more_follow, extent.rows, extent.snapshot.as_ref(), style))?;
    Ok(Outcome::Done)
}
