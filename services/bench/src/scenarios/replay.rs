//! Reading the log into empty read models: as a projection that starts, and while another generation serves; then what that
//! projection takes, and how soon it serves again.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cra_contracts::v1;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::limits::consume::consume_limit;
use crate::limits::read::{drop_from_memory, read_limit};
use crate::report::{Measured, Row, Scenario, Target, float};
use crate::testbed::{self, Kind, Log, Memory, Service};
use cra_client::Clients;

/// What replays are compared with.
pub(crate) const DRAINED: &str = "raw drain, before and after";

/// For longer than a replay steps back after a question.
const STEPPING_BACK: Duration = Duration::from_millis(1_500);

/// Events of a drain: enough for its rate, which is the same along the log.
const DRAINED_MAX: u64 = 3_000_000;
/// What the projection may take; what the process takes anyway is a part of it, the smaller the more CRAs there are.
const RESIDENT_PER_CRA_MAX: f64 = 70.0;

/// The rows of the report, and the projection that serves at the end.
pub(crate) struct Replayed {
    pub(crate) projection: Service,
    /// Reading the stream with the plain client, before a replay and after it: a machine that others use too is not as
    /// fast at all times.
    pub(crate) drained: Measured,
    /// Until it served, without read models.
    pub(crate) took: Duration,
    pub(crate) rows: Vec<Row>,
}

/// Replays a log into the empty folder next to it.
pub(crate) async fn replay(log: &mut Log, show: impl Fn(&str)) -> anyhow::Result<Replayed> {
    let events = log.manifest.events;
    let mut of_the_log = Vec::new();
    let opened = if log.filled { "a fill" } else { "a start" };
    of_the_log.extend(memory_of_server(&format!("after {opened}"), log));
    show("reading the stream with the plain client");
    let settings = testbed::settings(log.server.url());
    let drained_events = events.min(DRAINED_MAX);
    let before = consume_limit(&settings, drained_events).await?;
    show("replaying the log");
    let projection = Service::start(Kind::Projection, &log.server.url(), &log.dir).await?;
    let began = projection.started_in;
    let replayed = Row::new(
        Scenario::Replay,
        "a projection that starts without read models, process included",
        Measured::rate(events, "events", began),
    );
    let until_it_serves =
        Row::new(Scenario::Replay, "until it serves", Measured::Seconds(began.as_secs_f64()));
    let resident = memory("after the replay", &projection, events).into_iter();
    let resident: Vec<_> = resident.chain(peak("until then", &projection, events)).collect();
    of_the_log.extend(memory_of_server(&format!("after {opened} and a replay"), log));
    projection.stop().await?;

    show("reading the stream once more");
    let after = consume_limit(&settings, drained_events).await?;
    let drained = Measured::rate(2 * drained_events, "events", before + after);
    let mut rows =
        vec![replayed.limited(DRAINED, drained).aiming(Target::RatioAtLeast(0.75)), until_it_serves];
    rows.extend(resident);

    show("starting the log's server again");
    log.server.quit()?;
    log.server.restart()?;
    of_the_log.extend(memory_of_server("after a restart", log));
    rows.extend(of_the_log);
    show("starting again");
    let bytes = testbed::bytes_below(&testbed::read_models(&log.dir))?;
    let per_cra = Measured::BytesPerCra(float(bytes) / float(events));
    rows.push(
        Row::new(Scenario::Replay, "read models on disk", per_cra).aiming(Target::BytesPerCraAtMost(150.0)),
    );
    let (projection, row) = start_from_disk(log).await?;
    rows.push(row);
    rows.extend(memory("after that start", &projection, events));
    Ok(Replayed { projection, drained, took: began, rows })
}

/// Starts a projection whose read models are on the disk alone, as after a start of the machine.
async fn start_from_disk(log: &Log) -> anyhow::Result<(Service, Row)> {
    let read_models = testbed::read_models(&log.dir);
    let folder = read_models.clone();
    let read = spawn_blocking(move || read_limit(&folder)).await??;
    spawn_blocking(move || drop_from_memory(&read_models)).await??;
    let projection = Service::start(Kind::Projection, &log.server.url(), &log.dir).await?;
    let restarted = Measured::Seconds(projection.started_in.as_secs_f64());
    let row = Row::new(Scenario::Replay, "a start with read models, until it serves", restarted)
        .limited("reading their files once from the disk", Measured::Seconds(read.as_secs_f64()))
        .aiming(Target::RatioAtMost(3.0));
    Ok((projection, row))
}

/// What the projection uses now, if the system reports it.
pub(crate) fn memory(when: &str, projection: &Service, cras: u64) -> Option<Row> {
    let bytes = per_cra(projection.memory()?.resident_bytes, cras);
    let row = Row::new(Scenario::Replay, format!("resident memory of the projection {when}"), bytes);
    Some(row.aiming(Target::BytesPerCraAtMost(RESIDENT_PER_CRA_MAX)))
}

/// The most that it took.
fn peak(when: &str, projection: &Service, cras: u64) -> Option<Row> {
    let bytes = per_cra(projection.memory()?.peak_bytes, cras);
    Some(Row::new(Scenario::Replay, format!("most resident memory of the projection {when}"), bytes))
}

fn memory_of_server(when: &str, log: &Log) -> Option<Row> {
    let memory = Memory::of_process(log.server.pid()?)?;
    let bytes = per_cra(memory.resident_bytes, log.manifest.events);
    Some(Row::new(Scenario::Log, format!("resident memory of the log's server {when}"), bytes))
}

fn per_cra(bytes: u64, cras: u64) -> Measured {
    Measured::BytesPerCra(float(bytes) / float(cras))
}

/// Duration of a replay while other read models serve, which stay in place. No query runs at the same time: how
/// fast a replay is under queries is another row.
pub(crate) async fn rebuild(projection: &Clients, events: u64) -> anyhow::Result<Duration> {
    sleep(STEPPING_BACK).await;
    let begun = Instant::now();
    let request = v1::RebuildRequest { until_position: 0, promote: false };
    let mut progress = projection.operations().rebuild(request).await?.into_inner();
    let mut reached = 0;
    while let Some(standing) = progress.message().await.context("the replay failed")? {
        reached = standing.position;
    }
    anyhow::ensure!(reached >= events, "the replay ended at {reached}, before {events}");
    Ok(begun.elapsed())
}
