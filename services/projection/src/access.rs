//! What each call of this service needs, in one table. `Export` is admitted with either of two scopes: the handler
//! checks which one the content needs.

use cra_runtime::identity::Scope;
use cra_runtime::identity::access::{Method, Needs, Shape};

const fn method(path: &'static str, shape: Shape, scopes: &'static [Scope]) -> Method {
    Method { path, needs: Needs::AnyOf(scopes), shape, one_by_one: None }
}

const FIGURES: &[Scope] = &[Scope::Statistics, Scope::PublicStatistics];
const OPERATIONS: &[Scope] = &[Scope::Operations];

/// A row for every served method.
pub const METHODS: &[Method] = &[
    method("/cra.v1.StatisticsService/GetStatistics", Shape::Single, FIGURES),
    method("/cra.v1.StatisticsService/GetTimeSeries", Shape::Single, FIGURES),
    method("/cra.v1.StatisticsService/ListBreakdown", Shape::Single, FIGURES),
    method("/cra.v1.StatisticsService/GetCrossTable", Shape::Single, FIGURES),
    method("/cra.v1.StatisticsService/WatchStatistics", Shape::Answers, &[Scope::Statistics]),
    method("/cra.v1.StatisticsService/ListCras", Shape::Single, &[Scope::Read]),
    method("/cra.v1.StatisticsService/GetCra", Shape::Single, &[Scope::Read]),
    method("/cra.v1.StatisticsService/ListLikelyDoubles", Shape::Single, &[Scope::Read]),
    method("/cra.v1.StatisticsService/FollowCras", Shape::Answers, &[Scope::Read]),
    method("/cra.v1.StatisticsService/Export", Shape::Answers, &[Scope::Statistics, Scope::Read]),
    method("/cra.v1.OperationsService/GetStatus", Shape::Single, OPERATIONS),
    method("/cra.v1.OperationsService/Rebuild", Shape::Answers, OPERATIONS),
    method("/cra.v1.OperationsService/Promote", Shape::Single, OPERATIONS),
    method("/cra.v1.OperationsService/Verify", Shape::Answers, OPERATIONS),
    method("/cra.v1.OperationsService/ListParkedEvents", Shape::Single, OPERATIONS),
    method("/cra.v1.OperationsService/RetryParkedEvents", Shape::Single, OPERATIONS),
    method("/cra.v1.OperationsService/Pause", Shape::Single, OPERATIONS),
    method("/cra.v1.OperationsService/Resume", Shape::Single, OPERATIONS),
];
