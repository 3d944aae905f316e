//! Connect as `curl` speaks it: HTTP statuses, errors in JSON, calls by GET, streams, compression, time limits.

use serde_json::{Value, json};

use super::curl::{Answer, curl, framed, post};
use crate::harness::{Issuer, Pair, Standalone, national, new_id, submission, workshop};

const JSON: &str = "content-type: application/json";
const STREAM: &str = "content-type: application/connect+json";
const GET_STATISTICS: &str = "StatisticsService/GetStatistics";

fn url(address: std::net::SocketAddr, method: &str) -> String {
    format!("http://{address}/cra.v1.{method}")
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_submits_and_counts_over_http_1_1_and_http_2() {
    let services = Standalone::start().await;
    for (number, version) in ["--http1.1", "--http2-prior-knowledge"].into_iter().enumerate() {
        let request = cra_contracts::json::to_value(&submission(&new_id(), workshop(5)));
        let to = url(services.ingestion, "IngestionService/SubmitCra");
        let answer = curl(&[version, "--header", JSON, &to], request.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let position = answer.json()["receipt"]["position"].clone();
        assert_eq!(position, json!((number + 1).to_string()), "64-bit numbers are texts");
        let question = json!({"consistency": {"minPosition": position}}).to_string();
        let to = url(services.projection, GET_STATISTICS);
        let answer = curl(
            &[version, "--header", "Content-Type: application/json; charset=utf-8", &to],
            question.as_bytes(),
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["statistics"]["cras"], json!((number + 1).to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_prints_a_curl_line_that_counts_the_month() {
    let services = Standalone::start_with_sample().await;
    let line = crate::harness::eventually("standalone prints a curl line", async || {
        let stdout = services.stdout();
        stdout.lines().find(|line| line.contains("curl ")).map(str::to_owned).ok_or(stdout)
    })
    .await;
    let command = &line[line.find("curl ").unwrap()..];
    let output = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let cras: u64 = answer["statistics"]["cras"].as_str().unwrap().parse().unwrap();
    assert!(cras > 100, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_its_http_status_its_code_and_its_details() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let projection = pair.projection.address();
    let statistics = issuer.token("statistics:read", &national());
    let answered = |token: Option<&str>, request: Value| {
        post(projection, GET_STATISTICS, token, request.to_string().as_bytes())
    };
    let without = answered(None, json!({}));
    assert_eq!((without.status, without.reason().as_str()), (401, "TOKEN_REQUIRED"));
    assert_eq!(without.header("www-authenticate"), Some("Bearer"));
    let of_reader = issuer.token("cra:submit", &national());
    let missing = answered(Some(&of_reader), json!({}));
    assert_eq!((missing.status, missing.json()["code"].clone()), (403, json!("permission_denied")));
    let wrong =
        answered(Some(&statistics), json!({"selection": {"from": "hier", "departmentCodes": ["999"]}}));
    assert_eq!((wrong.status, wrong.reason().as_str()), (400, "INVALID_REQUEST"));
    assert_eq!(wrong.fields().len(), 2, "{wrong:?}");
    let past = answered(Some(&statistics), json!({"consistency": {"minPosition": "999999"}}));
    assert_eq!((past.status, past.reason().as_str()), (400, "PAST_THE_HEAD"));
    for (path, status) in [("NoService/GetCra", 404), ("StatisticsService/DeleteCra", 404)] {
        let answer = post(projection, path, Some(&statistics), b"{}");
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!("unimplemented")));
    }
}

fn faults(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.reason().as_str()), (400, "INVALID_REQUEST"), "{answer:?}");
    answer.fields()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_of_the_contract_is_named_with_its_path() {
    let services = Standalone::start().await;
    let answer_to = |text: &str| post(services.projection, GET_STATISTICS, None, text.as_bytes());
    for (text, fields) in [
        (r#"{"selektion":{}}"#, &["selektion"][..]),
        (r#"{"selection":{"channels":["FAX"],"from":1}}"#, &["selection.channels[0]", "selection.from"]),
        (r#"{"selection":{"from":"2024-01-01","from":"2024-01-02"}}"#, &["selection.from"]),
        (r#"{"consistency":{"minPosition":1,"min_position":2}}"#, &["consistency.min_position"]),
        (r#"{"consistency":{"minPosition":18446744073709551616}}"#, &["consistency.minPosition"]),
        (r#"{"consistency":{"minPosition":"-1"}}"#, &["consistency.minPosition"]),
        ("", &[""]),
        ("[]", &[""]),
        ("{", &[""]),
        ("{} {}", &[""]),
        (r#"{"consistency":{"minPosition":1e999}}"#, &[""]),
    ] {
        assert_eq!(faults(&answer_to(text)), fields, "{text}");
    }
    let many = format!(r#"{{"selection":{{"departmentCodes":[{}]}}}}"#, vec!["\"35\""; 100_000].join(","));
    assert_eq!(faults(&answer_to(&many)), ["selection.department_codes"], "as gRPC refuses it");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(faults(&answer_to(&deep)), [""]);
    let deep = format!("{{\"selection\":{}{}}}", "{\"selection\":".repeat(60_000), "}".repeat(60_000));
    assert_eq!(faults(&answer_to(&deep)), [""]);
    let wide = format!("{{\"x\":[{}]}}", vec!["0"; 1_000_000].join(","));
    assert_eq!(faults(&answer_to(&wide)), [""]);
    assert_eq!(answer_to("{}").status, 200, "it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_without_side_effects_are_called_by_get_and_others_are_not() {
    let services = Standalone::start().await;
    let got = |method: &str, query: &str| {
        curl(&["--http1.1", &format!("{}?{query}", url(services.projection, method))], &[])
    };
    for query in [
        "connect=v1&encoding=json&message=%7B%7D",
        "message={}&encoding=json",
        "encoding=json&base64=1&message=e30&connect=v1",
        "encoding=proto&base64=1&message=",
    ] {
        let answer = got(GET_STATISTICS, query);
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        let is_json = query.contains("json");
        let content_type = if is_json { "application/json" } else { "application/proto" };
        assert_eq!(answer.header("content-type"), Some(content_type));
    }
    for (query, named) in [
        ("", "encoding"),
        ("encoding=json", "message"),
        ("encoding=json&message={}&limit=3", "limit"),
        ("encoding=json&message={}&message={}", "message"),
        ("encoding=json&message={&connect=v1", "JSON"),
    ] {
        let answer = got(GET_STATISTICS, query);
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["message"].as_str().unwrap().contains(named), "{answer:?}");
    }
    for method in ["OperationsService/Pause", "StatisticsService/FollowCras"] {
        let answer = got(method, "encoding=json&message={}");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let put = curl(&["--request", "PUT", "--header", JSON, &url(services.projection, GET_STATISTICS)], b"{}");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_enveloped_and_say_in_their_last_message_how_they_ended() {
    let services = Standalone::start_with_sample().await;
    let follow = url(services.projection, "StatisticsService/FollowCras");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let answer = curl(&[version, "--header", STREAM, &follow], &framed(0, br#"{"stopAtHead":true}"#));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/connect+json")));
        let messages = answer.messages();
        let (end, answers) = messages.split_last().unwrap();
        assert_eq!(*end, (2, json!({})));
        assert!(answers.len() > 100 && answers.iter().all(|(flags, _)| *flags == 0));
        let refused =
            curl(&[version, "--header", STREAM, &follow], &framed(0, br#"{"selection":{"from":"hier"}}"#));
        let messages = refused.messages();
        assert_eq!((refused.status, messages.len(), messages[0].0), (200, 1, 2), "{messages:?}");
        assert_eq!(messages[0].1["error"]["code"], "invalid_argument");
        assert_eq!(messages[0].1["error"]["details"][0]["debug"]["reason"], "INVALID_REQUEST");
    }
    let submit = url(services.ingestion, "IngestionService/SubmitCras");
    let items = [framed(0, br#"{"item":"1"}"#), framed(0, br#"{"item":"2"}"#)].concat();
    let answer = curl(&["--http2-prior-knowledge", "--header", STREAM, &submit], &items);
    assert_eq!(answer.messages().len(), 3, "two items and the end: {answer:?}");
    let over_1 = curl(&["--http1.1", "--header", STREAM, &submit], &items);
    assert_eq!(over_1.status, 505);
    assert!(over_1.json()["message"].as_str().unwrap().contains("call SubmitCra for each of them"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_compressed_both_ways() {
    let services = Standalone::start_with_sample().await;
    let breakdown = url(services.projection, "StatisticsService/ListBreakdown");
    let question = br#"{"dimension":"DIMENSION_THEME"}"#;
    let plain = curl(&["--header", JSON, &breakdown], question);
    let inflated = |name: &str, bytes: &[u8]| match name {
        "gzip" => {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
            text
        }
        _ => zstd::decode_all(bytes).unwrap(),
    };
    for name in ["gzip", "zstd"] {
        let compressed = match name {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut encoder, question).unwrap();
                encoder.finish().unwrap()
            }
            _ => zstd::encode_all(&question[..], 1).unwrap(),
        };
        let (sent, accepted) = (format!("content-encoding: {name}"), format!("accept-encoding: {name}"));
        let answer =
            curl(&["--header", JSON, "--header", &sent, "--header", &accepted, &breakdown], &compressed);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(name)));
        assert!(answer.body.len() < plain.body.len() / 2);
        let answer: Value = serde_json::from_slice(&inflated(name, &answer.body)).unwrap();
        assert_eq!(answer["rows"], plain.json()["rows"]);
        let (sent, accepted) =
            (format!("connect-content-encoding: {name}"), format!("connect-accept-encoding: {name}"));
        let export = url(services.projection, "StatisticsService/Export");
        let question = br#"{"content":"EXPORT_CONTENT_CRAS","format":"EXPORT_FORMAT_NDJSON"}"#;
        let stream = curl(
            &["--header", STREAM, "--header", &sent, "--header", &accepted, &export],
            &framed(0, question),
        );
        assert_eq!((stream.status, stream.header("connect-content-encoding")), (200, Some(name)));
        let (mut flags, mut rest) = (Vec::new(), stream.body.as_slice());
        while let Some(([flag, length @ ..], after)) = rest.split_first_chunk::<5>() {
            flags.push(*flag);
            rest = &after[usize::try_from(u32::from_be_bytes(*length)).unwrap()..];
        }
        assert!(flags.contains(&1) && flags.last() == Some(&2), "large messages are compressed: {flags:?}");
    }
    let other = curl(&["--header", JSON, "--header", "content-encoding: br", &breakdown], question);
    assert_eq!((other.status, other.reason().as_str()), (501, "ENCODING_NOT_SUPPORTED"));
    let garbled = curl(&["--header", JSON, "--header", "content-encoding: gzip", &breakdown], question);
    assert_eq!((garbled.status, garbled.reason().as_str()), (500, "MESSAGE_MALFORMED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_time_limit_is_read_and_no_other_text() {
    let services = Standalone::start().await;
    let statistics = url(services.projection, GET_STATISTICS);
    let timed = |limit: &str, question: &str| {
        curl(
            &["--header", JSON, "--header", &format!("connect-timeout-ms: {limit}"), &statistics],
            question.as_bytes(),
        )
    };
    assert_eq!(timed("30000", "{}").status, 200);
    // An answer that is ready at once is given.
    assert!([200, 504].contains(&timed("0", "{}").status));
    for wrong in ["-1", "1s", "12345678901"] {
        let refused = timed(wrong, "{}");
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(refused.json()["message"].as_str().unwrap().contains("connect-timeout-ms"));
    }
    let version = curl(&["--header", JSON, "--header", "connect-protocol-version: 2", &statistics], b"{}");
    assert_eq!(version.status, 400);
}
