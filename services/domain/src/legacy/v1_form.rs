//! The form of 2021-04-29 to 2022-03-09: no day of its own, one age and one status for everybody, one answer to
//! what comes next.

use jiff::Timestamp;

use super::document::Document;
use super::{duration, organisations, place};
use crate::cra::{AgeCounts, Cra, StatusCounts};
use crate::vocabulary::{AgeBand, Status, Theme};

/// Themes that came with the second form.
pub(super) const SINCE_V2: [Theme; 3] = [Theme::Security, Theme::FraudAndHarassment, Theme::Health];
/// Themes that came with the third form.
pub(super) const SINCE_V3: [Theme; 3] = [Theme::Budget, Theme::Schooling, Theme::DigitalDiagnosis];

pub(super) fn read(document: &mut Document<'_>) -> Option<(Cra, Timestamp)> {
    let advisor_id = document.id("conseiller", "le conseiller");
    let structure_id = document.id("structure", "la structure");
    let created_at = document.instant("createdAt");
    let place = place::read(document, false, None);
    let activity = document.word("cra.activite", "le type d'activité");
    let themes = document.themes(|theme| !SINCE_V2.contains(&theme) && !SINCE_V3.contains(&theme));
    let participants = document.participants()?;
    let ages = AgeCounts(document.everybody::<AgeBand, _>("cra.age", participants));
    let statuses = StatusCounts(document.everybody::<Status, _>("cra.statut", participants));
    let next = Next::read(document);
    let duration = duration::read(document);

    let (place, created_at) = (place?, created_at?);
    let everybody_if = |wanted: Next| if next == wanted { participants } else { 0 };
    let cra = Cra {
        advisor_id: advisor_id?,
        structure_id: structure_id?,
        date: place.day_of(created_at),
        place,
        activity: activity?,
        participants,
        returning_participants: 0,
        ages,
        statuses,
        themes: themes?,
        sub_themes: Vec::new(),
        annotation: Box::default(),
        duration,
        follow_up_individual: everybody_if(Next::Individual),
        follow_up_workshop: everybody_if(Next::Workshop),
        redirections: organisations::unnamed(everybody_if(Next::Redirection)),
    };
    Some((cra, created_at))
}

/// `accompagnement` of the first form: what comes next for everybody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    Individual,
    Workshop,
    Redirection,
}

impl Next {
    fn read(document: &mut Document<'_>) -> Self {
        const PATH: &str = "cra.accompagnement";
        let Some(value) = document.at(PATH) else {
            return Self::Nothing;
        };
        match value.as_str() {
            Some("individuel") => Self::Individual,
            Some("atelier") => Self::Workshop,
            Some("redirection") => Self::Redirection,
            _ => {
                document.note(PATH, format!("{value} is no value of the form; left out"));
                Self::Nothing
            }
        }
    }
}
