//! The vocabulary and the communes.

use std::collections::BTreeSet;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::violations_of;
use tonic::Code;

use crate::fixtures::{Mode, service};

fn names(terms: &[pb::Term]) -> Vec<&str> {
    terms.iter().map(|term| term.name.as_str()).collect()
}

#[tokio::test]
async fn the_vocabulary_has_every_value_of_the_contract_in_the_order_of_the_form() {
    let service = service().await;
    let vocabulary =
        service.reference().await.get_vocabulary(pb::GetVocabularyRequest {}).await.unwrap().into_inner();
    let expected_themes =
        (1..).map_while(|number| pb::Theme::try_from(number).ok().map(|theme| theme.as_str_name()));
    let themes = names(&vocabulary.themes);
    assert_eq!(themes.iter().copied().collect::<BTreeSet<_>>(), expected_themes.collect());
    assert_eq!((themes.len(), themes[0], themes[18]), (19, "THEME_DIGITAL_DIAGNOSIS", "THEME_OTHER"));
    let closed = vocabulary.themes.iter().filter(|theme| !theme.open);
    assert_eq!(
        closed.map(|theme| theme.name.as_str()).collect::<Vec<_>>(),
        ["THEME_SMARTPHONE", "THEME_OTHER"]
    );
    assert_eq!(
        names(&vocabulary.channels),
        ["CHANNEL_VENUE", "CHANNEL_OTHER_PLACE", "CHANNEL_REMOTE", "CHANNEL_HOME"]
    );
    assert_eq!(
        names(&vocabulary.activities),
        ["ACTIVITY_WORKSHOP", "ACTIVITY_INDIVIDUAL", "ACTIVITY_ONE_OFF"]
    );
    assert_eq!(
        names(&vocabulary.ages),
        ["under_12", "from_12_to_18", "from_18_to_35", "from_35_to_60", "over_60"]
    );
    assert_eq!(
        names(&vocabulary.statuses),
        ["student", "unemployed", "employed", "retired", "unspecified_or_mixed"]
    );
    assert_eq!((vocabulary.duration_bands.len(), vocabulary.organisations.len()), (3, 20));
    let parents: BTreeSet<_> =
        vocabulary.sub_themes.iter().map(|sub_theme| sub_theme.parent.as_str()).collect();
    assert_eq!(vocabulary.sub_themes.len(), 8);
    assert!(parents.iter().all(|parent| themes.contains(parent)), "{parents:?}");
    let email = vocabulary.themes.iter().find(|theme| theme.name == "THEME_EMAIL").unwrap();
    assert_eq!(
        (email.slug.as_str(), email.label.as_str(), email.parent.as_str()),
        ("courriel", "Courriels", "")
    );
    assert_eq!(email.past_labels[0].until, "2022-03-10");
    assert!(vocabulary.activities.iter().all(|activity| !activity.help.is_empty()));
    let max = vocabulary.limits.iter().find(|limit| limit.name == "participants.workshop.max").unwrap();
    assert_eq!(max.value, "100");
}

#[tokio::test]
async fn a_search_finds_communes_as_one_types_best_first_even_while_the_log_is_down() {
    let service = service().await;
    service.log.set(Mode::Down);
    let mut client = service.reference().await;
    let request = pb::SearchCommunesRequest { text: " saint etienne ".into(), limit: 0 };
    let communes = client.search_communes(request).await.unwrap().into_inner().communes;
    assert_eq!(communes.len(), 10);
    let best = &communes[0];
    assert_eq!((best.code.as_str(), best.name.as_str()), ("42218", "Saint-Étienne"));
    assert_eq!((best.department_code.as_str(), best.region_code.as_str()), ("42", "84"));
    assert_eq!(best.epci_code.len(), 9);
    assert!(best.postal_codes.contains(&"42000".to_owned()), "{:?}", best.postal_codes);
    for (text, code, matched_name) in
        [("y", "80829", ""), ("35000 RENNES", "35238", ""), ("cordieux", "01262", "Cordieux")]
    {
        let request = pb::SearchCommunesRequest { text: text.into(), limit: 1 };
        let communes = client.search_communes(request).await.unwrap().into_inner().communes;
        let found = communes.first().map(|it| (it.code.as_str(), it.matched_name.as_str()));
        assert_eq!(found, Some((code, matched_name)), "{text}");
    }
    let request = pb::SearchCommunesRequest { text: "750".into(), limit: 50 };
    assert!(client.search_communes(request).await.unwrap().into_inner().communes.len() >= 20);
}

#[tokio::test]
async fn a_search_out_of_bounds_reports_all_its_faults() {
    let service = service().await;
    let mut client = service.reference().await;
    for (text, limit, fields) in
        [("  ", 0, vec!["text"]), ("lyon", 51, vec!["limit"]), ("", 1_000, vec!["text", "limit"])]
    {
        let request = pb::SearchCommunesRequest { text: text.into(), limit };
        let refused = client.search_communes(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let violations = violations_of(&refused);
        assert_eq!(violations.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), fields);
        assert!(violations.iter().all(|violation| !violation.localized_message.is_empty()));
    }
}
