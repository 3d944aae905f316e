//! With the token of the reverse proxy, the pages show a reader of public figures only the publication.

use super::publishing::{Publishing, ask, record};
use crate::harness::chance;
use crate::pages::{Web, answered};
use cra_contracts::v1 as pb;
use cra_domain::french;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_public_figures_sees_the_publication_and_nothing_else() {
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    record(&mut publishing.ingestion, &mut chance(), "2026-01", 30).await;
    let publication = publishing.publish("2026-03-20T00:00:00Z", "2026-03-16T00:00:00Z").await;
    let token = publishing.token();
    let (country, _) = ask(&mut publishing.statistics, &token, pb::Selection::default()).await.unwrap();

    let web = Web::start(publishing.projection, "[identity]\ntoken_from = \"authorization\"").await;
    let get = |token: &str, path: &str| {
        let token = format!("Authorization: Bearer {token}");
        answered(web.address, "GET", path, &["Host: localhost", &token])
    };
    let page = get(&token, "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains(&publication.name) && page.contains("Chiffres publics"), "{page}");
    assert!(page.contains(&format!(">{}<", french::thousands(country.acts))), "{page}");
    for left_out in ["position", "Télécharger", "titre-croisement", "par jour"] {
        assert!(!page.contains(left_out), "{left_out}: {page}");
    }
    for refused in ["/?theme=courriel", "/?position=1", "/fichiers/comptes-rendus.csv", "/etat"] {
        let answer = get(&token, refused);
        assert!(answer.starts_with("HTTP/1.1 403"), "{refused}: {answer}");
    }
    let exact = get(&publishing.exact_token(), "/");
    assert!(exact.starts_with("HTTP/1.1 200") && exact.contains("Télécharger"), "{exact}");
    let unknown = get("not-a-token", "/");
    assert!(unknown.starts_with("HTTP/1.1 401"), "{unknown}");
    publishing.stop().await;
}
