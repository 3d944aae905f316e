//! The page of `cra status`, for operators: position and lag of the projection, and its generations.

use cra_contracts::v1;

use super::table::{Column, Kind, Layout};
use super::text::{NO_BREAK_SPACE, Tone, left, printable, thousands, toned};
use crate::style::Style;
use cra_domain::event::timestamp;

const LABEL_COLUMNS: usize = 20;

pub(crate) fn page(status: &v1::GetStatusResponse, style: Style) -> String {
    let behind = status.log_position.saturating_sub(status.applied_position);
    let standing = match behind {
        0 => toned(style, Tone::Good, "up to date"),
        1 => toned(style, Tone::Bad, "1 event behind"),
        behind => toned(style, Tone::Bad, &format!("{} events behind", thousands(behind))),
    };
    let parked = match status.parked_events {
        0 => "none".to_owned(),
        number => toned(style, Tone::Bad, &thousands(number)),
    };
    let applying = status.pause.as_ref().map_or_else(
        || "yes".to_owned(),
        |pause| {
            let by = if pause.client_id.is_empty() { "" } else { " by " };
            let who = format!("{by}{}", printable(&pause.client_id));
            let since = instant(pause.since.as_ref());
            toned(style, Tone::Bad, &format!("paused since {since}{who}: {}", printable(&pause.reason)))
        },
    );
    let lines = [
        ("applies events", applying),
        ("log position", thousands(status.log_position)),
        ("applied position", format!("{}, {standing}", thousands(status.applied_position))),
        ("last applied", instant(status.applied_at.as_ref())),
        ("lag of the last", format!("{}{NO_BREAK_SPACE}ms", thousands(status.lag_ms))),
        ("parked events", parked),
        ("generation", printable(&status.generation)),
    ];
    let log = [("log", printable(&status.log)), ("followed since", instant(status.log_since.as_ref()))];
    let lines = lines.into_iter().chain(log.into_iter().filter(|_| !status.log.is_empty()));
    let forgettings = status.forgettings.iter().map(|it| {
        let (at, position) = (instant(it.forgotten_at.as_ref()), thousands(it.last_common_position));
        ("forgotten", format!("{at}, up to position {position} of {}", printable(&it.former_log)))
    });
    let mut text: String = lines
        .chain(forgettings)
        .map(|(label, value)| format!("{}{value}\n", left(label, LABEL_COLUMNS)))
        .collect();
    if !status.generations.is_empty() {
        text += &format!("\n{}", generations(&status.generations, style));
    }
    text
}

/// The changing figures of a running projection, on one line.
pub(crate) fn line(status: &v1::GetStatusResponse) -> String {
    let mut text = format!(
        "{} serves, {} of {} events applied, {} parked",
        printable(&status.generation),
        thousands(status.applied_position),
        thousands(status.log_position),
        thousands(status.parked_events),
    );
    if let Some(pause) = &status.pause {
        text += &format!("; paused: {}", printable(&pause.reason));
    }
    for other in status.generations.iter().filter(|other| !other.serving) {
        text += &format!("; {} at {}", printable(&other.name), thousands(other.position));
    }
    text
}

fn generations(generations: &[v1::Generation], style: Style) -> String {
    let columns = [
        Column::new("generation", Kind::Id, 0),
        Column::new("serves", Kind::Id, 0),
        Column::new("definitions", Kind::Id, 2),
        Column::new("position", Kind::Number, 0),
        Column::new("on disk", Kind::Number, 1),
        Column::new("created", Kind::Id, 3),
    ];
    let row = |generation: &v1::Generation| {
        vec![
            printable(&generation.name),
            if generation.serving { "yes" } else { "" }.to_owned(),
            printable(&generation.definitions),
            thousands(generation.position),
            bytes(generation.bytes_on_disk),
            instant(generation.created_at.as_ref()),
        ]
    };
    let rows: Vec<_> = generations.iter().map(row).collect();
    let layout = Layout::of(columns, &rows, style);
    let mut text = layout.table(&rows);
    let dropped = layout.left_out();
    if !dropped.is_empty() {
        text += &format!("no room for {} (--json has them)\n", dropped.join(", "));
    }
    text
}

