//! The way of one CRA from the log to a figure: append, read, apply, count, print.
//!
//! `cargo run -p cra-analytics --example walk`

// An example may print and panic.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use cra_analytics::accumulator::Accumulator;
use cra_analytics::columns::{Candidates, Columns, FactDelta, ScanRequest, Watermark};
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::{Client, Fact, Provenance, nanoseconds};
use cra_analytics::figures;
use cra_analytics::filter::Filter;
use cra_contracts::{json, v1};
use cra_domain::cra::Submission;
use cra_domain::event::{self, Event, record};
use cra_domain::selection::Selection;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{Append as _, Expectation, NewEvent, Position, Read as _, StreamId};
use jiff::Timestamp;
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // 1. Append: the rules check a request, the decision becomes an event, the log gives it a position.
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let now: Timestamp = cra_fixtures::RECORDED_AT.parse().unwrap();
    let submission = Submission::parse(Some(&cra_fixtures::workshop(5)), now).unwrap();
    let (cra_id, event_id) = (cra_fixtures::cra_id(1), Uuid::now_v7());
    let header =
        record::Header { event_id, cra_id, revision: 1, recorded_at: now, origin: v1::Origin::default() };
    let payload = record::encode(&record::submitted(&header, &submission));
    let new = NewEvent { stream: StreamId(cra_id), event_id, payload, trace: None };
    let position = log.append(new, Expectation::NoEvent).await.unwrap().position();
    println!("event {event_id} of CRA {cra_id} is at position {position}");

    // 2. Apply: the stored event becomes a fact, and the fact is added to the columns.
    let entry = log.entry(Position(1)).await.unwrap().unwrap();
    let event = Event::decode(&entry.payload).unwrap();
    let event::Fact::Submitted { cra, defaulted_participants } = event.fact else { panic!("{event:?}") };
    let provenance = Provenance {
        cra_id: event.cra_id,
        revision: event.revision,
        recorded_at: event.recorded_at,
        corrected_at: None,
        created_at: None,
        form_version: 0,
        client: Client::Named(event.client_id),
        defaulted_participants,
        forgotten: Some(&event.forgotten),
    };
    let mut dictionary = Dictionary::default();
    let fact = Fact::new(provenance, &cra, None, &mut dictionary);
    let columns = Columns::default();
    let watermark =
        Watermark { position: entry.position.0, recorded_at: nanoseconds(event.recorded_at), retried: 0 };
    columns.apply(&[FactDelta::of(entry.position.0, Some(&fact), None)], Some(watermark), &());

    // 3. Count: a selection becomes a filter, and a scan of one snapshot adds up the matching facts.
    let selection = v1::Selection { activities: vec![v1::Activity::Workshop.into()], ..Default::default() };
    let filter = Filter::bind(&Selection::parse(&selection).unwrap(), &dictionary);
    let snapshot = columns.snapshot();
    let request = ScanRequest {
        position: snapshot.position(),
        filter: &filter,
        candidates: Candidates::Everything,
        cancelled: &AtomicBool::new(false),
    };
    let counted = snapshot
        .count(request, Accumulator::default, |sums, _, fact| sums.add(&fact), Accumulator::merge)
        .unwrap();

    // 4. Print: the counters become the figures of an answer.
    let statistics = figures::statistics(&counted.totals(), &dictionary);
    println!("{}", serde_json::to_string_pretty(&json::to_value(&statistics)).unwrap());
}
