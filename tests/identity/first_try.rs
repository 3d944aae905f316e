//! Identity as the README shows it: a key, a token, services that trust it, and the command line with the token.

use std::fs;

use cra_contracts::json;
use cra_eventlog::testing::NatsServer;

use crate::harness::{new_id, run_cra, service_pair, submission, workshop};

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_tokens_of_the_command_line_are_taken_by_the_services() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], environment: &[(&str, &str)]| run_cra(dir.path(), arguments, environment);
    let made = run(&["token", "keys", "keys"], &[]).succeeded();
    let settings = dir.path().join("identity.toml");
    fs::write(&settings, &made.stdout).unwrap();
    let issued = run(
        &[
            "token",
            "issue",
            "keys",
            "--client",
            "demo",
            "--scope",
            "cra:submit statistics:read",
            "--department",
            "75",
        ],
        &[],
    )
    .succeeded();

    let nats = NatsServer::start(dir.path()).unwrap();
    let settings = settings.display().to_string();
    let (mut ingestion, mut projection) = service_pair(dir.path(), &nats.url(), &[("CONFIG", &settings)]);
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    let ingestion_url = format!("http://{}", ingestion.address());
    let projection_url = format!("http://{}", projection.address());
    let urls = [("CRA_INGESTION_URL", &*ingestion_url), ("CRA_PROJECTION_URL", &*projection_url)];
    let with_token = [&urls[..], &[("CRA_TOKEN", issued.stdout.trim())]].concat();

    let id = new_id();
    fs::write(dir.path().join("one.json"), json::to_value(&submission(&id, workshop(5))).to_string())
        .unwrap();
    run(&["submit", "one.json"], &with_token).succeeded();
    run(&["stats", "--department", "75", "--min-position", "1", "--json"], &with_token)
        .succeeded()
        .shows("\"cras\":\"1\"");

    for (arguments, environment, reason) in [
        (&["stats"][..], &with_token[..], "BEYOND_PERIMETER"),
        (&["stats", "--department", "35"], &with_token, "BEYOND_PERIMETER"),
        (&["list", "--department", "75"], &with_token, "SCOPE_MISSING"),
        (&["stats", "--department", "75"], &urls, "TOKEN_REQUIRED"),
    ] {
        run(arguments, environment).exited(2).reports(reason);
    }
}
