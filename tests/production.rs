//! The deployment runs as it is: three servers of the log with their users, certificates, tokens, and the settings of
//! both services. The limits of each user are in `log_servers.rs`.

use std::process::Command;

use cra_contracts::json;

use crate::harness::deployed::{Deployed, nats_server, repository};
use crate::harness::{
    Ended, Ingestion, Kind, Service, Statistics, connected, eventually, new_id, run_cra, service_pair,
    statistics_at, submission, submitted, workshop,
};
use crate::log_servers::{Guarded, password};

#[tokio::test]
async fn the_pair_and_a_backup_run_with_their_users() {
    let guarded = Guarded::start().await;
    let url = guarded.url.clone();
    let of = |user: &'static str| {
        let secret = password(user);
        let settings =
            [("LOG__USER", user), ("LOG__PASSWORD", secret.as_str()), ("LOG__CREATE_STREAM", "false")];
        service_pair(&guarded.dir.path().join(user), &url, &settings)
    };
    let (mut ingesting, _) = of("ingestion");
    let (_, mut projecting) = of("projection");
    tokio::join!(ingesting.start_and_serve(), projecting.start_and_serve());
    let mut ingestion = Ingestion::new(connected(ingesting.address()).await.unwrap());
    let mut statistics = Statistics::new(connected(projecting.address()).await.unwrap());
    let request = submission(&new_id(), workshop(5));
    let first = submitted(&mut ingestion, request.clone()).await.unwrap();
    // A conflict reads the CRA's history.
    assert!(submitted(&mut ingestion, request).await.unwrap().duplicate);
    assert_eq!(statistics_at(&mut statistics, first.position).await.acts, 5);

    let dir = tempfile::tempdir().unwrap();
    let secret = password("backup");
    let user = [("CRA_LOG__USER", "backup"), ("CRA_LOG__PASSWORD", secret.as_str())];
    let exported = run_cra(dir.path(), &["log", "export", "backup", "--nats-url", &url], &user);
    assert!(exported.status.success(), "{}", exported.stderr);
}

#[tokio::test]
async fn the_deployment_runs_with_certificates_tokens_and_three_servers() {
    let deployed = Deployed::start();
    let dir = deployed.dir();
    let cra = |arguments: &[&str], environment: &[(&str, &str)]| {
        let folder = tempfile::tempdir_in(dir).unwrap();
        run_cra(folder.path(), arguments, environment)
    };
    let tokens = dir.join("secrets/tokens");
    let tokens = tokens.to_str().unwrap();
    cra(&["token", "keys", tokens], &[]).succeeded();
    std::fs::copy(dir.join("secrets/tokens/jwks.json"), dir.join("secrets/jwks.json")).unwrap();

    let mut ingestion = deployed.service(Kind::Ingestion, "ingestion");
    let mut projection = deployed.service(Kind::Projection, "projection");
    // They wait for the stream, which they may not create.
    ingestion.start().await;
    projection.start().await;
    eventually("the operator makes the stream", async || deployed.create_log().outcome()).await;
    let url = |service: &Service| format!("https://localhost:{}", service.address().port());
    let (ingestion_url, projection_url) = (url(&ingestion), url(&projection));
    let ca = dir.join("secrets/ca.pem");
    let reached = [
        ("CRA_INGESTION_URL", ingestion_url.as_str()),
        ("CRA_PROJECTION_URL", projection_url.as_str()),
        ("CRA_CA", ca.to_str().unwrap()),
    ];
    eventually("both serve", async || cra(&["health"], &reached).outcome()).await;

    let file = dir.join("one.json");
    let cra_json = json::to_value(&submission(&new_id(), workshop(5)));
    std::fs::write(&file, cra_json.to_string()).unwrap();
    let submit = ["submit", file.to_str().unwrap()];
    // Without a token.
    cra(&submit, &reached).failed();
    let scopes = "cra:submit statistics:read";
    let issue = ["token", "issue", tokens, "--client", "test", "--scope", scopes, "--national"];
    let issued = cra(&issue, &[]).succeeded();
    let with_token: Vec<_> = reached.into_iter().chain([("CRA_TOKEN", issued.stdout.trim())]).collect();
    cra(&submit, &with_token).succeeded();
    eventually("it counts", async || {
        let ended = cra(&["stats", "--advisor", "conseiller-1", "--json"], &with_token);
        if ended.stdout.contains(r#""acts":"5""#) { Ok(()) } else { Err(ended.stdout + &ended.stderr) }
    })
    .await;
}

#[test]
fn the_settings_of_production_are_valid_with_the_secrets_of_a_first_try() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets");
    let made = || Ended::of(Command::new(repository().join("deploy/make-secrets")).arg(&secrets));
    made().succeeded();
    // Secrets are never overwritten.
    made().failed();
    let nats = repository().join("deploy/nats");
    std::fs::copy(nats.join("accounts.conf"), dir.path().join("accounts.conf")).unwrap();
    let settings = std::fs::read_to_string(nats.join("production.conf")).unwrap();
    let config = dir.path().join("production.conf");
    std::fs::write(&config, settings.replace("/run/secrets", secrets.to_str().unwrap())).unwrap();
    let passwords = std::fs::read_to_string(secrets.join("passwords.env")).unwrap();
    let mut check = Command::new(nats_server());
    check
        .arg("--config")
        .arg(&config)
        .arg("-t")
        .envs(passwords.lines().filter_map(|line| line.split_once('=')))
        .envs([1, 2, 3].map(|number| {
            (format!("CRA_NATS_ROUTE_{number}"), format!("nats://routes:p@127.0.0.1:622{number}"))
        }))
        .env("CRA_NATS_ROUTES_LISTEN", "127.0.0.1:6222");
    Ended::of(&mut check).succeeded();
}
