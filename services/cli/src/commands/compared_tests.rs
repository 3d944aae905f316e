//! Requests and output of `--compare`, as whole command lines.

use std::sync::Arc;

use super::fake::{Fake, ran};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn statistics_are_compared_at_the_position_of_the_first_answer() {
    let fake = Arc::new(Fake::default());
    let (text, outcome) = ran(&fake, &["stats", "--month", "2024-03", "--compare", "previous"]).await;
    outcome.unwrap();
    for expected in
        ["du 1er mars 2024 au 31 mars 2024", "du 1er février 2024 au 29 février 2024", "Précédente"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let requests = fake.statistics.lock().unwrap();
    let asked: Vec<_> = requests
        .iter()
        .map(|request| {
            let selection = request.selection.clone().unwrap();
            (selection.from, selection.to, request.consistency.as_ref().unwrap().as_of_position)
        })
        .collect();
    let day = str::to_owned;
    assert_eq!(
        asked,
        [(day("2024-03-01"), day("2024-03-31"), 0), (day("2024-02-01"), day("2024-02-29"), 2_000)]
    );
}

#[tokio::test]
async fn programs_get_both_values_and_the_difference_of_each_figure() {
    let fake = Arc::new(Fake::default());
    let flags = ["stats", "--quarter", "2024-T1", "--compare", "an dernier", "--theme", "email", "--json"];
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    let answer = json(&text);
    assert_eq!(answer["compare"], "last-year");
    assert_eq!(
        answer["current"],
        serde_json::json!({ "from": "2024-01-01", "to": "2024-03-31", "days": 91 })
    );
    assert_eq!(answer["other"], serde_json::json!({ "from": "2023-01-01", "to": "2023-03-31", "days": 90 }));
    assert_eq!((&answer["unfinished"], &answer["snapshot"]["position"]), (&false.into(), &"2000".into()));
    // The fake counts as many CRAs as the last day's year exceeds 2000.
    let cras = &answer["figures"][0];
    assert_eq!((&cras["name"], &cras["unit"]), (&"cras".into(), &"count".into()));
    assert_eq!((&cras["current"], &cras["other"]), (&24.into(), &23.into()));
    assert_eq!((&cras["difference"], &cras["differencePercent"]), (&1.into(), &serde_json::json!(4.3)));
    assert!(fake.statistics.lock().unwrap().iter().all(|it| it.selection.as_ref().unwrap().themes == [3]));
}

#[tokio::test]
async fn a_series_is_compared_period_by_period() {
    let fake = Arc::new(Fake::default());
    let flags = ["series", "--month", "2024-03", "--compare", "last-year"];
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    assert!(text.contains("mars 2024") && text.contains("mars 2023"), "{text}");
    let (text, _) = ran(&fake, &[&flags[..], &["--json"]].concat()).await;
    let answer = json(&text);
    let point = &answer["points"][0];
    assert_eq!(
        (&point["current"]["from"], &point["other"]["from"]),
        (&"2024-03-01".into(), &"2023-03-01".into())
    );
    assert_eq!((&point["figures"][0]["current"], &point["figures"][0]["other"]), (&9.into(), &9.into()));
}

#[tokio::test]
async fn public_figures_are_asked_again_until_both_have_one_position() {
    let fake = Arc::new(Fake { grows: 3, rounded_to: 10, ..Fake::default() });
    let (_, outcome) = ran(&fake, &["stats", "--year", "2024", "--compare", "previous"]).await;
    outcome.unwrap();
    let requests = fake.statistics.lock().unwrap();
    assert!(requests.iter().all(|it| it.consistency.as_ref().unwrap().as_of_position == 0));
    assert_eq!(requests.len(), 5, "the log grew before the first four queries");
}

#[tokio::test]
async fn a_comparison_needs_a_first_and_a_last_day() {
    for command in ["stats", "series"] {
        for flags in [&[][..], &["--from", "2024-01-01"], &["--from", "2024-01-02", "--to", "2024-01-01"]] {
            let line = [&[command, "--compare", "previous"], flags].concat();
            let (_, outcome) = ran(&Arc::new(Fake::default()), &line).await;
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("--year 2024"), "{error}");
        }
    }
}
