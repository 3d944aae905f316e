//! A file that the caller already has is not made again; one that would differ is sent.

use super::{file, filled};
use crate::harness::{Fetched, Http, Pair, curl, record, workshop};

fn again(http: Http, pair: &Pair, path: &str, tag: &str) -> Fetched {
    curl(
        http,
        pair.projection.address(),
        &format!("/v1/export/{path}"),
        &["-H", &format!("If-None-Match: {tag}")],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_at_the_same_position_is_304_and_any_other_is_sent() {
    let (pair, position) = filled(&[], 3).await;
    let path = format!("statistics.csv?department=35&department=75&minPosition={position}");
    let first = file(Http::Two, &pair, &path);
    let tag = first.header("etag").to_owned();
    assert!(tag.len() > 20 && tag.starts_with('"'), "{first:?}");
    // Independent of the order of the values, the names of the parameters, and how the position is requested.
    let same = [
        path.clone(),
        "statistics.csv?departmentCodes=75&departmentCodes=35".to_owned(),
        format!(
            "statistics.csv?selection.department_codes=75&department=35&department=35&asOfPosition={position}"
        ),
    ];
    for path in &same {
        for http in Http::BOTH {
            let unchanged = again(http, &pair, path, &tag);
            assert_eq!((unchanged.exit, unchanged.status), (0, 304), "{path}: {unchanged:?}");
            assert_eq!(unchanged.header("etag"), tag);
            assert!(unchanged.body.is_empty());
        }
    }
    for other in [
        "statistics.csv?department=35",
        "statistics.xlsx?department=35&department=75",
        "statistics.csv?department=35&department=75&from=2024-01-01",
        "cras.csv?department=35&department=75",
    ] {
        let sent = again(Http::Two, &pair, other, &tag);
        assert_eq!(sent.status, 200, "{other}");
        assert_ne!(sent.header("etag"), tag, "{other}");
    }
    assert_eq!(again(Http::One, &pair, &path, &format!("\"x\", W/{tag}")).status, 304);
    assert_eq!(again(Http::One, &pair, &path, "*").status, 304);

    let recorded = record(&mut pair.ingestion().await, workshop(4)).await;
    let path = format!("statistics.csv?department=35&department=75&minPosition={}", recorded.position);
    let changed = again(Http::Two, &pair, &path, &tag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    // At the earlier position it is the earlier file.
    let earlier = format!("statistics.csv?department=35&department=75&as_of_position={position}");
    assert_eq!(again(Http::Two, &pair, &earlier, &tag).status, 304);
}
