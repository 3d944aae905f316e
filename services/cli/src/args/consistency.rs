//! The flags that relate an answer to a position of the event log, shared by all queries with a snapshot.

use clap::Args;
use cra_contracts::v1;
use cra_domain::event::timestamp_message;
use cra_domain::territory;
use jiff::{Timestamp, ToSpan as _};

use crate::period::cra_day;

/// Paris, the time zone of days that are given without a time.
const DEPARTMENT: &str = "75";

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Position of the log")]
pub(crate) struct ConsistencyArgs {
    /// Wait until the projection has applied this position, which a receipt gives
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) min_position: u64,
    /// Answer as of this position of the log
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) as_of_position: u64,
    /// Answer as of this time, such as 2024-03-31T18:00:00Z, or the end of a day in Paris
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "as_of_position")]
    pub(crate) as_of_time: Option<Timestamp>,
    /// The log of the position, from an answer's `log` field: the position of another log is refused
    #[arg(long, value_name = "LOG", default_value = "", hide_default_value = true)]
    pub(crate) log: String,
}

impl ConsistencyArgs {
    /// The contract's message.
    pub(crate) fn to_message(&self) -> v1::Consistency {
        v1::Consistency {
            min_position: self.min_position,
            as_of_position: self.as_of_position,
            as_of_time: self.as_of_time.map(timestamp_message),
            log: self.log.clone(),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let expected = || "expected a day such as 2024-03-31, or a time such as 2024-03-31T18:00:00Z".to_owned();
    let Some(day) = cra_day(text) else {
        return text.parse().map_err(|_| expected());
    };
    // The last instant of the day: midnight belongs to the next day.
    let last_instant = day
        .tomorrow()
        .and_then(|next| territory::time_zone(DEPARTMENT).to_timestamp(next.at(0, 0, 0, 0)))
        .and_then(|midnight| midnight.checked_sub(1.nanosecond()));
    last_instant.map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        consistency: ConsistencyArgs,
    }

    fn asked(flags: &[&str]) -> Result<v1::Consistency, String> {
        Flags::try_parse_from(["cra"].iter().chain(flags))
            .map(|flags| flags.consistency.to_message())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_flag_the_answer_is_current() {
        assert_eq!(asked(&[]).unwrap(), v1::Consistency::default());
    }

    #[test]
    fn positions_and_times_are_sent_as_given() {
        let flags = ["--min-position", "7", "--as-of-position", "5", "--log", "nats/CRA/2026"];
        let positions = asked(&flags).unwrap();
        assert_eq!((positions.min_position, positions.as_of_position), (7, 5));
        assert_eq!(positions.log, "nats/CRA/2026");
        for text in ["2024-03-31T18:00:00.5Z", "2024-03-31T20:00:00.5+02:00"] {
            let time = asked(&["--as-of-time", text]).unwrap().as_of_time.unwrap();
            assert_eq!((time.seconds, time.nanos), (1_711_908_000, 500_000_000), "{text}");
        }
    }

    #[test]
    fn a_day_means_its_end_in_paris() {
        let end = |day| asked(&["--as-of-time", day]).unwrap().as_of_time.unwrap();
        // Winter time, then the day on which summer time begins.
        for (day, next_midnight) in
            [("2024-01-31", "2024-01-31T23:00:00Z"), ("2024-03-31", "2024-03-31T22:00:00Z")]
        {
            let expected = next_midnight.parse::<Timestamp>().unwrap().as_second() - 1;
            assert_eq!((end(day).seconds, end(day).nanos), (expected, 999_999_999), "{day}");
        }
    }

    #[test]
    fn a_malformed_time_and_two_bounds_at_once_are_refused() {
        for wrong in ["yesterday", "2024-02-30", "2024-03-31 18:00", "2024-03"] {
            let error = asked(&["--as-of-time", wrong]).unwrap_err();
            assert!(error.contains("2024-03-31T18:00:00Z"), "{wrong}: {error}");
        }
        let both = asked(&["--as-of-time", "2024-03-31", "--as-of-position", "3"]).unwrap_err();
        assert!(both.contains("cannot be used with"), "{both}");
    }
}
