//! The pages in a real browser: by keyboard, without JavaScript, at every width and in both themes; and under attack.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cra_contracts::v1 as pb;
use serde_json::{Value, json};

use crate::harness::{
    Ended, Kind, Standalone, Statistics, connected, eventually, record, statistics_at, workshop,
};

/// Performs an action on the pages and returns what a person sees; a problem fails the test.
fn person(action: &str, pages: SocketAddr, rest: &[&str]) -> Value {
    acted("person.mjs", action, pages, rest)
}

/// An action of a script in `browser/` that waits for the test once it is ready, and reports what it saw at its end.
pub(crate) struct Acting(Child);

impl Acting {
    /// Starts the action, and waits until it is ready.
    pub(crate) fn begin(script: &str, action: &str, pages: SocketAddr, rest: &[&str]) -> Self {
        let mut child = script_of(script, action, pages, rest)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; b"ready\n".len()];
        let reported = child.stderr.as_mut().unwrap().read_exact(&mut ready);
        if reported.is_err() || &ready != b"ready\n" {
            let ended = child.wait_with_output().unwrap();
            let (started, rest) = (String::from_utf8_lossy(&ready), String::from_utf8_lossy(&ended.stderr));
            panic!("{action}: {started}{rest}");
        }
        Self(child)
    }

    /// The report of the action.
    pub(crate) fn ended(self) -> Value {
        let seen = Ended::from(self.0.wait_with_output().unwrap()).succeeded().json();
        assert_eq!(seen["faults"], json!([]), "{seen}");
        seen
    }
}

/// Performs an action of a script in `browser/` and returns its report.
pub(crate) fn acted(script: &str, action: &str, pages: SocketAddr, rest: &[&str]) -> Value {
    let seen = Ended::of(&mut script_of(script, action, pages, rest)).succeeded().json();
    let faults = if seen.is_array() { &seen[0]["faults"] } else { &seen["faults"] };
    assert!(faults.is_null() || *faults == json!([]), "{action}: {faults}");
    seen
}

fn script_of(script: &str, action: &str, pages: SocketAddr, rest: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tools = std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| root.join("target/tools"), PathBuf::from);
    let browser = tools.join("browser");
    assert!(browser.is_dir(), "no {}: run `tests/run`, which installs it", browser.display());
    let mut command = Command::new("node");
    command
        .arg(root.join("tests/browser").join(script))
        .args([action, &browser.display().to_string(), &format!("http://{pages}")])
        .args(rest);
    command
}

/// Status line, headers and body of an answer.
pub(crate) fn answered(pages: SocketAddr, method: &str, path: &str, headers: &[&str]) -> String {
    answered_with(pages, method, path, headers, "")
}

