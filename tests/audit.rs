//! The audit records who read which lists, who changed what and who operated the service, whatever the log's filters; a
//! rotation of its file neither loses nor doubles a line.

use std::fs;
use std::path::{Path, PathBuf};

use cra_contracts::v1 as pb;
use serde_json::Value;
use tonic::Request;

use crate::harness::{
    Issuer, Pair, at_least, carrying, department, eventually, national, new_id, submission, workshop,
};

/// The lines of a file; each is a JSON object.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The line of a call, once it is written.
async fn line(path: &Path, holds: impl Fn(&Value) -> bool) -> Value {
    eventually("the record is written", async || {
        let lines = lines(path);
        lines.iter().find(|line| holds(line)).cloned().ok_or_else(|| format!("{lines:#?}"))
    })
    .await
}

fn in_rennes() -> pb::Cra {
    let cra = workshop(5);
    let place =
        pb::Place { commune_code: "35238".into(), postal_code: "35000".into(), ..cra.place.clone().unwrap() };
    pb::Cra {
        advisor_id: "zzqx-advisor".into(),
        annotation: "zzqx annotation".into(),
        place: Some(place),
        ..cra
    }
}

struct Setup {
    issuer: Issuer,
    pair: Pair,
    of_ingestion: PathBuf,
    of_projection: PathBuf,
    cra_id: String,
    _folder: tempfile::TempDir,
}

/// A pair that logs nothing but its addresses, with a CRA.
async fn set_up() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let [of_ingestion, of_projection] = ["ingestion", "projection"].map(|name| folder.path().join(name));
    let issuer = Issuer::new();
    let trust = issuer.settings();
    let quiet = [("TELEMETRY__LOG_FILTER", "off,cra_runtime::listen=info")];
    let both: Vec<_> = trust.iter().map(|(name, value)| (&**name, &**value)).chain(quiet).collect();
    let [ingestion, projection] = [&of_ingestion, &of_projection].map(|path| path.display().to_string());
    let with = |path| [&both[..], &[("AUDIT__TO", path)]].concat();
    let pair = Pair::start_apart(&with(&ingestion), &with(&projection)).await;
    let cra_id = new_id();
    let token = issuer.token("cra:submit statistics:read", &national());
    let submitted =
        pair.ingestion().await.submit_cra(carrying(&token, submission(&cra_id, in_rennes()))).await;
    let position = submitted.unwrap().into_inner().receipt.unwrap().position;
    let consistency = at_least(position);
    let request = pb::GetStatisticsRequest { consistency, ..Default::default() };
    pair.statistics().await.get_statistics(carrying(&token, request)).await.unwrap();
    Setup { issuer, pair, of_ingestion, of_projection, cra_id, _folder: folder }
}

