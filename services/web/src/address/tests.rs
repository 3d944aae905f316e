use super::*;

fn address(query: &str) -> Address {
    let read = Read::of(query, &Names::default());
    assert_eq!(read.problems, [], "{query}");
    read.address
}

fn problem(query: &str) -> Problem {
    let read = Read::of(query, &Names::default());
    assert_eq!(read.problems.len(), 1, "{query}: {:?}", read.problems);
    read.problems[0].clone()
}

#[test]
fn an_address_reads_as_it_is_written() {
    for query in [
        "",
        "du=2024-03-01&au=2024-03-31&region=53&departement=29&departement=35&epci=243500139&commune=35238",
        "code-postal=35000&structure=s&conseiller=c&lieu=v&canal=autre-lieu&activite=collectif&theme=courriel",
        "sous-theme=ordinateur&duree=0-30&age=non-renseigne&age=plus60ans&statut=retraite",
        "position=12&journal=nats%2FCRA%2F2026&comparer=avant&pas=mois&par=commune&n=100",
        "departement=35&direct=oui&par=commune",
        "le=2024-03-31&lignes=mois&colonnes=statut&mesure=personnes",
    ] {
        assert_eq!(address(query).query(), query);
    }
}

#[test]
fn what_people_type_leads_to_the_canonical_address() {
    for (typed, canonical) in [
        ("du=01/03/2024&au=", "du=2024-03-01"),
        ("departement=ille et vilaine", "departement=35"),
        ("departement=Ille-et-Vilaine (35)&departement=35&departement=", "departement=35"),
        ("departement=2a", "departement=2A"),
        ("departement=1&region=2", "region=02&departement=01"),
        ("commune=75010", "commune=75110"),
        ("commune=1004", "commune=01004"),
        ("commune=01340", "commune=01340"),
        ("epci=200 054 781", "epci=200054781"),
        ("region=bretagne", "region=53"),
        ("commune=Quimper", "commune=29232"),
        ("theme=THEME_EMAIL", "theme=courriel"),
        ("theme=Courriels", "theme=courriel"),
        ("inconnu=1&n=10&par=departement", ""),
        ("n=99999", "n=1000"),
        ("direct=oui&le=2024-03-31", "le=2024-03-31"),
        ("direct=non", ""),
    ] {
        assert_eq!(address(typed).query(), canonical, "{typed}");
    }
}

#[test]
fn what_cannot_be_read_is_reported_at_its_field_with_what_is_expected() {
    for (typed, field, message) in [
        ("du=31/02/2024", "du", "n'existe pas"),
        ("du=2024-03-02&au=2024-03-01", "au", "avant son début"),
        ("departement=Atlantide", "departement", "aucun département"),
        ("departement=20", "departement", "Haute-Corse (2B)"),
        ("departement=Lo", "departement", "Loire-Atlantique (44)"),
        ("region=Atlantide", "region", "aucune région"),
        ("commune=Saint-Denis", "commune", "(93066)"),
        ("theme=magie", "theme", "ce choix n'existe pas"),
        ("position=-1", "position", "nombre entier"),
    ] {
        let problem = problem(typed);
        assert_eq!(problem.field, field, "{typed}");
        assert!(problem.message.contains(message), "{typed}: {}", problem.message);
    }
}

#[test]
fn every_choice_of_every_field_is_read_and_written_alike() {
    for field in &FIELDS {
        for (value, label) in choices(field) {
            let query = format!("{}={value}", field.name);
            assert_eq!(address(&query).query(), query, "{label}");
        }
    }
}

#[test]
fn the_last_instant_of_a_day_in_paris_is_before_midnight_there() {
    let day = At::Day("2024-07-14".parse().unwrap()).consistency().as_of_time.unwrap();
    assert_eq!((day.seconds, day.nanos), (1_720_994_399, 999_999_999));
}

#[test]
fn a_refused_path_leads_to_its_parameter() {
    assert_eq!(field_of_path("selection.department_codes[3]"), Some("departement"));
    assert_eq!(field_of_path("selection.from"), Some("du"));
    assert_eq!(field_of_path("consistency.as_of_time"), Some("le"));
    assert_eq!(field_of_path("granularity"), None);
}
