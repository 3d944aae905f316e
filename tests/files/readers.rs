//! pandas and `DuckDB` read the addresses, and find the figures of the API.

use crate::harness::readers;
use cra_contracts::v1 as pb;
use serde_json::Value;

use super::filled;

#[tokio::test(flavor = "multi_thread")]
async fn pandas_and_duckdb_find_the_figures_of_the_api() {
    let (pair, position) = filled(&[], 12).await;
    let address = |name: &str| {
        format!("http://{}/v1/export/{name}minPosition={position}", pair.projection.address()).into()
    };
    let files = [
        address("statistics.csv?"),
        address("breakdown.csv?dimension=department&"),
        address("cras.csv?"),
        address("cras.parquet?"),
        address("cra-themes.parquet?"),
    ];
    let found: Value = readers::run("read_addresses.py", &files);
    let mut statistics = pair.statistics().await;
    let answer = statistics.get_statistics(pb::GetStatisticsRequest::default()).await.unwrap().into_inner();
    let expected = answer.statistics.unwrap();
    assert_eq!(found["cras"], expected.cras, "{found}");
    assert_eq!(found["acts_by_department"], expected.acts, "{found}");
    assert_eq!(found["rows_of_csv"], expected.cras, "{found}");
    assert_eq!(found["rows_of_parquet"], expected.cras, "{found}");
    assert_eq!(found["participants_by_duckdb"], expected.acts, "{found}");
    let themes: u64 = expected.themes.iter().map(|count| count.count).sum();
    assert_eq!(found["rows_of_themes"], themes, "{found}");
}
