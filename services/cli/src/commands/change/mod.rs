//! Common parts of `cra correct` and `cra withdraw`: many changes from a file, and prompts at the terminal.

pub(super) mod draft;
pub(super) mod many;
pub(super) mod prompt;
