//! Budget of bytes of messages before they are decoded, and the charge of one call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Maximum number of bytes.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    taken: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU64::new(0) })
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let more = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn refund(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The budget that is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// That of the process.
    All,
    /// The client's share of it.
    Share,
}

/// The charge of one call; released when dropped.
#[derive(Debug)]
pub(super) struct Charge {
    all: Arc<Budget>,
    share: Option<Arc<Budget>>,
    charged: u64,
}

impl Charge {
    /// An empty charge to a budget, and to the client's share of it if clients are counted.
    pub(super) fn new(all: &Arc<Budget>, share: Option<&Arc<Budget>>) -> Self {
        Self { all: Arc::clone(all), share: share.cloned(), charged: 0 }
    }

    /// Replaces the charge; it is unchanged if there is no room for more.
    pub(super) fn set(&mut self, bytes: u64) -> Result<(), Spent> {
        if bytes <= self.charged {
            self.refund(self.charged - bytes);
            return Ok(());
        }
        let more = bytes - self.charged;
        if let Some(share) = &self.share
            && !share.take(more)
        {
            return Err(Spent::Share);
        }
        if !self.all.take(more) {
            if let Some(share) = &self.share {
                share.refund(more);
            }
            return Err(Spent::All);
        }
        self.charged = bytes;
        Ok(())
    }

    pub(super) fn release(&mut self) {
        self.refund(self.charged);
    }

    fn refund(&mut self, bytes: u64) {
        self.all.refund(bytes);
        if let Some(share) = &self.share {
            share.refund(bytes);
        }
        self.charged -= bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release();
    }
}
