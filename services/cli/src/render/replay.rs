//! Output of `cra replay`, `cra promote` and `cra verify`, for operators: progress and result.

use cra_contracts::v1;

use super::text::{NO_BREAK_SPACE, Tone, printable, thousands, toned};
use crate::style::Style;

/// Progress of a replay, as reported by the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayState {
    pub(crate) position: u64,
    pub(crate) end: u64,
    /// 0 if unknown.
    pub(crate) events_per_second: u64,
    pub(crate) remaining_seconds: u64,
}

impl From<&v1::RebuildResponse> for ReplayState {
    fn from(answer: &v1::RebuildResponse) -> Self {
        Self {
            position: answer.position,
            end: answer.log_position,
            events_per_second: answer.events_per_second,
            remaining_seconds: answer.remaining_seconds,
        }
    }
}

impl From<&v1::VerifyResponse> for ReplayState {
    fn from(answer: &v1::VerifyResponse) -> Self {
        Self { position: answer.position, end: answer.log_position, ..Self::default() }
    }
}

impl ReplayState {
    /// `1 200 of 5 000 events, 40 000 events/s, 2 min 05 s left`.
    pub(crate) fn line(self) -> String {
        let mut text = format!("{} of {} events", thousands(self.position), thousands(self.end));
        if self.events_per_second > 0 {
            text += &format!(", {} events/s", thousands(self.events_per_second));
        }
        if self.remaining_seconds > 0 {
            text += &format!(", {} left", duration(self.remaining_seconds));
        }
        text
    }
}

/// `5 s`, `2 min 05 s`, `1 h 02 min`.
fn duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let text = match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
        (hours, minutes) => format!("{hours} h {:02} min", minutes % 60),
    };
    text.replace(' ', &NO_BREAK_SPACE.to_string())
}

/// Result of a replay.
pub(crate) fn summary(answer: &v1::RebuildResponse, style: Style) -> String {
    let generation = printable(&answer.generation);
    let held = format!("{generation} contains the log up to position {}", thousands(answer.position));
    let speed = match answer.events_per_second {
        0 => String::new(),
        speed => format!(", replayed at {} events/s", thousands(speed)),
    };
    let place = if answer.promoted {
        toned(style, Tone::Good, "it serves now; the previous generation is kept, see `cra status`")
    } else {
        format!("it is kept but does not serve: `cra promote {generation}` puts it into service")
    };
    format!("{held}{speed}\n{place}\n")
}

/// Result of a promotion.
pub(crate) fn promoted(name: &str, answer: &v1::PromoteResponse, style: Style) -> String {
    let (name, former) = (printable(name), printable(&answer.former_generation));
    if former.is_empty() {
        return format!("{name} already serves\n");
    }
    let serves = toned(style, Tone::Good, &format!("{name} serves now"));
    format!("{serves}\n{former} is kept: `cra promote {former}` switches back to it\n")
}

/// Result of a check.
pub(crate) fn verdict(answer: &v1::VerifyResponse, style: Style) -> String {
    let position = thousands(answer.position);
    if answer.same() {
        let same = toned(style, Tone::Good, "same");
        return format!("{same}: the read models equal a replay of the log up to position {position}\n");
    }
    let different = toned(style, Tone::Bad, "different");
    let mut text = format!(
        "{different}: the read models are not equal to a replay of the log up to position {position}\n"
    );
    for difference in &answer.differences {
        text += &format!("  {}\n", printable(difference));
    }
    text + "`cra replay --promote` builds them again\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 100, colour: false };

    #[test]
    fn progress_shows_position_speed_and_remaining_time() {
        let answer = v1::RebuildResponse {
            position: 1_200,
            log_position: 5_000,
            events_per_second: 40_000,
            remaining_seconds: 125,
            ..Default::default()
        };
        assert_eq!(
            ReplayState::from(&answer).line(),
            "1\u{202f}200 of 5\u{202f}000 events, 40\u{202f}000 events/s, 2\u{a0}min\u{a0}05\u{a0}s left"
        );
        let check = v1::VerifyResponse { position: 3, log_position: 7, ..Default::default() };
        assert_eq!(ReplayState::from(&check).line(), "3 of 7 events");
    }

    #[test]
    fn remaining_times_have_their_two_largest_units() {
        let reported =
            [1, 59, 60, 3_599, 3_600, 90_061].map(duration).map(|text| text.replace('\u{a0}', " "));
        assert_eq!(reported, ["1 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "25 h 01 min"]);
    }

    #[test]
    fn the_summary_shows_the_generation_and_what_can_be_done_with_it() {
        let answer = v1::RebuildResponse { generation: "g2".into(), position: 7, ..Default::default() };
        let text = summary(&answer, LOOK);
        assert!(text.starts_with("g2 contains the log up to position 7\n"), "{text}");
        assert!(text.contains("cra promote g2"), "{text}");
        let text = summary(&v1::RebuildResponse { promoted: true, ..answer }, LOOK);
        assert!(text.contains("it serves now"), "{text}");
    }

    #[test]
    fn a_promotion_shows_how_to_switch_back_and_a_repeated_one_that_nothing_changed() {
        let former = v1::PromoteResponse { former_generation: "g1".into() };
        assert!(promoted("g2", &former, LOOK).contains("cra promote g1"));
        assert_eq!(promoted("g2", &v1::PromoteResponse::default(), LOOK), "g2 already serves\n");
    }

    #[test]
    fn a_check_lists_every_difference() {
        let same = v1::VerifyResponse { position: 7, same: Some(true), ..Default::default() };
        assert!(verdict(&same, LOOK).starts_with("same: "));
        let differences = vec!["fact a".to_owned(), "fact \u{1b}[2J b".to_owned()];
        let text = verdict(&v1::VerifyResponse { same: Some(false), differences, ..same }, LOOK);
        assert!(text.starts_with("different: ") && text.contains("\n  fact a\n  fact ·[2J b\n"), "{text}");
    }
}
