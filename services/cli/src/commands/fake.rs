//! A projection service for tests of commands: sends configured answers, fails at configured points, and records the
//! requests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::{StatisticsService, StatisticsServiceServer};
use cra_runtime::rejection::{Rejection, Retry, Row};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::BoxStream;
use tonic::transport::server::{Router, Server};
use tonic::{Code, Request, Response, Status};

use super::CommandResult;
use crate::args::{Arguments, CredentialArgs, EndpointArgs};
use crate::output::Output;
use crate::style::Style;

/// How a stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Well,
    Broken,
    /// Never, and without further messages.
    Silence,
}

/// Configured answers.
#[derive(Debug, Default)]
pub(super) struct Fake {
    /// Head of the log; every position up to it is a change.
    pub(super) head: u64,
    /// Number of changes after which a connection breaks; 0 for never.
    pub(super) breaks_after: u64,
    /// Number of CRAs in each answer, per connection; every connection but the last breaks after them.
    pub(super) watched: Vec<Vec<u64>>,
    /// Parts of an export.
    pub(super) exported: Vec<v1::export_response::Part>,
    /// How the stream ends after them.
    pub(super) export_ending: Ending,
    /// Number of rows in every listing.
    pub(super) rows: u64,
    /// Number of events appended, one before each of the first statistics queries.
    pub(super) grows: u64,
    /// Base that statistics are rounded to.
    pub(super) rounded_to: u64,
    pub(super) follows: Mutex<Vec<v1::FollowCrasRequest>>,
    pub(super) watches: Mutex<Vec<v1::WatchStatisticsRequest>>,
    pub(super) exports: Mutex<Vec<v1::ExportRequest>>,
    pub(super) breakdowns: Mutex<Vec<v1::ListBreakdownRequest>>,
    pub(super) crosses: Mutex<Vec<v1::GetCrossTableRequest>>,
    pub(super) lists: Mutex<Vec<v1::ListCrasRequest>>,
    pub(super) doubles: Mutex<Vec<v1::ListLikelyDoublesRequest>>,
    pub(super) shows: Mutex<Vec<v1::GetCraRequest>>,
    pub(super) series: Mutex<Vec<v1::GetTimeSeriesRequest>>,
    pub(super) statistics: Mutex<Vec<v1::GetStatisticsRequest>>,
}

fn snapshot() -> v1::Snapshot {
    v1::Snapshot { position: 2_000, generation: "g1".to_owned(), ..v1::Snapshot::default() }
}

fn record(number: u64) -> v1::CraRecord {
    v1::CraRecord { cra_id: format!("cra-{number}"), revision: 1, ..v1::CraRecord::default() }
}

/// The log of the positions.
pub(super) const LOG: &str = "log#2#";

fn change(position: u64, head: u64) -> v1::FollowCrasResponse {
    use v1::follow_cras_response::Change;
    let change = match position % 3 {
        0 => Change::Upsert(record(position)),
        1 => Change::Removal(format!("cra-{position}")),
        _ => Change::Checkpoint(true),
    };
    assert!(position <= head);
    v1::FollowCrasResponse { position, change: Some(change), log: LOG.to_owned() }
}

fn statistics(cras: u64) -> v1::Statistics {
    v1::Statistics { cras, acts: cras, people: cras, ..v1::Statistics::default() }
}

/// One page of numbered rows, and the token of the next page.
fn page(rows: u64, size: u32, token: &str) -> (std::ops::Range<u64>, String) {
    let start = token.parse().unwrap_or(0);
    let end = (start + u64::from(size.min(40))).min(rows);
    (start..end, if end == rows { String::new() } else { end.to_string() })
}

fn broken() -> Status {
    Status::unavailable("the service leaves")
}

