//! The open connections: number in total and per network, and which one is closed when all are in use.
//!
//! The victim is the oldest connection without a token and without an open call, of the network with most such
//! connections: the heaviest user loses first, and a new caller has as long for its first call as it takes all the
//! others to arrive. Performs no I/O: the task of the victim closes it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use strum::{IntoStaticStr, VariantArray};

use super::state::{ClientConnections, State};
use crate::addresses::Network;
use crate::counts::{Counted, Counts, PARTS};

/// What part of the greatest age a connection reaches, by chance: connections that were made at once do not end at once.
const AGE_SHARES: RangeInclusive<f64> = 0.9..=1.0;

/// Why there is no room for a connection; the label `cause` of `cra_connections_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Full {
    /// All connections are in use, and none can be closed.
    All,
    /// All connections of the caller's network are in use, and none of them can be closed.
    #[strum(serialize = "address")]
    Network,
}

/// All open connections; clones share them.
#[derive(Clone)]
pub(super) struct Registry {
    limit: usize,
    per_network: u32,
    networks: Counts<Network>,
    clients: ClientConnections,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// By age: numbers increase.
    connections: BTreeMap<u64, Entry>,
}

struct Entry {
    network: Option<Network>,
    state: Arc<State>,
    _counted: Option<Counted<Network>>,
}

impl Registry {
    /// At most `limit` connections, and `per_network` of one network. A client may keep a quarter of all with its
    /// token.
    pub(super) fn new(limit: u32, per_network: u32) -> Self {
        Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            per_network,
            networks: Counts::default(),
            clients: ClientConnections::at_most((limit / PARTS).max(1)),
            open: Arc::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.lock().connections.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Registers a connection. `network` is `None` if addresses are not counted.
    pub(super) fn enter(&self, network: Option<Network>) -> Result<Registered, Full> {
        let mut open = self.open.lock();
        let enter = |of| self.networks.try_acquire(of, self.per_network);
        let counted = match network {
            None => None,
            Some(of) => Some(match enter(of) {
                Some(counted) => counted,
                None if open.make_room(|entry| entry.network == network) => enter(of).ok_or(Full::Network)?,
                None => return Err(Full::Network),
            }),
        };
        if open.connections.len() >= self.limit && !open.make_room_in_the_largest() {
            return Err(Full::All);
        }
        let age_share = rand::random_range(AGE_SHARES);
        let (number, state) = (open.next, State::new(self.clients.clone(), age_share));
        open.next += 1;
        open.connections.insert(number, Entry { network, state: Arc::clone(&state), _counted: counted });
        Ok(Registered { open: Arc::clone(&self.open), number, state })
    }
}

impl Open {
    fn make_room_in_the_largest(&mut self) -> bool {
        let mut counts: HashMap<Option<Network>, usize> = HashMap::new();
        for entry in self.connections.values().filter(|entry| entry.state.is_evictable()) {
            *counts.entry(entry.network).or_default() += 1;
        }
        let Some(most) = counts.values().max().copied() else { return false };
        self.make_room(|entry| counts.get(&entry.network) == Some(&most))
    }

    /// Closes the oldest candidate, if there is one.
    fn make_room(&mut self, is_candidate: impl Fn(&Entry) -> bool) -> bool {
        let oldest =
            self.connections.iter().find(|(_, entry)| is_candidate(entry) && entry.state.is_evictable());
        let Some(number) = oldest.map(|(number, _)| *number) else { return false };
        if let Some(entry) = self.connections.remove(&number) {
            entry.state.give_way.cancel();
        }
        true
    }
}

/// An open connection; dropping it removes it.
pub(super) struct Registered {
    open: Arc<Mutex<Open>>,
    number: u64,
    pub(super) state: Arc<State>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let entry = self.open.lock().connections.remove(&self.number);
        drop(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Registry {
        /// A connection from a counted address.
        fn enter_from(&self, last: u8) -> Result<Registered, Full> {
            self.enter(Some(Network::of([192, 0, 2, last].into())))
        }
    }

    fn is_evicted(connection: &Registered) -> bool {
        connection.state.give_way.is_cancelled()
    }

    #[tokio::test]
    async fn when_all_are_in_use_the_oldest_of_the_network_with_most_is_closed() {
        let registry = Registry::new(3, 3);
        let honest = registry.enter_from(1).unwrap();
        let (first, second) = (registry.enter_from(2).unwrap(), registry.enter_from(2).unwrap());
        let new = registry.enter_from(3).unwrap();
        assert!(is_evicted(&first));
        for connection in [&honest, &second, &new] {
            assert!(!is_evicted(connection));
        }
        assert_eq!(registry.len(), 3);
        drop(first);
        assert_eq!(registry.len(), 3, "a closed one is removed once");
    }

    #[tokio::test]
    async fn connections_with_a_token_or_an_open_call_are_kept_and_a_new_one_is_refused() {
        let registry = Registry::new(2, 2);
        let (known, calling) = (registry.enter_from(1).unwrap(), registry.enter_from(2).unwrap());
        known.state.authenticate("a");
        let call = calling.state.begin();
        assert_eq!(registry.enter_from(3).err(), Some(Full::All));
        drop(call);
        let _new = registry.enter_from(3).unwrap();
        assert!(is_evicted(&calling) && !is_evicted(&known));
    }

    #[tokio::test]
    async fn a_network_at_its_limit_loses_one_of_its_own_connections() {
        let registry = Registry::new(10, 2);
        let other = registry.enter_from(2).unwrap();
        let (first, second) = (registry.enter_from(1).unwrap(), registry.enter_from(1).unwrap());
        let third = registry.enter_from(1).unwrap();
        assert!(is_evicted(&first) && !is_evicted(&second) && !is_evicted(&other));
        second.state.authenticate("a");
        third.state.authenticate("b");
        assert_eq!(registry.enter_from(1).err(), Some(Full::Network));
        drop(second);
        assert!(registry.enter_from(1).is_ok());
    }

    #[tokio::test]
    async fn one_client_keeps_at_most_a_quarter_of_all_from_any_number_of_addresses() {
        let registry = Registry::new(8, 8);
        let held: Vec<_> = (1..=8).map(|last| registry.enter_from(last).unwrap()).collect();
        for connection in &held {
            connection.state.authenticate("greedy");
        }
        let kept = held.iter().filter(|connection| !connection.state.is_evictable()).count();
        assert_eq!(kept, 2);
        let new = registry.enter_from(9).unwrap();
        new.state.authenticate("another");
        assert!(is_evicted(&held[2]) && !new.state.is_evictable());
        drop(held);
        let again = registry.enter_from(1).unwrap();
        again.state.authenticate("greedy");
        assert!(!again.state.is_evictable(), "a closed one can be replaced");
    }

    #[tokio::test]
    async fn addresses_that_are_not_counted_have_only_the_total_limit() {
        let registry = Registry::new(3, 1);
        let held: Vec<_> = (0..3).map(|_| registry.enter(None).unwrap()).collect();
        for connection in &held {
            connection.state.authenticate("");
        }
        assert_eq!(registry.enter(None).err(), Some(Full::All));
    }
}
