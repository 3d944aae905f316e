//! Maps words that people write to the contract's words: slugs of the old data, French labels, fields of older forms.
//! For the errors shown to those who write JSON by hand or convert older files.

use super::{Activity, AgeBand, Channel, DurationBand, Organisation, Status, SubTheme, Theme, Word};
use crate::spelling;

/// The enum value or message field of the contract that a word means. `kind` is the name of the enum or message, such
/// as `Channel` or `Cra`. Returns the value's name (`CHANNEL_REMOTE`), the field's name (`under_12`), or the path of a
/// field in another message (`place.postalCode`).
#[must_use]
pub fn meant(kind: &str, word: &str) -> Option<&'static str> {
    match kind {
        "Channel" => name_of::<Channel>(word),
        "Activity" => name_of::<Activity>(word),
        "Theme" => name_of::<Theme>(word),
        "SubTheme" => name_of::<SubTheme>(word),
        "DurationBand" => duration(word),
        "Organisation" => Organisation::recognise(word).map(|it| it.term().name),
        "AgeCounts" => word_of::<AgeBand>(word).map(AgeBand::field),
        "StatusCounts" => word_of::<Status>(word).map(Status::field),
        message => field(message, word),
    }
}

fn name_of<W: Word>(word: &str) -> Option<&'static str> {
    word_of::<W>(word).map(|it| it.term().name)
}

/// Old slugs first: `-12` and `12` have one key.
fn word_of<W: Word>(word: &str) -> Option<W> {
    let key = spelling::key(word);
    let says = |text: &str| spelling::key(text) == key;
    let means = |it: &W| {
        let term = it.term();
        says(term.label)
            || says(term.slug)
            || term.former_slugs.iter().any(|slug| says(slug))
            || term.past_labels.iter().any(|past| says(past.label))
    };
    W::from_slug(word).or_else(|| W::ALL.iter().copied().find(means))
}

/// The old data has minutes where the form has "an hour or more".
fn duration(word: &str) -> Option<&'static str> {
    let minutes = word.parse::<u32>().ok().map(|minutes| match minutes {
        0..30 => DurationBand::UpTo30Minutes,
        30..60 => DurationBand::From30MinutesTo1Hour,
        _ => DurationBand::OneHourOrMore,
    });
    minutes.or_else(|| word_of(word)).map(|band| band.term().name)
}

/// Fields of the older forms: the message that holds them today, their former names, the field of today.
const FIELDS: [(&str, &[&str], &str); 27] = [
    ("SubmitCraRequest", &["_id", "id"], "cra_id"),
    ("Cra", &["conseiller", "conseillerId", "idConseiller"], "advisor_id"),
    ("Cra", &["structureId", "structure", "idStructure"], "structure_id"),
    ("Cra", &["dateAccompagnement", "day", "jour"], "date"),
    ("Cra", &["lieu"], "place"),
    ("Cra", &["canal", "channel"], "place.channel"),
    ("Cra", &["codeCommune", "nomCommune", "commune", "communeCode", "commune_code"], "place.communeCode"),
    ("Cra", &["codePostal", "postalCode", "postal_code"], "place.postalCode"),
    ("Cra", &["permanence", "venueId", "venue_id"], "place.venueId"),
    ("Cra", &["activite"], "activity"),
    ("Cra", &["nbParticipants"], "participants"),
    ("Cra", &["nbParticipantsRecurrents"], "returning_participants"),
    ("Cra", &["age"], "ages"),
    ("Cra", &["statut", "status"], "statuses"),
    ("Cra", &["thematiques"], "themes"),
    ("Cra", &["sousThemes"], "sub_themes"),
    ("Cra", &["duree"], "duration"),
    ("Cra", &["accompagnement"], "follow_up"),
    ("Cra", &["organisme", "organismes", "redirections"], "followUp.redirections"),
    ("Place", &["canal"], "channel"),
    ("Place", &["codeCommune", "commune"], "commune_code"),
    ("Place", &["codePostal"], "postal_code"),
    ("Place", &["permanence", "venue"], "venue_id"),
    ("FollowUp", &["individuel"], "individual"),
    ("FollowUp", &["atelier"], "workshop"),
    ("FollowUp", &["redirection", "organismes"], "redirections"),
    ("Redirection", &["organisation", "organisme", "nom", "name"], "other"),
];

