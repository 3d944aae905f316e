//! `cra cross`: one dimension crossed with another, for the terminal, spreadsheets or programs.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{CrossArgs, EndpointArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::{Output, notice};
use crate::render::cross::{self, Axes};
use crate::style::Style;

pub(crate) async fn run(args: CrossArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let selection = args.query.selection.to_message();
    let request = v1::GetCrossTableRequest {
        selection: Some(selection.clone()),
        rows: args.rows.into(),
        columns: args.columns.into(),
        measure: args.measure.into(),
        consistency: Some(args.query.consistency.to_message()),
    };
    let answer =
        connection.answer(connection.statistics().get_cross_table(within_deadline(request)).await)?;
    let asked = Axes { selection: &selection, rows: args.rows, columns: args.columns, measure: args.measure };
    if args.csv {
        output.write(&cross::csv(&asked, &answer)?)?;
        let style = Style { colour: false, ..output.style() };
        notice(cross::about(&asked, &answer, style).trim_end());
    } else {
        output.answer(args.query.json, &answer, |style| cross::page(&asked, &answer, style))?;
    }
    Ok(Outcome::Done)
}
