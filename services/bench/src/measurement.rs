//! The order of a run: which logs are filled, what is measured on each, and what is left out for lack of time.

use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use strum::VariantArray as _;

use crate::budget::Budget;
use crate::generator::Generator;
use crate::latency::Latencies;
use crate::print;
use crate::report::{Measured, Row, Scenario, Target, float};
use crate::rows::{self, CraRow};
use crate::scenarios::growth::{self, Point};
use crate::scenarios::peers::Peers;
use crate::scenarios::questions::Kind;
use crate::scenarios::replay::{self, Replayed};
use crate::scenarios::submissions::Submissions;
use crate::scenarios::{forget, ingest, load, query, sizing, subjects, visible};
use crate::testbed::{self, Busy, Log, Priority, Testbed};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Ingest,
    Replay,
    Query,
    Load,
    Growth,
    Sizing,
    Forget,
    Subjects,
    Peers,
    All,
}

impl Scope {
    fn includes(self, part: Self) -> bool {
        self == part || self == Self::All
    }

    /// What is asked of the whole data.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Query | Self::All => Kind::VARIANTS,
            Self::Growth => &growth::KINDS,
            Self::Load => &load::KINDS,
            _ => &[],
        }
    }
}

/// Time of one event of a replay on the machine where the following were estimated.
const EVENT_SECONDS: f64 = 3.5e-6;
/// Part of a start that does not depend on the number of events.
const START: Duration = Duration::from_secs(2);
/// Seconds that parts of a run take there, besides those that each kind of measurement may take; rounded up.
const INGEST_SECONDS: f64 = 30.0;
const SUBJECTS_SECONDS: f64 = 30.0;
/// Of what filling, replaying and asking about ten times as many CRAs takes.
const SMALLER_LOGS: f64 = 0.12;
/// Microseconds per CRA of files and of the loading of peers.
const PEERS_MICROSECONDS: f64 = 60.0;

/// One run.
pub(crate) struct Measurement {
    pub(crate) testbed: Testbed,
    pub(crate) scope: Scope,
    pub(crate) seed: u64,
    /// That each kind of measurement may take, roughly.
    pub(crate) seconds: u64,
    pub(crate) peers: Option<Peers>,
    pub(crate) budget: Budget,
    pub(crate) bar: ProgressBar,
}

/// What was measured of one filled log.
struct OfOneLog {
    replay: Vec<Row>,
    query: Vec<Row>,
    load: Vec<Row>,
    peers: Vec<Row>,
    /// `None` where it was left out.
    point: Option<Point>,
    /// How much slower this machine is than the one of the estimates.
    slowness: f64,
}

/// How many times slower than on the machine of the estimates events are replayed, at least 1.
fn slowness(took: Duration, events: u64) -> f64 {
    (took.saturating_sub(START).as_secs_f64() / float(events) / EVENT_SECONDS).max(1.0)
}

/// What is to be measured of one filled log.
#[derive(Clone, Copy)]
struct Parts {
    kinds: &'static [Kind],
    second_replay: bool,
    load: bool,
    peers: bool,
}

impl Measurement {
    /// Shows the current step at the bar, or as a line where there is no terminal.
    fn show(&self, what: &str) {
        if self.bar.is_hidden() {
            print(what);
        } else {
            self.bar.set_message(what.to_owned());
        }
    }

