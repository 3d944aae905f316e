//! Output of `cra log`, for operators: number of events by outcome, speed, and a description of the backup.

use cra_backup::Manifest;
use serde_json::{Value, json};

use super::text::{NO_BREAK_SPACE, Tone, left, printable, thousands, toned};
use crate::style::Style;

const LABEL_COLUMNS: usize = 14;

/// The result of a command.
pub(crate) struct Done<'a> {
    /// Past participle of the verb.
    pub(crate) verb: &'a str,
    /// Number of events of this run.
    pub(crate) events: u64,
    /// Number of events that already existed.
    pub(crate) skipped: u64,
    pub(crate) per_second: u64,
    /// Number of unreadable events; `None` if they were not checked.
    pub(crate) misfits: Option<u64>,
}

pub(crate) fn page(done: &Done<'_>, manifest: &Manifest, style: Style) -> String {
    let kib = manifest.file_bytes().div_ceil(1_024);
    let events = thousands(done.events);
    let mut lines = vec![
        (done.verb, format!("{events} events, {} events/s", thousands(done.per_second))),
        ("last position", thousands(manifest.last_position.0)),
        (
            "segments",
            format!("{}, {}{NO_BREAK_SPACE}KiB", thousands(manifest.segments.len() as u64), thousands(kib)),
        ),
        ("log", printable(&manifest.log.0)),
        ("chain", manifest.chain()),
    ];
    if done.skipped > 0 {
        lines.insert(1, ("there before", format!("{} events", thousands(done.skipped))));
    }
    if let Some(misfits) = done.misfits {
        let tone = if misfits == 0 { Tone::Good } else { Tone::Bad };
        let reported = if misfits == 0 { "none".to_owned() } else { thousands(misfits) };
        lines.push(("unreadable", toned(style, tone, &reported)));
    }
    lines.iter().map(|(label, value)| format!("{}{value}\n", left(label, LABEL_COLUMNS))).collect()
}

/// The same, as JSON.
pub(crate) fn json(done: &Done<'_>, manifest: &Manifest) -> Value {
    let mut value = json!({
        "outcome": done.verb,
        "events": done.events,
        "thereBefore": done.skipped,
        "eventsPerSecond": done.per_second,
        "lastPosition": manifest.last_position.0,
        "segments": manifest.segments.len(),
        "fileBytes": manifest.file_bytes(),
        "bytes": manifest.segments.iter().map(|segment| segment.bytes).sum::<u64>(),
        "log": manifest.log.0,
        "chain": manifest.chain(),
    });
    if let Some(misfits) = done.misfits {
        value["doNotRead"] = misfits.into();
    }
    value
}

/// One event that the services would park.
pub(crate) fn misfit(position: u64, reason: &str) -> String {
    format!("position {position}: {}", printable(reason))
}
