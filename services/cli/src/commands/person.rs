//! `cra export person`: what the log holds about one advisor, for that advisor: each event of each CRA that is or was
//! theirs, withdrawn ones included, and who read or changed it, from the audits of the services.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use cra_contracts::json;
use cra_contracts::v1::{self, ExportFormat, follow_cras_response::Change};
use cra_domain::event::{Event, Fact, record};
use serde_json::{Value, json};

use super::target::Target;
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, ExportArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;
use crate::style::Style;

/// Longest line of an audit that is read; the services write some hundred bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Columns of the text: it is read in a letter or an editor.
const COLUMNS: usize = 100;

pub(super) async fn run(args: ExportArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let selection = args.selection.to_message();
    let advisor = selection.advisor_ids.first().cloned().unwrap_or_default();
    let of_advisor = v1::Selection { advisor_ids: vec![advisor.clone()], ..v1::Selection::default() };
    anyhow::ensure!(
        !advisor.is_empty() && selection == of_advisor,
        "a person is one advisor: expected --advisor ID and no other selection"
    );
    let as_lines = match args.format {
        ExportFormat::Csv | ExportFormat::Unspecified => false,
        ExportFormat::Ndjson => true,
        _ => anyhow::bail!("a person is written as a text, or with --format ndjson as lines of JSON"),
    };
    let target = Target::of(&args, output.is_terminal())?;
    let extension = if as_lines { "ndjson" } else { "txt" };
    let file = target.begin(&format!("cra-conseiller-{advisor}.{extension}"))?;
    let mut text = String::new();
    let cra_ids = cra_ids(endpoints, selection).await?;
    let ingestion = Connection::to(Service::Ingestion, endpoints).await?;
    for cra_id in &cra_ids {
        let request = v1::GetCraHistoryRequest { cra_id: cra_id.clone() };
        let answer = ingestion.ingestion().get_cra_history(within_deadline(request)).await;
        let events = theirs(&advisor, ingestion.answer(answer)?.events);
        text += &shown(cra_id, &events, as_lines);
    }
    text += &accesses(&advisor, &cra_ids, &args.audit, as_lines)?;
    if let Some((mut file, path, existing)) = file {
        let named = || format!("{} cannot be written", path.display());
        file.write_all(text.as_bytes()).with_context(named)?;
        file.publish(existing).with_context(named)?;
        let (path, cras) = (path.display().to_string(), cra_ids.len());
        let json = || json!({ "file": path, "cras": cras, "bytes": text.len() });
        output.either(args.json, json, |_| format!("{path}  {cras} CRAs, {} bytes\n", text.len()))?;
    } else {
        output.write(&text)?;
    }
    Ok(Outcome::Done)
}

/// Every CRA that is or was the advisor's: the changes of the whole log name those that were withdrawn since, too.
async fn cra_ids(endpoints: &EndpointArgs, selection: v1::Selection) -> anyhow::Result<BTreeSet<String>> {
    let projection = Connection::to(Service::Projection, endpoints).await?;
    let request = v1::FollowCrasRequest {
        selection: Some(selection),
        stop_at_head: true,
        ..v1::FollowCrasRequest::default()
    };
    let mut changes = projection.answer(projection.statistics().follow_cras(request).await)?;
    let mut cra_ids = BTreeSet::new();
    loop {
        match changes.message().await {
            Ok(Some(v1::FollowCrasResponse { change: Some(Change::Upsert(record)), .. })) => {
                cra_ids.insert(record.cra_id);
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(cra_ids),
            Err(status) => return Err(projection.failure(status).into()),
        }
    }
}

/// The events that are about the advisor: from one whose content names the id up to one whose content names another.
fn theirs(advisor: &str, events: Vec<v1::CraEvent>) -> Vec<v1::CraEvent> {
    let mut is_theirs = false;
    let mut is_about = |event: &v1::CraEvent| {
        let bytes = record::encode(event);
        match Event::decode(&bytes).map(|event| event.fact) {
            Ok(Fact::Submitted { cra, .. } | Fact::Corrected { cra, .. }) => {
                is_theirs = cra.advisor_id.as_str() == advisor;
            }
            Ok(Fact::Imported { cra, .. }) => is_theirs = cra.advisor_id.as_str() == advisor,
            Ok(Fact::Withdrawn { .. }) | Err(_) => {}
        }
        is_theirs
    };
    events.into_iter().filter(|event| is_about(event)).collect()
}

fn shown(cra_id: &str, events: &[v1::CraEvent], as_lines: bool) -> String {
    if as_lines {
        let line = |event| json::line(&json!({ "event": json::to_value(event) })) + "\n";
        return events.iter().map(line).collect();
    }
    render::history::page(cra_id, events, Style { columns: COLUMNS, colour: false }) + "\n"
}

/// The lines of audits that name the advisor or one of the CRAs.
fn accesses(
    advisor: &str,
    cra_ids: &BTreeSet<String>,
    audits: &[std::path::PathBuf],
    as_lines: bool,
) -> anyhow::Result<String> {
    let mut text = String::new();
    if !as_lines {
        text += "Lectures et changements\n";
        if audits.is_empty() {
            text += "  Aucune trace n'a été indiquée (--audit).\n";
        }
    }
    for path in audits {
        each_line(path, |line| {
            let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
            let names = |text: &str| text == advisor || cra_ids.contains(text);
            if line.get("audit").is_some() && holds(&line["about"], &names) {
                text += &if as_lines {
                    json::line(&json!({ "audit": line })) + "\n"
                } else {
                    render::person::access(&line)
                };
            }
        })?;
    }
    Ok(text)
}

/// Gives each line of a file, those that are too long cut.
fn each_line(path: &Path, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mut reader = BufReader::new(File::open(path).with_context(named)?);
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).with_context(named)?;
        if read == 0 {
            return Ok(());
        }
        take(&line);
    }
}

/// Whether a value or one within it is a text that is looked for.
fn holds(value: &Value, is_one: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_one(text),
        Value::Array(values) => values.iter().any(|value| holds(value, is_one)),
        Value::Object(fields) => fields.values().any(|value| holds(value, is_one)),
        _ => false,
    }
}
