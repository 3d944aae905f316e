//! The stream, the connection to it, and the condition of both, as everything that uses the log shares them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::stream::{Config, Stream};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::condition::Condition;
use super::connection::LinkState;
use super::room::AccountRoom;

/// Interval at which a wait for the connection polls the client.
const STATE_RECHECK: Duration = Duration::from_millis(200);

/// The connection, and the stream on it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) stream: Stream<()>,
    pub(super) state: watch::Receiver<LinkState>,
    pub(super) condition: Arc<Condition>,
    /// Held while a batch is sent. If two batches were sent concurrently, the server could write neither before it has
    /// both; sent one after the other, it writes the first while it receives the second.
    pub(super) sending: Arc<Mutex<()>>,
}

impl Link {
    /// Polls the client: its events may be late or dropped.
    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until the connection is lost, or the client has ended.
    pub(super) async fn went_down(&self) {
        let _ = self.state.clone().wait_for(|state| !state.up).await;
    }

    /// Waits for a connection; `false` if there will be none.
    pub(super) async fn came_up(&self) -> bool {
        let mut state = self.state.clone();
        while !self.is_up() {
            if let Ok(Err(_)) = timeout(STATE_RECHECK, state.wait_for(|state| state.up)).await {
                return false;
            }
        }
        true
    }

    /// Checks the stream's condition until the log is dropped.
    pub(super) async fn watch_condition(self, mut account: AccountRoom, designed: Config, log: Weak<()>) {
        let condition = Arc::clone(&self.condition);
        while log.strong_count() > 0 {
            condition.next_check().await;
            if !self.is_up() {
                condition.is_not_asked();
                continue;
            }
            let account_room = if condition.asks_account() {
                let state = *self.state.borrow();
                account.look(state, designed.num_replicas).await
            } else {
                None
            };
            let server = self.client.server_info().server_id;
            condition.found(self.stream.get_info().await, server, account_room, &designed);
        }
    }
}
