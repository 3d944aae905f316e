//! Whether the stream can take appends, beyond a connection that is up: it is there, it is as designed, it holds every
//! event, its servers answer, and there is room.
//!
//! The stream's state is asked for every [`CHECK_EVERY`] and when a publish finds no stream. That there is no room is learned
//! from a refused publish, or from limits that are used up; that there is room again, from a stored one, or from limits that
//! leave more than at the refusal.

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info, InfoError};
use async_nats::jetstream::{self, ErrorCode};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::ack::Ack;
use super::metadata::StreamHead;
use super::room::{self, NoRoom, Room};
use super::start_error::being_restored;
use super::{metadata, start};
use crate::lineage::LogIdentity;
use crate::port::Fill;

/// How often the stream's state is asked for.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// Checks that a missing stream asks for come no closer than this.
const CHECK_PAUSE: Duration = Duration::from_millis(250);
/// Servers that do not answer for the stream may be choosing a leader; after this long, they are not.
const UNANSWERED_AFTER: Duration = Duration::from_secs(10);

/// What keeps the stream from taking appends.
#[derive(Debug, Default)]
struct Faults {
    /// It is not there, or not as designed.
    stream: Option<String>,
    /// There was no room for an event.
    no_room: Option<NoRoom>,
    /// Since when nothing is known of it, and whether that is logged.
    unanswered: Option<(Instant, bool)>,
}

/// The stream's condition, shared by everything that uses the connection.
pub(super) struct Condition {
    faults: Mutex<Faults>,
    fill: watch::Sender<Fill>,
    /// Whether the limits of the account are asked for: by what appends, and by what measures.
    is_measured: AtomicBool,
    /// The server at the last check.
    server: watch::Sender<String>,
    /// Which log the stream is: one that is created anew is another.
    identity: watch::Sender<LogIdentity>,
    check: Notify,
}

impl Condition {
    /// Of a stream that was found as designed.
    pub(super) fn sound_of(identity: LogIdentity, fill: Fill, server: String) -> Arc<Self> {
        Arc::new(Self {
            faults: Mutex::default(),
            fill: watch::Sender::new(fill),
            is_measured: AtomicBool::new(false),
            server: watch::Sender::new(server),
            identity: watch::Sender::new(identity),
            check: Notify::new(),
        })
    }

    /// Which log the stream was at the last check.
    pub(super) fn identity(&self) -> LogIdentity {
        self.identity.borrow().clone()
    }

    /// How full the stream was at the last check.
    pub(super) fn fill(&self) -> Fill {
        self.is_measured.store(true, Ordering::Relaxed);
        *self.fill.borrow()
    }

    /// Whether an append would be stored now, as far as is known.
    pub(super) fn is_sound(&self) -> bool {
        let faults = self.faults();
        let answers = faults.unanswered.is_none_or(|(_, is_logged)| !is_logged);
        faults.stream.is_none() && faults.no_room.is_none() && answers
    }

    /// Whether the stream was there and as designed at the last check.
    pub(super) fn is_as_designed(&self) -> bool {
        self.faults().stream.is_none()
    }

    /// Why an append is not sent now. Where there was no room, one is sent now and then to find out.
    pub(super) fn refusal(&self, now: Instant) -> Option<String> {
        let mut faults = self.faults();
        if let Some(reason) = &faults.stream {
            return Some(reason.clone());
        }
        let waits = faults.no_room.as_mut().is_some_and(|no_room| !no_room.may_try(now));
        waits.then(|| "the log has no room for events".to_owned())
    }