    /// Everything of the scope, with so many CRAs.
    pub(crate) async fn rows(&self, cras: u64) -> anyhow::Result<Vec<Row>> {
        let generator = self.generator(cras).await?;
        match self.scope {
            Scope::Ingest => return self.ingest(&generator).await,
            Scope::Sizing => return self.sizing(&generator).await,
            Scope::Subjects => return self.subjects(&generator).await,
            Scope::Forget => {
                let log = self.testbed.filled_log("forget", &generator, &self.bar).await?;
                return Box::pin(forget::forget(&log, |what: &str| self.show(what))).await;
            }
            _ => {}
        }
        let parts = Parts {
            kinds: self.scope.kinds(),
            second_replay: self.scope != Scope::Peers,
            load: self.scope.includes(Scope::Load),
            peers: self.peers.is_some(),
        };
        // First, because it says how fast the machine is.
        let whole = self.of_one_log(&generator, parts).await?;
        let slowness = whole.slowness;
        let mut growth = Vec::new();
        if self.scope.includes(Scope::Growth) && self.may_grow(cras, slowness) {
            growth = self.growth(cras, whole.point).await?;
        }
        let mut ingest = Vec::new();
        let mut log = Vec::new();
        if self.scope == Scope::All {
            if self.allows("ingest and visible", (INGEST_SECONDS + 12.0 * float(self.seconds)) * slowness) {
                ingest = self.ingest(&generator).await?;
            }
            if self.allows("log: lengths of subjects", SUBJECTS_SECONDS * slowness) {
                log = self.subjects(&generator).await?;
            }
        }
        Ok(match self.scope {
            Scope::Replay => whole.replay,
            Scope::Query => whole.query,
            Scope::Load => [whole.query, whole.load].concat(),
            Scope::Growth => growth,
            Scope::Peers => whole.peers,
            _ => [ingest, whole.replay, log, whole.query, whole.load, growth, whole.peers].concat(),
        })
    }

    /// Whether a part of a run may begin that takes so many seconds.
    fn allows(&self, what: &str, seconds: f64) -> bool {
        self.budget.allows(what, Duration::from_secs_f64(seconds))
    }

    fn may_grow(&self, cras: u64, slowness: f64) -> bool {
        // A fill, a drain, a replay, a restart and a second replay.
        let processing = 5.0 * float(cras) * EVENT_SECONDS * slowness * SMALLER_LOGS;
        let asking = 2.0 * float(self.seconds) * float(1 + growth::KINDS.len() as u64);
        self.allows("growth", processing + asking)
    }

    async fn growth(&self, cras: u64, whole: Option<Point>) -> anyhow::Result<Vec<Row>> {
        let parts = Parts { kinds: &growth::KINDS, second_replay: true, load: false, peers: false };
        let mut points = Vec::new();
        for part in [100, 10] {
            let smaller = self.generator(cras / part).await?;
            points.extend(self.of_one_log(&smaller, parts).await?.point);
        }
        points.extend(whole);
        Ok(growth::growth(&points))
    }

    async fn generator(&self, cras: u64) -> anyhow::Result<Arc<Generator>> {
        let seed = self.seed;
        Ok(tokio::task::spawn_blocking(move || Arc::new(Generator::new(seed, cras))).await?)
    }

    /// Recording, on a separate log.
    async fn ingest(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.testbed.empty_log("ingest").await?;
        let mut submissions = Submissions::after(generator);
        let ingestion = testbed::Service::start(testbed::Kind::Ingestion, &server.url(), &dir).await?;
        let show = |what: &str| self.show(what);
        let mut rows = ingest::ingest(server.url(), &ingestion, &mut submissions, self.seconds, show).await?;
        let projection = testbed::Service::start(testbed::Kind::Projection, &server.url(), &dir).await?;
        let pair = (&ingestion, &projection);
        let seconds = (2 * self.seconds).max(1);
        self.show("submitting at a steady rate, and asking for each");
        rows.push(visible::visible(pair, &dir, &mut submissions, seconds, "").await?);
        for (priority, when) in [
            (Priority::Same, ", while other work keeps every core busy"),
            (Priority::Lower, ", while other work keeps every core busy, at the priority of deploy/systemd"),
        ] {
            self.show(&format!("the same{when}"));
            let busy = Busy::start(priority)?;
            rows.push(visible::visible(pair, &dir, &mut submissions, seconds, when).await?);
            drop(busy);
        }
        projection.stop().await?;
        ingestion.stop().await?;
        Ok(rows)
    }

    /// What the processes use, on a separate log.
    async fn sizing(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.testbed.empty_log("sizing").await?;
        let mut submissions = Submissions::after(generator);
        let show = |what: &str| self.show(what);
        sizing::sizing(server, &dir, &mut submissions, generator.cras(), show).await
    }

    async fn subjects(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        self.show("filling logs with subjects of several lengths");
        subjects::subjects(&self.testbed, generator).await
    }

