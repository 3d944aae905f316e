//! Collects every fault of a request: each part is parsed, whatever the others contain.

use cra_domain::cra::Violation;
use tonic::Status;

use crate::queries::QueryError;

#[derive(Default)]
pub(super) struct Faults(Vec<Violation>);

impl Faults {
    /// Parses a part of the request; collects its fault.
    pub(super) fn one<T>(&mut self, read: Result<T, Violation>) -> Option<T> {
        self.all(read.map_err(|violation| vec![violation]))
    }

    /// Like [`Faults::one`], for a part with several faults. Duplicates are dropped.
    pub(super) fn all<T>(&mut self, read: Result<T, Vec<Violation>>) -> Option<T> {
        let faults = read.as_ref().err().into_iter().flatten();
        let new: Vec<_> = faults.filter(|fault| !self.0.contains(fault)).cloned().collect();
        self.0.extend(new);
        read.ok()
    }

    pub(super) fn into_status(self) -> Status {
        QueryError::Invalid(self.0).into()
    }
}
