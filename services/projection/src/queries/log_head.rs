//! Where the log ends, asked of the log: one question in flight at a time, whose answer is shared by all who asked before it
//! began. An older answer would not do: an event that a caller has the receipt of may be newer.

use std::sync::Arc;

use cra_eventlog::{EventLog, Head};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::QueryError;

/// Where a log ends, and which one it is.
pub async fn head(log: &dyn EventLog) -> Result<Head, QueryError> {
    log.head().await.map_err(|error| {
        tracing::warn!(error = %error, "the head of the log is not known");
        QueryError::LogUnavailable
    })
}

/// The head of a log, for many who ask.
pub struct LogHead {
    log: Arc<dyn EventLog>,
    last: Mutex<Option<Answer>>,
}

/// What the log said to a question; `None`: it could not be asked.
#[derive(Clone)]
struct Answer {
    asked_at: Instant,
    head: Option<Head>,
}

impl LogHead {
    /// The head of this log.
    #[must_use]
    pub fn of(log: Arc<dyn EventLog>) -> Self {
        Self { log, last: Mutex::default() }
    }

    /// The end of the log, at this moment or later.
    pub async fn now(&self) -> Result<Head, QueryError> {
        let arrived_at = Instant::now();
        let mut last = self.last.lock().await;
        let answer = match &*last {
            Some(answer) if answer.asked_at >= arrived_at => answer.clone(),
            _ => {
                let asked_at = Instant::now();
                let answer = Answer { asked_at, head: head(&*self.log).await.ok() };
                *last = Some(answer.clone());
                answer
            }
        };
        answer.head.ok_or(QueryError::LogUnavailable)
    }
}
