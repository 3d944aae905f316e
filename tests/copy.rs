//! A copy maintained with `FollowCras` stays equal to its source, withdrawals included, whatever connection or process
//! is cut or killed: its keeper resumes at the last position it received.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cra_contracts::v1 as pb;
use pb::follow_cras_response::Change;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::Status;

use crate::harness::{
    Ingestion, Pair, Proxy, Statistics, connected, cra_of, eventually, new_id, submission, submitted,
};

/// Number of submissions, corrections and withdrawals.
const CHANGES: u32 = 600;
/// The changes are spread over some seconds, so that they span many connections of the follower.
const CHANGE_EVERY: Duration = Duration::from_millis(4);
/// Lifetimes of the follower's connections; every third one ends with a kill of the projection.
const LIVES_MS: [u64; 6] = [60, 150, 250, 30, 110, 200];
const INTERRUPTIONS_MIN: usize = 6;
const RETRY: Duration = Duration::from_millis(20);
/// Fewer rows per page than there are CRAs.
const PAGE_ROWS: u32 = 40;

/// Some of the advisors: corrections move CRAs into the selection and out of it.
fn selection() -> pb::Selection {
    let advisor_ids = (0..4).map(|number| format!("conseiller-{number}")).collect();
    pb::Selection { advisor_ids, ..pb::Selection::default() }
}

/// The state of the copy.
#[derive(Default)]
struct Copy {
    cras: BTreeMap<String, pb::CraRecord>,
    position: u64,
    /// The log of the position.
    log: String,
    removals: u32,
    connections: u32,
}

impl Copy {
    fn take(&mut self, answer: pb::FollowCrasResponse) {
        assert!(answer.position > self.position, "repeated: {answer:?} after {}", self.position);
        (self.position, self.log) = (answer.position, answer.log);
        match answer.change.unwrap() {
            Change::Upsert(record) => drop(self.cras.insert(record.cra_id.clone(), record)),
            Change::Removal(id) => {
                assert!(self.cras.remove(&id).is_some(), "{id} was never sent");
                self.removals += 1;
            }
            Change::Checkpoint(reached) => assert!(reached),
        }
    }
}

/// Follows until the connection breaks.
async fn follow(address: SocketAddr, copy: &Mutex<Copy>) -> Result<(), Status> {
    let channel = connected(address).await.map_err(Status::unavailable)?;
    let (after_position, log) = {
        let copy = copy.lock().unwrap();
        (copy.position, copy.log.clone())
    };
    let request =
        pb::FollowCrasRequest { selection: Some(selection()), after_position, stop_at_head: false, log };
    let mut answers = Statistics::new(channel).follow_cras(request).await?.into_inner();
    copy.lock().unwrap().connections += 1;
    while let Some(answer) = answers.message().await? {
        copy.lock().unwrap().take(answer);
    }
    Ok(())
}

/// A keeper that reconnects indefinitely; the address may change.
fn keep(address: Arc<Mutex<SocketAddr>>) -> (Arc<Mutex<Copy>>, JoinHandle<()>) {
    let copy = Arc::new(Mutex::new(Copy::default()));
    let shared = Arc::clone(&copy);
    let keeping = tokio::spawn(async move {
        loop {
            let at = *address.lock().unwrap();
            // A killed service may leave a connection that never answers.
            let _broken = timeout(Duration::from_secs(10), follow(at, &shared)).await;
            sleep(RETRY).await;
        }
    });
    (copy, keeping)
}

/// A CRA as its submitter knows it.
struct Known {
    cra_id: String,
    revision: u64,
}

