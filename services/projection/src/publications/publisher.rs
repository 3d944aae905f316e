//! Counts each publication once, in the background, when it is due.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::{Read, ReadError};
use cra_runtime::clock::Clock;
use cra_runtime::shutdown::Shutdown;
use tokio::time::Instant;

use super::calendar::Closing;
use super::publication::Publication;
use super::settings::PublicationSettings;
use super::source::Source;
use super::{Publications, cells};
use crate::generations::Generations;
use crate::queries::{Consistency, QueryError};
use cra_analytics::public::Rounding;

/// Interval at which the clock is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause before a retry.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long one attempt waits for the read models to reach the log's head.
const HEAD_TIMEOUT: Duration = Duration::from_mins(10);

#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("{0}")]
    Log(#[from] ReadError),
    #[error("{0}")]
    Query(#[from] QueryError),
    #[error("counting ended unexpectedly: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Keeps the last publication available.
pub(crate) struct Publisher {
    /// Where it is published.
    pub(crate) publications: Publications,
    pub(crate) log: Arc<dyn Read>,
    pub(crate) generations: Arc<Generations>,
    /// Clock that determines the closed months.
    pub(crate) clock: Arc<dyn Clock>,
    /// When months close.
    pub(crate) settings: PublicationSettings,
    pub(crate) rounding: Arc<Rounding>,
}

impl Publisher {
    /// Publishes whenever a publication is due, until the shutdown. Runs where it is spawned: in the background.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        while !shutdown.is_requested() {
            let pause = match self.due() {
                None => CHECK_INTERVAL,
                Some(closing) => match self.publish(closing, &shutdown).await {
                    Ok(()) => CHECK_INTERVAL,
                    Err(_) if shutdown.is_requested() => return,
                    Err(error) => {
                        tracing::warn!(%error, closes_at = %closing.at, "the publication could not be counted yet");
                        RETRY_AFTER
                    }
                },
            };
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// The closing to publish, if it is not published yet. A clock that is set back does not withdraw a publication.
    fn due(&self) -> Option<Closing> {
        let opened = Closing::last_opened(self.clock.now(), &self.settings);
        let Some(shown) = self.publications.shown() else {
            return opened;
        };
        let latest = opened.filter(|closing| closing.at > shown.closing().at).unwrap_or(shown.closing());
        (latest != shown.closing() || *shown.source() != Source::of(&self.generations.serving()))
            .then_some(latest)
    }

    async fn publish(&self, closing: Closing, shutdown: &Shutdown) -> Result<(), PublishError> {
        // Everything recorded up to the closing is below this head: the margin has passed.
        let head = self.log.head().await?;
        let consistency = Consistency::as_of_time(head.position, closing.at);
        let snapshot = tokio::select! {
            () = shutdown.requested() => return Err(QueryError::Stopping.into()),
            snapshot = consistency.snapshot(&self.generations, Instant::now() + HEAD_TIMEOUT) => snapshot?,
        };
        let source = Source::of(&snapshot.generation);
        if source.log != head.identity {
            return Err(QueryError::LogReplaced.into());
        }
        let (rounding, shutdown) = (Arc::clone(&self.rounding), shutdown.clone());
        let counting = tokio::task::spawn_blocking(move || {
            let cells = cells::count(&snapshot, closing.month, &rounding, &shutdown)?;
            Ok::<_, QueryError>(Publication::new(closing, source, rounding.base(), cells))
        });
        let publication = counting.await??;
        tracing::info!(publication = publication.name(), month = %closing.month, "public figures are those of a new publication");
        self.publications.show(publication);
        Ok(())
    }
}
