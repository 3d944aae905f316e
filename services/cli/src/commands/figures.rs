//! The questions about figures that several commands ask.

use cra_contracts::v1;

use crate::client::{ClientError, Connection, within_deadline};

/// The statistics of a selection.
pub(super) async fn statistics(
    connection: &Connection,
    selection: v1::Selection,
    consistency: v1::Consistency,
) -> Result<v1::GetStatisticsResponse, ClientError> {
    let request = v1::GetStatisticsRequest { selection: Some(selection), consistency: Some(consistency) };
    connection.answer(connection.statistics().get_statistics(within_deadline(request)).await)
}

/// The figures of each period of a selection.
pub(super) async fn series(
    connection: &Connection,
    selection: v1::Selection,
    granularity: v1::Granularity,
    consistency: v1::Consistency,
) -> Result<v1::GetTimeSeriesResponse, ClientError> {
    let request = v1::GetTimeSeriesRequest {
        selection: Some(selection),
        granularity: granularity.into(),
        consistency: Some(consistency),
    };
    connection.answer(connection.statistics().get_time_series(within_deadline(request)).await)
}
