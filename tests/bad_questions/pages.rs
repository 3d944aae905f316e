//! Page sizes above the limit, and page tokens that this listing did not issue.

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use tonic::{Request, Status};

use super::{CRAS, assert_invalid, requests, some_cras};
use crate::harness::InProcess;

const INVALID: &[(&str, &str)] = &[("page_token", "PAGE_TOKEN_INVALID")];
/// Fewer rows than there are.
const PAGE_ROWS: u32 = 2;

fn cras() -> v1::ListCrasRequest {
    v1::ListCrasRequest { page_size: PAGE_ROWS, ..v1::ListCrasRequest::default() }
}

fn breakdown() -> v1::ListBreakdownRequest {
    v1::ListBreakdownRequest { page_size: PAGE_ROWS, ..requests::breakdown(v1::Selection::default()) }
}

async fn list(process: &InProcess, request: v1::ListCrasRequest) -> Result<v1::ListCrasResponse, Status> {
    Ok(process.service.list_cras(Request::new(request)).await?.into_inner())
}

async fn break_down(
    process: &InProcess,
    request: v1::ListBreakdownRequest,
) -> Result<v1::ListBreakdownResponse, Status> {
    Ok(process.service.list_breakdown(Request::new(request)).await?.into_inner())
}

#[tokio::test]
async fn a_page_has_at_most_a_thousand_rows() {
    let process = some_cras();
    for page_size in [1_001, u32::MAX] {
        let expected = [("page_size", "PAGE_SIZE_TOO_LARGE")];
        let refused = list(&process, v1::ListCrasRequest { page_size, ..cras() }).await.unwrap_err();
        assert_invalid("ListCras", &refused, &expected);
        let refused =
            break_down(&process, v1::ListBreakdownRequest { page_size, ..breakdown() }).await.unwrap_err();
        assert_invalid("ListBreakdown", &refused, &expected);
    }
    for page_size in [1_001, u32::MAX] {
        let request = v1::ListLikelyDoublesRequest { page_size, ..Default::default() };
        let refused = process.service.list_likely_doubles(Request::new(request)).await.unwrap_err();
        assert_invalid("ListLikelyDoubles", &refused, &[("page_size", "PAGE_SIZE_TOO_LARGE")]);
    }
    let all = list(&process, v1::ListCrasRequest { page_size: 1_000, ..cras() }).await.unwrap();
    assert_eq!((all.cras.len(), all.next_page_token.as_str()), (CRAS as usize, ""));
}

/// Variations of a token by accident or by guessing.
fn tampered(token: &str) -> Vec<String> {
    let mut tampered = Vec::new();
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            tampered.extend(String::from_utf8(bytes));
        }
        if at > 0 {
            tampered.extend([token[..at].to_owned(), token[at..].to_owned()]);
        }
    }
    tampered.extend(["A", "=", "==", " ", "\n"].map(|more| format!("{token}{more}")));
    tampered.extend(["0", "1", "-1", "next", "é", "A", "AAAA", "%00", "\0", "' OR 1=1"].map(str::to_owned));
    tampered.extend([
        format!("{token}{token}"),
        format!(" {token}"),
        "A".repeat(1 << 20),
        "é".repeat(1 << 16),
    ]);
    tampered
}

#[tokio::test]
async fn a_modified_token_is_refused() {
    let process = some_cras();
    let of_cras = list(&process, cras()).await.unwrap().next_page_token;
    for page_token in tampered(&of_cras) {
        let query = format!("{page_token:.80} for {of_cras}");
        let refused = list(&process, v1::ListCrasRequest { page_token, ..cras() }).await.expect_err(&query);
        assert_invalid(&query, &refused, INVALID);
    }
    let of_rows = break_down(&process, breakdown()).await.unwrap().next_page_token;
    for page_token in tampered(&of_rows) {
        let query = format!("{page_token:.80} for {of_rows}");
        let request = v1::ListBreakdownRequest { page_token, ..breakdown() };
        assert_invalid(&query, &break_down(&process, request).await.expect_err(&query), INVALID);
    }
}

#[tokio::test]
async fn a_token_of_another_list_of_cras_is_refused() {
    let process = some_cras();
    let page_token = list(&process, cras()).await.unwrap().next_page_token;
    let advisor_ids = vec!["conseiller-1".to_owned()];
    let selection = Some(v1::Selection { advisor_ids, ..v1::Selection::default() });
    let consistency = Some(v1::Consistency { as_of_position: CRAS.into(), ..v1::Consistency::default() });
    let others = [
        v1::ListCrasRequest { selection, ..cras() },
        v1::ListCrasRequest { consistency, ..cras() },
        v1::ListCrasRequest {
            page_token: break_down(&process, breakdown()).await.unwrap().next_page_token,
            ..cras()
        },
    ];
    let doubles = v1::ListLikelyDoublesRequest { page_token: page_token.clone(), ..Default::default() };
    let refused = process.service.list_likely_doubles(Request::new(doubles)).await.unwrap_err();
    assert_invalid("a token of ListCras", &refused, INVALID);
    for other in others {
        let page_token =
            if other.page_token.is_empty() { page_token.clone() } else { other.page_token.clone() };
        let refused = list(&process, v1::ListCrasRequest { page_token, ..other.clone() }).await;
        assert_invalid(&format!("{other:?}"), &refused.unwrap_err(), INVALID);
    }
    // Only the number of rows may change from page to page.
    let rest = list(&process, v1::ListCrasRequest { page_token, page_size: 100, ..cras() }).await.unwrap();
    assert_eq!((rest.cras.len(), rest.next_page_token.as_str()), ((CRAS - PAGE_ROWS) as usize, ""));
}

#[tokio::test]
async fn a_token_of_another_breakdown_is_refused() {
    let process = some_cras();
    let first = break_down(&process, breakdown()).await.unwrap();
    let (page_token, total) = (first.next_page_token, first.total_rows);
    let structure_ids = vec!["structure-1".to_owned()];
    let selection = Some(v1::Selection { structure_ids, ..v1::Selection::default() });
    let consistency = Some(v1::Consistency { as_of_position: CRAS.into(), ..v1::Consistency::default() });
    let others = [
        v1::ListBreakdownRequest { selection, ..breakdown() },
        v1::ListBreakdownRequest { consistency, ..breakdown() },
        v1::ListBreakdownRequest { order_by: "name".into(), ..breakdown() },
        v1::ListBreakdownRequest { dimension: v1::Dimension::Theme.into(), ..breakdown() },
        v1::ListBreakdownRequest { include_empty: true, ..breakdown() },
    ];
    for other in others {
        let request = v1::ListBreakdownRequest { page_token: page_token.clone(), ..other };
        let refused = break_down(&process, request.clone()).await.unwrap_err();
        assert_invalid(&format!("{request:?}"), &refused, INVALID);
    }
    let of_cras = list(&process, cras()).await.unwrap().next_page_token;
    let refused = break_down(&process, v1::ListBreakdownRequest { page_token: of_cras, ..breakdown() }).await;
    assert_invalid("a token of ListCras", &refused.unwrap_err(), INVALID);
    let rest =
        break_down(&process, v1::ListBreakdownRequest { page_token, page_size: 100, ..breakdown() }).await;
    assert_eq!(rest.unwrap().rows.len() as u64, total - u64::from(PAGE_ROWS));
}
