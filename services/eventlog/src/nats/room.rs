//! How much the log may still grow: by the limits of its stream, and by those of the account that holds it.
//!
//! The servers' own limits (`max_file_store`, a full disk) are shown to no client: of those the log learns by a refused append
//! alone.

use async_nats::jetstream::account::Account;
use async_nats::jetstream::stream::{DiscardPolicy, Info};
use async_nats::jetstream::{Context, account};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::connection::LinkState;
use crate::port::Fill;
use crate::position::Position;

/// Every event takes more than this, with its subject and headers.
const EVENT_BYTES_MIN: u64 = 256;
/// After an append that found no room, the next one may try after this; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How full the stream is. `account_room` is how many bytes the account's limit leaves to the stream.
pub(super) fn fill(info: &Info, account_room: Option<u64>) -> Fill {
    let (state, config) = (&info.state, &info.config);
    // A stream that discards old events instead is not as designed.
    let refuses = config.discard == DiscardPolicy::New;
    let limit = |limit: i64| u64::try_from(limit).ok().filter(|limit| refuses && *limit > 0);
    let by_account = account_room.map(|room| state.bytes.saturating_add(room));
    Fill {
        bytes: state.bytes,
        bytes_limit: [limit(config.max_bytes), by_account].into_iter().flatten().min(),
        events: state.messages,
        events_limit: limit(config.max_messages),
        first: Position(state.first_sequence),
    }
}

/// What limits leave; of what has none, the greatest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    bytes: u64,
    events: u64,
}

impl Room {
    /// Nothing limits it, as far as is known.
    const UNLIMITED: Self = Self { bytes: u64::MAX, events: u64::MAX };

    pub(super) fn of(fill: &Fill) -> Self {
        let left = |taken, limit: Option<u64>| limit.map_or(u64::MAX, |limit| limit.saturating_sub(taken));
        Self { bytes: left(fill.bytes, fill.bytes_limit), events: left(fill.events, fill.events_limit) }
    }

    /// No event fits, whatever its size.
    pub(super) fn is_used_up(self) -> bool {
        self.bytes < EVENT_BYTES_MIN || self.events == 0
    }

    fn is_more_than(self, before: Self) -> bool {
        !self.is_used_up() && (self.bytes > before.bytes || self.events > before.events)
    }

    fn least(self, other: Self) -> Self {
        Self { bytes: self.bytes.min(other.bytes), events: self.events.min(other.events) }
    }
}

/// A log that had no room for an event, until an append is stored again or its limits leave more.
#[derive(Debug)]
pub(super) struct NoRoom {
    /// The least that the limits left around the refusal or since.
    least: Room,
    /// The server that this process is connected to: one that is another, or was restarted, may have room.
    server: String,
    next_try: Instant,
    pause: Duration,
    has_tried: bool,
}

impl NoRoom {
    pub(super) fn new(least: Room, server: String, now: Instant) -> Self {
        Self { least, server, next_try: now + FIRST_PAUSE, pause: FIRST_PAUSE, has_tried: false }
    }

    /// Whether an append may find out if there is room; one does for each pause.
    pub(super) fn may_try(&mut self, now: Instant) -> bool {
        if now < self.next_try {
            return false;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (self.next_try, self.has_tried) = (now + self.pause, true);
        true
    }

    /// Whether a stored append shows that there is room: one that was under way at the refusal does not.
    pub(super) fn ends_with_stored(&self) -> bool {
        self.has_tried
    }

    /// Whether what a look at the limits found shows that there is room.
    pub(super) fn ends_with(&mut self, room: Room, server: &str) -> bool {
        if room.is_more_than(self.least) || (room == Room::UNLIMITED && self.server != server) {
            return true;
        }
        self.least = self.least.least(room);
        false
    }
}

/// What the account's limit leaves to the stream, asked for again and again.
pub(super) struct AccountRoom {
    context: Context,
    /// What the server denied this user last.
    denied: watch::Receiver<Option<String>>,
    /// The connection on which the user may not ask.
    denied_on: Option<u64>,
    known: Option<u64>,
}

impl AccountRoom {
    pub(super) fn new(context: Context, denied: watch::Receiver<Option<String>>) -> Self {
        Self { context, denied, denied_on: None, known: None }
    }

