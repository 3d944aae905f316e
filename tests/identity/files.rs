//! Files at plain addresses require the same rights as their export by gRPC: each scope, inside the perimeter and
//! outside, gets the same answer both ways.

use cra_contracts::v1 as pb;
use cra_runtime::identity::Scope;
use cra_runtime::rejection::{code_name, reason_of};

use crate::harness::{
    Http, Issuer, Pair, carrying, curl, department, exported_by, national, new_id, of_department, submission,
    workshop,
};

const CONTENTS: [(&str, pb::ExportContent); 4] = [
    ("statistics", pb::ExportContent::Statistics),
    ("breakdown", pb::ExportContent::Breakdown),
    ("cras", pb::ExportContent::Cras),
    ("cra-ages", pb::ExportContent::CraAges),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_and_perimeter_gets_the_same_file_or_the_same_refusal_both_ways() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let submits = issuer.token("cra:submit", &national());
    let recorded = submission(&new_id(), workshop(5));
    pair.ingestion().await.submit_cra(carrying(&submits, recorded)).await.unwrap();
    let mut statistics = pair.statistics().await;
    let mut ways = Vec::new();
    for scope in Scope::ALL {
        for perimeter in [national(), department("75"), department("35")] {
            let token = issuer.token(scope.name(), &perimeter);
            let authorization = format!("authorization: Bearer {token}");
            for (name, content) in CONTENTS {
                let is_breakdown = content == pb::ExportContent::Breakdown;
                let request = pb::ExportRequest {
                    content: content.into(),
                    format: pb::ExportFormat::Csv.into(),
                    selection: Some(of_department("75")),
                    dimension: if is_breakdown { pb::Dimension::Department.into() } else { 0 },
                    ..pb::ExportRequest::default()
                };
                let dimension = if is_breakdown { "&dimension=department" } else { "" };
                let path = format!("/v1/export/{name}.csv?department=75{dimension}");
                let called = exported_by(&mut statistics, carrying(&token, request)).await;
                let shown = format!("{name} with {} of {perimeter:?}", scope.name());
                for http in Http::BOTH {
                    let found = curl(http, pair.projection.address(), &path, &["-H", &authorization]);
                    match &called {
                        Ok(file) => {
                            assert_eq!(found.status, 200, "{shown}: {}", found.text());
                            assert!(found.body == file.bytes, "{shown}");
                        }
                        Err(status) => {
                            let problem = found.problem();
                            assert_eq!(problem["code"], code_name(status.code()), "{shown}: {problem}");
                            assert_eq!(problem["reason"].as_str(), reason_of(status).as_deref(), "{shown}");
                            assert_eq!(found.status, 403, "{shown}: {problem}");
                            let is_of_scope = problem["reason"] == "SCOPE_MISSING";
                            let challenge = found.header("www-authenticate");
                            assert_eq!(
                                challenge.contains("insufficient_scope"),
                                is_of_scope,
                                "{shown}: {challenge}"
                            );
                        }
                    }
                }
                ways.push(called.map_err(|status| reason_of(&status).unwrap_or_default()).map(drop));
            }
        }
    }
    // The matrix holds every kind of answer.
    for expected in [Ok(()), Err("SCOPE_MISSING".to_owned()), Err("BEYOND_PERIMETER".to_owned())] {
        assert!(ways.contains(&expected), "{expected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_a_file_is_401_and_the_description_is_open() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let projection = pair.projection.address();
    for http in Http::BOTH {
        // The caller is checked before all other parts of the address.
        for path in ["/v1/export/cras.csv", "/v1/export/statistics.parquet?x=1&department=%zz"] {
            let without = curl(http, projection, path, &[]);
            assert_eq!((without.status, without.header("www-authenticate")), (401, "Bearer"), "{path}");
            assert_eq!(without.problem()["reason"], "TOKEN_REQUIRED", "{path}");
            let wrong = curl(http, projection, path, &["-H", "authorization: Bearer x.y.z"]);
            assert_eq!(
                (wrong.status, wrong.header("www-authenticate")),
                (401, "Bearer error=\"invalid_token\"")
            );
        }
        for service in [projection, pair.ingestion.address()] {
            assert_eq!(curl(http, service, "/openapi.json", &[]).status, 200);
        }
    }
}
