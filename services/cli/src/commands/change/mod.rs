//! What `cra correct` and `cra withdraw` have in common: many changes from a file, and questions to the person at the
//! terminal.

pub(super) mod ask;
pub(super) mod draft;
pub(super) mod many;
