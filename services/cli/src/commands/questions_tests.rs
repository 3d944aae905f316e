//! Requests and output of the unary queries, as whole command lines.

use std::sync::Arc;

use cra_contracts::v1;

use super::fake::{Fake, ran};

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_breakdown_is_requested_as_given_and_shows_25_rows_by_default() {
    let fake = Arc::new(Fake { rows: 101, ..Fake::default() });
    let flags = ["breakdown", "--by", "departement", "--sort=-acts", "--empty", "--as-of-position", "5"];
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    assert!(text.contains("row 24") && !text.contains("row 25"), "{text}");
    assert!(text.contains("76\u{a0}autres lignes") && text.contains("position 2"), "{text}");
    let request = fake.breakdowns.lock().unwrap()[0].clone();
    assert_eq!((request.dimension(), request.order_by.as_str()), (v1::Dimension::Department, "-acts"));
    assert_eq!((request.page_size, request.include_empty), (25, true));
    assert_eq!(request.consistency.unwrap().as_of_position, 5);
}

#[tokio::test]
async fn all_rows_are_read_over_their_pages_with_the_same_query() {
    let fake = Arc::new(Fake { rows: 101, ..Fake::default() });
    let (text, outcome) = ran(&fake, &["breakdown", "--by", "commune", "--all", "--json"]).await;
    outcome.unwrap();
    let codes: Vec<_> = lines(&text).iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes, (0..101).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    let requests = fake.breakdowns.lock().unwrap();
    let tokens: Vec<_> = requests.iter().map(|request| request.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "40", "80"]);
    assert!(requests.iter().all(|request| request.order_by == "-cras" && request.page_size == 1_000));
}

#[tokio::test]
async fn a_list_shows_one_line_per_cra_and_indicates_further_rows() {
    let fake = Arc::new(Fake { rows: 101, ..Fake::default() });
    let (text, outcome) = ran(&fake, &["list", "--limit", "60", "--theme", "email"]).await;
    outcome.unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("cra-")).count(), 60, "{text}");
    assert_eq!(text.matches("Identifiant").count(), 1, "{text}");
    assert!(text.contains("d'autres CRA suivent"), "{text}");
    let sizes: Vec<_> = fake.lists.lock().unwrap().iter().map(|request| request.page_size).collect();
    assert_eq!(sizes, [60, 20]);

    let (text, outcome) = ran(&fake, &["list", "--all", "--json"]).await;
    outcome.unwrap();
    assert_eq!(lines(&text).len(), 101);
}

#[tokio::test]
async fn probable_doubles_are_shown_two_lines_a_pair_with_the_command_to_withdraw_one() {
    let fake = Arc::new(Fake { rows: 101, ..Fake::default() });
    let flags = ["doubles", "--month", "2024-03", "--advisor", "conseiller-1"];
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("cra-")).count(), 2 * 25, "{text}");
    assert!(text.contains("du 1er mars 2024 au 31 mars 2024") && text.contains("platform-1"), "{text}");
    assert!(text.contains("cra withdraw") && text.contains("--limit N"), "{text}");
    let selection = fake.doubles.lock().unwrap()[0].selection.clone().unwrap();
    assert_eq!(
        (selection.from.as_str(), &selection.advisor_ids[..]),
        ("2024-03-01", &["conseiller-1".to_owned()][..])
    );

    let (text, outcome) = ran(&fake, &["doubles", "--all", "--json"]).await;
    outcome.unwrap();
    let pairs = lines(&text);
    assert_eq!(pairs.len(), 101);
    assert_eq!(pairs[100]["later"]["record"]["craId"], "cra-1100");
    let (text, _) = ran(&Arc::new(Fake::default()), &["doubles"]).await;
    assert!(text.contains("Aucun doublon probable"), "{text}");
}

#[tokio::test]
async fn a_cross_table_is_shown_as_a_page_as_csv_or_as_json() {
    let fake = Arc::new(Fake::default());
    let question = ["cross", "--rows", "thématique", "--columns", "tranche d'age", "--measure", "acts"];
    let (text, outcome) = ran(&fake, &question).await;
    outcome.unwrap();
    assert!(text.contains("Courriels") && text.contains("Plus de 60 ans"), "{text}");
    let request = fake.crosses.lock().unwrap()[0].clone();
    assert_eq!(
        (request.rows(), request.columns(), request.measure()),
        (v1::Dimension::Theme, v1::Dimension::Age, v1::Measure::Acts)
    );
    let (csv, _) = ran(&fake, &[&question[..], &["--csv"]].concat()).await;
    let expected = "\u{feff}code;libelle;AGE_BAND_OVER_60\r\n;;Plus de 60 ans\r\nTHEME_EMAIL;Courriels;7\r\n";
    assert_eq!(csv, expected);
    let (text, _) = ran(&fake, &[&question[..], &["--json"]].concat()).await;
    assert_eq!(lines(&text)[0]["rows"][0]["values"][0], "7");
}

#[tokio::test]
async fn a_series_needs_a_first_and_a_last_day() {
    let fake = Arc::new(Fake::default());
    for flags in [&[][..], &["--from", "2024-01-01"], &["--to", "2024-01-01"]] {
        let (_, outcome) = ran(&fake, &[&["series"], flags].concat()).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("--month 2024-03"), "{error}");
    }
    let (text, outcome) = ran(&fake, &["series", "--month", "2024-03", "--by", "mois"]).await;
    outcome.unwrap();
    assert!(text.contains("mars 2024  "), "{text}");
    let request = fake.series.lock().unwrap()[0].clone();
    assert_eq!(request.granularity(), v1::Granularity::Month);
    assert_eq!(request.selection.unwrap().to, "2024-03-31");
    let (text, _) = ran(&fake, &["series", "--month", "2024-03", "--json"]).await;
    assert_eq!(lines(&text)[0]["points"][0]["statistics"]["cras"], "9");
}

#[tokio::test]
async fn one_cra_is_shown_as_of_a_position() {
    let fake = Arc::new(Fake::default());
    let (text, outcome) = ran(&fake, &["show", "cra-1", "--as-of-time", "2024-03-31T00:00:00Z"]).await;
    outcome.unwrap();
    assert!(text.contains("cra-1") && text.contains("Retiré"), "{text}");
    let request = fake.shows.lock().unwrap()[0].clone();
    assert_eq!(request.cra_id, "cra-1");
    assert_eq!(request.consistency.unwrap().as_of_time.unwrap().seconds, 1_711_843_200);
    let (text, _) = ran(&fake, &["show", "cra-1", "--json"]).await;
    assert_eq!(lines(&text)[0]["withdrawn"], true);
}
