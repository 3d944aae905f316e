//! Both services in this process, with clocks set by the tests: publications open on demand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use cra_contracts::v1 as pb;
use cra_eventlog::embedded::EmbeddedLog;
use cra_projection::publications::PublicationSettings;
use cra_runtime::clock::FixedClock;
use cra_runtime::identity::{Identity, IdentitySettings, PerimeterClaim};
use cra_runtime::listen;
use cra_runtime::shutdown::Shutdown;
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tonic::{Request, Status};

use crate::harness::{
    Ingestion, Issuer, Statistics, carrying, connected, eventually, national, new_id, submission, submitted,
};

/// Communes in departments of one region and of others, with a postal code each.
const COMMUNES: [(&str, &str); 6] = [
    ("75101", "75001"),
    ("78646", "78000"),
    ("92012", "92100"),
    ("69381", "69001"),
    ("01053", "01000"),
    ("97411", "97400"),
];
/// The departments of those communes, and some without CRAs.
pub(super) const DEPARTMENTS: [&str; 8] = ["75", "78", "92", "69", "01", "974", "35", "2A"];

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The pair, and a caller of public figures.
pub(super) struct Publishing {
    pub(super) ingestion: Ingestion,
    pub(super) statistics: Statistics,
    pub(super) projection: SocketAddr,
    pub(super) issuer: Issuer,
    recording: FixedClock,
    counting: FixedClock,
    shutdown: Shutdown,
    served: Vec<tokio::task::JoinHandle<()>>,
    log: Arc<EmbeddedLog>,
    dir: tempfile::TempDir,
}

impl Publishing {
    /// Services that record at one instant and publish what is closed at it, with a test secret.
    pub(super) async fn start(now: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "a secret of the tests, longer than 32 bytes").unwrap();
        let log: Arc<EmbeddedLog> = Arc::new(EmbeddedLog::open(&dir.path().join("log")).unwrap());
        let (recording, counting) = (FixedClock::at(at(now)), FixedClock::at(at(now)));
        let shutdown = Shutdown::new();
        let listener = listen::bind((Ipv4Addr::LOCALHOST, 0).into(), Identity::not_configured())
            .unwrap()
            .open()
            .unwrap();
        let ingestion = listener.address();
        let (own_log, clock, stop) = (Arc::clone(&log), Arc::new(recording.clone()), shutdown.clone());
        let ingesting = tokio::spawn(async move {
            let settings = cra_ingestion::Settings::default();
            let _ = cra_ingestion::serve(listener, own_log, clock, &settings, stop).await.unwrap();
        });
        let issuer = Issuer::new();
        let (projection, projecting) =
            project(&log, dir.path(), "read-models", &issuer, &counting, &shutdown).await;
        Self {
            ingestion: Ingestion::new(connected(ingestion).await.unwrap()),
            statistics: Statistics::new(connected(projection).await.unwrap()),
            projection,
            issuer,
            recording,
            counting,
            shutdown,
            served: vec![ingesting, projecting],
            log,
            dir,
        }
    }

    /// A second replica, with separate read models.
    pub(super) async fn replica(&mut self) -> Statistics {
        let Self { log, dir, issuer, counting, shutdown, .. } = &*self;
        let (address, projecting) =
            project(log, dir.path(), "read-models-2", issuer, counting, shutdown).await;
        self.served.push(projecting);
        Statistics::new(connected(address).await.unwrap())
    }

    /// Sets ingestion's clock.
    pub(super) fn record_at(&self, now: &str) {
        self.recording.set(at(now));
    }

    /// A token that grants public figures only.
    pub(super) fn token(&self) -> String {
        self.issuer.token("statistics:public", &PerimeterClaim::default())
    }

    /// A token that grants exact figures.
    pub(super) fn exact_token(&self) -> String {
        self.issuer.token("statistics:read", &national())
    }

    /// Sets the projection's clock, and waits for the publication that is then current.
    pub(super) async fn publish(&mut self, now: &str, closed_at: &str) -> pb::Publication {
        self.counting.set(at(now));
        let token = self.token();
        published(&mut self.statistics, &token, closed_at).await
    }

    pub(super) async fn stop(self) {
        self.shutdown.begin();
        for served in self.served {
            served.await.unwrap();
        }
    }
}

