//! A repeated call by GET is answered 304 without counting, until its answer would differ.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::curl::{Answer, curl};
use crate::harness::{
    Issuer, Pair, carrying, department, eventually, national, new_id, submission, workshop,
};

/// The address of a method with a request in JSON.
fn address(pair: &Pair, method: &str, request: &str) -> String {
    let is_of_ingestion = method.starts_with("Reference");
    let service = if is_of_ingestion { &pair.ingestion } else { &pair.projection };
    let message = URL_SAFE_NO_PAD.encode(request);
    format!(
        "http://{}/cra.v1.{method}?connect=v1&encoding=json&base64=1&message={message}",
        service.address()
    )
}

/// Calls a method by GET, with the tag of an earlier answer.
fn got(pair: &Pair, method: &str, request: &str, token: &str, tag: Option<&str>) -> Answer {
    let token = format!("authorization: Bearer {token}");
    let known = tag.map(|tag| format!("if-none-match: {tag}"));
    let url = address(pair, method, request);
    let mut arguments = vec!["--http1.1", "--header", &token, &url];
    if let Some(known) = &known {
        arguments.extend(["--header", known]);
    }
    curl(&arguments, &[])
}

fn tag_of(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_else(|| panic!("no tag: {answer:?}")).to_owned()
}

/// Records a CRA, and waits until it is counted.
async fn record(pair: &Pair, token: &str, counted: u64) {
    let request = carrying(token, submission(&new_id(), workshop(5)));
    let receipt = pair.ingestion().await.submit_cra(request).await.unwrap().into_inner().receipt.unwrap();
    eventually("the CRA is counted", async || {
        let question = format!("{{\"consistency\":{{\"minPosition\":\"{}\"}}}}", receipt.position);
        let answer = got(pair, "StatisticsService/GetStatistics", &question, token, None);
        let cras = answer.json()["statistics"]["cras"].clone();
        if cras.as_str() == Some(&*counted.to_string()) { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

const QUESTIONS: [(&str, &str); 6] = [
    ("StatisticsService/GetStatistics", "{}"),
    (
        "StatisticsService/GetTimeSeries",
        r#"{"selection":{"from":"2024-03-01","to":"2024-03-31"},"granularity":"GRANULARITY_DAY"}"#,
    ),
    ("StatisticsService/ListBreakdown", r#"{"dimension":"DIMENSION_THEME"}"#),
    (
        "StatisticsService/GetCrossTable",
        r#"{"rows":"DIMENSION_THEME","columns":"DIMENSION_CHANNEL","measure":"MEASURE_CRAS"}"#,
    ),
    ("StatisticsService/ListCras", r#"{"pageSize":1}"#),
    ("StatisticsService/ListLikelyDoubles", "{}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_by_get_is_304_until_a_cra_is_recorded_and_never_for_another_question() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let token = issuer.token("cra:submit cra:read statistics:read", &national());
    record(&pair, &token, 1).await;
    let mut tags = Vec::new();
    for (method, request) in QUESTIONS {
        let first = got(&pair, method, request, &token, None);
        assert_eq!(first.status, 200, "{method}: {first:?}");
        let tag = tag_of(&first);
        let again = got(&pair, method, request, &token, Some(&tag));
        assert_eq!((again.status, again.body.len()), (304, 0), "{method}: {again:?}");
        assert_eq!(
            (again.header("etag"), again.header("cache-control")),
            (Some(&*tag), Some("private, no-cache"))
        );
        tags.push(tag);
    }
    // Independent of the order of the values, the form of the address, and how the position is requested.
    let pair_of = r#"{"selection":{"departmentCodes":["35","75"]}}"#;
    let tag = tag_of(&got(&pair, "StatisticsService/GetStatistics", pair_of, &token, None));
    for same in [
        r#"{"selection":{"department_codes":["75","35"]}}"#,
        r#"{"consistency":{"minPosition":"1"},"selection":{"departmentCodes":["35","75"]}}"#,
    ] {
        assert_eq!(
            got(&pair, "StatisticsService/GetStatistics", same, &token, Some(&tag)).status,
            304,
            "{same}"
        );
    }
    for (number, (method, request)) in QUESTIONS.into_iter().enumerate() {
        let other = got(&pair, method, request, &token, Some(&tags[(number + 1) % tags.len()]));
        assert_eq!(other.status, 200, "{method} by the tag of another question");
    }
    // Page tokens are sealed for their caller.
    let another = issuer.token("cra:read statistics:read", &department("35"));
    let narrowed = r#"{"selection":{"departmentCodes":["35"]}}"#;
    let tag = tag_of(&got(&pair, "StatisticsService/ListCras", narrowed, &token, None));
    assert_eq!(got(&pair, "StatisticsService/ListCras", narrowed, &another, Some(&tag)).status, 200);
    // Rights are checked first.
    let refused = got(&pair, "StatisticsService/GetStatistics", "{}", &another, Some(&tags[0]));
    assert_eq!((refused.status, refused.reason().as_str()), (403, "BEYOND_PERIMETER"));

    record(&pair, &token, 2).await;
    for ((method, request), tag) in QUESTIONS.into_iter().zip(&tags) {
        let changed = got(&pair, method, request, &token, Some(tag));
        assert_eq!(changed.status, 200, "{method}");
        assert_ne!(&tag_of(&changed), tag, "{method}");
        let earlier = request.strip_suffix('}').unwrap();
        let comma = if earlier.len() > 1 { "," } else { "" };
        let earlier = format!("{earlier}{comma}\"consistency\":{{\"asOfPosition\":\"1\"}}}}");
        let as_of = got(&pair, method, &earlier, &token, Some(tag));
        assert_eq!(as_of.status, 304, "{method} as of the earlier position: {as_of:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vocabulary_is_sent_once_and_what_is_not_asked_by_get_has_no_tag() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let token = issuer.token("statistics:read", &national());
    for (method, request, other) in [
        ("ReferenceService/GetVocabulary", "{}", None),
        ("ReferenceService/SearchCommunes", r#"{"text":"renn"}"#, Some(r#"{"text":"brest"}"#)),
    ] {
        let tag = tag_of(&got(&pair, method, request, &token, None));
        assert_eq!(got(&pair, method, request, &token, Some(&tag)).status, 304, "{method}");
        if let Some(other) = other {
            assert_eq!(got(&pair, method, other, &token, Some(&tag)).status, 200, "{method}");
        }
    }
    let url = format!("http://{}/cra.v1.StatisticsService/GetStatistics", pair.projection.address());
    let bearer = format!("authorization: Bearer {token}");
    let json = "content-type: application/json";
    let posted = curl(&["--header", &bearer, "--header", json, "--header", "if-none-match: *", &url], b"{}");
    assert_eq!((posted.status, posted.header("etag")), (200, None));
}
