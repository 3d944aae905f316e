//! The example client of Connect, with the types that protoc-gen-es generated, submits, counts and follows over HTTP/1.1.

use serde_json::json;

use super::{Client, lines_of, submission, written};
use crate::harness::{Ended, Standalone, new_id};

/// Runs it to its end with a file; blocks.
fn run(services: &Standalone, file: &str) -> Ended {
    let client = Client::TypeScript;
    let mut command = client.interpreter();
    command
        .arg(client.installed().join("dist/connect.js"))
        .arg(file)
        .env("CRA_INGESTION_URL", format!("http://{}", services.ingestion))
        .env("CRA_PROJECTION_URL", format!("http://{}", services.projection));
    Ended::of(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_connect_with_generated_types_submits_counts_and_follows() {
    let services = Standalone::start().await;
    let ids = [new_id(), new_id()];
    let file = written(services.dir(), "cras.json", &ids.each_ref().map(|id| submission(id, 1)));
    let expected = [
        json!({"craId": ids[0], "position": 1}),
        json!({"craId": ids[1], "position": 2}),
        json!({"cras": 2, "acts": 2}),
        json!({"position": 1, "craId": ids[0]}),
        json!({"position": 2, "craId": ids[1]}),
    ];
    assert_eq!(lines_of(run(&services, &file)), expected);
    let wrong = written(services.dir(), "wrong.json", &[submission(&new_id(), 2)]);
    let refused = run(&services, &wrong).exited(1);
    let fault = "cra.ages (AGES_SUM_MISMATCH): Les tranches d'âge totalisent 2 pour un nombre de participants de 1 : \
                 il y en a 1 de trop.";
    assert_eq!(refused.stderr.trim_end(), fault);
}
