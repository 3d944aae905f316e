//! What the log's server holds in memory per event, by the length of the subject: of the log's subjects, which end with
//! the CRA's id as 36 characters, and of shorter ones with the same id.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_eventlog::server::NatsServer;
use uuid::Uuid;

use crate::generator::Generator;
use crate::limits::publish::{Messages, Publisher};
use crate::report::{Measured, Row, Scenario, float};
use crate::testbed::{self, Memory, Testbed};

/// Enough to tell what an event takes from what the process takes.
const EVENTS_MAX: u64 = 1_000_000;
/// Payloads that are written again and again: their content takes no memory.
const PAYLOADS: usize = 1_000;

/// How a subject ends.
struct Form {
    characters: &'static str,
    of: fn(Uuid) -> String,
}

const FORMS: [Form; 2] = [
    Form { characters: "36 characters, as the log's are", of: |id| id.to_string() },
    Form { characters: "22 characters, the same id in base 64", of: |id| URL_SAFE_NO_PAD.encode(id) },
];

/// Measures each form on an empty log of up to a million events.
pub(crate) async fn subjects(testbed: &Testbed, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
    let events = generator.cras().min(EVENTS_MAX);
    let payloads = generator.steps().filter(|step| step.change.is_none()).take(PAYLOADS);
    let payloads =
        payloads.map(|step| Ok(generator.event(step)?.payload)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut measured = Vec::new();
    for (place, form) in FORMS.iter().enumerate() {
        let (mut server, _) = testbed.empty_log(&format!("subjects-{place}")).await?;
        let empty = resident(&server)?;
        let ids = (0..events).map(|number| (form.of)(generator.cra_id(number)));
        let messages: Messages = Arc::new(ids.zip(payloads.iter().cycle().cloned()).collect());
        Publisher::open(&testbed::settings(server.url())).await?.batches(&messages).await?;
        let filled = resident(&server)?;
        server.quit()?;
        server.restart()?;
        let restarted = resident(&server)?;
        let per_event =
            |bytes: u64| Measured::BytesPerCra(float(bytes.saturating_sub(empty)) / float(events));
        measured
            .push((form.characters, [("a fill", per_event(filled)), ("a restart", per_event(restarted))]));
    }
    let mut rows = Vec::new();
    let longest = measured.first().context("no form of subjects")?.1;
    for (characters, after) in &measured {
        for ((when, bytes), (_, longest)) in after.iter().zip(longest) {
            let what = format!("memory of the log's server after {when}, subjects end with {characters}");
            rows.push(Row::new(Scenario::Log, what, *bytes).limited("with 36 characters", longest));
        }
    }
    Ok(rows)
}

fn resident(server: &NatsServer) -> anyhow::Result<u64> {
    let memory = server.pid().and_then(Memory::of_process);
    Ok(memory.context("this system does not show what processes take: measure on Linux")?.resident_bytes)
}
