//! At a terminal the programs use colours, unless the environment disables them: then no escape code is written,
//! whatever a program outputs. The terminal is one of Python's `pty`.

use std::process::Command;

use cra_eventlog::testing::NatsServer;

use crate::harness::deployed::repository;
use crate::harness::{Ended, Kind, Pair, cra_of, record, statistics_at};

const ESCAPE: char = '\u{1b}';
const WITHOUT: [&[(&str, &str)]; 4] =
    [&[("NO_COLOR", "1")], &[("NO_COLOR", "yes")], &[("TERM", "dumb")], &[("TERM", "dumb"), ("CI", "true")]];

/// The output of a program at a terminal, until it ends, or until it has printed a text and is stopped.
fn shown(kind: Kind, arguments: &[&str], stop_at: &str, environment: &[(&str, &str)]) -> String {
    let program = kind.command();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/readers/at_a_terminal.py")).arg(stop_at).arg(program.get_program());
    for (name, _) in program.get_envs() {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("CI")
        .env("TERM", "xterm-256color")
        .current_dir(folder.path());
    Ended::of(command.envs(environment.iter().copied())).succeeded().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn without_colours_no_program_writes_an_escape_code_at_a_terminal() {
    let pair = Pair::start().await;
    let receipt = record(&mut pair.ingestion().await, cra_of(1)).await;
    statistics_at(&mut pair.statistics().await, receipt.position).await;
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let url = nats.url();
    let [ingestion_url, projection_url] =
        [&pair.ingestion, &pair.projection].map(|service| format!("http://{}", service.address()));
    let service = [("CRA_LOG__URL", url.as_str()), ("CRA_LISTEN", "127.0.0.1:0"), ("CRA_DATA", "data")];
    let commands = [
        vec!["stats", "--projection-url", &projection_url],
        vec!["status", "--projection-url", &projection_url, "--ingestion-url", &ingestion_url],
        vec!["help"],
    ];
    let all = |environment: &[(&str, &str)]| {
        let mut all: Vec<_> =
            commands.iter().map(|arguments| shown(Kind::CommandLine, arguments, "", environment)).collect();
        for (kind, settings) in [(Kind::Ingestion, &service[..2]), (Kind::Projection, &service[..])] {
            all.push(shown(kind, &[], "serving", &[settings, environment].concat()));
        }
        all
    };
    tokio::task::block_in_place(|| {
        let coloured = all(&[]).iter().filter(|shown| shown.contains(ESCAPE)).count();
        assert!(coloured >= 3, "{coloured} programs use colours at a terminal");
        for environment in WITHOUT {
            for shown in all(environment) {
                assert!(!shown.contains(ESCAPE) && shown.lines().count() > 2, "{environment:?}: {shown:?}");
            }
        }
    });
}
