//! The form: a person records, corrects and withdraws CRAs in a real browser, by keyboard and without JavaScript; and a
//! page elsewhere sends it in a person's name.

use std::net::SocketAddr;

use cra_contracts::v1 as pb;
use cra_runtime::identity::PerimeterClaim;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{
    Ingestion, Issuer, Pair, Standalone, Statistics, carrying, connected, counted_cras, department, national,
    new_id, record, statistics_at, submission, submitted, workshop,
};
use crate::pages::{Web, acted, answered, answered_with};

fn person(action: &str, services: &Standalone, rest: &[&str]) -> Value {
    acted("form.mjs", action, services.pages, rest)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fills_a_cra_with_faults_mends_them_and_sees_it_counted_with_and_without_javascript() {
    let services = Standalone::start().await;
    let seen = person("fills", &services, &[]);
    for (seen, count) in seen.as_array().unwrap().iter().zip(1..) {
        assert_eq!(seen["faults"], json!([]));
        let mut wrong: Vec<_> = seen["wrong"].as_array().unwrap().iter().map(text).collect();
        wrong.sort_unstable();
        assert_eq!(wrong, ["champ-age", "champ-deja", "champ-minutes", "champ-theme"], "all at once");
        assert_eq!(seen["kept"], "7O");
        let content = text(&seen["content"]);
        for expected in
            ["4 mars 2024", "Quimper 29000", "Atelier collectif", "1\u{a0}h\u{a0}15", "Tri des photos"]
        {
            assert!(content.contains(expected), "{expected}: {content}");
        }
        assert_eq!(seen["defaults"], json!(["Commune", "Participants"]), "defaults are named");
        assert_eq!(seen["counted"]["CRA enregistrés"], count);
        assert!(text(&seen["opened"]).starts_with("?cra="), "the form's id is in its address: {seen}");
    }
    assert_eq!(counted_cras(services.projection).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn presses_twice_reloads_and_goes_back_and_the_cra_is_recorded_once() {
    let services = Standalone::start().await;
    let seen = person("twice", &services, &[]);
    assert!(text(&seen["again"]).contains("rien n'a été enregistré deux fois"), "{seen}");
    assert!(text(&seen["other"]).contains("avec un autre contenu"), "{seen}");
    assert_eq!(
        counted_cras(services.projection).await,
        2,
        "the first one, and the one that was asked for as another"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn begins_another_cra_like_the_last_one_and_the_address_remembers_who_fills_the_form() {
    let services = Standalone::start().await;
    let seen = person("repeats", &services, &[]);
    let expected = json!({
        "date": "", "conseiller": "conseiller-1", "commune": "Quimper (29000)", "age-plus60ans": "5",
        "organisme-1": "France Travail", "organisme-2": "<script>alert(1)</script>",
    });
    assert_eq!(seen["values"], expected);
    let content = text(&seen["content"]);
    assert!(content.contains("6 mars 2024") && content.contains("France Travail : 1"), "{content}");
    assert_eq!(counted_cras(services.projection).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_a_commune_while_typing_and_chooses_one_of_several_without_javascript() {
    let services = Standalone::start().await;
    let seen = person("places", &services, &[]);
    assert!(text(&seen["first"]).starts_with("Rennes (35"), "{seen}");
    assert!(text(&seen["chosen"]).starts_with("Rennes (35"), "{seen}");
    assert!(seen["offered"].as_array().unwrap().len() >= 2, "{seen}");
    assert!(text(&seen["content"]).contains("(93066)"), "Saint-Denis near Paris: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_while_typing_how_many_people_are_missing() {
    let services = Standalone::start().await;
    let seen = person("adds", &services, &[]);
    let expected = json!([
        "3 sur 5 participants : il en manque 2.",
        "6 sur 5 participants : 1 de trop.",
        "5 sur 5 participants : le compte y est.",
        "5 sur 6 participants : il en manque 1.",
        "6 sur 6 participants : le compte y est.",
    ]);
    assert_eq!(seen["said"], expected);
}

/// The path of a recorded CRA's page.
async fn recorded(services: &Standalone) -> String {
    let cra_id = new_id();
    let cra = pb::Cra { annotation: "Au début".into(), ..workshop(5) };
    submitted(&mut services.ingestion().await, submission(&cra_id, cra)).await.unwrap();
    format!("/cra/{cra_id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn corrects_against_a_colleague_and_nothing_of_either_is_lost() {
    let services = Standalone::start().await;
    let path = recorded(&services).await;
    let seen = person("corrects", &services, &[&path]);
    assert!(text(&seen["unchanged"]).contains("Rien n'a changé"), "{seen}");
    let rows = seen["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{seen}");
    assert!(
        text(&rows[0]).contains("Déjà accompagnées") && text(&rows[0]).contains("la version enregistrée"),
        "{seen}"
    );
    assert!(
        text(&rows[1]).contains("Ma version") && text(&rows[1]).contains("Version du collègue"),
        "{seen}"
    );
    assert!(text(&rows[2]).contains("votre saisie"), "{seen}");
    assert_eq!((&seen["kept"], &seen["taken"]), (&json!(["Ma version", "durée oubliée"]), &json!("3")));
    let history = seen["history"].as_array().unwrap();
    assert_eq!(history.len(), 3, "each revision with what it changed: {seen}");
    assert!(
        text(&history[0]).contains("durée oubliée") && text(&history[0]).contains("Ma version"),
        "{seen}"
    );
    assert!(text(&history[1]).contains("oubli") && !text(&history[1]).contains("Durée"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn withdraws_a_cra_for_a_reason_which_then_counts_no_longer() {
    let services = Standalone::start().await;
    recorded(&services).await;
    let seen = person("withdraws", &services, &[]);
    assert_eq!(seen["wrong"], json!(["champ-motif"]));
    let page = text(&seen["text"]);
    assert!(page.contains("Retiré des statistiques") && page.contains("<script>alert(1)</script>"), "{page}");
    assert_eq!((&seen["canChange"], &seen["counted"]["CRA enregistrés"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fills_and_sends_the_form_by_keyboard() {
    let services = Standalone::start().await;
    let seen = person("keyboard", &services, &[]);
    let content = text(&seen["content"]);
    assert!(content.contains("Quimper 29000") && content.contains("Demande ponctuelle"), "{content}");
    assert_eq!(counted_cras(services.projection).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_every_text_stays_text_and_is_not_lost() {
    let services = Standalone::start().await;
    let seen = person("injects", &services, &[]);
    assert!(seen["typed"].as_u64().unwrap() > 20, "{seen}");
    assert_eq!(seen["typed"], seen["kept"]);
    assert_eq!(seen["scripts"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(counted_cras(services.projection).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_any_state_of_the_form() {
    let services = Standalone::start().await;
    assert_eq!(person("looks", &services, &[])["found"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_shows_the_form() {
    let services = Standalone::start().await;
    // `CRA_TEST_FORM_PICTURE=/path/to/deploy/form.png` creates the picture of the guide again.
    let picture = services.dir().join("form.png");
    person("pictures", &services, &[picture.to_str().unwrap()]);
    let length = std::fs::metadata(&picture).unwrap().len();
    assert!((20_000..300_000).contains(&length), "{length} bytes");
    if let Some(target) = std::env::var_os("CRA_TEST_FORM_PICTURE") {
        std::fs::copy(&picture, target).unwrap();
    }
}

/// What a browser has after it was shown a form: the cookie, and the token in the form.
struct Browser {
    cookie: String,
    token: String,
}

impl Browser {
    fn open(pages: SocketAddr, path: &str, headers: &[&str]) -> Self {
        let shown = answered(pages, "GET", path, headers);
        assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
        let cookie = shown.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let token = shown.split("name=\"jeton\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        Self { cookie: cookie.split(';').next().unwrap().to_owned(), token: token.to_owned() }
    }
}

/// The body of a form with a whole CRA.
fn body(cra_id: &str, token: &str) -> String {
    format!(
        "jeton={token}&cra={cra_id}&conseiller=conseiller-1&structure=structure-1&date=2024-03-04&canal=domicile\
         &commune=Quimper&activite=ponctuel&age-plus60ans=1&statut-retraite=1&theme=courriel&duree=0-30"
    )
}

fn posted(pages: SocketAddr, path: &str, headers: &[&str], body: &str) -> String {
    let length = format!("Content-Length: {}", body.len());
    let mut all = vec![length.as_str()];
    all.extend_from_slice(headers);
    if !headers.iter().any(|header| header.starts_with("Content-Type")) {
        all.push("Content-Type: application/x-www-form-urlencoded");
    }
    answered_with(pages, "POST", path, &all, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_another_page_sends_records_nothing() {
    let services = Standalone::start().await;
    let pages = services.pages;
    let form = format!("/saisie?cra={}", new_id());
    let own = Browser::open(pages, &form, &["Host: localhost"]);
    let other = Browser::open(pages, &form, &["Host: localhost"]);
    let (own_cookie, other_cookie) = (format!("Cookie: {}", own.cookie), format!("Cookie: {}", other.cookie));
    let (host, origin) = ("Host: localhost", "Origin: http://localhost");
    let valid = body(&new_id(), &own.token);
    let sent = |headers: &[&str], body: &str| posted(pages, "/saisie", headers, body);
    for (what, answer, status) in [
        ("no origin", sent(&[host, &own_cookie], &valid), "403"),
        ("another origin", sent(&[host, "Origin: http://evil.example", &own_cookie], &valid), "403"),
        ("another port", sent(&[host, "Origin: http://localhost:1", &own_cookie], &valid), "403"),
        ("no origin to name", sent(&[host, "Origin: null", &own_cookie], &valid), "403"),
        ("across sites", sent(&[host, origin, &own_cookie, "Sec-Fetch-Site: cross-site"], &valid), "403"),
        ("no cookie", sent(&[host, origin], &valid), "403"),
        ("another cookie", sent(&[host, origin, &other_cookie], &valid), "403"),
        ("no token", sent(&[host, origin, &own_cookie], &body(&new_id(), "")), "403"),
        ("a made-up token", sent(&[host, origin, &own_cookie], &body(&new_id(), &"A".repeat(54))), "403"),
        ("no form", sent(&[host, origin, &own_cookie, "Content-Type: text/plain"], &valid), "415"),
    ] {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {answer}");
    }
    assert_eq!(counted_cras(services.projection).await, 0);
    let reshown = sent(&[host, origin, &own_cookie], &body(&new_id(), ""));
    assert!(
        reshown.contains("value=\"conseiller-1\"") && reshown.contains("est plus valable"),
        "nothing typed is lost"
    );
    for change in ["corriger", "retirer"] {
        let path = format!("{}/{change}", recorded(&services).await);
        let refused = posted(pages, &path, &[host, origin, &own_cookie], "revision=1&motif=double&jeton=");
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
        let foreign = posted(pages, &path, &[host, "Origin: https://evil.example", &own_cookie], "");
        assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    }
    let recorded = sent(&[host, origin, &own_cookie, "Sec-Fetch-Site: same-origin"], &valid);
    assert!(recorded.starts_with("HTTP/1.1 303") && recorded.contains("location: /cra/"), "{recorded}");
    assert_eq!(counted_cras(services.projection).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_service_is_away_the_form_is_shown_again_with_everything_in_it_and_then_recorded_once() {
    let services = Standalone::start().await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let key = services.dir().join("forms.key");
    std::fs::write(&key, "k".repeat(40)).unwrap();
    let forms = format!("[forms]\nkey_file = {key:?}\n");
    let with = |ingestion| format!("services.ingestion_url = \"http://{ingestion}\"\n{forms}");
    let alive = Web::start(services.projection, &with(services.ingestion)).await;
    let own = Browser::open(alive.address, &format!("/saisie?cra={}", new_id()), &["Host: localhost"]);
    let cookie = format!("Cookie: {}", own.cookie);
    let away = Web::start(services.projection, &with(dead)).await;
    let form = body(&new_id(), &own.token);
    let headers = ["Host: localhost", "Origin: http://localhost", &cookie];
    let page = posted(away.address, "/saisie", &headers, &form);
    assert!(page.starts_with("HTTP/1.1 503") && page.contains("envoyez de nouveau"), "{page}");
    assert!(page.contains("value=\"conseiller-1\"") && page.contains("value=\"Quimper\""), "{page}");
    assert!(!page.contains("refresh: "), "a reload would lose what was typed: {page}");
    assert_eq!(counted_cras(services.projection).await, 0);
    for _ in 0..2 {
        let recorded = posted(alive.address, "/saisie", &headers, &form);
        assert!(recorded.starts_with("HTTP/1.1 303"), "another process with the same key: {recorded}");
    }
    assert_eq!(counted_cras(services.projection).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_token_decides_who_may_fill_read_and_change() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let web = Web::start(
        pair.projection.address(),
        &format!(
            "services.ingestion_url = \"http://{}\"\n[identity]\ntoken_from = \"authorization\"",
            pair.ingestion.address()
        ),
    )
    .await;
    let bearer = |scope: &str, perimeter: &PerimeterClaim| {
        format!("Authorization: Bearer {}", issuer.token(scope, perimeter))
    };
    let answer_to =
        |path: &str, bearer: &str| answered(web.address, "GET", path, &["Host: localhost", bearer]);
    let form = format!("/saisie?cra={}", new_id());
    for scope in ["statistics:public", "statistics:read", "operations"] {
        for path in [form.as_str(), "/cra"] {
            let refused = answer_to(path, &bearer(scope, &national()));
            assert!(
                refused.starts_with("HTTP/1.1 403") && refused.contains("Accès refusé"),
                "{scope} {path}: {refused}"
            );
        }
    }
    let writer = bearer("cra:submit", &department("29"));
    let own = Browser::open(web.address, &form, &["Host: localhost", &writer]);
    let cookie = format!("Cookie: {}", own.cookie);
    let headers = ["Host: localhost", "Origin: http://localhost", &cookie, &writer];
    let beyond = body(&new_id(), &own.token).replace("Quimper", "Rennes+(35000)");
    let beyond = posted(web.address, "/saisie", &headers, &beyond);
    assert!(beyond.starts_with("HTTP/1.1 403") && beyond.contains("hors de votre périmètre"), "{beyond}");
    assert!(beyond.contains("value=\"Rennes (35000)\""), "nothing typed is lost: {beyond}");
    let recorded = posted(web.address, "/saisie", &headers, &body(&new_id(), &own.token));
    let receipt = recorded.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let shown = answer_to(&receipt, &writer);
    assert!(
        shown.starts_with("HTTP/1.1 200") && shown.contains("Compte-rendu enregistré"),
        "the receipt alone: {shown}"
    );
    assert!(!shown.contains("conseiller-1"), "who may not read sees no content: {shown}");
    let reader = answer_to(&receipt, &bearer("cra:read", &department("29")));
    assert!(reader.contains("conseiller-1"), "{reader}");
    let stranger = answer_to(&receipt, &bearer("cra:read", &department("35")));
    assert!(stranger.starts_with("HTTP/1.1 404"), "{stranger}");
    // The submission is in the figures once the projection has read it from the log.
    let mut ingestion = Ingestion::new(connected(pair.ingestion.address()).await.unwrap());
    let cra_id = receipt.split(['/', '?']).nth(2).unwrap().to_owned();
    assert!(Uuid::try_parse(&cra_id).is_ok());
    let history = pb::GetCraHistoryRequest { cra_id };
    let token = issuer.token("cra:read", &national());
    let history = ingestion.get_cra_history(carrying(&token, history)).await.unwrap().into_inner();
    assert_eq!(history.events[0].origin.as_ref().unwrap().subject, "marie", "the token went on unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_cras_is_read_page_by_page_at_one_position_while_more_is_recorded() {
    let services = Standalone::start().await;
    let mut ingestion = services.ingestion().await;
    let mut last = 0;
    for _ in 0..60 {
        last = record(&mut ingestion, workshop(5)).await.position;
    }
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    statistics_at(&mut statistics, last).await;
    let got = |path: &str| answered(services.pages, "GET", path, &["Host: localhost"]);
    let rows = |page: &str| page.matches("class=\"cra-list__day\"").count();
    let first = got("/cra");
    assert_eq!(rows(&first), 50);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let next = next.replace("&amp;", "&").replace("&#38;", "&");
    assert!(next.contains("position=60") && next.contains("suite="), "{next}");
    let more = record(&mut ingestion, workshop(5)).await;
    statistics_at(&mut statistics, more.position).await;
    let second = got(&next);
    assert_eq!(rows(&second), 10, "{second}");
    assert!(!second.contains("rel=\"next\"") && second.contains("position 60 du journal"), "{second}");
    let damaged = got(&next.replace("suite=", "suite=A"));
    assert!(
        damaged.starts_with("HTTP/1.1 303") && damaged.contains("location: /cra?position=60"),
        "{damaged}"
    );
    assert!(got("/cra?departement=finistère").starts_with("HTTP/1.1 303"), "names become codes");
    assert!(got("/cra?departement=Atlantide").starts_with("HTTP/1.1 400"));
    assert!(got("/cra/nothing").starts_with("HTTP/1.1 400"));
    assert!(got(&format!("/cra/{}", new_id())).starts_with("HTTP/1.1 404"));
    assert!(got("/").contains("href=\"/cra?position=61"), "the figures lead to their CRAs");
}
