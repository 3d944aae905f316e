//! Files at plain addresses equal the exports of the same queries, byte for byte, over HTTP/1.1 and HTTP/2: for `curl`,
//! pandas and `DuckDB`, with the refusals of the call as problems.

mod conditional;
mod hostile;
mod readers;
mod refusals;

use cra_contracts::files;
use cra_contracts::v1 as pb;
use pb::ExportContent as Content;

use crate::harness::{
    Fetched, Http, Pair, at_least, cra_of, curl, exported, figure, new_id, submission, submit_stream,
};

/// A pair with CRAs of Paris and of Rennes, and the position of the last one; `settings` are the projection's.
async fn filled(settings: &[(&str, &str)], count: u32) -> (Pair, u64) {
    let own = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")];
    let settings: Vec<_> = own.into_iter().chain(settings.iter().copied()).collect();
    let pair = Pair::start_apart(&[], &settings).await;
    let submissions = (0..count).map(|number| {
        let cra = cra_of(number);
        let rennes = pb::Place {
            commune_code: "35238".into(),
            postal_code: "35000".into(),
            ..cra.place.clone().unwrap()
        };
        submission(&new_id(), if number % 3 == 0 { pb::Cra { place: Some(rennes), ..cra } } else { cra })
    });
    let submissions: Vec<_> = submissions.collect();
    let receipts = submit_stream(&mut pair.ingestion().await, tokio_stream::iter(submissions)).await;
    let position = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    (pair, position)
}

fn file(http: Http, pair: &Pair, name_and_query: &str) -> Fetched {
    curl(http, pair.projection.address(), &format!("/v1/export/{name_and_query}"), &[])
}

/// The request that a file's address is equivalent to, and its query.
fn question(name: &str, position: u64) -> (pb::ExportRequest, String) {
    let (content, format) = files::named(name).unwrap();
    let mut query = format!("from=2024-01-01&to=2024-12-31&department=35&minPosition={position}");
    let mut request = pb::ExportRequest {
        content: content.into(),
        format: format.into(),
        selection: Some(pb::Selection {
            from: "2024-01-01".into(),
            to: "2024-12-31".into(),
            department_codes: vec!["35".into()],
            ..pb::Selection::default()
        }),
        consistency: at_least(position),
        ..pb::ExportRequest::default()
    };
    match content {
        Content::Breakdown => {
            query += "&dimension=commune";
            request.dimension = pb::Dimension::Commune.into();
        }
        Content::Series => {
            query += "&granularity=month";
            request.granularity = pb::Granularity::Month.into();
        }
        _ => {}
    }
    (request, query)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_is_byte_for_byte_the_export_of_the_same_question() {
    let (pair, position) = filled(&[], 9).await;
    let mut statistics = pair.statistics().await;
    let mut files_seen = 0;
    for name in files::names() {
        let (request, query) = question(&name, position);
        let expected = exported(&mut statistics, request).await;
        for http in Http::BOTH {
            let found = file(http, &pair, &format!("{name}?{query}"));
            let Ok(expected) = &expected else {
                assert_eq!(found.status, 400, "{name}: {}", found.text());
                assert_eq!(found.problem()["violations"][0]["reason"], "FORMAT_NOT_OFFERED", "{name}");
                continue;
            };
            assert_eq!((found.exit, found.status), (0, 200), "{name} {http:?}: {}", found.text());
            assert_eq!(found.header("content-type"), expected.header.media_type);
            let disposition = format!("attachment; filename=\"{}\"", expected.header.file_name);
            assert_eq!(found.header("content-disposition"), disposition);
            assert_eq!(found.header("cache-control"), "private, no-cache");
            assert_eq!(found.header("x-content-type-options"), "nosniff");
            assert!(found.body == expected.bytes, "{name} {http:?} differs from its export");
            files_seen += 1;
        }
    }
    // Twenty-two files, as in the table of the contract's page.
    assert_eq!(files_seen, 2 * (3 * 2 + 4 + 4 * 3));
    // They count as calls of the export, like those by gRPC.
    let calls = "cra_rpc_streams_total{code=\"OK\",rpc=\"StatisticsService/Export\"}";
    assert_eq!(figure(&pair.projection, calls).await, 3 * 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_headers_of_the_file_and_gzip_its_bytes() {
    let (pair, position) = filled(&[], 3).await;
    let query = format!("cras.csv?minPosition={position}");
    for http in Http::BOTH {
        let plain = file(http, &pair, &query);
        let path = format!("/v1/export/{query}");
        let head = curl(http, pair.projection.address(), &path, &["--head"]);
        assert_eq!((head.exit, head.status), (0, 200), "{head:?}");
        for name in ["content-type", "content-disposition", "etag", "cache-control"] {
            assert_eq!(head.header(name), plain.header(name), "{name}");
        }
        let zipped = curl(http, pair.projection.address(), &path, &["--compressed"]);
        assert_eq!(zipped.header("content-encoding"), "gzip");
        assert_eq!(zipped.header("etag"), format!("W/{}", plain.header("etag")));
        assert!(zipped.body == plain.body, "{http:?}: inflated it is the same file");
        assert!(zipped.header("vary").contains("accept-encoding"), "{zipped:?}");
        // A compressed format is sent unchanged.
        let parquet = format!("/v1/export/cras.parquet?minPosition={position}");
        let parquet = curl(http, pair.projection.address(), &parquet, &["--compressed"]);
        assert_eq!(parquet.header("content-encoding"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_never_looks_whole() {
    let (pair, position) = filled(&[("LIMITS__EXPORT_BYTES_MAX", "70000")], 500).await;
    for arguments in [&[][..], &["--compressed"]] {
        for http in Http::BOTH {
            let path = format!("/v1/export/cras.csv?minPosition={position}");
            let broken = curl(http, pair.projection.address(), &path, arguments);
            assert_eq!(broken.status, 200, "{}", broken.text());
            // 18: the transfer ended early; 92: the stream of HTTP/2 was reset; 56: the connection was.
            assert!([18, 56, 92].contains(&broken.exit), "{http:?}: curl took it for whole: {}", broken.exit);
        }
    }
    let refused = "cra_rpc_streams_total{code=\"RESOURCE_EXHAUSTED\",rpc=\"StatisticsService/Export\"}";
    assert_eq!(figure(&pair.projection, refused).await, 4);
}