#[tonic::async_trait]
impl StatisticsService for Fake {
    async fn follow_cras(
        &self,
        request: Request<v1::FollowCrasRequest>,
    ) -> Result<Response<BoxStream<v1::FollowCrasResponse>>, Status> {
        let request = request.into_inner();
        let after = request.after_position;
        self.follows.lock().unwrap().push(request.clone());
        if !request.log.is_empty() && request.log != LOG {
            let row = Row { code: Code::Aborted, reason: "LOG_REPLACED", retry: Retry::Never };
            return Err(Rejection::new(row, "the log was replaced")
                .with("forgotten_at", "2026-01-15T03:00:00Z")
                .into());
        }
        if after > self.head {
            return Err(Status::out_of_range("after_position is past the head of the log"));
        }
        let end = match self.breaks_after {
            0 => self.head,
            changes => (after + changes).min(self.head),
        };
        let head = self.head;
        let mut answers: Vec<_> = (after + 1..=end).map(|position| Ok(change(position, head))).collect();
        let goes_on = end == head && !request.stop_at_head;
        if end < head {
            answers.push(Err(broken()));
        }
        Ok(Response::new(stream(answers, goes_on)))
    }

    async fn watch_statistics(
        &self,
        request: Request<v1::WatchStatisticsRequest>,
    ) -> Result<Response<BoxStream<v1::WatchStatisticsResponse>>, Status> {
        let mut watches = self.watches.lock().unwrap();
        let number = watches.len();
        watches.push(request.into_inner());
        let answer = |cras: &u64| {
            let statistics = Some(statistics(*cras));
            Ok(v1::WatchStatisticsResponse { statistics, snapshot: Some(snapshot()) })
        };
        let mut answers: Vec<_> = self.watched.get(number).into_iter().flatten().map(answer).collect();
        let is_last = number + 1 >= self.watched.len();
        if !is_last {
            answers.push(Err(broken()));
        }
        Ok(Response::new(stream(answers, is_last)))
    }

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<BoxStream<v1::ExportResponse>>, Status> {
        self.exports.lock().unwrap().push(request.into_inner());
        let parts = self.exported.iter().cloned();
        let mut answers: Vec<_> = parts.map(|part| Ok(v1::ExportResponse { part: Some(part) })).collect();
        if self.export_ending == Ending::Broken {
            answers.push(Err(broken()));
        }
        Ok(Response::new(stream(answers, self.export_ending == Ending::Silence)))
    }

    async fn list_breakdown(
        &self,
        request: Request<v1::ListBreakdownRequest>,
    ) -> Result<Response<v1::ListBreakdownResponse>, Status> {
        let request = request.into_inner();
        let (range, next_page_token) = page(self.rows, request.page_size, &request.page_token);
        self.breakdowns.lock().unwrap().push(request);
        let row = |number| v1::BreakdownRow {
            code: format!("{number:03}"),
            label: format!("row {number}"),
            statistics: Some(statistics(number)),
            ..v1::BreakdownRow::default()
        };
        Ok(Response::new(v1::ListBreakdownResponse {
            rows: range.map(row).collect(),
            next_page_token,
            total_rows: self.rows,
            snapshot: Some(snapshot()),
        }))
    }

    async fn list_cras(
        &self,
        request: Request<v1::ListCrasRequest>,
    ) -> Result<Response<v1::ListCrasResponse>, Status> {
        let request = request.into_inner();
        let (range, next_page_token) = page(self.rows, request.page_size, &request.page_token);
        self.lists.lock().unwrap().push(request);
        let cras = range.map(record).collect();
        Ok(Response::new(v1::ListCrasResponse { cras, next_page_token, snapshot: Some(snapshot()) }))
    }

    async fn list_likely_doubles(
        &self,
        request: Request<v1::ListLikelyDoublesRequest>,
    ) -> Result<Response<v1::ListLikelyDoublesResponse>, Status> {
        let request = request.into_inner();
        let (range, next_page_token) = page(self.rows, request.page_size, &request.page_token);
        self.doubles.lock().unwrap().push(request);
        let recorded = |number| {
            let client_id = "platform-1".to_owned();
            Some(v1::RecordedCra { record: Some(record(number)), position: number, client_id })
        };
        let double = |number| v1::LikelyDouble { earlier: recorded(number), later: recorded(number + 1_000) };
        let doubles = range.map(double).collect();
        Ok(Response::new(v1::ListLikelyDoublesResponse {
            doubles,
            next_page_token,
            snapshot: Some(snapshot()),
        }))
    }

