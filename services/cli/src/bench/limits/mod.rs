//! What the same machine can do at best, measured in the same run: what figures are compared with.

pub(super) mod drain;
pub(super) mod pass;
pub(super) mod publish;
