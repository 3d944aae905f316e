//! What each process takes for a million CRAs: memory, disk and processor time, the log's server included. CRAs are submitted over
//! gRPC and followed by a projection, as in production; figures of growth are between the first half and the whole, so that
//! what a process takes anyway is not counted.

use std::path::Path;

use anyhow::Context as _;
use cra_contracts::v1;
use cra_eventlog::server::{NatsServer, STORE_DIR};

use super::ingest::streamed;
use super::submissions::Submissions;
use crate::report::{Measured, Row, Scenario, float};
use crate::testbed::{Kind, Service, Usage, bytes_below, read_models};

/// Submissions that are made at once, before they are sent.
const MADE_AT_ONCE: u64 = 50_000;
const MILLION: f64 = 1e6;
const PROCESSES: [&str; 3] = ["the log's server", "ingestion", "a projection"];

/// What the three processes take at one moment.
#[derive(Clone, Copy)]
struct Footprint {
    usage: [Usage; PROCESSES.len()],
    log_bytes: u64,
    read_model_bytes: u64,
}

/// The processes, on a log of their own.
struct Running<'a> {
    server: &'a NatsServer,
    ingestion: &'a Service,
    projection: &'a Service,
    dir: &'a Path,
}

impl Running<'_> {
    fn footprint(&self) -> anyhow::Result<Footprint> {
        let pids = [
            self.server.pid().context("the log's server ended")?,
            self.ingestion.pid(),
            self.projection.pid(),
        ];
        let usage = pids.map(Usage::of_process);
        let [Some(server), Some(ingestion), Some(projection)] = usage else {
            anyhow::bail!("this system does not show what processes take: measure on Linux");
        };
        Ok(Footprint {
            usage: [server, ingestion, projection],
            log_bytes: bytes_below(&self.dir.join(STORE_DIR))?,
            read_model_bytes: bytes_below(&read_models(self.dir))?,
        })
    }

    /// Submits so many CRAs, and waits until they count.
    async fn grow(&self, submissions: &mut Submissions, cras: u64, end: u64) -> anyhow::Result<Footprint> {
        let mut left = cras;
        while left > 0 {
            let now = left.min(MADE_AT_ONCE);
            streamed(self.ingestion, submissions.take(now)).await?;
            left -= now;
        }
        let mut statistics = self.projection.connect().await?.statistics();
        let consistency = v1::Consistency { min_position: end, ..v1::Consistency::default() };
        loop {
            let request =
                v1::GetStatisticsRequest { consistency: Some(consistency.clone()), ..Default::default() };
            match statistics.get_statistics(request).await {
                Ok(_) => return self.footprint(),
                // It has not come that far.
                Err(status) if status.code() == tonic::Code::DeadlineExceeded => {}
                Err(status) => return Err(status.into()),
            }
        }
    }
}

/// Measures with this many CRAs, on an empty log in `dir`.
pub(crate) async fn sizing(
    server: NatsServer,
    dir: &Path,
    submissions: &mut Submissions,
    cras: u64,
    progress: impl Fn(&str),
) -> anyhow::Result<Vec<Row>> {
    let mut server = server;
    let url = server.url();
    let ingestion = Service::start(Kind::Ingestion, &url, dir).await?;
    let projection = Service::start(Kind::Projection, &url, dir).await?;
    let half = cras / 2;
    let running = Running { server: &server, ingestion: &ingestion, projection: &projection, dir };
    let empty = running.footprint()?;
    progress(&format!("submitting {half} CRAs"));
    let first = running.grow(submissions, half, half).await?;
    progress(&format!("submitting as many again, {cras} in all"));
    let whole = running.grow(submissions, cras - half, cras).await?;
    projection.stop().await?;
    ingestion.stop().await?;
    progress("starting the log's server and a projection again");
    server.quit()?;
    server.restart()?;
    let ingestion = Service::start(Kind::Ingestion, &url, dir).await?;
    let projection = Service::start(Kind::Projection, &url, dir).await?;
    let again =
        Running { server: &server, ingestion: &ingestion, projection: &projection, dir }.footprint()?;
    projection.stop().await?;
    ingestion.stop().await?;
    Ok(rows([empty, first, whole, again], [cras - half, cras]))
}

/// `grown` is the number of CRAs between the first half and the whole, and in all.
fn rows([empty, first, whole, again]: [Footprint; 4], [grown, cras]: [u64; 2]) -> Vec<Row> {
    let row = |what: String, measured| Row::new(Scenario::Sizing, what, measured);
    let per_cra = |before: u64, after: u64, cras: u64| {
        Measured::BytesPerCra(float(after.saturating_sub(before)) / float(cras))
    };
    let mut rows = Vec::new();
    for (process, name) in PROCESSES.iter().enumerate() {
        let of = |footprint: &Footprint| footprint.usage[process];
        rows.push(row(format!("memory of {name}, empty"), Measured::Bytes(of(&empty).resident_bytes)));
        let growing = per_cra(of(&first).resident_bytes, of(&whole).resident_bytes, grown);
        rows.push(row(format!("memory of {name} while it grows"), growing));
        let kept = per_cra(of(&empty).resident_bytes, of(&again).resident_bytes, cras);
        rows.push(row(format!("memory of {name} after a restart"), kept));
        let seconds = (of(&whole).cpu_seconds - of(&first).cpu_seconds) / float(grown) * MILLION;
        rows.push(row(format!("processor time of {name}, per million CRAs"), Measured::Seconds(seconds)));
    }
    let log = per_cra(first.log_bytes, whole.log_bytes, grown);
    rows.push(row("disk of one of the log's servers".to_owned(), log));
    let read_models = per_cra(first.read_model_bytes, whole.read_model_bytes, grown);
    rows.push(row("disk of a projection".to_owned(), read_models));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(resident_bytes: u64, cpu_seconds: f64, disk: u64) -> Footprint {
        let usage = [Usage { resident_bytes, cpu_seconds }; PROCESSES.len()];
        Footprint { usage, log_bytes: disk, read_model_bytes: disk }
    }

    #[test]
    fn growth_is_counted_between_the_halves_and_a_restart_from_the_empty_process() {
        let points = [
            footprint(100, 0.5, 10),
            footprint(300, 1.0, 1_000),
            footprint(700, 3.0, 3_000),
            footprint(500, 0.1, 3_000),
        ];
        let rows = rows(points, [1_000, 2_000]);
        let of = |what: &str| rows.iter().find(|row| row.what == what).unwrap().measured;
        assert_eq!(of("memory of ingestion, empty"), Measured::Bytes(100));
        assert_eq!(of("memory of a projection while it grows"), Measured::BytesPerCra(0.4));
        assert_eq!(of("memory of the log's server after a restart"), Measured::BytesPerCra(0.2));
        assert_eq!(of("processor time of ingestion, per million CRAs"), Measured::Seconds(2_000.0));
        assert_eq!(of("disk of a projection"), Measured::BytesPerCra(2.0));
    }
}
