use super::*;
use crate::period::Period;
use crate::render::text::width;

fn style(columns: usize) -> Style {
    Style { columns, colour: false }
}

fn comparison(with: Comparand, today: &str) -> Comparison {
    let period = Period::between("2026-10-01".parse().unwrap(), "2026-12-31".parse().unwrap());
    Comparison::of(period, with, today.parse().unwrap()).unwrap()
}

fn answer(cras: u64) -> v1::GetStatisticsResponse {
    let line =
        |name: &str, count| v1::Count { name: name.into(), label: name.into(), count, share_per_mille: 0 };
    let statistics = v1::Statistics {
        cras,
        acts: cras * 2,
        themes: vec![line("Courriels", cras), line("Budget", 0)],
        redirections: (0..20).map(|number| line(&format!("Organisme {number:02}"), cras)).collect(),
        follow_up: Some(v1::FollowUpStatistics { rate_per_mille: 125, ..v1::FollowUpStatistics::default() }),
        time_spent: vec![v1::TimeSpent {
            name: "total".into(),
            label: "Total".into(),
            estimated_minutes: cras * 30,
            ..v1::TimeSpent::default()
        }],
        ..v1::Statistics::default()
    };
    let snapshot = v1::Snapshot { position: 7, ..v1::Snapshot::default() };
    v1::GetStatisticsResponse { statistics: Some(statistics), snapshot: Some(snapshot) }
}

fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[test]
fn each_figure_shows_both_values_and_the_difference() {
    let comparison = comparison(Comparand::Previous, "2026-12-31");
    let (current, other) = (answer(1_500), answer(1_200));
    let text = statistics(&v1::Selection::default(), &comparison, [&current, &other], style(80));
    let text = plain(&text);
    for expected in [
        "Comptes-rendus d'activité du 1er octobre 2026 au 31 décembre 2026\ncomparés à la période précédente, du 1er juillet 2026 au 30 septembre 2026\n",
        "CRA enregistrés                         1 500       1 200   +300  +25,0 %\n",
        "Budget                                      0           0      0        –\n",
        "Total, estimation                       750 h       600 h  +150 h  +25,0 %\n",
        "et 5 autres redirections : --json\n",
        "Arrêté à la position 7 du journal",
    ] {
        let squeezed = |text: &str| text.split(' ').filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
        assert!(squeezed(&text).contains(&squeezed(expected)), "{expected} in:\n{text}");
    }
}

#[test]
fn an_unfinished_period_states_how_many_days_are_compared() {
    let comparison = comparison(Comparand::LastYear, "2026-11-26");
    let text = statistics(&v1::Selection::default(), &comparison, [&answer(1), &answer(2)], style(100));
    let text = plain(&text);
    for expected in [
        "du 1er octobre 2026 au 26 novembre 2026\n",
        "comparés à la même période un an plus tôt, du 1er octobre 2025 au 26 novembre 2025\n",
        "période en cours : 57 jours sur 92, face aux 57 premiers jours de l'autre\n",
        "−50,0 %",
    ] {
        assert!(text.contains(expected), "{expected} in:\n{text}");
    }
}

#[test]
fn periods_that_only_one_series_has_are_shown_without_a_difference() {
    let point = |from: &str, to: &str, cras| v1::TimePoint {
        from: from.into(),
        to: to.into(),
        statistics: Some(v1::Statistics { cras, ..v1::Statistics::default() }),
    };
    let answer = |points| v1::GetTimeSeriesResponse { points, snapshot: None };
    let current = answer(vec![point("2026-10-01", "2026-10-31", 10), point("2026-11-01", "2026-11-26", 5)]);
    let other = answer(vec![point("2025-10-01", "2025-10-31", 8)]);
    let comparison = comparison(Comparand::LastYear, "2026-11-26");
    let text =
        series(&v1::Selection::default(), Granularity::Month, &comparison, [&current, &other], style(120));
    let lines: Vec<_> =
        text.lines().map(|line| plain(line).split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.iter().any(|line| line.starts_with("octobre 2026 octobre 2025 10 8 +2 +25,0 %")), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("01/11/2026 au 26/11/2026 – 5 – – –")), "{text}");
}

#[test]
fn both_pages_fit_every_terminal() {
    let comparison = comparison(Comparand::Previous, "2026-11-26");
    let (current, other) = (answer(1_500_000), answer(1_200));
    let point = |answer: &v1::GetStatisticsResponse| v1::GetTimeSeriesResponse {
        points: vec![v1::TimePoint {
            from: "2026-10-01".into(),
            to: "2026-11-26".into(),
            statistics: answer.statistics.clone(),
        }],
        snapshot: answer.snapshot.clone(),
    };
    let points = [point(&current), point(&other)];
    for columns in [60, 80, 120] {
        let selection = v1::Selection::default();
        let pages = [
            statistics(&selection, &comparison, [&current, &other], style(columns)),
            series(&selection, Granularity::Quarter, &comparison, [&points[0], &points[1]], style(columns)),
        ];
        for line in pages.iter().flat_map(|page| page.lines()) {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
    }
}
