//! A query within the perimeter is answered, a query beyond it is refused and never narrowed; a CRA outside cannot be
//! distinguished from one that does not exist.

use cra_contracts::v1 as pb;
use cra_runtime::identity::PerimeterClaim;
use cra_runtime::rejection::reason_of;
use tonic::{Code, Status};

use crate::harness::{
    Ingestion, Issuer, Pair, Statistics, assert_refused, at_least, carrying, department, eventually,
    national, new_id, of_department, submission, workshop,
};

const RENNES: (&str, &str) = ("35238", "35000");
const BREST: (&str, &str) = ("29019", "29200");

fn at((commune_code, postal_code): (&str, &str), advisor: &str, structure: &str) -> pb::Cra {
    let cra = workshop(5);
    let place = pb::Place {
        commune_code: commune_code.to_owned(),
        postal_code: postal_code.to_owned(),
        ..cra.place.clone().unwrap()
    };
    pb::Cra { advisor_id: advisor.into(), structure_id: structure.into(), place: Some(place), ..cra }
}

/// A pair with a CRA of department 35 and one of 29.
struct Setup {
    issuer: Issuer,
    pair: Pair,
    inside: String,
    outside: String,
    position: u64,
}

async fn set_up() -> Setup {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let mut ingestion = pair.ingestion().await;
    let token = issuer.token("cra:submit", &national());
    let (inside, outside) = (new_id(), new_id());
    let mut position = 0;
    for (id, cra) in [(&inside, at(RENNES, "in", "s-in")), (&outside, at(BREST, "out", "s-out"))] {
        let answer = ingestion.submit_cra(carrying(&token, submission(id, cra))).await.unwrap();
        position = answer.into_inner().receipt.unwrap().position;
    }
    Setup { issuer, pair, inside, outside, position }
}

type Answer = Result<(), Status>;

async fn statistics(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let request = pb::GetStatisticsRequest { selection: Some(selection), ..Default::default() };
    client.get_statistics(carrying(token, request)).await.map(drop)
}

async fn series(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let days = pb::Selection { from: "2024-03-01".into(), to: "2024-03-31".into(), ..selection };
    let granularity = pb::Granularity::Month.into();
    let request = pb::GetTimeSeriesRequest { selection: Some(days), granularity, ..Default::default() };
    client.get_time_series(carrying(token, request)).await.map(drop)
}

async fn breakdown(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let dimension = pb::Dimension::Theme.into();
    let request = pb::ListBreakdownRequest { selection: Some(selection), dimension, ..Default::default() };
    client.list_breakdown(carrying(token, request)).await.map(drop)
}

async fn cross_table(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let (rows, columns) = (pb::Dimension::Theme.into(), pb::Dimension::Channel.into());
    let measure = pb::Measure::Cras.into();
    let request =
        pb::GetCrossTableRequest { selection: Some(selection), rows, columns, measure, ..Default::default() };
    client.get_cross_table(carrying(token, request)).await.map(drop)
}

async fn watch(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let request = pb::WatchStatisticsRequest { selection: Some(selection), ..Default::default() };
    client.watch_statistics(carrying(token, request)).await.map(drop)
}

async fn list(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let request = pb::ListCrasRequest { selection: Some(selection), ..Default::default() };
    client.list_cras(carrying(token, request)).await.map(drop)
}

async fn doubles(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let request = pb::ListLikelyDoublesRequest { selection: Some(selection), ..Default::default() };
    client.list_likely_doubles(carrying(token, request)).await.map(drop)
}

async fn follow(client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    let request =
        pb::FollowCrasRequest { selection: Some(selection), stop_at_head: true, ..Default::default() };
    client.follow_cras(carrying(token, request)).await.map(drop)
}

async fn export(
    client: &mut Statistics,
    token: &str,
    selection: pb::Selection,
    content: pb::ExportContent,
) -> Answer {
    let (content, format) = (content.into(), pb::ExportFormat::Csv.into());
    let request = pb::ExportRequest { selection: Some(selection), content, format, ..Default::default() };
    // Read to its end: a client may have few concurrent exports.
    let mut parts = client.export(carrying(token, request)).await?.into_inner();
    while parts.message().await?.is_some() {}
    Ok(())
}

const KINDS: usize = 10;

