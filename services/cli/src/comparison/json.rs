//! Comparisons as JSON.

use cra_contracts::{json, v1};
use serde_json::{Value, json};

use super::{Comparison, Figure, figures};
use crate::choice::short_form;
use crate::period::Period;

/// Both answers at one position, and every figure with its difference.
pub(crate) fn statistics(
    comparison: &Comparison,
    current: &v1::GetStatisticsResponse,
    other: &v1::GetStatisticsResponse,
) -> Value {
    let both = [current, other].map(|answer| answer.statistics.as_ref());
    let mut value = frame(comparison, current.snapshot.as_ref());
    value["figures"] = figures(both).iter().map(figure).collect();
    value
}

/// Pairs the n-th period of one series with the n-th of the other.
pub(crate) fn series(
    comparison: &Comparison,
    current: &v1::GetTimeSeriesResponse,
    other: &v1::GetTimeSeriesResponse,
) -> Value {
    let mut value = frame(comparison, current.snapshot.as_ref());
    let points = super::pairs(current, other).map(|both| {
        let [current, other] = both
            .map(|point| point.map_or(Value::Null, |point| json!({ "from": point.from, "to": point.to })));
        let both = both.map(|point| point.and_then(|point| point.statistics.as_ref()));
        let figures: Value = figures(both).iter().map(figure).collect();
        json!({ "current": current, "other": other, "figures": figures })
    });
    value["points"] = points.collect();
    value
}

fn frame(comparison: &Comparison, snapshot: Option<&v1::Snapshot>) -> Value {
    let days = |period: Period| json!({ "from": period.from().to_string(), "to": period.to().to_string(), "days": period.days() });
    json!({
        "compare": short_form(comparison.with),
        "current": days(comparison.current),
        "other": days(comparison.other),
        "unfinished": comparison.unfinished_of_days.is_some(),
        "snapshot": snapshot.map(json::to_value),
    })
}

fn figure(figure: &Figure<'_>) -> Value {
    let difference = figure.difference();
    // The contract's counts stay below 2^53 in practice, so JSON numbers are exact.
    let per_cent = difference.and_then(|it| it.per_mille).and_then(|it| i32::try_from(it).ok());
    json!({
        "section": figure.section,
        "name": figure.name,
        "label": figure.label,
        "unit": figure.unit,
        "current": figure.current,
        "other": figure.other,
        "difference": difference.and_then(|it| i64::try_from(it.absolute).ok()),
        "differencePercent": per_cent.map(|it| f64::from(it) / 10.0),
    })
}
