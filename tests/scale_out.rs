//! Two ingestion and two projection processes on one log answer as one pair: an id is one CRA whichever process
//! receives it, a client reads its own writes from any projection, and a listing continues at another process. A new
//! process serves once it has caught up.

use std::net::SocketAddr;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::violations_of;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{
    Ingestion, Load, Pair, Service, Statistics, audit, connected, cra_of, either, eventually, new_id, record,
    recorded, service_pair, statistics_at, submission, submit_stream, submitted,
};

const CHANGES: u64 = 100;
const RACES: u32 = 20;

async fn ingestion_at(address: SocketAddr) -> Ingestion {
    Ingestion::new(connected(address).await.unwrap())
}

async fn statistics_of(projection: &Service) -> Statistics {
    Statistics::new(connected(projection.address()).await.unwrap())
}

/// A pair, and another process of each service on its log; the projections share the secret of page tokens.
async fn two_of_each() -> (Pair, Service, Service) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("page-tokens.secret");
    std::fs::write(&secret, "a secret that the replicas share, of 32 bytes or more").unwrap();
    let secret = secret.display().to_string();
    let replicas = [("PAGE_TOKENS__SECRET_FILE", &*secret)];
    let pair = Pair::start_apart(&[], &replicas).await;
    let second = pair.dir().join("second");
    let (mut ingestion, _) = service_pair(&second, &pair.nats.url(), &[]);
    let (_, mut projection) = service_pair(&second, &pair.nats.url(), &replicas);
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    (pair, ingestion, projection)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_through_both_ingestions_both_projections_show_what_the_log_holds() {
    let (pair, second_ingestion, second_projection) = two_of_each().await;
    let load = Load::begin(&[pair.ingestion.address(), second_ingestion.address()], 3);
    load.goes_on(either(CHANGES, 50 * CHANGES)).await;
    let acknowledged = load.end().await;
    let entries = audit::log_of(&pair.nats.url(), 1).await;
    audit::all_is_well(&mut pair.ingestion().await, &mut pair.statistics().await, &entries, &acknowledged)
        .await;
    audit::equals_recomputation(&mut statistics_of(&second_projection).await, &entries).await;
    let mut other = ingestion_at(second_ingestion.address()).await;
    audit::receipts_agree(&mut other, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_through_both_ingestions_at_once_is_one_event_and_is_read_from_both_projections() {
    let (pair, second_ingestion, second_projection) = two_of_each().await;
    let (mut one, mut other) = (pair.ingestion().await, ingestion_at(second_ingestion.address()).await);
    let (mut here, mut there) = (pair.statistics().await, statistics_of(&second_projection).await);
    for number in 0..RACES {
        let cra_id = new_id();
        let request = submission(&cra_id, cra_of(number));
        let (first, second) =
            tokio::join!(submitted(&mut one, request.clone()), submitted(&mut other, request));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first.duplicate != second.duplicate, "{first:?}, {second:?}");
        assert_eq!(pb::Receipt { duplicate: second.duplicate, ..first.clone() }, second);
        assert_eq!(recorded(&mut one, &cra_id).await.unwrap().len(), 1);
        for statistics in [&mut here, &mut there] {
            let counted = statistics_at(statistics, first.position).await;
            assert_eq!(counted.cras, u64::from(number) + 1, "its own write is read at once");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_projection_serves_only_once_it_has_caught_up() {
    let pair = Pair::start().await;
    let submissions: Vec<_> = (0..either(1_500, 20_000)).map(|n| submission(&new_id(), cra_of(n))).collect();
    let receipts = submit_stream(&mut pair.ingestion().await, tokio_stream::iter(submissions)).await;
    let head = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    let mut another = pair.another_projection();
    another.start().await;
    eventually("it serves", async || match another.health().await? {
        ServingStatus::Serving => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    // As soon as it serves, without waiting for a position.
    let answer = statistics_of(&another).await.get_statistics(pb::GetStatisticsRequest::default()).await;
    let answer = answer.unwrap().into_inner();
    assert!(answer.snapshot.unwrap().position >= head);
    assert_eq!(answer.statistics.unwrap().cras, head);
}

async fn breakdown(
    statistics: &mut Statistics,
    page_size: u32,
    page_token: &str,
) -> pb::ListBreakdownResponse {
    let request = pb::ListBreakdownRequest {
        dimension: pb::Dimension::Advisor.into(),
        page_size,
        page_token: page_token.to_owned(),
        ..pb::ListBreakdownRequest::default()
    };
    statistics.list_breakdown(request).await.unwrap().into_inner()
}

async fn cras(statistics: &mut Statistics, page_size: u32, page_token: &str) -> pb::ListCrasResponse {
    let page_token = page_token.to_owned();
    let request = pb::ListCrasRequest { page_size, page_token, ..pb::ListCrasRequest::default() };
    statistics.list_cras(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_begun_at_one_projection_continues_at_the_other_in_the_same_snapshot() {
    let (pair, _second_ingestion, second_projection) = two_of_each().await;
    let mut ingestion = pair.ingestion().await;
    let mut last = 0;
    for number in 0..20 {
        last = record(&mut ingestion, cra_of(number)).await.position;
    }
    let mut servers = [pair.statistics().await, statistics_of(&second_projection).await];
    for server in &mut servers {
        statistics_at(server, last).await;
    }
    let all_rows = breakdown(&mut servers[0], 0, "").await.rows;
    let all_cras = cras(&mut servers[0], 0, "").await.cras;

    let (mut rows, mut records) = (Vec::new(), Vec::new());
    let (mut rows_token, mut cras_token) = (String::new(), String::new());
    for turn in 0..100 {
        let server = &mut servers[turn % 2];
        if turn == 0 || !rows_token.is_empty() {
            let page = breakdown(server, 2, &rows_token).await;
            assert_eq!(page.snapshot.unwrap().position, last);
            rows.extend(page.rows);
            rows_token = page.next_page_token;
        }
        if turn == 0 || !cras_token.is_empty() {
            let page = cras(server, 3, &cras_token).await;
            assert_eq!(page.snapshot.unwrap().position, last);
            records.extend(page.cras);
            cras_token = page.next_page_token;
        }
        // A CRA recorded now is not in the listing.
        record(&mut ingestion, cra_of(3)).await;
        if rows_token.is_empty() && cras_token.is_empty() {
            break;
        }
    }
    assert_eq!(rows, all_rows);
    assert_eq!(records, all_cras);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_shared_secret_a_listing_ends_with_the_process_that_began_it() {
    let mut pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    for number in 0..4 {
        record(&mut ingestion, cra_of(number)).await;
    }
    let mut statistics = pair.statistics().await;
    statistics_at(&mut statistics, 4).await;
    let token = cras(&mut statistics, 2, "").await.next_page_token;
    assert_eq!(cras(&mut statistics, 2, &token).await.cras.len(), 2);
    assert!(pair.projection.output().contains("page_tokens.secret_file"), "the log reports it");
    pair.projection.kill();
    pair.projection.start_and_serve().await;
    let request = pb::ListCrasRequest { page_size: 2, page_token: token, ..Default::default() };
    let refused = pair.statistics().await.list_cras(request).await.unwrap_err();
    assert_eq!(violations_of(&refused)[0].reason, "PAGE_TOKEN_INVALID");
}