/// A request in a trace of the caller, which the audit record names.
fn traced<T>(token: &str, trace: u128, message: T) -> Request<T> {
    let mut request = carrying(token, message);
    let context = format!("00-{trace:032x}-00f067aa0ba902b7-01");
    request.metadata_mut().insert("traceparent", context.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_or_changed_a_cra_is_recorded_with_logs_off_and_nothing_of_what_it_says() {
    let Setup { issuer, pair, of_ingestion, cra_id, _folder, .. } = set_up().await;
    let mut client = pair.ingestion().await;
    let token = issuer.token_for("the-reader", "cra:read cra:correct", &department("35"), 600);
    let history = || pb::GetCraHistoryRequest { cra_id: cra_id.clone() };
    client.get_cra_history(traced(&token, 0xabc, history())).await.unwrap();
    let read = line(&of_ingestion, |line| line["call"] == "IngestionService/GetCraHistory").await;
    for (name, expected) in [
        ("audit", "read"),
        ("service", "ingestion"),
        ("code", "OK"),
        ("client", "the-reader"),
        ("subject", "marie"),
        ("peer", "127.0.0.1"),
        ("trace", "00000000000000000000000000000abc"),
    ] {
        assert_eq!(read[name], expected, "{read}");
    }
    assert_eq!((&read["about"]["craId"], &read["rows"]), (&Value::from(cra_id.as_str()), &Value::from(1)));
    assert_eq!(read["perimeter"].as_str().unwrap().len(), 32);
    assert!(read["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{read}");

    let correction = |expected_revision| pb::CorrectCraRequest {
        cra_id: cra_id.clone(),
        expected_revision,
        cra: Some(pb::Cra { themes: vec![pb::Theme::Budget.into()], ..in_rennes() }),
        reason: "zzqx reason".into(),
    };
    client.correct_cra(carrying(&token, correction(1))).await.unwrap();
    let withdrawal =
        pb::WithdrawCraRequest { cra_id: cra_id.clone(), expected_revision: 2, reason: "zzqx reason".into() };
    client.withdraw_cra(carrying(&token, withdrawal)).await.unwrap();
    for (call, revision) in [("CorrectCra", 1), ("WithdrawCra", 2)] {
        let changed = line(&of_ingestion, |line| line["call"] == format!("IngestionService/{call}")).await;
        assert_eq!((&changed["audit"], &changed["code"]), (&"change".into(), &"OK".into()), "{changed}");
        assert_eq!(changed["about"]["expectedRevision"], revision);
    }

    // Refusals: of an unknown CRA, of a CRA that is not granted, of an invalid token.
    client
        .get_cra_history(carrying(&token, pb::GetCraHistoryRequest { cra_id: new_id() }))
        .await
        .unwrap_err();
    client.submit_cra(carrying(&token, submission(&new_id(), in_rennes()))).await.unwrap_err();
    client.get_cra_history(carrying("no token", history())).await.unwrap_err();
    for (call, code, reader) in [
        ("GetCraHistory", "NOT_FOUND", "the-reader"),
        ("SubmitCra", "PERMISSION_DENIED", "the-reader"),
        ("GetCraHistory", "UNAUTHENTICATED", ""),
    ] {
        let call = format!("IngestionService/{call}");
        let refused = line(&of_ingestion, |line| line["code"] == code).await;
        assert_eq!((&refused["audit"], &refused["call"]), (&"refusal".into(), &call.into()), "{refused}");
        assert_eq!(refused["client"], reader);
    }
    let text = fs::read_to_string(&of_ingestion).unwrap();
    assert!(!text.contains("zzqx") && !text.contains(token.rsplit('.').next().unwrap()), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&of_ingestion).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_lists_figures_of_persons_and_files_and_who_operated_is_recorded_with_the_rows() {
    let Setup { issuer, pair, of_projection, cra_id, _folder, .. } = set_up().await;
    let (mut client, mut operations) = (pair.statistics().await, pair.operations().await);
    let token = issuer.token_for("the-reader", "cra:read statistics:read operations", &national(), 600);
    let of_advisor =
        || Some(pb::Selection { advisor_ids: vec!["zzqx-advisor".into()], ..pb::Selection::default() });
    let call = |name: &str| format!("StatisticsService/{name}");

    let list = pb::ListCrasRequest { selection: of_advisor(), ..Default::default() };
    client.list_cras(carrying(&token, list)).await.unwrap();
    let doubles = pb::ListLikelyDoublesRequest { selection: of_advisor(), ..Default::default() };
    client.list_likely_doubles(carrying(&token, doubles)).await.unwrap();
    client
        .get_cra(carrying(&token, pb::GetCraRequest { cra_id: cra_id.clone(), ..Default::default() }))
        .await
        .unwrap();
    let figures = pb::GetStatisticsRequest { selection: of_advisor(), ..Default::default() };
    client.get_statistics(carrying(&token, figures)).await.unwrap();
    let dimension = pb::Dimension::Structure.into();
    let breakdown = pb::ListBreakdownRequest { dimension, ..Default::default() };
    client.list_breakdown(carrying(&token, breakdown)).await.unwrap();
    for (name, rows) in
        [("ListCras", 1), ("ListLikelyDoubles", 0), ("GetCra", 1), ("GetStatistics", 0), ("ListBreakdown", 1)]
    {
        let read = line(&of_projection, |line| line["call"] == call(name)).await;
        assert_eq!((&read["audit"], &read["code"]), (&"read".into(), &"OK".into()), "{read}");
        assert_eq!((&read["client"], &read["rows"]), (&"the-reader".into(), &rows.into()), "{read}");
        let about = &read["about"];
        match name {
            "GetCra" => assert_eq!(about["craId"], cra_id.as_str()),
            "ListBreakdown" => assert_eq!(about["dimensions"][0], "DIMENSION_STRUCTURE"),
            _ => assert_eq!(about["selection"]["advisorIds"][0], "zzqx-advisor"),
        }
    }

    // A stream has a line for its start and one for its end, with what was sent in between.
    let follow = pb::FollowCrasRequest { stop_at_head: true, ..Default::default() };
    let export = |content: pb::ExportContent| pb::ExportRequest {
        content: content.into(),
        format: pb::ExportFormat::Csv.into(),
        ..Default::default()
    };
    let mut followed = client.follow_cras(carrying(&token, follow)).await.unwrap().into_inner();
    while followed.message().await.unwrap().is_some() {}
    let file = carrying(&token, export(pb::ExportContent::Cras));
    let mut file = client.export(file).await.unwrap().into_inner();
    while file.message().await.unwrap().is_some() {}
    for name in ["FollowCras", "Export"] {
        for (phase, rows) in [("begin", 0), ("end", 1)] {
            let read =
                line(&of_projection, |line| line["call"] == call(name) && line["phase"] == phase).await;
            assert_eq!((&read["code"], &read["rows"]), (&"OK".into(), &rows.into()), "{read}");
        }
    }

    let mut verified =
        operations.verify(carrying(&token, pb::VerifyRequest::default())).await.unwrap().into_inner();
    while verified.message().await.unwrap().is_some() {}
    operations.retry_parked_events(carrying(&token, pb::RetryParkedEventsRequest::default())).await.unwrap();
    for name in ["Verify", "RetryParkedEvents"] {
        let name = format!("OperationsService/{name}");
        let operated =
            line(&of_projection, |line| line["call"] == name.as_str() && line["phase"] != "begin").await;
        assert_eq!(
            (&operated["audit"], &operated["code"]),
            (&"operation".into(), &"OK".into()),
            "{operated}"
        );
    }

    // Figures of territories are not personal.
    let of_department = pb::Selection { department_codes: vec!["35".into()], ..Default::default() };
    let series = pb::GetTimeSeriesRequest {
        selection: Some(pb::Selection {
            from: "2024-01-01".into(),
            to: "2024-12-31".into(),
            ..of_department
        }),
        granularity: pb::Granularity::Month.into(),
        ..Default::default()
    };
    client.get_time_series(carrying(&token, series)).await.unwrap();
    let text = fs::read_to_string(&of_projection).unwrap();
    assert!(!text.contains("GetTimeSeries") && !text.contains("zzqx annotation"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_written_up_to_a_bound_and_counted_beyond_it() {
    let Setup { issuer, pair, of_ingestion, _folder, .. } = set_up().await;
    let mut client = pair.ingestion().await;
    let token = issuer.token_for("the-guesser", "cra:read", &department("35"), 600);
    for _ in 0..200 {
        let request = pb::GetCraHistoryRequest { cra_id: new_id() };
        client.get_cra_history(carrying(&token, request)).await.unwrap_err();
    }
    let other = issuer.token_for("another", "cra:read", &department("35"), 600);
    let request = pb::GetCraHistoryRequest { cra_id: new_id() };
    client.get_cra_history(carrying(&other, request)).await.unwrap_err();
    line(&of_ingestion, |line| line["client"] == "another").await;
    let lines = lines(&of_ingestion);
    let refusals: Vec<_> = lines.iter().filter(|line| line["audit"] == "refusal").collect();
    let left_out: u64 = refusals.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert_eq!(refusals.len() as u64 + left_out, 201, "each is written or counted");
    // 60, plus one per second.
    assert!((60..150).contains(&refusals.len()), "{}", refusals.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_by_signal_loses_and_doubles_no_line() {
    const READS: u128 = 600;
    let Setup { issuer, pair, of_ingestion, cra_id, _folder, .. } = set_up().await;
    let token = issuer.token("cra:read", &national());
    let mut client = pair.ingestion().await;
    let mut files = vec![of_ingestion.clone()];
    for trace in 1..=READS {
        let request = pb::GetCraHistoryRequest { cra_id: cra_id.clone() };
        client.get_cra_history(traced(&token, trace, request)).await.unwrap();
        if trace % 150 == 75 {
            let rotated = of_ingestion.with_extension(trace.to_string());
            fs::rename(&of_ingestion, &rotated).unwrap();
            files.push(rotated);
            pair.ingestion.hang_up();
            eventually("the file is opened again", async || {
                of_ingestion.exists().then_some(()).ok_or_else(|| "the file is missing".to_owned())
            })
            .await;
        }
    }
    let last = format!("{READS:032x}");
    line(&of_ingestion, |line| line["trace"] == last.as_str()).await;
    let mut traces: Vec<_> = files
        .iter()
        .flat_map(|path| lines(path))
        .filter(|line| line["audit"] == "read")
        .map(|line| u128::from_str_radix(line["trace"].as_str().unwrap(), 16).unwrap())
        .collect();
    traces.sort_unstable();
    assert_eq!(traces, (1..=READS).collect::<Vec<_>>());
}
