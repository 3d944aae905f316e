//! Capabilities of the reader's terminal from the environment: `NO_COLOR` (<https://no-color.org>) and `TERM=dumb`.
//! Whether a stream is a terminal must be asked of the stream.

use std::env;

/// Whether colours may be written.
#[must_use]
pub fn takes_colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && moves_cursor()
}

/// Whether output may move the cursor, to redraw.
#[must_use]
pub fn moves_cursor() -> bool {
    env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
