//! A database of the older system gives the figures of the same CRAs submitted today, whatever shape each field of each
//! document has.

mod document;
mod drawn;

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_domain::legacy;
use serde_json::Value;

pub(super) use self::document::Shapes;
use super::{Import, Layout, assert_ended};
use crate::harness::{Pair, chance, either, submission, submitted};

/// One CRA in today's form and as a document of the older system.
pub(super) struct Twin {
    legacy_id: String,
    cra: pb::Cra,
    pub(super) document: Value,
}

impl Twin {
    fn cra_id(&self) -> String {
        legacy::cra_id(&self.legacy_id).to_string()
    }
}

/// A number of CRAs, with documents in shapes of this choice.
pub(super) fn twins(count: u32, shapes: Shapes) -> Vec<Twin> {
    let mut chance = chance();
    (0..count).map(|number| drawn::twin(&mut chance, number, shapes)).collect()
}

/// The figures of everything and of each month, without the entry delay: a document was entered when the older system
/// recorded it.
async fn figures(pair: &Pair, position: u64) -> Vec<pb::Statistics> {
    let consistency = pb::Consistency { min_position: position, ..pb::Consistency::default() };
    let mut statistics = pair.statistics().await;
    let mut figures = Vec::new();
    for department in ["", "75", "35", "974", "987"] {
        let department_codes = [department].into_iter().filter(|code| !code.is_empty());
        let request = pb::GetTimeSeriesRequest {
            selection: Some(pb::Selection {
                from: drawn::FIRST_DAY.into(),
                to: drawn::LAST_DAY.into(),
                department_codes: department_codes.map(str::to_owned).collect(),
                ..pb::Selection::default()
            }),
            granularity: pb::Granularity::Month.into(),
            consistency: Some(consistency.clone()),
        };
        let series = statistics.get_time_series(request).await.unwrap().into_inner();
        figures.extend(series.points.into_iter().map(|point| point.statistics.unwrap()));
    }
    for figures in &mut figures {
        figures.entry_delay = None;
    }
    figures
}

/// The content of each CRA by its id, with its redirections in a fixed order.
async fn contents(pair: &Pair, twins: &[Twin], position: u64) -> BTreeMap<String, pb::Cra> {
    let mut statistics = pair.statistics().await;
    let mut contents = BTreeMap::new();
    for twin in twins {
        let consistency = Some(pb::Consistency { min_position: position, ..pb::Consistency::default() });
        let request = pb::GetCraRequest { cra_id: twin.cra_id(), consistency };
        let record = statistics.get_cra(request).await.unwrap().into_inner().record.unwrap();
        let mut cra = record.cra.unwrap();
        if let Some(follow_up) = &mut cra.follow_up {
            follow_up.redirections.sort_by_key(|redirection| format!("{redirection:?}"));
        }
        contents.insert(twin.legacy_id.clone(), cra);
    }
    contents
}

/// Submits the CRAs in today's form.
async fn submitted_today(twins: &[Twin]) -> Pair {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    for twin in twins {
        let request = submission(&twin.cra_id(), twin.cra.clone());
        let receipt = submitted(&mut ingestion, request).await;
        assert!(receipt.is_ok(), "{receipt:?} for {:?}", twin.cra);
    }
    pair
}

/// Asserts that the imported database equals the CRAs that are submitted today.
pub(super) async fn says_the_same(imported: &Pair, twins: &[Twin]) {
    let position = twins.len() as u64;
    let today = submitted_today(twins).await;
    let (theirs, ours) = tokio::join!(contents(imported, twins, position), contents(&today, twins, position));
    for twin in twins {
        let id = &twin.legacy_id;
        assert_eq!(theirs[id], ours[id], "{:#}", twin.document);
    }
    let (theirs, ours) = tokio::join!(figures(imported, position), figures(&today, position));
    assert_eq!(theirs, ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_in_every_shape_gives_the_figures_of_the_same_cras_submitted_today() {
    let twins = twins(either(300, 3_000), Shapes::Any);
    let documents: Vec<_> = twins.iter().map(|twin| twin.document.clone()).collect();
    let pair = Pair::start().await;
    for (documents, layout) in documents.chunks(documents.len().div_ceil(4)).zip(Layout::ALL) {
        let import = Import::to(&pair).with_file(layout.write(documents));
        assert_ended(&import.run(&[]), 0);
    }
    says_the_same(&pair, &twins).await;
}
