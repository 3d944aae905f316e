//! A log that lost its end, or that was created again, is detected: the projection quarantines its read models, logs
//! it, and builds them again from the log; ingestion continues.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_nats::jetstream;
use cra_contracts::v1 as pb;
use cra_eventlog::testing::{NatsServer, STORE_DIR};

use cra_runtime::rejection::reason_of;

use crate::harness::{
    Ingestion, Operations, Proxy, Service, Statistics, audit, connected, cra_of, eventually, new_id, record,
    run_cra, service_pair, submission, submit_stream, submitted,
};

const CRAS: u32 = 30;
/// Generations that the quarantine retains.
const GENERATIONS_RETAINED: usize = 3;

/// A pair whose projection reaches the log through a separate network.
struct LossSetup {
    to_log: Proxy,
    ingestion: Service,
    projection: Service,
    nats: NatsServer,
    dir: tempfile::TempDir,
    /// How often the log was lost: each time, one generation goes into quarantine.
    losses: usize,
}

impl LossSetup {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        let to_log = Proxy::to(nats.address()).await;
        let (mut ingestion, _) = service_pair(dir.path(), &nats.url(), &[]);
        let (_, mut projection) = service_pair(dir.path(), &format!("nats://{}", to_log.address()), &[]);
        tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
        Self { to_log, ingestion, projection, nats, dir, losses: 0 }
    }

    /// A log with some CRAs, and a copy of its store.
    async fn with_older_copy() -> (Self, PathBuf) {
        let mut setup = Self::start().await;
        let older = setup.dir.path().join("older");
        setup.record(CRAS).await;
        setup.nats.kill();
        copy(&setup.store(), &older);
        setup.nats.restart().unwrap();
        (setup, older)
    }

    /// Restarts the log's server on a copy of its store.
    fn replace_store_by(&mut self, older: &Path) {
        self.nats.kill();
        fs::remove_dir_all(self.store()).unwrap();
        copy(older, &self.store());
        self.nats.restart().unwrap();
    }

    /// Records some CRAs, and returns the position of the last one.
    async fn record(&self, cras: u32) -> u64 {
        let mut ingestion = Ingestion::new(connected(self.ingestion.address()).await.unwrap());
        // The first one is retried: ingestion may be reconnecting.
        eventually("ingestion continues", async || {
            let first = submitted(&mut ingestion, submission(&new_id(), cra_of(0))).await;
            first.map_err(|status| status.to_string())
        })
        .await;
        let submissions: Vec<_> = (1..cras).map(|number| submission(&new_id(), cra_of(number))).collect();
        let receipts = submit_stream(&mut ingestion, tokio_stream::iter(submissions)).await;
        receipts.iter().map(|receipt| receipt.position).max().unwrap()
    }

    async fn status(&self) -> Result<pb::GetStatusResponse, String> {
        let mut operations = Operations::new(connected(self.projection.address()).await?);
        let status = operations.get_status(pb::GetStatusRequest::default()).await;
        Ok(status.map_err(|status| status.to_string())?.into_inner())
    }

    /// The generation that shows the content of the log.
    async fn settled(&self) -> String {
        self.shows_what_the_log_holds().await;
        self.status().await.unwrap().generation
    }

    async fn shows_what_the_log_holds(&self) {
        let entries = audit::log_of(&self.nats.url(), 1).await;
        let mut statistics = Statistics::new(connected(self.projection.address()).await.unwrap());
        audit::equals_recomputation(&mut statistics, &entries).await;
    }

    /// Asserts that the projection quarantines its read models for a reason with this text, and serves the right
    /// figures again.
    async fn starts_over(&mut self, former: &str, because: &str) {
        eventually("the read models are quarantined", async || {
            let output = self.projection.output();
            let is_logged = output.lines().any(|line| line.contains("quarantined") && line.contains(because));
            if is_logged { Ok(()) } else { Err("nothing is logged".to_owned()) }
        })
        .await;
        // The reason is logged first.
        eventually("another generation is at the log's end", async || {
            let status = self.status().await?;
            let is_new = status.generation != former;
            if is_new && status.applied_position == status.log_position {
                Ok(())
            } else {
                Err(format!("{status:?}"))
            }
        })
        .await;
        self.shows_what_the_log_holds().await;
        self.projection.serving().await;
        self.ingestion.serving().await;
        self.projection.is_unharmed();
        self.ingestion.is_unharmed();
        let aside = self.dir.path().join("projection/read-models/set-aside");
        self.losses += 1;
        assert_eq!(fs::read_dir(aside).unwrap().count(), self.losses.min(GENERATIONS_RETAINED));
    }

    fn store(&self) -> std::path::PathBuf {
        self.dir.path().join(STORE_DIR)
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_made_anew_is_noticed_and_counted_from_its_start() {
    let mut setup = LossSetup::start().await;
    setup.record(CRAS).await;
    let former = setup.settled().await;

    let context = jetstream::new(async_nats::connect(setup.nats.url()).await.unwrap());
    let stream = context.get_stream("CRA").await.unwrap().cached_info().config.clone();
    context.delete_stream("CRA").await.unwrap();
    context.create_stream(stream).await.unwrap();
    // As long as the former log: only its identity distinguishes them.
    assert_eq!(setup.record(CRAS).await, u64::from(CRAS));
    setup.starts_over(&former, "created again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_a_log_that_is_no_more_is_refused_and_a_copy_of_it_goes_no_further() {
    let setup = LossSetup::start().await;
    let mut ingestion = Ingestion::new(connected(setup.ingestion.address()).await.unwrap());
    let receipt = record(&mut ingestion, cra_of(1)).await;
    let last = setup.record(CRAS).await;
    setup.settled().await;
    let mut statistics = Statistics::new(connected(setup.projection.address()).await.unwrap());
    let statistics_request =
        |consistency| pb::GetStatisticsRequest { consistency: Some(consistency), ..Default::default() };
    let of_receipt = || {
        statistics_request(pb::Consistency {
            min_position: receipt.position,
            log: receipt.log.clone(),
            ..Default::default()
        })
    };
    let shown = statistics.get_statistics(of_receipt()).await.unwrap().into_inner().snapshot.unwrap();
    assert!(!receipt.log.is_empty());
    assert_eq!(shown.log, receipt.log);
    let checkpoint = setup.dir.path().join("copy.json");
    let url = format!("http://{}", setup.projection.address());
    let follow = ["follow", "--stop-at-head", "--checkpoint", checkpoint.to_str().unwrap()];
    let arguments = [&follow[..], &["--projection-url", &url]].concat();
    let copied = run_cra(setup.dir.path(), &arguments, &[]).succeeded();
    assert_eq!(copied.stdout.lines().count(), usize::try_from(last).unwrap());

    let context = jetstream::new(async_nats::connect(setup.nats.url()).await.unwrap());
    let config = context.get_stream("CRA").await.unwrap().cached_info().config.clone();
    context.delete_stream("CRA").await.unwrap();
    context.create_stream(config).await.unwrap();
    setup.record(CRAS + 5).await;
    setup.shows_what_the_log_holds().await;

    let past = pb::Consistency { as_of_position: 3, log: shown.log.clone(), ..Default::default() };
    for request in [of_receipt(), statistics_request(past)] {
        let refused = statistics.get_statistics(request).await.unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("LOG_REPLACED"), "{refused}");
    }
    let again = run_cra(setup.dir.path(), &arguments, &[]).failed();
    assert_eq!(again.stdout, "", "nothing of the other log is sent");
    assert!(again.stderr.contains("another event log"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_is_noticed_whether_or_not_the_projection_runs() {
    let (mut setup, older) = LossSetup::with_older_copy().await;
    for running in [true, false] {
        setup.record(CRAS).await;
        let former = setup.settled().await;
        if !running {
            // Terminated, not killed, so that everything is flushed.
            setup.projection.terminate();
            assert!(setup.projection.ended().await.success());
            fs::write(setup.dir.path().join("projection/stderr.log"), "").unwrap();
        }
        setup.replace_store_by(&older);
        if !running {
            setup.projection.start().await;
        }
        setup.starts_over(&former, "the log ends at").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_and_grew_past_it_again_is_noticed() {
    let (mut setup, older) = LossSetup::with_older_copy().await;
    setup.record(CRAS).await;
    let former = setup.settled().await;

    setup.to_log.cut_off();
    setup.replace_store_by(&older);
    assert_eq!(setup.record(2 * CRAS).await, u64::from(3 * CRAS));
    setup.to_log.pass_on();
    setup.starts_over(&former, "holds another event").await;
}
