//! Output of `cra parked`, for operators: the events that could not be applied, and the result of a retry.

use cra_contracts::v1;

use super::text::{NO_BREAK_SPACE, Tone, left, printable, right, thousands, toned};
use crate::style::Style;

const POSITION_COLUMNS: usize = 13;
/// A UUID.
const ID_COLUMNS: usize = 36;
const BYTES_COLUMNS: usize = 11;

pub(crate) fn header(style: Style) -> String {
    let columns = [
        right("position", POSITION_COLUMNS),
        left("CRA", ID_COLUMNS),
        right("payload", BYTES_COLUMNS),
        "reason".to_owned(),
    ];
    toned(style, Tone::Quiet, &columns.join("  ")) + "\n"
}

/// One event; its reason is never truncated.
pub(crate) fn line(event: &v1::ParkedEvent) -> String {
    let cra_id = if event.cra_id.is_empty() { "another subject" } else { &event.cra_id };
    let bytes = format!("{}{NO_BREAK_SPACE}B", thousands(event.payload.len() as u64));
    let columns = [
        right(&thousands(event.position), POSITION_COLUMNS),
        left(&printable(cra_id), ID_COLUMNS),
        right(&bytes, BYTES_COLUMNS),
        printable(&event.error),
    ];
    columns.join("  ") + "\n"
}

/// Result of a retry.
pub(crate) fn retried(answer: v1::RetryParkedEventsResponse, style: Style) -> String {
    let v1::RetryParkedEventsResponse { applied, still_parked } = answer;
    if applied + still_parked == 0 {
        return "no event is parked there\n".to_owned();
    }
    let counting = toned(style, Tone::Good, &format!("{} applied", thousands(applied)));
    let parked = match still_parked {
        0 => "none still parked".to_owned(),
        number => {
            toned(style, Tone::Bad, &format!("{} still parked: `cra parked` shows why", thousands(number)))
        }
    };
    format!("{counting}, {parked}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 100, colour: false };

    #[test]
    fn an_event_is_shown_on_one_line_with_its_whole_reason() {
        let event = v1::ParkedEvent {
            position: 1_234,
            cra_id: String::new(),
            error: "a long reason\nover lines ".repeat(9),
            payload: vec![0; 2_048].into(),
        };
        let text = line(&event);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("1\u{202f}234  another subject "), "{text}");
        assert!(text.contains("2\u{202f}048\u{a0}B  a long reason·over lines"), "{text}");
        assert_eq!(text.matches("a long reason").count(), 9);
        let column = |text: &str, word| text.find(word).map(|at| text[..at].chars().count());
        assert_eq!(column(&header(LOOK), "reason"), column(&text, "a long reason"));
    }

    #[test]
    fn a_retry_reports_how_many_events_count_now_and_how_many_do_not() {
        let reported =
            |applied, still_parked| retried(v1::RetryParkedEventsResponse { applied, still_parked }, LOOK);
        assert_eq!(reported(2, 0), "2 applied, none still parked\n");
        assert_eq!(reported(0, 1), "0 applied, 1 still parked: `cra parked` shows why\n");
        assert_eq!(reported(0, 0), "no event is parked there\n");
    }
}
