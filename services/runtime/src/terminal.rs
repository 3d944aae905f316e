//! Capabilities of the reader's terminal from the environment: `NO_COLOR` (<https://no-color.org>) and `TERM=dumb`.
//! Whether a stream is a terminal must be asked of the stream.

use std::env;

/// Whether colours may be written.
#[must_use]
pub fn supports_colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && moves_cursor()
}

/// Colours of a command line's help and errors: at a terminal, where [`supports_colours`]. The parser alone would write colours to
/// a terminal with `TERM=dumb` where the variable `CI` is set.
#[must_use]
pub fn colours_of_help() -> clap::ColorChoice {
    if supports_colours() { clap::ColorChoice::Auto } else { clap::ColorChoice::Never }
}

/// Whether output may move the cursor, to redraw.
#[must_use]
pub fn moves_cursor() -> bool {
    env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