    /// Learns from the answer to a publish.
    pub(super) fn observe(&self, ack: &Ack) {
        match ack {
            Ack::Stored(_) => self.has_room_if(|no_room| no_room.ends_with_stored()),
            Ack::NoRoom(reason) => {
                self.has_no_room(reason);
                self.check.notify_one();
            }
            Ack::NoStream(_) => self.check.notify_one(),
            Ack::WrongLastSequence | Ack::Refused(_) | Ack::NotStored(_) | Ack::Unknown(_) => {}
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logged once, until there is room.
    fn has_no_room(&self, reason: &str) {
        let mut faults = self.faults();
        if faults.no_room.is_none() {
            let fill = *self.fill.borrow();
            tracing::error!(
                reason,
                bytes = fill.bytes,
                bytes_limit = fill.bytes_limit,
                events = fill.events,
                events_limit = fill.events_limit,
                "the log's servers have no room for events: raise the limit that is reached, or make room"
            );
            let server = self.server.borrow().clone();
            faults.no_room = Some(NoRoom::new(Room::of(&fill), server, Instant::now()));
        }
    }

    fn has_room_if(&self, ends: impl FnOnce(&mut NoRoom) -> bool) {
        let mut faults = self.faults();
        if faults.no_room.as_mut().is_some_and(ends) {
            tracing::info!("the log has room for events again");
            faults.no_room = None;
        }
    }

    /// The stream is not as designed, logged once per reason; or it is.
    fn is_found(&self, fault: Option<String>) {
        let mut faults = self.faults();
        if let Some((_, true)) = faults.unanswered.take() {
            tracing::info!("the log's servers answer again");
        }
        match &fault {
            Some(reason) if faults.stream != fault => tracing::error!(reason, "the log takes no events"),
            None if faults.stream.is_some() => tracing::info!("the log takes events again"),
            _ => {}
        }
        faults.stream = fault;
    }

    /// Logged once, after [`UNANSWERED_AFTER`].
    fn is_unanswered(&self, error: &str, now: Instant) {
        let mut faults = self.faults();
        let (since, is_logged) = faults.unanswered.unwrap_or((now, false));
        let is_long = now.duration_since(since) >= UNANSWERED_AFTER;
        if is_long && !is_logged {
            tracing::error!(
                error,
                "the log's servers do not answer for the stream: check them and their majority"
            );
        }
        faults.unanswered = Some((since, is_logged || is_long));
    }

    /// Without a connection, the servers are not asked.
    pub(super) fn is_not_asked(&self) {
        self.faults().unanswered = None;
    }

    /// Notes what a server answered.
    pub(super) fn found(
        &self,
        found: Result<Info, InfoError>,
        server: String,
        account_room: Option<u64>,
        designed: &Config,
    ) {
        self.server.send_replace(server);
        let stream = &designed.name;
        let fault = match found {
            Ok(info) => {
                self.identity.send_replace(StreamHead::from(&info).identity);
                self.measured(room::fill(&info, account_room));
                let restored = metadata::restored(&info.config);
                let mut differences = match &restored {
                    Some(of) => vec![being_restored(of)],
                    None => start::differences(&info.config, designed),
                };
                let first = info.state.first_sequence.max(1);
                if first > 1 {
                    differences.push(format!("the events before position {first} are gone: restore the log"));
                }
                (!differences.is_empty()).then(|| format!("stream {stream}: {}", differences.join("; ")))
            }
            Err(error) if is_of_no_stream(&error) => Some(format!("stream {stream} is not there any more")),
            // What was known of the stream stays.
            Err(error) => return self.is_unanswered(&error.to_string(), Instant::now()),
        };
        self.is_found(fault);
    }

    fn measured(&self, fill: Fill) {
        self.fill.send_replace(fill);
        let (room, server) = (Room::of(&fill), self.server.borrow().clone());
        self.has_room_if(|no_room| no_room.ends_with(room, &server));
        // A reader does not need room.
        if room.is_used_up() && self.is_measured.load(Ordering::Relaxed) {
            self.has_no_room("the limits of the stream or of its account are reached");
        }
    }

    /// Whether the limits of the account matter to this process now.
    pub(super) fn asks_account(&self) -> bool {
        self.is_measured.load(Ordering::Relaxed) || self.faults().no_room.is_some()
    }

    /// Waits until the stream is to be asked for again.
    pub(super) async fn next_check(&self) {
        sleep(CHECK_PAUSE).await;
        // Ended by the time as by the wish.
        let _ = timeout(CHECK_EVERY.saturating_sub(CHECK_PAUSE), self.check.notified()).await;
    }
}

/// Whether the servers know no stream of the name.
fn is_of_no_stream(error: &InfoError) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|cause| cause.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Arc<Condition> {
        Condition::sound_of(LogIdentity("log".to_owned()), Fill::default(), "server".to_owned())
    }

    fn full(bytes_limit: u64) -> Fill {
        Fill { bytes: 1_000_000, bytes_limit: Some(bytes_limit), ..Fill::default() }
    }

    #[test]
    fn without_room_health_waits_for_a_stored_append_and_appends_try_now_and_then() {
        let (condition, mut now) = (sound(), Instant::now());
        condition.observe(&Ack::NoRoom("full".to_owned()));
        for _ in 0..100 {
            now += Duration::from_mins(2);
            assert_eq!(condition.refusal(now), None);
            assert!(condition.refusal(now).is_some(), "one at a time");
            condition.observe(&Ack::NoRoom("full".to_owned()));
            assert!(!condition.is_sound() && condition.is_as_designed());
        }
        condition.observe(&Ack::Stored(crate::Position(1)));
        assert!(condition.is_sound());
    }

    #[test]
    fn health_follows_the_limits_without_an_append() {
        let condition = sound();
        let _ = condition.fill();
        condition.measured(full(1_000_700));
        assert!(condition.is_sound());
        condition.observe(&Ack::NoRoom("maximum bytes exceeded".to_owned()));
        condition.measured(full(1_000_700));
        assert!(!condition.is_sound());
        condition.measured(full(2_000_000));
        assert!(condition.is_sound());
        condition.measured(full(1_000_000));
        assert!(!condition.is_sound(), "no append has to be refused first");
    }

    #[test]
    fn a_stored_event_says_nothing_of_a_stream_that_differs() {
        let condition = sound();
        condition.is_found(Some("max_msgs is 5".to_owned()));
        condition.observe(&Ack::Stored(crate::Position(1)));
        assert_eq!(condition.refusal(Instant::now()).as_deref(), Some("max_msgs is 5"));
        condition.is_found(None);
        assert!(condition.is_sound());
    }

    #[test]
    fn servers_that_do_not_answer_for_long_are_a_fault_of_health_and_appends_are_still_sent() {
        let (condition, now) = (sound(), Instant::now());
        condition.is_unanswered("timed out", now);
        assert!(condition.is_sound());
        condition.is_unanswered("timed out", now + UNANSWERED_AFTER);
        assert!(!condition.is_sound());
        assert_eq!(condition.refusal(now), None);
        condition.is_found(None);
        assert!(condition.is_sound());
    }
}
