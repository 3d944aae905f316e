//! Head of the log: one request in flight at a time, whose answer is shared by all callers that asked before it
//! started. An older answer would not suffice: an event whose receipt a caller has may be newer.

use std::sync::Arc;

use cra_eventlog::{Head, Read};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::QueryError;

/// End and identity of a log.
pub async fn head(log: &dyn Read) -> Result<Head, QueryError> {
    log.head().await.map_err(|error| {
        tracing::warn!(error = %error, "the head of the log is not known");
        QueryError::LogUnavailable
    })
}

/// Head of a log, for concurrent callers.
pub struct LogHead {
    log: Arc<dyn Read>,
    last: Mutex<Option<Answer>>,
}

/// The log's answer; `None`: it could not be read.
#[derive(Clone)]
struct Answer {
    asked_at: Instant,
    head: Option<Head>,
}

impl LogHead {
    /// The head of this log.
    #[must_use]
    pub fn of(log: Arc<dyn Read>) -> Self {
        Self { log, last: Mutex::default() }
    }

    /// The end of the log, at the time of the call or later.
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