fn field(message: &str, word: &str) -> Option<&'static str> {
    let key = spelling::key(word);
    let mut of_message = FIELDS.iter().filter(|(holder, ..)| *holder == message);
    of_message.find(|(_, words, _)| words.iter().any(|it| spelling::key(it) == key)).map(|(.., field)| *field)
}

#[cfg(test)]
mod tests {
    use cra_contracts::json;
    use cra_contracts::v1;

    use super::*;

    #[test]
    fn a_slug_of_the_old_data_and_a_french_label_lead_to_the_contracts_word() {
        for (kind, word, expected) in [
            ("Channel", "distance", "CHANNEL_REMOTE"),
            ("Channel", "à distance", "CHANNEL_REMOTE"),
            ("Channel", "Lieu de rattachement", "CHANNEL_VENUE"),
            ("Activity", "individuel", "ACTIVITY_INDIVIDUAL"),
            ("Activity", "Accompagnement individuel", "ACTIVITY_INDIVIDUAL"),
            ("Theme", "courriel", "THEME_EMAIL"),
            ("Theme", "Réaliser une démarche en ligne", "THEME_ONLINE_PROCEDURES"),
            ("SubTheme", "espace santé", "SUB_THEME_HEALTH_ESPACE_SANTE"),
            ("DurationBand", "0-30", "DURATION_BAND_UP_TO_30_MINUTES"),
            ("DurationBand", "75", "DURATION_BAND_ONE_HOUR_OR_MORE"),
            ("DurationBand", "1h ou plus", "DURATION_BAND_ONE_HOUR_OR_MORE"),
            ("Organisation", "pole emploi", "ORGANISATION_POLE_EMPLOI"),
            ("AgeCounts", "moins12ans", "under_12"),
            ("AgeCounts", "-12", "under_12"),
            ("AgeCounts", "+60", "over_60"),
            ("AgeCounts", "Plus de 60 ans", "over_60"),
            ("StatusCounts", "sans emploi", "unemployed"),
            ("StatusCounts", "heterogene", "unspecified_or_mixed"),
            ("Cra", "codePostal", "place.postalCode"),
            ("Cra", "nbParticipants", "participants"),
        ] {
            assert_eq!(meant(kind, word), Some(expected), "{kind} {word}");
        }
        for (kind, word) in [("Channel", "x"), ("Cra", "x"), ("Unknown", "distance"), ("Theme", "")] {
            assert_eq!(meant(kind, word), None, "{kind} {word}");
        }
    }

    #[test]
    fn an_input_in_old_words_is_refused_with_the_words_to_use() {
        let text = r#"{"craId": "x", "cra": {"activity": "individuel", "ages": {"moins12ans": 1}, "themes": ["courriel"],
            "codePostal": "75001", "conseiller": "a"}}"#;
        let refused = json::parse_with::<v1::SubmitCraRequest>(text, meant).unwrap_err().to_string();
        for (path, word) in [
            ("cra.activity", "ACTIVITY_INDIVIDUAL"),
            ("cra.ages.moins12ans", "under12"),
            ("cra.themes[0]", "THEME_EMAIL"),
            ("cra.codePostal", "place.postalCode"),
            ("cra.conseiller", "advisorId"),
        ] {
            let reported = refused.split("; ").any(|it| it.starts_with(&format!("{path}: ")));
            assert!(reported && refused.contains(&format!("did you mean {word}?")), "{path}: {refused}");
        }
    }
}
