//! A session that two platforms record under two ids is found, with both receipts, until one of them is withdrawn;
//! consecutive sessions are not doubles.

use cra_contracts::v1 as pb;
use tonic::Code;

use crate::harness::{
    Issuer, Pair, Statistics, at_least, carrying, department, national, new_id, of_department, submission,
    withdrawal, workshop,
};

async fn listed(client: &mut Statistics, token: &str, min_position: u64) -> Vec<pb::LikelyDouble> {
    let consistency = at_least(min_position);
    let request = pb::ListLikelyDoublesRequest { consistency, ..pb::ListLikelyDoublesRequest::default() };
    client.list_likely_doubles(carrying(token, request)).await.unwrap().into_inner().doubles
}

fn one_off() -> pb::Cra {
    pb::Cra { activity: pb::Activity::OneOff.into(), ..workshop(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_two_platforms_recorded_is_found_until_one_of_the_two_is_withdrawn() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let (mut ingestion, mut statistics) = (pair.ingestion().await, pair.statistics().await);
    let client = |name: &str, scope: &str| issuer.token_for(name, scope, &national(), 600);
    let mut receipts = Vec::new();
    let twice = [("platform-a", workshop(5)), ("platform-b", workshop(5))];
    let morning = (0..8).map(|_| ("platform-a", one_off()));
    for (name, cra) in twice.into_iter().chain(morning) {
        let request = carrying(&client(name, "cra:submit"), submission(&new_id(), cra));
        receipts.push(ingestion.submit_cra(request).await.unwrap().into_inner().receipt.unwrap());
    }
    let reader = client("reader", "cra:read");
    let found = listed(&mut statistics, &reader, receipts[9].position).await;
    let [pair_found] = &found[..] else { panic!("the morning's requests are no doubles: {found:?}") };
    let both = [&pair_found.earlier, &pair_found.later].map(|recorded| recorded.clone().unwrap());
    for ((recorded, receipt), name) in both.iter().zip(&receipts).zip(["platform-a", "platform-b"]) {
        let record = recorded.record.as_ref().unwrap();
        assert_eq!((&record.cra_id, record.revision), (&receipt.cra_id, receipt.revision));
        assert_eq!((recorded.position, record.recorded_at), (receipt.position, receipt.recorded_at));
        assert_eq!(recorded.client_id, name);
    }

    let later = both[1].record.as_ref().unwrap();
    let withdrawal = withdrawal(&later.cra_id, later.revision);
    let token = client("platform-b", "cra:correct");
    let withdrawn = ingestion.withdraw_cra(carrying(&token, withdrawal)).await.unwrap().into_inner();
    let found = listed(&mut statistics, &reader, withdrawn.receipt.unwrap().position).await;
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doubles_are_listed_within_the_perimeter_and_to_those_who_may_read_cras() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut statistics = pair.statistics().await;
    let mut ask = async |scope: &str, selection| {
        let request = pb::ListLikelyDoublesRequest { selection: Some(selection), ..Default::default() };
        let token = issuer.token(scope, &department("35"));
        statistics.list_likely_doubles(carrying(&token, request)).await.map(drop).map_err(|it| it.code())
    };
    assert_eq!(ask("cra:read", of_department("35")).await, Ok(()));
    assert_eq!(ask("cra:read", of_department("29")).await, Err(Code::PermissionDenied));
    assert_eq!(ask("cra:read", pb::Selection::default()).await, Err(Code::PermissionDenied));
    for scope in ["statistics:public", "statistics:read"] {
        assert_eq!(ask(scope, of_department("35")).await, Err(Code::PermissionDenied), "{scope}");
    }
}
