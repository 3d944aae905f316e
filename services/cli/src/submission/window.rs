//! The items between the last one reported and the last one read, in the file's order: sent, to be sent, to be sent
//! again later, or settled behind one that is not. Sends nothing and waits for nothing itself.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::rpc::Rpc;
use super::{Item, Location, Outcome, Reported};

/// Items that may be read and not yet reported. Enough for the service to record in groups; small next to its limits.
pub(super) const ITEMS_MAX: usize = 512;

enum Slot<T> {
    Waiting { location: Location, bytes_read: u64, content: T },
    Settled(Reported),
}

/// The items in their order, each by its ordinal in the file.
pub(super) struct Window<T> {
    slots: VecDeque<Slot<T>>,
    /// Ordinal of the first slot: how many items were reported before it.
    first: u64,
    /// To be sent now, by ordinal.
    ready: VecDeque<u64>,
    /// To be sent again, by ordinal.
    later: VecDeque<(Instant, u64)>,
    /// Ordinals of what was sent over this stream and not answered, by number in the stream.
    sent: HashMap<u64, u64>,
    /// The last number used; one that was answered is not used again, for the service takes each once.
    last_number: u64,
}

impl<T: Clone> Window<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            ready: VecDeque::new(),
            later: VecDeque::new(),
            sent: HashMap::new(),
            last_number: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < ITEMS_MAX
    }

    /// Whether the service owes answers.
    pub(super) fn awaits_answers(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Takes an item in; one that cannot be read is settled.
    pub(super) fn push(&mut self, item: Item<T>) {
        let Item { location, bytes_read, content } = item;
        let ordinal = self.first + self.slots.len() as u64;
        self.slots.push_back(match content {
            Ok(content) => {
                self.ready.push_back(ordinal);
                Slot::Waiting { location, bytes_read, content }
            }
            Err(unsent) => {
                let (id, outcome) = unsent.into_outcome();
                Slot::Settled(Reported { location, id, bytes_read, outcome })
            }
        });
    }

    /// A new stream begins: whatever is not settled is to be sent over it.
    pub(super) fn begin_stream(&mut self) {
        self.sent.clear();
        self.later.clear();
        let waiting = self.slots.iter().zip(self.first..);
        self.ready = waiting
            .filter_map(|(slot, ordinal)| matches!(slot, Slot::Waiting { .. }).then_some(ordinal))
            .collect();
    }

    /// The next to be sent, and the number to send it under.
    pub(super) fn next_ready(&mut self) -> Option<(u64, T)> {
        let ordinal = self.ready.pop_front()?;
        let Some(Slot::Waiting { content, .. }) = self.slot(ordinal) else { return None };
        let content = content.clone();
        self.last_number += 1;
        self.sent.insert(self.last_number, ordinal);
        Some((self.last_number, content))
    }

    /// The ordinal of an item that was sent, which is answered now; none for a number that was never sent.
    pub(super) fn answered(&mut self, number: u64) -> Option<u64> {
        self.sent.remove(&number)
    }

    pub(super) fn settle<R: Rpc<Content = T>>(&mut self, ordinal: u64, outcome: Outcome) {
        let Some(slot) = self.slot(ordinal) else { return };
        if let Slot::Waiting { location, bytes_read, content } = slot {
            let (location, bytes_read, id) = (*location, *bytes_read, R::id(content).to_owned());
            *slot = Slot::Settled(Reported { location, id, bytes_read, outcome });
        }
    }

    /// To be sent again, not before `at`.
    pub(super) fn postpone(&mut self, ordinal: u64, at: Instant) {
        self.later.push_back((at, ordinal));
    }

    /// When the next postponed item is to be sent.
    pub(super) fn next_postponed(&self) -> Option<Instant> {
        self.later.front().map(|(at, _)| *at)
    }

    /// The next postponed item is to be sent now.
    pub(super) fn resume_postponed(&mut self) {
        self.ready.extend(self.later.pop_front().map(|(_, ordinal)| ordinal));
    }

    /// The next item of the file, once it is settled.
    pub(super) fn pop_settled(&mut self) -> Option<Reported> {
        match self.slots.pop_front()? {
            Slot::Settled(reported) => {
                self.first += 1;
                Some(reported)
            }
            waiting @ Slot::Waiting { .. } => {
                self.slots.push_front(waiting);
                None
            }
        }
    }

    fn slot(&mut self, ordinal: u64) -> Option<&mut Slot<T>> {
        let index = usize::try_from(ordinal.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(index)
    }
}
