//! One CRA as it stood at a snapshot.

use cra_contracts::v1;
use uuid::Uuid;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::store::StoreError;

/// One CRA, and whether it was withdrawn by then.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its last content.
    pub record: v1::CraRecord,
    /// Whether it counts no more.
    pub withdrawn: bool,
}

/// The CRA as it stood at a snapshot; an error when it had no event by then.
pub async fn cra(cra_id: Uuid, snapshot: Snapshot) -> Result<Standing, QueryError> {
    Scan::run(snapshot, move |scan| {
        let (session, position) = (scan.session(), scan.snapshot.position.0);
        // From the last content back to the one of that position.
        let mut next = session.current(cra_id)?.map(|current| current.fact);
        while let Some(key) = next {
            let fact =
                session.fact(key)?.ok_or_else(|| StoreError::Damaged("a CRA without its fact".into()))?;
            if key.from <= position {
                let record = scan.record(key, &fact)?;
                return Ok(Standing { record, withdrawn: fact.until <= position });
            }
            next = fact.former;
        }
        Err(QueryError::NoSuchCra(cra_id))
    })
    .await
}