    /// Everything that needs a filled log.
    async fn of_one_log(&self, generator: &Arc<Generator>, parts: Parts) -> anyhow::Result<OfOneLog> {
        let (cras, show) = (generator.cras(), |what: &str| self.show(what));
        self.show(&format!("filling a log with {cras} CRAs"));
        let mut log = self.testbed.filled_log(&format!("log-{cras}"), generator, &self.bar).await?;
        let events = log.manifest.events;
        let Replayed { projection, drained, took, rows: mut replay } = replay::replay(&mut log, show).await?;
        let slowness = slowness(took, events);
        let connection = projection.connect().await?;

        let within = Duration::from_secs(self.seconds);
        let kinds = parts.kinds;
        let needs_rows = parts.peers || !kinds.is_empty();
        let in_force = if needs_rows { self.rows_in_force(generator).await? } else { Vec::new() };
        let asked = (in_force.as_slice(), self.seed);
        let queried = query::query(&connection, asked, kinds, within, show).await?;
        replay.extend(replay::memory("after the questions", &projection, events));

        let mut point = None;
        if parts.second_replay && self.allows("a replay while read models serve", took.as_secs_f64()) {
            self.show("replaying the log while the read models serve");
            let replayed = replay::rebuild(&connection, events).await?;
            let rate = Measured::rate(events, "events", replayed);
            let second = Row::new(Scenario::Replay, "a replay while read models serve", rate);
            replay.push(second.limited(replay::DRAINED, drained).aiming(Target::RatioAtLeast(0.75)));
            point = Some(Point { cras, events, replayed, times: queried.times.clone() });
        }
        let mut load = Vec::new();
        if parts.load && self.allows("load", self.load_seconds(&queried.times)) {
            load = self.load(generator, &log, &connection, asked, &queried.times).await?;
        }
        let mut peers = Vec::new();
        let comparing = float(cras) * PEERS_MICROSECONDS * 1e-6 * slowness;
        if let Some(with) = self.peers.as_ref().filter(|_| parts.peers)
            && self.allows("exports and peers", comparing + 60.0 * float(self.seconds))
        {
            let product = (&connection, projection.url());
            peers = with.compare(product, asked, &log.dir, self.seconds, show).await?;
        }
        projection.stop().await?;
        Ok(OfOneLog { replay, query: queried.rows, load, peers, point, slowness })
    }

    /// What questions under load take, from what they take alone.
    fn load_seconds(&self, quiet: &[(Kind, Latencies)]) -> f64 {
        let medians = quiet.iter().filter(|(kind, _)| load::KINDS.contains(kind));
        let least: f64 = medians.map(|(_, times)| 300.0 * times.per_mille(500).as_secs_f64()).sum();
        10.0 + least + float(self.seconds) * float(load::KINDS.len() as u64)
    }

    async fn load(
        &self,
        generator: &Arc<Generator>,
        log: &Log,
        projection: &cra_client::Clients,
        asked: (&[CraRow], u64),
        quiet: &[(Kind, Latencies)],
    ) -> anyhow::Result<Vec<Row>> {
        self.show("asking while the log is replayed and CRAs come in");
        let ingestion =
            testbed::Service::start(testbed::Kind::Ingestion, &log.server.url(), &log.dir).await?;
        let mut submissions = Submissions::after(generator);
        let within = Duration::from_secs(self.seconds);
        let rows = load::load(&ingestion, projection, &mut submissions, asked, quiet, within).await?;
        ingestion.stop().await?;
        Ok(rows)
    }

    /// The data in force, to draw questions about.
    async fn rows_in_force(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<CraRow>> {
        self.show("making the data again, to ask about it");
        let generator = Arc::clone(generator);
        Ok(tokio::task::spawn_blocking(move || rows::rows_in_force(&generator)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_is_that_of_events_and_not_of_the_start() {
        assert!((slowness(Duration::from_secs(72), 10_000_000) - 2.0).abs() < 0.01);
        assert!((slowness(Duration::from_secs(1), 2_000) - 1.0).abs() < 0.01);
    }
}
