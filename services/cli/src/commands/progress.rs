//! The progress of a stream of submissions or of a file, on standard error when it is a terminal, else nowhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::render::text::thousands;
use crate::submission::Tally;

const TICK: Duration = Duration::from_millis(120);

/// A bar up to `length`, or a spinner where the length is unknown.
pub(crate) fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30.cyan/dim} {percent:>3} %  {msg}  {eta:.dim}"),
        None => (ProgressBar::new_spinner(), "{spinner:.cyan} {msg}  {elapsed:.dim}"),
    };
    // Without its style the bar is plain, and works.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// Shows how far the stream is.
pub(crate) fn advance(bar: &ProgressBar, position: u64, tally: &Tally) {
    bar.set_position(bar.position().max(position));
    let received = thousands(tally.accepted + tally.already_there);
    bar.set_message(match tally.refused + tally.unreadable {
        0 => format!("{received} received"),
        refused => format!("{received} received, {} refused", thousands(refused)),
    });
}

/// Shows how much of a file came in.
pub(crate) fn advance_bytes(bar: &ProgressBar, bytes: u64) {
    bar.set_message(format!("{} KiB received", thousands(bytes / 1_024)));
}

/// Shows how many events of a log are done.
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
