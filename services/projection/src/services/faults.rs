//! Every fault of a request, told at once: each part is read whatever the others say.

use cra_domain::cra::Violation;
use tonic::Status;

use crate::queries::QueryError;

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(Vec<Violation>);

impl Faults {
    /// A part of the request; its fault is kept.
    pub(super) fn one<T>(&mut self, read: Result<T, Violation>) -> Option<T> {
        self.all(read.map_err(|violation| vec![violation]))
    }

    /// As [`Faults::one`], of a part with several faults. What another part said already is said once.
    pub(super) fn all<T>(&mut self, read: Result<T, Vec<Violation>>) -> Option<T> {
        let faults = read.as_ref().err().into_iter().flatten();
        let new: Vec<_> = faults.filter(|fault| !self.0.contains(fault)).cloned().collect();
        self.0.extend(new);
        read.ok()
    }

    /// The refusal that tells them.
    pub(super) fn told(self) -> Status {
        QueryError::Invalid(self.0).into()
    }
}
