//! What an operator configures for the pages: the State's style from an unpacked folder, and the names of people and
//! places.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Ended, Kind, Standalone, either, eventually, record, workshop};
use crate::pages::{Web, acted, got};

/// The npm package of the design system, which `tests/run` installs.
fn dsfr() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tools = std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| root.join("target/tools"), PathBuf::from);
    let folder = tools.join("browser/node_modules/@gouvfr/dsfr");
    assert!(folder.is_dir(), "no {}: run `tests/run`, which installs it", folder.display());
    folder.canonicalize().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_style_is_served_from_the_operators_folder_under_the_same_policy_and_axe_finds_nothing() {
    let services = Standalone::start().await;
    let mut ingestion = services.ingestion().await;
    record(&mut ingestion, workshop(5)).await;
    let more = format!("[web]\nbrand = \"etat\"\ndsfr = {:?}\n", dsfr());
    let web = Web::start(services.projection, &more).await;
    let page = got(web.address, "/mots");
    let styles: Vec<_> = page.split("rel=\"stylesheet\" href=\"").skip(1).collect();
    assert_eq!(styles.len(), 3, "{page}");
    let style = got(web.address, styles[0].split('"').next().unwrap());
    assert!(style.contains("immutable") && style.contains("Marianne"), "{}", &style[..500]);
    assert!(
        !style.contains("url(data:") && !style.contains("url(\"data:"),
        "the policy takes no inline picture"
    );
    let mut paths = vec!["/?du=2024-03-01&au=2024-03-31&comparer=avant"];
    let others = [
        "/?theme=magie",
        "/nulle-part",
        "/mots",
        "/etat",
        "/accessibilite",
        "/cra",
        "/saisie",
        "/import",
        "/?direct=oui",
    ];
    paths.extend(either(&[][..], &others[..]));
    // Fails if a page loads what its policy refuses, or a file that does not exist.
    let seen = acted("person.mjs", "looks", web.address, &paths);
    assert_eq!(seen["found"], json!([]));
}

#[test]
fn a_folder_or_a_file_of_names_that_cannot_be_used_is_named_at_the_start_by_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let names = dir.path().join("names.csv");
    fs::write(&names, "id;kind;name\na;robot;A\n").unwrap();
    for (settings, expected) in [
        ("brand = \"etat\"".to_owned(), "`web.dsfr` is missing"),
        (format!("brand = \"etat\"\ndsfr = {:?}", dir.path()), "package.json cannot be read"),
        (format!("names = {names:?}"), "line 2: the kind is « robot »"),
        ("names = \"no/such/file.csv\"".to_owned(), "`web.names` is no/such/file.csv"),
        ("brand = \"royal\"".to_owned(), "brand"),
    ] {
        let config = dir.path().join("web.toml");
        fs::write(&config, format!("listen = \"127.0.0.1:0\"\n[web]\n{settings}\n")).unwrap();
        Ended::of(Kind::Web.command().arg("--config").arg(&config)).failed().reports(expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_places_are_found_and_shown_by_name_and_addresses_keep_their_ids() {
    let services = Standalone::start().await;
    let mut ingestion = services.ingestion().await;
    record(&mut ingestion, workshop(5)).await;
    let dir = tempfile::tempdir().unwrap();
    let names = dir.path().join("names.csv");
    let name = |name: &str| {
        let rows =
            format!("id;kind;name\nconseiller-1;advisor;{name}\nstructure-1;structure;<b>Médiathèque</b>\n");
        fs::write(&names, rows).unwrap();
    };
    name("Zoé Martin");
    let web = Web::start(services.projection, &format!("[web]\nnames = {names:?}\n")).await;
    let redirect = got(web.address, "/?conseiller=zoe%20martin");
    assert!(
        redirect.starts_with("HTTP/1.1 303") && redirect.contains("location: /?conseiller=conseiller-1"),
        "{redirect}"
    );
    let page = got(web.address, "/?conseiller=conseiller-1&par=structure");
    assert!(page.contains("Conseiller : Zoé Martin"), "{page}");
    assert!(page.contains("&#60;b&#62;Médiathèque") && !page.contains("<b>Médiathèque"), "{page}");
    for path in ["/saisie?cra=0190f3a0-0000-7000-8000-000000000000", "/import"] {
        // The pages with forms need the address of ingestion.
        let forms =
            format!("services.ingestion_url = \"http://{}\"\n[web]\nnames = {names:?}\n", services.ingestion);
        let web = Web::start(services.projection, &forms).await;
        let form = got(web.address, path);
        assert!(
            form.contains("list=\"liste-conseiller\"") && form.contains("Zoé Martin (conseiller-1)"),
            "{form}"
        );
    }
    // Names of a renewed file appear after SIGHUP; a faulty file changes nothing.
    name("Zoé Durand");
    web.hang_up();
    eventually("the new name appears", async || {
        let page = got(web.address, "/?conseiller=conseiller-1");
        if page.contains("Conseiller : Zoé Durand") { Ok(()) } else { Err(page) }
    })
    .await;
    fs::write(&names, "broken").unwrap();
    web.hang_up();
    assert!(got(web.address, "/?conseiller=conseiller-1").contains("Zoé Durand"));
}
