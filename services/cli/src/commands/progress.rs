//! Progress bars for streams of submissions and for files, on standard error if it is a terminal. For replays, progress
//! is always shown: as a bar, or as a line at intervals.

use std::time::Duration;

use cra_runtime::terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::notice;
use crate::render::replay::ReplayState;
use crate::render::text::thousands;
use crate::submission::Tally;

const TICK: Duration = Duration::from_millis(120);
/// Interval of progress lines without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A bar up to `length`, or a spinner if the length is unknown.
pub(crate) fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30.cyan/dim} {percent:>3} %  {msg}  {eta:.dim}"),
        None => (ProgressBar::new_spinner(), "{spinner:.cyan} {msg}  {elapsed:.dim}"),
    };
    // If the template is invalid, the default style remains.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    if !terminal::moves_cursor() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.enable_steady_tick(TICK);
    bar
}

pub(crate) fn advance(bar: &ProgressBar, position: u64, tally: &Tally) {
    bar.set_position(bar.position().max(position));
    let received = thousands(tally.accepted + tally.already_there);
    bar.set_message(match tally.refused + tally.unreadable {
        0 => format!("{received} received"),
        refused => format!("{received} received, {} refused", thousands(refused)),
    });
}

/// Updates the number of bytes read of a file.
pub(crate) fn advance_bytes(bar: &ProgressBar, bytes: u64) {
    bar.set_message(format!("{} KiB received", thousands(bytes / 1_024)));
}

/// Progress of a replay. Dropping it clears the bar.
pub(crate) struct Replaying {
    bar: ProgressBar,
    reported: Option<Instant>,
}

impl Replaying {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {percent:>3} %  {msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        if !terminal::moves_cursor() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bar, reported: None }
    }

    pub(crate) fn show(&mut self, standing: ReplayState) {
        if !self.bar.is_hidden() {
            self.bar.set_length(standing.end);
            self.bar.set_position(standing.position);
            self.bar.set_message(standing.line());
        } else if self.reported.is_none_or(|reported| reported.elapsed() >= LINE_EVERY) {
            notice(&standing.line());
            self.reported = Some(Instant::now());
        }
    }
}

impl Drop for Replaying {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Updates the number of processed events of a log.
pub(crate) fn advance_events(bar: &ProgressBar, position: u64, end: u64, per_second: u64) {
    bar.set_length(end);
    bar.set_position(position);
    bar.set_message(format!(
        "{} of {} events, {} events/s",
        thousands(position),
        thousands(end),
        thousands(per_second)
    ));
}
