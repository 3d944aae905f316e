//! One CRA of the sample: kind, place, people, themes, duration and follow-up, each drawn within the rules of the form
//! and consistent with the others.

use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, Channel, DurationBand, Organisation, Word as _};
use jiff::civil::Date;

use super::audience::Audience;
use super::draw::{Draw, Weighted};
use super::people::Advisor;
use super::topics;

/// Must equal the form's default, otherwise the ages would not add up.
const WORKSHOP_DEFAULT: u32 = cra_domain::cra::DEFAULT_WORKSHOP_PARTICIPANTS;

/// Number of people in a workshop: 6.4 on average.
const WORKSHOP_PEOPLE: [Weighted<u32>; 19] = [
    (2, 90),
    (3, 130),
    (4, 140),
    (5, 150),
    (6, 110),
    (7, 80),
    (8, 75),
    (9, 50),
    (10, 45),
    (11, 25),
    (12, 35),
    (13, 15),
    (14, 12),
    (15, 15),
    (16, 8),
    (18, 8),
    (20, 6),
    (24, 3),
    (28, 3),
];

const ORGANISATIONS: [Weighted<Organisation>; 14] = [
    (Organisation::FranceServices, 170),
    (Organisation::Caf, 110),
    (Organisation::PoleEmploi, 100),
    (Organisation::Mairie, 90),
    (Organisation::Ccas, 80),
    (Organisation::AssistanteSociale, 75),
    (Organisation::Cpam, 65),
    (Organisation::RevendeurInformatique, 60),
    (Organisation::Carsat, 50),
    (Organisation::Prefecture, 45),
    (Organisation::Dgfip, 45),
    (Organisation::MissionLocale, 40),
    (Organisation::Mediatheque, 40),
    (Organisation::TiersLieuFablab, 30),
];

/// Names of organisations in several spellings, which statistics merge.
const FREE_NAMES: [&str; 6] = [
    "Emmaüs Connect",
    "emmaus connect",
    "Maison des associations",
    "Point justice",
    "Point Justice",
    "Espace public numérique",
];

/// One CRA of an advisor and a day.
pub fn draw(advisor: &Advisor, day: Date, draw: &mut Draw) -> v1::Cra {
    let activity = draw.pick(&[(Activity::Individual, 58), (Activity::OneOff, 27), (Activity::Workshop, 15)]);
    let people = if activity == Activity::Workshop { draw.pick(&WORKSHOP_PEOPLE) } else { 1 };
    let audience =
        if activity == Activity::Workshop { Audience::of_workshop(draw) } else { Audience::Anyone };
    let (ages, statuses) = audience.draw(people, draw);
    let themes = topics::themes(audience, draw);
    let sub_themes = topics::sub_themes(&themes, draw);
    let left_to_the_form = activity == Activity::Workshop && people == WORKSHOP_DEFAULT && draw.chance(150);
    v1::Cra {
        advisor_id: advisor.id.clone(),
        structure_id: advisor.structure_id.clone(),
        date: day.to_string(),
        place: Some(place(advisor, activity, draw)),
        activity: activity.number(),
        participants: (!left_to_the_form).then_some(people),
        returning_participants: returning(activity, people, draw),
        ages: Some(ages),
        statuses: Some(statuses),
        themes: themes.iter().map(|theme| theme.number()).collect(),
        sub_themes: sub_themes.iter().map(|theme| theme.number()).collect(),
        annotation: topics::annotation(draw),
        duration: Some(duration(activity, draw)),
        follow_up: follow_up(activity, people, draw),
    }
}

fn place(advisor: &Advisor, activity: Activity, draw: &mut Draw) -> v1::Place {
    // A workshop takes place at a venue.
    let channels: &[Weighted<Channel>] = if activity == Activity::Workshop {
        &[(Channel::Venue, 70), (Channel::OtherPlace, 30)]
    } else {
        &[(Channel::Venue, 676), (Channel::OtherPlace, 241), (Channel::Remote, 47), (Channel::Home, 36)]
    };
    let channel = draw.pick(channels);
    let (venue_id, spot) = match channel {
        Channel::Venue => draw.one_of(&advisor.venues).clone(),
        Channel::OtherPlace | Channel::Home => (String::new(), *draw.one_of(&advisor.round)),
        Channel::Remote => (String::new(), advisor.round[0]),
    };
    v1::Place {
        channel: channel.number(),
        commune_code: spot.commune_code.to_owned(),
        postal_code: spot.postal_code.to_owned(),
        venue_id,
    }
}

