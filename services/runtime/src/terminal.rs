//! What the reader's terminal takes, as the environment says: `NO_COLOR` (<https://no-color.org>) and `TERM=dumb`. Whether
//! a stream leads to a terminal at all is asked of the stream.

use std::env;

/// Whether colours may be written.
#[must_use]
pub fn takes_colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && moves_cursor()
}

/// Whether what is written may move the cursor, to draw over what is there.
#[must_use]
pub fn moves_cursor() -> bool {
    env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
