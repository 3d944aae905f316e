//! Reconstructs the CRA of a fact. Themes and sub-themes are in the contract's order; everything else is as submitted.

use cra_contracts::v1;
use cra_domain::cra::{Cra, DecodeError, Id, Place, Recipient, Redirection};
use cra_domain::event::{Forgotten, timestamp_message};
use cra_domain::territory;
use jiff::civil::Date;

use super::dictionary::{Code, Dictionary, Kind};
use super::fact::{Fact, RecipientCode, date_of, instant};

/// The record of a fact. An error means that fact and dictionary belong to different generations.
pub fn record(fact: &Fact, dictionary: &Dictionary) -> Result<v1::CraRecord, DecodeError> {
    Ok(v1::CraRecord {
        cra_id: fact.cra_id.to_string(),
        revision: fact.revision,
        cra: Some(cra(fact, dictionary)?.to_message()),
        recorded_at: Some(timestamp_message(instant(fact.recorded_at))),
        corrected_at: fact.corrected_at.map(|at| timestamp_message(instant(at))),
        legacy_form_version: u32::from(fact.form_version),
        forgotten: forgotten(fact).to_message(),
    })
}

fn forgotten(fact: &Fact) -> Forgotten {
    fact.forgotten.iter().map(|(kind, at)| (*kind, instant(*at))).collect()
}

/// The CRA of a fact.
pub fn cra(fact: &Fact, dictionary: &Dictionary) -> Result<Cra, DecodeError> {
    let commune = territory::communes()
        .at(fact.commune)
        .ok_or_else(|| DecodeError::new("place.commune_code", fact.commune))?;
    let declared = fact.declared_commune.clone();
    Ok(Cra {
        advisor_id: id("advisor_id", Kind::Advisor, fact.advisor, dictionary)?,
        structure_id: id("structure_id", Kind::Structure, fact.structure, dictionary)?,
        date: day(fact.day)?,
        place: Place {
            channel: fact.channel,
            commune_code: declared.unwrap_or_else(|| territory::communes().get(commune).code().into()),
            commune,
            postal_code: match fact.postal_code {
                0 => "".into(),
                number => format!("{number:05}").into(),
            },
            venue_id: fact
                .venue
                .map(|code| id("place.venue_id", Kind::Venue, code, dictionary))
                .transpose()?,
        },
        activity: fact.activity,
        participants: fact.participants,
        returning_participants: fact.returning,
        ages: fact.age_counts(),
        statuses: fact.status_counts(),
        themes: fact.theme_list().collect(),
        sub_themes: fact.sub_theme_list().collect(),
        annotation: fact.annotation.clone(),
        duration: fact.duration,
        follow_up_individual: fact.follow_up_individual,
        follow_up_workshop: fact.follow_up_workshop,
        redirections: redirections(fact, dictionary)?,
    })
}

fn id(field: &'static str, kind: Kind, code: Code, dictionary: &Dictionary) -> Result<Id, DecodeError> {
    let text = dictionary.text(kind, code);
    text.and_then(Id::parse).ok_or_else(|| DecodeError::new(field, code))
}

/// The day of a fact.
pub(crate) fn day(number: i32) -> Result<Date, DecodeError> {
    date_of(number).ok_or_else(|| DecodeError::new("date", number))
}

/// Where the people of a fact are sent to.
pub fn redirections(fact: &Fact, dictionary: &Dictionary) -> Result<Vec<Redirection>, DecodeError> {
    let of = |(code, people): &(RecipientCode, u32)| {
        Ok(Redirection { recipient: recipient(*code, dictionary)?, people: *people })
    };
    fact.redirections.iter().map(of).collect()
}

fn recipient(code: RecipientCode, dictionary: &Dictionary) -> Result<Recipient, DecodeError> {
    match code {
        RecipientCode::Known(organisation) => Ok(Recipient::Known(organisation)),
        RecipientCode::Unnamed => Ok(Recipient::Unnamed),
        RecipientCode::Other(code) => {
            let name = dictionary.text(Kind::Organisation, code);
            let name = name.ok_or_else(|| DecodeError::new("follow_up.redirections.other", code))?;
            Ok(Recipient::Other(name.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use cra_domain::cra::Submission;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::fact::{Client, Provenance};

    fn form() -> v1::Cra {
        v1::Cra {
            advisor_id: "conseiller-1".into(),
            structure_id: "structure-1".into(),
            date: "2024-03-04".into(),
            place: Some(v1::Place {
                channel: v1::Channel::Venue.into(),
                commune_code: "01340".into(), // a former commune of 01015
                postal_code: "01300".into(),
                venue_id: "lieu-1".into(),
            }),
            activity: v1::Activity::Workshop.into(),
            participants: Some(4),
            returning_participants: 1,
            ages: Some(v1::AgeCounts { under_12: 1, over_60: 3, ..v1::AgeCounts::default() }),
            statuses: Some(v1::StatusCounts { retired: 4, ..v1::StatusCounts::default() }),
            themes: vec![v1::Theme::Equipment.into(), v1::Theme::Health.into()],
            sub_themes: vec![v1::SubTheme::EquipmentTablet.into()],
            annotation: "tablette prêtée".into(),
            duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: Some(75) }),
            follow_up: Some(v1::FollowUp {
                individual: 1,
                workshop: 1,
                redirections: vec![v1::Redirection {
                    organisation: Some(v1::redirection::Organisation::Other("Emmaüs".into())),
                    people: 2,
                }],
            }),
        }
    }

    #[test]
    fn a_fact_has_everything_that_was_submitted() {
        let now: Timestamp = "2024-03-06T10:00:00.123456789Z".parse().unwrap();
        let submission = Submission::parse(Some(&form()), now).unwrap();
        let provenance = Provenance {
            cra_id: Uuid::from_u128(7),
            revision: 2,
            recorded_at: now,
            corrected_at: Some(now),
            created_at: None,
            form_version: 0,
            client: Client::Named("platform-1"),
            defaulted_participants: false,
            forgotten: None,
        };
        let mut dictionary = Dictionary::default();
        let fact = Fact::new(provenance, submission.cra(), None, &mut dictionary);
        let record = record(&fact, &dictionary).unwrap();
        assert_eq!(record.cra, Some(form()));
        assert_eq!(record.recorded_at, Some(timestamp_message(now)));
        assert_eq!((record.revision, record.corrected_at), (2, Some(timestamp_message(now))));
        assert_eq!(fact.delay_days, 2);
    }

    #[test]
    fn a_fact_of_another_dictionary_is_an_error() {
        let now: Timestamp = "2024-03-06T10:00:00Z".parse().unwrap();
        let submission = Submission::parse(Some(&form()), now).unwrap();
        let provenance = Provenance {
            cra_id: Uuid::from_u128(7),
            revision: 1,
            recorded_at: now,
            corrected_at: None,
            created_at: None,
            form_version: 0,
            client: Client::Named("platform-1"),
            defaulted_participants: false,
            forgotten: None,
        };
        let fact = Fact::new(provenance, submission.cra(), None, &mut Dictionary::default());
        let error = record(&fact, &Dictionary::default()).unwrap_err();
        assert_eq!(error.field, "advisor_id");
    }
}