fn returning(activity: Activity, people: u32, draw: &mut Draw) -> u32 {
    let per_mille = match activity {
        Activity::Individual => 440,
        Activity::OneOff => 90,
        Activity::Workshop => 350,
    };
    draw.some_of(people, per_mille)
}

/// Overall 23 % up to half an hour, 34 % up to an hour, the rest an hour or more.
fn duration(activity: Activity, draw: &mut Draw) -> v1::Duration {
    use DurationBand::{From30MinutesTo1Hour, OneHourOrMore, UpTo30Minutes};
    let band = match activity {
        Activity::Individual => {
            draw.pick(&[(UpTo30Minutes, 187), (From30MinutesTo1Hour, 383), (OneHourOrMore, 430)])
        }
        Activity::OneOff => {
            draw.pick(&[(UpTo30Minutes, 450), (From30MinutesTo1Hour, 380), (OneHourOrMore, 170)])
        }
        Activity::Workshop => draw.pick(&[(From30MinutesTo1Hour, 100), (OneHourOrMore, 900)]),
    };
    let refined = band == OneHourOrMore && draw.chance(900);
    v1::Duration { band: band.number(), minutes: refined.then(|| exact_minutes(activity, draw)) }
}

/// Multiples of 15 from 60 to 360: usually one to two hours, more for workshops, occasionally a whole day.
fn exact_minutes(activity: Activity, draw: &mut Draw) -> u32 {
    let quarters = if activity == Activity::Workshop {
        draw.pick(&[(4, 12), (6, 22), (8, 40), (10, 8), (12, 12), (14, 1), (16, 2), (20, 1), (24, 2)])
    } else {
        draw.pick(&[(4, 56), (5, 9), (6, 20), (7, 3), (8, 9), (10, 1), (12, 1), (24, 1)])
    };
    quarters * 15
}

fn follow_up(activity: Activity, people: u32, draw: &mut Draw) -> Option<v1::FollowUp> {
    // Follow-up individually, in a workshop, elsewhere; per mille of the people.
    let (individual, workshop, elsewhere) = match activity {
        Activity::Individual => (220, 60, 60),
        Activity::OneOff => (60, 40, 110),
        Activity::Workshop => (30, 260, 15),
    };
    let mut follow_up = v1::FollowUp::default();
    for _ in 0..people {
        match draw.pick(&[
            (Next::Individual, individual),
            (Next::Workshop, workshop),
            (Next::Elsewhere, elsewhere),
            (Next::Nothing, 1_000 - individual - workshop - elsewhere),
        ]) {
            Next::Individual => follow_up.individual += 1,
            Next::Workshop => follow_up.workshop += 1,
            Next::Elsewhere => redirect(&mut follow_up.redirections, draw),
            Next::Nothing => {}
        }
    }
    (follow_up != v1::FollowUp::default()).then_some(follow_up)
}

#[derive(Clone, Copy)]
enum Next {
    Individual,
    Workshop,
    Elsewhere,
    Nothing,
}

/// Adds one person to a redirection, preferably to an existing one of the CRA.
fn redirect(redirections: &mut Vec<v1::Redirection>, draw: &mut Draw) {
    use v1::redirection::Organisation as Named;
    if let Some(same) = redirections.last_mut() {
        same.people += 1;
        return;
    }
    let organisation = if draw.chance(80) {
        Named::Other((*draw.one_of(&FREE_NAMES)).to_owned())
    } else {
        Named::Known(draw.pick(&ORGANISATIONS).number())
    };
    redirections.push(v1::Redirection { organisation: Some(organisation), people: 1 });
}
