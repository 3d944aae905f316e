//! Capabilities of the reader's terminal.

use std::io::{self, IsTerminal as _};

use cra_runtime::terminal;

/// Width if it is unknown, as in a pipe or a file.
const DEFAULT_COLUMNS: usize = 100;
/// Limits of the width: tables need the minimum, and longer lines are hard to read.
pub(crate) const COLUMNS_MIN: usize = 60;
const COLUMNS_MAX: usize = 120;

/// Capabilities of the reader's terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Maximum width.
    pub(crate) columns: usize,
    /// Whether colours are shown.
    pub(crate) colour: bool,
}

impl Style {
    pub(crate) fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let refused = !terminal::supports_colours();
        let seen = terminal_size::terminal_size().filter(|_| is_terminal);
        let columns = seen.map_or(DEFAULT_COLUMNS, |(width, _)| usize::from(width.0));
        Self { columns: columns.clamp(COLUMNS_MIN, COLUMNS_MAX), colour: is_terminal && !refused }
    }
}