/// Like [`answered`], for a request with a body.
pub(crate) fn answered_with(
    pages: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> String {
    let mut stream = TcpStream::connect(pages).unwrap();
    let headers = headers.iter().fold(String::new(), |all, header| all + header + "\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn got(pages: SocketAddr, path: &str) -> String {
    answered(pages, "GET", path, &["Host: localhost"])
}

/// Two CRAs in Ille-et-Vilaine and Paris; the second sends people to an organisation with a hostile name.
async fn with_two_cras(services: &Standalone) -> u64 {
    let mut ingestion = services.ingestion().await;
    let rennes =
        pb::Place { commune_code: "35238".into(), postal_code: "35000".into(), ..workshop(5).place.unwrap() };
    let first = pb::Cra { place: Some(rennes), returning_participants: 2, ..workshop(5) };
    let organisation = pb::redirection::Organisation::Other("<script>alert(1)</script>".into());
    let redirections = vec![pb::Redirection { organisation: Some(organisation), people: 3 }];
    let second =
        pb::Cra { follow_up: Some(pb::FollowUp { redirections, ..Default::default() }), ..workshop(7) };
    record(&mut ingestion, first).await;
    record(&mut ingestion, second).await.position
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_the_figures_of_the_service_and_a_script_of_a_cra_stays_text() {
    let services = Standalone::start().await;
    let position = with_two_cras(&services).await;
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    let expected = statistics_at(&mut statistics, position).await;
    let seen = person("reads", services.pages, &["/?du=2024-03-01&au=2024-03-31"]);
    for (label, count) in [
        ("CRA enregistrés", expected.cras),
        ("Accompagnements", expected.acts),
        ("Personnes accompagnées", expected.people),
        ("Ateliers collectifs", expected.workshops),
    ] {
        assert_eq!(seen["keys"][label], count, "{label}");
    }
    let lines = |counts: &[pb::Count]| -> Vec<Value> {
        counts.iter().map(|line| json!([line.label, line.count.to_string()])).collect()
    };
    for (id, counts) in [
        ("activite", &expected.activities),
        ("theme", &expected.themes),
        ("age", &expected.ages),
        ("redirections", &expected.redirections),
    ] {
        assert_eq!(seen["tables"][id], Value::from(lines(counts)), "{id}");
    }
    assert_eq!(expected.redirections[0].label, "<script>alert(1)</script>");
    assert!(seen["state"].as_str().unwrap().contains("position 2"), "{}", seen["state"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_keeps_the_address_and_opens_it_again_with_and_without_javascript() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let seen = person("filters", services.pages, &[]);
    for seen in seen.as_array().unwrap() {
        assert_eq!(seen["kept"], "?departement=35&theme=courriel");
        assert_eq!(seen["figures"]["CRA enregistrés"], 1);
        assert_eq!(seen["widened"]["CRA enregistrés"], 2);
        assert_eq!(seen["faults"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_durable_address_while_more_is_recorded_and_goes_back_to_a_past_day() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let address = format!("/?position=1&journal={}", log_of(&services).await);
    let figures = |path: &str| person("reads", services.pages, &[path])["keys"].clone();
    assert_eq!(figures(&address)["CRA enregistrés"], 1);
    assert_eq!(figures("/")["CRA enregistrés"], 2);
    assert_eq!(figures("/?le=2024-03-31")["CRA enregistrés"], 0, "before anything was recorded");
    let to_come = got(services.pages, "/?le=2999-01-01");
    assert!(to_come.starts_with("HTTP/1.1 400") && to_come.contains("href=\"#champ-le\""), "{to_come}");
    assert!(to_come.contains("value=\"2999-01-01\""), "no typed text is lost: {to_come}");
    let other = got(services.pages, "/?position=1&journal=another");
    assert!(other.starts_with("HTTP/1.1 409") && other.contains("Autre journal"), "{other}");
    let beyond = got(services.pages, "/?position=99");
    assert!(beyond.starts_with("HTTP/1.1 400") && beyond.contains("Position inconnue"), "{beyond}");
}

/// The log's identity in the address of a page.
async fn log_of(services: &Standalone) -> String {
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    let answer = statistics.get_statistics(pb::GetStatisticsRequest::default()).await.unwrap();
    let log = answer.into_inner().snapshot.unwrap().log;
    log.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn opens_the_address_that_standalone_prints_and_sees_the_month_of_the_sample() {
    let services = Standalone::start_with_sample().await;
    let stdout = services.stdout();
    let printed = stdout.lines().find_map(|line| line.strip_prefix("pages ")).unwrap().trim();
    let path = printed.strip_prefix(&format!("http://{}", services.pages)).unwrap();
    assert!(path.starts_with("/?du="), "{stdout}");
    // `CRA_TEST_PICTURE=/path/to/deploy/pages.png` creates the README's picture again.
    let picture = services.dir().join("pages.png");
    let seen = person("pictures", services.pages, &[path, picture.to_str().unwrap()]);
    assert!(seen["keys"]["CRA enregistrés"].as_u64().unwrap() > 1_000, "{seen}");
    let length = std::fs::metadata(&picture).unwrap().len();
    assert!((20_000..300_000).contains(&length), "{length} bytes");
    if let Some(target) = std::env::var_os("CRA_TEST_PICTURE") {
        std::fs::copy(&picture, target).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_the_figures_which_change_without_the_page_being_loaded_again() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    statistics_at(&mut statistics, 2).await;
    let acting =
        Acting::begin("person.mjs", "follows", services.pages, &["/?du=2024-03-01&au=2024-03-31", "3"]);
    record(&mut services.ingestion().await, workshop(9)).await;
    let seen = acting.ended();
    assert_eq!(
        (&seen["before"]["CRA enregistrés"], &seen["after"]["CRA enregistrés"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(seen["kept"], json!({"isSamePage": true, "isUnfolded": true, "hasFocus": true}));
    assert!(seen["state"].as_str().unwrap().contains("position 3"), "one state of the log: {seen}");
    assert_eq!(seen["found"], json!([]), "axe");
    assert!(seen["offer"].as_str().unwrap().contains("Actualisez"), "{seen}");
}

/// A stream of events, after its first one.
fn followed(pages: SocketAddr, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(pages).unwrap();
    write!(stream, "GET /direct HTTP/1.1\r\nHost: localhost\r\n{more}\r\n").unwrap();
    let mut text = Vec::new();
    while !text.windows(6).any(|window| window == b"data: ") {
        let mut buffer = [0; 1_024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buffer[..read]);
    }
    assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&text));
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_follow_their_figures_are_bounded_and_end_with_the_process() {
    let mut services = Standalone::start().await;
    with_two_cras(&services).await;
    let web = Web::start(services.projection, "limits.live_streams = 1").await;
    let first = followed(web.address, "");
    let busy = got(web.address, "/direct");
    assert!(busy.starts_with("HTTP/1.1 503"), "{busy}");
    assert!(got(web.address, "/").starts_with("HTTP/1.1 200"), "pages are made all the same");
    drop(first);
    eventually("the permit of a reader that left is free", async || {
        let again = std::panic::catch_unwind(|| followed(web.address, ""));
        again.map(drop).map_err(|_| "503".to_owned())
    })
    .await;
    assert!(got(web.address, "/direct?departement=Atlantide").starts_with("HTTP/1.1 404"));
    let mut open = followed(services.pages, "");
    let ended = services
        .terminated(std::time::Duration::from_secs(9))
        .expect("an open stream does not hold the process");
    assert!(ended.success(), "{ended}");
    let mut rest = Vec::new();
    open.read_to_end(&mut rest).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_leaves_room_for_others() {
    let services = Standalone::start().await;
    let more = "[identity]\ntoken_from = \"authorization\"\n[limits]\nrequests_of_a_person = 1";
    let web = Web::start(services.projection, more).await;
    // The services have no identity, so any token will do.
    let token = |claims: &str| {
        let claims = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
        format!("Authorization: Bearer e30.{claims}.c2ln")
    };
    let (marie, jo) = (token("{\"sub\":\"marie\"}"), token("{\"sub\":\"jo\"}"));
    let answer_to = |person: &str| answered(web.address, "GET", "/", &["Host: localhost", person]);
    let follower = followed(web.address, &format!("{marie}\r\n"));
    let busy = answer_to(&marie);
    assert!(busy.starts_with("HTTP/1.1 503") && busy.contains("retry-after"), "{busy}");
    assert!(answer_to(&jo).starts_with("HTTP/1.1 200"));
    drop(follower);
    eventually("a reader that left holds nothing", async || {
        let page = answer_to(&marie);
        if page.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(page) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_larger_than_100_kilobytes_compressed() {
    let services = Standalone::start_with_sample().await;
    for path in [
        "/?pas=jour&par=commune&n=1000&comparer=avant",
        "/?lignes=departement&colonnes=sous-theme",
        "/saisie?cra=0190f3a0-0000-7000-8000-000000000000",
        "/cra",
        "/import",
        "/mots",
        "/etat",
        "/accessibilite",
    ] {
        let page = got(services.pages, path);
        let page = if page.starts_with("HTTP/1.1 303") {
            let redirect = page.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
            got(services.pages, redirect)
        } else {
            page
        };
        assert!(page.starts_with("HTTP/1.1 200"), "{path}: {}", &page[..page.len().min(300)]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(page.as_bytes()).unwrap();
        let length = encoder.finish().unwrap().len();
        assert!(length < 100 * 1_024, "{path}: {length} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn does_all_of_it_by_keyboard() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let seen = person("keyboard", services.pages, &[]);
    assert_eq!(seen["url"], "?du=2024-01-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistypes_a_department_is_led_to_its_field_and_loses_nothing() {
    let services = Standalone::start().await;
    let seen = person("mistypes", services.pages, &[]);
    assert_eq!(seen["typed"], "<script>alert(1)</script>");
    assert!(seen["message"].as_str().unwrap().contains("aucun département"), "{seen}");
    assert_eq!(seen["scripts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_at_any_width_in_either_theme() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let paths = [
        "/?du=2024-03-01&au=2024-03-31&departement=35&comparer=avant",
        "/?theme=magie",
        "/?du=1999-01-01&au=1999-01-31",
        "/nulle-part",
        "/mots",
        "/etat",
        "/accessibilite",
    ];
    let seen = person("looks", services.pages, &paths);
    assert_eq!(seen["found"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_the_file_of_what_is_shown_in_every_format() {
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    for (name, begins) in [
        ("comptes-rendus.csv", "\u{feff}"),
        ("statistiques.csv", "\u{feff}section;"),
        ("serie.csv", "\u{feff}"),
        ("repartition.csv", "\u{feff}"),
        ("statistiques.xlsx", "PK"),
        ("comptes-rendus.ndjson", "{"),
        ("comptes-rendus.parquet", "PAR1"),
    ] {
        let answer = got(services.pages, &format!("/fichiers/{name}?departement=35&position=2"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        assert!(answer.contains("_departement-35_position-2"), "{name}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        // The first chunk follows its length.
        assert!(body.split_once("\r\n").unwrap().1.starts_with(begins), "{name}: {body}");
    }
    assert!(got(services.pages, "/fichiers/secrets.csv").starts_with("HTTP/1.1 404"));
    let wrong = got(services.pages, "/fichiers/statistiques.csv?departement=Atlantide");
    assert!(
        wrong.starts_with("HTTP/1.1 303") && wrong.contains("location: /?departement=Atlantide"),
        "{wrong}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_other_methods_and_long_addresses_are_refused_and_every_answer_is_secured() {
    let services = Standalone::start().await;
    let pages = services.pages;
    let long = format!("/?{}", "conseiller=a&".repeat(4_000));
    for (answer, status) in [
        (got(pages, "/"), "200"),
        (got(pages, "/mots"), "200"),
        (got(pages, "/etat"), "200"),
        (got(pages, "/accessibilite"), "200"),
        (got(pages, "/nulle-part"), "404"),
        (answered(pages, "GET", "/", &["Host: evil.example"]), "421"),
        (answered(pages, "GET", "/", &["Host: localhost", "Host: evil.example"]), "421"),
        (answered(pages, "GET", "/", &[]), "421"),
        (answered(pages, "POST", "/", &["Host: localhost", "Content-Length: 0"]), "405"),
        (got(pages, &long), "400"),
        (got(pages, "/?du=%FF%FE"), "400"),
        (got(pages, "/?commune=%00"), "400"),
    ] {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "expected {status}: {answer}");
        for header in [
            "content-security-policy: default-src 'self'; script-src 'self'; style-src 'self'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(header), "{header}: {answer}");
        }
        assert!(!answer.contains("style=") && !answer.contains("<script"), "{answer}");
    }
    let style = got(pages, "/");
    let style = style.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = got(pages, style);
    assert!(style.contains("immutable"), "{style}");
    assert!(style.len() < 30 * 1_024, "{} bytes", style.len());
}

/// `cra-web` in front of a projection address; killed when dropped.
pub(crate) struct Web {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Web {
    pub(crate) async fn start(projection: SocketAddr, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Bound and closed again: probably still free.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.path().join("web.toml");
        let text =
            format!("listen = \"{address}\"\nservices.projection_url = \"http://{projection}\"\n{more}\n");
        std::fs::write(&config, text).unwrap();
        let mut command = Kind::Web.command();
        let process = command.arg("--config").arg(&config).stderr(Stdio::null()).spawn().unwrap();
        eventually("the pages listen", async || {
            TcpStream::connect(address).map_err(|error| error.to_string())
        })
        .await;
        Self { process, address }
    }

    /// Asks the process to read its files again.
    pub(crate) fn hang_up(&self) {
        crate::harness::signal(self.process.id(), "-HUP");
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // Ignored: it may have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_a_page_that_tries_again_and_shows_the_figures_once_it_is_back() {
    let projection = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let web = Web::start(projection, "").await;
    let away = got(web.address, "/");
    assert!(away.starts_with("HTTP/1.1 503"), "{away}");
    assert!(away.contains("ne répond pas") && away.contains("refresh: "), "{away}");
    drop(web);
    let services = Standalone::start().await;
    with_two_cras(&services).await;
    let web = Web::start(services.projection, "").await;
    assert!(got(web.address, "/").starts_with("HTTP/1.1 200"));
    let state = got(web.address, "/etat");
    assert!(state.contains("tout est compté") && state.contains("en service"), "{state}");
    services.kill();
    eventually("the pages notice", async || {
        let away = got(web.address, "/");
        if away.starts_with("HTTP/1.1 503") { Ok(()) } else { Err(away) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_where_one_is_expected_nothing_is_shown_and_beyond_loopback_nothing_is_served() {
    let services = Standalone::start().await;
    let web = Web::start(services.projection, "[identity]\ntoken_from = \"authorization\"").await;
    for headers in [&["Host: localhost"][..], &["Host: localhost", "Authorization: Basic YTpi"]] {
        for path in ["/", "/fichiers/statistiques.csv"] {
            let answer = answered(web.address, "GET", path, headers);
            assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("pas connecté"), "{answer}");
        }
    }
    let with = answered(web.address, "GET", "/", &["Host: localhost", "Authorization: Bearer abc"]);
    assert!(with.starts_with("HTTP/1.1 200"), "a service without identity looks at no token: {with}");
    let exposed = Kind::Web.command().args(["--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!exposed.status.success());
    let output = String::from_utf8_lossy(&exposed.stderr).into_owned();
    assert!(output.contains("refusing to listen") && output.contains("identity.token_from"), "{output}");
}
