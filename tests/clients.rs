//! The example clients of `deploy/clients` do what the integration guide describes, in each language, against `cra
//! standalone`: submit once despite failures, show faults in French, correct, read their own writes, follow.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ended, Proxy, Standalone, eventually, new_id, recorded};

mod ageing;
mod compressed;
mod connect;
mod refusals;
mod upgrade;

/// Delay of an answer: long enough to cut the connection once the event is recorded.
const ANSWER_DELAY: Duration = Duration::from_secs(1);

/// An example client, started as its users start it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Python,
    TypeScript,
}

impl Client {
    /// The folder with its installed packages.
    fn installed(self) -> PathBuf {
        let tools =
            std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| in_repository("target/tools"), PathBuf::from);
        let installed = tools.join(match self {
            Self::Python => "python-client",
            Self::TypeScript => "typescript-client",
        });
        assert!(installed.is_dir(), "no {}: run `tests/run`, which makes it", installed.display());
        installed
    }

    /// The interpreter of its language, with access to the client's packages.
    pub(crate) fn interpreter(self) -> Command {
        let mut command = Command::new(match self {
            Self::Python => "python3",
            Self::TypeScript => "node",
        });
        if self == Self::Python {
            let packages = format!("{0}/packages:{0}/stubs", self.installed().display());
            command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
        }
        command
    }

    fn command(self) -> Command {
        let mut command = self.interpreter();
        command.arg(match self {
            Self::Python => in_repository("deploy/clients/python/example.py"),
            Self::TypeScript => self.installed().join("dist/example.js"),
        });
        command
    }

    /// Runs it to its end; blocks.
    fn run(self, ingestion: SocketAddr, projection: SocketAddr, arguments: &[&str]) -> Ended {
        let mut command = self.command();
        command
            .args(arguments)
            .env("CRA_INGESTION_URL", format!("http://{ingestion}"))
            .env("CRA_PROJECTION_URL", format!("http://{projection}"));
        Ended::of(&mut command)
    }
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The output lines of a successful client.
fn lines_of(ended: Ended) -> Vec<Value> {
    ended.succeeded().json_lines()
}

/// A CRA of one person, in the contract's JSON.
fn submission(cra_id: &str, over_60: u32) -> Value {
    json!({
        "craId": cra_id,
        "cra": {
            "advisorId": "conseiller-1", "structureId": "structure-1", "date": "2024-03-04",
            "place": {"channel": "CHANNEL_VENUE", "communeCode": "35238", "postalCode": "35000"},
            "activity": "ACTIVITY_INDIVIDUAL", "ages": {"over60": over_60}, "statuses": {"retired": 1},
            "themes": ["THEME_EMAIL"], "duration": {"band": "DURATION_BAND_UP_TO_30_MINUTES"},
        },
    })
}

fn written(folder: &Path, name: &str, submissions: &[Value]) -> String {
    let lines: Vec<String> = submissions.iter().map(ToString::to_string).collect();
    let file = folder.join(name);
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    file.display().to_string()
}

