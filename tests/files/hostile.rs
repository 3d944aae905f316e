//! Addresses of attackers are refused within bounds, and the service continues to answer.

use super::{file, filled};
use crate::harness::{Http, curl};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_addresses_are_refused_and_the_service_answers_on() {
    let (pair, position) = filled(&[], 1).await;
    let projection = pair.projection.address();
    let many = |part: &str, count: usize| vec![part; count].join("&");
    let cases = [
        (many("p=1", 10_000), 431),
        (many("p=1", 3_500), 400),
        (many("department=35", 1_050), 400),
        (format!("department={}", "a".repeat(15_000)), 400),
        (format!("department={}", "a".repeat(20_000)), 431),
        ("department=%00".to_owned(), 400),
        ("department=3%5".to_owned(), 400),
        ("department=%".to_owned(), 400),
        ("department=%ff".to_owned(), 400),
        ("%=%".to_owned(), 400),
        ("=".to_owned(), 400),
        ("&&&&".to_owned(), 200),
        ("?".to_owned(), 400),
        ("department".to_owned(), 400),
        ("from=".to_owned(), 200),
    ];
    for (query, status) in &cases {
        for http in Http::BOTH {
            let found = file(http, &pair, &format!("statistics.csv?{query}"));
            let shown: String = query.chars().take(40).collect();
            assert_eq!(found.status, *status, "{http:?} {shown}: {}", found.text());
            assert!(found.body.len() < 32_000, "{shown}");
        }
    }
    // Beyond the limits of HTTP itself: refused by the library of the service, or not even sent by the client's.
    for http in Http::BOTH {
        let huge = file(http, &pair, &format!("statistics.csv?{}", many("department=35", 8_000)));
        assert!(huge.status == 431 || huge.exit != 0, "{huge:?}");
    }
    let too_many = file(Http::One, &pair, &format!("cras.csv?{}", many("department=35", 1_050))).problem();
    assert_eq!(too_many["violations"][0]["reason"], "TOO_MANY_VALUES", "{too_many}");
    assert_eq!(too_many["violations"][0]["parameter"], "department", "{too_many}");

    for http in Http::BOTH {
        // A body is not read, and gRPC headers have no meaning here.
        for arguments in [
            &["--request", "GET", "--data", "not read"][..],
            &["-H", "grpc-encoding: nonsense"],
            &["-H", "content-type: application/grpc"],
            &["-H", "te: gzip"],
            &["-H", "range: bytes=0-1"],
        ] {
            let found = curl(http, projection, "/v1/export/statistics.csv", arguments);
            assert_eq!(found.status, 200, "{http:?} {arguments:?}: {}", found.text());
        }
    }
    // HTTP/1.0 could not show that a file ended early.
    let old = curl(Http::One, projection, "/v1/export/statistics.csv", &["--http1.0"]);
    assert_eq!(old.status, 505, "{old:?}");
    let whole = file(Http::One, &pair, &format!("cras.csv?minPosition={position}"));
    assert_eq!((whole.exit, whole.status), (0, 200));
}