/// ISO 8601 with seconds, so that operators can compare it with their logs.
fn instant(message: Option<&prost_types::Timestamp>) -> String {
    timestamp("timestamp", message)
        .map_or_else(|_| "never".to_owned(), |instant| instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn bytes(number: u64) -> String {
    const KIB: u64 = 1_024;
    const MIB: u64 = 1_024 * KIB;
    match number {
        0..KIB => format!("{number}{NO_BREAK_SPACE}B"),
        KIB..MIB => format!("{}{NO_BREAK_SPACE}KiB", number / KIB),
        _ => format!("{}{NO_BREAK_SPACE}MiB", thousands(number / MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 100, colour: false };

    fn status(applied: u64, head: u64) -> v1::GetStatusResponse {
        v1::GetStatusResponse {
            generation: "g2".to_owned(),
            applied_position: applied,
            log_position: head,
            applied_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            lag_ms: 12,
            parked_events: 0,
            pause: None,
            generations: vec![v1::Generation {
                name: "g2".to_owned(),
                definitions: "1".to_owned(),
                position: applied,
                bytes_on_disk: 3 * 1_024 * 1_024,
                serving: true,
                created_at: None,
            }],
            log: "cra/1".to_owned(),
            log_since: None,
            forgettings: vec![],
            caller: None,
        }
    }

    #[test]
    fn a_projection_that_has_applied_the_whole_log_is_up_to_date() {
        let text = page(&status(2_000, 2_000), LOOK);
        assert!(text.contains("2\u{202f}000, up to date"), "{text}");
        assert!(text.contains("2024-03-01 12:00:00 UTC") && text.contains("3\u{a0}MiB"), "{text}");
    }

    #[test]
    fn a_log_from_which_something_was_forgotten_is_shown_with_the_time_and_the_former_log() {
        let at = Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 });
        let forgetting = v1::Forgetting {
            forgotten_at: at,
            former_log: "cra/0".to_owned(),
            last_common_position: 1_500,
            certificate: String::new(),
        };
        let status =
            v1::GetStatusResponse { forgettings: vec![forgetting], log_since: at, ..status(2_000, 2_000) };
        let text = page(&status, LOOK);
        assert!(text.contains("followed since      2024-03-01 12:00:00 UTC\n"), "{text}");
        let expected = "forgotten           2024-03-01 12:00:00 UTC, up to position 1\u{202f}500 of cra/0\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_lagging_projection_shows_its_lag_in_events() {
        assert!(page(&status(1_999, 2_000), LOOK).contains("1 event behind"));
        assert!(page(&status(0, 2_000), LOOK).contains("2\u{202f}000 events behind"));
    }

    #[test]
    fn a_line_shows_the_serving_generation_its_position_and_other_generations() {
        let other = v1::Generation { name: "g3".to_owned(), position: 7, ..v1::Generation::default() };
        let mut status = status(1_999, 2_000);
        status.generations.push(other);
        let expected = "g2 serves, 1\u{202f}999 of 2\u{202f}000 events applied, 0 parked; g3 at 7";
        assert_eq!(line(&status), expected);
    }

    #[test]
    fn a_pause_is_shown_with_its_reason() {
        let pause = v1::PauseState {
            reason: "the disk is replaced".to_owned(),
            since: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            client_id: "operator".to_owned(),
        };
        let status = v1::GetStatusResponse { pause: Some(pause), ..status(1, 2) };
        let text = page(&status, LOOK);
        assert!(
            text.contains("paused since 2024-03-01 12:00:00 UTC by operator: the disk is replaced"),
            "{text}"
        );
        assert!(line(&status).contains("paused: the disk is replaced"));
    }

    #[test]
    fn parked_events_are_counted() {
        let status = v1::GetStatusResponse { parked_events: 3, ..status(1, 1) };
        assert!(page(&status, LOOK).contains("parked events       3\n"));
    }
}