    /// Bytes that the stream may still take; `None` where the account has no limit, or may not be asked.
    pub(super) async fn look(&mut self, link: LinkState, replicas: usize) -> Option<u64> {
        if self.denied_on == Some(link.generation) {
            return None;
        }
        match self.context.query_account().await {
            Ok(account) => self.known = left_to_a_stream(&account, replicas),
            // Once for each connection: the server logs each such request, and so does this process.
            Err(_) if self.is_denied() => (self.denied_on, self.known) = (Some(link.generation), None),
            // The servers may be choosing a leader: what was known stays.
            Err(_) => {}
        }
        self.known
    }

    fn is_denied(&self) -> bool {
        self.denied.borrow().as_ref().is_some_and(|denied| denied.contains(".INFO\""))
    }
}

/// A limit of a tier is one of what a stream takes on one server. Without tiers, each replica of an event takes from the limit.
fn left_to_a_stream(account: &Account, replicas: usize) -> Option<u64> {
    let replicas = u64::try_from(replicas).unwrap_or(u64::MAX).max(1);
    let left = |limits: &account::Limits, times: u64, taken: u64| {
        let limit = u64::try_from(limits.max_storage?).ok()?.saturating_mul(times);
        Some(limit.saturating_sub(taken) / replicas)
    };
    match account.tiers.get(&format!("R{replicas}")) {
        Some(tier) => left(&tier.limits, replicas, tier.storage),
        None => left(&account.limits, 1, account.storage),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const FULL: Room = Room { bytes: 300, events: u64::MAX };

    fn account(storage: u64, max_storage: Option<i64>) -> Account {
        let limits = account::Limits { max_storage, ..account::Limits::default() };
        Account { storage, limits, ..Account::default() }
    }

    #[test]
    fn the_account_leaves_what_is_not_taken_to_each_replica() {
        assert_eq!(left_to_a_stream(&account(400, Some(1_000)), 1), Some(600));
        assert_eq!(left_to_a_stream(&account(400, Some(1_000)), 3), Some(200));
        assert_eq!(left_to_a_stream(&account(2_000, Some(1_000)), 1), Some(0));
        assert_eq!(left_to_a_stream(&account(400, None), 1), None);
        let limits = account::Limits { max_storage: Some(1_000), ..account::Limits::default() };
        let tier = account::Tier { storage: 600, limits, ..account::Tier::default() };
        let tiered = Account { tiers: HashMap::from([("R3".to_owned(), tier)]), ..account(0, None) };
        assert_eq!(left_to_a_stream(&tiered, 3), Some(800));
    }

    #[test]
    fn an_append_tries_once_for_each_pause_and_pauses_grow_up_to_a_bound() {
        let mut now = Instant::now();
        let mut full = NoRoom::new(FULL, "a".to_owned(), now);
        assert!(!full.may_try(now));
        let mut tries = 0;
        for _ in 0..600 {
            now += Duration::from_secs(1);
            if full.may_try(now) {
                tries += 1;
                assert!(!full.may_try(now), "two at once");
            }
        }
        // 1, 3, 7, 15, 31, then every minute.
        assert_eq!(tries, 5 + (600 - 31) / 60);
    }

    #[test]
    fn what_was_under_way_at_the_refusal_does_not_show_that_there_is_room() {
        let now = Instant::now();
        let mut full = NoRoom::new(FULL, "a".to_owned(), now);
        assert!(!full.ends_with_stored());
        assert!(full.may_try(now + FIRST_PAUSE));
        assert!(full.ends_with_stored());
    }

    #[test]
    fn limits_that_leave_no_more_than_at_the_refusal_do_not_show_that_there_is_room() {
        let mut full = NoRoom::new(Room { bytes: 900, events: u64::MAX }, "a".to_owned(), Instant::now());
        assert!(!full.ends_with(FULL, "a"), "the least counts");
        assert!(!full.ends_with(FULL, "b"), "the limits are known, whatever the server");
        assert!(!full.ends_with(Room { bytes: 299, events: u64::MAX }, "a"));
        assert!(!full.ends_with(Room { bytes: u64::MAX, events: 0 }, "a"));
        assert!(full.ends_with(Room { bytes: 301, events: u64::MAX }, "a"));
    }

    #[test]
    fn without_a_limit_that_is_shown_another_server_or_a_restarted_one_may_have_room() {
        let mut full = NoRoom::new(Room::UNLIMITED, "a".to_owned(), Instant::now());
        assert!(!full.ends_with(Room::UNLIMITED, "a"));
        assert!(full.ends_with(Room::UNLIMITED, "b"));
    }
}