/// Submits, corrects to another advisor and withdraws, in sequence; returns the last position.
async fn change(mut ingestion: Ingestion) -> u64 {
    let (mut cras, mut last) = (Vec::<Known>::new(), 0);
    for number in 0..CHANGES {
        sleep(CHANGE_EVERY).await;
        let chosen = number as usize * 31 % cras.len().max(1);
        let receipt = match number % 5 {
            3 => {
                let Known { cra_id, revision } = &cras[chosen];
                let (cra_id, cra) = (cra_id.clone(), Some(cra_of(number)));
                let (expected_revision, reason) = (*revision, "une autre personne".into());
                let request = pb::CorrectCraRequest { cra_id, expected_revision, cra, reason };
                ingestion.correct_cra(request).await.unwrap().into_inner().receipt.unwrap()
            }
            4 => {
                let Known { cra_id, revision } = cras.swap_remove(chosen);
                let (expected_revision, reason) = (revision, "saisi deux fois".into());
                let request = pb::WithdrawCraRequest { cra_id, expected_revision, reason };
                ingestion.withdraw_cra(request).await.unwrap().into_inner().receipt.unwrap()
            }
            _ => {
                let cra_id = new_id();
                let receipt = submitted(&mut ingestion, submission(&cra_id, cra_of(number))).await.unwrap();
                cras.push(Known { cra_id, revision: 1 });
                receipt
            }
        };
        if number % 5 == 3 {
            cras[chosen].revision = receipt.revision;
        }
        last = receipt.position;
    }
    last
}

/// Cuts the keeper's connection, or kills the projection, during the changes; returns how often.
async fn interrupt(
    pair: &mut Pair,
    mut proxy: Proxy,
    address: &Mutex<SocketAddr>,
    goes_on: impl Fn() -> bool,
) -> (usize, Proxy) {
    let mut interruptions = 0;
    for life in LIVES_MS.into_iter().cycle().take_while(|_| goes_on()) {
        sleep(Duration::from_millis(life)).await;
        interruptions += 1;
        if interruptions % 3 > 0 {
            proxy.cut();
            continue;
        }
        pair.projection.kill();
        pair.projection.start().await;
        proxy = Proxy::to(pair.projection.address()).await;
        *address.lock().unwrap() = proxy.address();
    }
    (interruptions, proxy)
}

/// Every CRA of the selection as of a position, page by page.
async fn listed(pair: &Pair, position: u64) -> BTreeMap<String, pb::CraRecord> {
    let mut statistics = pair.statistics().await;
    let mut request = pb::ListCrasRequest {
        selection: Some(selection()),
        page_size: PAGE_ROWS,
        consistency: Some(pb::Consistency {
            min_position: position,
            as_of_position: position,
            ..pb::Consistency::default()
        }),
        ..pb::ListCrasRequest::default()
    };
    let mut listed = BTreeMap::new();
    loop {
        let page = statistics.list_cras(request.clone()).await.unwrap().into_inner();
        for record in page.cras {
            let former = listed.insert(record.cra_id.clone(), record);
            assert!(former.is_none(), "listed twice: {former:?}");
        }
        if page.next_page_token.is_empty() {
            return listed;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_equals_its_source_whatever_is_cut_or_killed_between_them() {
    let mut pair = Pair::start().await;
    let proxy = Proxy::to(pair.projection.address()).await;
    let address = Arc::new(Mutex::new(proxy.address()));
    let (copy, keeping) = keep(Arc::clone(&address));
    let changing = tokio::spawn(change(pair.ingestion().await));

    let (interruptions, _last_proxy) =
        interrupt(&mut pair, proxy, &address, || !changing.is_finished()).await;
    assert!(interruptions >= INTERRUPTIONS_MIN, "only {interruptions} interruptions");
    let last_position = changing.await.unwrap();
    assert_eq!(last_position, u64::from(CHANGES), "the log holds what was acknowledged and nothing else");

    pair.projection.serving().await;
    eventually("the copy is at the head", async || {
        assert!(!keeping.is_finished(), "the keeper failed");
        let position = copy.lock().unwrap().position;
        if position == last_position { Ok(()) } else { Err(format!("it is at {position}")) }
    })
    .await;
    keeping.abort();
    let listed = listed(&pair, last_position).await;
    let copy = copy.lock().unwrap();
    assert!(copy.connections > 3 && copy.removals > 20, "{} {}", copy.connections, copy.removals);
    assert!(listed.len() > PAGE_ROWS as usize, "more than one page");
    assert_eq!(copy.cras, listed);
}
