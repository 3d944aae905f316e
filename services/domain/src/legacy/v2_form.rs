//! The form of 2022-03-10 to 2022-11-22: its own day, counts per age, status and follow-up, returning people.

use jiff::Timestamp;

use super::document::Document;
use super::organisations::{self, FollowUp};
use super::v1_form::SINCE_V3;
use super::{duration, place};
use crate::cra::{AgeCounts, Cra, Id, Redirection, StatusCounts};
use crate::vocabulary::{AgeBand, Status, SubTheme};

pub(super) fn read(document: &mut Document<'_>) -> Option<(Cra, Timestamp)> {
    let own = OwnParts {
        third_form: false,
        venue: None,
        redirections: organisations::one_name,
        sub_themes: Vec::new(),
        annotation: Box::default(),
    };
    read_with(document, own)
}

/// Where the second and the third form differ.
pub(super) struct OwnParts {
    /// Whether the third form's INSEE code and themes are read.
    pub(super) third_form: bool,
    pub(super) venue: Option<Id>,
    pub(super) redirections: fn(&mut Document<'_>, u32) -> Vec<Redirection>,
    pub(super) sub_themes: Vec<SubTheme>,
    pub(super) annotation: Box<str>,
}

/// What the second and the third form share.
pub(super) fn read_with(document: &mut Document<'_>, own: OwnParts) -> Option<(Cra, Timestamp)> {
    let advisor_id = document.id("conseiller", "le conseiller");
    let structure_id = document.id("structure", "la structure");
    let created_at = document.instant("createdAt");
    let done_at = document.instant("cra.dateAccompagnement");
    let place = place::read(document, own.third_form, own.venue);
    let activity = document.word("cra.activite", "le type d'activité");
    let themes = document.themes(|theme| own.third_form || !SINCE_V3.contains(&theme));
    let participants = document.participants()?;
    let returning_participants = document.returning(participants);
    let ages = AgeCounts(document.spread::<AgeBand, _>("cra.age", participants));
    let statuses = StatusCounts(document.spread::<Status, _>("cra.statut", participants));
    let FollowUp { individual, workshop, redirected } = organisations::counts(document);
    let redirections = (own.redirections)(document, redirected);
    let duration = duration::read(document);

    let place = place?;
    let cra = Cra {
        advisor_id: advisor_id?,
        structure_id: structure_id?,
        date: place.day_of(done_at?),
        place,
        activity: activity?,
        participants,
        returning_participants,
        ages,
        statuses,
        themes: themes?,
        sub_themes: own.sub_themes,
        annotation: own.annotation,
        duration,
        follow_up_individual: individual,
        follow_up_workshop: workshop,
        redirections,
    };
    Some((cra, created_at?))
}
