//! What public counts are multiples of.

use serde::{Deserialize, Serialize};

/// What public counts are multiples of: 3 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u64")]
pub struct Base(u64);

impl Default for Base {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<u32> for Base {
    type Error = String;

    fn try_from(base: u32) -> Result<Self, String> {
        Self::new(base).ok_or_else(|| {
            format!(
                "expected {} to {}: less would show what it hides, more would show nothing",
                Self::MIN,
                Self::MAX
            )
        })
    }
}

impl From<Base> for u64 {
    fn from(base: Base) -> Self {
        base.0
    }
}

impl Base {
    /// Below it, a shown number would leave few possible counts.
    pub const MIN: u32 = 3;
    /// Above it, the figures of a department and month say nothing.
    pub const MAX: u32 = 100;

    /// A base of at least [`Base::MIN`] and at most [`Base::MAX`].
    #[must_use]
    pub fn new(base: u32) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&base).then_some(Self(base.into()))
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}
