//! A realistic load: several clients record, correct and withdraw, with single calls and streams, and repeat each
//! request with the same id until they have its receipt. The result is judged in `audit`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cra_contracts::v1 as pb;
use pb::submit_cras_response::Outcome;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use super::{Ingestion, correction, cra_of, eventually, new_id, submission, withdrawal};

const RETRY_AFTER: Duration = Duration::from_millis(20);
/// Pause between two CRAs of one client, for a steady load below the machine's capacity.
const PAUSE: Duration = Duration::from_millis(4);
/// Timeout after which a request is sent again.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// Number of items of one stream.
const BURST: usize = 40;
/// Range of numbers of one client's CRAs.
const NUMBERS_PER_CLIENT: u32 = 1_000_000;

/// A requested change of one CRA.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Submit(pb::SubmitCraRequest),
    Correct(pb::CorrectCraRequest),
    Withdraw(pb::WithdrawCraRequest),
}

impl Change {
    pub(crate) async fn ask(&self, ingestion: &mut Ingestion) -> Result<pb::Receipt, Status> {
        let receipt = match self.clone() {
            Self::Submit(request) => ingestion.submit_cra(request).await?.into_inner().receipt,
            Self::Correct(request) => ingestion.correct_cra(request).await?.into_inner().receipt,
            Self::Withdraw(request) => ingestion.withdraw_cra(request).await?.into_inner().receipt,
        };
        Ok(receipt.unwrap())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) change: Change,
    pub(crate) receipt: pb::Receipt,
}

/// Clients that run until [`Load::end`].
pub(crate) struct Load {
    clients: Vec<JoinHandle<Vec<Acknowledged>>>,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Starts `clients` clients with single calls, and one with streams, per address.
    pub(crate) fn begin(addresses: &[SocketAddr], clients: u32) -> Self {
        let (count, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut tasks = Vec::new();
        for (number, address) in
            addresses.iter().cycle().take(addresses.len() * (clients as usize + 1)).enumerate()
        {
            let first = u32::try_from(number).unwrap() * NUMBERS_PER_CLIENT;
            let client =
                Client { ingestion: lazily(*address), count: Arc::clone(&count), stop: Arc::clone(&stop) };
            if number < addresses.len() {
                tasks.push(tokio::spawn(client.streams(first)));
            } else {
                tasks.push(tokio::spawn(client.one_by_one(first)));
            }
        }
        Self { clients: tasks, count, stop }
    }

    /// Number of changes acknowledged so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until `more` further changes are acknowledged.
    pub(crate) async fn goes_on(&self, more: u64) {
        let before = self.count();
        eventually("more changes are acknowledged", async || {
            let gained = self.count() - before;
            if gained >= more { Ok(()) } else { Err(format!("{gained} of {more}")) }
        })
        .await;
    }

    /// Lets each client finish its current request, and returns what was acknowledged.
    pub(crate) async fn end(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.unwrap());
        }
        all
    }
}

/// A connection that is opened when needed, and reopened after a failure.
fn lazily(address: SocketAddr) -> Ingestion {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    Ingestion::new(endpoint.connect_timeout(CALL_TIMEOUT).timeout(CALL_TIMEOUT).connect_lazy())
}

/// Whether a client retries: the outcome is unknown, or the service asks for it.
fn is_passing(status: &Status) -> bool {
    // The transport's codes for a broken connection, and those of the service.
    let codes =
        [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded, Code::ResourceExhausted];
    codes.contains(&status.code()) || (status.code() == Code::Internal && status.message().contains("h2"))
}

struct Client {
    ingestion: Ingestion,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Client {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    async fn one_by_one(mut self, first: u32) -> Vec<Acknowledged> {
        let mut all = Vec::new();
        for number in first.. {
            if !self.goes_on() {
                break;
            }
            for change in life(number) {
                all.push(self.acknowledged(change).await);
            }
            sleep(PAUSE).await;
        }
        all
    }

    async fn acknowledged(&mut self, change: Change) -> Acknowledged {
        loop {
            match change.ask(&mut self.ingestion).await {
                Ok(receipt) => {
                    self.count.fetch_add(1, Ordering::SeqCst);
                    return Acknowledged { change, receipt };
                }
                Err(status) => assert!(is_passing(&status), "{change:?}: {status:?}"),
            }
            sleep(RETRY_AFTER).await;
        }
    }

    async fn streams(mut self, first: u32) -> Vec<Acknowledged> {
        let mut numbers = first..;
        let mut all = Vec::new();
        let mut waiting = VecDeque::new();
        while self.goes_on() || !waiting.is_empty() {
            while self.goes_on() && waiting.len() < BURST {
                let number = numbers.next().unwrap();
                waiting.push_back(submission(&new_id(), cra_of(number)));
            }
            self.stream(&mut waiting, &mut all).await;
            sleep(RETRY_AFTER).await;
        }
        all
    }

    /// Sends the waiting submissions over one stream; those without a receipt at its end wait again.
    async fn stream(&mut self, waiting: &mut VecDeque<pb::SubmitCraRequest>, all: &mut Vec<Acknowledged>) {
        let mut sent: Vec<Option<pb::SubmitCraRequest>> = waiting.drain(..).map(Some).collect();
        let requests: Vec<_> = (0..)
            .zip(&sent)
            .map(|(item, submission)| pb::SubmitCrasRequest { item, submission: submission.clone() })
            .collect();
        if let Ok(answers) = self.ingestion.submit_cras(tokio_stream::iter(requests)).await {
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                match answer.outcome.unwrap() {
                    Outcome::Receipt(receipt) => {
                        let submission = sent[usize::try_from(answer.item).unwrap()].take().unwrap();
                        self.count.fetch_add(1, Ordering::SeqCst);
                        all.push(Acknowledged { change: Change::Submit(submission), receipt });
                    }
                    Outcome::Refusal(refusal) => {
                        let passing = ["UNAVAILABLE", "RESOURCE_EXHAUSTED"];
                        assert!(passing.contains(&refusal.code.as_str()), "{refusal:?}");
                    }
                }
            }
        }
        waiting.extend(sent.into_iter().flatten());
    }
}

/// All changes of a CRA: every CRA is submitted, some are corrected, some withdrawn.
fn life(number: u32) -> Vec<Change> {
    let cra_id = new_id();
    let mut life = vec![Change::Submit(submission(&cra_id, cra_of(number)))];
    if number.is_multiple_of(3) {
        let corrected = pb::Cra { date: "2024-05-06".into(), ..cra_of(number + 1) };
        life.push(Change::Correct(correction(&cra_id, life.len() as u64, corrected)));
    }
    if number.is_multiple_of(5) {
        life.push(Change::Withdraw(withdrawal(&cra_id, life.len() as u64)));
    }
    life
}
