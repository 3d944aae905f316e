//! Foreign messages in the stream (garbage, events of a later version, events out of turn) are parked or tolerated,
//! counted and listed; all other events are applied.

use async_nats::jetstream;
use cra_contracts::v1 as pb;
use pb::cra_event::Fact;
use prost::Message as _;

use crate::harness::{Pair, audit, cra_of, new_id, statistics_at, submission, submitted, workshop};

fn event(cra_id: &str, seconds: i64, cra: pb::Cra) -> pb::CraEvent {
    let submitted = pb::CraSubmitted { cra: Some(cra), ..pb::CraSubmitted::default() };
    pb::CraEvent {
        event_id: new_id(),
        cra_id: cra_id.to_owned(),
        revision: 1,
        recorded_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        fact: Some(Fact::Submitted(submitted)),
        ..pb::CraEvent::default()
    }
}

/// March 2024.
const THEN: i64 = 1_709_640_000;
/// The first second of the contract's range, one after the last readable second, and one of a distant year.
const YEAR_1: i64 = -62_135_596_800;
const YEAR_10000: i64 = 253_402_300_800;
const YEAR_2262: i64 = 9_214_646_400;

/// Messages that cannot be applied, with the last part of their subject.
fn misfits() -> Vec<(String, Vec<u8>)> {
    let id = new_id;
    let encoded = |event: pb::CraEvent| event.encode_to_vec();
    let without_fact = |id: &str| pb::CraEvent { fact: None, ..event(id, THEN, workshop(5)) };
    let unknown_variant = |id: &str| {
        let mut bytes = without_fact(id).encode_to_vec();
        // Field 15, two bytes long: a variant of a later version.
        bytes.extend([0x7a, 0x02, 0x08, 0x01]);
        bytes
    };
    let about = |change: &dyn Fn(&str) -> pb::CraEvent| {
        let id = new_id();
        (id.clone(), change(&id).encode_to_vec())
    };
    let (variant, huge) = (id(), vec![0xff; 900 * 1024]);
    vec![
        (id(), b"no event at all".to_vec()),
        (id(), Vec::new()),
        (id(), huge),
        (variant.clone(), unknown_variant(&variant)),
        about(&without_fact),
        about(&|id| pb::CraEvent { revision: 0, ..event(id, THEN, workshop(5)) }),
        about(&|id| pb::CraEvent { revision: 7, ..event(id, THEN, workshop(5)) }),
        about(&|id| pb::CraEvent { recorded_at: None, ..event(id, THEN, workshop(5)) }),
        about(&|id| event(id, i64::MAX, workshop(5))),
        about(&|id| event(id, YEAR_10000, workshop(5))),
        about(&|id| event(id, THEN, pb::Cra { themes: vec![99], ..workshop(5) })),
        about(&|id| event(id, THEN, pb::Cra { date: "2024-02-30".into(), ..workshop(5) })),
        about(&|id| {
            let reason = "n'existe pas".into();
            let fact = Some(Fact::Withdrawn(pb::CraWithdrawn { reason }));
            pb::CraEvent { fact, ..event(id, THEN, workshop(5)) }
        }),
        (id(), encoded(event(&id(), THEN, workshop(5)))),
        ("no-uuid".to_owned(), encoded(event(&id(), THEN, workshop(5)))),
    ]
}

/// Messages of other writers that are applied.
fn tolerated() -> Vec<(pb::CraEvent, Vec<u8>)> {
    [THEN, YEAR_1, YEAR_2262, THEN]
        .into_iter()
        .map(|seconds| {
            let event = event(&new_id(), seconds, workshop(7));
            let mut bytes = event.encode_to_vec();
            // Field 100, a number: a field of a later version.
            bytes.extend([0xa0, 0x06, 0x2a]);
            (event, bytes)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_events_are_parked_or_tolerated_and_everything_else_continues() {
    let mut pair = Pair::start().await;
    let context = jetstream::new(async_nats::connect(pair.nats.url()).await.unwrap());
    let publish = async |subject: &str, payload: Vec<u8>| {
        let published = context.publish(format!("cra.event.{subject}"), payload.into()).await.unwrap();
        published.await.unwrap().sequence
    };
    let mut ingestion = pair.ingestion().await;
    let (mut good, mut parked) = (Vec::new(), Vec::new());
    for (number, (subject, payload)) in (0..).zip(misfits()) {
        parked.push(publish(&subject, payload).await);
        // In addition to a regular CRA, which counts.
        let cra_id = new_id();
        submitted(&mut ingestion, submission(&cra_id, cra_of(number))).await.unwrap();
        let events = ingestion.get_cra_history(pb::GetCraHistoryRequest { cra_id }).await.unwrap();
        good.extend(events.into_inner().events);
    }
    let mut head = 0;
    for (event, bytes) in tolerated() {
        head = publish(&event.cra_id, bytes).await;
        good.push(event);
    }

    for restarted in [false, true] {
        if restarted {
            pair.projection.kill();
            pair.projection.start_and_serve().await;
        }
        statistics_at(&mut pair.statistics().await, head).await;
        audit::equals(&mut pair.statistics().await, &good, head).await;
        let mut operations = pair.operations().await;
        let status = operations.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
        assert_eq!((status.applied_position, status.parked_events), (head, parked.len() as u64));
        let listed = operations.list_parked_events(pb::ListParkedEventsRequest::default()).await.unwrap();
        let listed = listed.into_inner().events;
        assert!(listed.iter().all(|event| !event.error.is_empty()));
        let positions: Vec<_> = listed.iter().map(|event| event.position).collect();
        assert_eq!(positions, parked);
        let retried = operations.retry_parked_events(pb::RetryParkedEventsRequest::default()).await.unwrap();
        let retried = retried.into_inner();
        assert_eq!((retried.applied, retried.still_parked), (0, parked.len() as u64));
    }
    pair.projection.is_unharmed();
    pair.ingestion.is_unharmed();
}
