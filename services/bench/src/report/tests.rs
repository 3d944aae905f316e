//! The content of a report, and its forms.

use std::time::Duration;

use serde_json::Value;

use super::*;

fn rate(per_second: f64) -> Measured {
    Measured::Rate { per_second, of: "events" }
}

fn latency(p50_ms: f64, p99_ms: f64) -> Measured {
    Measured::Latency(Quantiles { samples: 2_000, p50_ms, p99_ms, p999_ms: 2.0 * p99_ms })
}

fn report() -> Report {
    let rows = vec![
        Row::new(Scenario::Replay, "a replay", rate(150_000.0))
            .limited("raw drain", rate(200_000.0))
            .aiming(Target::RatioAtLeast(0.7)),
        Row::new(Scenario::Query, "the country", latency(1.5, 4.0))
            .limited("a pass in memory", latency(0.5, 0.6))
            .aiming(Target::P99ByMedianAtMost(7.0)),
        Row::new(Scenario::Replay, "read models on disk", Measured::BytesPerCra(126.7)),
    ];
    Report {
        version: "1.2.3",
        began: "2026-01-02 03:04 UTC".to_owned(),
        machine: Machine {
            cores: 2,
            processor: "Some CPU".to_owned(),
            memory_bytes: 1 << 30,
            system: "linux".to_owned(),
        },
        seed: 1,
        cras: 1_000_000,
        seconds: 61.5,
        left_out: vec!["peers".to_owned()],
        rows,
    }
}

#[test]
fn a_ratio_is_the_rate_or_the_median_by_the_limit() {
    let rows = report().rows;
    assert_eq!((rows[0].ratio, rows[1].ratio, rows[2].ratio), (Some(0.75), Some(3.0), None));
    let seconds =
        Row::new(Scenario::Replay, "x", Measured::Seconds(3.0)).limited("y", Measured::Seconds(2.0));
    assert_eq!(seconds.ratio, Some(1.5));
    let unlike = Row::new(Scenario::Replay, "x", rate(1.0)).limited("y", latency(1.0, 1.0));
    assert_eq!(unlike.ratio, None, "unlike figures do not compare");
}

#[test]
fn a_target_is_met_at_its_bound_and_missed_beyond() {
    let aimed = |measured, target| Row::new(Scenario::Query, "x", measured).aiming(target).targets[0].met;
    assert!(aimed(latency(1.0, 3.0), Target::P99MsAtMost(3.0)));
    assert!(!aimed(latency(1.0, 3.1), Target::P99MsAtMost(3.0)));
    assert!(!aimed(Measured::BytesPerCra(150.1), Target::BytesPerCraAtMost(150.0)));
    assert!(!aimed(Measured::Times(3.1), Target::TimesAtMost(3.0)));
    assert!(!aimed(rate(1.0), Target::RatioAtLeast(0.5)), "without a limit there is no ratio to meet it");
    let compared = |target| {
        let row = Row::new(Scenario::Query, "x", latency(2.0, 6.0)).limited("y", latency(1.0, 3.0));
        row.aiming(target).targets[0].met
    };
    assert!(compared(Target::RatioAtMost(2.0)) && !compared(Target::RatioAtMost(1.9)));
    assert!(compared(Target::P99ByP99AtMost(2.0)) && !compared(Target::P99ByP99AtMost(1.9)));
    assert!(compared(Target::P99ByMedianAtMost(6.0)) && !compared(Target::P99ByMedianAtMost(5.9)));
    assert!(compared(Target::P99MsBeyondAtMost(3.0)) && !compared(Target::P99MsBeyondAtMost(2.9)));
    assert!(!aimed(latency(1.0, 1.0), Target::P99ByP99AtMost(9.0)), "there is nothing to compare with");
    assert!(
        !aimed(Measured::Times(f64::NAN), Target::TimesAtMost(3.0)),
        "what was not measured meets nothing"
    );
}

#[test]
fn the_table_and_the_page_hold_every_row_with_its_limit_ratio_and_target() {
    let report = report();
    let page = report.markdown();
    for text in [
        "| replay | a replay | 150,000 events/s | raw drain: 200,000 events/s | 0.75 | ratio ≥ 0.7 met |",
        "| query | the country | p50 1.5 ms p99 4.0 ms p99.9 8.0 ms (n 2,000) | a pass in memory: p50 500 µs p99 600 µs | 3.00 | \
         p99 ≤ 7 × its p50 missed |",
        "| replay | read models on disk | 127 B/CRA |  |  |  |",
        "- version: 1.2.3",
        "- processor: Some CPU, 2 cores",
        "- data: 1,000,000 CRAs, seed 1",
        "Left out, because it would not have ended in time: peers.",
        "1 of 2 targets met, in 61.5 s",
    ] {
        assert!(page.contains(text), "{text} in:\n{page}");
    }
    let table = report.table(200);
    for row in &report.rows {
        assert!(table.contains(&row.what), "{} in:\n{table}", row.what);
    }
}

#[test]
fn the_json_holds_figures_as_numbers_with_their_units_in_the_names() {
    let json: Value = serde_json::to_value(report()).unwrap();
    assert_eq!(json["rows"][0]["measured"]["rate"]["per_second"], 150_000.0);
    assert_eq!(json["rows"][0]["ratio"], 0.75);
    assert_eq!(json["rows"][1]["measured"]["latency"]["p99_ms"], 4.0);
    assert_eq!(json["rows"][1]["targets"][0]["met"], false);
    assert_eq!(json["machine"]["cores"], 2);
}

#[test]
fn a_cost_is_the_time_of_one_of_many() {
    assert_eq!(Measured::each(Duration::from_millis(2), 1_000), Measured::Nanoseconds(2_000.0));
}