async fn answer_to(kind: usize, client: &mut Statistics, token: &str, selection: pb::Selection) -> Answer {
    match kind {
        0 => statistics(client, token, selection).await,
        1 => series(client, token, selection).await,
        2 => breakdown(client, token, selection).await,
        3 => cross_table(client, token, selection).await,
        4 => watch(client, token, selection).await,
        5 => list(client, token, selection).await,
        6 => follow(client, token, selection).await,
        7 => export(client, token, selection, pb::ExportContent::Cras).await,
        8 => export(client, token, selection, pb::ExportContent::Statistics).await,
        9 => doubles(client, token, selection).await,
        _ => unreachable!(),
    }
}

fn of_ids(advisors: &[&str], structures: &[&str]) -> pb::Selection {
    pb::Selection {
        advisor_ids: advisors.iter().map(ToString::to_string).collect(),
        structure_ids: structures.iter().map(ToString::to_string).collect(),
        ..pb::Selection::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_within_the_perimeter_and_refused_beyond_it() {
    let Setup { issuer, pair, .. } = set_up().await;
    let mut client = pair.statistics().await;
    let ids = |advisors: &[&str], structures: &[&str]| PerimeterClaim {
        advisors: advisors.iter().map(ToString::to_string).collect(),
        structures: structures.iter().map(ToString::to_string).collect(),
        ..PerimeterClaim::default()
    };
    let everything = pb::Selection::default();
    let cases = [
        (
            department("35"),
            vec![of_department("35")],
            vec![of_department("29"), of_ids(&["in"], &[]), everything.clone()],
        ),
        (
            ids(&["in"], &[]),
            vec![of_ids(&["in"], &[])],
            vec![of_ids(&["in", "out"], &[]), of_department("35")],
        ),
        (
            ids(&[], &["s-in"]),
            vec![of_ids(&[], &["s-in"])],
            vec![of_ids(&[], &["s-out"]), everything.clone()],
        ),
        (national(), vec![everything.clone(), of_department("29")], vec![]),
        (PerimeterClaim::default(), vec![], vec![everything, of_ids(&["in"], &[])]),
    ];
    for (perimeter, inside, beyond) in cases {
        let token = issuer.token("statistics:read cra:read", &perimeter);
        for kind in 0..KINDS {
            for selection in &inside {
                let answer = answer_to(kind, &mut client, &token, selection.clone()).await;
                assert!(answer.is_ok(), "{kind}, {perimeter:?}, {selection:?}: {answer:?}");
            }
            for selection in &beyond {
                let refused = answer_to(kind, &mut client, &token, selection.clone()).await.unwrap_err();
                assert_refused(&refused, Code::PermissionDenied, "BEYOND_PERIMETER");
            }
        }
    }
}

/// A refusal, without the id that the caller sent.
fn comparable(status: &Status, id: &str) -> (Code, String, Vec<u8>) {
    let details = String::from_utf8_lossy(status.details()).replace(id, "ID").into_bytes();
    (status.code(), status.message().replace(id, "ID"), details)
}

async fn shown(
    client: &mut Statistics,
    token: &str,
    id: &str,
    position: u64,
) -> Result<pb::CraRecord, Status> {
    let consistency = at_least(position);
    let request = pb::GetCraRequest { cra_id: id.to_owned(), consistency };
    let answer = client.get_cra(carrying(token, request)).await?;
    Ok(answer.into_inner().record.unwrap())
}

async fn history(client: &mut Ingestion, token: &str, id: &str) -> Result<usize, Status> {
    let request = pb::GetCraHistoryRequest { cra_id: id.to_owned() };
    Ok(client.get_cra_history(carrying(token, request)).await?.into_inner().events.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cra_outside_the_perimeter_is_answered_exactly_as_one_that_was_never_recorded() {
    let Setup { issuer, pair, inside, outside, position } = set_up().await;
    let (mut statistics, mut ingestion) = (pair.statistics().await, pair.ingestion().await);
    let token = issuer.token("cra:read", &department("35"));
    let absent = new_id();
    assert_eq!(shown(&mut statistics, &token, &inside, position).await.unwrap().cra_id, inside);
    assert_eq!(history(&mut ingestion, &token, &inside).await.unwrap(), 1);

    let of_outside = shown(&mut statistics, &token, &outside, position).await.unwrap_err();
    let of_absent = shown(&mut statistics, &token, &absent, position).await.unwrap_err();
    assert_eq!(of_absent.code(), Code::NotFound);
    assert_eq!(comparable(&of_outside, &outside), comparable(&of_absent, &absent));
    let of_outside = history(&mut ingestion, &token, &outside).await.unwrap_err();
    let of_absent = history(&mut ingestion, &token, &absent).await.unwrap_err();
    assert_eq!(of_absent.code(), Code::NotFound);
    assert_eq!(comparable(&of_outside, &outside), comparable(&of_absent, &absent));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_figures_are_refused_by_a_service_that_publishes_none_and_let_in_nowhere_else() {
    let Setup { issuer, pair, .. } = set_up().await;
    let mut client = pair.statistics().await;
    let token = issuer.token("statistics:public", &PerimeterClaim::default());
    for kind in 0..KINDS {
        let refused = answer_to(kind, &mut client, &token, pb::Selection::default()).await.unwrap_err();
        let reason = reason_of(&refused).unwrap_or_default();
        if kind < 3 {
            let expected = (Code::FailedPrecondition, "PUBLICATIONS_NOT_CONFIGURED");
            assert_eq!((refused.code(), reason.as_str()), expected, "{kind}");
            assert!(refused.message().contains("publications.secret_file"), "{refused}");
        } else {
            assert_eq!(
                (refused.code(), reason.as_str()),
                (Code::PermissionDenied, "SCOPE_MISSING"),
                "{kind}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_cras_needs_the_scope_to_read_them_and_one_of_figures_the_scope_to_count() {
    let Setup { issuer, pair, .. } = set_up().await;
    let mut client = pair.statistics().await;
    let (reads, counts) =
        (issuer.token("cra:read", &national()), issuer.token("statistics:read", &national()));
    let everything = pb::Selection::default;
    let of_cras = [
        pb::ExportContent::Cras,
        pb::ExportContent::CraThemes,
        pb::ExportContent::CraAges,
        pb::ExportContent::CraStatuses,
        pb::ExportContent::CraOrganisations,
    ];
    let cases = of_cras.map(|content| (content, &reads, &counts)).into_iter();
    for (content, granted, missing) in cases.chain([(pb::ExportContent::Statistics, &counts, &reads)]) {
        assert!(export(&mut client, granted, everything(), content).await.is_ok(), "{content:?}");
        let refused = export(&mut client, missing, everything(), content).await.unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("SCOPE_MISSING"), "{content:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_which_cras_is_recorded_and_neither_what_they_say_nor_the_token() {
    let Setup { issuer, pair, inside, position, .. } = set_up().await;
    let (mut statistics, mut ingestion) = (pair.statistics().await, pair.ingestion().await);
    let token = issuer.token_for("the-reader", "cra:read", &department("35"), 600);
    list(&mut statistics, &token, of_department("35")).await.unwrap();
    export(&mut statistics, &token, of_department("35"), pb::ExportContent::Cras).await.unwrap();
    follow(&mut statistics, &token, of_department("35")).await.unwrap();
    doubles(&mut statistics, &token, of_department("35")).await.unwrap();
    shown(&mut statistics, &token, &inside, position).await.unwrap();
    history(&mut ingestion, &token, &inside).await.unwrap();
    let logged = || pair.projection.output() + &pair.ingestion.output();
    for call in ["ListCras", "Export", "FollowCras", "ListLikelyDoubles", "GetCra", "GetCraHistory"] {
        let line = eventually("the read is recorded", async || {
            let logged = logged();
            let of_call = |line: &&str| {
                line.starts_with(r#"{"audit":"read""#) && line.contains(&format!("Service/{call}\""))
            };
            logged.lines().find(of_call).map(str::to_owned).ok_or_else(|| format!("{call} is missing"))
        })
        .await;
        assert!(line.contains("the-reader") && line.contains("marie"), "{line}");
        assert!(line.contains("35") || line.contains(&inside), "{line}");
    }
    let logged = logged();
    let secret = token.rsplit_once('.').unwrap().1;
    assert!(!logged.contains(secret), "the log contains a token");
    assert!(!logged.contains("s-in"), "the log contains content of a CRA");
}
