//! `cra withdraw`: withdraws a CRA from the statistics, after showing it and asking for confirmation.

use super::change::many::Many;
use super::change::prompt::{confirmed, is_interactive, reason};
use super::correct::{answered, content_of};
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, WithdrawArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::render;
use crate::render::submission::Work;
use crate::submission::changes::lines;
use crate::submission::changes::send::{Sender, is_overtaken, refusal, withdrawal};

const DONE: &str = "withdrawn";

pub(crate) async fn run(args: WithdrawArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let args = args.change;
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let sender = Sender { connection, retry_for: args.retry_for() };
    if let Some(file) = &args.file {
        let reason = args.reason.as_deref().unwrap_or_default();
        let many = Many { file, reason, work: Work::Withdraw, json: args.json };
        return many.send(&sender, lines::withdrawal, lines::withdrawal_of, output).await;
    }
    let cra_id = args.cra_id.unwrap_or_default();
    let life = answered(&sender, sender.life(&cra_id).await?)?;
    let style = output.style();
    // For a withdrawn CRA, the receipt of the same withdrawal is requested.
    let current = life.revision() - u64::from(life.is_withdrawn());
    let revision = args.expected_revision.unwrap_or(current);
    let heading = render::change::heading(&cra_id, revision, style);
    let shown = heading + &render::change::brief(&content_of(&life, revision)?);
    output.aside(args.json, &shown)?;
    let reason = reason(args.reason.as_deref())?;
    if is_interactive() && !args.yes && !confirmed("Retirer ce compte-rendu des statistiques ?")? {
        notice("nothing was sent");
        return Ok(Outcome::Cancelled);
    }
    let answer = sender.withdraw(withdrawal(&cra_id, revision, &reason)).await?;
    let overtaken = answer.as_ref().is_err_and(|status| is_overtaken(status));
    let answer = answer.map_err(|status| refusal(&status));
    let json = || render::change::json(&cra_id, answer.as_ref(), DONE);
    let page = |style| render::change::outcome(&cra_id, answer.as_ref(), DONE, style);
    output.either(args.json, json, page)?;
    if overtaken {
        let now = answered(&sender, sender.life(&cra_id).await?)?;
        notice(render::change::overtaken(now.events(), revision, style).trim_end());
    }
    Ok(if answer.is_ok() { Outcome::Done } else { Outcome::SomeRefused })
}
