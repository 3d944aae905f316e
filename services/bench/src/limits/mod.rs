//! What the same machine can do at best, measured in the same run: what figures are compared with.

pub(super) mod call;
pub(super) mod consume;
pub(super) mod publish;
pub(super) mod read;
pub(super) mod scan;
pub(super) mod sheet;
pub(super) mod sync;
