//! Judges the result of a load: the log contains every acknowledged change exactly once and nothing else, and every
//! statistic equals a recomputation of the log.

use std::collections::{BTreeMap, BTreeSet};

use cra_contracts::v1 as pb;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::{LogEntry, Position, Read as _};
use prost::Message as _;
use tokio_stream::StreamExt as _;

use super::load::{Acknowledged, Change};
use super::{Ingestion, Statistics, at_least, eventually};
use cra_oracle as oracle;

/// Maximum number of changes that are requested again at the end.
const ASKED_AGAIN_MAX: usize = 300;

/// All entries of the log, in order.
pub(crate) async fn log_of(url: &str, replicas: usize) -> Vec<LogEntry> {
    let settings = NatsSettings { url: url.to_owned(), replicas, ..NatsSettings::default() };
    let log = NatsLog::connect(settings).await.unwrap();
    let head =
        eventually("the log says where it ends", async || log.head().await.map_err(|e| e.to_string())).await;
    let mut reading = log.read(Position::START);
    let mut entries = Vec::new();
    while (entries.len() as u64) < head.position.0 {
        entries.push(reading.next().await.unwrap().unwrap());
    }
    entries
}

pub(crate) fn events(entries: &[LogEntry]) -> Vec<pb::CraEvent> {
    entries.iter().map(|entry| pb::CraEvent::decode(entry.payload.clone()).unwrap()).collect()
}

/// Asserts that every acknowledged change is in the log at its receipt's position, and that the log has no other event.
pub(crate) fn holds_exactly(entries: &[LogEntry], acknowledged: &[Acknowledged]) {
    let mut recorded: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for (entry, event) in entries.iter().zip(events(entries)) {
        let twice = recorded.insert((event.cra_id.clone(), event.revision), entry.position.0);
        assert_eq!(twice, None, "{} holds revision {} twice", event.cra_id, event.revision);
    }
    for Acknowledged { receipt, .. } in acknowledged {
        let at = recorded.remove(&(receipt.cra_id.clone(), receipt.revision));
        assert_eq!(at, Some(receipt.position), "{receipt:?}");
    }
    assert!(recorded.is_empty(), "never acknowledged, or acknowledged once for two events: {recorded:?}");
}

/// Asserts that each change, requested again, returns its first receipt, marked if the CRA was withdrawn since.
pub(crate) async fn receipts_agree(ingestion: &mut Ingestion, acknowledged: &[Acknowledged]) {
    let is_withdrawal = |change: &Change| matches!(change, Change::Withdraw(_));
    let withdrawn: BTreeSet<&str> = acknowledged
        .iter()
        .filter(|it| is_withdrawal(&it.change))
        .map(|it| it.receipt.cra_id.as_str())
        .collect();
    for Acknowledged { change, receipt } in
        acknowledged.iter().step_by(acknowledged.len().div_ceil(ASKED_AGAIN_MAX).max(1))
    {
        let again = change.ask(ingestion).await.unwrap();
        assert!(again.duplicate, "{again:?}");
        let withdrawn = !is_withdrawal(change) && withdrawn.contains(receipt.cra_id.as_str());
        assert_eq!(pb::Receipt { duplicate: true, withdrawn, ..receipt.clone() }, again);
    }
}

/// A few queries with different answers: everything, a day, a person, an empty selection.
fn selections() -> Vec<pb::Selection> {
    let some = pb::Selection::default;
    vec![
        some(),
        pb::Selection { from: "2024-05-06".into(), to: "2024-05-06".into(), ..some() },
        pb::Selection { advisor_ids: vec!["conseiller-3".into()], ..some() },
        pb::Selection {
            commune_codes: vec!["75056".into()],
            themes: vec![pb::Theme::Email.into()],
            ..some()
        },
        pb::Selection { department_codes: vec!["974".into()], ..some() },
    ]
}

/// Asserts that every statistic of a projection equals the recomputation of these entries, at their end.
pub(crate) async fn equals_recomputation(statistics: &mut Statistics, entries: &[LogEntry]) {
    let head = entries.last().map_or(0, |entry| entry.position.0);
    equals(statistics, &events(entries), head).await;
}

/// Asserts that every statistic of a projection equals the recomputation of these events, at a position.
pub(crate) async fn equals(statistics: &mut Statistics, events: &[pb::CraEvent], head: u64) {
    for selection in selections() {
        let expected = oracle::statistics(events, &selection);
        let request =
            pb::GetStatisticsRequest { selection: Some(selection.clone()), consistency: at_least(head) };
        let answer = eventually("the projection answers", async || {
            let answer = statistics.get_statistics(request.clone()).await;
            answer.map_err(|status| status.to_string())
        })
        .await
        .into_inner();
        assert_eq!(answer.snapshot.unwrap().position, head);
        assert_eq!(answer.statistics.unwrap(), expected, "{selection:?}");
    }
}

/// All assertions: the log has each change exactly once, receipts agree, statistics equal the recomputation.
pub(crate) async fn all_is_well(
    ingestion: &mut Ingestion,
    statistics: &mut Statistics,
    entries: &[LogEntry],
    acknowledged: &[Acknowledged],
) {
    assert!(!acknowledged.is_empty());
    holds_exactly(entries, acknowledged);
    equals_recomputation(statistics, entries).await;
    receipts_agree(ingestion, acknowledged).await;
}
