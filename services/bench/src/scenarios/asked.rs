//! Asking: one question over gRPC, timed at the caller.

use std::time::{Duration, Instant};

use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;

use super::questions::Question;
use cra_client::{Calls, within_deadline};

/// A caller's connection.
pub(crate) type Statistics = StatisticsServiceClient<Calls>;

/// Asks, and says how long the answer took.
pub(crate) async fn timed(statistics: &mut Statistics, question: &Question) -> anyhow::Result<Duration> {
    let asked = |begun: Instant| begun.elapsed();
    Ok(match question {
        Question::Statistics(selection) => {
            let request = within_deadline(Question::statistics(selection));
            let begun = Instant::now();
            statistics.get_statistics(request).await?;
            asked(begun)
        }
        Question::Months(selection) => {
            let request = within_deadline(Question::months(selection));
            let begun = Instant::now();
            statistics.get_time_series(request).await?;
            asked(begun)
        }
        Question::Departments(selection) => {
            let request = within_deadline(Question::departments(selection));
            let begun = Instant::now();
            statistics.list_breakdown(request).await?;
            asked(begun)
        }
        Question::CrossTable(selection) => {
            let request = within_deadline(Question::cross_table(selection));
            let begun = Instant::now();
            statistics.get_cross_table(request).await?;
            asked(begun)
        }
    })
}
