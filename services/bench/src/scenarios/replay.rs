//! Reading the log into empty read models: as a projection that starts, and while another generation serves; then what that
//! projection takes, and how soon it serves again.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cra_contracts::v1;
use tokio::time::sleep;

use crate::limits::consume::consume_limit;
use crate::report::{Measured, Row, Scenario, Target, float};
use crate::testbed::{self, Kind, Log, Service};
use cra_client::Clients;

/// What replays are compared with.
pub(crate) const DRAINED: &str = "raw drain, before and after";

/// For longer than a replay steps back after a question.
const STEPPING_BACK: Duration = Duration::from_millis(1_500);

const RESIDENT_BYTES_MAX: u64 = 1_536 * 1_024 * 1_024;

/// The rows of the report, and the projection that serves at the end.
pub(crate) struct Replayed {
    pub(crate) projection: Service,
    /// Reading the stream with the plain client, before a replay and after it: a machine that others use too is not as
    /// fast at all times.
    pub(crate) drained: Measured,
    pub(crate) rows: Vec<Row>,
}

/// Replays a log into the empty folder next to it.
pub(crate) async fn replay(log: &Log, show: impl Fn(&str)) -> anyhow::Result<Replayed> {
    let events = log.manifest.events;
    show("reading the stream with the plain client");
    let settings = testbed::settings(log.server.url());
    let before = consume_limit(&settings, events).await?;
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
    let resident = memory("after the replay", &projection).into_iter().chain(peak("until then", &projection));
    let resident: Vec<_> = resident.collect();
    projection.stop().await?;

    show("reading the stream once more");
    let after = consume_limit(&settings, events).await?;
    let drained = Measured::rate(2 * events, "events", before + after);
    let mut rows = vec![
        replayed.limited(DRAINED, drained).aiming(Target::RatioAtLeast(0.7)),
        until_it_serves.aiming(Target::SecondsAtMost(120.0)),
    ];
    rows.extend(resident);

    show("starting again");
    let bytes = testbed::bytes_below(&testbed::read_models(&log.dir))?;
    let per_cra = Measured::BytesPerCra(float(bytes) / float(log.manifest.events));
    rows.push(
        Row::new(Scenario::Replay, "read models on disk", per_cra).aiming(Target::BytesPerCraAtMost(150.0)),
    );
    let projection = Service::start(Kind::Projection, &log.server.url(), &log.dir).await?;
    let restarted = Measured::Seconds(projection.started_in.as_secs_f64());
    rows.push(
        Row::new(Scenario::Replay, "a start with read models, until it serves", restarted)
            .aiming(Target::SecondsAtMost(5.0)),
    );
    rows.extend(memory("after that start", &projection));
    Ok(Replayed { projection, drained, rows })
}

/// What the projection uses now, if the system reports it.
pub(crate) fn memory(when: &str, projection: &Service) -> Option<Row> {
    let bytes = Measured::Bytes(projection.memory()?.resident_bytes);
    let row = Row::new(Scenario::Replay, format!("resident memory of the projection {when}"), bytes);
    Some(row.aiming(Target::BytesAtMost(RESIDENT_BYTES_MAX)))
}

/// The most that it took.
fn peak(when: &str, projection: &Service) -> Option<Row> {
    let bytes = Measured::Bytes(projection.memory()?.peak_bytes);
    Some(Row::new(Scenario::Replay, format!("most resident memory of the projection {when}"), bytes))
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