    async fn get_cross_table(
        &self,
        request: Request<v1::GetCrossTableRequest>,
    ) -> Result<Response<v1::GetCrossTableResponse>, Status> {
        self.crosses.lock().unwrap().push(request.into_inner());
        let (name, label) = ("THEME_EMAIL".to_owned(), "Courriels".to_owned());
        let row = v1::CrossTableRow { name, values: vec![7], label };
        let columns = vec!["AGE_BAND_OVER_60".to_owned()];
        let column_labels = vec!["Plus de 60 ans".to_owned()];
        let (rows, snapshot) = (vec![row], Some(snapshot()));
        let answer =
            v1::GetCrossTableResponse { columns, column_labels, rows, snapshot, ..Default::default() };
        Ok(Response::new(answer))
    }

    async fn get_cra(
        &self,
        request: Request<v1::GetCraRequest>,
    ) -> Result<Response<v1::GetCraResponse>, Status> {
        self.shows.lock().unwrap().push(request.into_inner());
        let record = Some(record(1));
        Ok(Response::new(v1::GetCraResponse { record, withdrawn: true, snapshot: Some(snapshot()) }))
    }

    async fn get_statistics(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        let request = request.into_inner();
        let year = request.selection.as_ref().and_then(|it| it.to.get(2..4)?.parse().ok());
        let mut requests = self.statistics.lock().unwrap();
        let mut snapshot = snapshot();
        snapshot.position += (requests.len() as u64).min(self.grows);
        requests.push(request);
        let statistics = v1::Statistics { rounded_to: self.rounded_to, ..statistics(year.unwrap_or(0)) };
        let statistics = Some(statistics);
        Ok(Response::new(v1::GetStatisticsResponse { statistics, snapshot: Some(snapshot) }))
    }

    async fn get_time_series(
        &self,
        request: Request<v1::GetTimeSeriesRequest>,
    ) -> Result<Response<v1::GetTimeSeriesResponse>, Status> {
        let selection = request.into_inner();
        let v1::Selection { from, to, .. } = selection.selection.clone().unwrap_or_default();
        self.series.lock().unwrap().push(selection);
        let point = v1::TimePoint { from, to, statistics: Some(statistics(9)) };
        Ok(Response::new(v1::GetTimeSeriesResponse { points: vec![point], snapshot: Some(snapshot()) }))
    }
}

/// The answers, then the end, or silence if the stream stays open.
fn stream<T: Send + 'static>(answers: Vec<Result<T, Status>>, goes_on: bool) -> BoxStream<T> {
    use tokio_stream::StreamExt as _;
    let answers = tokio_stream::iter(answers);
    if goes_on { Box::pin(answers.chain(tokio_stream::pending())) } else { Box::pin(answers) }
}

/// Serves the fake and returns its address.
pub(super) async fn endpoints(fake: &Arc<Fake>) -> EndpointArgs {
    served(Server::builder().add_service(StatisticsServiceServer::from_arc(Arc::clone(fake)))).await
}

/// Serves on a port that the system chooses.
pub(super) async fn served(router: Router) -> EndpointArgs {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    EndpointArgs { ingestion_url: url.clone(), projection_url: url, credentials: CredentialArgs::default() }
}

/// The output of a command, readable while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    pub(crate) fn output(&self) -> Output {
        Output::to(self.clone(), Style { columns: 100, colour: false })
    }

    pub(super) fn json(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    /// Waits until the output has that many lines.
    pub(super) async fn lines_reach(&self, lines: usize) {
        while self.text().lines().count() < lines {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// The output of a function.
pub(super) fn written<T>(write: impl FnOnce(&mut Output) -> T) -> (String, T) {
    let written = Written::default();
    let outcome = write(&mut written.output());
    (written.text(), outcome)
}

/// Runs a whole command line against the fake.
pub(super) async fn ran(fake: &Arc<Fake>, arguments: &[&str]) -> (String, CommandResult) {
    let mut arguments = Arguments::of_command_line(["cra"].iter().chain(arguments)).unwrap();
    arguments.endpoints = endpoints(fake).await;
    let written = Written::default();
    let outcome = super::run(arguments, &mut written.output()).await;
    (written.text(), outcome)
}
