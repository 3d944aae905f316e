//! Public figures: the log as of a closing, counted in base cells, rounded, and answered as sums of cells.
//!
//! A month closes some days after its end. The publication of that instant opens after a margin, is counted once in the
//! background (`publisher`), and answers every public query (`question`) until the next one. It depends only on the
//! log, the definitions and the deployment's secret, so that replicas agree without communication.

mod calendar;
mod cells;
mod publication;
mod publisher;
mod question;
mod settings;
mod source;

use std::sync::Arc;

use cra_runtime::rejection::{Rejection, Retry, Row};
use parking_lot::RwLock;
use tonic::{Code, Status};

pub use calendar::{Closing, Month};
pub use publication::Publication;
pub(crate) use publisher::Publisher;
pub(crate) use question::refused;
pub(crate) use question::{PublicBreakdown, PublicQuestion, PublicSeries};
pub use settings::PublicationSettings;

const PUBLICATIONS_NOT_CONFIGURED: Row =
    Row { code: Code::FailedPrecondition, reason: "PUBLICATIONS_NOT_CONFIGURED", retry: Retry::Never };
const PUBLICATION_NOT_READY: Row =
    Row { code: Code::Unavailable, reason: "PUBLICATION_NOT_READY", retry: Retry::AfterMs(1_000) };

/// The current publication.
#[derive(Clone, Debug)]
pub struct Publications {
    /// `None` if the service has no secret.
    last: Option<Arc<RwLock<Option<Arc<Publication>>>>>,
}

impl Publications {
    /// For a service without a secret: public queries are refused.
    #[must_use]
    pub fn not_configured() -> Self {
        Self { last: None }
    }

    /// For a service that has not counted a publication yet.
    #[must_use]
    pub fn pending() -> Self {
        Self { last: Some(Arc::default()) }
    }

    /// The publication that answers public queries.
    pub fn last(&self) -> Result<Arc<Publication>, Status> {
        let Some(last) = &self.last else {
            let message = "this service publishes no figures: set publications.secret_file to a file of 32 random bytes \
                           or more, the same on every replica";
            return Err(Rejection::new(PUBLICATIONS_NOT_CONFIGURED, message).into());
        };
        let missing = || {
            let message = "the first publication is being counted; retry later";
            Rejection::new(PUBLICATION_NOT_READY, message).into()
        };
        last.read().clone().ok_or_else(missing)
    }

    fn shown(&self) -> Option<Arc<Publication>> {
        self.last.as_ref().and_then(|last| last.read().clone())
    }

    /// Replaces the publication.
    fn show(&self, publication: Publication) {
        if let Some(last) = &self.last {
            *last.write() = Some(Arc::new(publication));
        }
    }
}
