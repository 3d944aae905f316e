//! `cra stats --compare` and `cra series --compare`: two queries at one position of the log.

use cra_contracts::v1;

use super::{CommandResult, Outcome, figures};
use crate::args::{SeriesArgs, StatsArgs};
use crate::client::{ClientError, Connection};
use crate::comparison::{self, Comparand, Comparison};
use crate::output::Output;
use crate::period::today;
use crate::render;

/// Number of attempts, if the read models change between the two queries.
const TRIES_MAX: usize = 5;

/// The statistics of both periods.
pub(super) async fn statistics(
    args: &StatsArgs,
    with: Comparand,
    connection: &Connection,
    output: &mut Output,
) -> CommandResult {
    let (selection, comparison) = questions(&args.query.selection, with)?;
    let ask = async |period, consistency| {
        figures::statistics(connection, Comparison::selection(&selection, period), consistency).await
    };
    let [current, other] = at_one_position(&comparison, args.query.consistency.to_message(), ask).await?;
    let json = || comparison::json::statistics(&comparison, &current, &other);
    let page = |style| render::comparison::statistics(&selection, &comparison, [&current, &other], style);
    output.either(args.query.json, json, page)?;
    Ok(Outcome::Done)
}

/// The series of both periods.
pub(super) async fn series(
    args: &SeriesArgs,
    with: Comparand,
    connection: &Connection,
    output: &mut Output,
) -> CommandResult {
    let (selection, comparison) = questions(&args.query.selection, with)?;
    let ask = async |period, consistency| {
        figures::series(connection, Comparison::selection(&selection, period), args.by, consistency).await
    };
    let [current, other] = at_one_position(&comparison, args.query.consistency.to_message(), ask).await?;
    let json = || comparison::json::series(&comparison, &current, &other);
    let page =
        |style| render::comparison::series(&selection, args.by, &comparison, [&current, &other], style);
    output.either(args.query.json, json, page)?;
    Ok(Outcome::Done)
}

fn questions(
    selection: &crate::selection::SelectionArgs,
    with: Comparand,
) -> anyhow::Result<(v1::Selection, Comparison)> {
    let today = today();
    let comparison = Comparison::of(selection.period(today), with, today)?;
    Ok((selection.to_message_on(today), comparison))
}

/// An answer with a snapshot of the log.
trait Answer {
    fn snapshot(&self) -> Option<&v1::Snapshot>;

    /// Whether its figures are public ones, which exist only for the current state.
    fn is_current_only(&self) -> bool;

    /// Whether two answers have the same snapshot and definitions.
    fn has_same_snapshot(&self, other: &Self) -> bool {
        let state = |answer: &Self| {
            let named = |snapshot: &v1::Snapshot| {
                (snapshot.position, snapshot.log.clone(), snapshot.definitions.clone())
            };
            answer.snapshot().map(named)
        };
        state(self) == state(other)
    }

    /// The consistency that requests the same snapshot.
    fn consistency(&self) -> v1::Consistency {
        let (position, log) =
            self.snapshot().map(|snapshot| (snapshot.position, snapshot.log.clone())).unwrap_or_default();
        let as_of_position = if self.is_current_only() { 0 } else { position };
        // A replica that has not reached the position waits for it.
        v1::Consistency { min_position: position, as_of_position, as_of_time: None, log }
    }
}

impl Answer for v1::GetStatisticsResponse {
    fn snapshot(&self) -> Option<&v1::Snapshot> {
        self.snapshot.as_ref()
    }

    fn is_current_only(&self) -> bool {
        self.statistics.as_ref().is_some_and(|statistics| statistics.rounded_to > 0)
    }
}

impl Answer for v1::GetTimeSeriesResponse {
    fn snapshot(&self) -> Option<&v1::Snapshot> {
        self.snapshot.as_ref()
    }

    fn is_current_only(&self) -> bool {
        let mut statistics = self.points.iter().filter_map(|point| point.statistics.as_ref());
        statistics.any(|statistics| statistics.rounded_to > 0)
    }
}

/// Both answers at one position: the second query asks as of the position of the first answer. If the read models were
/// replaced in between, the log is empty or the figures are public, both are asked again until their snapshots agree.
async fn at_one_position<A: Answer>(
    comparison: &Comparison,
    consistency: v1::Consistency,
    mut ask: impl AsyncFnMut(crate::period::Period, v1::Consistency) -> Result<A, ClientError>,
) -> anyhow::Result<[A; 2]> {
    let mut current = ask(comparison.current, consistency).await?;
    for _ in 0..TRIES_MAX {
        let other = ask(comparison.other, current.consistency()).await?;
        if current.has_same_snapshot(&other) {
            return Ok([current, other]);
        }
        current = ask(comparison.current, other.consistency()).await?;
        if current.has_same_snapshot(&other) {
            return Ok([current, other]);
        }
    }
    anyhow::bail!(
        "the figures of the two periods could not be read at one position, because the log keeps growing; try again"
    )
}
