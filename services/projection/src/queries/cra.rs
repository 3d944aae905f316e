//! One CRA at a snapshot.

use cra_contracts::v1;
use uuid::Uuid;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::store::StoreError;

/// One CRA, and whether it was withdrawn.
#[derive(Clone, Debug, PartialEq)]
pub struct CraState {
    /// Its last content.
    pub record: v1::CraRecord,
    /// Whether it is withdrawn.
    pub withdrawn: bool,
}

/// The CRA at a snapshot; an error if it had no event yet.
pub async fn cra(cra_id: Uuid, snapshot: Snapshot) -> Result<CraState, QueryError> {
    Scan::run(snapshot, move |scan| {
        let Snapshot { columns, position, facts, .. } = &scan.snapshot;
        let session = scan.session()?;
        // From the last content back to that of the position.
        let mut next = session.latest(columns, cra_id)?;
        while let Some((from, fact)) = next {
            if from <= position.0 {
                let withdrawn = facts.ended(from).is_some_and(|at| at <= position.0);
                return Ok(CraState { record: scan.record(&fact)?, withdrawn });
            }
            next = fact.former.map(|from| Ok::<_, StoreError>((from, session.fact(from)?))).transpose()?;
        }
        Err(QueryError::NoSuchCra(cra_id))
    })
    .await
}
