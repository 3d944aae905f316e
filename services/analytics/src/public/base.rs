//! The base of public counts.

use serde::{Deserialize, Serialize};

/// Public counts are multiples of this number, 3 to 100.
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
                "expected {} to {}: a smaller base would reveal exact counts, a larger one would hide everything",
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
    /// With a smaller base, a shown number would leave few possible counts.
    pub const MIN: u32 = 3;
    /// With a larger base, the figures of a department and month would be meaningless.
    pub const MAX: u32 = 100;

    /// A base from [`Base::MIN`] to [`Base::MAX`].
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
