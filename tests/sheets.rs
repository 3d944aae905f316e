//! A sheet of CRAs that a person imports in a browser is checked whole, corrected cell by cell, and recorded once
//! however often it is sent. Files of attackers are refused.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::{Issuer, Pair, Standalone, counted_cras, department, eventually, national, readers};
use crate::pages::{Acting, Web, acted, answered, got};

fn person(action: &str, pages: SocketAddr, rest: &[&str]) -> Value {
    acted("import.mjs", action, pages, rest)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The body of an answer of a fixed length.
fn body_of(pages: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(pages).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}

/// The template of the pages with three rows filled in, two of them equal; and the same with these cells changed.
fn filled(pages: SocketAddr, dir: &Path, changed: &Value) -> (PathBuf, PathBuf) {
    let path = |name: &str| dir.join(name);
    fs::write(path("template.xlsx"), body_of(pages, "/import/modele.xlsx")).unwrap();
    readers::run("fill_template.py", &[path("template.xlsx"), path("filled.xlsx")]);
    fs::write(path("cells.json"), changed.to_string()).unwrap();
    readers::run("set_cells.py", &[path("filled.xlsx"), path("changed.xlsx"), path("cells.json")]);
    (path("filled.xlsx"), path("changed.xlsx"))
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_a_sheet_with_bad_cells_mends_them_and_the_same_file_again_changes_nothing() {
    let services = Standalone::start().await;
    let faulty = json!({"A3": "31/02/2024", "J4": "douze", "E2": "Nulle-Part", "D4": null});
    let (corrected, bad) = filled(services.pages, services.dir(), &faulty);
    let seen = person("mends", services.pages, &[bad.to_str().unwrap(), corrected.to_str().unwrap()]);
    for (seen, (recorded, already)) in seen.as_array().unwrap().iter().zip([(3, 0), (0, 3)]) {
        assert_eq!(seen["faults"], json!([]));
        assert!(text(&seen["none"]).contains("Aucun fichier"), "{seen}");
        assert!(text(&seen["found"]["title"]).starts_with("4\u{a0}erreurs"), "{seen}");
        let cells: Vec<_> = seen["found"]["cells"].as_array().unwrap().iter().map(text).collect();
        for (shown_cell, (cell_name, says)) in
            cells.iter().zip([("E2", "Nulle-Part"), ("A3", "31/02/2024"), ("D4", "Canal"), ("J4", "douze")])
        {
            assert!(
                shown_cell.starts_with(cell_name) && shown_cell.contains(says),
                "every fault at once, at its cell: {cells:?}"
            );
        }
        assert_eq!(seen["first"]["shown"]["Comptes-rendus"], 3);
        assert_eq!(seen["first"]["shown"]["Participants"], 4);
        assert_eq!(seen["first"]["period"], "4 mars 2024");
        let results =
            |recorded, already| json!({"Enregistrés": recorded, "Déjà enregistrés": already, "Refusés": 0});
        assert_eq!(seen["first"]["results"], results(recorded, already));
        assert_eq!(seen["again"]["results"], results(0, 3));
        assert_eq!(
            seen["late"],
            results(0, 3),
            "an import that was checked before, pressed twice and reloaded"
        );
        assert_eq!(seen["listed"], 3);
    }
    assert_eq!(counted_cras(services.projection).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_a_sheet_by_keyboard() {
    let services = Standalone::start().await;
    let (sheet, _) = filled(services.pages, services.dir(), &json!({}));
    let seen = person("keyboard", services.pages, &[sheet.to_str().unwrap()]);
    assert_eq!(seen["results"]["Enregistrés"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_any_state_of_an_import() {
    let services = Standalone::start().await;
    let (good, bad) = filled(services.pages, services.dir(), &json!({"A3": "31/02/2024", "J4": "douze"}));
    let seen = person("looks", services.pages, &[bad.to_str().unwrap(), good.to_str().unwrap()]);
    assert_eq!(seen["found"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_how_far_the_recording_is_while_the_log_is_away_and_its_end_with_and_without_javascript() {
    let pair = Pair::start().await;
    let more = format!("services.ingestion_url = \"http://{}\"", pair.ingestion.address());
    let web = Web::start(pair.projection.address(), &more).await;
    let dir = tempfile::tempdir().unwrap();
    let (sheet, _) = filled(web.address, dir.path(), &json!({}));
    pair.signal_log("-STOP");
    let started = person("begins", web.address, &[sheet.to_str().unwrap()]);
    assert_eq!(started["progress"], "0 sur 3\u{a0}comptes-rendus");
    assert_eq!(started["found"], json!([]), "axe");
    let state = started["state"].to_string();
    let acting = Acting::begin("import.mjs", "ends", web.address, &[text(&started["url"]), &state]);
    pair.signal_log("-CONT");
    let seen = acting.ended();
    let all = [&seen["results"]["Enregistrés"], &seen["results"]["Déjà enregistrés"]];
    assert_eq!(all.iter().filter_map(|count| count.as_u64()).sum::<u64>(), 3, "{seen}");
    assert_eq!(seen["stranger"], 404, "another browser does not find it");
    assert_eq!(counted_cras(pair.projection.address()).await, 3);
}

const HEAD: &str =
    "Date;Conseiller;Structure;Canal;Commune;Activité;Participants;Plus de 60 ans;Retraité;Thématiques;Durée";

fn csv(rows: &[&str]) -> Vec<u8> {
    format!("{HEAD}\n{}\n", rows.join("\n")).into_bytes()
}

const ROW: &str = "04/03/2024;conseiller-1;structure-1;domicile;Quimper;ponctuel;1;1;1;Courriels;0-30";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_every_cell_stays_text() {
    let services = Standalone::start().await;
    let script = "<script>alert(1)</script>";
    let cells: Vec<_> = HEAD.split(';').map(|_| script).collect();
    let file = String::from_utf8(csv(&[&cells.join(";")])).unwrap();
    let file = file
        .replacen("Date;", &format!("Date;{script};"), 1)
        .replace(&format!("\n{script}"), &format!("\n{script};x"));
    let seen = person("injects", services.pages, &[&file]);
    assert_eq!(seen["filled"], format!("\"{script}"));
    assert!(text(&seen["title"]).contains("<b>mars.csv"), "{seen}");
    assert!(seen["cells"].to_string().contains("<script>"), "{seen}");
    assert_eq!(seen["scripts"], 0);
}

/// A browser that was shown the form.
struct Browser {
    pages: SocketAddr,
    cookie: String,
    token: String,
    bearer: String,
}

impl Browser {
    fn open(pages: SocketAddr, bearer: &str) -> Self {
        let shown = answered(pages, "GET", "/import", &["Host: localhost", bearer]);
        assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
        let cookie = shown.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let token = shown.split("name=\"jeton\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
        Self { pages, cookie, token: token.to_owned(), bearer: bearer.to_owned() }
    }

    /// Sends a file as a browser does; returns the answer.
    fn sends(&self, file: &[u8]) -> String {
        self.sends_with(&[("jeton", &self.token)], file, &["Origin: http://localhost"])
    }

    fn sends_with(&self, fields: &[(&str, &str)], file: &[u8], headers: &[&str]) -> String {
        let mut body = Vec::new();
        for (name, value) in fields {
            write!(body, "--frontiere\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .unwrap();
        }
        body.extend_from_slice(
            b"--frontiere\r\nContent-Disposition: form-data; name=\"fichier\"; filename=\"mars.csv\"\r\n\
              Content-Type: text/csv\r\n\r\n",
        );
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--frontiere--\r\n");
        self.posts("/import", "multipart/form-data; boundary=frontiere", &body, headers)
    }

    fn posts(&self, path: &str, media_type: &str, body: &[u8], headers: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.pages).unwrap();
        let more = headers.iter().fold(String::new(), |all, header| all + header + "\r\n");
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n{}\r\n{more}\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.cookie,
            self.bearer,
            body.len()
        )
        .unwrap();
        // A server may answer and close before it has read a body that it refuses.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Confirms the import that an answer leads to; returns the address of its page.
    fn confirms(&self, answer: &str) -> String {
        let path = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap_or_else(|| panic!("{answer}"));
        let form = format!("jeton={}", self.token);
        let media_type = "application/x-www-form-urlencoded";
        let confirmed = self.posts(path, media_type, form.as_bytes(), &["Origin: http://localhost"]);
        assert!(confirmed.starts_with("HTTP/1.1 303"), "{confirmed}");
        path.to_owned()
    }

    fn sees(&self, path: &str) -> String {
        answered(self.pages, "GET", path, &["Host: localhost", &self.cookie, &self.bearer])
    }
}

const NOBODY: &str = "X-Nothing: 1";

#[tokio::test(flavor = "multi_thread")]
async fn files_that_attackers_send_are_refused_in_french_and_the_process_lives_on() {
    let mut services = Standalone::start().await;
    let browser = Browser::open(services.pages, NOBODY);
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = gzip(&[csv(&[ROW]), vec![b' '; 256 << 20]].concat());
    let rows = gzip(&csv(&vec![ROW; 400_000]));
    let whole = gzip(&csv(&[ROW]));
    let quotes = [csv(&[ROW]), b"\"".to_vec(), vec![b'a'; 4 << 20]].concat();
    let nested = "[".repeat(100_000);
    for (what, file, status, says) in [
        ("empty", &b""[..], "422", "vide"),
        ("a PDF", b"%PDF-1.7\n", "422", "PDF"),
        ("a program", b"\x7fELF\x02\x01\x01", "422", "programme"),
        ("a broken archive", b"PK\x03\x04 nothing of the kind", "422", "ne peut pas"),
        ("an old workbook", &[&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 600]].concat(), "422", "XLS"),
        ("a bomb", &bomb, "422", "trop longue"),
        ("too many rows", &rows, "422", "ne peut pas être importé"),
        ("a file that is cut", &whole[..whole.len() - 4], "422", "incomplet"),
        ("a quote without end", &quotes, "422", "trop longue"),
        ("brackets without end", nested.as_bytes(), "422", "erreur"),
        ("bytes", &[7; 4_096], "422", "ne peut pas"),
        ("too large", &vec![b'a'; 9 << 20], "413", "au plus 8"),
    ] {
        let answer = browser.sends(file);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{what}: {}",
            &answer[..answer.len().min(600)]
        );
        assert!(answer.contains(says), "{what}: {answer}");
        assert!(answer.contains("content-security-policy: default-src 'self'"), "{what}");
    }
    services.is_unharmed();
    assert_eq!(counted_cras(services.projection).await, 0);
    assert!(browser.sends(&csv(&[ROW])).starts_with("HTTP/1.1 303"), "a file is checked as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_with_a_formula_is_read_by_its_value_and_never_recorded_as_a_formula() {
    let services = Standalone::start().await;
    let changed = json!({"J2": "=1+1", "B3": "=HYPERLINK(\"http://evil.example\")", "E4": "#N/A"});
    let (_, sheet) = filled(services.pages, services.dir(), &changed);
    let answer = Browser::open(services.pages, NOBODY).sends(&fs::read(sheet).unwrap());
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains(">E4</span>") && answer.contains(">B3</span>"), "{answer}");
    assert_eq!(counted_cras(services.projection).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_page_sends_is_not_read_and_an_import_is_its_senders_alone() {
    let services = Standalone::start().await;
    let (own, other) = (Browser::open(services.pages, NOBODY), Browser::open(services.pages, NOBODY));
    let file = csv(&[ROW]);
    let origin = "Origin: http://localhost";
    for (what, answer) in [
        ("no origin", own.sends_with(&[("jeton", &own.token)], &file, &[])),
        ("another origin", own.sends_with(&[("jeton", &own.token)], &file, &["Origin: http://evil.example"])),
        ("no token", own.sends_with(&[], &file, &[origin])),
        ("another's token", own.sends_with(&[("jeton", &other.token)], &file, &[origin])),
    ] {
        assert!(answer.starts_with("HTTP/1.1 403"), "{what}: {answer}");
    }
    let unknown = own.sends_with(&[("jeton", &own.token), ("autre", "x")], &file, &[origin]);
    assert!(unknown.starts_with("HTTP/1.1 415"), "{unknown}");
    let plain = own.posts("/import", "text/plain", &file, &[origin]);
    assert!(plain.starts_with("HTTP/1.1 415"), "{plain}");
    let checked = own.sends(&file);
    let path = checked.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(own.sees(path).contains("Enregistrer 1"), "its sender");
    assert!(other.sees(path).starts_with("HTTP/1.1 404"), "another browser");
    assert!(got(services.pages, path).starts_with("HTTP/1.1 404"), "no browser");
    let form = format!("jeton={}", other.token);
    let media_type = "application/x-www-form-urlencoded";
    assert!(other.posts(path, media_type, form.as_bytes(), &[origin]).starts_with("HTTP/1.1 404"));
    assert!(own.posts(path, media_type, b"jeton=", &[origin]).starts_with("HTTP/1.1 403"));
    assert_eq!(counted_cras(services.projection).await, 0);
    own.confirms(&checked);
    eventually("it is recorded", async || {
        let shown = own.sees(path);
        if shown.contains("Tout est enregistré") { Ok(()) } else { Err(shown) }
    })
    .await;
    assert_eq!(counted_cras(services.projection).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_perimeter_decides_line_by_line_and_fills_in_who_worked() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let more = format!(
        "services.ingestion_url = \"http://{}\"\n[identity]\ntoken_from = \"authorization\"",
        pair.ingestion.address()
    );
    let web = Web::start(pair.projection.address(), &more).await;
    let bearer = |scope: &str, perimeter: &cra_runtime::identity::PerimeterClaim| {
        format!("Authorization: Bearer {}", issuer.token(scope, perimeter))
    };
    let reader = answered(
        web.address,
        "GET",
        "/import",
        &["Host: localhost", &bearer("statistics:read", &national())],
    );
    assert!(reader.starts_with("HTTP/1.1 403") && reader.contains("Accès refusé"), "{reader}");
    let own = Browser::open(web.address, &bearer("cra:submit", &department("29")));
    let beyond = own.sends(&csv(&[ROW, &ROW.replace("Quimper", "Brest"), &ROW.replace("Quimper", "Vannes")]));
    assert!(beyond.starts_with("HTTP/1.1 422") && beyond.contains("Ligne 4"), "{beyond}");
    assert!(beyond.contains("hors de votre périmètre") && !beyond.contains("Ligne 3"), "{beyond}");
    let advisor = cra_runtime::identity::PerimeterClaim {
        advisors: vec!["conseiller-9".to_owned()],
        ..Default::default()
    };
    let bearer = bearer("cra:submit", &advisor);
    let own = Browser::open(web.address, &bearer);
    for page in ["/import", "/saisie?cra=0190f3a0-0000-7000-8000-000000000000"] {
        assert!(own.sees(page).contains("value=\"conseiller-9\""), "{page}");
    }
    let fields = [("jeton", &*own.token), ("conseiller", "conseiller-9"), ("structure", "structure-1")];
    let without = csv(&[&ROW.replace("conseiller-1;structure-1", ";")]);
    let checked = own.sends_with(&fields, &without, &["Origin: http://localhost"]);
    let path = own.confirms(&checked);
    eventually("it is recorded", async || {
        let shown = own.sees(&path);
        if shown.contains("Tout est enregistré") { Ok(()) } else { Err(shown) }
    })
    .await;
}
