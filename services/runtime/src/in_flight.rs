//! Limit of concurrent work, and of the share of it that one client may use. At the limit the answer is
//! `RESOURCE_EXHAUSTED` with a retry delay; there is no queue that could grow.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::counts::{Counted, Counts, PARTS};
use crate::identity::Caller;
use crate::rejection::{BUSY, Rejection};

/// Counts work in flight; clones share the count.
#[derive(Clone, Debug)]
pub struct InFlight {
    places: Arc<Semaphore>,
    limit: NonZeroU32,
    name: &'static str,
    retry_after: Duration,
    /// When a permit was last requested, in milliseconds since this was created; 0 before the first.
    wanted_ms: Arc<AtomicU64>,
    made: Instant,
    held: Counts<String>,
}

/// The part of a limit that one client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of it: for callers that cannot be distinguished.
    Whole,
    /// A quarter.
    Quarter,
    /// A sixteenth: callers of public figures only.
    Sixteenth,
}

impl Share {
    /// The share of a caller. A process without identity cannot distinguish its callers.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        if caller.client_id.is_empty() {
            Self::Whole
        } else if caller.sees_public_statistics_only() {
            Self::Sixteenth
        } else {
            Self::Quarter
        }
    }

    /// The number of permits of a limit that it is; at least one.
    #[must_use]
    pub(crate) fn of_limit(self, limit: NonZeroU32) -> u32 {
        let parts = match self {
            Self::Whole => 1,
            Self::Quarter => PARTS,
            Self::Sixteenth => PARTS * PARTS,
        };
        (limit.get() / parts).max(1)
    }
}

/// A permit; dropping it releases it. Move it into the task that does the work.
#[must_use = "dropping the permit gives it back at once"]
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
    _client: Option<Counted<String>>,
}

impl InFlight {
    /// A limit of `limit`. `name` names the work in refusals, such as "appends".
    #[must_use]
    pub fn new(name: &'static str, limit: NonZeroU32, retry_after: Duration) -> Self {
        let places = usize::try_from(limit.get()).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            limit,
            name,
            retry_after,
            wanted_ms: Arc::default(),
            made: Instant::now(),
            held: Counts::default(),
        }
    }

    /// Acquires a permit for a caller, or refuses with a retry delay. One client holds at most its [`Share`].
    pub fn try_acquire(&self, caller: &Caller) -> Result<Permit, Status> {
        let share = Share::of(caller);
        if share == Share::Whole {
            return self.try_acquire_unshared();
        }
        let most = share.of_limit(self.limit);
        let client =
            self.held.try_acquire(caller.client_id.clone(), most).ok_or_else(|| self.share_exceeded(most))?;
        let permit = self.try_acquire_unshared()?;
        Ok(Permit { _client: Some(client), ..permit })
    }

    /// Acquires a permit, or refuses with a retry delay.
    pub fn try_acquire_unshared(&self) -> Result<Permit, Status> {
        self.wanted_ms.store(self.elapsed_ms().max(1), Ordering::Relaxed);
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(Permit { _permit: permit, _client: None }),
            Err(_) => Err(self.full()),
        }
    }

    /// Number of permits in use.
    #[must_use]
    pub fn taken(&self) -> usize {
        let places = usize::try_from(self.limit.get()).unwrap_or(Semaphore::MAX_PERMITS);
        places.min(Semaphore::MAX_PERMITS).saturating_sub(self.places.available_permits())
    }

    /// Whether a permit was requested within the last `time`.
    #[must_use]
    pub fn was_requested_within(&self, time: Duration) -> bool {
        match self.wanted_ms.load(Ordering::Relaxed) {
            0 => false,
            wanted_ms => u128::from(self.elapsed_ms().saturating_sub(wanted_ms)) < time.as_millis(),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Total number of permits.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.get()
    }

    /// Name of the work.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether no permit is in use.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        u32::try_from(self.places.available_permits()).is_ok_and(|free| free == self.limit.get())
    }

    fn share_exceeded(&self, most: u32) -> Status {
        let Self { limit, name, .. } = self;
        let message = format!(
            "this client has {most} {name} in flight, its share of {limit}; retry after one has ended"
        );
        Rejection::new(BUSY, message)
            .retry_after(self.retry_after)
            .with("limit", most.to_string())
            .with("limit_of_all", limit.to_string())
            .into()
    }

    fn full(&self) -> Status {
        let Self { limit, name, .. } = self;
        Rejection::new(BUSY, format!("{limit} {name} are in flight, the limit; retry later"))
            .retry_after(self.retry_after)
            .with("limit", limit.to_string())
            .into()
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::rejection::{reason_of, retry_delay_of};

    #[test]
    fn above_the_limit_the_caller_gets_a_retry_delay_and_released_permits_can_be_acquired() {
        let limit = InFlight::new("appends", NonZeroU32::MIN, Duration::from_millis(250));
        let permit = limit.try_acquire_unshared().unwrap();
        let refused = limit.clone().try_acquire_unshared().unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(reason_of(&refused).as_deref(), Some("BUSY"));
        assert_eq!(retry_delay_of(&refused), Some(Duration::from_millis(250)));
        assert_eq!(refused.message(), "1 appends are in flight, the limit; retry later");
        drop(permit);
        assert!(limit.try_acquire_unshared().is_ok());
    }

    #[test]
    fn a_client_holds_at_most_its_share_and_the_rest_is_for_others() {
        let limit = InFlight::new("exports", NonZeroU32::new(8).unwrap(), Duration::ZERO);
        let caller = |client_id: &str| Caller { client_id: client_id.to_owned(), ..Caller::anyone() };
        let (hostile, honest) = (caller("hostile"), caller("honest"));
        let mut held: Vec<_> = (0..2).map(|_| limit.try_acquire(&hostile).unwrap()).collect();
        let refused = limit.try_acquire(&hostile).unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("BUSY"));
        assert!(limit.try_acquire(&honest).is_ok());
        held.pop();
        assert!(limit.try_acquire(&hostile).is_ok(), "a permit given back can be taken");
        drop(held);
        assert!(limit.is_idle() && limit.held.is_empty());

        let public = Caller {
            scopes: [crate::identity::Scope::PublicStatistics].into_iter().collect(),
            ..caller("public")
        };
        let one = limit.try_acquire(&public).unwrap();
        assert!(limit.try_acquire(&public).is_err(), "callers of public figures hold least");
        drop(one);
        let _all: Vec<_> = (0..8).map(|_| limit.try_acquire(&Caller::anyone()).unwrap()).collect();
        assert!(limit.try_acquire(&honest).is_err(), "the bound of all holds too");
        assert!(limit.held.is_empty(), "what was refused is not counted");
    }

    #[test]
    fn recent_requests_for_permits_are_reported() {
        let limit = InFlight::new("queries", NonZeroU32::MIN, Duration::ZERO);
        assert!(!limit.was_requested_within(Duration::MAX), "no caller came yet");
        let _permit = limit.clone().try_acquire_unshared().unwrap();
        assert!(limit.was_requested_within(Duration::from_hours(1)), "clones share it");
        std::thread::sleep(Duration::from_millis(5));
        assert!(!limit.was_requested_within(Duration::from_millis(2)));
    }
}
