//! Asking: one question over gRPC, timed at the caller.

use std::time::{Duration, Instant};

use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;

use super::questions::Question;
use cra_client::{Calls, within_deadline};
use tonic::Status;

/// A caller's connection.
pub(crate) type Statistics = StatisticsServiceClient<Calls>;

/// Asks, and says how long the answer took.
pub(crate) async fn timed(statistics: &mut Statistics, question: &Question) -> Result<Duration, Status> {
    match question {
        Question::Statistics(selection) => {
            taken(statistics.get_statistics(within_deadline(Question::statistics(selection)))).await
        }
        Question::Months(selection) => {
            taken(statistics.get_time_series(within_deadline(Question::months(selection)))).await
        }
        Question::Departments(selection) => {
            taken(statistics.list_breakdown(within_deadline(Question::departments(selection)))).await
        }
        Question::CrossTable(selection) => {
            taken(statistics.get_cross_table(within_deadline(Question::cross_table(selection)))).await
        }
    }
}

/// How long an answer takes, from the first poll of its call.
async fn taken<T>(answer: impl Future<Output = Result<T, Status>>) -> Result<Duration, Status> {
    let begun = Instant::now();
    answer.await?;
    Ok(begun.elapsed())
}
