//! Output of the commands: standard output for results, standard error for problems, and the capabilities of the
//! reader's terminal.
//!
//! A reader that closes the pipe (`cra stats | head`) ends the command silently, with the usual exit code. Layout is in
//! `render`.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::ExitCode;

use cra_runtime::process::error_chain;
use cra_runtime::terminal;
use prost::{Message, Name};

use crate::render::text::printable_page;
use crate::style::{COLUMNS_MIN, Style};

/// The exit code that shells report for a program ended by a closed pipe.
const PIPE_CLOSED: u8 = 141;
/// Exit code of usage and connection errors, when no item has an outcome.
const FAILED: u8 = 2;

pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    style: Style,
    is_terminal: bool,
    /// For [`Output::stream`]: the incomplete last line.
    cut_off: Vec<u8>,
}

impl Output {
    pub(crate) fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            writer: Box::new(BufWriter::new(io::stdout())),
            style: Style::of_process(),
            is_terminal,
            cut_off: Vec::new(),
        }
    }

    /// Writes to another destination, without a terminal.
    #[cfg(test)]
    pub(crate) fn to(writer: impl Write + Send + 'static, style: Style) -> Self {
        Self { writer: Box::new(writer), style, is_terminal: false, cut_off: Vec::new() }
    }

    pub(crate) fn style(&self) -> Style {
        self.style
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The terminal's current size and number of lines, if texts can be redrawn in place. `None` if it is narrower than
    /// a page, because lines would wrap.
    pub(crate) fn screen(&self) -> Option<(Style, usize)> {
        let (columns, rows) =
            terminal_size::terminal_size().filter(|_| self.is_terminal && terminal::moves_cursor())?;
        (usize::from(columns.0) >= COLUMNS_MIN).then(|| (Style::of_process(), usize::from(rows.0)))
    }

    /// Writes a text and flushes it: the reader of a pipe acts on each line.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes(printable_page(text).as_bytes())
    }

    /// Like [`Output::write`], for binary data.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }

    /// Writes a part of a text file, cut anywhere: unchanged to a pipe or a file, without control characters to a
    /// terminal.
    pub(crate) fn stream(&mut self, part: &[u8]) -> io::Result<()> {
        if !self.is_terminal {
            return self.bytes(part);
        }
        let mut text = std::mem::take(&mut self.cut_off);
        text.extend_from_slice(part);
        // Up to the last line break, so that no character and no line break is split.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.cut_off = text.split_off(whole);
        self.write(&String::from_utf8_lossy(&text))
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes the answer of a service: as a line of JSON for programs, otherwise as a page.
    pub(crate) fn answer<M: Message + Name>(
        &mut self,
        as_json: bool,
        answer: &M,
        page: impl FnOnce(Style) -> String,
    ) -> io::Result<()> {
        self.either(as_json, || cra_contracts::json::to_value(answer), page)
    }

    /// Writes a result as a line of JSON for programs, otherwise as a page.
    pub(crate) fn either(
        &mut self,
        as_json: bool,
        json: impl FnOnce() -> serde_json::Value,
        page: impl FnOnce(Style) -> String,
    ) -> io::Result<()> {
        if as_json { self.json(&json()) } else { self.write(&page(self.style)) }
    }

    /// Writes what accompanies a result: to standard error where the result is for programs.
    pub(crate) fn aside(&mut self, as_json: bool, text: &str) -> io::Result<()> {
        if as_json {
            notice(text.trim_end());
            return Ok(());
        }
        self.write(text)
    }

    /// Writes one JSON value as one line.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.line(&cra_contracts::json::line(value))
    }
}

/// The control sequence that replaces a drawn page by another one.
pub(crate) fn redrawn(page: &str, drawn: usize) -> String {
    match drawn {
        0 => page.to_owned(),
        lines => format!("\u{1b}[{lines}F\u{1b}[J{page}"),
    }
}

/// Writes a message to standard error. Errors are ignored: there is no other channel.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable_page(text));
}

/// Reports why a command failed, and returns its exit code.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let pipe_closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if pipe_closed {
        return ExitCode::from(PIPE_CLOSED);
    }
    notice(&format!("error: {}", error_chain(error)));
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fake::Written;

    #[test]
    fn a_closed_pipe_ends_the_command_with_its_exit_code() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(format!("{:?}", failed(&closed)), format!("{:?}", ExitCode::from(PIPE_CLOSED)));
        let other = anyhow::anyhow!("cannot reach the service");
        assert_eq!(format!("{:?}", failed(&other)), format!("{:?}", ExitCode::from(FAILED)));
    }

    #[test]
    fn control_characters_of_a_file_do_not_reach_a_terminal_wherever_it_is_cut() {
        let file = "\u{feff}é;\u{202e}\u{1b}]0;x\u{7}\r\n=1\r\n".as_bytes();
        for cut in 0..file.len() {
            let written = Written::default();
            let mut output = Output { is_terminal: true, ..written.output() };
            output.stream(&file[..cut]).unwrap();
            output.stream(&file[cut..]).unwrap();
            assert_eq!(written.text(), "\u{feff}é;··]0;x·\r\n=1\r\n", "cut at {cut}");
        }
    }

    #[test]
    fn a_page_is_drawn_over_the_previous_one() {
        assert_eq!(redrawn("a\n", 0), "a\n");
        assert_eq!(redrawn("b\nc\n", 3), "\u{1b}[3F\u{1b}[Jb\nc\n");
    }
}