/// Waits for the publication of an instant.
pub(super) async fn published(statistics: &mut Statistics, token: &str, closed_at: &str) -> pb::Publication {
    eventually("the publication opens", async || {
        let request = carrying(token, pb::GetStatisticsRequest::default());
        let answer = statistics.get_statistics(request).await.map_err(|status| status.to_string())?;
        let publication = answer.into_inner().snapshot.unwrap().publication.unwrap();
        let is_it = publication.closed_at.unwrap().seconds == at(closed_at).as_second();
        if is_it { Ok(publication) } else { Err(format!("{publication:?}")) }
    })
    .await
}

async fn project(
    log: &Arc<EmbeddedLog>,
    dir: &std::path::Path,
    data: &str,
    issuer: &Issuer,
    clock: &FixedClock,
    shutdown: &Shutdown,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let identity = IdentitySettings { tokens: Some(issuer.trusted()), ..IdentitySettings::default() };
    let opened = Identity::open(&identity).await.unwrap();
    let listener = listen::bind((Ipv4Addr::LOCALHOST, 0).into(), opened).unwrap().open().unwrap();
    let settings = cra_projection::Settings {
        data: dir.join(data),
        identity,
        publications: PublicationSettings {
            secret_file: Some(dir.join("secret")),
            ..PublicationSettings::default()
        },
        ..cra_projection::Settings::default()
    };
    let (address, log) = (listener.address(), Arc::clone(log));
    let (clock, shutdown) = (Arc::new(clock.clone()), shutdown.clone());
    let served = tokio::spawn(async move {
        let _ = cra_projection::serve(listener, log, clock, settings, shutdown).await.unwrap();
    });
    (address, served)
}

/// A random CRA of a month.
pub(super) fn drawn(chance: &mut StdRng, month: &str) -> pb::Cra {
    let (commune_code, postal_code) = COMMUNES[chance.random_range(0..COMMUNES.len())];
    let activity =
        [pb::Activity::Workshop, pb::Activity::Individual, pb::Activity::OneOff][chance.random_range(0..3)];
    let participants = if activity == pb::Activity::Workshop { chance.random_range(2..9) } else { 1 };
    let channel = [pb::Channel::Venue, pb::Channel::Remote, pb::Channel::Home][chance.random_range(0..3)];
    let themes = [pb::Theme::Email, pb::Theme::Internet, pb::Theme::Health, pb::Theme::Security];
    let first = chance.random_range(0..themes.len());
    let band = [pb::DurationBand::UpTo30Minutes, pb::DurationBand::OneHourOrMore][chance.random_range(0..2)];
    let older = chance.random_range(0..=participants);
    pb::Cra {
        advisor_id: "conseiller-1".into(),
        structure_id: "structure-1".into(),
        date: format!("{month}-{:02}", chance.random_range(1..28)),
        place: Some(pb::Place {
            channel: channel.into(),
            commune_code: commune_code.into(),
            postal_code: postal_code.into(),
            ..pb::Place::default()
        }),
        activity: activity.into(),
        participants: Some(participants),
        returning_participants: chance.random_range(0..=participants),
        ages: Some(pb::AgeCounts {
            over_60: older,
            from_35_to_60: participants - older,
            ..Default::default()
        }),
        statuses: Some(pb::StatusCounts {
            retired: older,
            unemployed: participants - older,
            ..Default::default()
        }),
        themes: themes[first..].iter().map(|theme| (*theme).into()).collect(),
        duration: Some(pb::Duration { band: band.into(), minutes: None }),
        follow_up: Some(pb::FollowUp {
            individual: chance.random_range(0..=participants),
            ..Default::default()
        }),
        ..pb::Cra::default()
    }
}

/// Records CRAs of a month; returns their ids and content.
pub(super) async fn record(
    ingestion: &mut Ingestion,
    chance: &mut StdRng,
    month: &str,
    cras: usize,
) -> Vec<(String, pb::Cra)> {
    let mut recorded = Vec::new();
    for _ in 0..cras {
        let (id, cra) = (new_id(), drawn(chance, month));
        submitted(ingestion, submission(&id, cra.clone())).await.unwrap();
        recorded.push((id, cra));
    }
    recorded
}

/// Figures of some departments and days.
pub(super) async fn ask(
    statistics: &mut Statistics,
    token: &str,
    selection: pb::Selection,
) -> Result<(pb::Statistics, pb::Snapshot), Status> {
    let request = pb::GetStatisticsRequest { selection: Some(selection), consistency: None };
    let answer = statistics.get_statistics(carrying(token, request)).await?.into_inner();
    Ok((answer.statistics.unwrap(), answer.snapshot.unwrap()))
}

/// A request with a token of public figures.
pub(super) fn publicly<T>(publishing: &Publishing, message: T) -> Request<T> {
    carrying(&publishing.token(), message)
}
