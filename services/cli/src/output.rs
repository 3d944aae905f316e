//! Where the commands write: standard output for results, standard error for what went wrong, and what the
//! reader's terminal can show.
//!
//! A reader that leaves (`cra stats | head`) ends the command quietly, with the exit code of a closed pipe.
//! Does not lay anything out; `render` does.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::ExitCode;

use cra_runtime::process::told;

use crate::render::text::{json_line, printable_page};

/// What a shell reports of a program that a closed pipe ended.
const PIPE_CLOSED: u8 = 141;
/// Usage and connection: nothing can be said about the items.
const FAILED: u8 = 2;
/// Columns where the width is unknown, as in a pipe or a file.
const DEFAULT_COLUMNS: usize = 100;
/// Narrower, tables would not fit; wider, a line is hard to follow.
const COLUMNS_MIN: usize = 60;
const COLUMNS_MAX: usize = 120;

/// What the reader can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Columns to fill at most.
    pub(crate) columns: usize,
    /// Whether colours mean anything there.
    pub(crate) colour: bool,
}

impl Look {
    fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let seen = terminal_size::terminal_size().filter(|_| is_terminal);
        let columns = seen.map_or(DEFAULT_COLUMNS, |(width, _)| usize::from(width.0));
        Self { columns: columns.clamp(COLUMNS_MIN, COLUMNS_MAX), colour: is_terminal && !refused }
    }
}

/// Standard output.
pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    look: Look,
    is_terminal: bool,
}

impl Output {
    pub(crate) fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { writer: Box::new(BufWriter::new(io::stdout())), look: Look::of_process(), is_terminal }
    }

    /// Writes elsewhere, with nobody at a terminal.
    #[cfg(test)]
    pub(crate) fn to(writer: impl Write + Send + 'static, look: Look) -> Self {
        Self { writer: Box::new(writer), look, is_terminal: false }
    }

    pub(crate) fn look(&self) -> Look {
        self.look
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Where texts can be drawn in place: how the terminal looks now, which may have changed, and its lines. Narrower
    /// than a page, lines would break and nothing stay in its place.
    pub(crate) fn screen(&self) -> Option<(Look, usize)> {
        let (columns, rows) = terminal_size::terminal_size().filter(|_| self.is_terminal)?;
        (usize::from(columns.0) >= COLUMNS_MIN).then(|| (Look::of_process(), usize::from(rows.0)))
    }

    /// Writes a text, at once: a reader at the other end of a pipe acts on each line.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes(printable_page(text).as_bytes())
    }

    /// As [`Output::write`], for files that are no texts.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes one JSON value as one line.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.line(&json_line(value))
    }
}

/// A page over the one that is there: up by its lines, and everything below cleared.
pub(crate) fn redrawn(page: &str, drawn: usize) -> String {
    match drawn {
        0 => page.to_owned(),
        lines => format!("\u{1b}[{lines}F\u{1b}[J{page}"),
    }
}

/// Tells on standard error, for people. A standard error that is closed leaves nobody to tell.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable_page(text));
}

/// Tells why a command failed, and answers the exit code that says so.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let pipe_closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if pipe_closed {
        return ExitCode::from(PIPE_CLOSED);
    }
    tell(&format!("error: {}", told(error)));
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_leaves_ends_the_command_with_the_code_of_a_closed_pipe() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(format!("{:?}", failed(&closed)), format!("{:?}", ExitCode::from(PIPE_CLOSED)));
        let other = anyhow::anyhow!("cannot reach the service");
        assert_eq!(format!("{:?}", failed(&other)), format!("{:?}", ExitCode::from(FAILED)));
    }

    #[test]
    fn a_page_is_drawn_over_the_one_before() {
        assert_eq!(redrawn("a\n", 0), "a\n");
        assert_eq!(redrawn("b\nc\n", 3), "\u{1b}[3F\u{1b}[Jb\nc\n");
    }
}