/// All examples of the guide.
async fn a_tour(client: Client) {
    // More than one batch of the stream.
    const CRAS: usize = 620;
    let services = Standalone::start().await;
    let (ingestion, projection) = (services.ingestion, services.projection);
    let run = |arguments: &[&str]| client.run(ingestion, projection, arguments);

    let first = new_id();
    let one = written(services.dir(), "one.json", &[submission(&first, 1)]);
    let receipt = |duplicate| json!({"craId": first, "revision": 1, "position": 1, "duplicate": duplicate});
    assert_eq!(lines_of(run(&["submit", &one])), [receipt(false)]);
    assert_eq!(lines_of(run(&["submit", &one])), [receipt(true)]);

    let wrong = submission(&new_id(), 2);
    let many: Vec<Value> = (1..CRAS).map(|_| submission(&new_id(), 1)).collect();
    let all = written(services.dir(), "all.json", &[&many[..], std::slice::from_ref(&wrong)].concat());
    let bulk = run(&["bulk", &all]).exited(1).json_lines();
    let (refused, received): (Vec<_>, _) = bulk.into_iter().partition(|line| line["refused"].is_array());
    assert_eq!(received.len(), CRAS - 1);
    let fault = "cra.ages (AGES_SUM_MISMATCH): Les tranches d'âge totalisent 2 pour un nombre de participants de 1 : \
                 il y en a 1 de trop.";
    assert_eq!(refused, [json!({"craId": wrong["craId"], "code": "INVALID_ARGUMENT", "refused": [fault]})]);
    run(&["submit", &written(services.dir(), "wrong.json", &[wrong])]).exited(1).reports(fault);

    let corrected = lines_of(run(&["correct", &one, "1", "relu avec la personne"]));
    assert_eq!(corrected[0]["revision"], 2);
    let outdated = run(&["correct", &one, "1", "une autre raison"]).exited(1);
    outdated.reports("Ce compte-rendu a été modifié entre-temps");

    let position = corrected[0]["position"].to_string();
    let figures = &lines_of(run(&["stats", "conseiller-1", &position]))[0];
    assert_eq!((&figures["cras"], &figures["acts"]), (&json!(CRAS), &json!(CRAS)));

    let checkpoint = services.dir().join("checkpoint").display().to_string();
    let changes = lines_of(run(&["follow", &checkpoint]));
    assert_eq!(changes.len(), CRAS + 1);
    assert_eq!(changes.last().unwrap()["revision"], 2);
    let none: [Value; 0] = [];
    assert_eq!(lines_of(run(&["follow", &checkpoint])), none, "resumes where it stopped");

    // The checkpoint of another log: the stream's refusal says to start over.
    std::fs::write(&checkpoint, "999999").unwrap();
    let anew = lines_of(run(&["follow", &checkpoint]));
    assert_eq!(anew[0], json!({"beginAnew": true}));
    assert_eq!(anew[1..], changes);

    let withdrawn = &lines_of(run(&["withdraw", &first, "2", "saisi deux fois"]))[0];
    assert_eq!(withdrawn["revision"], 3);
    let removed = json!({"position": withdrawn["position"], "removed": first});
    assert_eq!(lines_of(run(&["follow", &checkpoint])), [removed]);
    // Sent again, it returns its first receipt, marked as withdrawn.
    let again = &lines_of(run(&["submit", &one]))[0];
    assert_eq!(
        *again,
        json!({"craId": first, "revision": 1, "position": 1, "duplicate": true, "withdrawn": true})
    );
}

/// The connection breaks between the recording and the answer: the client retries with the same id.
async fn a_lost_answer(client: Client, command: &'static str) {
    let services = Standalone::start().await;
    let proxy = Proxy::to(services.ingestion).await;
    proxy.delay(ANSWER_DELAY);
    let cra_id = new_id();
    let file = written(services.dir(), "one.json", &[submission(&cra_id, 1)]);
    let (ingestion, projection) = (proxy.address(), services.projection);
    let running = tokio::task::spawn_blocking(move || client.run(ingestion, projection, &[command, &file]));

    let mut direct = services.ingestion().await;
    eventually("the request is recorded", async || {
        recorded(&mut direct, &cra_id).await.map_err(|status| status.to_string())
    })
    .await;
    proxy.cut();
    let receipt = &lines_of(running.await.unwrap())[0];
    assert_eq!(*receipt, json!({"craId": cra_id, "revision": 1, "position": 1, "duplicate": true}));
    assert_eq!(recorded(&mut direct, &cra_id).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_submits_corrects_reads_its_own_writes_and_follows() {
    a_tour(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_submits_corrects_reads_its_own_writes_and_follows() {
    a_tour(Client::TypeScript).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_sends_again_with_the_same_id_what_got_no_answer() {
    a_lost_answer(Client::Python, "submit").await;
    a_lost_answer(Client::Python, "bulk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_sends_again_with_the_same_id_what_got_no_answer() {
    a_lost_answer(Client::TypeScript, "submit").await;
    a_lost_answer(Client::TypeScript, "bulk").await;
}
