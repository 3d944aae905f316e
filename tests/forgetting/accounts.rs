//! With the users of production: the operator of the log may make it forget, the services and the backup may not, and
//! the services run on the new log with their permissions.

use std::fs;
use std::time::Duration;

use cra_contracts::v1 as pb;

use super::{PLANTED, RULES, holders};
use crate::harness::{
    Ended, Ingestion, Kind, Service, Statistics, connected, cra_of, eventually, record, run_to_end_within,
    service_pair, statistics_at,
};
use crate::log_servers::{Guarded, password};

/// The services with their users, on a stream of the log.
fn services(guarded: &Guarded, stream: (&str, &str)) -> (Service, Service) {
    let of = |user: &'static str| {
        let secret = password(user);
        let settings =
            [("LOG__USER", user), ("LOG__PASSWORD", &secret), ("LOG__CREATE_STREAM", "false"), stream];
        service_pair(&guarded.dir.path().join(user), &guarded.url, &settings)
    };
    (of("ingestion").0, of("projection").1)
}

fn as_user(guarded: &Guarded, user: &str, projection: &Service, arguments: &[&str]) -> Ended {
    let (secret, url) = (password(user), guarded.url.as_str());
    // The server does not answer what a user may not do: the client waits until then.
    let patience = ("CRA_LOG__START_TIMEOUT_MS", "3000");
    let projection = format!("http://{}", projection.address());
    let environment = [
        ("CRA_LOG__URL", url),
        ("CRA_LOG__USER", user),
        ("CRA_LOG__PASSWORD", &secret),
        ("CRA_PROJECTION_URL", &projection),
        patience,
    ];
    // A reader without the permission to read waits for half a minute.
    let timeout = Duration::from_mins(2);
    run_to_end_within(timeout, Kind::CommandLine, &guarded.dir.path().join("desk"), arguments, &environment)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_of_the_log_makes_it_forget_and_the_services_go_over_with_their_users() {
    let guarded = Guarded::start().await;
    let desk = guarded.dir.path().join("desk");
    fs::create_dir(&desk).unwrap();
    fs::write(desk.join("retention.toml"), RULES).unwrap();
    let (mut ingestion, mut projection) = services(&guarded, ("LOG__STREAM", "CRA"));
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    let mut client = Ingestion::new(connected(ingestion.address()).await.unwrap());
    for number in 0..20 {
        let cra = pb::Cra {
            date: "2024-02-05".into(),
            annotation: format!("{PLANTED} {number}"),
            ..cra_of(number)
        };
        record(&mut client, cra).await;
    }

    let forget =
        ["log", "forget", "--from", "stream:CRA", "--to", "slot:a", "--rules", "retention.toml", "--work"];
    for user in ["ingestion", "projection", "backup"] {
        let refused =
            as_user(&guarded, user, &projection, &[&forget[..], &[user, "--finish"]].concat()).failed();
        assert!(refused.stderr.to_lowercase().contains("permission"), "{user}: {}", refused.stderr);
    }
    let receipt = record(&mut client, cra_of(1)).await;
    assert_eq!(receipt.position, 21, "the log takes events as before");
    as_user(&guarded, "operator", &projection, &[&forget[..], &["work", "--finish"]].concat()).succeeded();

    for service in [&mut ingestion, &mut projection] {
        service.terminate();
        service.ended().await;
    }
    let (mut ingestion, mut projection) = services(&guarded, ("LOG__SLOT", "a"));
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    let mut client = Ingestion::new(connected(ingestion.address()).await.unwrap());
    assert_eq!(record(&mut client, cra_of(2)).await.position, 22);
    let mut statistics = Statistics::new(connected(projection.address()).await.unwrap());
    assert_eq!(statistics_at(&mut statistics, 22).await.cras, 22);

    let destroy = ["log", "destroy", "--log", "stream:CRA", "--copy", "slot:a", "--confirm", "CRA"];
    let destroy = [&destroy[..], &["--certificate", "work/certificate.json"]].concat();
    for user in ["ingestion", "projection", "backup"] {
        as_user(&guarded, user, &projection, &destroy).failed();
    }
    as_user(&guarded, "operator", &projection, &destroy).succeeded();
    eventually("nothing holds what was forgotten", async || {
        let found = holders(guarded.dir.path(), PLANTED);
        if found.is_empty() { Ok(()) } else { Err(format!("{PLANTED} in {found:?}")) }
    })
    .await;
}
